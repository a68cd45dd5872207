# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting on a scene what the person asked for, so that it means what Blender's own command line means by it."""

from collections.abc import Callable
from typing import Any

import bpy

from .refusal import Refusal, listing

Settings = dict[str, Any]

# Blender's -F takes names of its own beside those of the API
FORMATS = {
    "TGA": "TARGA",
    "RAWTGA": "TARGA_RAW",
    "AVIJPEG": "AVI_JPEG",
    "AVIRAW": "AVI_RAW",
    "JP2": "JPEG2000",
    "EXR": "OPEN_EXR",
    "MULTILAYER": "OPEN_EXR_MULTILAYER",
}
MOVIES = {"AVI_JPEG", "AVI_RAW", "FFMPEG"}
WORKBENCH_SAMPLES = {1: "OFF", 5: "5", 8: "8", 11: "11", 16: "16", 32: "32"}
LAST_FRAME = 1_048_574  # Blender clamps what is beyond, in silence


def apply(settings: Settings) -> None:
    """Sets all that is given, in the order of the fields, on the scene that is then the one to render.

    Raises Refusal: missing_scene, missing_engine, unknown_format or bad_setting.
    """
    for name, setter in _SETTERS.items():
        value = settings.get(name)
        if value is not None:
            setter(value)


def scene() -> Any:
    """The scene that is rendered: as on Blender's command line, the one of the window."""
    return bpy.context.scene


def check_frame(frame: int) -> None:
    """Refuses a frame that Blender would clamp."""
    if abs(frame) > LAST_FRAME:
        text = f"Frame {frame} is beyond Blender's range, which ends at {LAST_FRAME}. Use a smaller frame number."
        raise Refusal("bad_setting", text)


def is_movie(scene: Any) -> bool:
    """True where Blender writes all frames into one file."""
    return bool(scene.render.is_movie_format)


def _scene(name: str) -> None:
    found = bpy.data.scenes.get(name)
    if found is None:
        there = listing(sorted(s.name for s in bpy.data.scenes))
        raise Refusal("missing_scene", f'There is no scene "{name}" in this file. It has {there}.')
    bpy.context.window.scene = found


def _engine(name: str) -> None:
    try:
        scene().render.engine = name
    except TypeError:
        there = listing(engines())
        text = f'The render engine "{name}" is not in this Blender {bpy.app.version_string}, which has {there}.'
        raise Refusal("missing_engine", text + " Install its add-on on the worker, or name another with -E.") from None


def engines() -> list[str]:
    """The engines of this Blender, by the names that -E takes."""
    own = ["BLENDER_EEVEE" if bpy.app.version[:2] < (4, 2) or bpy.app.version[0] > 4 else "BLENDER_EEVEE_NEXT"]
    added = [c.bl_idname for c in bpy.types.RenderEngine.__subclasses__() if hasattr(c, "bl_idname")]
    return sorted({*own, "BLENDER_WORKBENCH", *(name for name in added if not name.startswith("HYDRA"))})


def _output(pattern: str) -> None:
    scene().render.filepath = pattern


def _format(name: str) -> None:
    wanted = FORMATS.get(name, name)
    image = scene().render.image_settings
    before = (image.color_depth, image.color_mode)
    video = _video()
    try:
        _set_format(image, wanted)
    except TypeError:
        there = listing(formats(image), 20)
        text = f'"{name}" is no format of this Blender {bpy.app.version_string}. It writes {there}.'
        raise Refusal("unknown_format", text) from None
    if bpy.app.version < (4, 0, 0):
        _keep(image, *before)
    _keep_video(video)


_VIDEO = ("format", "codec", "video_bitrate", "minrate", "maxrate", "buffersize", "packetsize", "muxrate", "gopsize")


def _video() -> dict[str, Any]:
    """How the file would write a movie."""
    return {name: getattr(scene().render.ffmpeg, name) for name in _VIDEO}


def _keep_video(before: dict[str, Any]) -> None:
    """The command line leaves container and codec alone, where Python's way gives them new ones."""
    for name, value in before.items():
        if getattr(scene().render.ffmpeg, name) != value:
            setattr(scene().render.ffmpeg, name, value)


def _set_format(image: Any, wanted: str) -> None:
    if hasattr(image, "media_type"):  # 5.0: pictures, layered pictures and movies are apart
        image.media_type = {"FFMPEG": "VIDEO", "OPEN_EXR_MULTILAYER": "MULTI_LAYER_IMAGE"}.get(wanted, "IMAGE")
    image.file_format = wanted


def formats(image: Any) -> list[str]:
    """The names of the formats this Blender writes, movies included."""
    return [item.identifier for item in image.bl_rna.properties["file_format"].enum_items]


def _keep(image: Any, depth: str, mode: str) -> None:
    """The old command line leaves depth and channels alone; EXR of no depth of its own is then a full float."""
    exr = image.file_format in ("OPEN_EXR", "OPEN_EXR_MULTILAYER")
    for name, value in (("color_mode", mode), ("color_depth", "32" if exr and depth != "16" else depth)):
        try:
            setattr(image, name, value)
        except TypeError:
            continue  # the format has no such depth: both ways write its own


def _start(frame: int) -> None:
    check_frame(frame)
    scene().frame_start = frame


def _end(frame: int) -> None:
    check_frame(frame)
    scene().frame_end = frame


def _samples(count: int) -> None:
    target = scene()
    if count < 1:
        raise Refusal("bad_setting", f"{count} samples make no picture. Give at least 1.")
    if target.render.engine == "CYCLES":
        target.cycles.samples = count
    elif target.render.engine == "BLENDER_WORKBENCH":
        target.display.render_aa = next((v for n, v in WORKBENCH_SAMPLES.items() if n >= count), "32")
    elif target.render.engine.startswith("BLENDER_EEVEE"):
        target.eevee.taa_render_samples = count
    else:
        text = f'brender does not know how to set the samples of the engine "{target.render.engine}".'
        raise Refusal("bad_setting", text + " Leave --samples out, and set them in the scene.")


def _number(name: str, least: int, most: int, words: str) -> Callable[[int], None]:
    def setter(value: int) -> None:
        if not least <= value <= most:
            raise Refusal("bad_setting", f"{value} is no {words}: Blender takes {least} to {most}.")
        setattr(scene().render, name, value)

    return setter


def _step(value: int) -> None:
    if value < 1:
        raise Refusal("bad_setting", f"{value} is no frame step: it is 1 or more.")
    scene().frame_step = value


def _use_extension(value: bool) -> None:
    scene().render.use_file_extension = value


_SETTERS: dict[str, Callable[[Any], None]] = {
    "scene": _scene,
    "engine": _engine,
    "output": _output,
    "format": _format,
    "use_extension": _use_extension,
    "start": _start,
    "end": _end,
    "step": _step,
    "samples": _samples,
    "width": _number("resolution_x", 4, 65536, "width in pixels"),
    "height": _number("resolution_y", 4, 65536, "height in pixels"),
    "percent": _number("resolution_percentage", 1, 32767, "percentage"),
}
