# SPDX-License-Identifier: GPL-3.0-or-later
"""The one service behind every door: console, JSON line, HTTP and CLI ask here, so that they do and say the same.

It turns what a person says (a kind, a filter, values) into one command of the engine, with who asked. What cannot be
is a `Refusal` with a sentence, and has changed nothing.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from brender.core import commands as c
from brender.core.attributes import Kind
from brender.core.commands import By, Refusal
from brender.core.contentviews import CollectedView
from brender.core.farm import Farm
from brender.core.filters import Filter
from brender.core.kinds import kind_of
from brender.core.lifecycle import JOB_ENDED
from brender.core.nouns import AuditEntry, Job, Limits, Role, Run, Value, Wish
from brender.core.rights import Right, owns
from brender.core.scene import Settings
from brender.core.views import JobRequest, JobView, WhyView
from brender.manager import submit
from brender.manager.content import Content
from brender.manager.engine import Engine
from brender.manager.files import Files
from brender.manager.finding import Finder, Given, Look, T, parsed
from brender.manager.people import People, owner_of
from brender.manager.retention import Retention
from brender.manager.views import Views
from brender.store import Store

MOST = 100_000  # objects that one command may change
NOBODY = "[Warning] No client selected. Specify a client name or use the 'ALL' argument."

_AUDIT_FIELDS = ("who", "door", "origin", "verb", "kind")
_AUDIT_PAGE = 200
_JOBS_PAGE = 500

Row = dict[str, Value]


class Named(msgspec.Struct, frozen=True):
    """An object that is meant: what names it in a command, and to a person."""

    id: str
    name: str


class Service:
    """What can be asked of the farm. `by` says who asks; `end` ends the manager in order."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        files: Files,
        views: Views,
        end: Callable[[], None],
        ping: Callable[[str], Awaitable[float]],
        content: Content,
    ) -> None:
        self.engine = engine
        self.views = views
        self.files = files
        self._store = store
        self._finder = Finder(engine, store)
        self._end = end
        self._ping = ping
        self._content = content
        self.people = People(engine)

    # --- reading -----------------------------------------------------------------------------------------------

    def kind(self, word: str) -> Kind:
        """A kind by its name, plural, or the seed's word."""
        try:
            return kind_of(word)
        except ValueError as error:
            raise Refusal(str(error), "invalid") from None

    async def show(self, kind: str, given: Given = (), limit: int = MOST, offset: int = 0) -> tuple[list[Row], int]:
        """A page of those that are meant, each with all its attributes, and how many there are in all."""
        known = self.kind(kind)
        found = await self._finder.find(known, parsed(known, given), known.show, limit, offset)
        return found.things, found.total

    async def find(
        self, kind: str, given: Given, look: Look[T], limit: int = MOST, offset: int = 0
    ) -> tuple[list[T], int]:
        """The same, but of each what `look` sees."""
        known = self.kind(kind)
        found = await self._finder.find(known, parsed(known, given), look, limit, offset)
        return found.things, found.total

    async def select(self, kind: str, given: Given) -> list[Named]:
        """All that are meant, to do something to them. Nothing selected, or nobody meant, is a `Refusal`."""
        known = self.kind(kind)
        chosen = parsed(known, given)
        if not chosen.given:
            raise Refusal(f"Say which {known.plural}: by name, by a filter, or all.", "invalid")
        found = await self._finder.find(known, chosen, partial(_named, known), MOST)
        if not found.things:
            raise Refusal(_nobody(known, chosen), "not_found")
        if found.total > MOST:
            raise Refusal(f"These are {found.total} {known.plural}: one command takes {MOST} at most.", "invalid")
        return found.things

    def describe(self, kind: str) -> Kind:
        """A kind with its attributes; the same as `kind`, for who reads it."""
        return self.kind(kind)

    async def why(self, job: int) -> WhyView:
        """Why a job is where it is."""
        return await self.views.why(job)

    async def log(self, job: int, frame: int) -> str:
        """What Blender printed in a frame's last run, or the accepted one; it is bounded."""
        run = await self.views.latest_run(job, frame)
        return await asyncio.to_thread(self.files.read_log, run)

    async def audit(self, limit: int = 50, before: str | None = None, **wanted: str) -> list[AuditEntry]:
        """Who changed what, the newest first; `wanted` are fields and what they hold."""
        if unknown := sorted(wanted.keys() - set(_AUDIT_FIELDS)):
            raise Refusal(f"The audit log is not asked by {unknown[0]}, but by {', '.join(_AUDIT_FIELDS)}.", "invalid")
        if "kind" in wanted:
            wanted["kind"] = self.kind(wanted["kind"]).name
        return await asyncio.to_thread(self._entries, limit, before, wanted)

    def _entries(self, limit: int, before: str | None, wanted: Mapping[str, str]) -> list[AuditEntry]:
        found: list[AuditEntry] = []
        while len(found) < limit:
            page = self._store.audit(_AUDIT_PAGE, before, wanted.get("kind"), wanted.get("who"))
            found += [e for e in page if all(getattr(e, name) == value for name, value in wanted.items())]
            if len(page) < _AUDIT_PAGE:
                break
            before = page[-1].id
        return found[:limit]

    # --- any object --------------------------------------------------------------------------------------------

    async def create(self, by: By, kind: str, values: Mapping[str, Any]) -> Row:
        """Make one; what it is afterwards. A job is submitted."""
        known = self.kind(kind)
        if known.no_create:
            raise Refusal(known.no_create, "invalid")
        checked = _checked(known, values, creating=True)
        if known.name == "job":
            return known.show(self.engine.farm, await self.submit(by, _job_request(checked)))
        made = await self.engine.command(c.CreateObject(by=by, kind=known.name, values=checked))
        return await self.engine.read(lambda farm: known.show(farm, farm.workers.get(getattr(made, "id", ""), made)))

    async def set(self, by: By, kind: str, given: Given, values: Mapping[str, Any]) -> list[str]:
        """Set attributes of all that are meant, in one transaction; their names."""
        known = self.kind(kind)
        if not values:
            raise Refusal("Say what to set: attribute=value.", "invalid")
        checked = _checked(known, values)
        found = await self.select(kind, given)
        await self._refuse_others(by, known, found)
        _refuse_given_away(by, known, checked)
        await self.engine.command(c.SetAttributes(by=by, kind=known.name, keys=_keys(found), values=checked))
        return _names(found)

    async def delete(self, by: By, kind: str, given: Given) -> list[str]:
        """Delete all that are meant, in one transaction; their names."""
        known = self.kind(kind)
        if known.no_delete:
            raise Refusal(known.no_delete, "invalid")
        found = await self.select(kind, given)
        await self._refuse_others(by, known, found)
        await self.engine.command(c.DeleteObjects(by=by, kind=known.name, keys=_keys(found)))
        return _names(found)

    # --- workers -----------------------------------------------------------------------------------------------

    async def wish(self, by: By, given: Given, wish: Wish, now: bool = False) -> list[str]:
        """Enable, drain or disable every worker that is meant; their names."""
        known = self.kind("worker")
        if not parsed(known, given).given:
            raise Refusal(NOBODY, "invalid")
        command = c.SetWish(by=by, workers=_keys(await self.select("worker", given)), wish=wish, now=now)
        return [worker.name for worker in await self.engine.command(command)]

    async def pause_workers(self, by: By, given: Given, paused: bool) -> list[str]:
        """Stop, or let go on, every worker that is meant with all it renders; their names."""
        command = c.SetPaused(by=by, workers=_keys(await self.select("worker", given)), paused=paused)
        return [worker.name for worker in await self.engine.command(command)]

    async def kill(self, by: By, given: Given) -> list[str]:
        """End what the workers that are meant render, processes and all; the tasks, which are ready again."""
        return _tasks_of(
            await self.engine.command(c.KillRuns(by=by, workers=_keys(await self.select("worker", given))))
        )

    async def kill_tasks(self, by: By, tasks: Sequence[str]) -> list[str]:
        """End the runs of these tasks, each job/step/index, processes and all; the same."""
        runs = await self.engine.read(lambda farm: tuple(_run_of(farm, task) for task in tasks))
        await self.refuse_any(by, {int(task.partition("/")[0]) for task in tasks})
        return _tasks_of(await self.engine.command(c.KillRuns(by=by, runs=runs)))

    async def ping(self, worker: str) -> float:
        """Seconds until a worker, by name or id, has answered."""
        return await self._ping((await self.views.worker(worker)).id)

    # --- jobs --------------------------------------------------------------------------------------------------

    async def submit(self, by: By, request: JobRequest) -> Job:
        """Submit a job. The same `request_id` again gives the same job."""
        if known := await self.views.job_of_request(request.request_id):
            return await self.views.row(known)
        shared = await self.engine.read(lambda farm: submit.Shared(farm.view, tuple(farm.mappings.values())))
        command = await asyncio.to_thread(submit.prepare, request, await self.views.blenders(), shared, self._content)
        owner = await self.engine.read(lambda farm: owner_of(by, command.owner, farm.users))
        job: Job = await self.engine.command(replace(command, by=by, owner=owner))
        return job

    async def prioritize(self, by: By, job: int, priority: int) -> JobView:
        """Change its place in the queue."""
        return await self._done(by, c.SetPriority(by=by, job=job, priority=priority), job)

    async def pause(self, by: By, job: int) -> JobView:
        """Start nothing of it any more."""
        return await self._done(by, c.PauseJob(by=by, job=job), job)

    async def resume(self, by: By, job: int) -> JobView:
        """Undo a pause."""
        return await self._done(by, c.ResumeJob(by=by, job=job), job)

    async def cancel(self, by: By, job: int) -> JobView:
        """End it with all that runs of it."""
        return await self._done(by, c.CancelJob(by=by, job=job), job)

    async def retry(self, by: By, job: int) -> JobView:
        """Render again what failed, and of an ended job what was cancelled."""
        row = await self.views.row(job)
        if row.carried and row.state in JOB_ENDED:  # what it needs may have been collected since
            await asyncio.to_thread(self._content.hold, row.scene.manifest)
        return await self._done(by, c.RetryJob(by=by, job=job), job)

    async def refuse_any(self, by: By, jobs: Iterable[int]) -> None:
        """Of several jobs that are named, none is touched where one is not there, or somebody else's."""
        for job in jobs:
            refuse_other(by, await self.views.row(job))

    async def _refuse_others(self, by: By, kind: Kind, found: Iterable[Named]) -> None:
        """The same, of what was selected: jobs, and their steps and tasks."""
        if kind.change is Right.CHANGE_JOBS and by.principal.role is not Role.ADMIN:
            await self.refuse_any(by, dict.fromkeys(int(each.id.partition("/")[0]) for each in found))

    async def _done(self, by: By, command: c.Command, job: int) -> JobView:
        await self.refuse_any(by, (job,))  # a number that is none is refused before the engine's queue
        await self.engine.command(command)
        return await self.views.job(job)

    # --- content -----------------------------------------------------------------------------------------------

    async def collect_content(self, dry_run: bool = False) -> CollectedView:
        """Remove the content that no job needs, as the setting content_days says, and before it what is kept of jobs
        that ended long ago; or say what that would be.
        """
        retention = Retention(self.engine, self._store, self.files.data, self._content.storage)
        swept = await retention.sweep(self.engine.clock().wall, dry_run)
        unfinished = await self.engine.read(lambda farm: {job.scene.manifest for job in farm.jobs.values()} - {""})
        since = self.engine.clock().wall - float(self.engine.farm.setting("content_days")) * 86_400
        found = await asyncio.to_thread(lambda: self._content.collect(unfinished | self._needed_since(since), dry_run))
        return replace(
            found,
            jobs=swept.jobs,
            logs=swept.logs,
            thumbnails=swept.thumbnails,
            frames=swept.frames,
            old_bytes=swept.bytes,
        )

    def _needed_since(self, since: float) -> frozenset[str]:
        """The manifests of jobs that have ended since then. The newest are read first, and all are read once."""
        found = frozenset[str]()
        before: int | None = None
        while page := self._store.jobs(_JOBS_PAGE, before=before, states=tuple(JOB_ENDED)):
            found |= {job.scene.manifest for job in page if job.carried and (job.ended_at or since) >= since}
            before = page[-1].id
        return found

    # --- the manager -------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """End the manager in order. Nothing depends on it: every change is saved already."""
        self._end()


