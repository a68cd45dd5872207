# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Blender would put a frame, as text: patterns with `#`, extensions by format, movie or stills.

The rules are those seen in Blender 3.4 and 4.5 through `scene.render.frame_path()`, which agree;
tests/blender/test_outputs.py asks both. Nothing here touches a disk: paths are text, of either system.
"""

import re
from collections.abc import Iterator

import msgspec


class Format(msgspec.Struct, frozen=True):
    """One file format: its name behind `-F`, in Python and in a .blend; the extensions it accepts, first its own."""

    name: str
    rna: str
    code: int
    extensions: tuple[str, ...]
    is_movie: bool = False


_ALL = (
    Format("TGA", "TARGA", 0, (".tga",)),
    Format("IRIS", "IRIS", 1, (".rgb",)),
    Format("JPEG", "JPEG", 4, (".jpg", ".jpeg")),
    Format("RAWTGA", "TARGA_RAW", 14, (".tga",)),
    Format("AVIRAW", "AVI_RAW", 15, (".avi",), is_movie=True),
    Format("AVIJPEG", "AVI_JPEG", 16, (".avi",), is_movie=True),
    Format("PNG", "PNG", 17, (".png",)),
    Format("BMP", "BMP", 20, (".bmp",)),
    Format("HDR", "HDR", 21, (".hdr",)),
    Format("TIFF", "TIFF", 22, (".tif", ".tiff")),
    Format("OPEN_EXR", "OPEN_EXR", 23, (".exr",)),
    Format("FFMPEG", "FFMPEG", 24, (), is_movie=True),  # its container says which; see CONTAINERS
    Format("CINEON", "CINEON", 26, (".cin",)),
    Format("DPX", "DPX", 27, (".dpx",)),
    Format("OPEN_EXR_MULTILAYER", "OPEN_EXR_MULTILAYER", 28, (".exr",)),
    Format("JP2", "JPEG2000", 30, (".jp2",)),
    Format("WEBP", "WEBP", 35, (".webp",)),
)
_ALIASES = {"EXR": "OPEN_EXR", "MULTILAYER": "OPEN_EXR_MULTILAYER"}

# By the name that `-F` takes. IRIZ and DDS are not here: Blender takes the names and writes another format.
FORMATS = {f.name: f for f in _ALL} | {a: next(f for f in _ALL if f.name == n) for a, n in _ALIASES.items()}
BY_RNA = {f.rna: f for f in _ALL}
BY_CODE = {f.code: f for f in _ALL}

# FFmpeg's containers, by `scene.render.ffmpeg.format`.
CONTAINERS = {
    "MPEG1": (".mpg", ".mpeg"),
    "MPEG2": (".dvd", ".vob", ".mpg", ".mpeg"),
    "MPEG4": (".mp4", ".mpg", ".mpeg"),
    "AVI": (".avi",),
    "QUICKTIME": (".mov",),
    "DV": (".dv",),
    "OGG": (".ogv", ".ogg"),
    "MKV": (".mkv",),
    "FLASH": (".flv",),
    "WEBM": (".webm",),
}

# What Blender takes for a picture's extension, and replaces by the right one.
_PICTURES = (
    *(".png", ".tga", ".bmp", ".jpg", ".jpeg", ".sgi", ".rgb", ".rgba", ".tif", ".tiff", ".tx", ".jp2", ".j2c"),
    *(".hdr", ".dds", ".dpx", ".cin", ".exr", ".psd", ".pdd", ".psb", ".webp"),
)


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides where frames go. `blend` is the file's absolute path, "" for one never saved."""

    pattern: str
    format: Format
    blend: str = ""
    use_extension: bool = True
    container: str = "MPEG4"
    windows: bool = False  # the rendering machine's paths: Blender on Linux makes "/c/out" of "C:\out"


