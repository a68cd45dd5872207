# SPDX-License-Identifier: GPL-3.0-or-later
"""Nouns and live memory as the API shows them. Pure; costs what is shown, never what the job has in all."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from brender.core.farm import Farm
from brender.core.lifecycle import JOB_ENDED
from brender.core.live import LiveStep, LiveWorker, Now
from brender.core.messages import File, Result
from brender.core.nouns import (
    Condition,
    Job,
    JobState,
    Run,
    RunState,
    SessionRecord,
    StepKind,
    TaskState,
    Verdict,
    Wish,
)
from brender.core.verdicts import proven
from brender.core.views import (
    FailureView,
    FileView,
    FrameRecord,
    JobAction,
    JobView,
    OpenedView,
    ProofView,
    RunView,
    WorkerAction,
    WorkerView,
)
from brender.manager import pace
from brender.manager.pace import Going, Pace

MOST_RUNS = 100
_OPEN = (TaskState.READY, TaskState.WAITING, TaskState.ASSIGNED, TaskState.RUNNING)
_ENDED = tuple(state for state in TaskState if state not in _OPEN)


# --- jobs --------------------------------------------------------------------------------------------------------


def live_job(farm: Farm, job: Job, now: Now) -> JobView:
    """An unfinished job, from memory alone: without its failures, which are history."""
    step = farm.steps[job.id, 0]
    counts = [sum(each.counts[state] for each in farm.steps_of(job.id)) for state in TaskState]
    speed = _pace(farm, job, step, now)
    shown = _job(
        job,
        counts,
        speed if job.state is JobState.ACTIVE and not job.pause else Pace(),
        farm.opened.get(step.key),
        runs=live_runs(farm, step),
        rendering=sum(_fraction(farm, run) for run in _of(farm, step)),
    )
    return with_proof(shown, farm.verdicts.get(farm.contents[job.id]))


def ended_job(job: Job) -> JobView:
    """A job that is over."""
    counts = list(job.counts) or [0] * len(TaskState)
    good = counts[TaskState.SUCCEEDED] * (1 if job.steps[0].kind is StepKind.FRAMES else len(job.steps[0].frames))
    return _job(job, counts, pace.of_ended(good, job.started_at, job.ended_at), None)


def with_proof(view: JobView, verdict: Verdict | None) -> JobView:
    """The job with what is known of its scene's content."""
    if verdict is None:
        return view
    elsewhere = ""
    if verdict.job != view.id:
        follows = "." if verdict.equal else ": every frame of this one is rendered cold."
        elsewhere = f" That was found out in job {verdict.job}{follows}"
    told = {field: getattr(verdict, field) for field in ("equal", "frame", "fraction", "largest", "job")}
    return replace(view, proof=ProofView(message=proven(verdict) + elsewhere, **told))


def with_history(
    view: JobView, first: SessionRecord | None, failures: tuple[FailureView, ...], failure_count: int
) -> JobView:
    """The job with what the store knows besides: its first session, and its failed runs."""
    warnings = view.warnings + (first.opened.warnings if first else ())
    return replace(
        view,
        opened=_opened(first) or view.opened,
        warnings=tuple(dict.fromkeys(warnings)),
        failures=failures,
        failure_count=failure_count,
    )


def _job(
    job: Job,
    counts: Sequence[int],
    speed: Pace,
    opened: SessionRecord | None,
    runs: tuple[RunView, ...] = (),
    rendering: float = 0.0,
) -> JobView:
    step, tasks = job.steps[0], sum(each.tasks for each in job.steps)
    ended = sum(counts[state] for state in _ENDED)
    return JobView(
        id=job.id,
        name=job.name,
        owner=job.owner,
        priority=job.priority,
        tags=job.tags,
        state=job.state,
        pause=job.pause,
        message=job.message,
        kind=job.kind,
        blend=job.scene.blend,
        blender=job.blender,
        settings=job.scene.settings,
        step=step.kind,
        frames=str(step.frames),
        tasks=tasks,
        counts={state.name.lower(): counts[state] for state in TaskState if counts[state]},
        done=min(1.0, (ended + rendering) / max(1, tasks)),
        errors=counts[TaskState.FAILED],
        frames_per_minute=speed.frames_per_minute,
        eta_s=speed.eta_s,
        outputs=job.outputs,
        carried=job.carried,
        home=job.home,
        folder=os.path.dirname(job.outputs),  # noqa: PTH120 - a text to show, and no question to the disk
        opened=_opened(opened),
        warnings=tuple(dict.fromkeys(job.warnings + (opened.opened.warnings if opened else ()))),
        runs=runs,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        actions=job_actions(job, counts),
    )


def job_actions(job: Job, counts: Sequence[int]) -> tuple[JobAction, ...]:
    """What may be done to a job now."""
    if job.state in JOB_ENDED:
        return ("retry",) if counts[TaskState.FAILED] or counts[TaskState.CANCELLED] else ()
    allowed: list[JobAction] = ["resume" if job.pause else "pause", "cancel"]
    if counts[TaskState.FAILED]:
        allowed.append("retry")
    return (*allowed, "priority")


def _opened(session: SessionRecord | None) -> OpenedView | None:
    if session is None:
        return None
    seen = session.opened
    return OpenedView(**{field: getattr(seen, field) for field in OpenedView.__struct_fields__})