def _checked(kind: Kind, values: Mapping[str, Any], *, creating: bool = False) -> dict[str, Value]:
    try:
        return kind.checked(values, creating=creating)
    except ValueError as error:
        raise Refusal(str(error), "invalid") from None


def _nobody(kind: Kind, chosen: Filter) -> str:
    if not chosen.names and not chosen.conditions:
        return f"There are no {kind.plural}."
    return f"No {kind.name} fits the filter; nothing was changed."


def _named(kind: Kind, farm: Farm, thing: Any) -> Named:
    return Named(kind.id_of(farm, thing), str(kind.key.read(farm, thing)))


def refuse_other(by: By, job: Job) -> None:
    """A job is changed by its owner, and by an admin."""
    if not owns(by.principal, job.owner):
        whose = (
            f"belongs to {job.owner}: {job.owner} and admins change it"
            if job.owner
            else "is nobody's: admins change it"
        )
        raise Refusal(f"Job {job.id} ({job.name}) {whose}.", "forbidden")


def _refuse_given_away(by: By, kind: Kind, values: Mapping[str, Value]) -> None:
    if kind.name == "job" and not owns(by.principal, str(values.get("owner", by.principal.name))):
        raise Refusal("A job is given to somebody else by an admin alone.", "forbidden")


def _keys(found: list[Named]) -> tuple[str, ...]:
    return tuple(each.id for each in found)


def _names(found: list[Named]) -> list[str]:
    return [each.name for each in found]


def _run_of(farm: Farm, task: str) -> str:
    """The live run of a task, job/step/index."""
    try:
        job, number, index = (int(part) for part in task.split("/"))
    except ValueError:
        raise Refusal(f"A task is named job/step/index, such as 5/0/17, not {task}.", "invalid") from None
    step = farm.steps.get((job, number))
    if step is None or (run := step.live.get(index)) is None:
        raise Refusal(f"Nothing of task {task} goes on now.", "not_found")
    return run


def _tasks_of(runs: Iterable[Run]) -> list[str]:
    return [f"{run.job}/{run.step}/{run.index}" for run in runs]


def _job_request(values: dict[str, Any]) -> JobRequest:
    """A job as its attributes say it: no Python is among them."""
    limits = {name: values.pop(name) for name in Limits.__struct_fields__ if name in values}
    settings = {name: values.pop(name) for name in ("output", "engine") if values.get(name)}
    return JobRequest(request_id=uuid.uuid4().hex, settings=Settings(**settings), limits=Limits(**limits), **values)
