# SPDX-License-Identifier: GPL-3.0-or-later
"""The unfinished part of the farm, as it was saved. What cannot be read is set aside, and the rest loads (C08).

Set aside means: left as it is in the database, named, and loaded with nothing that belongs to it. Every task and run
that is loaded is a loaded job's.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select, union

from brender.core.changes import Row
from brender.core.nouns import Job, Run, Task, Worker
from brender.store.records import JOBS, RUNS, TASKS, WORKERS, DamagedError, Kept, Noun
from brender.store.tables import ENDED, RUN_IS_LIVE, jobs, runs, tasks, workers


class Damaged(msgspec.Struct, frozen=True):
    """A job or a worker that was set aside, and why, in words."""

    noun: str  # "job" or "worker"
    id: int | str
    message: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that have not ended, or have a live run; their tasks that have rows; their live runs; all workers."""

    jobs: list[Job]
    tasks: list[Task]
    runs: list[Run]
    workers: list[Worker]
    next_job: int
    damaged: list[Damaged]

    @property
    def rows(self) -> list[Row]:
        """What is alive, in the order in which one refers to the other: nothing of a job that has ended."""
        live = {job.id for job in self.jobs if job.state not in ENDED}
        parts = [each for part in (self.tasks, self.runs) for each in part if each.job in live]
        return [*self.workers, *(job for job in self.jobs if job.id in live), *parts]


def load_farm(connection: Connection) -> Loaded:
    """All that is unfinished: jobs and tasks in the order of their keys, runs and workers from the oldest on."""
    bad: dict[int, str] = {}  # jobs, and what is wrong with the first damaged row of each
    bad_workers: dict[str, str] = {}
    unfinished = union(select(jobs.c.id).where(jobs.c.state.not_in(ENDED)), select(runs.c.job).where(RUN_IS_LIVE))
    found_jobs = _whole(connection, JOBS, select(jobs).where(jobs.c.id.in_(unfinished)).order_by(jobs.c.id), bad)
    their_tasks = select(tasks).where(tasks.c.job.in_(unfinished)).order_by(*tasks.primary_key)
    found_tasks = _whole(connection, TASKS, their_tasks, bad)
    found_runs = _whole(connection, RUNS, select(runs).where(RUN_IS_LIVE).order_by(runs.c.assigned_at, runs.c.id), bad)
    found_workers = _whole(connection, WORKERS, select(workers).order_by(workers.c.created_at), bad_workers)
    _look_for_strays(found_jobs, [found_tasks, found_runs], bad)
    _look_for_workers(found_runs, bad_workers, bad)
    return Loaded(
        jobs=[job for job in found_jobs if job.id not in bad],
        tasks=[task for task in found_tasks if task.job not in bad],
        runs=[run for run in found_runs if run.job not in bad],
        workers=found_workers,
        next_job=1 + (connection.execute(select(func.max(jobs.c.id))).scalar() or 0),
        damaged=[Damaged("job", *job) for job in bad.items()] + [Damaged("worker", *w) for w in bad_workers.items()],
    )


def _whole(connection: Connection, kept: Kept[Noun], query: Select[Any], bad: dict[Any, str]) -> list[Noun]:
    """The nouns that can be read; for the others, `bad` learns whose they are (the job's or worker's id) and why."""
    whole = []
    for row in connection.execute(query):
        try:
            whole.append(kept.noun(row))
        except DamagedError as error:
            bad.setdefault(row.job if "job" in row._fields else row.id, str(error))
    return whole


def _look_for_strays(found: list[Job], parts: Iterable[list[Task] | list[Run]], bad: dict[int, str]) -> None:
    """A job with a task or a run that its steps do not have is damaged as well."""
    sizes = {(job.id, nth): step.tasks for job in found for nth, step in enumerate(job.steps)}
    for part in parts:
        for each in part:
            if not 0 <= each.index < sizes.get((each.job, each.step), 0):
                bad.setdefault(
                    each.job, f"job {each.job} has no task {each.index} of step {each.step}, yet a row of it"
                )


def _look_for_workers(found: list[Run], bad_workers: dict[Any, str], bad: dict[int, str]) -> None:
    """A job with a live run on a worker that is damaged is damaged as well."""
    for run in found:
        if run.worker in bad_workers:
            bad.setdefault(run.job, f"job {run.job} has a run on worker {run.worker}: {bad_workers[run.worker]}")
