# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: submit, pause, resume, cancel, retry, and what follows from their tasks."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from brender.core import commands as c
from brender.core.changes import Changes, Effect, Row, Tell
from brender.core.failures import Kind, is_fatal
from brender.core.farm import Farm
from brender.core.lifecycle import JOB, RUN, TASK, TASK_ENDED, move
from brender.core.live import Now
from brender.core.messages import Recall, Stop
from brender.core.nouns import Job, JobState, Run, RunState, Task, TaskState
from brender.core.scene import Scene

NewId = Callable[[], str]


def job_of(farm: Farm, id_: int) -> Job:
    """The unfinished job, or a refusal."""
    if job := farm.jobs.get(id_):
        return job
    raise c.Refusal(f"Job {id_} is not an unfinished job of this farm.", "not_found")


def submit(farm: Farm, command: c.SubmitJob, now: Now, new_id: NewId) -> Changes:
    """One job row, whatever the number of its frames."""
    if known := farm.by_request.get(command.request_id):
        return Changes(answer=farm.jobs[known])
    outputs = _outputs(command, farm.next_job)
    _refuse_taken(farm, outputs)
    _refuse_python(farm, command.scene)
    if not 0 <= command.priority <= 100:
        raise c.Refusal(f"Priority {command.priority} is out of range: it goes from 0 to 100.", "invalid")
    job = Job(
        id=farm.next_job,
        state=JobState.QUEUED,
        submitted_at=now.wall,
        **{field: getattr(command, field) for field in command.__struct_fields__ if field != "by"}
        | {"scene": _sealed(farm, command.scene), "outputs": outputs},
    )
    return Changes([job], answer=job)


def _outputs(command: c.SubmitJob, job: int) -> str:
    """Those of a carried scene have a folder of their own, which is called after the job. Their name has no "/"."""
    if not command.scene.manifest:
        return command.outputs
    storage, _, name = command.outputs.rpartition("/{job}/")
    return f"{storage}/{job}/{name}"


def _refuse_python(farm: Farm, scene: Scene) -> None:
    if scene.python and not farm.setting("allow_scripts"):
        raise c.Refusal(
            f"This farm runs no Python of jobs, and {scene.python} asks for it: submit it without, or have an "
            "administrator turn the setting allow_scripts on.",
            "invalid",
        )


def _sealed(farm: Farm, scene: Scene) -> Scene:
    """Where the farm runs no Python of jobs, the preferences of a worker's Blender have no say either."""
    if farm.setting("allow_scripts"):
        return scene
    return replace(scene, launch=replace(scene.launch, sealed=True))


def _refuse_taken(farm: Farm, outputs: str) -> None:
    if owner := farm.outputs.get(outputs):
        name = farm.jobs[owner].name
        raise c.Refusal(
            f"Job {owner} ({name}) is rendering to the same files, {outputs}: give this one another output, "
            f"or wait for, or cancel, job {owner}.",
        )


def pause(farm: Farm, command: c.PauseJob, now: Now, new_id: NewId) -> Changes:
    """Nothing new starts; queued runs are asked back; it is paused when nothing of it runs."""
    job = job_of(farm, command.job)
    paused = replace(job, pause=True)
    return Changes([paused], recalls(farm.runs_of(job.id)), paused)


def recalls(runs: Iterable[Run]) -> list[Effect]:
    """Ask for those of them back that were not begun."""
    asked = by_worker(run for run in runs if run.state is RunState.ASSIGNED)
    return [Tell(worker, Recall(runs=tuple(run.id for run in theirs))) for worker, theirs in asked.items()]


