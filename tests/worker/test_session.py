# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker decides, as values: one event in, `instructions == [...]` out."""

from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.scene import Blender, Scene
from brender.worker.session import Habits, Session
from brender.worker.session.events import (
    BlenderEnded,
    BlenderOpened,
    Dismissed,
    Event,
    FrameFailed,
    FrameRendered,
    FrameStarted,
    NotVerified,
    SignOff,
    SignOfLife,
    Tick,
    Verified,
    Written,
)
from brender.worker.session.instructions import (
    CloseBlender,
    HandOver,
    Instruction,
    KillBlender,
    Leave,
    OpenScene,
    PauseBlender,
    RemoveFiles,
    ResumeBlender,
    Send,
    Verify,
)
from tests import samples

SCENE = Scene(blend="/shots/a.blend", blender=Blender(kind="blender", version="3.4.1"))
OTHER_SCENE = Scene(blend="/shots/b.blend", blender=Blender(kind="blender", version="3.4.1"))
BOUNDS = m.Bounds(max_run_s=100, silence_s=30)
FILES = (Written("/out/.brender/0001.png", "/out/0001.png"),)
FILE = m.File(temporary=FILES[0].temporary, final=FILES[0].final, size=10, sha256="00", width=64, height=36)
FIRST, SECOND = "boot.1", "boot.2"  # Blenders


class Worker:
    """A session and a clock."""

    def __init__(self, **habits: float) -> None:
        self.session = Session("boot", Habits(**habits))  # type: ignore[arg-type]
        self.now = 0.0

    def __call__(self, *events: Event, after: float = 0.0) -> list[Instruction]:
        """What it says to all the events, which come `after` so many seconds."""
        self.now += after
        return [instruction for event in events for instruction in self.session.handle(event, self.now)]


def order(run: str) -> m.Order:
    frame = ord(run[0])
    return m.Order(run=run, index=frame, start=frame, end=frame)


def assign(*runs: str, job: int = 1, scene: Scene = SCENE) -> m.Assign:
    return m.Assign(job=job, step=0, scene=scene, bounds=BOUNDS, orders=tuple(order(run) for run in runs))


def opened(*, warm: bool = True) -> m.Opened:
    return samples.opened(blender="3.4.1", warm=warm, open_s=2.0)


def rendered(run: str, blender: str = FIRST, *, took: float = 5.0, memory_mb: float = 100.0) -> FrameRendered:
    return FrameRendered(
        blender=blender, run=run, files=FILES, render_s=took, memory_mb=memory_mb, peak_memory_mb=memory_mb
    )


def started(run: str) -> Send:
    return Send(m.Started(id=f"{run}.started", run=run))


def told_opened(run: str, session: str = "boot.1.1", *, warm: bool = True) -> Send:
    return Send(m.SceneOpened(id=f"{session}.opened", run=run, session=session, opened=opened(warm=warm)))


def begin(run: str, blender: str = FIRST) -> list[Instruction]:
    return [started(run), HandOver(blender, order(run))]


def look(run: str) -> Verify:
    return Verify(run, FILES, opened(), 1)


def open_scene(run: str, blender: str, scene: Scene = SCENE) -> OpenScene:
    return OpenScene(blender, scene, run)


def stopped(run: str) -> Send:
    return Send(m.Stopped(id=f"{run}.stopped", run=run))


def unstarted(run: str, reason: str) -> Send:
    return Send(m.Unstarted(id=f"{run}.unstarted", run=run, reason=reason))


def failed(run: str, kind: Kind, message: str, *, device: str = "CPU", memory_mb: float = 0.0) -> Send:
    result = m.Result(blender="3.4.1", device=device, peak_memory_mb=memory_mb)
    return Send(m.Failed(id=f"{run}.failed", run=run, kind=kind, message=message, result=result))


def gone(blender: str = FIRST, kind: Kind = Kind.BLENDER_CRASHED, message: str = "It crashed.") -> BlenderEnded:
    return BlenderEnded(blender, kind, message)


def rendering(*runs: str, **habits: float) -> Worker:
    """A worker whose first Blender renders the first of the runs."""
    worker = Worker(**habits)
    worker(assign(*runs), BlenderOpened(FIRST, opened()))
    return worker


