# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the objects of a kind that a filter means. What lives is found in memory, without SQL; jobs that have ended,
and their tasks, in the store, and only where the filter can mean them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, overload

import msgspec

from brender.core import filters
from brender.core.attributes import Kind
from brender.core.commands import Refusal
from brender.core.farm import Farm
from brender.core.filters import Filter
from brender.core.kinds import StepOf, TaskOf
from brender.core.lifecycle import JOB_ENDED, after_the_end
from brender.core.live import LiveWorker
from brender.core.nouns import Job, JobState, Task, TaskState
from brender.core.rules.objects import setting_rows
from brender.manager.engine import Engine
from brender.store import Store

Given = str | Sequence[str] | Mapping[str, Any]  # a filter: words, in one text or a list, or a JSON object

T = TypeVar("T")

PIECE = 2000  # tasks that are looked at in one go: others get their turn in between
PAGE = 500  # ended jobs that are fetched at once
LAST_ID = 2**31 - 1

_LIVE_STATES = [state.value for state in JobState if state not in JOB_ENDED]


def parsed(kind: Kind, given: Given) -> Filter:
    """The filter; `Refusal` with a sentence where it cannot be one."""
    try:
        if isinstance(given, Mapping):
            return filters.parse_values(kind, given)
        return filters.parse(kind, given.split() if isinstance(given, str) else given)
    except ValueError as error:
        raise Refusal(str(error), "invalid") from None


Look = Callable[[Farm, Any], T]  # what is wanted of each that is found


class Found(msgspec.Struct, Generic[T]):
    """A page of what was found, and how many there are in all."""

    things: list[T]
    total: int


class Finder:
    """Finds. Every answer is given after the commit that covers what it saw."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    async def find(self, kind: Kind, chosen: Filter, look: Look[T], limit: int, offset: int = 0) -> Found[T]:
        """A page of those that are meant. `Refusal` where a plain name in the filter is nobody's."""
        if kind.name == "task":
            return await self._tasks(kind, chosen, look, limit, offset)
        if kind.name == "job" and _may_have_ended(chosen):
            return await self._jobs(kind, chosen, look, limit, offset)
        if kind.name == "step" and (jobs := _jobs_of(chosen)):
            return await self._steps(kind, chosen, jobs, look, limit, offset)
        return await self._engine.read(lambda farm: _live(farm, kind, chosen, look, limit, offset))

    # --- jobs and their steps ----------------------------------------------------------------------------------

    async def _jobs(self, kind: Kind, chosen: Filter, look: Look[T], limit: int, offset: int) -> Found[T]:
        """Live ones and ended ones, the newest first."""
        live = await self._engine.read(lambda farm: dict(farm.jobs))
        ended = await asyncio.to_thread(self._ended, chosen, filters.matcher(kind, chosen, Farm()), live)

        def page(farm: Farm) -> Found[T]:
            fitting = [*filter(filters.matcher(kind, chosen, farm), farm.jobs.values()), *ended]
            _refuse_unknown(kind, chosen, farm, [*farm.jobs.values(), *ended])
            both = sorted({job.id: job for job in fitting}.values(), key=lambda job: -job.id)
            return Found([look(farm, job) for job in both[offset : offset + limit]], len(both))

        return await self._engine.read(page)

    def _ended(self, chosen: Filter, fits: Callable[[Any], bool], live: Container[int]) -> list[Job]:
        """Called in a thread."""
        found = self._by_number(chosen) if _numbers(chosen.names) else self._history()
        return [job for job in found if job.state in JOB_ENDED and job.id not in live and fits(job)]

    def _by_number(self, chosen: Filter) -> Iterator[Job]:
        jobs = (self._store.job(number) for number in sorted(set(_numbers(chosen.names))) if number <= LAST_ID)
        return (job for job in jobs if job)

    def _history(self) -> Iterator[Job]:
        states, below = tuple(JOB_ENDED), LAST_ID
        while page := self._store.jobs(PAGE, before=below, states=states):
            yield from page
            below = page[-1].id

    async def _steps(
        self, kind: Kind, chosen: Filter, jobs: Sequence[int], look: Look[T], limit: int, offset: int
    ) -> Found[T]:
        known = [await self.job(id_) for id_ in jobs]
        steps = [StepOf(job, number) for job in known for number in range(len(job.steps))]
        farm = self._engine.farm
        fitting = list(filter(filters.matcher(kind, chosen, farm), steps))
        return Found([look(farm, step) for step in fitting[offset : offset + limit]], len(fitting))

    async def job(self, id_: int) -> Job:
        """A job, live or ended."""
        live = await self._engine.read(lambda farm: farm.jobs.get(id_))
        if live is None and 0 < id_ <= LAST_ID:
            live = await asyncio.to_thread(self._store.job, id_)
        if live is None:
            raise Refusal(f"There is no job {id_}.", "not_found")
        return live

    # --- tasks -------------------------------------------------------------------------------------------------

    async def _tasks(self, kind: Kind, chosen: Filter, look: Look[T], limit: int, offset: int) -> Found[T]:
        """Those of the jobs that the filter names; none of it holds up the others, however many they are."""
        if not (jobs := _jobs_of(chosen)):
            raise Refusal("Say of which job, such as job=5, or which task, such as 5/0/17 (job/step/index).", "invalid")
        found = Found[T]([], 0)
        for id_ in jobs:
            async for fitting in self._fitting(kind, chosen, await self.job(id_)):
                page = fitting[max(0, offset - found.total) : max(0, offset + limit - found.total)]
                found.things += [look(self._engine.farm, thing) for thing in page]
                found.total += len(fitting)
        return found

    async def _fitting(self, kind: Kind, chosen: Filter, job: Job) -> AsyncIterator[list[TaskOf]]:
        touched = await self._touched(job)

        def piece(farm: Farm, number: int, indexes: Sequence[int]) -> list[TaskOf]:
            fits = filters.matcher(kind, chosen, farm)
            things = (TaskOf(job, _task(farm, job, number, index, touched)) for index in indexes)
            return [thing for thing in things if fits(thing)]

        for number, step in enumerate(job.steps):
            indexes = _candidates(chosen, job.id, number, step.tasks)
            for first in range(0, len(indexes), PIECE):
                these = indexes[first : first + PIECE]
                yield await self._engine.read(partial(piece, number=number, indexes=these))
                await asyncio.sleep(0)

    async def _touched(self, job: Job) -> dict[tuple[int, int], Task]:
        """The tasks of an ended job that something has happened to."""
        if job.id in self._engine.farm.jobs:
            return {}
        return {(t.step, t.index): t for t in await asyncio.to_thread(self._store.tasks_of, job.id)}


