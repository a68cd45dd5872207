# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine over a real store: what is answered is saved, what is saved comes back, and one culprit is one culprit."""

import asyncio
from collections.abc import Sequence
from threading import Event

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Row
from brender.core.failures import Kind
from brender.core.nouns import Job, JobState, RunState, TaskState, Wish, Worker
from brender.store import StoreError
from tests.manager.house import House


@pytest.mark.parametrize("frames", ["1-1", "1-999", "1-1000", "1-1001", "1-33000", "1-1000000"])
async def test_a_job_of_any_size_is_one_row(house: House, frames: str) -> None:
    """C26"""
    before = house.store.saved
    job = await house.submit(frames)
    assert house.store.saved == before + 1
    assert job.steps[0].tasks == int(frames[2:])


async def test_a_request_that_is_repeated_is_one_job_also_after_it_has_ended(house: House) -> None:
    command = house.submission("1-2", request_id="mine")
    first = await house.do(command)
    assert (await house.do(command)).id == first.id
    await house.do(c.CancelJob(job=first.id))
    again = await house.do(command)
    assert (again.id, again.state) == (first.id, JobState.CANCELLED)
    assert len(house.store.jobs()) == 1


async def test_requests_at_the_same_moment_are_one_job(house: House) -> None:
    command = house.submission(request_id="mine")
    jobs = await asyncio.gather(*(house.do(command) for _ in range(20)))
    assert {job.id for job in jobs} == {jobs[0].id}


async def test_the_same_report_thrice_is_one_completion(house: House) -> None:
    """C03"""
    job = await house.submit("1-2")
    await house.join()
    run = house.held()[0]
    report = m.Rendered(id="r1", run=run.id, result=m.Result())
    for _ in range(3):
        assert (await house.do(c.TakeReport(worker=run.worker, report=report))).verdict == "ok"
    assert house.published() == [run.id]
    await house.do(c.Published(run=run.id))
    assert (await house.do(c.TakeReport(worker=run.worker, report=report))).verdict == "stop"
    assert [r.state for r in house.store.runs_of(job.id, indexes=[0])] == [RunState.SUCCEEDED]


async def test_an_unknown_outcome_keeps_the_assignment(house: House) -> None:
    """C04"""
    await house.submit("1-1")
    first = await house.join("one")
    second = await house.join("two")
    await house.do(c.WorkerGone(worker=first, connection=house.engine.farm.workers[first].connection or ""))
    for _ in range(3):
        house.mono += 15
        await house.do(c.Tick())
    assert [run.worker for run in house.held()] == [first]
    assert house.held(second) == []


async def test_what_a_restarted_worker_does_not_know_is_requeued_at_once(house: House) -> None:
    """C05"""
    await house.submit("1-1")
    worker = await house.join("one", boot="b1")
    (old,) = house.held()
    house.mono += 10
    assert await house.join("one", boot="b2") == worker
    (new,) = house.held()
    assert new.id != old.id


async def test_a_new_machine_under_an_old_name_has_none_of_its_tasks(house: House) -> None:
    """C06"""
    await house.submit("1-1")
    old = await house.join("box", key="k1")
    new = await house.join("box", key="k2")
    assert new != old
    assert house.held(new) == []
    assert house.engine.farm.workers[new].record.name == "box-2"


async def test_cancelling_while_five_workers_ask_gives_nothing_out(house: House) -> None:
    """C10"""
    job = await house.submit("1-100")
    for n in range(5):
        await house.join(f"w{n}")
    runs = house.held()
    house.effects.clear()
    asks = [house.fail(run) for run in runs[::2]]
    await asyncio.gather(house.do(c.CancelJob(job=job.id)), *asks, house.do(c.CancelJob(job=job.id)))
    assert house.held() == []
    stopped = {run for stop in house.told(m.Stop) for run in stop.runs}
    assert stopped == {run.id for run in runs}
    assert house.told(m.Assign) == []
    assert (await house.do(c.CancelJob(job=job.id))).state is JobState.CANCELLED
    assert all(run.state is RunState.CANCELLED for run in house.store.runs_of(job.id))


async def test_a_pause_ends_when_one_worker_leaves_and_the_other_finishes(house: House) -> None:
    """C11"""
    first, second = await house.join("one"), await house.join("two")
    job = await house.submit("1-2")
    for run in house.held():
        await house.report(run, m.Started)
    await house.do(c.PauseJob(job=job.id))
    await house.do(
        c.WorkerGone(worker=first, connection=house.engine.farm.workers[first].connection or "", goodbye=True)
    )
    assert house.engine.farm.jobs[job.id].state is JobState.ACTIVE
    await house.finish(house.held(second)[0])
    assert house.engine.farm.jobs[job.id].state is JobState.PAUSED


