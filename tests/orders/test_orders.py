# SPDX-License-Identifier: GPL-3.0-or-later
"""R3: the worker obeys while it renders. A long frame burns processor time in Blender and in a child of it."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from brender.core import commands as c
from brender.core.nouns import JobState, RunState, TaskState, Wish
from tests.orders.conftest import ME, House, Timer, cpu_s, lives, until

pytestmark = [pytest.mark.blender, pytest.mark.slow]


async def test_each_order_is_acknowledged_within_two_seconds_during_a_long_frame(house: House) -> None:
    work = await house.work()
    job = await house.submit("1,3,5")
    await house.running(job)
    family = await work.burning()
    await house.queued(job)
    timer = Timer()
    assert 0 < await house.service.ping("ada") < 2
    timer.check("ping")
    await house.service.wish(ME, ["ada"], Wish.DISABLED)
    await until(lambda: not house.runs(job, RunState.ASSIGNED))
    timer.check("disable")
    await house.service.wish(ME, ["ada"], Wish.ENABLED)
    await house.queued(job)
    timer.check("enable")
    await house.service.pause_workers(ME, ["ada"], True)
    await until(lambda: house.worker().paused and not house.runs(job, RunState.ASSIGNED))
    timer.check("pause")
    assert 0 < await house.service.ping("ada") < 2
    timer.check("ping of a paused one")
    await house.service.pause_workers(ME, ["ada"], False)
    await until(lambda: not house.worker().paused)
    timer.check("resume")
    (run,) = house.runs(job, RunState.RUNNING)
    assert all(map(lives, family))
    await house.service.kill(ME, ["ada"])
    await until(lambda: run.id not in house.manager.engine.farm.runs)
    timer.check("kill")
    assert not any(map(lives, family))
    task = house.manager.engine.farm.steps[job.id, 0].task(0)
    assert (task.failures, task.losses) == (0, 0)
    verbs = [(entry.verb, entry.who, entry.door) for entry in await house.service.audit()]
    assert verbs == [(v, "ada", "console") for v in ("kill", "resume", "pause", "enable", "disable", "submit")]


async def test_a_pause_stops_the_whole_trees_processor_time_and_the_frame_comes_out_right(
    house: House, tmp_path: Path
) -> None:
    """Also no limit runs out in a pause: the run may be silent for two seconds, and is for three."""
    cold = tmp_path / "cold"
    options = ["-b", "--factory-startup", str(house.blend), "-F", "PNG", "-o", f"{cold}/####", "-f", "2"]
    blender = await asyncio.create_subprocess_exec("blender", *options, stdout=subprocess.DEVNULL)
    assert await blender.wait() == 0
    work = await house.work()
    job = await house.submit("2", silence_s=2, max_run_s=60)
    family = await work.burning()
    assert len(family) == 2  # Blender, and its child in another session
    await house.service.pause_workers(ME, ["ada"], True)
    await until(lambda: house.worker().paused)
    before = cpu_s(family)
    await asyncio.sleep(3)  # that nothing happens takes time to be seen
    assert cpu_s(family) == before
    assert house.runs(job, RunState.RUNNING)
    await house.service.pause_workers(ME, ["ada"], False)
    assert (await house.ended(job)).state is JobState.COMPLETED
    with Image.open(house.picture(job, 2)) as warm, Image.open(cold / "0002.png") as expected:
        assert warm.tobytes() == expected.tobytes()


async def test_a_scene_that_is_being_opened_is_paused_too(house: House) -> None:
    work = await house.work()
    job = await house.submit("3")
    family = await until(work.family)
    await house.service.pause_workers(ME, ["ada"], True)
    await until(lambda: house.worker().paused)
    before = cpu_s(family)
    await asyncio.sleep(0.5)  # that nothing happens takes time to be seen
    assert cpu_s(family) == before
    assert not house.runs(job, RunState.RUNNING)
    await house.service.pause_workers(ME, ["ada"], False)
    assert (await house.ended(job)).state is JobState.COMPLETED


async def test_a_paused_run_can_be_killed_and_nothing_begins_before_the_pause_is_over(house: House) -> None:
    work = await house.work()
    job = await house.submit("1")
    run = await house.running(job)
    family = await work.burning()
    await house.service.pause_workers(ME, ["ada"], True)
    await until(lambda: house.worker().paused)
    await house.service.kill(ME, ["ada"])
    await until(lambda: run.id not in house.manager.engine.farm.runs)
    assert not any(map(lives, family))
    assert house.count(job, TaskState.READY) == 1
    (reason,) = (await house.service.why(job.id)).workers
    assert (reason.name, reason.reason) == ("ada", "is paused")
    await house.service.pause_workers(ME, ["ada"], False)
    await house.running(job)


async def test_a_pause_survives_the_worker_and_the_manager(house: House) -> None:
    """C12."""
    work = await house.work()
    job = await house.submit("1")
    run = await house.running(job)
    family = await work.burning()
    await house.service.pause_workers(ME, ["ada"], True)
    await until(lambda: house.worker().paused)
    await house.restart()
    await until(lambda: house.is_online("ada") and house.worker().paused)
    assert [each.id for each in house.runs(job)] == [run.id]  # adopted, and still where it was
    await work.end(signal.SIGKILL)
    work.start()
    await until(lambda: house.is_online("ada") and house.worker().paused and not house.runs(job))
    assert not any(map(lives, family))  # stopped processes of the worker before are ended as well
    await house.service.pause_workers(ME, ["ada"], False)
    await house.running(job)


async def test_a_paused_job_starts_no_new_run(house: House) -> None:
    work = await house.work()
    job = await house.submit("1,3,5")
    await house.running(job)
    await house.queued(job)
    await work.burning()
    await house.service.pause(ME, job.id)
    await until(lambda: len(house.runs(job)) == 1)
    assert house.live(job).state is JobState.ACTIVE
    await house.service.kill_tasks(ME, [f"{job.id}/0/0"])
    await until(lambda: house.live(job).state is JobState.PAUSED)
    assert house.count(job, TaskState.READY) == 3
    await house.service.ping("ada")  # whatever was told before it has arrived
    assert not house.runs(job)


async def test_a_pause_ends_also_where_a_worker_has_signed_off(house: House) -> None:
    """C11: two runs, one worker leaves, one finishes: paused."""
    first, second = await house.work("one"), await house.work("two")
    job = await house.submit("1,2")
    await until(lambda: len(house.runs(job, RunState.RUNNING)) == 2)
    long = next(run for run in house.runs(job) if run.index == 0)
    leaver = first if house.worker("one").record.id == long.worker else second
    await house.service.pause(ME, job.id)
    await leaver.end()
    await until(lambda: house.live(job).state is JobState.PAUSED)
    assert (house.count(job, TaskState.SUCCEEDED), house.count(job, TaskState.READY)) == (1, 1)


async def test_two_workers_of_one_folder_are_two(house: House) -> None:
    """C13: never both under one identity."""
    await house.work("one", folder="shared")
    await house.work("two", folder="shared")
    assert house.worker("one").record.id != house.worker("two").record.id
    assert house.is_online("one")


async def test_who_is_not_there_cannot_be_asked(house: House) -> None:
    work = await house.work()
    await work.end()
    await until(lambda: not house.is_online("ada"))
    with pytest.raises(c.Refusal, match="Worker ada is offline"):
        await house.service.ping("ada")
    with pytest.raises(c.Refusal, match="There is no worker nobody"):
        await house.service.ping("nobody")
