# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, setting and deleting objects of any kind, by their attributes: all of a command or none of it."""

from collections.abc import Callable
from typing import Any

from brender.core import commands as c
from brender.core.changes import Changes, Row
from brender.core.farm import Farm
from brender.core.kinds import KINDS, StepOf
from brender.core.live import LiveStep, Now
from brender.core.messages import Host
from brender.core.nouns import Gone, Job, Mapping, Setting, Share, Tag, TaskState, Value, Worker
from brender.core.pathmap import same_folder
from brender.core.rules import people
from brender.core.rules.jobs import fresh, job_of
from brender.core.rules.orders import follow, worker_of
from brender.core.rules.workers import new_worker
from brender.core.settings import SETTINGS

NewId = Callable[[], str]
Values = dict[str, Value]


def create(farm: Farm, command: c.CreateObject, now: Now, new_id: NewId) -> Changes:
    """One object; its values have been checked against the registry."""
    kind = KINDS[command.kind]
    if command.kind not in _CREATED:
        raise c.Refusal(kind.no_create or "A job is submitted, not created like this.", "invalid")
    row = _CREATED[command.kind](farm, dict(command.values), now, new_id)
    return Changes([row], answer=row)


def _worker(farm: Farm, values: Values, now: Now, new_id: NewId) -> Worker:
    """A worker before it has come: the first machine of its name takes it up."""
    name = str(values.pop("name"))
    if name in farm.by_name:
        raise c.Refusal(f"There is a worker {name} already.")
    _refuse_unmapped(farm, values)
    nowhere = Host(hostname="", system="", cores=0, memory_mb=0)
    return KINDS["worker"].written(new_worker(farm, "", name, nowhere, now, new_id), values)  # type: ignore[no-any-return]


def _tag(farm: Farm, values: Values, now: Now, new_id: NewId) -> Tag:
    if values["name"] in farm.tags:
        raise c.Refusal(f"There is a tag {values['name']} already.")
    return Tag(name=str(values["name"]), note=str(values.get("note", "")))


def _share(farm: Farm, values: Values, now: Now, new_id: NewId) -> Share:
    if values["user"] in farm.share_rows:
        raise c.Refusal(f"There is a share of {values['user']} already: set its weight.")
    return Share(user=str(values["user"]), weight=float(values["weight"]))  # type: ignore[arg-type]


def _mapping(farm: Farm, values: Values, now: Now, new_id: NewId) -> Mapping:
    if values["name"] in farm.mappings:
        raise c.Refusal(f"There is a mapping {values['name']} already: set its folders.")
    made = Mapping(**values)  # type: ignore[arg-type]  # checked by the registry
    _refuse_mapped_twice(farm, made)
    return made


def _refuse_mapped_twice(farm: Farm, mapping: Mapping) -> None:
    """One folder of a system is one mapping's, so that each path has one meaning."""
    for other in farm.mappings.values():
        for field in ("linux", "windows", "macos"):
            folder = getattr(mapping, field)
            if other.name != mapping.name and same_folder(folder, getattr(other, field), field == "windows"):
                raise c.Refusal(f"The folder {folder} is that of the mapping {other.name} already.")


def _refuse_unmapped(farm: Farm, values: Values) -> None:
    """A worker's own folder is one of a mapping."""
    given = values.get("mappings", ())
    assert isinstance(given, tuple)
    if unknown := [name for name, _, _ in (text.partition("=") for text in given) if name not in farm.mappings]:
        raise c.Refusal(f"There is no mapping {unknown[0]}: create it first.", "not_found")


_CREATED: dict[str, Callable[[Farm, Values, Now, NewId], Row]] = {
    "worker": _worker, "tag": _tag, "share": _share, "mapping": _mapping, "user": people.new_user,
}  # fmt: skip


# --- setting -----------------------------------------------------------------------------------------------------


def set_attributes(farm: Farm, command: c.SetAttributes, now: Now, new_id: NewId) -> Changes:
    """Attributes of many objects, all of one kind."""
    changes = Changes(answer=len(command.keys))
    if command.kind == "worker" and "name" in command.values and len(command.keys) > 1:
        raise c.Refusal(f"{len(command.keys)} workers cannot all be called {command.values['name']}.", "invalid")
    try:
        for key in command.keys:
            _SET[command.kind](farm, changes, key, command.values)
    except ValueError as error:
        raise c.Refusal(str(error), "invalid") from None
    return changes


def _set_worker(farm: Farm, changes: Changes, id_: str, values: Values) -> None:
    worker = worker_of(farm, id_)
    if farm.by_name.get(str(values.get("name")), id_) != id_:
        raise c.Refusal(f"There is a worker {values['name']} already.")
    _refuse_unmapped(farm, values)
    record = KINDS["worker"].written(worker.record, values)
    changes.rows.append(record)
    changes.effects += follow(farm, worker, record)


def _set_job(farm: Farm, changes: Changes, id_: str, values: Values) -> None:
    changes.rows.append(KINDS["job"].written(job_of(farm, int(id_)), values))


def _set_step(farm: Farm, changes: Changes, id_: str, values: Values) -> None:
    job, number = (int(part) for part in id_.split("/"))
    newest = next((r for r in reversed(changes.rows) if isinstance(r, Job) and r.id == job), None)
    _step_of(farm, job, number)
    changes.rows.append(KINDS["step"].written(StepOf(newest or job_of(farm, job), number), values).job)


