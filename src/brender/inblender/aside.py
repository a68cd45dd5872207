# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders with an empty scene as the window's, so that the real one is evaluated once for a frame and not twice.

Blender's render operator ends by bringing the window's scene up to date, which `blender -b -a` never does: a fifth
of a frame's time in a scene of much animated geometry, and the memory of a second evaluated copy.
Only where nobody can see it: not with handlers or drivers that may look at `bpy.context`, and not for an engine of
an add-on. The empty scene is made once, and is never rendered.
"""

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import bpy

from .engine import OWN_ENGINES

NAME = "~ brender, empty"  # the last by name


class Aside:
    """The context to render a scene in."""

    def __init__(self, scene: Any, stepped: bool, curves: list[Any]) -> None:
        self._scene = scene
        self._apart = not stepped and _is_unseen(scene, curves)
        self._empty: Any = None

    def context(self) -> AbstractContextManager[Any]:
        """Entered around one render."""
        if not self._apart or _handlers():
            return contextlib.nullcontext()
        if self._empty is None:
            self._empty = bpy.data.scenes.new(NAME)
            self._empty.frame_set(self._scene.frame_current)  # the operator takes the window's current frame over
        return bpy.context.temp_override(scene=self._empty, view_layer=self._empty.view_layers[0])


def _is_unseen(scene: Any, curves: list[Any]) -> bool:
    named = bpy.data.scenes.get(scene.name) == scene  # the operator takes the first of that name
    return named and scene.render.engine in OWN_ENGINES and not any(map(_looks_around, curves))


def drivers() -> list[Any]:
    """All F-curves of drivers in the file, those of node trees and shape keys too."""
    found = []
    for owner in bpy.data.user_map():
        for holder in (owner, getattr(owner, "node_tree", None)):
            animation = getattr(holder, "animation_data", None)
            found += list(animation.drivers) if animation else []
    return found


def _looks_around(curve: Any) -> bool:
    return curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression


def _handlers() -> bool:
    """True where others than we listen to what happens in a render."""
    lists = (getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers) if name.startswith(_HEARD))
    return any(not str(getattr(h, "__module__", "")).startswith(__package__) for handlers in lists for h in handlers)


_HEARD = ("render_", "frame_change_", "depsgraph_update_", "composite_")
