# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine a file asks for, and on which device it renders.

Blender answers "BLENDER_EEVEE" for an engine it does not have, and renders with that. The name the file asks for is
only in the scene's memory: where in it, is found once, by setting two engines and looking for their names.
"""

import contextlib
import ctypes
from typing import Any

import bpy

from .refusal import Refusal, listing
from .settings import engines

OWN_ENGINES = ("CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")

_LOOK_AT = 4096  # bytes of the render settings; the name lies at about 2460 from 3.4 to 5.0


class EngineName:
    """Reads the name in a scene's memory. Made with the start-up scene, before any file is opened."""

    def __init__(self) -> None:
        render = bpy.context.scene.render
        before = render.engine
        self._offset = self._find(render)
        render.engine = before

    def _find(self, render: Any) -> int | None:
        places = []
        for name in ("BLENDER_WORKBENCH", render.engine):
            render.engine = name
            places.append(_memory(render).find(name.encode() + b"\0"))
        return places[0] if places[0] == places[1] and places[0] >= 0 else None

    def wanted(self, scene: Any) -> str:
        """The engine that the scene asks for, there or not."""
        if self._offset is None:
            return str(scene.render.engine)
        name = _memory(scene.render)[self._offset :].partition(b"\0")[0]
        return name.decode("utf-8", "replace") or str(scene.render.engine)


def _memory(render: Any) -> bytes:
    return ctypes.string_at(render.as_pointer(), _LOOK_AT)


def check_engine(wanted: str, scene: Any) -> None:
    """Refuses a scene whose engine is not here, which Blender would render with another in silence."""
    if wanted != scene.render.engine:
        text = (
            f'The scene "{scene.name}" asks for the render engine "{wanted}", which is not in this Blender '
            f"{bpy.app.version_string}; it has {listing(engines())}. Install the engine's add-on on the worker, "
            "or choose another engine with -E."
        )
        raise Refusal("missing_engine", text)


def choose_device(scene: Any, wanted: str | None, allow_cpu: bool) -> tuple[str, list[str]]:
    """Sets the device and returns its name, with warnings.

    Raises Refusal (missing_gpu) where a GPU is asked for, by the person or the scene, and Cycles has none to use.
    """
    if scene.render.engine != "CYCLES":
        return "OpenGL" if scene.render.engine in OWN_ENGINES else "the engine's own choice", []
    preferences = bpy.context.preferences.addons["cycles"].preferences
    if wanted == "CPU":
        _override("CPU")
        scene.cycles.device = "CPU"
        return "CPU", []
    if wanted is not None:
        return _take(scene, preferences, wanted), []
    if scene.cycles.device != "GPU":
        return "CPU", []
    names = _enabled(preferences)
    if names:
        return ", ".join(names), []
    return _no_gpu(scene, allow_cpu)


def _no_gpu(scene: Any, allow_cpu: bool) -> tuple[str, list[str]]:
    text = f'The scene "{scene.name}" asks for a GPU, and this Blender has none set up to use.'
    if not allow_cpu:
        raise Refusal("missing_gpu", text + " Name one with --device, or let it render on the CPU with --allow-cpu.")
    return "CPU", [text + " It renders on the CPU, as --allow-cpu says."]


def _take(scene: Any, preferences: Any, wanted: str) -> str:
    devices = []
    with contextlib.suppress(TypeError, ValueError):  # a kind that this build does not know
        preferences.compute_device_type = wanted
        preferences.refresh_devices()
        devices = [device for device in preferences.devices if device.type == wanted]
    if not devices:
        text = f"There is no {wanted} device on this machine that Cycles of Blender {bpy.app.version_string} can use."
        raise Refusal("missing_gpu", text + " Use another worker, or another --device.")
    for device in preferences.devices:
        device.use = device.type == wanted
    _override(wanted)
    scene.cycles.device = "GPU"
    return ", ".join(device.name for device in devices)


def _override(kind: str) -> None:
    """As `-- --cycles-device` does; it holds for every scene that the render reaches."""
    import _cycles  # only there once Cycles is registered

    with contextlib.suppress(AttributeError):
        _cycles.set_device_override(kind)


def _enabled(preferences: Any) -> list[str]:
    kind = preferences.compute_device_type
    if kind == "NONE":
        return []
    preferences.refresh_devices()
    return [d.name for d in preferences.devices if d.use and d.type == kind]
