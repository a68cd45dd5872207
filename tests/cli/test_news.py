# SPDX-License-Identifier: GPL-3.0-or-later
"""What a followed job is said to be: each thing once, in sentences."""

import msgspec
import pytest

from brender.cli import news
from brender.cli.exits import Exit
from brender.core.failures import Kind
from brender.core.nouns import JobState
from brender.core.scene import Blender
from brender.core.views import FailureView, JobView, OpenedView, ProofView

JOB = JobView(
    id=5,
    name="shot",
    state=JobState.ACTIVE,
    blend="/s/shot.blend",
    blender=Blender(kind="blender", version="3.4.1"),
    frames="0-30",
    tasks=31,
    outputs="/out/####.png",
    folder="/out",
    submitted_at=0.0,
)
OPENED = OpenedView(
    blender="3.4.1", engine="CYCLES", device="CPU", format="PNG", width=320, height=180, warm=True, open_s=0.4
)
BAD = FailureView(run="r1", frame=4, worker="w1", kind=Kind.BLENDER_CRASHED, message="Blender crashed (signal 11)")


def job(done=0, **changed):
    return msgspec.structs.replace(JOB, counts={"succeeded": done, "ready": JOB.tasks - done}, **changed)


FIRST = "Blender 3.4.1 on CPU renders 31 frames of shot (job 5) to /out/####.png"
OPENING = "Opened in 0.4 s: CYCLES on CPU, 320x180 pixels, PNG, no scene data kept between frames"


def test_the_first_line_names_blender_and_device_and_where_the_frames_go():
    first, told = news.news(news.Told(), job())
    second, told = news.news(told, job(opened=OPENED))
    third, _ = news.news(told, job(opened=OPENED))
    assert first.facts == third.facts == ()
    assert second.facts == (FIRST, OPENING)


def test_a_scene_that_opens_slowly_is_named_before_its_device_is_known():
    told, said = news.Told(), []
    for _ in range(news.PATIENT_LOOKS + 5):
        new, told = news.news(told, job())
        said += new.facts
    assert said == ["Blender 3.4.1 renders 31 frames of shot (job 5) to /out/####.png"]
    assert news.news(told, job(opened=OPENED))[0].facts == (OPENING,)


PROOF = ProofView(equal=True, frame=23, job=5, message="Frame 23 was rendered warm and cold: equal, pixel for pixel.")


def test_the_proof_that_warm_is_right_is_said_once():
    _, told = news.news(news.Told(), job(opened=OPENED))
    first, told = news.news(told, job(opened=OPENED, proof=PROOF))
    second, _ = news.news(told, job(opened=OPENED, proof=PROOF))
    assert first.facts == (PROOF.message,)
    assert second.facts == ()


def test_a_job_that_pauses_as_warm_differs_says_it_once():
    unequal = ProofView(equal=False, frame=23, job=5, message="Frame 23 differs.")
    _, told = news.news(news.Told(), job(opened=OPENED))
    paused = job(opened=OPENED, proof=unequal, pause=True, kind=Kind.WARM_DIFFERS, message="Frame 23 differs. Resume.")
    first, told = news.news(told, paused)
    second, _ = news.news(told, paused)
    assert first.facts == ("Job 5 is paused: Frame 23 differs. Resume.",)
    assert second.facts == ()


def test_nothing_comes_before_the_first_line():
    warned = job(warnings=("a.png is not used",))
    first, told = news.news(news.Told(), warned)
    second, _ = news.news(told, msgspec.structs.replace(warned, opened=OPENED))
    assert first == news.News()
    assert second.facts[0] == FIRST
    assert second.troubles == ("Warning: a.png is not used",)


def test_a_warning_is_said_once():
    first, told = news.news(news.Told(begun=True), job(warnings=("a.png is not used", "a.png is not used")))
    second, _ = news.news(told, job(warnings=("a.png is not used",)))
    assert first.troubles == ("Warning: a.png is not used",)
    assert second.troubles == ()


def test_a_failure_is_a_sentence_and_says_whether_it_is_tried_again():
    again, told = news.news(news.Told(begun=True), job(failures=(BAD,)))
    last = msgspec.structs.replace(BAD, run="r2", final=True)
    final, _ = news.news(told, job(failures=(BAD, last)))
    assert again.troubles == ("Frame 4 failed on w1: Blender crashed (signal 11). It is tried again.",)
    assert final.troubles == ("Frame 4 failed on w1: Blender crashed (signal 11).",)


def test_a_long_job_has_a_line_for_each_tenth():
    told, said = news.Told(begun=True), []
    for done in range(32):
        new, told = news.news(told, job(done))
        said += [new.progress] if new.progress else []
    assert len(said) == 10
    assert said[0] == "4/31 frames"
    assert said[-1] == "31/31 frames"


def test_a_short_job_has_a_line_for_each_frame():
    short = msgspec.structs.replace(JOB, tasks=2, counts={"succeeded": 1}, frames_per_minute=44.31, eta_s=1.3)
    assert news.news(news.Told(begun=True), short)[0].progress == "1/2 frames, 44.3 frames a minute, 1.3 s left"


def test_words_of_a_scene_cannot_move_the_terminals_cursor():
    new, _ = news.news(news.Told(begun=True), job(warnings=("\x1b[2Jgone",)))
    assert new.troubles == ("Warning: ?[2Jgone",)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"state": JobState.COMPLETED}, Exit.OK),
        ({"state": JobState.COMPLETED, "errors": 2}, Exit.FAILED),
        ({"state": JobState.FAILED, "kind": Kind.NO_CAMERA, "done": 0}, Exit.REFUSED),
        ({"state": JobState.FAILED, "kind": Kind.PYTHON_ERROR, "done": 3}, Exit.FAILED),
        ({"state": JobState.FAILED, "kind": Kind.BLENDER_CRASHED, "done": 0}, Exit.FAILED),
        ({"state": JobState.CANCELLED}, Exit.CANCELLED),
        ({"state": JobState.PAUSED, "kind": Kind.SCENE_CHANGED}, Exit.CANCELLED),
    ],
)
def test_the_exit_code_is_the_jobs(changed, code):
    view = job(**({"done": 31} | changed))
    assert news.is_over(view)
    assert news.exit_of(view) is code


def test_a_job_that_a_person_paused_is_not_over():
    assert not news.is_over(job(state=JobState.PAUSED))


def test_the_last_line_says_where_the_frames_are():
    done = job(31, state=JobState.COMPLETED, started_at=10.0, ended_at=52.0)
    assert news.ending(done) == ("31 frames rendered in 42.0 s: /out/####.png",)


def test_the_frames_that_failed_are_named_at_the_end():
    failed = msgspec.structs.replace(BAD, final=True)
    done = job(30, state=JobState.COMPLETED, errors=1, failures=(failed,))
    assert news.ending(done) == ("1 frame failed: 4.", "30 of 31 frames rendered: /out/####.png")


def test_a_job_that_failed_says_why():
    failed = job(0, state=JobState.FAILED, message="The scene has no camera")
    assert news.ending(failed) == (
        "The job failed: The scene has no camera.",
        "No frames were rendered; they belong to /out/####.png",
    )
