# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens, in whatever order: no order is lost or reported twice, and there are never two Blenders."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.scene import Blender, Scene
from brender.worker.session import Habits, Session
from brender.worker.session.events import (
    BlenderEnded,
    BlenderFailed,
    BlenderOpened,
    Dismissed,
    Event,
    FrameRendered,
    FrameStarted,
    NotVerified,
    SignOff,
    SignOfLife,
    Tick,
    Verified,
)
from brender.worker.session.instructions import (
    CloseBlender,
    HandOver,
    Instruction,
    KillBlender,
    Leave,
    OpenScene,
    Send,
    Verify,
)

BOUNDS = m.Bounds(max_run_s=100, silence_s=30)
HABITS = Habits(renew_frames=3, renew_growth_mb=100, close_grace_s=10, idle_close_s=60)
FINAL = m.Rendered | m.Failed | m.Unstarted | m.Stopped
KINDS = st.sampled_from([Kind.BLENDER_CRASHED, Kind.NO_CAMERA, Kind.SCENE_CHANGED, Kind.RENDER_ERROR, Kind.DISK_FULL])


def scene(job: int) -> Scene:
    """Jobs 1 and 3 have the same one."""
    return Scene(blend=f"/shots/{job % 2}.blend", blender=Blender(kind="bpy", version="4.5.15"))


def opened(*, warm: bool) -> m.Opened:
    return m.Opened(
        blender="4.5.15",
        engine="CYCLES",
        device="CPU",
        format="PNG",
        width=64,
        height=36,
        frame_start=1,
        frame_end=10,
        frame_step=1,
        persistent_data=True,
        persistent_reason="",
        warm=warm,
        warm_reason="",
        view=m.View(),
    )


