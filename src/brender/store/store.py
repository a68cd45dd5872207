# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves the farm and finds in it. Nouns go in and come out; SQL, rows and the database's own errors stay inside.

`save` and `load_farm` are the engine's, from one thread. All else may be asked from any thread, sees only what was
saved, and none of it walks a whole job but `tasks_of`.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, select

from brender.core import changes
from brender.core.nouns import Job, JobState, Run, SessionRecord, Task, Worker
from brender.store import database, farm, folder
from brender.store.database import Database, StoreError
from brender.store.migrate import migrate
from brender.store.records import JOBS, KEPT, RUNS, SESSIONS, TASKS, WORKERS, DamagedError, Kept, Noun
from brender.store.tables import ACCEPTED, RUN_HAS_FAILED, RUN_IS_ACCEPTED, jobs, runs, sessions, tasks, workers

FILE = "brender.db"  # in the data folder

_LAST_ID = 2**31 - 1  # a job's id is a 32-bit number
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
        self._upserts = {noun: opened.upsert(kept.table) for noun, kept in KEPT.items()}

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
        """Put all these rows, or, with a StoreError, none. They are on the disk when this returns.

        Of rows with the same key the last one counts. What says which row it is (all columns that are not marked
        CHANGES in `tables`) must never change.
        """
        if not rows:
            return
        with self._database.writing() as connection:
            for noun, values in _by_noun(rows):
                connection.exec_driver_sql(self._upserts[noun], values)

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
        newer = after is not None
        beyond = after if after is not None else _LAST_ID if before is None else before
        found: list[Job] = []
        while len(found) < limit and (page := self._job_rows(beyond, newer, states, limit)):
            found += _readable(page)
            beyond = page[-1].id
        return found[:limit][::-1] if newer else found[:limit]

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

    def _job_rows(self, beyond: int, newer: bool, states: Sequence[JobState], limit: int) -> Sequence[Row[Any]]:
        if newer:
            query = select(jobs).where(jobs.c.id > beyond).order_by(jobs.c.id)
        else:
            query = select(jobs).where(jobs.c.id < beyond).order_by(jobs.c.id.desc())
        if states:
            query = query.where(jobs.c.state.in_(states))
        with self._database.reading() as connection:
            return connection.execute(query.limit(limit)).all()


def _by_noun(rows: Sequence[changes.Row]) -> Iterator[tuple[type[changes.Row], list[tuple[Any, ...]]]]:
    """The last row of each key as its table's values, table by table, in the order to write them."""
    last: dict[type[changes.Row], dict[Any, changes.Row]] = {noun: {} for noun in KEPT}
    for row in rows:
        last[type(row)][KEPT[type(row)].key(row)] = row
    for noun, of_noun in last.items():
        if of_noun:
            yield noun, [KEPT[noun].values(row) for row in of_noun.values()]


def _readable(rows: Sequence[Row[Any]]) -> Iterator[Job]:
    for row in rows:
        with suppress(DamagedError):
            yield JOBS.noun(row)


def _tasks_from(table: Table, job: int, step: int, first: int, count: int) -> tuple[ColumnElement[bool], ...]:
    """That a row is about one of `count` tasks of a step, from the index `first` on."""
    index = table.c["index"]
    return table.c.job == job, table.c.step == step, index >= first, index < first + count
