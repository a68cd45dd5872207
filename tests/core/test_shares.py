# SPDX-License-Identifier: GPL-3.0-or-later
"""Users share the workers by weight, and none is left with nothing (C36)."""

import heapq

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import Job, Run, RunState
from tests.farm_builder import World, host


class Rendering:
    """Workers that render what they are given, on the world's clock: each frame takes as long as its job says."""

    def __init__(self, workers: int, **shares: float) -> None:
        self.world = World()
        self.workers = [self.world.join(f"w{n}") for n in range(workers)]
        self.seconds: dict[int, float] = {}
        self.served: dict[str, float] = {}
        self._ends: list[tuple[float, int, Run]] = []
        self._begun = 0
        self._busy: set[str] = set()
        for user, weight in shares.items():
            self.world.do(c.CreateObject(kind="share", values={"user": user, "weight": weight}))

    def submit(self, owner: str, frames: str = "1-100000", *, seconds: float = 10.0, **fields: object) -> Job:
        job = self.world.submit(frames, owner=owner, **fields)
        self.seconds[job.id] = seconds
        return job

    def run(self, seconds: float) -> dict[str, float]:
        """Let time pass; the seconds that were rendered for each user in it."""
        before, until = dict(self.served), self.world.mono + seconds
        self._feed()
        while self._ends and self._ends[0][0] <= until:
            self._end()
            self._feed()
        self.world.mono = until
        return {user: served - before.get(user, 0.0) for user, served in self.served.items()}

    def holding(self, user: str) -> int:
        return self.world.farm.shares.holding.get(user, 0)

    def _end(self) -> None:
        self.world.mono, _, run = heapq.heappop(self._ends)
        self._busy.discard(run.worker)
        owner, seconds = self.world.farm.jobs[run.job].owner, self.seconds[run.job]
        self.world.finish(run, seconds)
        self.served[owner] = self.served.get(owner, 0.0) + seconds

    def _feed(self) -> None:
        """As the engine does after a batch."""
        hungry = self.world.farm.hungry
        while hungry:
            worker = next(iter(hungry))
            del hungry[worker]
            for run in self.world.plan(worker).recall:
                self.world.report(self.world.farm.runs[run], m.Unstarted)
            self.world.take(worker)
            self._begin(worker)

    def _begin(self, worker: str) -> None:
        held = self.world.farm.workers[worker].runs
        if held and worker not in self._busy:
            run = self.world.farm.runs[next(iter(held))]
            assert run.state is RunState.ASSIGNED
            self.world.start(run)
            self._busy.add(worker)
            self._begun += 1
            heapq.heappush(
                self._ends, (self.world.mono + self.seconds[run.job], self._begun, self.world.farm.runs[run.id])
            )


@pytest.mark.parametrize("seconds", [(10.0, 10.0), (5.0, 15.0), (10.0, 4.0)])
def test_thirty_workers_are_shared_by_weight(seconds: tuple[float, float]) -> None:
    """C36: within a tenth, however long each one's frames are."""
    farm = Rendering(30, ada=1.0, bob=2.0)
    farm.submit("ada", seconds=seconds[0])
    farm.submit("bob", seconds=seconds[1])
    farm.run(20.0)
    served = farm.run(60.0)
    assert served["ada"] == pytest.approx(30 * 60 / 3, rel=0.1)
    assert served["bob"] == pytest.approx(30 * 60 * 2 / 3, rel=0.1)


def test_who_comes_later_gets_a_share_at_once() -> None:
    """C36: a big job that has all workers gives up its part as its frames end."""
    farm = Rendering(30, ada=1.0, bob=2.0)
    farm.submit("ada")
    farm.run(50.0)
    farm.submit("bob")
    farm.run(25.0)
    assert (farm.holding("ada"), farm.holding("bob")) == (10, 20)


def test_alone_a_user_has_all_workers_whatever_the_weight() -> None:
    farm = Rendering(30, ada=0.01, bob=100.0)
    farm.submit("ada")
    assert farm.run(100.0) == {"ada": 30 * 100.0}
    farm.submit("bob", "1-40")
    farm.run(100.0)
    assert farm.holding("ada") == 30


