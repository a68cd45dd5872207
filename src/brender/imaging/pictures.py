# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes a still to its last line, keeping nothing but what it is.

OpenImageIO reads all formats but two: JPEG, where it fills a cut-off picture with grey and says nothing, and JPEG 2000,
which it cannot. Those are Pillow's. Sizes are bounded before a pixel is decoded.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from PIL import Image, UnidentifiedImageError

from brender.imaging.bad import BadPicture
from brender.imaging.formats import Kind

MOST_PIXELS = 1 << 29  # of one layer: a still of 32k x 16k; more is a mistake or an attack
JPEG2000_END = b"\xff\xd9"  # its last marker, which Blender's writer puts at the very end of the file
MOST_CHANNELS = 4096
_PIECE = 32 << 20  # bytes decoded at a time
_BLOCK = 256  # lines that compressed EXR keeps together at most (DWAB)

# The size is bounded here, for each picture by what was asked for, so Pillow's one bound for a process is not wanted.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a file turned out to hold."""

    width: int
    height: int
    channels: int
    bits: int
    layers: tuple[str, ...] = ()
    frames: int = 1


def read(path: Path, kind: Kind, width: int | None = None, height: int | None = None) -> Seen:
    """Decodes all of it; a size that differs from the one asked for is refused before. Raises BadPicture."""
    if kind in ("JPEG", "JPEG2000"):
        return _read_with_pillow(path, width, height)
    return _read_with_oiio(path, width, height)


def check_size(path: Path, width: int, height: int, want_width: int | None, want_height: int | None) -> None:
    """Raises BadPicture unless the size is the one wanted (None: any) and within the bound."""
    if (want_width or width, want_height or height) != (width, height):
        wanted = f"{want_width or 'any'}x{want_height or 'any'}"
        raise BadPicture(f"{path.name} has {width}x{height} pixels, and {wanted} was asked for")
    if width <= 0 or height <= 0 or width * height > MOST_PIXELS:
        raise BadPicture(f"{path.name} claims {width}x{height} pixels, more than {MOST_PIXELS} or less than one")


# ---------------------------------------------------------------- Pillow


def _read_with_pillow(path: Path, width: int | None, height: int | None) -> Seen:
    with decoded(path, width, height) as image:
        bits = 16 if image.mode.startswith("I") else 8
        return Seen(width=image.width, height=image.height, channels=len(image.getbands()), bits=bits)


@contextmanager
def decoded(path: Path, width: int | None = None, height: int | None = None) -> Iterator[Image.Image]:
    """A JPEG or JPEG 2000, to its last line. Raises BadPicture."""
    try:
        with Image.open(path, formats=("JPEG", "JPEG2000")) as image:
            check_size(path, *image.size, width, height)
            if image.format == "JPEG2000" and not _ends_with(path, JPEG2000_END):
                raise _torn(path, "its code stream has no end")  # OpenJPEG passes over what is missing
            image.load()
            yield image
    except UnidentifiedImageError:
        raise BadPicture(f"{path.name} cannot be read: its header is torn") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _torn(path, str(error)) from None


def _ends_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(-len(mark), os.SEEK_END)
        return file.read() == mark


def _torn(path: Path, why: str) -> BadPicture:
    return BadPicture(f"{path.name} is torn or cut off: {why.strip().splitlines()[0] if why.strip() else 'no reason'}")


# ---------------------------------------------------------------- OpenImageIO


def open_picture(path: Path) -> oiio.ImageInput:
    """An open input whose sizes are within bounds. Raises BadPicture."""
    hint = oiio.ImageSpec()
    hint.attribute("oiio:UnassociatedAlpha", 1)  # pixels as they are: multiplying costs, and nothing is looked at
    source = oiio.ImageInput.open(str(path), hint)
    if source is None:
        raise _torn(path, oiio.geterror())
    return source


def _read_with_oiio(path: Path, width: int | None, height: int | None) -> Seen:
    source = open_picture(path)
    try:
        first = source.spec()
        check_size(path, first.width, first.height, width, height)
        names: list[str] = []
        part = 0
        while source.seek_subimage(part, 0):
            names += _read_part(path, source, part)
            part += 1
        bits = first.format.basesize() * 8
        return Seen(width=first.width, height=first.height, channels=len(names), bits=bits, layers=layers_of(names))
    finally:
        source.close()


def _read_part(path: Path, source: oiio.ImageInput, part: int) -> list[str]:
    """Decodes one part of the file, a piece at a time, and returns the names of its channels."""
    for _ in pieces(path, source, part):
        pass
    return channel_names(source.spec())


def pieces(
    path: Path, source: oiio.ImageInput, part: int, as_type: oiio.BASETYPE = oiio.UNKNOWN
) -> Iterator[tuple[int, Any]]:
    """The part that the input stands at, line after line: where a piece begins, and its values. Raises BadPicture."""
    spec = source.spec()
    check_size(path, spec.width, spec.height, None, None)
    if spec.nchannels > MOST_CHANNELS:
        raise BadPicture(f"{path.name} claims {spec.nchannels} channels")
    # of several TIFF strips read together OpenImageIO forgets that one was torn
    lines = 1 if source.format_name() == "tiff" and not spec.tile_width else _lines_at_once(spec)
    end = spec.y + spec.height
    for top in range(spec.y, end, lines):
        read = _read_lines(source, spec, part, top, min(top + lines, end), as_type)
        if source.has_error or read is None:
            why = source.geterror().strip() or "it cannot be decoded"
            raise _torn(path, f"{why.splitlines()[0]} (from line {top - spec.y} of {spec.height})")
        yield top - spec.y, read


def _lines_at_once(spec: oiio.ImageSpec) -> int:
    line = max(1, spec.width * spec.nchannels * spec.format.basesize())
    unit = spec.tile_height or _BLOCK
    return max(unit, _PIECE // line // unit * unit)


def _read_lines(
    source: oiio.ImageInput, spec: oiio.ImageSpec, part: int, top: int, end: int, as_type: oiio.BASETYPE
) -> object:
    if not spec.tile_width:
        return source.read_scanlines(part, 0, top, end, 0, 0, spec.nchannels, as_type)
    right = spec.x + spec.width
    return source.read_tiles(part, 0, spec.x, right, top, end, 0, 1, 0, spec.nchannels, as_type)


def channel_names(spec: oiio.ImageSpec) -> list[str]:
    """Of a file in several parts, a part's name stands before its channels unless they carry it already."""
    part = spec.getattribute("oiio:subimagename")
    names = list(spec.channelnames)
    if not isinstance(part, str) or not part or all(name.startswith(part) for name in names):
        return names
    return [f"{part}.{name}" for name in names]


def layers_of(channels: list[str]) -> tuple[str, ...]:
    """The layers that channels belong to, in the file's order: "ViewLayer.Combined" of "ViewLayer.Combined.R"."""
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in channels if "." in name))
