# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens, in whatever order: no order is lost or reported twice, and there are never two Blenders."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.scene import Blender, Scene
from brender.worker.session import Habits, Session
from brender.worker.session.events import (
    BlenderEnded,
    BlenderOpened,
    Compared,
    Dismissed,
    Event,
    FrameFailed,
    FrameRendered,
    FrameStarted,
    NotCompared,
    NotVerified,
    SignOff,
    SignOfLife,
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
    PauseBlender,
    ResumeBlender,
    Send,
    Verify,
)
from tests import samples

BOUNDS = m.Bounds(max_run_s=100, silence_s=30)
HABITS = Habits(prove_after=2, prove_within=2, renew_frames=6, renew_growth_mb=100, close_grace_s=10, idle_close_s=60)
FINAL = m.Rendered | m.Failed | m.Unstarted | m.Stopped
KINDS = (Kind.BLENDER_CRASHED, Kind.NO_CAMERA, Kind.SCENE_CHANGED, Kind.RENDER_ERROR, Kind.DISK_FULL)

FILES = (Written("/out/.brender/0001.png", "/out/0001.png"),)

T = TypeVar("T")


def scene(job: int) -> Scene:
    """Jobs 1 and 3 have the same one."""
    return Scene(blend=f"/shots/{job % 2}.blend", blender=Blender(kind="bpy", version="4.5.15"))


def opened(*, warm: bool) -> m.Opened:
    return samples.opened(warm=warm)


