# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is to prove that warm frames are right, and what follows from the verdict."""

from typing import Any

import msgspec
import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.content import content_key
from brender.core.failures import is_fatal
from brender.core.nouns import Job, Run, StepKind, Verdict
from brender.core.scene import Blender, Launch, Scene, Script, Settings
from brender.core.verdicts import percent, proven
from tests.farm_builder import BLENDER, BPY, JobState, Kind, TaskState, World, host


@pytest.fixture
def world() -> World:
    return World()


def assigned(world: World) -> m.Assign:
    """The last one."""
    return world.told(m.Assign)[-1]  # type: ignore[no-any-return]


def prove(world: World, run: Run, *, equal: bool = True, **fields: Any) -> m.Ack:
    given = {"job": run.job, "step": run.step, "frame": 23, "fraction": 0.0 if equal else 0.034, "largest": 0.5}
    content = content_key(Scene(blend="/s/a.blend", blender=BLENDER))
    return world.report(run, m.Proved, content=content, equal=equal, **given | fields)


def verdicts(world: World) -> list[Verdict]:
    return [row for row in world.rows if isinstance(row, Verdict)]


# --- who is asked ------------------------------------------------------------------------------------------------


def test_a_worker_is_asked_in_jobs_of_fifty_frames_and_more(world: World) -> None:
    worker = world.join()
    for frames, asked in (("1-49", False), ("1-50", True)):
        world.give(worker, world.submit(frames), 0)
        assert assigned(world).prove is asked
        assert not assigned(world).cold


def test_a_movie_is_not_proven(world: World) -> None:
    world.give(world.join(), world.submit("1-100", kind=StepKind.MOVIE), 0)
    assert not assigned(world).prove


def test_one_worker_is_asked_and_goes_on_to_be_asked(world: World) -> None:
    job, one, two = world.submit("1-50"), world.join("one"), world.join("two")
    world.give(one, job, 0)
    world.give(two, job, 1)
    assert not assigned(world).prove
    world.give(one, job, 2)
    assert assigned(world).prove


def test_another_is_asked_where_the_first_has_gone_or_renders_something_else(world: World) -> None:
    job, other = world.submit("1-50"), world.submit("1-10", blender=BPY)
    one, two = world.join("one", host=host(BLENDER, BPY)), world.join("two")
    world.give(one, job, 0)
    world.leave(one)
    world.give(two, job, 1)
    assert assigned(world).prove
    three = world.join("three")
    world.give(two, other, 0)
    world.give(three, job, 2)
    assert assigned(world).prove


def test_two_jobs_of_one_content_are_proven_once(world: World) -> None:
    one, two = world.join("one"), world.join("two")
    (run,) = world.give(one, world.submit("1-50"), 0)
    second = world.submit("1-60")
    world.give(two, second, 0)
    assert not assigned(world).prove
    prove(world, run)
    world.give(one, second, 1)
    assert not assigned(world).prove
    world.give(one, world.submit("1-50", blender=BPY), 0)
    assert assigned(world).prove  # another Blender is another content


def test_a_verdict_is_known_after_a_restart(world: World) -> None:
    (run,) = world.give(world.join(), world.submit("1-50"), 0)
    prove(world, run)
    again = World()
    again.farm.apply(verdicts(world), again.now)
    again.give(again.join(), again.submit("1-50"), 0)
    assert not assigned(again).prove


# --- what follows ------------------------------------------------------------------------------------------------


