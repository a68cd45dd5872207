# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of what is worked at: jobs, their steps, and the steps' tasks."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from brender.core.attributes import Attribute, Kind
from brender.core.farm import Farm
from brender.core.kinds.fields import field, of
from brender.core.nouns import Job, JobState, Step, Task, TaskState
from brender.core.rights import Right


class StepOf(msgspec.Struct, frozen=True):
    """A step with the job it is of."""

    job: Job
    number: int

    @property
    def step(self) -> Step:
        return self.job.steps[self.number]


class TaskOf(msgspec.Struct, frozen=True):
    """A task with the job it is of."""

    job: Job
    task: Task


def _limit(name: str) -> Callable[[Any, Any], Any]:
    return lambda job, value: replace(job, limits=replace(job.limits, **{name: value}))


def _counts(farm: Farm, job: Job, *names: str) -> int:
    states = [TaskState[name] for name in names]
    if job.id in farm.jobs:
        return sum(step.counts[state] for step in farm.steps_of(job.id) for state in states)
    return sum(job.counts[state] for state in states) if job.counts else 0


JOB = Kind(
    name="job",
    plural="jobs",
    doc="What a person submitted: a scene and what to make of it.",
    attributes=(
        Attribute(name="id", type="int", doc="its number", read=of("id")),
        Attribute(
            name="name", type="text", doc="what it is called", read=of("name"), write=field("name"), at_create=True
        ),
        Attribute(
            name="state", type="choice", doc="where it is in its life", choices=tuple(JobState), read=of("state")
        ),
        Attribute(
            name="priority",
            type="int",
            doc="higher goes first",
            least=0,
            most=100,
            read=of("priority"),
            write=field("priority"),
            at_create=True,
        ),
        Attribute(
            name="owner",
            type="text",
            doc="whose it is; shares go by it",
            read=of("owner"),
            write=field("owner"),
            at_create=True,
        ),
        Attribute(
            name="tags",
            type="list",
            doc="a worker must have them all",
            read=of("tags"),
            write=field("tags"),
            at_create=True,
        ),
        Attribute(
            name="blend",
            type="text",
            doc="the scene's file, an absolute path",
            read=of("scene", "blend"),
            at_create=True,
            required=True,
        ),
        Attribute(
            name="frames",
            type="text",
            doc="what it renders, such as 1-250",
            at_create=True,
            read=lambda _farm, job: str(job.steps[0].frames),
        ),
        Attribute(
            name="output",
            type="text",
            doc="Blender's output pattern",
            at_create=True,
            read=lambda _farm, job: job.scene.settings.output or "",
        ),
        Attribute(name="outputs", type="text", doc="the final names", read=of("outputs")),
        Attribute(
            name="engine",
            type="text",
            doc="the render engine that was asked for",
            at_create=True,
            read=lambda _farm, job: job.scene.settings.engine or "",
        ),
        Attribute(name="blender", type="text", doc="the Blender it is bound to", read=lambda _f, job: str(job.blender)),
        Attribute(name="tasks", type="int", doc="how many", read=lambda _f, job: sum(s.tasks for s in job.steps)),
        Attribute(name="done", type="int", doc="tasks done", read=lambda f, job: _counts(f, job, "SUCCEEDED")),
        Attribute(name="failed", type="int", doc="tasks failed", read=lambda f, job: _counts(f, job, "FAILED")),
        Attribute(name="message", type="text", doc="why it failed or paused", read=of("message")),
        Attribute(
            name="attempts",
            type="int",
            doc="failures of one task before it is failed for good",
            least=1,
            most=100,
            read=of("limits", "attempts"),
            write=_limit("attempts"),
            at_create=True,
        ),
        Attribute(
            name="failed_tasks",
            type="int",
            doc="failed tasks that end the job; 0: no limit",
            least=0,
            most=10_000_000,
            read=of("limits", "failed_tasks"),
            write=_limit("failed_tasks"),
            at_create=True,
        ),
        Attribute(
            name="max_run_s",
            type="float",
            doc="the longest a run may take, seconds",
            least=1,
            most=31_536_000,
            read=of("limits", "max_run_s"),
            write=_limit("max_run_s"),
            at_create=True,
        ),
        Attribute(
            name="silence_s",
            type="float",
            doc="the longest without a sign of life, seconds",
            least=1,
            most=31_536_000,
            read=of("limits", "silence_s"),
            write=_limit("silence_s"),
            at_create=True,
        ),
        Attribute(name="submitted_at", type="float", doc="seconds since 1970", read=of("submitted_at")),
    ),
    words={str(state): ("state", str(state)) for state in JobState},
    no_delete="",
    make=Right.SUBMIT,
    change=Right.CHANGE_JOBS,
)

