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
    """Blender printed or reported something; `memory_mb` of its whole tree where it is known."""

    blender: str
    memory_mb: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FrameRendered:
    """The run's files are written; (temporary, final) names and what it took, in seconds and MB."""

    blender: str
    run: str
    files: tuple[tuple[str, str], ...]
    peak_memory_mb: float = 0.0
    memory_mb: float = 0.0  # of the tree, now that the frame is done
    cpu_s: float = 0.0
    sync_s: float = 0.0
    render_s: float = 0.0
    write_s: float = 0.0
    gap_s: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlenderFailed:
    """Blender says what went wrong: with a run where it began one, without where it could not open the scene."""

    blender: str
    run: str | None
    kind: Kind
    message: str


@dataclass(frozen=True)
class BlenderEnded:
    """No process of this Blender is left. `kind` and `message` tell why, for when nobody had asked it to end."""

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
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class SignOff:
    """The worker is to leave: what runs is ended and given back. `at_once`: not even pictures are looked at first."""

    at_once: bool = False


BlenderEvent = BlenderOpened | FrameStarted | SignOfLife | FrameRendered | BlenderFailed | BlenderEnded
FromManager = m.Welcome | m.Assign | m.Recall | m.Stop
Event = FromManager | Dismissed | BlenderEvent | Verified | NotVerified | Tick | SignOff
