# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers are told about what they hold, and told again when they come back."""

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Tell
from brender.core.nouns import AuditEntry, Run
from tests.farm_builder import Kind, RunState, TaskState, Wish, World

ME = c.By(who="ada", door="console")


@pytest.fixture
def world() -> World:
    return World()


def told_last(world: World, worker: str) -> list[m.ToWorker]:
    """What the worker has been told since the last look."""
    told = [e.message for e in world.effects if isinstance(e, Tell) and e.worker == worker]
    world.effects.clear()
    return told


def come_back(world: World, worker: str, *held: Run, boot: str = "b1") -> m.Welcome:
    """Its connection was cut, and it is there again, with these runs."""
    world.leave(worker)
    hello = m.Hello(
        protocol=m.PROTOCOL,
        name="w",
        key="w",
        boot=boot,
        host=world.farm.workers[worker].record.host,
        held=tuple(run.id for run in held),
    )
    answer = world.do(c.WorkerHello(connection=world.new_id(), hello=hello, key_hash="hash of w"))
    assert isinstance(answer, m.Welcome)
    return answer


def newest(world: World, run: Run) -> Run:
    return [row for row in world.rows if isinstance(row, Run) and row.id == run.id][-1]


def audits(world: World) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(row.verb, row.kind, row.keys) for row in world.rows if isinstance(row, AuditEntry)]


def test_a_paused_worker_is_told_so_and_asked_for_what_it_has_not_begun(world: World) -> None:
    job, worker = world.submit(), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    told_last(world, worker)
    (answer,) = world.do(c.SetPaused(by=ME, workers=(worker,), paused=True))
    assert answer.paused
    assert told_last(world, worker) == [m.PauseWork(), m.Recall(runs=(queued.id,))]
    world.report(queued, m.Unstarted)
    assert world.take(worker) == []
    world.do(c.SetPaused(by=ME, workers=(worker,), paused=False))
    assert told_last(world, worker) == [m.ResumeWork()]
    assert [run.index for run in world.take(worker)] == [1]
    assert audits(world) == [("pause", "worker", ("w",)), ("resume", "worker", ("w",))]


def test_pausing_twice_tells_it_once(world: World) -> None:
    worker = world.join()
    for _ in range(2):
        world.do(c.SetPaused(workers=(worker,), paused=True))
    assert told_last(world, worker) == [m.PauseWork()]


def test_a_pause_survives_whatever_starts_anew(world: World) -> None:
    """C12: it is the manager's, and said in each welcome."""
    job, worker = world.submit(), world.join()
    (running,) = world.give(worker, job, 0)
    world.start(running)
    world.do(c.SetPaused(workers=(worker,), paused=True))
    assert come_back(world, worker, running).paused
    assert come_back(world, worker, boot="b2").paused
    assert world.plan(worker).step is None
    world.do(c.SetPaused(workers=(worker,), paused=False))
    assert not come_back(world, worker, boot="b2").paused


def test_set_worker_paused_is_the_same_as_pause(world: World) -> None:
    worker = world.join()
    world.do(c.SetAttributes(kind="worker", keys=(worker,), values={"paused": True}))
    assert told_last(world, worker) == [m.PauseWork()]
    world.do(c.SetAttributes(kind="worker", keys=(worker,), values={"note": "slow"}))
    assert told_last(world, worker) == []
    assert world.farm.workers[worker].record.paused


def test_orders_to_a_worker_that_is_not_there_are_refused(world: World) -> None:
    for command in (c.SetPaused(workers=("x",), paused=True), c.KillRuns(workers=("x",))):
        with pytest.raises(c.Refusal, match="There is no worker x"):
            world.do(command)


def test_a_killed_run_is_no_failure(world: World) -> None:
    """C17: killed ten times, and still ready."""
    job, worker = world.submit("1"), world.join()
    for _ in range(10):
        (run,) = world.give(worker, job, 0)
        world.start(run)
        (answer,) = world.do(c.KillRuns(by=ME, runs=(run.id,)))
        assert answer.id == run.id
        assert world.states(job) == [TaskState.RUNNING]  # it is the worker's until that says it has ended (C01)
        world.report(run, m.Stopped)
        assert newest(world, run).state is RunState.RECALLED
        assert newest(world, run).message == "It was stopped: it was killed."
    task = world.step(job).task(0)
    assert (task.state, task.failures, task.losses) == (TaskState.READY, 0, 0)
    assert set(audits(world)) == {("kill", "task", (f"{job.id}/0/0",))}


