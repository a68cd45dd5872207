# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendered file as a small JPEG, as the artist would see it in Blender.

Linear pixels (EXR, HDR) go through the scene's view: exposure, look, view, gamma, with the OpenColorIO configuration of
the Blender that rendered them. Where that cannot be, they are shown as plain sRGB and the thumbnail says so.
"""

import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from PIL import Image

from brender.core.messages import View
from brender.imaging import bounds, movies, pictures
from brender.imaging.bad import BadPicture
from brender.imaging.formats import Kind, kind_at

Image.preinit()  # its readers are loaded when the worker starts, and not in the middle of the first frame

SIZE = (320, 180)  # pixels, the most; the picture keeps its shape
_LARGE = 1 << 24  # pixels from which on a picture is made small while it is read
_QUALITY = 85
_CHECKER = (10, (0.16, 0.20))  # pixels of a square, and its two greys, behind what is transparent

Pixels = NDArray[np.float32]
Picked = tuple[int, ...]  # channels
_alg: Any = oiio.ImageBufAlgo


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG, and a sentence where it does not look as it would in Blender ("" otherwise)."""

    jpeg: bytes
    note: str = ""


def thumbnail(path: Path | str, size: tuple[int, int] = SIZE, view: View | None = None) -> Thumbnail:
    """The file made small enough for `size`; of a movie its middle frame. Raises BadPicture, and OSError."""
    path = Path(path)
    kind = kind_at(path)
    if kind is None:
        raise BadPicture(f"{path.name} is not in a format that Blender writes")
    if kind in ("PNG", "JPEG", "JPEG2000", "WEBP", "BMP", "movie") and (image := _pillow(path, kind, size)):
        return Thumbnail(_jpeg(_flat(image)))
    small = _small(path, size)
    note = ""
    if kind in ("EXR", "HDR"):
        small, note = _seen_through(small, view)
    return Thumbnail(_jpeg(_over_checker(_array(small))), note)


# ---------------------------------------------------------------- reading


