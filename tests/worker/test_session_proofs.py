# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame is rendered warm and cold, as values: one event in, `instructions == [...]` out.

The first Blender is `boot.1`, whose name chooses the twelfth frame (from 0: the 11th to the 20th).
"""

import dataclasses
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from brender.core import messages as m
from brender.core.content import content_key
from brender.core.failures import Kind
from brender.worker.session.events import (
    BlenderEnded,
    BlenderOpened,
    Compared,
    FrameFailed,
    NotCompared,
    SignOff,
    Tick,
    Verified,
    Written,
)
from brender.worker.session.instructions import (
    CloseBlender,
    Compare,
    ForgetProof,
    HandOver,
    Instruction,
    Keep,
    KillBlender,
    Leave,
    OpenScene,
    RemoveFiles,
    Send,
)
from tests.worker.test_session import (
    BOUNDS,
    FILE,
    FILES,
    FIRST,
    SCENE,
    SECOND,
    Worker,
    begin,
    gone,
    look,
    open_scene,
    opened,
    order,
    rendered,
    started,
    told_opened,
    unstarted,
)

CHOSEN = 10 + sum(FIRST.encode()) % 10
RUNS = [chr(ord("a") + n) for n in range(26)]
PROVEN = RUNS[CHOSEN]
AGAIN = f"{PROVEN}-proof"
FORGET = ForgetProof(PROVEN, AGAIN)


def assign(runs: Iterable[str], *, prove: bool = True, cold: bool = False, job: int = 1) -> m.Assign:
    orders = tuple(order(run) for run in runs)
    return m.Assign(job=job, step=0, scene=SCENE, bounds=BOUNDS, orders=orders, prove=prove, cold=cold)


def verified(run: str) -> Verified:
    return Verified(run, (FILE,), b"", 0.0)


def render(worker: Worker, runs: Iterable[str], blender: str = FIRST) -> list[Instruction]:
    """Each is rendered, and found to be good; what is said to the last."""
    said: list[Instruction] = []
    for run in runs:
        said = [*worker(rendered(run, blender)), *worker(verified(run))]
    return said


def at_work(*, prove: bool = True, cold: bool = False, warm: bool = True, runs: int = 22) -> Worker:
    worker = Worker()
    worker(assign(RUNS[:runs], prove=prove, cold=cold), BlenderOpened(FIRST, opened(warm=warm)))
    return worker


def proving() -> Worker:
    """Blender is being closed, after the frame behind the one to prove by."""
    worker = at_work()
    render(worker, RUNS[: CHOSEN + 1])
    worker(rendered(RUNS[CHOSEN + 1]), verified(RUNS[CHOSEN + 1]))
    return worker


def proving_again() -> Worker:
    """The second Blender renders the frame."""
    worker = proving()
    worker(gone(), BlenderOpened(SECOND, opened()))
    return worker


def again() -> m.Order:
    return replace(order(PROVEN), run=AGAIN)


def kept(said: Iterable[Instruction]) -> list[Keep]:
    return [each for each in said if isinstance(each, Keep)]


# --- the plain road ----------------------------------------------------------------------------------------------


def test_a_warm_frame_is_kept_before_it_is_reported_and_nothing_more_is_handed_over() -> None:
    worker = at_work()
    assert not kept(render(worker, RUNS[:CHOSEN]))
    assert worker(rendered(PROVEN)) == [look(PROVEN), *begin(RUNS[CHOSEN + 1])]
    keep, sent = worker(verified(PROVEN))
    assert keep == Keep(PROVEN, FILES)
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Rendered)
    assert worker(rendered(RUNS[CHOSEN + 1])) == [look(RUNS[CHOSEN + 1]), CloseBlender(FIRST)]


def test_the_frame_is_the_first_of_a_fresh_blender_and_the_manager_hears_nothing_of_it() -> None:
    worker = proving()
    assert worker(gone()) == [OpenScene(SECOND, SCENE, AGAIN)]
    assert worker(BlenderOpened(SECOND, opened())) == [HandOver(SECOND, again())]
    assert AGAIN not in worker.session.held
    assert worker.session.proving


def test_it_is_compared_while_the_next_frame_renders_in_the_fresh_blender() -> None:
    worker = proving_again()
    assert worker(rendered(AGAIN, SECOND)) == [Compare(PROVEN, FILES), *begin(RUNS[CHOSEN + 2], SECOND)]
    assert worker(Compared(PROVEN, 0.0, 0.0, 0.5)) == [
        Send(
            m.Proved(
                id=f"{PROVEN}.proved",
                run=PROVEN,
                content=content_key(SCENE),
                job=1,
                step=0,
                frame=ord(PROVEN),
                equal=True,
                seconds=7.5,  # opened in 2, rendered in 5
            )
        ),
        FORGET,
    ]
    assert not worker.session.proving


def test_an_unequal_frame_is_told_with_how_far_it_differs() -> None:
    worker = proving_again()
    worker(rendered(AGAIN, SECOND))
    sent, _ = worker(Compared(PROVEN, 0.25, 0.5, 0.0))
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Proved)
    assert (sent.report.equal, sent.report.fraction, sent.report.largest) == (False, 0.25, 0.5)


def test_it_is_done_once_though_the_manager_has_not_heard_of_it_yet() -> None:
    worker = proving_again()
    worker(rendered(AGAIN, SECOND), Compared(PROVEN, 0.0, 0.0, 0.5))
    assert not kept(render(worker, RUNS[CHOSEN + 2 : 22], SECOND))


def test_the_last_frame_before_the_worker_is_idle_will_do() -> None:
    """Of fifty frames on four workers nobody may come to the chosen one."""
    worker = at_work(runs=11)
    assert kept(render(worker, RUNS[:11])) == [Keep(RUNS[10], FILES)]
    assert worker.session.held == ()


def test_only_the_scenes_own_pictures_are_kept() -> None:
    worker = at_work()
    render(worker, RUNS[:CHOSEN])
    both = (*FILES, Written("/out/.brender/mask.png", "/out/mask.png", main=False))
    worker(dataclasses.replace(rendered(PROVEN), files=both))
    assert kept(worker(verified(PROVEN))) == [Keep(PROVEN, FILES)]


# --- when there is none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", [{"prove": False}, {"warm": False}, {"cold": True}])
def test_nothing_is_proven_unasked_or_where_frames_are_cold(why: dict[str, bool]) -> None:
    worker = at_work(**why)
    said = [each for run in RUNS[:22] for each in (*worker(rendered(run)), *worker(verified(run)))]
    assert not kept(said)


def test_nothing_is_proven_by_one_of_the_first_ten_frames() -> None:
    worker = at_work(runs=10)
    assert not kept(render(worker, RUNS[:10]))


def test_a_movie_is_not_proven() -> None:
    worker = Worker()
    movies = tuple(m.Order(run=run, index=0, start=1, end=2) for run in RUNS[:12])
    worker(
        m.Assign(job=1, step=0, scene=SCENE, bounds=BOUNDS, orders=movies, prove=True), BlenderOpened(FIRST, opened())
    )
    said = [each for run in RUNS[:12] for each in (*worker(rendered(run)), *worker(verified(run)))]
    assert not kept(said)


# --- what goes wrong harms nothing -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.BLENDER_CRASHED, Kind.NO_CAMERA, Kind.SCENE_CHANGED])
def test_a_blender_that_dies_of_it_fails_no_run(kind: Kind) -> None:
    worker = proving_again()
    assert worker(BlenderEnded(SECOND, kind, "It crashed.")) == [FORGET, open_scene(RUNS[CHOSEN + 2], "boot.3")]


def test_a_blender_that_does_not_open_for_it_fails_no_run() -> None:
    worker = proving()
    worker(gone())
    assert worker(gone(SECOND, Kind.MISSING_FILE)) == [FORGET, open_scene(RUNS[CHOSEN + 2], "boot.3")]


def test_a_frame_that_fails_the_second_time_fails_no_run() -> None:
    worker = proving_again()
    assert worker(FrameFailed(SECOND, AGAIN, Kind.NO_CAMERA, "There is none.")) == [KillBlender(SECOND)]
    assert worker(gone(SECOND)) == [FORGET, open_scene(RUNS[CHOSEN + 2], "boot.3")]


def test_it_is_held_to_the_bounds_of_a_run() -> None:
    worker = proving_again()
    assert worker(Tick(), after=BOUNDS.silence_s + 1) == [KillBlender(SECOND)]
    assert worker(gone(SECOND)) == [FORGET, open_scene(RUNS[CHOSEN + 2], "boot.3")]


def test_what_could_not_be_kept_is_not_rendered_again() -> None:
    worker = proving()
    assert worker(NotCompared(PROVEN)) == [FORGET]
    assert worker(gone()) == [open_scene(RUNS[CHOSEN + 2], SECOND)]


def test_what_cannot_be_compared_is_no_verdict() -> None:
    worker = proving_again()
    worker(rendered(AGAIN, SECOND))
    assert worker(NotCompared(PROVEN)) == [FORGET]
    assert worker(Compared(PROVEN, 0.0, 0.0, 0.0)) == []


def test_a_worker_that_signs_off_gives_it_up() -> None:
    worker = proving_again()
    waiting = [unstarted(run, "the worker signed off") for run in RUNS[CHOSEN + 2 : 22]]
    assert worker(SignOff()) == [*waiting, KillBlender(SECOND)]
    assert worker(gone(SECOND)) == [FORGET, Leave()]


def test_a_worker_that_signs_off_while_it_compares_leaves_nothing() -> None:
    worker = at_work(runs=11)
    render(worker, RUNS[:11])
    worker(gone(), BlenderOpened(SECOND, opened()), rendered(f"{RUNS[10]}-proof", SECOND))
    assert worker(SignOff()) == [ForgetProof(RUNS[10], f"{RUNS[10]}-proof"), KillBlender(SECOND)]
    assert worker(gone(SECOND)) == [Leave()]


def test_a_stop_of_all_that_is_left_of_the_job_ends_it_too() -> None:
    worker = proving_again()
    said = worker(m.Stop(runs=worker.session.held))
    assert said[-1] == KillBlender(SECOND)
    assert worker(gone(SECOND)) == [FORGET]


def test_a_stop_of_one_run_leaves_it_and_it_is_the_first_of_the_next_blender() -> None:
    worker = at_work()
    render(worker, RUNS[: CHOSEN + 1])
    following = RUNS[CHOSEN + 1]
    worker(m.Stop(runs=(following,)))
    assert worker(gone())[-3:] == [
        Send(m.Stopped(id=f"{following}.stopped", run=following)),
        RemoveFiles(following),
        OpenScene(SECOND, SCENE, AGAIN),
    ]


def test_a_reconnection_leaves_it() -> None:
    worker = proving_again()
    welcome = m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=worker.session.held)
    assert worker(welcome) == []


# --- cold --------------------------------------------------------------------------------------------------------


def test_each_frame_of_a_cold_step_has_a_blender_of_its_own() -> None:
    worker = at_work(cold=True, prove=False, runs=2)
    assert worker(rendered("a", took=0.1)) == [look("a"), CloseBlender(FIRST)]
    assert worker(gone()) == [open_scene("b", SECOND)]
    assert worker(BlenderOpened(SECOND, opened())) == [told_opened("b", "boot.2.1"), *begin("b", SECOND)]


def test_a_warm_blender_is_not_used_for_a_step_that_has_become_cold() -> None:
    worker = at_work(prove=False, runs=2)
    render(worker, RUNS[:2])
    assert worker(assign(["c"], prove=False, cold=True)) == [CloseBlender(FIRST)]
    assert worker(gone()) == [open_scene("c", SECOND)]


def test_a_warm_blender_is_not_used_for_another_job_that_is_cold() -> None:
    worker = at_work(prove=False, runs=2)
    render(worker, RUNS[:2])
    assert worker(assign(["c"], prove=False, cold=True, job=2)) == [CloseBlender(FIRST)]
    assert started("c") not in worker(gone())
