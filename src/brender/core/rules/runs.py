# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs: how they begin, what a report does to them, and how their tasks go on. A late report changes nothing."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Changes, Publish, Row, Tell
from brender.core.failures import Kind, is_fatal
from brender.core.farm import Farm
from brender.core.lifecycle import RUN, TASK, move
from brender.core.live import LiveStep, Now
from brender.core.nouns import Job, Run, RunState, SessionRecord, StepKind
from brender.core.rules import proofs, views

NewId = Callable[[], str]


def assign(farm: Farm, worker: str, step: LiveStep, indexes: Sequence[int], now: Now, new_id: NewId) -> Changes:
    """Give tasks of one step to a worker: a task row and a run row each, and one message."""
    rows: list[Row] = []
    orders = []
    for index in indexes:
        run = Run(
            id=new_id(),
            job=step.job,
            step=step.number,
            index=index,
            worker=worker,
            state=RunState.ASSIGNED,
            assigned_at=now.wall,
        )
        task = step.task(index)
        rows += [replace(task, state=move(TASK, task.state, "assign"), run=run.id), run]
        orders.append(_order(step, run))
    proving = proofs.wanted(farm, worker, step)
    message = m.Assign(
        job=step.job,
        step=step.number,
        scene=views.scene_for(farm, worker, farm.jobs[step.job]),
        bounds=_bounds(farm.jobs[step.job]),
        orders=tuple(orders),
        prove=proving is not None,
        cold=proofs.is_cold(farm, step.job),
    )
    return Changes(rows, [Tell(worker, message)], proving=proving)


def _bounds(job: Job) -> m.Bounds:
    return m.Bounds(max_run_s=job.limits.max_run_s, silence_s=job.limits.silence_s)


def _order(step: LiveStep, run: Run) -> m.Order:
    frames = step.spec.frames
    if step.spec.kind is StepKind.MOVIE:
        (span,) = frames.ranges
        return m.Order(run=run.id, index=0, start=span[0], end=span[-1], step=span.step)
    frame = frames.frame(run.index)
    return m.Order(run=run.id, index=run.index, start=frame, end=frame)


# --- reports -----------------------------------------------------------------------------------------------------


def take_report(farm: Farm, command: c.TakeReport, now: Now, new_id: NewId) -> Changes:
    """What a report changes; one about a run that is not live, or not this worker's, is answered and no more."""
    report = command.report
    if isinstance(report, m.Proved):
        return proofs.take(farm, command.worker, views.proof_of(farm, command.worker, report), now)
    run = farm.runs.get(report.run)
    if run is None or run.worker != command.worker:
        over = isinstance(report, m.Stopped | m.Unstarted | m.Failed)
        return Changes(answer=m.Ack(report=report.id, verdict="ok" if over else "stop"))
    changes = REPORTS[type(report)](farm, run, report, now)
    changes.answer = m.Ack(report=report.id)
    return changes


def _started(farm: Farm, run: Run, report: m.Started, now: Now) -> Changes:
    if run.state is not RunState.ASSIGNED:
        return Changes()
    task = farm.steps[run.job, run.step].task(run.index)
    return Changes(
        [
            replace(task, state=move(TASK, task.state, "start")),
            replace(run, state=move(RUN, run.state, "start"), started_at=now.wall),
        ]
    )


def _opened(farm: Farm, run: Run, report: m.SceneOpened, now: Now) -> Changes:
    session = SessionRecord(
        id=report.session, job=run.job, step=run.step, worker=run.worker, opened_at=now.wall, opened=report.opened
    )
    return Changes([session])


def _rendered(farm: Farm, run: Run, report: m.Rendered, now: Now) -> Changes:
    """Accepted: saved as the task's run before anything touches a final name."""
    if run.state is RunState.RENDERED:
        return Changes()
    try:
        result = views.result_of(farm, run, report.result)
    except views.OutOfSightError as error:
        return fail(farm, run, Kind.WORKER_ERROR, str(error), now)
    rows = _started(farm, run, m.Started(id=report.id, run=run.id), now).rows
    accepted = replace(
        run,
        state=move(RUN, run.state, "accept"),
        started_at=run.started_at or now.wall,
        ended_at=now.wall,
        result=result,
    )
    return Changes([*rows, accepted], [Publish(accepted)])


def _failed(farm: Farm, run: Run, report: m.Failed, now: Now) -> Changes:
    if run.state is RunState.RENDERED:  # a report from before the accepted one, repeated
        return Changes()
    failed = replace(run, result=report.result)
    if report.kind is Kind.SCENE_CHANGED:
        return _pause_for(farm, failed, report, now)
    return fail(farm, failed, report.kind, report.message, now)