@pytest.mark.parametrize("workers", [1, 10])
def test_a_small_job_is_never_at_nothing(workers: int) -> None:
    """C36: not even where the weights would give it a thousandth of a worker."""
    farm = Rendering(workers, ada=1000.0)
    farm.submit("ada", seconds=30.0)
    farm.run(100.0)
    small = farm.submit("bob", "1-6", seconds=30.0)
    farm.run(6 * (60.0 + 3 * 30.0))  # each waits for its turn, for what the worker holds, and for itself
    assert farm.world.job(small).state == "completed"
    assert farm.run(60.0)["ada"] == workers * 60.0


@pytest.mark.parametrize("past", [0.0, 2500.0])
@pytest.mark.parametrize("first", ["ada", "bob"])
def test_one_worker_goes_from_user_to_user(past: float, first: str) -> None:
    """C36: with one worker too; and what it rendered before somebody came is not held against who was there."""
    farm = Rendering(1)
    second = "bob" if first == "ada" else "ada"
    farm.submit(first)
    farm.run(past)
    farm.submit(second)
    shares = [farm.run(300.0) for _ in range(8)]
    assert all(share.get(user, 0.0) >= 50.0 for share in shares for user in (first, second))
    total = sum(share[first] for share in shares)
    assert total == pytest.approx(1200.0, rel=0.1)


def test_one_worker_is_shared_by_weight_in_time() -> None:
    """C36."""
    farm = Rendering(1, ada=1.0, bob=2.0)
    farm.submit("ada")
    farm.submit("bob")
    farm.run(600.0)
    served = farm.run(6000.0)
    assert served["bob"] / served["ada"] == pytest.approx(2.0, rel=0.1)


def test_more_users_than_workers_have_their_turns() -> None:
    """C36."""
    farm = Rendering(3)
    users = [f"u{n}" for n in range(10)]
    for user in users:
        farm.submit(user, seconds=20.0)
    farm.run(600.0)
    served = farm.run(3000.0)
    assert set(served) == set(users)
    assert min(served.values()) > 0.7 * 3 * 3000 / 10


def test_who_was_away_has_saved_nothing_up() -> None:
    """An artist who comes back after a day does not get a day's rendering before all others."""
    farm = Rendering(2)
    farm.submit("bob", "1-2")
    farm.submit("ada")
    farm.run(2000.0)
    farm.submit("bob")
    served = farm.run(500.0)
    assert served["ada"] == pytest.approx(500.0, rel=0.1)


def test_a_higher_priority_goes_before_every_share() -> None:
    farm = Rendering(4, ada=1000.0)
    farm.submit("ada")
    farm.run(100.0)
    farm.submit("bob", priority=60)
    farm.run(10.0)
    assert (farm.holding("ada"), farm.holding("bob")) == (0, 4)


def test_a_weight_that_is_set_moves_workers() -> None:
    farm = Rendering(12)
    farm.submit("ada")
    farm.submit("bob")
    farm.run(50.0)
    assert farm.holding("ada") == farm.holding("bob") == 6
    farm.world.do(c.CreateObject(kind="share", values={"user": "bob", "weight": 3.0}))
    farm.run(25.0)
    assert (farm.holding("ada"), farm.holding("bob")) == (3, 9)
    farm.world.do(c.DeleteObjects(kind="share", keys=("bob",)))
    farm.run(25.0)
    assert farm.holding("ada") == farm.holding("bob") == 6


def test_the_counters_are_true_after_all_runs_have_ended() -> None:
    farm = Rendering(5)
    farm.submit("ada", "1-40")
    farm.submit("bob", "1-40")
    farm.run(50.0)
    assert sum(farm.world.farm.shares.holding.values()) == 5
    farm.run(1000.0)
    assert set(farm.world.farm.shares.holding.values()) == {0}


def test_a_worker_that_lacks_what_a_user_needs_is_not_given_over() -> None:
    farm = Rendering(2)
    gpu = farm.world.join("gpu", host=host(tags=("gpu",)))
    farm.submit("ada")
    farm.submit("bob", tags=("gpu",))
    farm.run(1000.0)
    assert farm.world.farm.workers[gpu].user == "bob"
    assert farm.holding("ada") == 2
