# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the farm, driven as the engine drives them."""

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import Job, Run, Task
from tests.farm_builder import BLENDER, JobState, Kind, Limits, RunState, TaskState, Wish, World, host


@pytest.fixture
def world() -> World:
    return World()


def test_a_million_frames_are_one_row(world: World) -> None:
    """C26: the cost of a submit does not depend on the number of frames."""
    for frames in ("1", "1-999", "1-1000", "1-1001", "1-33000", "1-1000000"):
        before = len(world.rows)
        world.submit(frames)
        assert [type(row) for row in world.rows[before:]] == [Job]


def test_submitting_twice_with_one_request_is_submitting_once(world: World) -> None:
    first = world.submit(request_id="same")
    assert world.submit(request_id="same").id == first.id
    assert len(world.farm.jobs) == 1


def test_output_names_of_a_live_job_are_refused_to_another(world: World) -> None:
    first = world.submit(outputs="/out/x_####.png", name="first")
    with pytest.raises(c.Refusal, match=f"Job {first.id} .first."):
        world.submit(outputs="/out/x_####.png")
    world.do(c.CancelJob(job=first.id))
    assert world.submit(outputs="/out/x_####.png").id != first.id


def test_a_frame_goes_from_ready_to_published(world: World) -> None:
    job, worker = world.submit("1-2"), world.join()
    first, second = world.give(worker, job, 0, 1)
    assert world.states(job) == [TaskState.ASSIGNED, TaskState.ASSIGNED]
    assert world.start(first).verdict == "ok"
    assert world.job(job).state is JobState.ACTIVE
    world.report(first, m.Rendered, result=m.Result(render_s=1.0))
    assert world.states(job)[0] is TaskState.RUNNING  # accepted, and not yet in its place
    assert world.published() == [first.id]
    world.do(c.Published(run=first.id))
    assert world.states(job)[0] is TaskState.SUCCEEDED
    world.finish(second)
    assert world.job(job).state is JobState.COMPLETED
    assert world.job(job).counts[TaskState.SUCCEEDED] == 2


def test_the_same_report_thrice_is_one_completion(world: World) -> None:
    """C03: reports are repeated until acknowledged."""
    job, worker = world.submit("1-2"), world.join()
    run, _ = world.give(worker, job, 0, 1)
    report = m.Rendered(id="one", run=run.id, result=m.Result())
    acks = [world.do(c.TakeReport(worker=worker, report=report)) for _ in range(3)]
    assert [ack.verdict for ack in acks] == ["ok", "ok", "ok"]
    assert world.published() == [run.id]
    world.do(c.Published(run=run.id))
    world.do(c.Published(run=run.id))
    assert len([row for row in world.rows if isinstance(row, Run) and row.state is RunState.SUCCEEDED]) == 1


def test_a_late_report_changes_nothing(world: World) -> None:
    """C02: the report of a run that is no longer live is answered "stop"."""
    job, worker = world.submit("1-2"), world.join()
    (old,) = world.give(worker, job, 0)
    world.start(old)
    world.fail(old)
    (new,) = world.give(worker, job, 0)
    world.start(new)
    before = len(world.rows)
    for late in (m.Started(id="x", run=old.id), m.Rendered(id="y", run=old.id, result=m.Result())):
        assert world.do(c.TakeReport(worker=worker, report=late)).verdict == "stop"
    assert world.fail(old).verdict == "ok"
    assert len(world.rows) == before
    assert world.step(job).live == {0: new.id}


def test_a_report_of_another_workers_run_changes_nothing(world: World) -> None:
    job, worker, other = world.submit(), world.join("one"), world.join("two")
    (run,) = world.give(worker, job, 0)
    assert world.do(c.TakeReport(worker=other, report=m.Started(id="x", run=run.id))).verdict == "stop"
    assert world.farm.runs[run.id].state is RunState.ASSIGNED


def test_a_task_fails_for_good_after_its_attempts_and_the_rest_is_done(world: World) -> None:
    """C14: one bad frame; every other frame is done, and the job says that it has errors."""
    job, worker = world.submit("1-3", limits=Limits(attempts=3)), world.join()
    for _ in range(3):
        (run,) = world.give(worker, job, 1)
        world.start(run)
        world.fail(run, message="this frame is bad")
    assert world.states(job)[1] is TaskState.FAILED
    for run in world.give(worker, job, 0, 2):
        world.finish(run)
    ended = world.job(job)
    assert (ended.state, ended.errors) == (JobState.COMPLETED, 1)
    assert [row.message for row in world.rows if isinstance(row, Run) and row.state is RunState.FAILED] == [
        "this frame is bad"
    ] * 3


def test_a_job_fails_by_its_stated_limit(world: World) -> None:
    job, worker = world.submit("1-9", limits=Limits(attempts=1, failed_tasks=2)), world.join()
    for run in world.give(worker, job, 0, 1):
        world.start(run)
        world.fail(run)
    assert world.job(job).state is JobState.FAILED
    assert "2 tasks failed" in world.job(job).message