class World(RuleBasedStateMachine):
    """A manager, a Blender that does anything, and the session between them."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session("boot", HABITS)
        self.now = 0.0
        self.blender: str | None = None  # the one whose processes live
        self.scene: Scene | None = None
        self.open = self.ending = self.left = False
        self.handed: list[str] = []
        self.pictures: list[str] = []
        self.given: list[str] = []
        self.unwanted: set[str] = set()  # dismissed, or not adopted: no report is due
        self.finals: dict[str, list[m.Report]] = {}

    def tell(self, event: Event) -> None:
        for instruction in self.session.handle(event, self.now):
            self.obey(instruction)

    def obey(self, instruction: Instruction) -> None:
        match instruction:
            case OpenScene(blender, wanted):
                assert self.blender is None, "two Blenders"
                self.blender, self.scene, self.open, self.ending = blender, wanted, False, False
            case HandOver(blender, order):
                assert (blender, self.open, self.ending) == (self.blender, True, False)
                assert order.run not in self.handed
                self.handed.append(order.run)
                assert len(self.handed) <= 2
            case KillBlender(blender) | CloseBlender(blender):
                assert blender == self.blender
                assert isinstance(instruction, KillBlender) or not self.handed, "closed in the middle of a frame"
                self.ending = True
            case Verify(run):
                self.pictures.append(run)
            case Send(report) if isinstance(report, FINAL):
                self.finals.setdefault(report.run, []).append(report)
            case Leave():
                assert self.blender is None
                assert not self.left
                self.left = True

    # --- the manager

    @rule(job=st.integers(1, 3), count=st.integers(1, 5))
    def assign(self, job: int, count: int) -> None:
        runs = [f"run{len(self.given) + n}" for n in range(count)]
        self.given += runs
        orders = tuple(m.Order(run=run, index=0, start=1, end=1) for run in runs)
        self.tell(m.Assign(job=job, step=0, scene=scene(job), bounds=BOUNDS, orders=orders))

    @precondition(lambda self: self.session.held)
    @rule(data=st.data())
    def recall(self, data: st.DataObject) -> None:
        self.tell(m.Recall(runs=tuple(data.draw(st.sets(st.sampled_from(self.session.held))))))

    @precondition(lambda self: self.session.held)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.tell(m.Stop(runs=tuple(data.draw(st.sets(st.sampled_from(self.session.held))))))

    @precondition(lambda self: self.session.held)
    @rule(data=st.data())
    def dismiss(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.session.held))
        self.unwanted.add(run)
        self.tell(Dismissed(run))

    @rule(data=st.data())
    def welcome(self, data: st.DataObject) -> None:
        held = self.session.held
        adopted = data.draw(st.sets(st.sampled_from(held))) if held else set()
        self.unwanted |= set(held) - adopted
        self.tell(m.Welcome(worker="w", name="w", heartbeat_s=1, lease_s=60, adopted=tuple(adopted)))

    # --- Blender

    @precondition(lambda self: self.blender and not self.open)
    @rule(warm=st.booleans())
    def blender_opens(self, warm: bool) -> None:
        self.open = True
        self.tell(BlenderOpened(self.blender or "", opened(warm=warm)))

    @precondition(lambda self: self.handed)
    @rule(took=st.sampled_from([0.1, 10.0]), memory_mb=st.sampled_from([50.0, 200.0]))
    def blender_renders(self, took: float, memory_mb: float) -> None:
        run = self.handed.pop(0)
        self.tell(FrameStarted(self.blender or "", run))
        self.tell(
            FrameRendered(blender=self.blender or "", run=run, files=(), render_s=took, memory_mb=memory_mb),
        )

    @precondition(lambda self: self.blender)
    @rule(kind=KINDS)
    def blender_fails(self, kind: Kind) -> None:
        run = self.handed.pop(0) if self.handed else None
        if run is not None or not self.open:
            self.tell(BlenderFailed(self.blender or "", run, kind, "It failed."))

    @precondition(lambda self: self.blender)
    @rule()
    def blender_ends(self) -> None:
        gone, self.blender, self.handed = self.blender or "", None, []
        self.tell(BlenderEnded(gone, Kind.BLENDER_CRASHED, "It crashed."))

    @rule(memory_mb=st.floats(0, 1e6))
    def blender_lives(self, memory_mb: float) -> None:
        self.tell(SignOfLife(self.blender or "", memory_mb))

    @rule(number=st.integers(0, 3), kind=KINDS)
    def an_old_blender_speaks(self, number: int, kind: Kind) -> None:
        old = f"boot.{number}"
        if old != self.blender:
            self.tell(BlenderFailed(old, None, kind, "It failed."))
            self.tell(BlenderEnded(old, kind, "It ended."))

    # --- the rest

    @precondition(lambda self: self.pictures)
    @rule(good=st.booleans())
    def picture_is_looked_at(self, good: bool) -> None:
        run = self.pictures.pop(0)
        self.tell(Verified(run, (), b"", 0.1) if good else NotVerified(run, Kind.BAD_PICTURE, "It is empty."))

    @rule(seconds=st.sampled_from([1.0, 20.0, 120.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.tell(Tick())

    @precondition(lambda self: len(self.given) > 8)
    @rule(at_once=st.booleans())
    def sign_off(self, at_once: bool) -> None:
        self.tell(SignOff(at_once=at_once))

    # --- what always holds

    @invariant()
    def every_order_is_held_or_concluded_once(self) -> None:
        held = set(self.session.held)
        for run in self.given:
            finals = self.finals.get(run, [])
            if run in held:
                assert not finals
            elif run not in self.unwanted:
                assert len(finals) == 1, f"{run}: {finals}"
            else:
                assert len(finals) <= 1

    def teardown(self) -> None:
        """Left alone, everything comes to its end."""
        for _ in range(5 * len(self.given) + 20):
            if self.pictures:
                self.picture_is_looked_at(good=True)
            elif self.handed and not self.ending:
                self.blender_renders(took=0.1, memory_mb=50.0)
            elif self.blender and (self.ending or not self.open):
                self.blender_ends() if self.ending else self.blender_opens(warm=True)
        assert self.session.held == ()
        self.every_order_is_held_or_concluded_once()


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