# --- the plain road ----------------------------------------------------------------------------------------------


def test_a_first_order_opens_its_scene() -> None:
    worker = Worker()
    assert worker(assign("a", "b")) == [open_scene("a", FIRST)]
    assert worker.session.held == ("a", "b")
    assert worker.session.running == "a"


def test_the_open_scene_is_told_and_the_first_order_handed_over() -> None:
    worker = Worker()
    worker(assign("a", "b"))
    assert worker(BlenderOpened(FIRST, opened())) == [told_opened("a"), *begin("a")]
    assert worker.session.held == ("a", "b")


def test_the_next_frame_renders_while_the_last_is_verified() -> None:
    worker = rendering("a", "b")
    assert worker(rendered("a")) == [look("a"), *begin("b")]
    assert set(worker.session.held) == {"a", "b"}


def test_a_verified_frame_is_reported_with_all_that_it_took() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    (sent,) = worker(Verified("a", (FILE,), b"jpeg", 0.25))
    assert isinstance(sent, Send)
    assert sent.report == m.Rendered(
        id="a.rendered",
        run="a",
        thumbnail=b"jpeg",
        result=m.Result(
            files=(FILE,), blender="3.4.1", device="CPU", peak_memory_mb=100.0, open_s=2.0, render_s=5.0, verify_s=0.25
        ),
    )
    assert worker.session.held == ()


def test_only_the_first_frame_of_a_blender_counts_its_opening() -> None:
    worker = rendering("a", "b")
    worker(rendered("a"), rendered("b"))
    (sent,) = worker(Verified("b", (FILE,), b"", 0.0))
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Rendered)
    assert (sent.report.result.open_s, sent.report.result.warm) == (0.0, True)


def test_more_orders_of_the_step_go_to_the_warm_blender() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(assign("b")) == begin("b")


def test_an_order_that_is_held_already_is_not_taken_twice() -> None:
    worker = rendering("a", "b")
    assert worker(assign("a", "b")) == []
    assert worker.session.held == ("a", "b")


def test_any_number_of_orders_is_rendered_one_after_the_other() -> None:
    """C27: a batch of one, and one larger than all that there is."""
    worker = rendering(*"abcdefg")
    for run, following in zip("abcdef", "bcdefg", strict=True):
        assert worker(rendered(run)) == [look(run), *begin(following)]
    assert worker(rendered("g")) == [look("g")]


# --- work ahead --------------------------------------------------------------------------------------------------


def test_short_frames_get_the_next_one_before_they_end() -> None:
    worker = rendering("a", "b", "c", "d")
    assert worker(rendered("a", took=0.1)) == [look("a"), *begin("b"), *begin("c")]
    assert worker(rendered("b", took=0.1)) == [look("b"), *begin("d")]


def test_long_frames_get_the_next_one_when_they_have_ended() -> None:
    worker = rendering("a", "b", "c")
    assert worker(rendered("a", took=2.0)) == [look("a"), *begin("b")]


# --- another step ------------------------------------------------------------------------------------------------


def test_another_step_waits_until_what_is_held_is_done() -> None:
    worker = rendering("a", "b")
    assert worker(assign("x", job=2, scene=OTHER_SCENE)) == []
    worker(rendered("a"))
    assert worker(rendered("b")) == [look("b"), CloseBlender(FIRST)]
    assert worker(gone()) == [open_scene("x", SECOND, scene=OTHER_SCENE)]


def test_another_step_with_the_very_same_scene_uses_the_warm_blender() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(assign("x", job=2)) == [told_opened("x", "boot.1.2"), *begin("x")]


def test_a_blender_that_does_not_close_is_killed() -> None:
    worker = rendering("a", close_grace_s=10)
    worker(rendered("a"), assign("x", job=2, scene=OTHER_SCENE))
    assert worker(Tick(), after=9) == []
    assert worker(Tick(), after=2) == [KillBlender(FIRST)]