async def test_a_disabled_worker_is_disabled_after_every_restart(house: House) -> None:
    """C12"""
    worker = await house.join("one", boot="b1")
    await house.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED))
    await house.submit()
    house.mono += 10
    await house.join("one", boot="b2")
    assert house.held() == []
    house.close()
    house.open()
    async with house.running():
        await house.join("one", boot="b3")
        assert house.held() == []
        assert house.engine.farm.workers[worker].record.wish is Wish.DISABLED


async def test_one_bad_frame_fails_for_good_and_all_others_are_done(house: House) -> None:
    """C14, C15"""
    job = await house.submit("1-6")
    await house.join("one")
    await house.join("two")
    kinds = iter([Kind.TIME_LIMIT, Kind.BLENDER_CRASHED, Kind.SILENT])
    while runs := house.held():
        house.mono += 1
        if runs[0].index == 2:
            await house.fail(runs[0], next(kinds), "bad")
        else:
            await house.finish(runs[0])
    ended = house.store.job(job.id)
    assert ended is not None
    assert (ended.state, ended.errors) == (JobState.COMPLETED, 1)
    assert ended.counts[TaskState.SUCCEEDED] == 5
    failed = house.store.failed_runs(job.id)
    assert [(run.attempt, run.final) for run in failed] == [(1, False), (2, False), (3, True)]


async def test_a_fatal_failure_is_tried_once_and_told(house: House) -> None:
    """C16"""
    job = await house.submit("1-50")
    await house.join("one")
    await house.fail(house.held()[0], Kind.NO_CAMERA, "There is no camera.")
    ended = house.store.job(job.id)
    assert ended is not None
    assert (ended.state, ended.kind, ended.message) == (JobState.FAILED, Kind.NO_CAMERA, "There is no camera.")
    assert len(house.store.failed_runs(job.id)) == 1
    assert house.held() == []


async def test_preempted_ten_times_is_no_failure(house: House) -> None:
    """C17"""
    job = await house.submit("1-1")
    await house.join("one")
    for _ in range(10):
        await house.report(house.held()[0], m.Stopped)
    assert house.engine.farm.steps[job.id, 0].tries == {}
    await house.finish(house.held()[0])
    assert (house.store.job(job.id) or job).state is JobState.COMPLETED