def test_an_equal_frame_is_kept_and_changes_nothing(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    assert prove(world, run, seconds=3.0).verdict == "ok"
    (verdict,) = verdicts(world)
    assert (verdict.job, verdict.frame, verdict.equal, verdict.seconds, verdict.worker) == (
        job.id,
        23,
        True,
        3.0,
        worker,
    )
    assert world.job(job).state is JobState.ACTIVE
    assert not world.job(job).pause


def test_an_unequal_frame_pauses_the_job_with_words(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    running, queued = world.give(worker, job, 0, 1)
    world.start(running)
    prove(world, running, equal=False)
    paused = world.job(job)
    assert (paused.pause, paused.kind, paused.state) == (True, Kind.WARM_DIFFERS, JobState.ACTIVE)
    assert paused.message.startswith("Frame 23 was rendered warm and cold, and 3.4 % of its pixels differ")
    assert f"`brender resume {job.id}`" in paused.message
    assert [recall.runs for recall in world.told(m.Recall)] == [(queued.id,)]
    world.finish(running)
    world.report(queued, m.Unstarted)
    assert world.job(job).state is JobState.PAUSED
    assert not is_fatal(Kind.WARM_DIFFERS)


def test_a_job_that_goes_on_is_rendered_cold_and_so_is_the_next_of_its_content(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    world.start(run)
    prove(world, run, equal=False)
    world.finish(run)
    resumed = world.do(c.ResumeJob(job=job.id))
    assert (resumed.pause, resumed.kind, resumed.message) == (False, None, "")
    for each in (job, world.submit("1-3")):
        world.give(worker, each, 1)
        assert (assigned(world).cold, assigned(world).prove) == (True, False)


def test_a_verdict_about_an_ended_job_or_a_dead_run_is_kept(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    world.do(c.CancelJob(job=job.id))
    assert prove(world, run, equal=False).verdict == "ok"
    assert len(verdicts(world)) == 1
    assert world.job(job).state is JobState.CANCELLED


def test_the_same_verdict_twice_is_the_same_as_once(world: World) -> None:
    (run,) = world.give(world.join(), world.submit("1-50"), 0)
    prove(world, run)
    prove(world, run)
    assert len(verdicts(world)) == 1


def test_an_unequal_verdict_outlives_an_equal_one_and_not_the_other_way(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    prove(world, run)
    prove(world, run, equal=False)
    prove(world, run)
    assert [verdict.equal for verdict in verdicts(world)] == [True, False]
    world.give(worker, job, 1)
    assert assigned(world).cold


def test_a_job_that_was_paused_by_a_person_stays_so(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    world.do(c.PauseJob(job=job.id))
    prove(world, run, equal=False)
    assert (world.job(job).pause, world.job(job).kind) == (True, Kind.WARM_DIFFERS)


def test_nothing_of_the_proofs_is_left_of_a_job_that_ended(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    world.give(worker, job, 0)
    assert world.farm.proving
    world.do(c.CancelJob(job=job.id))
    assert (world.farm.proving, world.farm.contents) == ({}, {})


# --- content -----------------------------------------------------------------------------------------------------

SCENE = Scene(
    blend="/a/x.blend",
    blender=BLENDER,
    scripts=(Script(kind="expr", source="pass", before=Settings(output="/out/a", samples=2)),),
    settings=Settings(engine="CYCLES", output="/out/####", start=1, end=9, step=2),
    hashes=(("/a/x.blend", "11"), ("/a/lib.blend", "22")),
)
ELSEWHERE: list[dict[str, Any]] = [
    {"blend": "/b/y.blend", "hashes": (("/b/y.blend", "11"), ("/b/lib.blend", "22"))},
    {"settings": Settings(engine="CYCLES", output="/other/####", start=50, end=99)},
    {"scripts": (Script(kind="expr", source="pass", before=Settings(samples=2)),)},
]
OTHERS: list[dict[str, Any]] = [
    {"blender": Blender(kind="blender", version="4.5.1")},
    {"blender": BPY},
    {"hashes": (("/a/x.blend", "12"), ("/a/lib.blend", "22"))},
    {"hashes": ()},
    {"settings": Settings(engine="CYCLES", samples=3)},
    {"launch": Launch(threads=1)},
    {"scripts": ()},
]


@pytest.mark.parametrize("change", ELSEWHERE)
def test_a_content_is_the_same_wherever_it_lies_and_whatever_of_it_is_rendered(change: dict[str, Any]) -> None:
    assert content_key(msgspec.structs.replace(SCENE, **change)) == content_key(SCENE)


@pytest.mark.parametrize("change", OTHERS)
def test_what_changes_a_picture_is_another_content(change: dict[str, Any]) -> None:
    assert content_key(msgspec.structs.replace(SCENE, **change)) != content_key(SCENE)


# --- words -------------------------------------------------------------------------------------------------------


def test_the_verdict_is_a_sentence() -> None:
    equal = Verdict(content="c", job=1, frame=23, equal=True)
    assert proven(equal) == "Frame 23 was rendered warm and cold: equal, pixel for pixel."
    unequal = Verdict(content="c", job=1, frame=23, equal=False, fraction=0.5, largest=0.25)
    assert proven(unequal) == "Frame 23 was rendered warm and cold, and 50 % of its pixels differ, by 0.25 at most."


@pytest.mark.parametrize(
    ("fraction", "said"),
    [
        (1.0, "100 %"),
        (0.996, "100 %"),
        (0.991, "99 %"),
        (0.034, "3.4 %"),
        (0.0002, "0.02 %"),
        (1e-7, "less than 0.01 %"),
    ],
)
def test_what_is_something_is_not_said_to_be_nothing(fraction: float, said: str) -> None:
    assert percent(fraction) == said


def test_the_tasks_are_as_they_were(world: World) -> None:
    job, worker = world.submit("1-50"), world.join()
    (run,) = world.give(worker, job, 0)
    world.finish(run)
    prove(world, run, equal=False)
    assert world.states(job)[0] is TaskState.SUCCEEDED
    assert isinstance(world.job(job), Job)
