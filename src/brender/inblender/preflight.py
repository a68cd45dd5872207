# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender would render wrong and call a success, looked for before the first frame.

Each fault has its own kind (core/failures.py) and a sentence: what, where, and what to do about it.
"""

import os
import re
from typing import Any

import bpy

from . import files
from .outputs import uses_sequencer
from .refusal import Refusal, listing
from .settings import formats, is_movie
from .used import Used

# Blender's words for a view, look or display that the configuration lacks: it takes another and goes on
_NOT_FOUND = re.compile(r'^.*?\b(scene|sequencer) (view|look|display) "([^"]*)" not found', re.MULTILINE)
_LOST_SPACE = re.compile(r'^.*?(?:\|\s*WARNING\s|management: )?(\S+ \S+) colorspace "([^"]*)" not found', re.MULTILINE)


def check(used: Used, allow: dict[str, Any], said: str) -> list[str]:
    """Looks the scene through; `said` is what Blender printed while it opened it. Returns warnings, raises Refusal."""
    check_view(said)
    _check_format(used.scene)
    _check_camera(used)
    _check_denoiser(used)
    lost = _LOST_SPACE.finditer(said)
    warnings = [f'The colour space "{m[2]}" of {m[1]} is not in this configuration.' for m in lost]
    return warnings + _check_libraries(used, allow) + _check_nodes(used, allow) + _check_files(used, allow)


def color_config() -> str:
    """The path of the OpenColorIO configuration that this Blender uses."""
    own = os.path.join(bpy.utils.system_resource("DATAFILES"), "colormanagement", "config.ocio")
    return os.environ.get("OCIO") or own


def check_view(said: str) -> None:
    """Refuses a view or look that is missing, by Blender's own words about it."""
    found = _NOT_FOUND.search(said)
    if found:
        text = f'The {found[2]} "{found[3]}" that this file asks for is not in the colour configuration '
        hint = f'"{color_config()}". Set OCIO on the worker to the one it was made with, or choose another view.'
        raise Refusal("missing_view", text + hint)


def _check_format(scene: Any) -> None:
    image = scene.render.image_settings
    if not image.file_format:
        there = listing(formats(image))
        text = f"This file asks for a format that Blender {bpy.app.version_string} no longer has. It writes {there};"
        raise Refusal("unknown_format", text + " choose one with -F.")


def _check_camera(used: Used) -> None:
    """Blender takes any camera of the scene where none is set; without one it renders nothing."""
    if uses_sequencer(used.scene):
        return
    for scene in used.scenes:
        cameras = [marker.camera for marker in scene.timeline_markers if marker.camera]
        cameras += [thing for thing in scene.objects if thing.type == "CAMERA"]
        if scene.camera is None and not cameras and scene != used.scene.background_set:
            text = f'The scene "{scene.name}" has no camera. Add one and make it the active camera (Ctrl 0), or name'
            raise Refusal("no_camera", text + " another scene with -S.")


def _check_nodes(used: Used, allow: dict[str, Any]) -> list[str]:
    lost = {f"{owner.name}: {node.name}" for owner, node in used.nodes() if _is_lost(node)}
    if not lost:
        return []
    text = f"The scene uses nodes of an add-on that is not here: {listing(sorted(lost))}."
    if allow.get("missing"):
        return [text + " They do nothing, as --allow-missing says."]
    hint = " Install the add-on on the worker and name it with --addons; --allow-missing renders without."
    raise Refusal("missing_nodes", text + hint)


def _is_lost(node: Any) -> bool:
    """True for a node of an unknown kind that others take something from."""
    return node.bl_idname == "NodeUndefined" and any(socket.is_linked for socket in node.outputs)


def _check_denoiser(used: Used) -> None:
    """Without its denoiser Cycles says an error and writes no picture."""
    if used.scene.render.engine != "CYCLES" or not used.scene.cycles.use_denoising:
        return
    import _cycles  # only there once Cycles is registered

    layers = any(layer.use and layer.cycles.use_denoising for layer in used.scene.view_layers)
    lacks = not getattr(_cycles, "with_openimagedenoise", True)
    if layers and lacks and used.scene.cycles.denoiser != "OPTIX":  # the name it lacks reads as ""
        text = f"The scene asks for OpenImageDenoise, which this Blender {bpy.app.version_string} is built without."
        raise Refusal("bad_setting", text + " Switch denoising off in the scene, or use a Blender that has it.")


def _check_libraries(used: Used, allow: dict[str, Any]) -> list[str]:
    gone = files.missing_libraries()
    needed = {block.library for block in used.blocks if block.library in gone}
    lost = [b for b in used.blocks if b.library and b.library not in gone and getattr(b, "is_missing", False)]
    names = [gone[library] for library in gone if library in needed]
    names += [f"{bpy.path.abspath(b.library.filepath)} ({b.name})" for b in lost]
    unused = [gone[library] for library in gone if library not in needed]
    hint = "Send the library with the file, or link it anew; --allow-missing renders without it."
    return _refuse_or_warn("missing_library", "linked library", names, unused, hint, allow)


def _check_files(used: Used, allow: dict[str, Any]) -> list[str]:
    needed: dict[str, None] = {}
    for block in sorted(used.blocks, key=lambda b: b.name):
        if not _is_silent(block, used):
            needed.update(dict.fromkeys(files.missing(block)))
    named = [*files.of_nodes(used), *files.of_strips(used.scene)]
    needed.update(dict.fromkeys(path for path, _ in named if not os.path.exists(path)))
    everything = [path for block in bpy.data.user_map() if isinstance(block, bpy.types.ID) for path in _of_data(block)]
    unused = [path for path in dict.fromkeys(everything) if path not in needed]
    hint = "Send it with the file, or pack it; --allow-missing renders without it."
    return _refuse_or_warn("missing_file", "file", list(needed), unused, hint, allow)


def _of_data(block: Any) -> list[str]:
    return files.missing(block) if not isinstance(block, bpy.types.Object) else []


def _is_silent(block: Any, used: Used) -> bool:
    """A sound matters to a movie alone."""
    return isinstance(block, bpy.types.Sound) and not is_movie(used.scene)


def _refuse_or_warn(
    kind: str, what: str, needed: list[str], unused: list[str], hint: str, allow: dict[str, Any]
) -> list[str]:
    if needed and not allow.get("missing"):
        number = f"{len(needed)} {what}s are" if len(needed) > 1 else f"A {what} is"
        raise Refusal(kind, f"{number} missing that the scene uses: {listing(needed, 20)}. {hint}")
    warnings = [f"Missing, and allowed to be: {listing(needed)}."] if needed else []
    return warnings + ([f"Missing, but not used by the rendered scene: {listing(unused)}."] if unused else [])


class Blocked:
    """Drivers and scripts that did not run as auto-run is off. Where -Y asked for that, they are warnings."""

    def __init__(self, asked: bool) -> None:
        self._asked = asked
        self.warnings: list[str] = []

    def provoke(self, scene: Any, curves: list[Any]) -> None:
        """Evaluates the scene where a driver needs more than an expression: only then does Blender say."""
        if any(c.driver.type == "SCRIPTED" and not c.driver.is_simple_expression for c in curves):
            for layer in scene.view_layers:
                layer.update()

    def check(self) -> None:
        """Raises Refusal, or warns once."""
        if not bpy.app.autoexec_fail:
            return
        text = f"{bpy.app.autoexec_fail_message} in this file was not run, as auto-run of Python is off"
        if not self._asked:
            raise Refusal("scripts_blocked", text + ". If you trust the file, render it with -y.")
        if not self.warnings:
            self.warnings.append(text + " (-Y).")
