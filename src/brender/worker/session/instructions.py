# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session tells the agent to do."""

from dataclasses import dataclass

from brender.core import messages as m
from brender.core.scene import Scene
from brender.worker.session.events import Written


@dataclass(frozen=True)
class OpenScene:
    """Start a Blender, and open the scene in it. `run` is the one that it is opened for."""

    blender: str
    scene: Scene
    run: str


@dataclass(frozen=True)
class HandOver:
    """Give Blender an order; it begins as soon as it has ended the one before."""

    blender: str
    order: m.Order


@dataclass(frozen=True)
class CloseBlender:
    """Ask an idle Blender to end."""

    blender: str


@dataclass(frozen=True)
class KillBlender:
    """End the whole process tree, now."""

    blender: str


@dataclass(frozen=True)
class PauseBlender:
    """Stop the whole process tree where it is."""

    blender: str


@dataclass(frozen=True)
class ResumeBlender:
    """Let it go on."""

    blender: str


@dataclass(frozen=True)
class Verify:
    """Look at the files of a run of so many frames, which are to be as the scene was `opened`."""

    run: str
    files: tuple[Written, ...]
    opened: m.Opened
    frames: int


@dataclass(frozen=True)
class Keep:
    """Copy these files of a run, before its report lets the manager take them."""

    run: str
    files: tuple[Written, ...]


@dataclass(frozen=True)
class Compare:
    """Compare what was kept of the run with these files, which are to have the same final names."""

    run: str
    files: tuple[Written, ...]


@dataclass(frozen=True)
class ForgetProof:
    """Remove what was kept of the run, and all that its second rendering, the run `again`, has left."""

    run: str
    again: str


@dataclass(frozen=True)
class Send:
    """Keep the report until it is acknowledged."""

    report: m.Report


@dataclass(frozen=True)
class RemoveFiles:
    """Remove what the run has left under its own name."""

    run: str


@dataclass(frozen=True)
class Leave:
    """Nothing is held and no Blender runs: the worker may go."""


OfBlender = OpenScene | HandOver | CloseBlender | KillBlender | PauseBlender | ResumeBlender
Instruction = OfBlender | Verify | Keep | Compare | ForgetProof | Send | RemoveFiles | Leave
