# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs about jobs, their tasks and their logs."""

from typing import Any

from brender.core import words
from brender.core.commands import Refusal
from brender.core.farm import Farm
from brender.core.kinds import JOB, TASK, TaskOf
from brender.core.lifecycle import JOB_ENDED
from brender.core.nouns import Job
from brender.core.views import JobView
from brender.manager.console.about_objects import refuse_python
from brender.manager.console.answer import Answer, Asked, counted
from brender.manager.console.paging import closed, following, paged


async def jobs(asked: Asked) -> Answer:
    """One line a job, the newest first; without a filter the unfinished ones."""
    look: Any = JOB.show if asked.json else _line
    answer = await paged(asked, "job", asked.words, look)
    if not asked.json and not answer.lines:
        answer.lines = ["No job fits."] if asked.words else ["No job is unfinished; `jobs all` shows those that ended."]
    return answer


def _line(farm: Farm, job: Job) -> str:
    seen = JOB.show(farm, job)
    failed = f"  {seen['failed']} failed" if seen["failed"] else ""
    owner = f"  {job.owner}" if job.owner else ""
    return (
        f"{job.id}  {_state(job)}  {seen['done']}/{seen['tasks']}  priority {job.priority}{owner}  {job.name}{failed}"
    )


def _state(job: Job) -> str:
    return "pausing" if job.pause and job.state not in ("paused", *JOB_ENDED) else job.state.value


async def job(asked: Asked) -> Answer:
    """All there is to say of one job."""
    view = await asked.service.views.job(number(asked.one("JOB")))
    over = view.state in JOB_ENDED
    return Answer(lines=_whole(view), data=[view], over=over)


def _whole(view: JobView) -> list[str]:
    """A job in lines."""
    counts = ", ".join(f"{count} {state}" for state, count in view.counts.items())
    lines = [
        f"Job {view.id}: {view.name}",
        f"state: {view.state}{' (pausing)' if view.pause and view.state == 'active' else ''}",
        f"done: {view.done:.0%} of {counted(view.tasks, 'task')} ({counts})",
        f"frames: {view.frames}",
        f"outputs: {view.outputs}",
        f"scene: {view.blend}, {view.blender}",
        f"priority: {view.priority}" + (f", owner {view.owner}" if view.owner else ""),
    ]
    if view.eta_s is not None and view.state not in JOB_ENDED:
        lines.append(f"left: about {view.eta_s:.0f} s")
    if view.message:
        lines.append(f"message: {view.message}")
    lines += [f"warning: {text}" for text in view.warnings]
    lines += [f"rendering: frame {run.frame} on {run.worker}, {run.fraction:.0%}" for run in view.runs]
    lines += [f"failed: frame {f.frame} on {f.worker}: {f.message}" for f in view.failures[-5:]]
    return lines


async def tasks(asked: Asked) -> Answer:
    """One line a task of a job."""
    first, *rest = asked.some("JOB [FILTER]")
    chosen = [f"job={first}" if first.isdecimal() else first, *rest]
    return await paged(asked, "task", chosen, TASK.show if asked.json else _task_line)


def _task_line(farm: Farm, thing: TaskOf) -> str:
    seen = TASK.show(farm, thing)
    failures = f"  {counted(thing.task.failures, 'failure')}" if thing.task.failures else ""
    return f"{seen['id']}  frame {seen['frame']}  {seen['state']}{failures}"


async def run(asked: Asked) -> Answer:
    """Submit a job."""
    blend, *rest = asked.some("BLEND [attribute=value ...]")
    try:
        values = words.values(rest)
    except ValueError as error:
        raise Refusal(str(error), "invalid") from None
    refuse_python(JOB, values)
    row = await asked.service.create(asked.by, "job", {"blend": blend} | values)
    return Answer(lines=[f"Job {row['id']} is {row['state']}: {row['tasks']} tasks, to {row['outputs']}"], data=[row])


async def stop(asked: Asked) -> Answer:
    """End jobs with all that runs of them."""
    return await _each(asked, asked.service.cancel)


async def retry(asked: Asked) -> Answer:
    """Render again what failed, or was cancelled."""
    return await _each(asked, asked.service.retry)


async def _each(asked: Asked, do: Any) -> Answer:
    numbers = [number(word) for word in asked.some("JOB ...")]
    await asked.service.refuse_any(asked.by, numbers)
    views: list[JobView] = [await do(asked.by, each) for each in numbers]
    return Answer(lines=[f"Job {view.id} is {view.state}." for view in views], data=views)


async def priority(asked: Asked) -> Answer:
    """Change a job's place in the queue."""
    if len(asked.words) != 2:
        raise Refusal("Say `priority JOB 0-100`.", "invalid")
    job_, value = asked.words
    await asked.service.set(asked.by, "job", [str(number(job_))], {"priority": value})
    return Answer(lines=[f"Job {job_} has priority {value}."], data=[{"id": int(job_), "priority": int(value)}])


async def why(asked: Asked) -> Answer:
    """Why a job is where it is."""
    view = await asked.service.why(number(asked.one("JOB")))
    reasons = [f"{worker.name}: {worker.reason or 'may take it'}" for worker in view.workers]
    return Answer(
        lines=[*view.sentences, *closed(asked, _page(asked, reasons), len(reasons), "workers")],
        more=following(asked, len(reasons)),
        data=[view],
    )


async def log(asked: Asked) -> Answer:
    """What Blender printed for a frame: the end of it, and with --page what came before."""
    if len(asked.words) != 2:
        raise Refusal("Say `log JOB FRAME`.", "invalid")
    job_, frame = (number(word, negative=nth == 1) for nth, word in enumerate(asked.words))
    lines = (await asked.service.log(job_, frame)).splitlines()
    if asked.json:
        return Answer(data=lines)
    if not lines:
        return Answer(lines=[f"Nothing has been printed for frame {frame} of job {job_} yet."])
    until = len(lines) - asked.offset
    page = lines[max(0, until - asked.rows) : max(0, until)]
    if until > asked.rows:
        return Answer(
            lines=[f"-- `more`, or --page {asked.page + 1}, shows what came before", *page], more=asked.page + 1
        )
    return Answer(lines=page or [f"That is before the beginning: the log has {len(lines)} lines."])


def _page(asked: Asked, lines: list[str]) -> list[str]:
    return lines[asked.offset : asked.offset + asked.rows]


def number(word: str, *, negative: bool = False) -> int:
    """A job's number, or a frame's, which may be negative."""
    digits = word.removeprefix("-") if negative else word
    if not digits.isdecimal() or len(digits) > 10:
        raise Refusal(f"{word} is no number.", "invalid")
    return int(word)
