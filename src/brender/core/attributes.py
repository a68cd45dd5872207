# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attribute of every kind of object, in one registry: its type, bounds, meaning, how it is read and written.

Help, validation, introspection, completion and the documents are made from it, so that all doors say and allow the
same. A value that does not fit is a `ValueError` with a sentence, and changes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from brender.core.farm import Farm, LiveWorker
from brender.core.nouns import Condition, Job, JobState, Step, Task, TaskState, Value, Wish
from brender.core.settings import SETTINGS, TypeName


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


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute. `write` gives the object's row with the value in it; None: it is read-only."""

    name: str
    type: TypeName
    doc: str
    read: Callable[[Farm, Any], Value]
    write: Callable[[Any, Any], Any] | None = None
    at_create: bool = False  # may be given when one is made
    required: bool = False  # must be given when one is made
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    check: Callable[[Any], str | None] | None = None  # what is wrong with a value of the right type

    @property
    def writable(self) -> bool:
        return self.write is not None

    def parse(self, raw: object) -> Value:
        """The value that is meant by a text or a JSON value; `ValueError` with a sentence where there is none."""
        value = _PARSERS[self.type](self, raw)
        if reason := self._out_of_range(value) or (self.check(value) if self.check else None):
            raise ValueError(f"{self.name}: {reason}")
        return value

    def _out_of_range(self, value: Value) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if (self.least is None or value >= self.least) and (self.most is None or value <= self.most):
            return None
        return f"{value:g} is out of range: {self.range_text()}."

    def range_text(self) -> str:
        """The bounds, in words."""
        least, most = self.least, self.most
        if least is not None and most is not None:
            return f"it goes from {least:g} to {most:g}"
        return f"it is at least {least:g}" if least is not None else f"it is at most {most:g}" if most else ""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of object: what it is, what names one, and its attributes."""

    name: str
    plural: str
    doc: str
    attributes: tuple[Attribute, ...]
    words: Mapping[str, tuple[str, str]] = {}  # bare words of filters: `idle` is ("condition", "idle")
    no_create: str = ""  # why none can be made by a person, "" where one can
    no_delete: str = ""

    @property
    def key(self) -> Attribute:
        """The attribute that a bare word in a filter is compared with."""
        return self.attributes[0]

    @property
    def id(self) -> Attribute:
        """The attribute that tells one from all others: `id` where there is one, else the key."""
        return next((a for a in self.attributes if a.name == "id"), self.key)

    def id_of(self, farm: Farm, thing: Any) -> str:
        """What names this one in a command."""
        return str(self.id.read(farm, thing))

    def attribute(self, name: str) -> Attribute:
        """By its name; `ValueError` naming those there are."""
        for each in self.attributes:
            if each.name == name.lower():
                return each
        known = ", ".join(a.name for a in self.attributes)
        raise ValueError(f"A {self.name} has no attribute '{name}'; it has {known}.")

    def show(self, farm: Farm, thing: Any) -> dict[str, Value]:
        """All attributes of one."""
        return {a.name: a.read(farm, thing) for a in self.attributes}

    def checked(self, values: Mapping[str, object], *, creating: bool = False) -> dict[str, Value]:
        """Values of the right type for attributes that may be set; `ValueError` with a sentence."""
        found: dict[str, Value] = {}
        for name, raw in values.items():
            attribute = self.attribute(name)
            if not (attribute.writable or (creating and attribute.at_create)):
                raise ValueError(f"The attribute {attribute.name} of a {self.name} is read-only.")
            found[attribute.name] = attribute.parse(raw)
        missing = [a.name for a in self.attributes if creating and a.required and a.name not in found]
        if missing:
            raise ValueError(f"A new {self.name} needs {', '.join(missing)}.")
        return found

    def written(self, thing: Any, values: Mapping[str, Value]) -> Any:
        """The row of `thing` with checked values in it."""
        for name, value in values.items():
            write = self.attribute(name).write
            assert write is not None  # `checked` has seen to it
            thing = write(thing, value)
        return thing


# --- from text and JSON to values --------------------------------------------------------------------------------

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _wrong(attribute: Attribute, wanted: str, raw: object) -> ValueError:
    return ValueError(f"{attribute.name} is {wanted}, and {raw!r} is none.")


def _text(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, str):
        return raw
    raise _wrong(attribute, "a text", raw)


def _int(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    try:
        return int(raw) if isinstance(raw, str) else _number_lost(attribute, raw)
    except ValueError:
        raise _wrong(attribute, "a whole number", raw) from None


def _number_lost(attribute: Attribute, raw: object) -> int:
    raise _wrong(attribute, "a whole number", raw)


def _float(attribute: Attribute, raw: object) -> Value:
    try:
        value = float(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) else None
    except ValueError:
        value = None
    if value is None or value != value or value in (float("inf"), float("-inf")):
        raise _wrong(attribute, "a number", raw)
    return value


def _bool(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in _TRUE + _FALSE:
        return raw.lower() in _TRUE
    raise _wrong(attribute, "true or false", raw)


def _choice(attribute: Attribute, raw: object) -> Value:
    if isinstance(raw, str) and raw.lower() in attribute.choices:
        return raw.lower()
    raise _wrong(attribute, f"one of {', '.join(attribute.choices)}", raw)


def _list(attribute: Attribute, raw: object) -> Value:
    words = raw.replace(",", " ").split() if isinstance(raw, str) else raw
    if isinstance(words, list | tuple) and all(isinstance(word, str) for word in words):
        return tuple(dict.fromkeys(words))
    raise _wrong(attribute, "a list of words with commas between", raw)


_PARSERS: dict[TypeName, Callable[[Attribute, object], Value]] = {
    "text": _text, "int": _int, "float": _float, "bool": _bool, "choice": _choice, "list": _list,
}  # fmt: skip


# --- the registry ------------------------------------------------------------------------------------------------


def _plain_name(value: str) -> str | None:
    bad = [c for c in value if c.isspace() or c in "*?[]=<>!," or not c.isprintable()]
    if not value or len(value) > 100 or bad:
        return "a name has 1 to 100 characters, none of them a space or one of * ? [ ] = < > ! ,"
    return None


def _field(name: str) -> Callable[[Any, Any], Any]:
    return lambda thing, value: replace(thing, **{name: value})


def _of(*path: str) -> Callable[[Farm, Any], Any]:
    """Reads an attribute by its path."""

    def read(_farm: Farm, thing: Any) -> Any:
        for name in path:
            thing = getattr(thing, name)
        return thing

    return read


def condition(worker: LiveWorker) -> Condition:
    """What a worker is doing."""
    return Condition.BUSY if worker.runs else Condition.IDLE


def _worker_task(farm: Farm, worker: LiveWorker) -> str:
    run = farm.runs[next(iter(worker.runs))] if worker.runs else None
    return f"{run.job}/{run.step}/{run.index}" if run else ""


def _limit(name: str) -> Callable[[Any, Any], Any]:
    return lambda job, value: replace(job, limits=replace(job.limits, **{name: value}))


def _record_attribute(name: str, type_: TypeName, doc: str, **more: Any) -> Attribute:
    return Attribute(name=name, type=type_, doc=doc, read=_of("record", name), write=_field(name), **more)


def _host_attribute(name: str, type_: TypeName, doc: str) -> Attribute:
    return Attribute(name=name, type=type_, doc=doc, read=_of("record", "host", name))


WORKER = Kind(
    name="worker",
    plural="workers",
    doc="A machine that renders; the seed's client.",
    attributes=(
        _record_attribute(
            "name", "text", "what it is called, unique", at_create=True, required=True, check=_plain_name
        ),
        Attribute(name="id", type="text", doc="its identity, for ever", read=_of("record", "id")),
        Attribute(
            name="wish",
            type="choice",
            doc="what the administrator wants of it",
            choices=tuple(Wish),
            read=_of("record", "wish"),
            write=lambda record, value: replace(record, wish=Wish(value)),
            at_create=True,
        ),
        Attribute(
            name="connection",
            type="choice",
            doc="whether its socket is open",
            choices=("online", "offline"),
            read=_of("online"),
        ),
        Attribute(
            name="condition",
            type="choice",
            doc="what it is doing",
            choices=tuple(Condition),
            read=lambda _farm, worker: condition(worker),
        ),
        _record_attribute("tags", "list", "tags given to it here, besides its own", at_create=True),
        _record_attribute("note", "text", "anything a person wants to say of it", at_create=True),
        Attribute(name="task", type="text", doc="the task it renders: job/step/index", read=_worker_task),
        _host_attribute("hostname", "text", "the machine's name"),
        _host_attribute("mac", "text", "the machine's MAC address, as twelve hexadecimal digits"),
        _host_attribute("system", "text", "the operating system"),
        _host_attribute("cores", "int", "processor cores"),
        _host_attribute("memory_mb", "int", "memory, MB"),
        Attribute(
            name="blenders",
            type="list",
            doc="every Blender found on it",
            read=lambda _farm, worker: tuple(str(found.blender) for found in worker.record.host.blenders),
        ),
        Attribute(
            name="legacy",
            type="bool",
            doc="a client of 2013: it can take no render tasks",
            read=_of("record", "legacy"),
        ),
        Attribute(name="created_at", type="float", doc="seconds since 1970", read=_of("record", "created_at")),
    ),
    words={
        "enabled": ("wish", "enabled"),
        "disabled": ("wish", "disabled"),
        "draining": ("wish", "draining"),
        "online": ("connection", "online"),
        "offline": ("connection", "offline"),
        "idle": ("condition", "idle"),
        "busy": ("condition", "busy"),
        "sick": ("condition", "sick"),
    },
)


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
        Attribute(name="id", type="int", doc="its number", read=_of("id")),
        Attribute(
            name="name", type="text", doc="what it is called", read=_of("name"), write=_field("name"), at_create=True
        ),
        Attribute(
            name="state", type="choice", doc="where it is in its life", choices=tuple(JobState), read=_of("state")
        ),
        Attribute(
            name="priority",
            type="int",
            doc="higher goes first",
            least=0,
            most=100,
            read=_of("priority"),
            write=_field("priority"),
            at_create=True,
        ),
        Attribute(
            name="owner",
            type="text",
            doc="whose it is; shares go by it",
            read=_of("owner"),
            write=_field("owner"),
            at_create=True,
        ),
        Attribute(
            name="tags",
            type="list",
            doc="a worker must have them all",
            read=_of("tags"),
            write=_field("tags"),
            at_create=True,
        ),
        Attribute(
            name="blend",
            type="text",
            doc="the scene's file, an absolute path",
            read=_of("scene", "blend"),
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
        Attribute(name="outputs", type="text", doc="the final names", read=_of("outputs")),
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
        Attribute(name="message", type="text", doc="why it failed or paused", read=_of("message")),
        Attribute(
            name="attempts",
            type="int",
            doc="failures of one task before it is failed for good",
            least=1,
            most=100,
            read=_of("limits", "attempts"),
            write=_limit("attempts"),
            at_create=True,
        ),
        Attribute(
            name="failed_tasks",
            type="int",
            doc="failed tasks that end the job; 0: no limit",
            least=0,
            most=10_000_000,
            read=_of("limits", "failed_tasks"),
            write=_limit("failed_tasks"),
            at_create=True,
        ),
        Attribute(
            name="max_run_s",
            type="float",
            doc="the longest a run may take, seconds",
            least=1,
            most=31_536_000,
            read=_of("limits", "max_run_s"),
            write=_limit("max_run_s"),
            at_create=True,
        ),
        Attribute(
            name="silence_s",
            type="float",
            doc="the longest without a sign of life, seconds",
            least=1,
            most=31_536_000,
            read=_of("limits", "silence_s"),
            write=_limit("silence_s"),
            at_create=True,
        ),
        Attribute(name="submitted_at", type="float", doc="seconds since 1970", read=_of("submitted_at")),
    ),
    words={str(state): ("state", str(state)) for state in JobState},
    no_delete="",
)

STEP = Kind(
    name="step",
    plural="steps",
    doc="A stage of a job whose tasks are alike.",
    attributes=(
        Attribute(name="id", type="text", doc="job/step", read=lambda _f, s: f"{s.job.id}/{s.number}"),
        Attribute(name="job", type="int", doc="the job it is of", read=_of("job", "id")),
        Attribute(name="name", type="text", doc="what it does", read=_of("step", "name")),
        Attribute(name="kind", type="text", doc="a task a frame, or all in one", read=_of("step", "kind")),
        Attribute(name="frames", type="text", doc="what it runs over", read=lambda _f, s: str(s.step.frames)),
        Attribute(name="order", type="text", doc="sequence, spread or every:N", read=_of("step", "order")),
        Attribute(
            name="batch",
            type="int",
            doc="the most tasks of one assignment; 0: the scheduler's choice",
            least=0,
            most=10_000,
            read=_of("step", "batch"),
            write=lambda s, value: replace(s, job=_with_batch(s, value)),
        ),
        Attribute(name="tasks", type="int", doc="how many", read=_of("step", "tasks")),
    ),
    no_create="A step is made with its job: submit the job.",
    no_delete="A step ends with its job: cancel or delete the job.",
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
        Attribute(name="job", type="int", doc="the job it is of", read=_of("task", "job")),
        Attribute(name="step", type="int", doc="the step it is of", read=_of("task", "step")),
        Attribute(name="index", type="int", doc="its place in the step", read=_of("task", "index")),
        Attribute(name="frame", type="int", doc="the frame", read=_task_frame),
        Attribute(
            name="state",
            type="choice",
            doc="where it is in its life; `ready` tries a failed one again",
            choices=("ready", "waiting", "assigned", "running", "succeeded", "failed", "cancelled", "skipped"),
            read=lambda _f, t: t.task.state.name.lower(),
            write=lambda t, value: t if value == "ready" else _only_ready(value),
        ),
        Attribute(name="failures", type="int", doc="failed runs", read=_of("task", "failures")),
        Attribute(name="losses", type="int", doc="runs lost with their machine", read=_of("task", "losses")),
        Attribute(name="run", type="text", doc="its live or accepted run", read=lambda _f, t: t.task.run or ""),
    ),
    words={
        name: ("state", name)
        for name in ("ready", "waiting", "assigned", "running", "succeeded", "failed", "cancelled", "skipped")
    },
    no_create="A task is a frame of a job: submit a job.",
    no_delete="A task ends with its job: cancel or delete the job.",
)


def _only_ready(value: str) -> Any:
    raise ValueError(f"A task's state can be set to ready alone, which tries a failed one again; not to {value}.")


TAG = Kind(
    name="tag",
    plural="tags",
    doc="A label that ties jobs to workers.",
    attributes=(
        Attribute(
            name="name",
            type="text",
            doc="the label",
            read=_of("name"),
            at_create=True,
            required=True,
            check=_plain_name,
        ),
        Attribute(
            name="note", type="text", doc="what it is for", read=_of("note"), write=_field("note"), at_create=True
        ),
        Attribute(
            name="workers",
            type="int",
            doc="workers that have it",
            read=lambda farm, tag: sum(tag.name in w.tags for w in farm.workers.values()),
        ),
        Attribute(
            name="jobs",
            type="int",
            doc="unfinished jobs that want it",
            read=lambda farm, tag: sum(tag.name in job.tags for job in farm.jobs.values()),
        ),
    ),
)

SHARE = Kind(
    name="share",
    plural="shares",
    doc="A user's weight: among jobs of one priority, workers are shared by it.",
    attributes=(
        Attribute(
            name="user",
            type="text",
            doc="the jobs' owner",
            read=_of("user"),
            at_create=True,
            required=True,
            check=_plain_name,
        ),
        Attribute(
            name="weight",
            type="float",
            doc="1 unless given; one of 2 gets twice as much",
            least=0.01,
            most=1000,
            read=_of("weight"),
            write=_field("weight"),
            at_create=True,
            required=True,
        ),
        Attribute(
            name="running",
            type="int",
            doc="workers that render for the user now",
            read=lambda farm, s: farm.shares.holding.get(s.user, 0),
        ),
    ),
)


def setting_value(name: str) -> Attribute:
    """The value of one setting as an attribute, so that it is checked like any."""
    spec = SETTINGS[name]
    return Attribute(
        name=name,
        type=spec.type,
        doc=spec.doc,
        least=spec.least,
        most=spec.most,
        read=lambda farm, _setting: farm.setting(name),
        write=_field("value"),
    )


SETTING = Kind(
    name="setting",
    plural="settings",
    doc="Something set for the whole farm.",
    attributes=(
        Attribute(name="name", type="text", doc="what it is called", read=_of("name"), choices=tuple(SETTINGS)),
        Attribute(
            name="value",
            type="text",
            doc="what it is set to",
            read=_of("value"),
            write=lambda setting, value: replace(setting, value=setting_value(setting.name).parse(value)),
        ),
        Attribute(name="default", type="text", doc="unless set", read=lambda _f, s: SETTINGS[s.name].default),
        Attribute(name="doc", type="text", doc="what it does", read=lambda _f, s: SETTINGS[s.name].doc),
    ),
    no_create="The settings there are cannot be added to: set one of them.",
    no_delete="A setting cannot be deleted: set it to its default.",
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in (WORKER, JOB, STEP, TASK, TAG, SHARE, SETTING)}
_ALIASES = {"client": "worker", "clients": "worker"} | {kind.plural: kind.name for kind in KINDS.values()}


def kind_of(word: str) -> Kind:
    """A kind by its name, its plural, or the seed's word; `ValueError` naming those there are."""
    word = word.lower()
    if found := KINDS.get(_ALIASES.get(word, word)):
        return found
    raise ValueError(f"There is no kind of object called '{word}'; there are {', '.join(KINDS)} (client is a worker).")