def _pillow(path: Path, kind: Kind, size: tuple[int, int]) -> Image.Image | None:
    """Made small by Pillow, in a third of the time; None for 16 bits of grey, which it clips, and what is large."""
    if kind == "movie":
        return _fit(movies.middle_picture(path), size)
    try:
        with Image.open(path, formats=(kind,)) as image:
            bounds.check_size(path, *image.size, None, None)
            large = image.width * image.height > _LARGE
            if image.mode.startswith("I") or (large and kind not in ("JPEG", "JPEG2000")):
                return None
            whole = image.size
            image.draft("RGB", (size[0] * 2, size[1] * 2))  # JPEG decodes straight to a half, a quarter, ...
            bounds.check_whole(path, pictures.cost(image, whole))
            return _fit(image.convert("RGBA" if image.has_transparency_data else "RGB"), size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(f"{path.name} cannot be read: {error}") from None


def _fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    image.thumbnail(size, Image.Resampling.HAMMING, reducing_gap=2.0)  # as sharp as is seen, in half the time
    return image


def _small(path: Path, size: tuple[int, int]) -> oiio.ImageBuf:
    """The picture's colours, made small while they are still linear; alpha is premultiplied."""
    source = pictures.open_picture(path, associated=True)
    try:
        spec = source.spec()
        pictures.check_spec(path, source.format_name(), spec)
        picked = _picture_channels(list(spec.channelnames))
        target = _within(spec.width, spec.height, size)
        if spec.width * spec.height > _LARGE:
            chosen = _averaged(path, source, spec, picked, target)
        else:
            chosen = _chosen(path, picked)
    finally:
        source.close()
    chosen.set_full(chosen.roi.xbegin, chosen.roi.xend, chosen.roi.ybegin, chosen.roi.yend, 0, 1)
    roi = oiio.ROI(0, target[0], 0, target[1], 0, 1, 0, len(picked))
    small: oiio.ImageBuf = _alg.resize(chosen, filtername="triangle", roi=roi)
    return small


_NAMES = {1: ("Y",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}


def _chosen(path: Path, picked: Picked) -> Any:
    read = oiio.ImageBuf(str(path))
    if not read.read(0, 0, min(picked), max(picked) + 1, True, oiio.FLOAT):
        raise BadPicture(f"{path.name} cannot be read: {read.geterror()}")
    return _alg.channels(read, tuple(channel - min(picked) for channel in picked), _NAMES[len(picked)])


def _averaged(
    path: Path, source: oiio.ImageInput, spec: oiio.ImageSpec, picked: Picked, target: tuple[int, int]
) -> oiio.ImageBuf:
    """The mean of each square of pixels, taken as they are read: at least four squares for each pixel wanted."""
    side = max(1, min(spec.width // (2 * target[0]), spec.height // (2 * target[1])))
    channels = tuple(channel - min(picked) for channel in picked)
    deadline = bounds.Deadline(path, bounds.MOST_STILL_S)
    rows: list[Pixels] = []
    left = np.empty((0, spec.width, len(picked)), np.float32)
    for _, read in pictures.pieces(path, source, 0, oiio.FLOAT, (min(picked), max(picked) + 1)):
        deadline.check()
        lines = np.asarray(read).reshape(-1, spec.width, max(picked) + 1 - min(picked))[..., channels]
        lines = np.concatenate((left, lines)) if len(left) else lines
        whole = len(lines) // side * side
        rows.append(_means(lines[:whole], side))
        left = lines[whole:].copy()
    mean = np.concatenate(rows)
    made = oiio.ImageSpec(mean.shape[1], mean.shape[0], len(picked), "float")
    made.channelnames = _NAMES[len(picked)]
    buffer = oiio.ImageBuf(made)
    buffer.set_pixels(made.roi, np.ascontiguousarray(mean))
    return buffer


def _means(lines: Pixels, side: int) -> Pixels:
    """A row of squares after the other; columns that fill no square are left out, fewer than a pixel's worth."""
    height, width, channels = len(lines) // side, lines.shape[1] // side, lines.shape[2]
    squares = lines[:, : width * side].reshape(height, side, width, side, channels)
    means: Pixels = squares.mean(axis=(1, 3), dtype=np.float32)
    return means


def _within(width: int, height: int, size: tuple[int, int]) -> tuple[int, int]:
    scale = min(size[0] / width, size[1] / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _picture_channels(names: list[str]) -> tuple[int, ...]:
    """The places of what a person would call the picture: plain RGB, else the first Combined, else the first RGB."""
    groups: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        prefix, _, channel = name.rpartition(".")
        groups.setdefault(prefix, {})[channel] = place
    colored = [prefix for prefix, channels in groups.items() if {"R", "G", "B"} <= channels.keys()]
    if not colored:  # a depth or a mask alone, or a format whose names say nothing
        return (0, 1, 2) if len(names) >= 3 else (0,)
    best = min(colored, key=lambda prefix: (bool(prefix), not prefix.endswith("Combined")))
    return tuple(groups[best][channel] for channel in "RGBA" if channel in groups[best])


# ---------------------------------------------------------------- the view


def _seen_through(linear: oiio.ImageBuf, view: View | None) -> tuple[oiio.ImageBuf, str]:
    """The colours of a screen, and a sentence where they are not those of the scene's view."""
    if view is None or not view.config:
        return _plain(linear), "the scene's view is not known: shown as plain sRGB"
    exposed = _alg.mul(linear, _gains(linear, 2.0**view.exposure))
    if lacks := _lacks(view):
        return _plain(exposed), f"{lacks}: shown as plain sRGB"
    seen = _displayed(_looked_at(exposed, view), view)
    if seen.has_error:
        return _plain(exposed), f"{seen.geterror().strip()}: shown as plain sRGB"
    return seen, ""


def _looked_at(linear: oiio.ImageBuf, view: View) -> Any:
    # by itself: as an argument of ociodisplay OpenImageIO 3.0 passes over the looks of Blender's configurations
    if not _look(view):
        return linear
    return _alg.ociolook(linear, _look(view), "scene_linear", "scene_linear", colorconfig=view.config)


def _displayed(linear: Any, view: View) -> Any:
    seen = _alg.ociodisplay(linear, view.display, view.view, fromspace="scene_linear", colorconfig=view.config)
    if view.gamma == 1.0 or seen.has_error:
        return seen
    raised = _alg.pow(_alg.max(_alg.unpremult(seen), 0.0), _gains(seen, 1.0 / view.gamma))
    return _alg.premult(raised)


def _gains(picture: oiio.ImageBuf, gain: float) -> tuple[float, ...]:
    """One factor for each channel; alpha is left alone."""
    channels = picture.nchannels
    return (gain,) * min(channels, 3) + (1.0,) * max(channels - 3, 0)


def _look(view: View) -> str:
    return "" if view.look in ("", "None", "NONE") else view.look


@functools.lru_cache(maxsize=64)  # a configuration takes some 15 ms to read
def _lacks(view: View) -> str:
    """What the configuration has not got of this view, in words; "" when it has all."""
    if not Path(view.config).is_file():
        return f"there is no {view.config}"
    config = oiio.ColorConfig(view.config)
    if view.display not in config.getDisplayNames():
        return f"{view.config} has no display {view.display!r}"
    if view.view not in config.getViewNames(view.display):
        return f"{view.config} has no view {view.view!r} on {view.display!r}"
    if _look(view) and _look(view) not in config.getLookNames():
        return f"{view.config} has no look {view.look!r}"
    return ""


def _plain(linear: oiio.ImageBuf) -> oiio.ImageBuf:
    shown: oiio.ImageBuf = _alg.colorconvert(linear, "lin_rec709_scene", "srgb_rec709_scene")
    return shown


# ---------------------------------------------------------------- writing


def _array(picture: oiio.ImageBuf) -> Pixels:
    read: Any = picture.get_pixels(oiio.FLOAT)
    pixels: Pixels = np.nan_to_num(read, posinf=1.0, neginf=0.0)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _flat(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    if image.getchannel("A").getextrema() == (255, 255):  # opaque: most pictures are
        return image.convert("RGB")
    pixels = np.asarray(image, np.float32) / 255.0
    pixels[..., :3] *= pixels[..., 3:]
    return _over_checker(pixels)


def _over_checker(pixels: Pixels) -> Image.Image:
    if pixels.shape[2] == 4:
        pixels = pixels[..., :3] + (1.0 - pixels[..., 3:]) * _checker(*pixels.shape[:2])
    return Image.fromarray((np.clip(pixels, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8), "RGB")


def _checker(height: int, width: int) -> Pixels:
    square, greys = _CHECKER
    y, x = np.ogrid[:height, :width]
    return np.where((x // square + y // square) % 2, *greys).astype(np.float32)[..., None]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
