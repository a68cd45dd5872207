# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is asked of the farm, in whatever order: what a new manager loads is what the old one had in memory."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brender.core import commands as c
from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.farm import Farm
from brender.core.nouns import Limits, RunState, StepKind, Wish
from tests.manager.house import House

KINDS = [Kind.BLENDER_CRASHED, Kind.TIME_LIMIT, Kind.NO_CAMERA, Kind.SCENE_CHANGED]
FRAMES = ["1-1", "1-5", "10-1", "1-9x2,4"]


def remembered(farm: Farm) -> dict[str, Any]:
    """All of a farm's memory that must survive: everything but connections, cursors and speeds."""
    return {
        "jobs": farm.jobs,
        "steps": {key: (bytes(s.states), s.counts, s.tries, s.live) for key, s in farm.steps.items()},
        "next": {key: set(s.next_ready(100)) for key, s in farm.steps.items()},
        "runs": farm.runs,
        "workers": {id_: (w.record, set(w.runs)) for id_, w in farm.workers.items()},
        "names": (farm.by_key, farm.by_name, farm.by_request, farm.outputs),
        "open": {needs: list(queue) for needs, queue in farm.open.queues.items()},
        "queued": {key: set(runs) for key, runs in farm.queued.items() if runs},
        "next_job": farm.next_job,
    }


class Player:
    """Does something that a person, a worker or a disk could do, at random."""

    def __init__(self, house: House, dice: Random) -> None:
        self.house = house
        self.dice = dice
        self.acts = [
            self.submit, self.join, self.leave, self.start, self.finish, self.fail, self.stopped, self.unstarted,
            self.publish, self.not_published, self.steer, self.wish, self.wait, self.late,
        ]  # fmt: skip
        self.old: list[Any] = []

    async def act(self) -> None:
        with contextlib.suppress(c.Refusal):
            await self.dice.choice(self.acts)()

    def run(self, *states: RunState) -> Any:
        runs = [run for run in self.house.engine.farm.runs.values() if run.state in states]
        return self.dice.choice(runs) if runs else None

    async def submit(self) -> None:
        limits = Limits(attempts=2, losses=2, failed_tasks=self.dice.choice([0, 0, 2]))
        kind, outputs = StepKind.FRAMES, f"/out/{self.dice.randrange(4)}.png"
        await self.house.submit(self.dice.choice(FRAMES), limits=limits, kind=kind, outputs=outputs)

    async def join(self) -> None:
        self.house.mono += 5  # who was there before under this name is no longer heard
        name, farm = f"w{self.dice.randrange(3)}", self.house.engine.farm
        known = farm.workers.get(farm.by_name.get(name, ""))
        held = tuple(run for run in known.runs if self.dice.random() < 0.7) if known else ()
        await self.house.join(name, boot=f"b{self.dice.randrange(2)}", held=held)

    async def leave(self) -> None:
        workers = [w for w in self.house.engine.farm.workers.values() if w.connection]
        if workers:
            worker = self.dice.choice(workers)
            goodbye = self.dice.random() < 0.3
            await self.house.do(
                c.WorkerGone(worker=worker.record.id, connection=worker.connection or "", goodbye=goodbye)
            )

    async def tell(self, report: type[m.Report], *states: RunState, **fields: Any) -> None:
        if run := self.run(*states):
            self.old.append((run, report, fields))
            await self.house.report(run, report, **fields)

    async def start(self) -> None:
        await self.tell(m.Started, RunState.ASSIGNED)

    async def finish(self) -> None:
        await self.tell(m.Rendered, RunState.ASSIGNED, RunState.RUNNING, result=m.Result(render_s=1.0))

    async def fail(self) -> None:
        await self.tell(m.Failed, RunState.RUNNING, kind=self.dice.choice(KINDS), message="no")

    async def stopped(self) -> None:
        await self.tell(m.Stopped, RunState.ASSIGNED, RunState.RUNNING)

    async def unstarted(self) -> None:
        await self.tell(m.Unstarted, RunState.ASSIGNED)

    async def late(self) -> None:
        """C02: what was said once is said again, whenever."""
        if self.old:
            run, report, fields = self.dice.choice(self.old)
            await self.house.report(run, report, **fields)

    async def publish(self) -> None:
        if run := self.run(RunState.RENDERED):
            await self.house.do(c.Published(run=run.id))

    async def not_published(self) -> None:
        if run := self.run(RunState.RENDERED):
            await self.house.do(c.NotPublished(run=run.id, message="disk full"))

    async def steer(self) -> None:
        job = self.dice.randrange(1, 6)
        steers = [c.PauseJob, c.ResumeJob, c.CancelJob, c.RetryJob]
        both = [each(job=job) for each in self.dice.choices(steers, k=2)]
        await asyncio.gather(*map(self.house.do, both), return_exceptions=True)
        await self.house.do(c.SetPriority(job=job, priority=self.dice.choice([10, 50, 90])))

    async def wish(self) -> None:
        if workers := list(self.house.engine.farm.workers):
            wish, now = self.dice.choice(list(Wish)), self.dice.random() < 0.5
            await self.house.do(c.SetWish(workers=(self.dice.choice(workers),), wish=wish, now=now))

    async def wait(self) -> None:
        self.house.mono += self.dice.choice([1, 20, 70])
        await self.house.do(c.Tick())


async def play(seed: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as data:
        house = House(Path(data))
        player = Player(house, Random(seed))
        async with house.running():
            for n in range(length):
                await player.act()
                if n % 10 == 9:
                    await compare(house)
            await compare(house)
        house.close()


async def compare(house: House) -> None:
    await house.do(c.Tick())
    had = remembered(house.engine.farm)
    await house.engine.load()
    assert remembered(house.engine.farm) == had


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_new_manager_remembers_what_the_old_one_did(seed: int) -> None:
    asyncio.run(play(seed, 60))


@pytest.mark.parametrize("seed", range(3))
def test_no_frame_is_lost_or_done_twice_however_often_the_manager_starts_anew(seed: int, tmp_path: Path) -> None:
    async def render() -> None:
        house, dice = House(tmp_path), Random(seed)
        async with house.running():
            job = await house.submit("1-40")
            await house.join("one")
            await house.join("two")
            while job.id in house.engine.farm.jobs:
                if runs := house.held():
                    await house.finish(dice.choice(runs))
                if dice.random() < 0.2:
                    await house.engine.load()
            runs_of = house.store.runs_of(job.id, limit=1000)
            good = [run.index for run in runs_of if run.state is RunState.SUCCEEDED]
            assert sorted(good) == list(range(40))
        house.close()

    asyncio.run(asyncio.wait_for(render(), 60))