def test_a_blender_that_has_long_been_idle_is_closed() -> None:
    worker = rendering("a", idle_close_s=300)
    worker(rendered("a"))
    assert worker(Tick(), after=299) == []
    assert worker(Tick(), after=2) == [CloseBlender(FIRST)]
    assert worker(assign("b"), gone()) == [open_scene("b", SECOND)]


# --- renewing ----------------------------------------------------------------------------------------------------


def test_a_blender_is_renewed_after_its_number_of_frames() -> None:
    worker = rendering("a", "b", "c", renew_frames=2)
    assert worker(rendered("a", took=0.1)) == [look("a"), *begin("b")]  # and none ahead
    assert worker(rendered("b", took=0.1)) == [look("b"), CloseBlender(FIRST)]
    assert worker(gone()) == [open_scene("c", SECOND)]


def test_a_blender_that_has_grown_is_renewed() -> None:
    worker = rendering("a", "b", "c", renew_growth_mb=1000)
    assert worker(rendered("a", memory_mb=5000)) == [look("a"), *begin("b")]
    assert worker(rendered("b", memory_mb=6001)) == [look("b"), CloseBlender(FIRST)]


def test_a_scene_that_is_unsafe_warm_gets_a_fresh_blender_for_each_frame() -> None:
    worker = Worker()
    cold = opened(warm=False)
    worker(assign("a", "b"), BlenderOpened(FIRST, cold))
    assert worker(rendered("a", took=0.1)) == [Verify("a", FILES, cold, 1), CloseBlender(FIRST)]
    assert worker(gone()) == [open_scene("b", SECOND)]
    assert worker(BlenderOpened(SECOND, cold)) == [told_opened("b", "boot.2.1", warm=False), *begin("b", SECOND)]


# --- recall and stop ---------------------------------------------------------------------------------------------


def test_what_waits_is_given_back_on_recall_and_what_blender_was_handed_is_not() -> None:
    worker = rendering("a", "b")
    assert worker(m.Recall(runs=("a", "b", "unknown"))) == [unstarted("b", "recalled")]
    assert worker.session.held == ("a",)


def test_a_run_is_recalled_while_its_scene_opens() -> None:
    worker = Worker()
    worker(assign("a", "b"))
    assert worker(m.Recall(runs=("a",))) == [unstarted("a", "recalled")]
    assert worker(BlenderOpened(FIRST, opened())) == [told_opened("b"), *begin("b")]


def test_stopping_ends_the_tree_first_and_opens_anew_for_what_remains() -> None:
    """C19: nothing of the old Blender is left when the next one starts, and when `Stopped` is said."""
    worker = rendering("a", "b")
    assert worker(m.Stop(runs=("a",))) == [KillBlender(FIRST)]
    assert worker.session.held == ("a", "b")
    assert worker(gone()) == [stopped("a"), RemoveFiles("a"), open_scene("b", SECOND)]


def test_stopping_twice_is_stopping_once() -> None:
    """C10."""
    worker = rendering("a")
    assert worker(m.Stop(runs=("a",)), m.Stop(runs=("a",))) == [KillBlender(FIRST)]
    assert worker(gone()) == [stopped("a"), RemoveFiles("a")]


def test_a_waiting_run_is_stopped_at_once() -> None:
    worker = rendering("a", "b")
    assert worker(m.Stop(runs=("b",))) == [stopped("b")]


def test_a_run_that_is_unknown_is_stopped() -> None:
    """C05: "not found" means stopped."""
    assert Worker()(m.Stop(runs=("never heard of",))) == [stopped("never heard of")]


def test_stopping_one_of_two_handed_runs_renders_the_other_anew_and_tells_its_start_once() -> None:
    worker = rendering("a", "b", "c")
    worker(rendered("a", took=0.1))
    assert worker(m.Stop(runs=("c",))) == [KillBlender(FIRST)]
    assert worker(gone()) == [stopped("c"), RemoveFiles("c"), open_scene("b", SECOND)]
    assert worker(BlenderOpened(SECOND, opened())) == [told_opened("b", "boot.2.1"), HandOver(SECOND, order("b"))]


def test_a_run_that_is_stopped_while_it_is_verified_leaves_no_files() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(m.Stop(runs=("a",))) == [stopped("a"), RemoveFiles("a")]
    assert worker(Verified("a", (FILE,), b"", 0.1)) == [RemoveFiles("a")]