def _task(farm: Farm, job: Job, number: int, index: int, touched: Mapping[tuple[int, int], Task]) -> Task:
    if step := farm.steps.get((job.id, number)):
        return step.task(index)
    task = touched.get((number, index)) or Task(job=job.id, step=number, index=index, state=TaskState.READY)
    return msgspec.structs.replace(task, state=after_the_end(job.state, task.state))


def _candidates(chosen: Filter, job: int, step: int, tasks: int) -> Sequence[int]:
    """The tasks of a step to look at: those that are named, else all."""
    parts = [[int(part) for part in name.split("/")] for name in chosen.names if _is_task_name(name)]
    if len(parts) < len(chosen.names) or not parts:
        return range(tasks)
    return sorted({index for j, s, index in parts if (j, s) == (job, step) and index < tasks})


def _is_task_name(name: str) -> bool:
    return name.count("/") == 2 and all(part.isdecimal() for part in name.split("/"))


# --- what lives --------------------------------------------------------------------------------------------------


def _live(farm: Farm, kind: Kind, chosen: Filter, look: Look[T], limit: int, offset: int) -> Found[T]:
    everyone = things = _known_by_name(farm, chosen) if kind.name == "worker" else _LIVE[kind.name](farm)
    if chosen.names or chosen.conditions:
        things = list(filter(filters.matcher(kind, chosen, farm), everyone))
        _refuse_unknown(kind, chosen, farm, everyone)
    return Found([look(farm, thing) for thing in things[offset : offset + limit]], len(things))


def _refuse_unknown(kind: Kind, chosen: Filter, farm: Farm, things: Iterable[Any]) -> None:
    """A plain name that nobody has is most likely misspelt: then nothing is done to the others either."""
    if missing := filters.unmatched(kind, chosen, farm, things):
        raise Refusal(f"There is no {kind.name} called {', '.join(missing)}.", "not_found")


def _known_by_name(farm: Farm, chosen: Filter) -> Sequence[LiveWorker]:
    """The workers to look at: where each is named just as it is, those alone. One in ten thousand is not searched."""
    ids = {farm.by_name.get(name, name) for name in chosen.names}
    if not ids or not ids <= farm.workers.keys():
        return Workers(farm)
    return sorted((farm.workers[id_] for id_ in ids), key=lambda worker: worker.record.name)


class Workers(Sequence[LiveWorker]):
    """All workers by name, each looked up when it is wanted: a page of ten thousand costs what it shows."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    def __len__(self) -> int:
        return len(self._farm.names)

    @overload
    def __getitem__(self, index: int) -> LiveWorker: ...
    @overload
    def __getitem__(self, index: slice) -> list[LiveWorker]: ...
    def __getitem__(self, index: int | slice) -> LiveWorker | list[LiveWorker]:
        if isinstance(index, slice):
            return [self._named(name) for name in self._farm.names[index]]
        return self._named(self._farm.names[index])

    def __iter__(self) -> Iterator[LiveWorker]:
        return map(self._named, self._farm.names)

    def _named(self, name: str) -> LiveWorker:
        return self._farm.workers[self._farm.by_name[name]]


_LIVE: dict[str, Callable[[Farm], Sequence[Any]]] = {
    "worker": Workers,
    "job": lambda farm: [farm.jobs[id_] for id_ in sorted(farm.jobs, reverse=True)],
    "step": lambda farm: [StepOf(job, n) for job in farm.jobs.values() for n in range(len(job.steps))],
    "tag": lambda farm: [farm.tags[name] for name in sorted(farm.tags)],
    "share": lambda farm: [farm.share_rows[user] for user in sorted(farm.share_rows)],
    "mapping": lambda farm: [farm.mappings[name] for name in sorted(farm.mappings)],
    "setting": lambda farm: list(setting_rows(farm).values()),
    "user": lambda farm: [farm.users[name] for name in sorted(farm.users)],
    "token": lambda farm: sorted(farm.tokens.values(), key=lambda token: token.created_at),
}


# --- what a filter may mean --------------------------------------------------------------------------------------


def _may_have_ended(chosen: Filter) -> bool:
    """Whether jobs that have ended are meant too: where something is asked for, but no state of a living one."""
    states = [c.value for c in chosen.conditions if c.attribute == "state" and c.operator == "="]
    return chosen.given and not any(state in _LIVE_STATES for state in states)


def _jobs_of(chosen: Filter) -> list[int]:
    """The jobs that a filter of steps or tasks names: by `job=5`, or in an id."""
    said = [c.value for c in chosen.conditions if c.attribute == "job" and c.operator == "="]
    named = _numbers(name.split("/")[0] for name in chosen.names)
    return list(dict.fromkeys([*(value for value in said if isinstance(value, int)), *named]))


def _numbers(names: Iterable[str]) -> list[int]:
    return [int(name) for name in names if name.isdecimal()]