def test_killing_by_worker_is_killing_all_that_it_holds(world: World) -> None:
    job, worker = world.submit(), world.join()
    runs = world.give(worker, job, 0, 1)
    told_last(world, worker)
    assert [run.id for run in world.do(c.KillRuns(workers=(worker,), runs=(runs[0].id,)))] == [r.id for r in runs]
    assert told_last(world, worker) == [m.Stop(runs=tuple(run.id for run in runs), reason="it was killed")]


def test_killing_twice_is_fine_and_what_has_ended_cannot_be_killed(world: World) -> None:
    job, worker = world.submit(), world.join()
    (run,) = world.give(worker, job, 0)
    for _ in range(2):
        world.do(c.KillRuns(runs=(run.id,)))
    world.report(run, m.Rendered, result=m.Result())  # had been faster
    with pytest.raises(c.Refusal, match="has rendered already"):
        world.do(c.KillRuns(runs=(run.id,)))
    world.do(c.Published(run=run.id))
    with pytest.raises(c.Refusal, match=f"There is no run {run.id} that goes on"):
        world.do(c.KillRuns(runs=(run.id,)))
    assert world.states(job)[0] is TaskState.SUCCEEDED


def test_a_kill_that_was_lost_on_the_way_is_told_again(world: World) -> None:
    job, worker = world.submit(), world.join()
    killed, other = world.give(worker, job, 0, 1)
    world.start(killed)
    world.do(c.KillRuns(runs=(killed.id,)))
    told_last(world, worker)
    assert set(come_back(world, worker, killed, other).adopted) == {killed.id, other.id}
    assert told_last(world, worker) == [m.Stop(runs=(killed.id,), reason="it was killed")]


def test_a_killed_run_whose_worker_comes_back_without_it_is_no_loss(world: World) -> None:
    job, worker = world.submit(), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    world.do(c.KillRuns(runs=(run.id,)))
    come_back(world, worker, boot="b2")
    assert (world.states(job)[0], world.step(job).task(0).losses) == (TaskState.READY, 0)


def test_a_late_failure_of_a_killed_run_counts_as_one(world: World) -> None:
    job, worker = world.submit(), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    world.do(c.KillRuns(runs=(run.id,)))
    world.fail(run, Kind.RENDER_ERROR)
    assert world.step(job).task(0).failures == 1


@pytest.mark.parametrize("why", ["disabled", "paused", "its job is paused"])
def test_a_recall_that_was_lost_on_the_way_is_told_again(world: World, why: str) -> None:
    job, worker = world.submit(), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    commands = {
        "disabled": c.SetWish(workers=(worker,), wish=Wish.DISABLED),
        "paused": c.SetPaused(workers=(worker,), paused=True),
        "its job is paused": c.PauseJob(job=job.id),
    }
    come_back(world, worker, running, queued)
    assert m.Recall(runs=(queued.id,)) not in told_last(world, worker)
    world.do(commands[why])
    told_last(world, worker)
    come_back(world, worker, running, queued)
    assert told_last(world, worker) == [m.Recall(runs=(queued.id,))]


def test_disabled_now_is_told_again_and_survives(world: World) -> None:
    job, worker = world.submit(), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    told_last(world, worker)
    world.do(c.SetWish(workers=(worker,), wish=Wish.DISABLED, now=True))
    reason = "the worker was disabled"
    assert told_last(world, worker) == [m.Stop(runs=(running.id, queued.id), reason=reason)]
    come_back(world, worker, running, queued)
    stops = [m.Stop(runs=(run.id,), reason=reason) for run in (running, queued)]
    assert told_last(world, worker) == stops


def test_drain_takes_nothing_back(world: World) -> None:
    job, worker = world.submit(), world.join()
    world.give(worker, job, 0, 1)
    told_last(world, worker)
    world.do(c.SetWish(workers=(worker,), wish=Wish.DRAINING))
    assert told_last(world, worker) == []
    assert world.take(worker) == []