def test_a_dismissed_run_is_ended_and_reported_no_more() -> None:
    worker = rendering("a", "b")
    assert worker(Dismissed("a")) == [KillBlender(FIRST)]
    assert worker(gone()) == [RemoveFiles("a"), open_scene("b", SECOND)]


def test_a_dismissed_run_that_had_ended_leaves_no_files() -> None:
    assert Worker()(Dismissed("a")) == [RemoveFiles("a")]


def test_a_welcome_ends_what_the_manager_did_not_adopt() -> None:
    worker = rendering("a", "b", "c")
    welcome = m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=("b",))
    assert worker(welcome) == [KillBlender(FIRST)]
    assert worker.session.held == ("a", "b")
    assert worker(gone()) == [RemoveFiles("a"), open_scene("b", SECOND)]


def test_a_welcome_that_adopts_everything_changes_nothing() -> None:
    """C04, C07: an unknown outcome keeps the assignment until it is known."""
    worker = rendering("a", "b")
    assert worker(m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=("a", "b"))) == []


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_crash_fails_the_run_it_happened_in_and_no_other() -> None:
    worker = rendering("a", "b", "c")
    worker(rendered("a", took=0.1), Tick(1200.0))
    assert worker(gone()) == [
        failed("b", Kind.BLENDER_CRASHED, "It crashed.", memory_mb=1200.0),  # C21: the peak of the tree
        RemoveFiles("b"),
        open_scene("c", SECOND),
    ]
    assert worker(BlenderOpened(SECOND, opened())) == [told_opened("c", "boot.2.1"), HandOver(SECOND, order("c"))]


def test_a_crash_of_an_idle_blender_fails_nothing() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(gone()) == []
    assert worker(assign("b")) == [open_scene("b", SECOND)]


def test_a_crash_while_opening_fails_the_run_it_was_opened_for() -> None:
    worker = Worker()
    worker(assign("a", "b"))
    assert worker(gone()) == [failed("a", Kind.BLENDER_CRASHED, "It crashed.", device=""), open_scene("b", SECOND)]


def test_a_scene_that_cannot_be_opened_gives_the_other_runs_back() -> None:
    worker = Worker()
    worker(assign("a", "b", "c"))
    assert worker(gone(FIRST, Kind.NO_CAMERA, "It has no camera.")) == [
        unstarted("b", "It has no camera."),
        unstarted("c", "It has no camera."),
        failed("a", Kind.NO_CAMERA, "It has no camera.", device=""),
    ]


def test_an_opening_that_fails_when_nobody_wants_it_any_more_fails_nothing() -> None:
    worker = Worker()
    worker(assign("a"), m.Recall(runs=("a",)))
    assert worker(gone(FIRST, Kind.NO_CAMERA, "It has no camera.")) == []


def test_a_frame_that_fails_gets_a_fresh_blender_for_the_next() -> None:
    worker = rendering("a", "b")
    assert worker(FrameFailed(FIRST, "a", Kind.DISK_FULL, "The disk is full.")) == [KillBlender(FIRST)]
    assert worker(gone()) == [
        failed("a", Kind.DISK_FULL, "The disk is full."),
        RemoveFiles("a"),
        open_scene("b", SECOND),
    ]


def test_a_fatal_failure_gives_back_what_was_handed_ahead_too() -> None:
    worker = rendering("a", "b", "c", "d")
    worker(rendered("a", took=0.1))
    event = FrameFailed(FIRST, "b", Kind.PYTHON_ERROR, "A handler failed.")
    assert worker(event) == [unstarted("d", "A handler failed."), KillBlender(FIRST)]
    assert worker(gone()) == [
        failed("b", Kind.PYTHON_ERROR, "A handler failed."),
        RemoveFiles("b"),
        unstarted("c", "A handler failed."),
        RemoveFiles("c"),
    ]


def test_a_bad_picture_fails_its_run_and_leaves_no_files() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    sent, removed = worker(NotVerified("a", Kind.BAD_PICTURE, "It is empty."))
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Failed)
    assert (sent.report.kind, sent.report.message) == (Kind.BAD_PICTURE, "It is empty.")
    assert removed == RemoveFiles("a")