STEP = Kind(
    name="step",
    plural="steps",
    doc="A stage of a job whose tasks are alike.",
    attributes=(
        Attribute(name="id", type="text", doc="job/step", read=lambda _f, s: f"{s.job.id}/{s.number}"),
        Attribute(name="job", type="int", doc="the job it is of", read=of("job", "id")),
        Attribute(name="name", type="text", doc="what it does", read=of("step", "name")),
        Attribute(name="kind", type="text", doc="a task a frame, or all in one", read=of("step", "kind")),
        Attribute(name="frames", type="text", doc="what it runs over", read=lambda _f, s: str(s.step.frames)),
        Attribute(name="order", type="text", doc="sequence, spread or every:N", read=of("step", "order")),
        Attribute(
            name="batch",
            type="int",
            doc="the most tasks of one assignment; 0: the scheduler's choice",
            least=0,
            most=10_000,
            read=of("step", "batch"),
            write=lambda s, value: replace(s, job=_with_batch(s, value)),
        ),
        Attribute(name="tasks", type="int", doc="how many", read=of("step", "tasks")),
    ),
    no_create="A step is made with its job: submit the job.",
    no_delete="A step ends with its job: cancel or delete the job.",
    change=Right.CHANGE_JOBS,
)


def _with_batch(thing: StepOf, batch: int) -> Job:
    steps = list(thing.job.steps)
    steps[thing.number] = replace(thing.step, batch=batch)
    return replace(thing.job, steps=tuple(steps))


def _task_frame(_farm: Farm, thing: TaskOf) -> int:
    return thing.job.steps[thing.task.step].frames.frame(thing.task.index)


TASK = Kind(
    name="task",
    plural="tasks",
    doc="One point of a step: usually one frame.",
    attributes=(
        Attribute(
            name="id",
            type="text",
            doc="job/step/index",
            read=lambda _f, t: f"{t.task.job}/{t.task.step}/{t.task.index}",
        ),
        Attribute(name="job", type="int", doc="the job it is of", read=of("task", "job")),
        Attribute(name="step", type="int", doc="the step it is of", read=of("task", "step")),
        Attribute(name="index", type="int", doc="its place in the step", read=of("task", "index")),
        Attribute(name="frame", type="int", doc="the frame", read=_task_frame),
        Attribute(
            name="state",
            type="choice",
            doc="where it is in its life; `ready` tries a failed one again",
            choices=("ready", "waiting", "assigned", "running", "succeeded", "failed", "cancelled", "skipped"),
            read=lambda _f, t: t.task.state.name.lower(),
            write=lambda t, value: t if value == "ready" else _only_ready(value),
        ),
        Attribute(name="failures", type="int", doc="failed runs", read=of("task", "failures")),
        Attribute(name="losses", type="int", doc="runs lost with their machine", read=of("task", "losses")),
        Attribute(name="run", type="text", doc="its live or accepted run", read=lambda _f, t: t.task.run or ""),
    ),
    words={
        name: ("state", name)
        for name in ("ready", "waiting", "assigned", "running", "succeeded", "failed", "cancelled", "skipped")
    },
    no_create="A task is a frame of a job: submit a job.",
    no_delete="A task ends with its job: cancel or delete the job.",
    change=Right.CHANGE_JOBS,
)


def _only_ready(value: str) -> Any:
    raise ValueError(f"A task's state can be set to ready alone, which tries a failed one again; not to {value}.")
