# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a job is where it is, in sentences. Pure: of memory for an unfinished one, of its row for an ended one."""

from brender.core.farm import Farm
from brender.core.nouns import Job, JobState, Run, RunState, TaskState
from brender.core.views import WhyView, WorkerReason
from brender.scheduler.eligible import lacks, why


def of_ended(job: Job) -> WhyView:
    """An ended job: how it ended."""
    errors = f" with {_count(job.errors, 'failed frame')}" if job.errors else ""
    message = f" {job.message}" if job.message else ""
    return WhyView(sentences=(f"Job {job.id} is {job.state}{errors}.{message}",))


def of_live(farm: Farm, job: Job) -> WhyView:
    """An unfinished job: what it does, or waits for, and what each worker says to it."""
    workers = tuple(WorkerReason(name=name, reason=reason) for name, reason in why(farm, job))
    return WhyView(sentences=tuple(_sentences(farm, job, workers)), workers=workers)


def _sentences(farm: Farm, job: Job, workers: tuple[WorkerReason, ...]) -> list[str]:
    going = _going(farm, job)
    if job.pause:
        return _paused(job, going)
    waiting = sum(step.counts[TaskState.READY] for step in farm.steps_of(job.id))
    if not waiting:
        return going
    return [*going, *_waits(farm, job, waiting, workers)]


def _paused(job: Job, going: list[str]) -> list[str]:
    message = f" {job.message}" if job.message else ""
    if job.state is JobState.PAUSED:
        return [f"Job {job.id} is paused.{message} It goes on when it is resumed."]
    return [f"Job {job.id} is to pause, and is paused when nothing of it runs any more.{message}", *going]


def _going(farm: Farm, job: Job) -> list[str]:
    runs = farm.runs_of(job.id)
    rendered = [run for run in runs if run.state is RunState.RENDERED]
    held = [run for run in runs if run.state is not RunState.RENDERED]
    sentences = []
    if held:
        names = sorted({farm.workers[run.worker].record.name for run in held})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        frames, workers = _count(len(held), "frame"), _count(len(names), "worker")
        sentences.append(f"{frames} {_are(len(held))} with {workers}: {shown}.")
    return sentences + _rendered(rendered)


def _rendered(runs: list[Run]) -> list[str]:
    """Those that are done but for their files' last way, and what is in it."""
    if not runs:
        return []
    count = f"{_count(len(runs), 'frame')} {_are(len(runs))} rendered and"
    if not (delayed := [run.message for run in runs if run.message]):
        return [f"{count} being put in place."]
    return [f"{count} to be put in place, which is tried again and again: {delayed[0]}"]


def _waits(farm: Farm, job: Job, waiting: int, workers: tuple[WorkerReason, ...]) -> list[str]:
    first = f"{_count(waiting, 'frame')} wait{'s' if waiting == 1 else ''}."
    able = [worker for worker in workers if worker.reason is None]
    if not workers:
        return [first, "No worker has ever come to this farm. `brender worker` starts one."]
    if not able:
        return [first, _never(farm, job) or "No worker can take it now; each one's reason follows."]
    return [first, _turn(farm, job, len(able))]


def _never(farm: Farm, job: Job) -> str | None:
    """That it waits for something that no known worker has: it would wait for ever."""
    needs = farm.needs(job)
    if any(lacks(worker, needs) is None for worker in farm.workers.values()):
        return None
    if needs.forbidden:
        return (
            f"It can never run as the farm is: it asks for Python to run ({needs.python}), and the setting "
            "allow_scripts is off."
        )
    tags = f" with the tags {', '.join(job.tags)}" if job.tags else ""
    return f"It can never run as the farm is: no worker{tags} has {job.blender}, to which the job is bound."


def _turn(farm: Farm, job: Job, able: int) -> str:
    place = (-job.priority, job.id)
    ahead = sum((-other.priority, other.id) < place and not other.pause for other in farm.jobs.values())
    busy = sum(bool(worker.runs) for worker in farm.workers.values() if worker.takes_work)
    behind = f"; {_count(ahead, 'job')} {_are(ahead)} before it" if ahead else ""
    return f"It waits for its turn: {_count(able, 'worker')} may take it, and {busy} {_are(busy)} busy{behind}."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