def test_a_late_event_of_an_old_blender_changes_nothing() -> None:
    """C02."""
    worker = rendering("a", "b")
    worker(m.Stop(runs=("a",)), gone(), BlenderOpened(SECOND, opened()))
    late: list[Event] = [
        gone(),
        FrameFailed(FIRST, "b", Kind.DISK_FULL, ""),
        rendered("b", FIRST),
        BlenderOpened(FIRST, opened()),
    ]
    assert worker(*late) == []
    assert worker.session.running == "b"


def test_a_frame_that_is_done_while_its_tree_is_being_killed_counts_as_stopped() -> None:
    worker = rendering("a")
    worker(m.Stop(runs=("a",)))
    assert worker(rendered("a")) == []
    assert worker(gone()) == [stopped("a"), RemoveFiles("a")]


# --- bounds ------------------------------------------------------------------------------------------------------


def test_a_run_that_takes_too_long_is_ended() -> None:
    worker = rendering("a", "b")
    for _ in range(4):
        assert worker(SignOfLife(FIRST), Tick(), after=25) == []
    assert worker(SignOfLife(FIRST), Tick(), after=1) == [KillBlender(FIRST)]
    message = "The run took longer than its limit of 100 s."
    assert worker(gone()) == [failed("a", Kind.TIME_LIMIT, message), RemoveFiles("a"), open_scene("b", SECOND)]


def test_a_silent_run_is_ended() -> None:
    worker = rendering("a", "b")
    assert worker(Tick(), after=30) == []
    assert worker(Tick(), after=1) == [KillBlender(FIRST)]
    message = "Blender gave no sign of life for 30 s."
    assert worker(gone()) == [failed("a", Kind.SILENT, message), RemoveFiles("a"), open_scene("b", SECOND)]


def test_an_opening_that_hangs_is_ended() -> None:
    worker = Worker()
    worker(assign("a"))
    assert worker(Tick(), after=31) == [KillBlender(FIRST)]
    assert worker(gone()) == [failed("a", Kind.SILENT, "Blender gave no sign of life for 30 s.", device="")]


def test_each_run_has_its_own_time() -> None:
    worker = rendering("a", "b")
    worker(SignOfLife(FIRST), after=25)
    worker(rendered("a"), FrameStarted(FIRST, "b"), after=25)
    for _ in range(4):
        assert worker(SignOfLife(FIRST), Tick(), after=25) == []
    assert worker(SignOfLife(FIRST), Tick(), after=1) == [KillBlender(FIRST)]


def test_an_idle_blender_may_be_silent() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(Tick(), after=200) == []


# --- leaving -----------------------------------------------------------------------------------------------------


def test_signing_off_gives_everything_back_and_no_failure() -> None:
    """C17: what it had begun is `Unstarted` too, so that nothing counts against the task."""
    worker = rendering("a", "b")
    assert worker(SignOff()) == [unstarted("b", "the worker signed off"), KillBlender(FIRST)]
    assert worker(gone()) == [unstarted("a", "the worker signed off"), RemoveFiles("a"), Leave()]


def test_an_idle_worker_leaves_at_once() -> None:
    assert Worker()(SignOff()) == [Leave()]


def test_a_worker_that_leaves_looks_at_its_last_picture_first() -> None:
    worker = rendering("a")
    worker(rendered("a"))
    assert worker(SignOff(), gone()) == [KillBlender(FIRST)]
    sent, leave = worker(Verified("a", (FILE,), b"", 0.1))
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Rendered)
    assert leave == Leave()


def test_a_worker_that_leaves_at_once_does_not_look_at_pictures() -> None:
    worker = rendering("a")
    worker(rendered("a"), SignOff(), gone())
    reason = "the worker signed off"
    assert worker(SignOff(at_once=True)) == [unstarted("a", reason), RemoveFiles("a"), Leave()]


def test_a_worker_that_leaves_takes_nothing_new() -> None:
    worker = rendering("a")
    worker(SignOff())
    assert worker(assign("b")) == [unstarted("b", "the worker is signing off")]
    assert worker(gone(), assign("c"))[-2:] == [Leave(), unstarted("c", "the worker is signing off")]