def by_worker(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Runs by the worker that has them."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.worker, []).append(run)
    return found


def resume(farm: Farm, command: c.ResumeJob, now: Now, new_id: NewId) -> Changes:
    """Undo a pause, reached or not."""
    job = replace(job_of(farm, command.job), pause=False, message="", kind=None)
    if job.state is JobState.PAUSED:
        job = replace(job, state=move(JOB, job.state, "resume" if job.started_at else "requeue"))
    return Changes([job], answer=job)


def cancel(farm: Farm, command: c.CancelJob, now: Now, new_id: NewId) -> Changes:
    """End it with all its runs. Of an ended job nothing is left to cancel, which the engine answers."""
    return end(farm, job_of(farm, command.job), "cancel", now)


def end(farm: Farm, job: Job, event: str, now: Now, message: str = "", kind: Kind | None = None) -> Changes:
    """End a job now: its live runs are cancelled and told to stop, its open tasks with them."""
    runs = farm.runs_of(job.id)
    rows: list[Row] = [replace(run, state=move(RUN, run.state, "cancel"), ended_at=now.wall) for run in runs]
    for run in runs:
        task = farm.steps[run.job, run.step].task(run.index)
        rows.append(replace(task, state=move(TASK, task.state, "cancel"), run=None))
    counts = ended_counts(farm, job)
    ended = replace(
        job,
        state=move(JOB, job.state, event),
        ended_at=now.wall,
        message=message,
        kind=kind,
        errors=counts[TaskState.FAILED],
        counts=counts,
    )
    held = by_worker(run for run in runs if run.state is not RunState.RENDERED)
    reason = f"job {job.id} {ended.state}"
    stops = [Tell(w, Stop(runs=tuple(run.id for run in theirs), reason=reason)) for w, theirs in held.items()]
    return Changes([*rows, ended], list(stops), ended)


def ended_counts(farm: Farm, job: Job) -> tuple[int, ...]:
    """Tasks by state once the job has ended: all that had not ended count as cancelled."""
    counts = [0] * len(TaskState)
    for step in farm.steps_of(job.id):
        for state in TaskState:
            counts[state if state in TASK_ENDED else TaskState.CANCELLED] += step.counts[state]
    return tuple(counts)


def retry(farm: Farm, command: c.RetryJob, now: Now, new_id: NewId) -> Changes:
    """Failed tasks are ready again with a clean record; of an ended job, what was cancelled too."""
    if (job := farm.jobs.get(command.job)) is None:
        return _retry_ended(farm, command, now)
    failed = [step.task(i) for step in farm.steps_of(job.id) for i in step.tries if step.state(i) is TaskState.FAILED]
    if not failed:
        raise c.Refusal(f"Job {job.id} has no failed task to try again.")
    return Changes([fresh(task) for task in failed], answer=job)


def _retry_ended(farm: Farm, command: c.RetryJob, now: Now) -> Changes:
    if command.ended is None:
        raise c.Refusal(f"There is no job {command.job}.", "not_found")
    job = command.ended
    if not job.errors and not job.counts[TaskState.CANCELLED]:
        raise c.Refusal(f"Job {job.id} has no failed or cancelled task to try again.")
    _refuse_taken(farm, job.outputs)
    again = replace(
        job, state=move(JOB, job.state, "retry"), pause=False, message="", kind=None, ended_at=None, errors=0, counts=()
    )
    rows: list[Row] = [again]
    for task in command.touched:
        rows.append(fresh(task) if task.state is not TaskState.SUCCEEDED else task)
    return Changes(rows, answer=again)


def fresh(task: Task) -> Task:
    """A task to be tried again, with a clean record."""
    state = task.state if task.state is TaskState.READY else move(TASK, task.state, "retry")
    return replace(task, state=state, failures=0, losses=0, run=None)


def set_priority(farm: Farm, command: c.SetPriority, now: Now, new_id: NewId) -> Changes:
    """Moves it in the queue at once."""
    if not 0 <= command.priority <= 100:
        raise c.Refusal(f"Priority {command.priority} is out of range: it goes from 0 to 100.", "invalid")
    job = replace(job_of(farm, command.job), priority=command.priority)
    return Changes([job], answer=job)


# --- what follows from the tasks ---------------------------------------------------------------------------------


def settle(farm: Farm, id_: int, now: Now) -> Changes:
    """The state that follows from a job's tasks, whatever was lost on the way here (C09, C11)."""
    job = farm.jobs[id_]
    counts = [sum(of_state) for of_state in zip(*(step.counts for step in farm.steps_of(id_)), strict=True)]
    live = sum(len(step.live) for step in farm.steps_of(id_))
    failed = counts[TaskState.FAILED]
    if job.kind and is_fatal(job.kind):
        return end(farm, job, "fail", now, job.message, job.kind)
    if job.limits.failed_tasks and failed >= job.limits.failed_tasks:
        return end(farm, job, "fail", now, f"{failed} tasks failed, and its limit is {job.limits.failed_tasks}.")
    if sum(counts[state] for state in TASK_ENDED) == sum(counts):
        return _all_ended(farm, job, counts, now)
    if job.pause and not live and job.state is not JobState.PAUSED:
        return Changes([replace(job, state=move(JOB, job.state, "pause"))])
    if job.state is JobState.QUEUED and counts[TaskState.RUNNING]:
        return Changes([replace(job, state=move(JOB, job.state, "start"), started_at=job.started_at or now.wall)])
    return Changes()


def _all_ended(farm: Farm, job: Job, counts: list[int], now: Now) -> Changes:
    if counts[TaskState.SUCCEEDED] or not counts[TaskState.FAILED]:
        return end(farm, job, "complete", now)
    return end(farm, job, "fail", now, "Every task failed.")
