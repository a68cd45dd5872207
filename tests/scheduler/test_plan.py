# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scheduler proposes, and the reasons it gives."""

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import StepKind
from brender.scheduler import why
from tests.farm_builder import BLENDER, BPY, Wish, World, host


@pytest.fixture
def world() -> World:
    return World()


def test_priority_goes_first_and_then_the_older_job(world: World) -> None:
    low, old, new = world.submit(priority=10), world.submit(priority=50), world.submit(priority=50)
    worker = world.join()
    assert world.plan(worker).step == (old.id, 0)
    world.do(c.SetPriority(job=new.id, priority=60))
    assert world.plan(worker).step == (new.id, 0)
    world.do(c.SetPriority(job=low.id, priority=70))
    assert world.plan(worker).step == (low.id, 0)


def test_a_worker_stays_where_its_scene_is_open(world: World) -> None:
    world.submit()
    warm = world.submit()
    worker = world.join()
    (run,) = world.give(worker, warm, 0)
    world.finish(run)
    assert world.plan(worker).step == (warm.id, 0)


def test_a_higher_priority_takes_a_warm_worker_and_its_queue_is_asked_back(world: World) -> None:
    job, worker = world.submit(), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    urgent = world.submit(priority=90)
    assert world.plan(worker).recall == (queued.id,)
    world.report(queued, m.Unstarted)
    world.finish(running)
    assert world.plan(worker).step == (urgent.id, 0)


def test_a_worker_holds_two_seconds_of_work_ahead(world: World) -> None:
    job, worker = world.submit("1-1000"), world.join()
    assert len(world.take(worker)) == 2  # nothing is known of its frames yet
    for run in list(world.farm.runs.values()):
        world.finish(run, seconds=0.25)
    assert len(world.take(worker)) == 9
    slow = world.submit("1-1000", priority=60)
    other = world.join("other")
    (run, _) = world.take(other)
    assert run.job == slow.id
    world.finish(run, seconds=600.0)
    assert len(world.take(other)) == 1  # it holds one, and one ahead is enough
    assert job.id


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
def test_any_batch_size_will_do(world: World, batch: int) -> None:
    """C27: also one larger than the range."""
    job, worker = world.submit("1-3", batch=batch), world.join()
    while runs := world.take(worker):
        assert len(runs) <= batch
        for run in runs:
            world.finish(run, 0.01)
    assert world.job(job).state == "completed"


def test_thirty_idle_workers_are_all_busy_at_once(world: World) -> None:
    """C35."""
    world.submit("1-60")
    workers = [world.join(f"w{n}") for n in range(30)]
    assert all(world.take(worker) for worker in workers)


def test_the_last_tasks_are_spread(world: World) -> None:
    world.submit("1-4")
    workers = [world.join(f"w{n}") for n in range(4)]
    assert [len(world.take(worker)) for worker in workers] == [1, 1, 1, 1]


def test_an_idle_worker_asks_a_queued_run_back(world: World) -> None:
    job, busy = world.submit("1-2"), world.join("busy")
    running, queued = world.give(busy, job, 0, 1)
    world.start(running)
    idle = world.join("idle")
    assert world.plan(idle).recall == (queued.id,)
    world.report(queued, m.Unstarted)
    assert world.plan(idle).indexes == (1,)


def test_a_movie_is_one_task_of_one_worker(world: World) -> None:
    """C30."""
    world.submit("1-250", kind=StepKind.MOVIE)
    one, two = world.join("one"), world.join("two")
    (run,) = world.take(one)
    assert world.take(two) == []
    (assign,) = world.told(m.Assign)
    assert assign.orders == (m.Order(run=run.id, index=0, start=1, end=250, step=1),)


def test_every_worker_that_does_not_take_it_says_why(world: World) -> None:
    job = world.submit(blender=BPY, tags=("gpu",))
    world.join("other blender", host=host(BLENDER))
    world.join("no tag", host=host(BPY))
    world.join("fit", host=host(BPY, tags=("gpu",)))
    world.join("alone", host=host(BPY, tags=("gpu",)), only_job=99)
    away = world.join("away", host=host(BPY, tags=("gpu",)))
    world.leave(away)
    off = world.join("off", host=host(BPY, tags=("gpu",)))
    world.do(c.SetWish(workers=(off,), wish=Wish.DISABLED))
    still = world.join("still", host=host(BPY, tags=("gpu",)))
    world.do(c.SetPaused(workers=(still,), paused=True))
    reasons = dict(why(world.farm, world.farm.jobs[job.id]))
    assert reasons == {
        "other blender": "has no bpy 4.5.15, to which the job is bound (it has Blender 3.4.1)",
        "no tag": "lacks the tag gpu",
        "fit": None,
        "alone": "was started for job 99 alone",
        "away": "is offline",
        "off": "is disabled",
        "still": "is paused",
    }
    takers = [w.record.name for id_, w in world.farm.workers.items() if world.plan(id_).step]
    assert takers == ["fit"]


def test_a_worker_of_one_job_finds_it_behind_others(world: World) -> None:
    world.submit(priority=90)
    mine = world.submit()
    worker = world.join(only_job=mine.id)
    assert world.plan(worker).step == (mine.id, 0)