def test_it_leaves_once() -> None:
    worker = Worker()
    assert worker(SignOff(), SignOff(), Tick()) == [Leave()]


# --- pauses ------------------------------------------------------------------------------------------------------


def test_a_pause_stops_blender_and_begins_nothing() -> None:
    worker = rendering("a", "b")
    assert worker(m.PauseWork()) == [PauseBlender(FIRST)]
    assert worker.session.paused
    assert worker(m.PauseWork()) == []
    assert worker(rendered("a")) == [look("a")]  # had been under way
    assert worker(m.ResumeWork()) == [ResumeBlender(FIRST), *begin("b")]
    assert worker(m.ResumeWork()) == []


def test_nothing_is_opened_in_a_pause() -> None:
    worker = Worker()
    assert worker(m.PauseWork()) == []
    assert worker(assign("a")) == []
    assert worker(m.ResumeWork()) == [open_scene("a", FIRST)]


def test_no_limit_runs_in_a_pause() -> None:
    worker = rendering("a")
    worker(Tick(), SignOfLife(FIRST), after=20)
    worker(m.PauseWork(), after=5)
    assert worker(Tick(), after=1000) == []
    assert worker(m.ResumeWork(), after=1000) == [ResumeBlender(FIRST)]
    assert worker(Tick(), after=24) == []  # 29 of 30 s of silence
    assert worker(Tick(), after=2) == [KillBlender(FIRST)]


def test_the_longest_a_run_may_take_is_counted_without_pauses() -> None:
    worker = rendering("a")
    for _ in range(3):
        worker(SignOfLife(FIRST), m.PauseWork(), after=25)
        worker(m.ResumeWork(), after=500)
    assert worker(SignOfLife(FIRST), Tick(), after=24) == []  # 99 of 100 s
    assert worker(SignOfLife(FIRST), Tick(), after=2) == [KillBlender(FIRST)]


def test_what_a_frame_took_is_told_without_the_pause() -> None:
    worker = rendering("a")
    worker(FrameStarted(FIRST, "a"))
    worker(m.PauseWork(), after=1)
    worker(m.ResumeWork(), after=60)
    worker(rendered("a", took=65.0), after=4)
    (sent,) = worker(Verified("a", (FILE,), b"", 0.25))
    assert isinstance(sent, Send)
    assert isinstance(sent.report, m.Rendered)
    assert sent.report.result.render_s == 5.0


def test_a_paused_run_can_be_stopped_and_nothing_follows_until_the_pause_is_over() -> None:
    worker = rendering("a", "b")
    worker(m.PauseWork())
    assert worker(m.Stop(runs=("a",))) == [KillBlender(FIRST)]
    ended = worker(gone())
    assert ended == [stopped("a"), RemoveFiles("a")]
    assert worker(m.ResumeWork()) == [open_scene("b", SECOND)]


def test_what_waits_in_a_paused_worker_can_be_asked_back() -> None:
    worker = rendering("a", "b")
    worker(m.PauseWork())
    assert worker(m.Recall(runs=("a", "b"))) == [unstarted("b", "recalled")]


def test_a_welcome_says_whether_the_worker_is_paused() -> None:
    """C12: the wish belongs to the manager."""
    worker = rendering("a")
    paused = m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=("a",), paused=True)
    assert worker(paused) == [PauseBlender(FIRST)]
    assert worker(paused) == []
    assert worker(m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=("a",))) == [ResumeBlender(FIRST)]


def test_a_paused_worker_can_leave() -> None:
    worker = rendering("a")
    worker(m.PauseWork())
    assert worker(SignOff()) == [KillBlender(FIRST)]
    assert worker(gone())[-1] == Leave()


def test_an_order_said_twice_to_a_leaving_worker_is_answered_once() -> None:
    worker = rendering("a")
    assert worker(SignOff()) == [KillBlender(FIRST)]
    assert worker(assign("a", "b")) == [unstarted("b", "the worker is signing off")]
    assert worker(gone()) == [unstarted("a", "the worker signed off"), RemoveFiles("a"), Leave()]