async def test_a_damaged_job_is_set_aside_and_the_manager_starts(house: House) -> None:
    """C08"""
    bad, good = await house.submit(), await house.submit()
    with house.store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE jobs SET body = ? WHERE id = ?", (b"{", bad.id))
    house.close()
    house.open()
    async with house.running():
        assert list(house.engine.farm.jobs) == [good.id]
        assert (await house.submit()).id > good.id


async def test_a_damaged_worker_takes_its_runs_jobs_aside_and_the_manager_starts(house: House) -> None:
    """C08"""
    await house.submit("1-1")
    worker = await house.join("one")
    idle = await house.submit("1-1")
    with house.store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE workers SET body = ? WHERE id = ?", (b"{", worker))
    house.close()
    house.open()
    async with house.running():
        assert list(house.engine.farm.jobs) == [idle.id]


async def test_what_follows_from_a_jobs_tasks_is_worked_out_at_start(house: House) -> None:
    """C09: the manager died after the last frame was saved, before the job's end was."""
    job = await house.submit("1-1")
    await house.join("one")
    run = house.held()[0]
    await house.report(run, m.Rendered, result=m.Result())
    kept = house.store.job(job.id)
    assert kept is not None
    await house.do(c.Published(run=run.id))
    house.store.save([kept])
    house.close()
    house.open()
    async with house.running():
        await house.do(c.Tick())
        assert (house.store.job(job.id) or kept).state is JobState.COMPLETED


# --- saving ----------------------------------------------------------------------------------------------------------


def refusing(name: str) -> object:
    def refuse(rows: Sequence[Row]) -> None:
        if any(isinstance(row, Job) and row.name == name for row in rows):
            raise StoreError("the database does not like this one")

    return refuse


async def test_a_failed_save_hits_the_culprit_alone(house: House) -> None:
    house.store.refuse = refusing("bad")
    names = ["good", "bad", "fine"]
    results = await asyncio.gather(*(house.submit(name=name) for name in names), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["Job", "StoreError", "Job"]
    assert sorted(job.name for job in house.engine.farm.jobs.values()) == ["fine", "good"]
    assert sorted(job.name for job in house.store.jobs()) == ["fine", "good"]


async def test_connections_stay_through_a_failed_save(house: House) -> None:
    worker = await house.join("one")
    house.engine.heard(worker, m.Heartbeat(load=1.5, memory_mb=700))
    house.store.refuse = refusing("bad")
    with pytest.raises(StoreError):
        await house.submit(name="bad")
    await house.submit("1-3")
    assert house.held(worker)
    assert house.engine.farm.workers[worker].connection is not None


async def test_a_worker_that_is_new_when_a_save_fails_can_still_come(house: House) -> None:
    def refuse(rows: Sequence[Row]) -> None:
        if any(isinstance(row, Worker) for row in rows):
            raise StoreError("the disk is full")

    house.store.refuse = refuse
    with pytest.raises(StoreError):
        await house.join("one")
    house.store.refuse = None
    assert await house.join("one") in house.engine.farm.workers


async def test_the_engine_outlives_a_store_that_cannot_even_be_read(house: House) -> None:
    """The disk is away for a while: each command gets the error, and the first one after it is back is served."""
    job = await house.submit()

    def refuse(rows: Sequence[Row]) -> None:
        raise StoreError("the disk is away")

    house.store.refuse = refuse
    load, house.store.load_farm = house.store.load_farm, lambda: refuse(())  # type: ignore[method-assign,assignment]
    for _ in range(2):
        with pytest.raises(StoreError):
            await asyncio.wait_for(house.submit(), 5)
    house.store.refuse, house.store.load_farm = None, load  # type: ignore[method-assign]
    await asyncio.wait_for(house.do(c.Tick()), 5)
    again = await asyncio.wait_for(house.submit(), 5)
    assert sorted(house.engine.farm.jobs) == [job.id, again.id]


async def test_a_read_waits_for_the_commit_that_covers_it(house: House) -> None:
    at_work, go_on = Event(), Event()

    def wait(rows: Sequence[Row]) -> None:
        at_work.set()
        go_on.wait(10)

    house.store.refuse = wait
    submitting = asyncio.create_task(house.submit())
    await asyncio.to_thread(at_work.wait, 10)
    reading = asyncio.create_task(house.engine.read(lambda farm: len(farm.jobs)))
    done, _ = await asyncio.wait([reading], timeout=0.05)
    assert not done
    go_on.set()
    assert await reading == 1
    await submitting


async def test_a_read_never_shows_what_was_not_saved(house: House) -> None:
    at_work, go_on = Event(), Event()

    def fail_late(rows: Sequence[Row]) -> None:
        at_work.set()
        go_on.wait(10)
        raise StoreError("the disk is full")

    house.store.refuse = fail_late
    submitting = asyncio.create_task(house.submit())
    await asyncio.to_thread(at_work.wait, 10)
    reading = asyncio.create_task(house.engine.read(lambda farm: len(farm.jobs)))
    await asyncio.sleep(0)
    go_on.set()
    assert await reading == 0
    with pytest.raises(StoreError):
        await submitting


async def test_commands_that_arrive_together_are_saved_together(house: House) -> None:
    batches: list[int] = []
    house.store.refuse = lambda rows: batches.append(len(rows))
    await asyncio.gather(*(house.submit() for _ in range(50)))
    assert len(batches) < 25
    assert sum(batches) == 50


async def test_a_fault_of_the_scheduler_ends_neither_the_engine_nor_the_command(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(farm: object, worker: str) -> object:
        raise ZeroDivisionError

    worker = await house.join("one")
    with monkeypatch.context() as patched:
        patched.setattr("brender.manager.engine.plan", broken)
        assert (await asyncio.wait_for(house.submit("1-2"), 5)).state is JobState.QUEUED
    await asyncio.wait_for(house.submit("1-2"), 5)
    assert house.held(worker)


async def test_a_worker_whose_lease_ran_out_gets_nothing_until_it_is_heard(house: House) -> None:
    """C01, C02: its socket may be dead, and being warm it would be given the very frame that it has just lost."""
    ash = await house.join("ash")
    await house.submit("1")
    (lost,) = house.held(ash)
    house.mono += 61.0
    await house.do(c.Tick())
    assert house.held() == []
    oak = await house.join("oak")
    (again,) = house.held()
    assert (again.worker, again.index) == (oak, lost.index)
    await house.submit("1", outputs="/elsewhere/####.png")
    assert house.held(ash) == []
    house.engine.heard(ash, m.Heartbeat())
    await house.do(c.Tick())
    assert [run.worker for run in house.held(ash)] == [ash]
