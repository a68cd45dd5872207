# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves the farm and finds in it. Nouns go in and come out; SQL, rows and the database's own errors stay inside.

`save` and `load_farm` are the engine's, from one thread. All else may be asked from any thread, sees only what was
saved, and none of it walks a whole job but `tasks_of` and `task_states`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, select, tuple_

from brender.core import changes
from brender.core.nouns import AuditEntry, Job, JobState, Run, SessionRecord, Task, TaskState, Worker
from brender.store import database, farm, folder
from brender.store.database import Database, StoreError
from brender.store.migrate import migrate
from brender.store.records import AUDIT, JOBS, RUNS, SESSIONS, TASKS, WORKERS, DamagedError, Kept, Noun
from brender.store.saving import Statements
from brender.store.tables import ACCEPTED, RUN_HAS_FAILED, RUN_IS_ACCEPTED, audit, jobs, runs, sessions, tasks, workers

FILE = "brender.db"  # in the data folder

_LAST_ID = 2**31 - 1  # a job's id is a 32-bit number
_NEVER = math.inf  # later than any entry of the audit log
_BY_TASK = (runs.c.job, runs.c.step, runs.c["index"], runs.c.assigned_at, runs.c.id)
_NEWEST = (runs.c.assigned_at.desc(), runs.c.id.desc())


