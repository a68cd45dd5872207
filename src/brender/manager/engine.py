# SPDX-License-Identifier: GPL-3.0-or-later
"""The only writer: one queue, one consumer. Commands that arrive together are decided one after the other, saved in
one transaction, and only then answered, told and published.

When a save fails, the farm is loaded again and that batch is taken one command at a time, so that only the culprit
gets the error. Reads of memory wait for the commit that covers what they saw.
"""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import structlog

from brender.core import commands as c
from brender.core.changes import Changes, Effect, Row, Tell
from brender.core.farm import Farm
from brender.core.live import Now
from brender.core.messages import Heartbeat, Recall
from brender.core.nouns import Job, Run, RunState, SessionRecord, Task, Worker
from brender.core.rules import assign, decide, settle
from brender.scheduler import plan

log = structlog.get_logger()
T = TypeVar("T")


class Damaged(Protocol):
    """A record that was set aside, so that the others load (C08)."""

    @property
    def message(self) -> str: ...


class Loaded(Protocol):
    """What a store knows of the live farm."""

    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def next_job(self) -> int: ...
    @property
    def damaged(self) -> Sequence[Damaged]: ...


class Store(Protocol):
    """What the engine needs of a store; called from threads, saves from one only."""

    def save(self, rows: Sequence[Row]) -> None: ...
    def load_farm(self) -> Loaded: ...
    def job(self, id: int) -> Job | None: ...
    def tasks_of(self, job: int) -> list[Task]: ...
    def job_by_request(self, request_id: str) -> int | None: ...


ABOUT_A_JOB = (c.SubmitJob, c.PauseJob, c.ResumeJob, c.CancelJob, c.RetryJob, c.SetPriority)


class Asked(msgspec.Struct):
    """A command on its way, who waits for its answer, and whether what it is about was in memory when it set out."""

    command: c.Command
    answer: asyncio.Future[Any]
    live: bool


class _Left(Exception):
    """What the command is about has left memory since: the store is to be asked."""


