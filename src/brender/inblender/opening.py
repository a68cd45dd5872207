# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a scene, as `blender -b FILE` with its arguments does, and looking it through before the first frame."""

import fnmatch
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import addon_utils
import bpy

from . import aside, engine, output, outputs, preflight, rendering, scripts, settings, simulation, unsafe
from .refusal import Refusal, listing
from .used import Used

Scene = dict[str, Any]


class Session:
    """An opened scene: what was found out about it, and what each frame needs."""

    def __init__(self, scene: Any, errors: scripts.Errors, blocked: preflight.Blocked, carried: bool) -> None:
        self.scene = scene
        self.facts: dict[str, Any] = {}
        self._errors = errors
        self._blocked = blocked
        self._own = _own_facts(scene)
        self.outputs = outputs.Outputs(scene, carried)
        self.watch = rendering.Watch(scene)

    def look_through(self, wanted: Scene, said: str, own_start: int) -> None:
        """Finds the facts, and refuses what would come out wrong. Raises Refusal."""
        launch, allow = wanted.get("launch", {}), wanted.get("allow", {})
        drivers = aside.drivers()
        self._blocked.provoke(self.scene, drivers)
        self.check_after()
        used = Used(self.scene)
        warnings = preflight.check(used, allow, said)
        device, more = engine.choose_device(self.scene, launch.get("device"), allow.get("cpu", False))
        self.facts = {**self._own, **_facts(self.scene), "device": device}
        self._stepper = simulation.Stepper(used, own_start)
        self.aside = aside.Aside(self.scene, bool(self._stepper.names), drivers)
        verdict = unsafe.choose(used, bool(self._stepper.names))
        self.facts |= {**verdict, "simulation": self._stepper.names}
        self.facts["warnings"] = [*warnings, *more, *self.new_warnings()]

    def prepare(self, frame: int, tell: Callable[[int], None]) -> None:
        """Steps what must be stepped before the frame."""
        self._stepper.step_to(frame, tell)

    def check_after(self) -> None:
        """What shows only once something was evaluated: blocked drivers, failed handlers. Raises Refusal."""
        self._blocked.check()
        self._errors.check()

    def new_warnings(self) -> list[str]:
        """What was noticed since the last call."""
        found = list(dict.fromkeys([*self._blocked.warnings, *self._errors.warnings]))
        self._blocked.warnings.clear()
        self._errors.warnings.clear()
        return found


def open_scene(wanted: Scene, program: str) -> Session:
    """Opens it and runs its scripts, sets its settings, and looks it through. Raises Refusal."""
    began = time.monotonic()
    launch, todo = wanted.get("launch", {}), wanted.get("scripts", [])
    _set_arguments(wanted, program)
    errors = scripts.Errors()
    names = engine.EngineName()
    _enable(launch.get("addons", ()))
    scripts.run_all(todo, before_open=True)
    with output.overheard() as heard:
        _open_file(wanted["blend"], _autoexec(wanted["blend"], launch))
    errors.check()
    scripts.run_all(todo, before_open=False)
    starts = {scene.name: scene.frame_start for scene in bpy.data.scenes}
    settings.apply(wanted.get("settings", {}))
    scene = settings.scene()
    engine.check_engine(names.wanted(scene), scene)
    blocked = preflight.Blocked(launch.get("autoexec") is False)
    session = Session(scene, errors, blocked, carried=bool(wanted.get("manifest")))
    session.look_through(wanted, heard.text, starts[scene.name])
    session.facts["open_s"] = time.monotonic() - began
    return session


def _set_arguments(wanted: Scene, program: str) -> None:
    """What scripts find in sys.argv: Blender's arguments, their own behind `--`."""
    own = wanted.get("launch", {}).get("script_args", ())
    sys.argv = [program, "-b", wanted["blend"], *(("--", *own) if own else ())]


