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
class Queue:
    """The orders of one step that wait."""

    job: int
    step: int
    scene: Scene
    bounds: m.Bounds
    orders: list[m.Order] = field(default_factory=list)


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

    @property
    def alive(self) -> bool:
        """Whether nobody has asked it to end."""
        return self.phase in (Phase.OPENING, Phase.OPEN)


@dataclass(frozen=True)
class Checking:
    """A run whose files are being looked at."""

    rendered: FrameRendered
    opened: m.Opened
    first: bool
