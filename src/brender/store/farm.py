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
from brender.core.kinds import setting_value
from brender.core.nouns import Job, Mapping, Run, Setting, Share, Tag, Task, Token, User, Verdict, Worker
from brender.core.settings import SETTINGS as KNOWN
from brender.store.records import (
    JOBS,
    MAPPINGS,
    RUNS,
    SETTINGS,
    SHARES,
    TAGS,
    TASKS,
    TOKENS,
    USERS,
    VERDICTS,
    WORKERS,
    DamagedError,
    Kept,
    Noun,
)
from brender.store.tables import (
    ENDED,
    RUN_IS_LIVE,
    given,
    jobs,
    mappings,
    runs,
    settings,
    shares,
    tags,
    tasks,
    tokens,
    users,
    verdicts,
    workers,
)

NOUNS = ("job", "worker", "tag", "share", "mapping", "setting", "verdict", "user", "token")  # what can be set aside


class Damaged(msgspec.Struct, frozen=True):
    """A job, or another noun of NOUNS, that was set aside, and why, in words."""

    noun: str  # as in `core.kinds`
    id: int | str
    message: str


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that have not ended, or have a live run; their tasks that have rows; their live runs; all the others."""

    settings: list[Setting]
    shares: list[Share]
    tags: list[Tag]
    mappings: list[Mapping]
    jobs: list[Job]
    tasks: list[Task]
    runs: list[Run]
    workers: list[Worker]
    verdicts: list[Verdict]
    users: list[User]
    tokens: list[Token]
    next_job: int
    damaged: list[Damaged]

    @property
    def rows(self) -> list[Row]:
        """What is alive, in the order in which one refers to the other: nothing of a job that has ended."""
        live = {job.id for job in self.jobs if job.state not in ENDED}
        parts = [each for part in (self.tasks, self.runs) for each in part if each.job in live]
        unfinished = [job for job in self.jobs if job.id in live]
        whole: list[Row] = [*self.settings, *self.shares, *self.tags, *self.mappings, *self.verdicts, *self.workers]
        return [*whole, *self.users, *self.tokens, *unfinished, *parts]


def load_farm(connection: Connection) -> Loaded:
    """All that is unfinished: jobs and tasks in the order of their keys, runs and workers from the oldest on."""
    reading = _Reading(connection)
    unfinished = union(select(jobs.c.id).where(jobs.c.state.not_in(ENDED)), select(runs.c.job).where(RUN_IS_LIVE))
    found_jobs = reading.whole(JOBS, select(jobs).where(jobs.c.id.in_(unfinished)).order_by(jobs.c.id))
    found_tasks = reading.whole(TASKS, select(tasks).where(tasks.c.job.in_(unfinished)).order_by(*tasks.primary_key))
    found_runs = reading.whole(RUNS, select(runs).where(RUN_IS_LIVE).order_by(runs.c.assigned_at, runs.c.id))
    found_workers = reading.whole(WORKERS, select(workers).order_by(workers.c.created_at))
    found_settings = reading.whole(SETTINGS, select(settings).order_by(settings.c.name))
    _look_for_strays(found_jobs, [found_tasks, found_runs], reading.bad["job"])
    _look_for_workers(found_runs, found_workers, reading.bad)
    _look_at_values(found_settings, reading.bad["setting"])
    return Loaded(
        settings=[setting for setting in found_settings if setting.name not in reading.bad["setting"]],
        shares=reading.whole(SHARES, select(shares).order_by(shares.c.user)),
        tags=reading.whole(TAGS, select(tags).order_by(tags.c.name)),
        mappings=reading.whole(MAPPINGS, select(mappings).order_by(mappings.c.name)),
        jobs=[job for job in found_jobs if job.id not in reading.bad["job"]],
        tasks=[task for task in found_tasks if task.job not in reading.bad["job"]],
        runs=[run for run in found_runs if run.job not in reading.bad["job"]],
        workers=found_workers,
        verdicts=reading.whole(VERDICTS, select(verdicts).order_by(verdicts.c.content)),
        users=reading.whole(USERS, select(users).order_by(users.c.name)),
        tokens=reading.whole(TOKENS, select(tokens).order_by(tokens.c.id)),
        next_job=1 + _last_job(connection),
        damaged=[Damaged(noun, *each) for noun, of_noun in reading.bad.items() for each in of_noun.items()],
    )


class _Reading:
    """Reads nouns, and notes of those that cannot be read whose they are, and what is wrong with the first of each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.bad: dict[str, dict[Any, str]] = {noun: {} for noun in NOUNS}

    def whole(self, kept: Kept[Noun], query: Select[Any]) -> list[Noun]:
        """The nouns that can be read."""
        bad = self.bad["job" if kept.of_job else kept.name]
        whole = []
        for row in self._connection.execute(query):
            try:
                whole.append(kept.noun(row))
            except DamagedError as error:
                bad.setdefault(kept.owner(row), str(error))
        return whole


def _look_for_strays(found: list[Job], parts: Iterable[list[Task] | list[Run]], bad: dict[Any, str]) -> None:
    """A job with a task or a run that its steps do not have is damaged as well."""
    sizes = {(job.id, nth): step.tasks for job in found for nth, step in enumerate(job.steps)}
    for part in parts:
        for each in part:
            if not 0 <= each.index < sizes.get((each.job, each.step), 0):
                bad.setdefault(
                    each.job, f"job {each.job} has no task {each.index} of step {each.step}, yet a row of it"
                )


def _look_for_workers(found: list[Run], there: list[Worker], bad: dict[str, dict[Any, str]]) -> None:
    """A job with a live run on a worker that is damaged, or not there, is damaged as well."""
    whole = {worker.id for worker in there}
    for run in found:
        if run.worker not in whole:
            why = bad["worker"].get(run.worker, "it is not there")
            bad["job"].setdefault(run.job, f"job {run.job} has a run on worker {run.worker}: {why}")


def _look_at_values(found: list[Setting], bad: dict[Any, str]) -> None:
    """A setting whose value does not fit is damaged: its default holds. Unknown ones are another version's."""
    for setting in found:
        if setting.name in KNOWN:
            try:
                setting_value(setting.name).parse(setting.value)
            except ValueError as error:
                bad[setting.name] = f"setting {setting.name} is damaged: {error}"


def _last_job(connection: Connection) -> int:
    """The highest number that a job ever had: that of a deleted one is not given again."""
    deleted = select(given.c.last).where(given.c.noun == "job")
    return max(connection.execute(query).scalar() or 0 for query in (select(func.max(jobs.c.id)), deleted))