def fail(farm: Farm, run: Run, kind: Kind, message: str, now: Now) -> Changes:
    """A failure of any kind counts against one bound (C15); a fatal one ends the job at once (C16)."""
    job, task = farm.jobs[run.job], farm.steps[run.job, run.step].task(run.index)
    failures = task.failures + 1
    for_good = is_fatal(kind) or failures >= job.limits.attempts
    ended = replace(
        run,
        state=move(RUN, run.state, "fail"),
        ended_at=now.wall,
        kind=kind,
        message=message,
        attempt=failures,
        final=for_good,
    )
    event = "fail" if for_good else "again"
    tried = replace(task, state=move(TASK, task.state, event), failures=failures, run=run.id if for_good else None)
    rows: list[Row] = [tried, ended]
    if is_fatal(kind):
        rows.append(replace(job, kind=kind, message=message))  # `settle` ends it
    return Changes(rows)


def _pause_for(farm: Farm, run: Run, report: m.Failed, now: Now) -> Changes:
    """Someone must look: no failure of the task, and nothing starts until then."""
    rows = _ended(farm, run, "fail", now, report.message, report.kind)
    return Changes([*rows, replace(farm.jobs[run.job], pause=True, message=report.message, kind=report.kind)])


def _unstarted(farm: Farm, run: Run, report: m.Unstarted, now: Now) -> Changes:
    if run.state is RunState.RENDERED:
        return Changes()
    return Changes(give_back(farm, run, now, report.reason))


def _stopped(farm: Farm, run: Run, report: m.Stopped, now: Now) -> Changes:
    if run.state is RunState.RENDERED:
        return Changes()
    return Changes(give_back(farm, run, now, f"It was stopped: {run.stop or 'its worker was told to'}."))


REPORTS: dict[type[m.Report], Callable[..., Changes]] = {
    m.Started: _started,
    m.SceneOpened: _opened,
    m.Rendered: _rendered,
    m.Failed: _failed,
    m.Unstarted: _unstarted,
    m.Stopped: _stopped,
}


# --- ends that are no failures -----------------------------------------------------------------------------------


def give_back(farm: Farm, run: Run, now: Now, reason: str) -> list[Row]:
    """Recalled, preempted, signed off: the task is ready again, and nothing is counted against it (C17)."""
    return _ended(farm, run, "give back", now, reason)


def _ended(farm: Farm, run: Run, event: str, now: Now, message: str, kind: Kind | None = None) -> list[Row]:
    task = farm.steps[run.job, run.step].task(run.index)
    return [
        replace(task, state=move(TASK, task.state, "again"), run=None),
        replace(run, state=move(RUN, run.state, event), ended_at=now.wall, message=message, kind=kind),
    ]


def lose(farm: Farm, run: Run, now: Now, reason: str) -> list[Row]:
    """Lost with its machine: no failure, but bounded, so that a scene that kills machines is caught too."""
    task = farm.steps[run.job, run.step].task(run.index)
    losses = task.losses + 1
    for_good = losses >= farm.jobs[run.job].limits.losses
    event = "fail" if for_good else "again"
    return [
        replace(task, state=move(TASK, task.state, event), losses=losses, run=run.id if for_good else None),
        replace(run, state=move(RUN, run.state, "lose"), ended_at=now.wall, message=reason),
    ]


# --- publishing --------------------------------------------------------------------------------------------------


def published(farm: Farm, command: c.Published, now: Now, new_id: NewId) -> Changes:
    """Only now is the task done: its files are good, and in their final place."""
    run = farm.runs.get(command.run)
    if run is None or run.state is not RunState.RENDERED:
        return Changes()
    task = farm.steps[run.job, run.step].task(run.index)
    return Changes(
        [
            replace(task, state=move(TASK, task.state, "publish"), run=run.id),
            replace(run, state=move(RUN, run.state, "publish"), message=""),
        ]
    )


def publishing_delayed(farm: Farm, command: c.PublishingDelayed, now: Now, new_id: NewId) -> Changes:
    """The frame waits where it is, and says for what: it is rendered, and no failure of its own."""
    run = farm.runs.get(command.run)
    if run is None or run.state is not RunState.RENDERED or run.message == command.message:
        return Changes()
    return Changes([replace(run, message=command.message)])


def not_published(farm: Farm, command: c.NotPublished, now: Now, new_id: NewId) -> Changes:
    """The final folder did not take the files: a failure like any other."""
    run = farm.runs.get(command.run)
    if run is None or run.state is not RunState.RENDERED:
        return Changes()
    return fail(farm, run, Kind.WORKER_ERROR, command.message, now)