@pytest.mark.parametrize("kind", [Kind.TIME_LIMIT, Kind.SILENT, Kind.BLENDER_CRASHED, Kind.BAD_PICTURE])
def test_every_kind_of_failure_counts_against_one_bound(world: World, kind: Kind) -> None:
    """C15: a time-out does not restart its task for ever."""
    job, worker = world.submit("1", limits=Limits(attempts=3)), world.join()
    for _ in range(3):
        (run,) = world.give(worker, job, 0)
        world.start(run)
        world.fail(run, kind)
    assert world.job(job).state is JobState.FAILED


def test_a_fatal_failure_is_not_tried_again(world: World) -> None:
    """C16: one attempt, the message to the artist, and everything of the job stops."""
    job, worker, other = world.submit("1-9"), world.join("one"), world.join("two")
    (run,) = world.give(worker, job, 0)
    (going,) = world.give(other, job, 1)
    world.start(going)
    world.fail(run, Kind.NO_CAMERA, "The scene has no camera.")
    ended = world.job(job)
    assert (ended.state, ended.kind, ended.message) == (JobState.FAILED, Kind.NO_CAMERA, "The scene has no camera.")
    assert [stop.runs for stop in world.told(m.Stop)] == [(going.id,)]
    assert not world.farm.runs


def test_preempted_ten_times_is_no_failure(world: World) -> None:
    """C17."""
    job, worker = world.submit("1-2"), world.join()
    for _ in range(10):
        (run,) = world.give(worker, job, 0)
        world.start(run)
        world.report(run, m.Stopped)
    task = world.step(job).task(0)
    assert (task.state, task.failures, task.losses) == (TaskState.READY, 0, 0)


def test_a_scene_that_kills_machines_is_caught(world: World) -> None:
    job = world.submit("1", limits=Limits(losses=3))
    for n in range(3):
        worker = world.join(f"w{n}")
        (run,) = world.give(worker, job, 0)
        world.start(run)
        world.leave(worker)
        world.mono += 61
        world.do(c.Tick())
    assert world.job(job).state is JobState.FAILED


def test_a_closed_connection_is_not_a_death_until_the_lease_runs_out(world: World) -> None:
    """C01: no second run before the first is known dead or its lease has run out; the old one is then refused."""
    job, worker = world.submit("1-2"), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    world.leave(worker)
    world.mono += 59
    world.do(c.Tick())
    assert world.states(job)[0] is TaskState.RUNNING
    world.mono += 2
    world.do(c.Tick())
    assert world.states(job)[0] is TaskState.READY
    world.join("w", boot="b1", held=(run.id,))
    assert world.report(run, m.Rendered, result=m.Result()).verdict == "stop"
    assert world.published() == []


def test_a_heartbeat_renews_the_lease(world: World) -> None:
    job, worker = world.submit("1-2"), world.join()
    (run,) = world.give(worker, job, 0)
    for _ in range(5):
        world.mono += 50
        world.farm.heard(worker, (), world.now)
        world.do(c.Tick())
    assert world.farm.runs[run.id].state is RunState.ASSIGNED


def test_a_worker_that_comes_back_keeps_its_runs(world: World) -> None:
    """C07, C04: what it holds is adopted; what it never got is requeued, and nothing counts as a failure."""
    job, worker = world.submit("1-3"), world.join()
    held, unknown = world.give(worker, job, 0, 1)
    world.start(held)
    world.leave(worker)
    assert world.join("w", held=(held.id, "from long ago")) == worker
    assert world.states(job)[:2] == [TaskState.RUNNING, TaskState.READY]
    assert world.step(job).task(1).losses == 0
    assert unknown.id not in world.farm.runs


def test_a_restarted_workers_running_frame_is_requeued_at_once(world: World) -> None:
    """C05: "not found" means stopped."""
    job, worker = world.submit("1-3"), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    world.leave(worker)
    world.join("w", boot="b2")
    assert world.states(job)[0] is TaskState.READY
    assert world.step(job).task(0).losses == 1


def test_a_new_machine_under_an_old_name_is_somebody_else(world: World) -> None:
    """C06: identity is the key."""
    job, old = world.submit(), world.join("farm1")
    world.give(old, job, 0)
    new = world.join("farm1", key="another key")
    assert new != old
    assert world.farm.workers[new].record.name == "farm1-2"
    assert not world.farm.workers[new].runs


def test_two_with_one_identity_are_never_both_there(world: World) -> None:
    """C13: who is there and heard stays; a newer one of the same boot is the same worker, and wins."""
    worker = world.join("w", boot="b1")
    refused = world.join("w", boot="b2")
    assert isinstance(refused, m.Refused)
    assert refused.again
    assert world.join("w", boot="b1") == worker
    world.mono += 10
    assert world.join("w", boot="b2") == worker