class World:
    """A manager, a Blender that does anything, and the session between them. `dice` decide each step's details."""

    def __init__(self) -> None:
        self.session = Session("boot", HABITS)
        self.now = 0.0
        self.dice = 0
        self.blender: str | None = None  # the one whose processes live
        self.open = self.ending = self.left = False
        self.paused = False  # as the manager wants it
        self.stopped: str | None = None  # the Blender that stands still
        self.handed: list[str] = []
        self.fresh = True  # Blender was handed nothing yet
        self.kept: str | None = None  # the run to prove by
        self.compared: list[str] = []
        self.pictures: list[str] = []
        self.given: list[str] = []
        self.unwanted: set[str] = set()  # dismissed, or not adopted: no report is due
        self.finals: dict[str, dict[str, m.Report]] = {}  # the same id twice is the same report

    def one_of(self, things: Sequence[T]) -> T:
        self.dice, which = divmod(self.dice, len(things))
        return things[which]

    def tell(self, event: Event) -> None:
        for instruction in self.session.handle(event, self.now):
            self.obey(instruction)

    def obey(self, instruction: Instruction) -> None:
        match instruction:
            case OpenScene(blender):
                assert self.blender is None, "two Blenders"
                assert not self.paused
                self.blender, self.open, self.ending, self.fresh = blender, False, False, True
            case HandOver(blender, order):
                assert (blender, self.open, self.ending) == (self.blender, True, False)
                assert not self.paused
                assert order.run not in self.handed
                assert self.fresh or order.run != f"{self.kept}-proof"
                self.fresh = False
                self.handed.append(order.run)
                assert len(self.handed) <= 2
            case KillBlender(blender) | CloseBlender(blender):
                assert blender == self.blender
                assert isinstance(instruction, KillBlender) or not self.handed, "closed in the middle of a frame"
                self.ending = True
            case PauseBlender(blender):
                assert (blender, self.paused) == (self.blender, True)
                self.stopped = blender
            case ResumeBlender(blender):
                assert (blender, self.paused) == (self.stopped, False)
                self.stopped = None
            case Send(report) if isinstance(report, FINAL):
                self.finals.setdefault(report.run, {})[report.id] = report
            case Leave():
                assert self.blender is None
                assert not self.left
                self.left = True
            case _:
                self.obey_about_pictures(instruction)

    def obey_about_pictures(self, instruction: Instruction) -> None:
        match instruction:
            case Verify(run):
                self.pictures.append(run)
            case Keep(run):
                assert self.kept is None
                assert run not in self.finals, "reported before it was kept"
                self.kept = run
            case Compare(run):
                assert run == self.kept
                self.compared.append(run)
            case ForgetProof(run):
                assert run == self.kept
                self.kept = None

    # --- the manager

    def assign(self) -> None:
        runs = [f"run{len(self.given) + n}" for n in range(self.one_of((1, 2, 3, 5)))]
        self.given += runs
        self.give(self.one_of((1, 2, 3)), runs)

    def give(self, job: int, runs: Sequence[str]) -> None:
        orders = tuple(m.Order(run=run, index=0, start=1, end=1) for run in runs)
        prove, cold = self.one_of(((True, False), (True, False), (False, False), (False, True)))
        given = {"job": job, "step": 0, "scene": scene(job), "bounds": BOUNDS, "orders": orders}
        self.tell(m.Assign(prove=prove, cold=cold, **given))

    def assign_again(self) -> None:
        self.give(self.one_of((1, 2, 3)), self.session.held)

    def take_back(self) -> None:
        how = self.one_of(("recall", "stop", "dismiss", "do not adopt"))
        held = self.session.held
        handed = [run for run in self.handed if run in held]
        run = self.one_of(handed or held or ("unknown",)) if self.one_of((0, 1)) else self.one_of(held or ("",))
        if how == "recall":
            self.tell(m.Recall(runs=(run, *held[-1:])))
        elif how == "stop":
            self.tell(m.Stop(runs=(run,)))
            self.given = self.given if run in self.given else [*self.given, run]  # one it never had is stopped too
        else:
            self.unwanted.add(run)
            rest = tuple(other for other in held if other != run)
            welcome = m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=rest, paused=self.paused)
            self.tell(Dismissed(run) if how == "dismiss" else welcome)

    def pause_or_resume(self) -> None:
        self.paused = not self.paused
        event = m.PauseWork() if self.paused else m.ResumeWork()
        held = self.session.held
        welcome = m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=held, paused=self.paused)
        self.tell(self.one_of((event, event, welcome)))
        assert self.session.paused is self.paused
        assert self.stopped in ((self.blender,) if self.paused else (None,)) or self.ending

    # --- Blender

    def blender_opens(self) -> None:
        if self.blender and not self.open:
            self.open = True
            self.tell(BlenderOpened(self.blender, opened(warm=self.one_of((True, True, True, False)))))

    def blender_renders(self) -> None:
        if self.blender and self.handed:
            run, took = self.handed.pop(0), self.one_of((0.1, 0.1, 10.0))
            memory_mb = self.one_of((50.0, 50.0, 50.0, 200.0))
            self.tell(FrameStarted(self.blender, run))
            self.tell(FrameRendered(blender=self.blender, run=run, files=FILES, render_s=took, memory_mb=memory_mb))

    def frame_fails(self) -> None:
        if self.blender and self.handed:
            self.tell(FrameFailed(self.blender, self.handed.pop(0), self.one_of(KINDS), "It failed."))

    def blender_ends(self) -> None:
        if self.blender:
            gone, self.blender, self.handed, self.stopped = self.blender, None, [], None
            self.tell(BlenderEnded(gone, self.one_of(KINDS), "It ended."))

    def ending_blender_ends(self) -> None:
        if self.ending:
            self.blender_ends()

    def an_old_blender_speaks(self) -> None:
        old = f"boot.{self.one_of((0, 1, 2, 3))}"
        if old != self.blender:
            self.tell(SignOfLife(old))
            self.tell(FrameFailed(old, self.one_of(self.session.held or ("",)), self.one_of(KINDS), "It failed."))
            self.tell(BlenderEnded(old, Kind.BLENDER_CRASHED, "It ended."))

    # --- the rest

    def picture_is_looked_at(self) -> None:
        if self.pictures:
            run = self.pictures.pop(0)
            good = self.one_of((True, True, False))
            self.tell(Verified(run, (), b"", 0.1) if good else NotVerified(run, Kind.BAD_PICTURE, "It is empty."))

    def frame_is_compared(self) -> None:
        if self.compared:
            run = self.compared.pop(0)
            self.tell(self.one_of((Compared(run, 0.0, 0.0, 0.1), Compared(run, 0.5, 0.5, 0.1), NotCompared(run))))

    def time_passes(self) -> None:
        self.now += self.one_of((1.0, 1.0, 20.0, 120.0))
        self.tell(Tick())

    def sign_off(self) -> None:
        if len(self.given) > 25:
            self.tell(SignOff(at_once=self.one_of((True, False))))

    # --- what always holds

    def check(self) -> None:
        """Every order is held, or has one final report; none is due of a run that the manager does not want."""
        held = set(self.session.held)
        for run in self.given:
            finals = self.finals.get(run, {})
            least = 0 if run in held or run in self.unwanted else 1
            most = 0 if run in held else 1
            assert least <= len(finals) <= most, f"{run}: {finals}"

    def left_alone_everything_ends(self) -> None:
        if self.paused:
            self.pause_or_resume()
        for _ in range(10 * len(self.given) + 20):
            self.dice = 0
            self.picture_is_looked_at()
            self.frame_is_compared()
            self.ending_blender_ends()
            self.blender_opens()
            self.blender_renders()
        assert self.session.held == ()
        assert not self.session.proving
        assert self.kept is None
        self.check()


STEPS: dict[Callable[[World], None], int] = {
    World.assign: 4,
    World.assign_again: 1,
    World.take_back: 3,
    World.blender_opens: 6,
    World.blender_renders: 8,
    World.frame_fails: 1,
    World.blender_ends: 1,
    World.ending_blender_ends: 4,
    World.an_old_blender_speaks: 1,
    World.picture_is_looked_at: 6,
    World.frame_is_compared: 2,
    World.time_passes: 2,
    World.sign_off: 1,
    World.pause_or_resume: 2,
}
WEIGHTED = [step for step, weight in STEPS.items() for _ in range(weight)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WEIGHTED), st.integers(0, 2**16)), min_size=60, max_size=120))
def test_no_order_is_lost_and_there_is_one_blender(steps: list[tuple[Callable[[World], None], int]]) -> None:
    world = World()
    for step, dice in steps:
        world.dice = dice
        step(world)
        world.check()
    world.left_alone_everything_ends()