class Store:
    """An open database, with the tables of this program. Every method raises StoreError, with a sentence."""

    def __init__(self, opened: Database) -> None:
        self._database = opened
        try:
            migrate(opened)
        except BaseException:
            opened.close()
            raise
        self._statements = Statements(opened)

    @classmethod
    def open(cls, data: Path) -> "Store":
        """The database in a data folder; both are made if need be."""
        return cls(database.at_path(folder.ready(data) / FILE))

    @classmethod
    def connect(cls, url: str) -> "Store":
        """The PostgreSQL database at an SQLAlchemy URL."""
        return cls(database.at_url(url))

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # --- the engine's

    def save(self, rows: Sequence[changes.Row]) -> None:
        """Put all these rows, and take away what a `Gone` says, or, with a StoreError, nothing. It is on the disk when
        this returns.

        Of rows with the same key the last one counts, a `Gone` too. What says which row it is (all columns that are
        not marked CHANGES in `tables`) must never change.
        """
        if not rows:
            return
        with self._database.writing() as connection:
            self._statements.write(connection, rows)

    def load_farm(self) -> farm.Loaded:
        """The unfinished part of the farm. What is damaged is set aside, see there."""
        with self._database.reading() as connection:
            return farm.load_farm(connection)

    # --- for the views

    def jobs(
        self, limit: int = 50, *, before: int | None = None, after: int | None = None, states: Sequence[JobState] = ()
    ) -> list[Job]:
        """A page of jobs, the newest first: the next below the id `before`, or the next above `after`.

        Fewer than `limit` means that there are no more. Damaged jobs are left out, so that they hide no other (C08).
        """
        every = select(jobs).where(jobs.c.state.in_(states)) if states else select(jobs)
        if after is not None:
            upwards = every.order_by(jobs.c.id)
            return self._page(JOBS, (after,), lambda key: upwards.where(jobs.c.id > key[0]), limit)[::-1]
        downwards = every.order_by(jobs.c.id.desc())
        below = _LAST_ID if before is None else before
        return self._page(JOBS, (below,), lambda key: downwards.where(jobs.c.id < key[0]), limit)

    def job(self, job: int) -> Job | None:
        """One job, ended or not."""
        return self._one(JOBS, select(jobs).where(jobs.c.id == job))

    def job_by_request(self, request_id: str) -> int | None:
        """The job that was submitted under this id of the asker's."""
        with self._database.reading() as connection:
            return connection.execute(select(jobs.c.id).where(jobs.c.request_id == request_id)).scalar()

    def tasks_of(self, job: int) -> list[Task]:
        """The rows of all its tasks that something has happened to, in order."""
        return self._all(TASKS, select(tasks).where(tasks.c.job == job).order_by(*tasks.primary_key))

    def task_states(self, job: int, step: int) -> list[tuple[int, TaskState]]:
        """The index and the state of a step's tasks that something has happened to: much less than their rows."""
        query = select(tasks.c["index"], tasks.c.state).where(tasks.c.job == job, tasks.c.step == step)
        with self._database.reading() as connection:
            return [(index, TaskState(state)) for index, state in connection.execute(query)]

    def task_page(self, job: int, step: int, first: int, count: int) -> list[Task]:
        """The rows among `count` tasks from the index `first` on; a task that nothing has happened to has none."""
        here = _tasks_from(tasks, job, step, first, count)
        return self._all(TASKS, select(tasks).where(*here).order_by(tasks.c["index"]))

    def run(self, run: str) -> Run | None:
        """One run, ended or not."""
        return self._one(RUNS, select(runs).where(runs.c.id == run))

    def runs_of(
        self, job: int, step: int | None = None, indexes: Sequence[int] | None = None, limit: int = 100, offset: int = 0
    ) -> list[Run]:
        """Runs of a job, of one of its steps, or of some of a step's tasks: by task, the oldest first."""
        query = select(runs).where(runs.c.job == job)
        if step is not None:
            query = query.where(runs.c.step == step)
        if indexes is not None:
            query = query.where(runs.c["index"].in_(indexes))
        return self._all(RUNS, query.order_by(*_BY_TASK).limit(limit).offset(offset))

    def accepted_runs(self, job: int, first: int, count: int, step: int = 0) -> list[Run]:
        """The accepted runs of `count` tasks from the index `first` on, in order: at most one a task."""
        here = _tasks_from(runs, job, step, first, count)
        return self._all(RUNS, select(runs).where(*here, RUN_IS_ACCEPTED).order_by(*_BY_TASK))

    def latest_runs(self, job: int, first: int, count: int, step: int = 0) -> list[Run]:
        """The last run of each of `count` tasks from the index `first` on, in order; of an accepted one that one."""
        here = _tasks_from(runs, job, step, first, count)
        latest: dict[int, Run] = {}
        for run in self._all(RUNS, select(runs).where(*here).order_by(*_BY_TASK)):
            if run.index not in latest or latest[run.index].state not in ACCEPTED:
                latest[run.index] = run
        return list(latest.values())

    def failed_runs(self, job: int, limit: int = 100) -> list[Run]:
        """The job's newest failed runs, the newest last."""
        query = select(runs).where(runs.c.job == job, RUN_HAS_FAILED).order_by(*_NEWEST)
        return self._all(RUNS, query.limit(limit))[::-1]

    def count_failed_runs(self, job: int) -> int:
        """How many runs of the job have failed."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(runs.c.job == job, RUN_HAS_FAILED)).scalar_one()

    def sessions_of(self, job: int, limit: int = 100, offset: int = 0) -> list[SessionRecord]:
        """The sessions in which workers opened the job's scene, the oldest first."""
        query = select(sessions).where(sessions.c.job == job).order_by(sessions.c.opened_at, sessions.c.id)
        return self._all(SESSIONS, query.limit(limit).offset(offset))

    def worker(self, worker: str) -> Worker | None:
        """One worker, as it was last kept."""
        return self._one(WORKERS, select(workers).where(workers.c.id == worker))

    def audit(
        self, limit: int = 50, before: str | None = None, kind: str | None = None, who: str | None = None
    ) -> list[AuditEntry]:
        """A page of the audit log, the newest first: the next older than the entry with the id `before`.

        Fewer than `limit` means that there are no more. Damaged entries are left out, so that they hide no other.
        """
        wanted = [audit.c[name] == value for name, value in (("kind", kind), ("who", who)) if value is not None]
        query = select(audit).where(*wanted).order_by(audit.c.at.desc(), audit.c.id.desc())
        beyond = self._moment(before) if before is not None else (_NEVER, "")
        older = tuple_(audit.c.at, audit.c.id)
        return self._page(AUDIT, (beyond[1], beyond[0]), lambda key: query.where(older < tuple_(key[1], key[0])), limit)

    def _moment(self, entry: str) -> tuple[float, str]:
        """Where an entry stands in the audit log; one that is not there, before all others."""
        with self._database.reading() as connection:
            at = connection.execute(select(audit.c.at).where(audit.c.id == entry)).scalar()
        return (-_NEVER if at is None else at), entry

    def _one(self, kept: Kept[Noun], query: Select[Any]) -> Noun | None:
        found = self._all(kept, query)
        return found[0] if found else None

    def _all(self, kept: Kept[Noun], query: Select[Any]) -> list[Noun]:
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        try:
            return [kept.noun(row) for row in rows]
        except DamagedError as error:
            raise StoreError(f"In the database {self._database.name} {error}.") from error

    def _page(self, kept: Kept[Noun], beyond: Any, after: Callable[[Any], Select[Any]], limit: int) -> list[Noun]:
        """The next `limit` whole rows of those `after` the key `beyond`. The damaged ones are left out."""
        found: list[Noun] = []
        while len(found) < limit:
            with self._database.reading() as connection:
                rows = connection.execute(after(beyond).limit(limit)).all()
            found += _whole(kept, rows)
            if len(rows) < limit:
                break
            beyond = rows[-1]
        return found[:limit]


def _whole(kept: Kept[Noun], rows: Sequence[Row[Any]]) -> Iterator[Noun]:
    for row in rows:
        with suppress(DamagedError):
            yield kept.noun(row)


def _tasks_from(table: Table, job: int, step: int, first: int, count: int) -> tuple[ColumnElement[bool], ...]:
    """That a row is about one of `count` tasks of a step, from the index `first` on."""
    index = table.c["index"]
    return table.c.job == job, table.c.step == step, index >= first, index < first + count