def test_cancelling_stops_every_run_and_saying_it_twice_is_fine(world: World) -> None:
    """C10: five workers; no new assignment, all runs stopped."""
    job = world.submit("1-50")
    workers = [world.join(f"w{n}") for n in range(5)]
    for worker in workers:
        world.take(worker)
    world.do(c.CancelJob(job=job.id))
    assert sorted(id_ for stop in world.told(m.Stop) for id_ in stop.runs) == sorted(
        {row.id for row in world.rows if isinstance(row, Run)}
    )
    assert all(world.plan(worker).step is None for worker in workers)
    ended = world.job(job)
    assert (ended.state, ended.counts[TaskState.CANCELLED]) == (JobState.CANCELLED, 50)


def test_a_pause_ends_when_one_worker_leaves_and_the_other_finishes(world: World) -> None:
    """C11."""
    job, one, two = world.submit("1-9"), world.join("one"), world.join("two")
    (first,), (second,) = world.give(one, job, 0), world.give(two, job, 1)
    world.start(first)
    world.start(second)
    world.do(c.PauseJob(job=job.id))
    assert world.job(job).state is JobState.ACTIVE
    world.leave(one, goodbye=True)
    world.finish(second)
    assert world.job(job).state is JobState.PAUSED
    assert world.plan(two).step is None
    world.do(c.ResumeJob(job=job.id))
    assert world.plan(two).step == (job.id, 0)


def test_a_disabled_worker_stays_disabled(world: World) -> None:
    """C12: the wish belongs to the manager."""
    world.submit()
    worker = world.join()
    world.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED))
    world.leave(worker)
    world.join("w", boot="b2")
    assert world.farm.workers[worker].record.wish is Wish.DISABLED
    assert world.plan(worker).step is None


def test_disabling_gives_queued_runs_back_and_now_the_running_too(world: World) -> None:
    job, worker = world.submit(), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    world.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED))
    assert [recall.runs for recall in world.told(m.Recall)] == [(queued.id,)]
    world.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED, now=True))
    assert [stop.runs for stop in world.told(m.Stop)] == [(running.id, queued.id)]
    world.report(running, m.Stopped)
    assert world.states(job)[0] is TaskState.READY


def test_a_changed_scene_pauses_the_job_with_its_reason(world: World) -> None:
    job, worker = world.submit(), world.join()
    (run,) = world.give(worker, job, 0)
    world.fail(run, Kind.SCENE_CHANGED, "a.blend is not the file that was submitted")
    paused = world.job(job)
    assert (paused.state, paused.kind) == (JobState.PAUSED, Kind.SCENE_CHANGED)
    assert "not the file" in paused.message
    assert world.step(job).task(0).failures == 0


def test_retrying_an_ended_job_takes_up_what_failed_and_what_was_cancelled(world: World) -> None:
    job, worker = world.submit("1-4", limits=Limits(attempts=1, failed_tasks=1)), world.join()
    good, bad = world.give(worker, job, 0, 1)
    world.finish(good)
    world.start(bad)
    world.fail(bad)
    ended = world.job(job)
    assert ended.state is JobState.FAILED
    touched = {row.index: row for row in world.rows if isinstance(row, Task)}
    world.do(c.RetryJob(job=job.id, ended=ended, touched=tuple(touched.values())))
    assert world.states(job) == [TaskState.SUCCEEDED, *[TaskState.READY] * 3]
    assert world.step(job).next_ready(9) == [1, 2, 3]


def test_frames_that_cannot_be_put_in_place_are_failures(world: World) -> None:
    job, worker = world.submit("1", limits=Limits(attempts=1)), world.join()
    (run,) = world.give(worker, job, 0)
    world.report(run, m.Rendered, result=m.Result())
    world.do(c.NotPublished(run=run.id, message="the folder is read-only"))
    assert world.job(job).state is JobState.FAILED


def test_frames_whose_place_cannot_be_had_wait_and_say_for_what(world: World) -> None:
    job, worker = world.submit("1-2", limits=Limits(attempts=1)), world.join()
    run, other = world.give(worker, job, 0, 1)
    world.report(run, m.Rendered, result=m.Result())
    world.do(c.PublishingDelayed(run=run.id, message="the store cannot be reached"))
    assert world.farm.runs[run.id].message == "the store cannot be reached"
    assert world.job(job).errors == 0
    saved = len(world.rows)
    world.do(c.PublishingDelayed(run=run.id, message="the store cannot be reached"))
    world.do(c.PublishingDelayed(run=other.id, message="nothing was brought of it yet"))
    world.do(c.PublishingDelayed(run="of yesterday", message="it is over"))
    assert len(world.rows) == saved
    world.do(c.Published(run=run.id))
    assert next(row for row in reversed(world.rows) if isinstance(row, Run)).message == ""


def test_a_worker_of_another_protocol_is_refused_with_words(world: World) -> None:
    hello = m.Hello(protocol=99, name="w", host=host(BLENDER), key="k", boot="b")
    answer = world.do(c.WorkerHello(connection="c", hello=hello, key_hash="h"))
    assert isinstance(answer, m.Refused)
    assert "install the same brender" in answer.reason
