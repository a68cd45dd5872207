# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scenes may be rendered warm, and with persistent data: the one list of what is known to be unsafe.

Cycles with persistent data keeps its scene between frames and updates what changed; where it misses a change a frame
is wrong. Each entry has its reason and what is right instead: "no persistent data" (the same process, the scene sent
anew for each frame), or "cold" (a process for each frame). tests/blender/test_warm_scenes.py holds the proofs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import bpy

from .engine import OWN_ENGINES
from .used import Used

Detector = Callable[[Used], bool]


class Unsafe(NamedTuple):
    """One thing that does not render the same warm: how it is found, why, and what is safe."""

    name: str
    found: Detector
    reason: str
    safe: str  # "no persistent data" or "cold"


def _adaptive(used: Used) -> bool:
    return any(_has_adaptive(thing) for thing in used.all_objects())


def _has_adaptive(thing: Any) -> bool:
    own = getattr(getattr(thing, "cycles", None), "use_adaptive_subdivision", False)
    return bool(own) or any(getattr(modifier, "use_adaptive_subdivision", False) for modifier in thing.modifiers)


def _hair(used: Used) -> bool:
    return any(system.settings.type == "HAIR" for thing in used.all_objects() for system in thing.particle_systems)


def _foreign(used: Used) -> bool:
    return used.scene.render.engine not in OWN_ENGINES


UNSAFE = (
    Unsafe(
        "adaptive subdivision",
        _adaptive,
        "its mesh is diced for the camera of an earlier frame (3.4: 11 % of the pixels wrong)",
        "no persistent data",
    ),
    Unsafe(
        "hair of particles",
        _hair,
        "it stays where it was while its object moves (3.4, 4.5 and 5.0: 3 to 10 % of the pixels wrong)",
        "no persistent data",
    ),
    Unsafe(
        "an add-on's engine",
        _foreign,
        "whether it keeps something from one frame to the next is not known",
        "cold",
    ),
)


def choose(used: Used, simulated: bool) -> dict[str, Any]:
    """Sets persistent data on the scene, and returns the facts: whether, and warm or cold, each with its reason."""
    found = [entry for entry in UNSAFE if entry.found(used)]
    cold = [entry for entry in found if entry.safe == "cold"]
    on, reason = _persistent(used.scene, found, simulated)
    for scene in used.scenes:
        scene.render.use_persistent_data = on
    warm_reason = "; ".join(f"{e.name}: {e.reason}" for e in cold) or "nothing in the scene speaks against it"
    return {"persistent_data": on, "persistent_reason": reason, "warm": not cold, "warm_reason": warm_reason}


def _persistent(scene: Any, found: list[Unsafe], simulated: bool) -> tuple[bool, str]:
    if scene.render.engine != "CYCLES":
        return False, f"{scene.render.engine} keeps nothing between frames"
    if found:
        return False, "; ".join(f"{entry.name}: {entry.reason}" for entry in found)
    if simulated:
        return False, "a simulation is stepped between the frames"
    return True, f"Cycles of Blender {bpy.app.version_string} updates what moves in this scene"
