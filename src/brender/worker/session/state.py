# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session holds: queues of orders, its one Blender, pictures that are being looked at."""

import enum
from dataclasses import dataclass, field

from brender.core import messages as m
from brender.core.scene import Scene
from brender.worker.session.events import FrameRendered


@dataclass(frozen=True, kw_only=True)
class Habits:
    """When a Blender gets work ahead, and when it is renewed or closed."""

    ahead_below_s: float = 2.0  # frames shorter than this get the next one before they end
    renew_frames: int = 500
    prove_after: int = 10  # frames of a Blender, before one that may be proven
    prove_within: int = 10  # frames after those, until one surely is
    renew_growth_mb: float = 4096.0  # since its first frame
    close_grace_s: float = 10.0
    idle_close_s: float = 300.0


class Phase(enum.Enum):
    """A Blender's life."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"  # asked to end
    KILLED = "killed"  # being ended


@dataclass
class Clock:
    """Time that stands still while the worker is paused: no limit runs out in a pause."""

    lost_s: float = 0.0  # in pauses that are over
    stopped_at: float | None = None

    def at(self, now: float) -> float:
        """What it shows."""
        return (now if self.stopped_at is None else self.stopped_at) - self.lost_s

    def stop(self, now: float) -> bool:
        """Whether it went until now."""
        went = self.stopped_at is None
        if went:
            self.stopped_at = now
        return went

    def go_on(self, now: float) -> bool:
        """Whether it stood still until now."""
        if self.stopped_at is None:
            return False
        self.lost_s += now - self.stopped_at
        self.stopped_at = None
        return True


@dataclass
class Queue:
    """The orders of one step that wait."""

    job: int
    step: int
    scene: Scene
    bounds: m.Bounds
    orders: list[m.Order] = field(default_factory=list)
    prove: bool = False  # a frame of it, once
    cold: bool = False  # each frame in a Blender that has rendered nothing yet


@dataclass
class Blender:
    """The one Blender there is."""

    id: str
    queue: Queue
    run: str  # the one it was opened for
    since: float  # when its phase, or the run it renders, began
    sign: float  # its last sign of life
    phase: Phase = Phase.OPENING
    opened: m.Opened | None = None
    stays: int = 0
    handed: list[m.Order] = field(default_factory=list)  # the first is being rendered
    verdicts: dict[str, m.Report | None] = field(default_factory=dict)  # to be told when it has ended
    frames: int = 0
    render_s: float | None = None  # of its last frame
    first_mb: float | None = None  # memory after its first frame
    last_mb: float = 0.0
    peak_mb: float = 0.0
    lost_s: float = 0.0  # what the clock had lost in pauses when the run it renders began

    @property
    def alive(self) -> bool:
        """Whether nobody has asked it to end."""
        return self.phase in (Phase.OPENING, Phase.OPEN)


@dataclass(frozen=True)
class Checking:
    """A run whose files are being looked at."""

    rendered: FrameRendered
    opened: m.Opened
    order: m.Order
    queue: Queue
    nth: int  # frame of its Blender, from 0