def _pace(farm: Farm, job: Job, step: LiveStep, now: Now) -> Pace:
    going: dict[str, Going] = {}  # by worker: what it renders, else what it holds
    rendered = 0
    for run in _of(farm, step):
        if run.state is RunState.RUNNING:
            going[run.worker] = Going(now.wall - (run.started_at or run.assigned_at), _fraction(farm, run))
        elif run.state is RunState.ASSIGNED:
            going.setdefault(run.worker, Going())
        else:
            rendered += 1
    if step.spec.kind is StepKind.MOVIE:
        return pace.of_movie(list(going.values()), len(step.spec.frames))
    left = sum(step.counts[state] for state in _OPEN) - rendered
    return pace.of_frames(step.ends, step.frame_s, list(going.values()), left, now.wall)


# --- runs --------------------------------------------------------------------------------------------------------


def _of(farm: Farm, step: LiveStep) -> Iterable[Run]:
    return (farm.runs[run] for run in step.live.values())


def live_runs(farm: Farm, step: LiveStep) -> tuple[RunView, ...]:
    """What goes on in a step: what is rendering first, then what is queued; at most MOST_RUNS."""
    runs = sorted(_of(farm, step), key=lambda run: run.state is RunState.ASSIGNED)
    return tuple(live_run(farm, run) for run in runs[:MOST_RUNS])


def live_run(farm: Farm, run: Run) -> RunView:
    """One run that is going on."""
    worker = farm.workers[run.worker]
    said = worker.progress.get(run.id)
    return RunView(
        run=run.id,
        index=run.index,
        frame=farm.steps[run.job, run.step].spec.frames.frame(run.index),
        worker=worker.record.name,
        state=run.state,
        started_at=run.started_at,
        fraction=_fraction(farm, run),
        text=said.text if said else "",
        memory_mb=said.memory_mb if said else 0.0,
    )


def _fraction(farm: Farm, run: Run) -> float:
    if run.state is RunState.RENDERED:
        return 1.0
    said = farm.workers[run.worker].progress.get(run.id)
    return min(1.0, max(0.0, said.fraction)) if said else 0.0


def failure(run: Run, frame: int, worker: str) -> FailureView:
    """A failed run."""
    return FailureView(
        run=run.id,
        frame=frame,
        worker=worker,
        kind=run.kind,
        message=run.message,
        attempt=max(1, run.attempt),
        final=run.final,
        at=run.ended_at or run.assigned_at,
    )


def frame_record(
    job: Job, index: int, frame: int, state: TaskState, tries: tuple[int, int], run: Run | None, worker: str
) -> FrameRecord:
    """A task, and its last run or the accepted one."""
    known = FrameRecord(index=index, frame=frame, state=state.name.lower(), failures=tries[0], losses=tries[1])
    if run is None:
        return known
    seen = replace(
        known,
        run=run.id,
        worker=worker,
        kind=run.kind,
        message=run.message,
        started_at=run.started_at,
        ended_at=run.ended_at,
    )
    return _measured(seen, job, run, run.result) if run.result else seen


_MEASURES = tuple(set(FrameRecord.__struct_fields__) & set(Result.__struct_fields__) - {"files"})


def _measured(seen: FrameRecord, job: Job, run: Run, result: Result) -> FrameRecord:
    """With what the run took, and, where it was accepted, its files."""
    accepted = run.state in (RunState.RENDERED, RunState.SUCCEEDED)
    measures = {field: getattr(result, field) for field in _MEASURES}
    return replace(seen, **measures, files=tuple(_file(job, file) for file in result.files) if accepted else ())


def _file(job: Job, file: File) -> FileView:
    folder = os.path.dirname(job.outputs)  # noqa: PTH120 - a text to show, and no question to the disk
    return FileView(
        path=f"{folder}/{file.final}" if job.carried else file.final,
        name=file.final if job.carried else name_within(folder, file.final),
        size=file.size,
        sha256=file.sha256,
        width=file.width,
        height=file.height,
    )


def name_within(folder: str, path: str) -> str:
    """What a file is called in a folder of its own elsewhere: as in the job's, or in `outside`."""
    parts, above = (tuple(part for part in re.split(r"[/\\]", text) if part) for text in (path, folder))
    inside = parts[: len(above)] == above
    return "/".join(parts[len(above) :] if inside else ("outside", *(part.replace(":", "") for part in parts)))


# --- workers -----------------------------------------------------------------------------------------------------


def worker(farm: Farm, known: LiveWorker, now: Now) -> WorkerView:
    """A worker as it is at this moment."""
    host = known.record.host
    return WorkerView(
        id=known.record.id,
        name=known.record.name,
        wish=known.record.wish,
        connection=known.online,
        condition=Condition.BUSY if known.runs else Condition.IDLE,
        hostname=host.hostname,
        system=host.system,
        cores=host.cores,
        memory_mb=host.memory_mb,
        version=host.version,
        tags=host.tags,
        blenders=host.blenders,
        only_job=known.only_job,
        seen_at=now.wall - (now.mono - known.seen),
        load=known.load,
        memory_used_mb=known.memory_used_mb,
        job=next((farm.runs[run].job for run in known.runs), None),
        runs=tuple(live_run(farm, farm.runs[run]) for run in list(known.runs)[:MOST_RUNS]),
        actions=_WORKER_ACTIONS[known.record.wish],
    )


_WORKER_ACTIONS: Mapping[Wish, tuple[WorkerAction, ...]] = {
    Wish.ENABLED: ("drain", "disable"),
    Wish.DRAINING: ("enable", "disable"),
    Wish.DISABLED: ("enable", "drain"),
}