def _enable(names: list[str]) -> None:
    absent = [name for name in names if not _enable_one(name)]
    if absent:
        text = f"The add-on {listing(absent)} of --addons could not be enabled in Blender {bpy.app.version_string}."
        raise Refusal("missing_addon", text + " Install it on the worker, or leave it out.")


def _enable_one(name: str) -> bool:
    """An extension of 4.2 and later goes by its short name, too."""
    if addon_utils.check(name)[1]:
        return True
    full = [m.__name__ for m in addon_utils.modules() if m.__name__ in (name, *_extensions(name))]
    return bool(full) and addon_utils.enable(full[0], persistent=True) is not None


def _extensions(name: str) -> list[str]:
    repositories = getattr(getattr(bpy.context.preferences, "extensions", None), "repos", ())
    return [f"bl_ext.{repository.module}.{name}" for repository in repositories]


def _autoexec(blend: str, launch: dict[str, Any]) -> bool:
    """Whether Python of the file may run: as asked for, else as the preferences say, their excluded folders too.

    Where farm or worker let none run, nothing of that counts.
    """
    if launch.get("sealed"):
        return False
    wanted: bool | None = launch.get("autoexec")
    if wanted is not None:
        return wanted
    preferences = bpy.context.preferences
    if not preferences.filepaths.use_scripts_auto_execute:
        return False
    excluded = (path for path in preferences.autoexec_paths if path.path)
    return not any(
        fnmatch.fnmatch(blend, path.path) if path.use_glob else blend.startswith(path.path) for path in excluded
    )


def _open_file(blend: str, autoexec: bool) -> None:
    """With its window, as the command line does: which scene is rendered is the window's business."""
    try:
        result = bpy.ops.wm.open_mainfile(filepath=blend, load_ui=True, use_scripts=autoexec)
    except RuntimeError as error:
        said = str(error).replace("Error: ", "").strip()
        text = f'Blender {bpy.app.version_string} cannot open "{blend}": {said}'
        raise Refusal("file_unreadable", text + " Save it again in Blender, or restore a backup.") from None
    if result != {"FINISHED"} or not os.path.samefile(bpy.data.filepath, blend):
        raise Refusal("file_unreadable", f'Blender {bpy.app.version_string} did not open "{blend}".')


def _own_facts(scene: Any) -> dict[str, Any]:
    """What the session changes for itself, and others want to know of the file."""
    return {
        "overwrite": scene.render.use_overwrite,
        "placeholder": scene.render.use_placeholder,
        "outputs": [os.path.abspath(scene.render.frame_path(frame=scene.frame_start))],
    }


def _facts(scene: Any) -> dict[str, Any]:
    render = scene.render
    width, height = _size(render)
    return {
        "blender": bpy.app.version_string,
        "scene": scene.name,
        "engine": render.engine,
        "format": render.image_settings.file_format,
        "movie": settings.is_movie(scene),
        "width": width,
        "height": height,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "view": _view(scene),
    }


def _size(render: Any) -> tuple[int, int]:
    """Of a picture, in pixels, as Blender rounds it; a crop to the border is applied."""
    width = render.resolution_x * render.resolution_percentage // 100
    height = render.resolution_y * render.resolution_percentage // 100
    if not (render.use_border and render.use_crop_to_border):
        return width, height
    left, right = int(render.border_min_x * width), int(render.border_max_x * width)
    low, top = int(render.border_min_y * height), int(render.border_max_y * height)
    return right - left, top - low


def _view(scene: Any) -> dict[str, Any]:
    """Of the scene, or of the output where that has its own."""
    image = scene.render.image_settings
    own = getattr(image, "color_management", "FOLLOW_SCENE") == "OVERRIDE"
    view = image.view_settings if own else scene.view_settings
    display = image.display_settings if own else scene.display_settings
    return {
        "config": preflight.color_config(),
        "display": display.display_device,
        "view": view.view_transform,
        "look": view.look,
        "exposure": view.exposure,
        "gamma": view.gamma,
    }
