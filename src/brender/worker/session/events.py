# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent tells the session. An event of Blender names its Blender, so that a late one changes nothing."""

from dataclasses import dataclass

from brender.core import messages as m
from brender.core.failures import Kind


@dataclass(frozen=True)
class Dismissed:
    """The manager wants to hear no more of this run: end it, and remove its files."""

    run: str


@dataclass(frozen=True)
class BlenderOpened:
    """The scene is open, and nothing was found that forbids to render it."""

    blender: str
    opened: m.Opened


@dataclass(frozen=True)
class FrameStarted:
    """Blender has begun the run."""

    blender: str
    run: str


@dataclass(frozen=True)
class SignOfLife:
    """Blender printed or reported something."""

    blender: str


@dataclass(frozen=True)
class Written:
    """A file of a run. `main`: the scene's own picture, not a File Output node's; its format and size are known."""

    temporary: str
    final: str
    main: bool = True


@dataclass(frozen=True, kw_only=True)
class FrameRendered:
    """The run's files are written, and what it took, in seconds and MB."""

    blender: str
    run: str
    files: tuple[Written, ...]
    peak_memory_mb: float = 0.0
    memory_mb: float = 0.0  # of the tree, now that the frame is done
    cpu_s: float = 0.0
    sync_s: float = 0.0
    render_s: float = 0.0
    write_s: float = 0.0
    gap_s: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameFailed:
    """Blender says why the run it renders has no good files; `peak_mb` is what its tree has held at most."""

    blender: str
    run: str
    kind: Kind
    message: str
    peak_mb: float = 0.0


@dataclass(frozen=True)
class BlenderEnded:
    """No process of this Blender is left: it could not open the scene, it crashed, or it ended as it was told.

    `kind` and `message` tell why, and count only where nobody had told it to.
    """

    blender: str
    kind: Kind
    message: str


@dataclass(frozen=True)
class Verified:
    """The run's files are whole, good, and on the disk for good."""

    run: str
    files: tuple[m.File, ...]
    thumbnail: bytes
    verify_s: float


@dataclass(frozen=True)
class NotVerified:
    """The run's files are not what was asked for."""

    run: str
    kind: Kind
    message: str


@dataclass(frozen=True)
class Compared:
    """How far the second rendering of a run's frame differs from what was kept of it: of pixels, and at most."""

    run: str
    fraction: float
    largest: float
    compare_s: float


@dataclass(frozen=True)
class NotCompared:
    """The run's files could not be kept, or not be compared."""

    run: str


@dataclass(frozen=True)
class Tick:
    """Time has passed. `peak_mb`: what Blender's whole tree has held at most in this run, so far."""

    peak_mb: float = 0.0


@dataclass(frozen=True)
class SignOff:
    """The worker is to leave: what runs is ended and given back. `at_once`: not even pictures are looked at first."""

    at_once: bool = False


BlenderEvent = BlenderOpened | FrameStarted | SignOfLife | FrameRendered | FrameFailed | BlenderEnded
FromManager = m.Welcome | m.Assign | m.Recall | m.Stop | m.PauseWork | m.ResumeWork
Event = FromManager | Dismissed | BlenderEvent | Verified | NotVerified | Compared | NotCompared | Tick | SignOff