def frame_path(output: Output, frame: int, view: str = "") -> str:
    """A still's path. `view` is a stereo or multi-view suffix such as "_L", which comes before the extension."""
    path = _numbered(_ensure_number(absolute(output.pattern, output.blend, output.windows)), frame)
    path = _suffixed(path, view)
    return _with_extension(path, output.format.extensions) if output.use_extension else path


def still_pattern(output: Output) -> str:
    """The stills' path with the number left as `#`s: what a job's frames are called, all in one."""
    path = _ensure_number(absolute(output.pattern, output.blend, output.windows))
    return _with_extension(path, output.format.extensions) if output.use_extension else path


def movie_path(output: Output, start: int, end: int, view: str = "") -> str:
    """A movie's path: it carries the scene's range, unless its name ends in the container's extension already."""
    path = absolute(output.pattern, output.blend, output.windows)
    extensions = output.format.extensions or CONTAINERS[output.container]
    if not output.use_extension:
        return _suffixed(_numbered(path, start, end), view)
    found = _ending(path, extensions)
    if output.format.extensions:  # the AVI of old: a range wherever there is "#", even before an extension
        path = _numbered(path if found else _ensure_number(path), start, end) + ("" if found else extensions[0])
    elif found:
        path = path[: -len(found)] + found
    else:
        path = _numbered(_ensure_number(path), start, end) + extensions[0]
    return _suffixed(path, view)


def paths(output: Output, frames: Iterator[int], views: tuple[str, ...] = ("",)) -> Iterator[str]:
    """The stills of some frames, each view of a frame after the other, lazily."""
    return (frame_path(output, frame, view) for frame in frames for view in views)


def absolute(pattern: str, blend: str, windows: bool = False) -> str:
    """A pattern with `//` resolved against the .blend's folder, slashes made native, and `.`, `..` and doubles gone.

    A path that is not absolute stays so: Blender takes it from where it was started.
    """
    if pattern.startswith("//"):
        folder = re.sub(r"[^/\\]*$", "", blend)
        pattern = folder + pattern[2:]
    elif not windows:
        pattern = re.sub(r"^([A-Za-z]):(?=[\\/])", lambda m: "/" + m[1].lower(), pattern)
    return _normal(pattern, "\\" if windows else "/")


def _normal(path: str, slash: str) -> str:
    root = re.match(r"\\\\|[A-Za-z]:[\\/]|[\\/]|", path)
    start = root.group() if root else ""
    kept: list[str] = []
    *folders, name = re.split(r"[\\/]", path[len(start) :])
    for folder in folders:
        if folder == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif folder not in ("", ".") and not (folder == ".." and start):
            kept.append(folder)
    head = start if start == "\\\\" else start.replace("\\", slash).replace("/", slash)
    return head + "".join(f + slash for f in kept) + name


# ---- the number


_LAST_HASHES = re.compile(r"#+(?=[^#/\\]*$)")


def _ensure_number(path: str) -> str:
    return path if _LAST_HASHES.search(path) else path + "####"


def _numbered(path: str, *numbers: int) -> str:
    """The last `#`s of the file's name become numbers, so many digits wide, a minus sign not counted."""
    return _LAST_HASHES.sub(lambda m: "-".join(_digits(n, len(m.group())) for n in numbers), path)


def _digits(number: int, width: int) -> str:
    return "-" * (number < 0) + str(abs(number)).zfill(width)


# ---- the extension


def _ending(path: str, extensions: tuple[str, ...]) -> str | None:
    return next((e for e in extensions if path.lower().endswith(e)), None)


def _with_extension(path: str, extensions: tuple[str, ...]) -> str:
    if _ending(path, extensions):
        return path
    if _ending(path, _PICTURES):
        return path[: path.rindex(".")] + extensions[0]
    return path.rstrip(".") + extensions[0]


def _suffixed(path: str, suffix: str) -> str:
    """The suffix goes before what Blender takes for an extension: all from the last dot of the file's name."""
    dot = path.rfind(".")
    if not suffix or dot < 0 or re.search(r"[/\\]", path[dot:]):
        return path + suffix
    return path[:dot] + suffix + path[dot:]
