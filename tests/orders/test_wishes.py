# SPDX-License-Identifier: GPL-3.0-or-later
"""R6: enable, disable and drain a worker that is busy, with the manager starting anew in between."""

import pytest

from brender.core.nouns import JobState, RunState, TaskState, Wish
from tests.orders.conftest import ME, House, lives, until

pytestmark = [pytest.mark.blender, pytest.mark.slow]


async def test_a_disabled_worker_finishes_its_task_and_gives_the_queued_ones_back(house: House) -> None:
    work = await house.work()
    job = await house.submit("2,4,6")
    await house.running(job)
    await house.queued(job)
    await house.service.wish(ME, ["ada"], Wish.DISABLED)
    await until(lambda: not house.runs(job, RunState.ASSIGNED))
    await house.restart()
    await until(lambda: house.is_online("ada"))
    await until(lambda: house.count(job, TaskState.SUCCEEDED) == 1)
    await house.service.ping("ada")
    assert (house.runs(job), house.count(job, TaskState.READY)) == ([], 2)
    assert house.worker().record.wish is Wish.DISABLED
    await work.end()  # C12: nor does its own restart make it work again
    work.start()
    await until(lambda: house.is_online("ada"))
    await house.service.ping("ada")
    assert not house.runs(job)
    await house.service.wish(ME, ["ada"], Wish.ENABLED)
    assert (await house.ended(job)).state is JobState.COMPLETED


async def test_a_draining_worker_finishes_what_it_holds(house: House) -> None:
    await house.work()
    job = await house.submit("2,4,6,8")
    await house.running(job)
    await house.queued(job)
    held = len(house.runs(job))
    await house.service.wish(ME, ["ada"], Wish.DRAINING)
    await house.restart()
    await until(lambda: house.is_online("ada"))
    await until(lambda: house.count(job, TaskState.SUCCEEDED) == held)
    await house.service.ping("ada")
    assert (house.runs(job), house.count(job, TaskState.READY)) == ([], 4 - held)


async def test_disabled_now_it_gives_all_back(house: House) -> None:
    work = await house.work()
    job = await house.submit("1,3")
    await house.running(job)
    await house.queued(job)
    family = await work.burning()
    await house.service.wish(ME, ["ada"], Wish.DISABLED, now=True)
    await house.restart()
    await until(lambda: house.is_online("ada") and not house.runs(job))
    assert not any(map(lives, family))
    task = house.manager.engine.farm.steps[job.id, 0].task(0)
    assert (task.state, task.failures, task.losses) == (TaskState.READY, 0, 0)