def _step_of(farm: Farm, job: int, number: int) -> LiveStep:
    if step := farm.steps.get((job_of(farm, job).id, number)):
        return step
    raise c.Refusal(f"Job {job} has no step {number}.", "not_found")


def _set_task(farm: Farm, changes: Changes, id_: str, values: Values) -> None:
    job, number, index = (int(part) for part in id_.split("/"))
    KINDS["task"].written(None, values)  # says what may be set
    step = _step_of(farm, job, number)
    if not 0 <= index < step.spec.tasks:
        raise c.Refusal(f"Step {number} of job {job} has no task {index}.", "not_found")
    task = step.task(index)
    if task.state is not TaskState.FAILED:
        raise c.Refusal(f"Task {id_} is {task.state.name.lower()}: only a failed one can be made ready again.")
    changes.rows.append(fresh(task))


def _set_named(rows: Callable[[Farm], dict[str, Any]], kind: str) -> Callable[[Farm, Changes, str, Values], None]:
    def put(farm: Farm, changes: Changes, key: str, values: Values) -> None:
        changes.rows.append(KINDS[kind].written(_known(rows(farm), kind, key), values))

    return put


def _set_mapping(farm: Farm, changes: Changes, name: str, values: Values) -> None:
    row = KINDS["mapping"].written(_known(farm.mappings, "mapping", name), values)
    _refuse_mapped_twice(farm, row)
    changes.rows.append(row)


def _known(rows: dict[str, Any], kind: str, key: str) -> Any:
    if (row := rows.get(key)) is None:
        raise c.Refusal(f"There is no {kind} {key}.", "not_found")
    return row


def setting_rows(farm: Farm) -> dict[str, Setting]:
    """All settings, set or not."""
    return {name: Setting(name=name, value=farm.setting(name)) for name in SETTINGS}


_SET: dict[str, Callable[[Farm, Changes, str, Values], None]] = {
    "worker": _set_worker,
    "job": _set_job,
    "step": _set_step,
    "task": _set_task,
    "tag": _set_named(lambda farm: farm.tags, "tag"),
    "share": _set_named(lambda farm: farm.share_rows, "share"),
    "mapping": _set_mapping,
    "setting": _set_named(setting_rows, "setting"),
    "user": _set_named(lambda farm: farm.users, "user"),
    "token": _set_named(lambda farm: farm.tokens, "token"),
}


# --- deleting ----------------------------------------------------------------------------------------------------


def delete(farm: Farm, command: c.DeleteObjects, now: Now, new_id: NewId) -> Changes:
    """What is in use, or unfinished, is not deleted: the sentence says what to do first."""
    if no := KINDS[command.kind].no_delete:
        raise c.Refusal(no, "invalid")
    keys = tuple(dict.fromkeys(command.keys))
    for key in keys:
        if reason := _IN_USE[command.kind](farm, key):
            raise c.Refusal(reason)
    along = people.with_their_tokens(farm, keys) if command.kind == "user" else []
    return Changes([*along, *(Gone(kind=command.kind, key=key) for key in keys)], answer=len(keys))


def _worker_in_use(farm: Farm, id_: str) -> str | None:
    worker = worker_of(farm, id_)
    if worker.connection:
        return f"Worker {worker.record.name} is online: stop it before you delete it."
    if worker.runs:
        return f"Worker {worker.record.name} may still render: its runs are kept until its lease runs out."
    if any(run.worker == id_ for run in farm.runs.values()):  # rendered
        return f"Files that worker {worker.record.name} rendered are being published: try again in a moment."
    return None


def _job_in_use(farm: Farm, id_: str) -> str | None:
    return f"Job {id_} is unfinished: cancel it before you delete it." if int(id_) in farm.jobs else None


def _tag_in_use(farm: Farm, name: str) -> str | None:
    _known(farm.tags, "tag", name)
    jobs = [str(job.id) for job in farm.jobs.values() if name in job.tags]
    workers = [worker.record.name for worker in farm.workers.values() if name in worker.record.tags]
    users = ", ".join(["job " + job for job in jobs[:5]] + ["worker " + worker for worker in workers[:5]])
    return f"The tag {name} is in use by {users}." if users else None


def _share_in_use(farm: Farm, user: str) -> str | None:
    _known(farm.share_rows, "share", user)
    return None


def _mapping_in_use(farm: Farm, name: str) -> str | None:
    mapping = _known(farm.mappings, "mapping", name)
    jobs = [str(job.id) for job in farm.jobs.values() if mapping in farm.needs(job).folders]
    return f"The mapping {name} is in use by job {', '.join(jobs[:5])}." if jobs else None


def _never_in_use(of: Callable[[Farm, str], object]) -> Callable[[Farm, str], str | None]:
    """There it must be; jobs of a user that is deleted stay, under that name."""

    def in_use(farm: Farm, key: str) -> str | None:
        of(farm, key)
        return None

    return in_use


_IN_USE: dict[str, Callable[[Farm, str], str | None]] = {
    "worker": _worker_in_use,
    "job": _job_in_use,
    "tag": _tag_in_use,
    "share": _share_in_use,
    "mapping": _mapping_in_use,
    "user": _never_in_use(people.user_of),
    "token": _never_in_use(people.token_of),
}