class Engine:
    """Holds the farm. `act` is given the effects of a batch, after its commit and in order; it must not block."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], Now],
        new_id: Callable[[], str],
        act: Callable[[Sequence[Effect]], None],
        changed: Callable[[Sequence[Row]], None],
    ) -> None:
        self.farm = Farm()
        self._store = store
        self.clock = clock
        self._new_id = new_id
        self._act = act
        self._changed = changed
        self._inbox: asyncio.Queue[Asked] = asyncio.Queue()
        self._commit: asyncio.Future[bool] | None = None  # of the batch being saved: True where it succeeded
        self._failure: Exception = RuntimeError("nothing has failed")  # the last one
        self._lost = False  # memory is ahead of the store, which could not even be read again
        self._writer = concurrent.futures.ThreadPoolExecutor(1, "brender-writer")

    # --- the doors ---------------------------------------------------------------------------------------------

    async def command(self, command: c.Command) -> Any:
        """Do it, and give its answer once it is saved. Raises `Refusal` where it changed nothing."""
        while True:
            live = isinstance(command, ABOUT_A_JOB) and await self.read(lambda farm: _is_live(farm, command))
            known = command if live else await self._known(command)
            if isinstance(known, Job):
                return known
            asked = Asked(known, asyncio.get_running_loop().create_future(), live)
            self._inbox.put_nowait(asked)
            with contextlib.suppress(_Left):
                return await asked.answer

    async def read(self, view: Callable[[Farm], T]) -> T:
        """What `view` sees in memory, given only after the commit that covers it."""
        while True:
            if self._lost:
                raise self._failure
            seen, commit = view(self.farm), self._commit
            if commit is None or await asyncio.shield(commit):
                return seen

    def heard(self, worker: str, heartbeat: Heartbeat) -> None:
        """A sign of life: memory alone, waits for nothing."""
        self.farm.heard(worker, heartbeat.runs, self.clock())
        heard = self.farm.workers[worker]
        heard.load, heard.memory_used_mb, heard.paused = heartbeat.load, heartbeat.memory_mb, heartbeat.paused

    async def load(self) -> None:
        """Fill the memory from the store. Before any socket opens."""
        loaded = await asyncio.get_running_loop().run_in_executor(self._writer, self._store.load_farm)
        farm, now = Farm(), self.clock()
        farm.system = self.farm.system
        farm.apply(loaded.rows, now)
        farm.next_job = max(farm.next_job, loaded.next_job)
        farm.carry_presence(self.farm)
        self.farm = farm
        for damaged in loaded.damaged:
            log.error("a record is damaged and was set aside", reason=damaged.message)

    def unpublished(self) -> list[Run]:
        """Accepted runs whose files may still lie under their run's name: what start-up must finish."""
        return [run for run in self.farm.runs.values() if run.state is RunState.RENDERED]

    async def run(self) -> None:
        """Take commands for ever."""
        while True:
            batch = [await self._inbox.get()]
            while not self._inbox.empty():
                batch.append(self._inbox.get_nowait())
            await self._take(batch)

    def close(self) -> None:
        """Let go of the writer's thread, once nothing is being saved."""
        self._writer.shutdown()

    # --- one batch ---------------------------------------------------------------------------------------------

    async def _take(self, batch: Sequence[Asked]) -> None:
        if self._lost and not await self._load_again():
            for asked in batch:
                _fail(asked, self._failure)
            return
        self._commit = asyncio.get_running_loop().create_future()
        saved = False
        try:
            decided = [self._decide(asked) for asked in batch]
            followed = self._follow()
            await self._save([*decided, followed])
            saved = True
        except Exception as error:
            log.error("a batch failed; the farm is loaded again", commands=len(batch), error=repr(error))
            self._failure = error
            await self._load_again()
        finally:
            self._commit.set_result(saved)
            self._commit = None
        if saved:
            self._tell(batch, decided, followed)
        else:
            await self._again(batch)

    async def _load_again(self) -> bool:
        """The farm as it was saved; False where that cannot be had now."""
        try:
            await self.load()
        except Exception as error:
            log.error("the farm could not be loaded", error=str(error))
            self._failure, self._lost = error, True
        else:
            self._lost = False
        return not self._lost

    def _decide(self, asked: Asked) -> Changes | Exception:
        """Decide one command and bring it to memory; a refusal, or a fault of the program, changes nothing."""
        now = self.clock()
        if asked.live and not _is_live(self.farm, asked.command):
            return _Left()
        try:
            changes = decide(self.farm, asked.command, now, self._new_id)
        except c.Refusal as refusal:
            return refusal
        except Exception as fault:
            log.exception("a rule failed", command=type(asked.command).__name__)
            return fault
        self._apply(changes, now)
        self._settle(changes, now)
        return changes

    def _apply(self, changes: Changes, now: Now) -> None:
        self.farm.apply(changes.rows, now)
        if changes.presence:
            self.farm.appear(changes.presence, now)
        self.farm.silence(changes.silent)
        if changes.proving:
            self.farm.ask_proof(changes.proving)

    def _settle(self, changes: Changes, now: Now) -> None:
        """Add to `changes` what follows from them for their jobs."""
        while self.farm.unsettled:
            job = next(iter(self.farm.unsettled))
            del self.farm.unsettled[job]
            follows = settle(self.farm, job, now)
            self._apply(follows, now)
            changes.rows += follows.rows
            changes.effects += follows.effects
            changes.answer = _newest(changes.answer, follows.rows)

    def _follow(self) -> Changes:
        """What the jobs and the idle workers call for, after a batch."""
        now, changes = self.clock(), Changes()
        self._settle(changes, now)
        while self.farm.hungry:
            worker = next(iter(self.farm.hungry))
            del self.farm.hungry[worker]
            self._feed(worker, changes, now)
        return changes

    def _feed(self, worker: str, changes: Changes, now: Now) -> None:
        try:
            proposed = plan(self.farm, worker)
        except Exception:  # a fault of the program, that must not stop all others
            log.exception("the scheduler failed", worker=worker)
            return
        if proposed.step is not None and proposed.indexes:
            given = assign(self.farm, worker, self.farm.steps[proposed.step], proposed.indexes, now, self._new_id)
            self._apply(given, now)
            changes.rows += given.rows
            changes.effects += given.effects
        changes.effects += self._ask_back(proposed.recall)

    def _ask_back(self, runs: Iterable[str]) -> list[Tell]:
        asked: dict[str, list[str]] = {}
        for run in runs:
            asked.setdefault(self.farm.runs[run].worker, []).append(run)
        for worker, theirs in asked.items():
            self.farm.workers[worker].asked.update(theirs)
        return [Tell(worker, Recall(runs=tuple(theirs))) for worker, theirs in asked.items()]

    # --- saving and telling ------------------------------------------------------------------------------------

    async def _save(self, decided: Iterable[Changes | Exception]) -> None:
        rows = [row for changes in decided if isinstance(changes, Changes) for row in changes.rows]
        if rows:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._store.save, rows)

    async def _again(self, batch: Sequence[Asked]) -> None:
        """After a failed save: each command by itself, so that only the culprit gets the error."""
        if len(batch) == 1:
            _fail(batch[0], self._failure)
            return
        for asked in batch:
            await self._take([asked])

    def _tell(self, batch: Sequence[Asked], decided: Sequence[Changes | Exception], followed: Changes) -> None:
        for asked, changes in zip(batch, decided, strict=True):
            if isinstance(changes, Exception):
                _fail(asked, changes)
            else:
                self._answer(asked, changes)
        self._act(followed.effects)
        self._changed(followed.rows)

    def _answer(self, asked: Asked, changes: Changes) -> None:
        if not asked.answer.done():
            asked.answer.set_result(changes.answer)
        self._act(changes.effects)
        self._changed([*changes.rows, *self._appeared(changes)])

    def _appeared(self, changes: Changes) -> list[Row]:
        """The worker that came or went: nothing of that is saved, yet whoever shows it must hear of it."""
        return [self.farm.workers[changes.presence.worker].record] if changes.presence else []

    # --- commands about what is not in memory ------------------------------------------------------------------

    async def _known(self, command: c.Command) -> c.Command | Job:
        """The command with what the store knows of its job; or the job, where it is answered already."""
        match command:
            case c.SubmitJob():
                return await self._submitted_before(command) or command
            case c.PauseJob() | c.ResumeJob() | c.CancelJob() | c.RetryJob() | c.SetPriority():
                return await self._ended(command)
        return command

    async def _submitted_before(self, command: c.SubmitJob) -> Job | None:
        id_ = await asyncio.to_thread(self._store.job_by_request, command.request_id)
        return await asyncio.to_thread(self._store.job, id_) if id_ is not None else None

    async def _ended(
        self, command: c.PauseJob | c.ResumeJob | c.CancelJob | c.RetryJob | c.SetPriority
    ) -> c.Command | Job:
        job = await asyncio.to_thread(self._store.job, command.job)
        if job is None:
            raise c.Refusal(f"There is no job {command.job}.", "not_found")
        if isinstance(command, c.RetryJob):
            touched = await asyncio.to_thread(self._store.tasks_of, command.job)
            return msgspec.structs.replace(command, ended=job, touched=tuple(touched))
        if isinstance(command, c.CancelJob):
            return job
        raise c.Refusal(f"Job {job.id} has ended already: it is {job.state}.")


def _is_live(farm: Farm, command: c.Command) -> bool:
    """Whether the job that a command is about is in memory."""
    match command:
        case c.SubmitJob():
            return command.request_id in farm.by_request
        case c.PauseJob() | c.ResumeJob() | c.CancelJob() | c.RetryJob() | c.SetPriority():
            return command.job in farm.jobs
    return False


def _newest(answer: object, rows: Iterable[Row]) -> object:
    """An answer that is a job is given as it is after all that followed."""
    for row in rows:
        if isinstance(row, Job) and isinstance(answer, Job) and row.id == answer.id:
            answer = row
    return answer


def _fail(asked: Asked, error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)


def keys_of(rows: Iterable[Row]) -> set[tuple[str, str]]:
    """Which jobs and workers some rows are about, as ("job", id) and ("worker", id): what the page is hinted at."""
    keys: set[tuple[str, str]] = set()
    for row in rows:
        match row:
            case Job():
                keys.add(("job", str(row.id)))
            case Task() | SessionRecord():
                keys.add(("job", str(row.job)))
            case Run():
                keys |= {("job", str(row.job)), ("worker", row.worker)}
            case Worker():
                keys.add(("worker", row.id))
    return keys
