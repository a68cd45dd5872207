# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes a still to its last line, keeping nothing but what it is.

OpenImageIO reads all formats but two: JPEG, where it fills a cut-off picture with grey and says nothing, and JPEG 2000,
which it cannot. Those are Pillow's. Everything is bounded before a pixel is decoded (`bounds`), and decoded in pieces
where the format allows it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from PIL import Image, UnidentifiedImageError

from brender.imaging import bounds
from brender.imaging.bad import BadPicture
from brender.imaging.bounds import Deadline, check_size
from brender.imaging.formats import Kind

JPEG2000_END = b"\xff\xd9"  # its last marker, which Blender's writer puts at the very end of the file
LARGE_PIXELS = 1 << 26  # a JPEG of more is decoded to an eighth: all its data, and few of its pixels
_PIECE = 32 << 20  # bytes decoded at a time
_BLOCKS = {"dwab": 256, "none": 1, "rle": 1, "zips": 1, "zip": 16, "pxr24": 16}  # lines that EXR keeps together
_BLOCK = 32  # of its other compressions; more than any other format does
_WHOLE = ("webp", "targa", "iris", "bmp")  # what OpenImageIO decodes as a whole, whatever it is asked for


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


# ---------------------------------------------------------------- Pillow


def _read_with_pillow(path: Path, width: int | None, height: int | None) -> Seen:
    with _decoded(path, width, height, draft=True) as (image, size):
        bits = 16 if image.mode.startswith("I") else 8
        return Seen(width=size[0], height=size[1], channels=len(image.getbands()), bits=bits)


@contextmanager
def decoded(path: Path, width: int | None = None, height: int | None = None) -> Iterator[Image.Image]:
    """A JPEG or JPEG 2000, to its last line. Raises BadPicture."""
    with _decoded(path, width, height, draft=False) as (image, _):
        yield image


@contextmanager
def _decoded(
    path: Path, width: int | None, height: int | None, *, draft: bool
) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """The decoded picture and its size; `draft`: all that is looked at is whether it is whole."""
    try:
        with Image.open(path, formats=("JPEG", "JPEG2000")) as image:
            size = image.size
            check_size(path, *size, width, height)
            if image.format == "JPEG2000" and not _ends_with(path, JPEG2000_END):
                raise _torn(path, "its code stream has no end")  # OpenJPEG passes over what is missing
            if draft and image.format == "JPEG" and size[0] * size[1] > LARGE_PIXELS:
                image.draft(image.mode, (size[0] // 8, size[1] // 8))
            bounds.check_whole(path, cost(image, size))
            image.load()
            yield image, size
    except UnidentifiedImageError:
        raise BadPicture(f"{path.name} cannot be read: its header is torn") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(f"{path.name} claims too much: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _torn(path, str(error)) from None


def cost(image: Image.Image, size: tuple[int, int]) -> int:
    """Bytes that decoding it takes, roughly. A progressive JPEG is kept whole, 16 bits a value, however drafted."""
    channels = len(image.getbands())
    if image.format == "JPEG2000":  # OpenJPEG decodes to 32 bits a value
        return size[0] * size[1] * channels * 5
    kept = 2 * size[0] * size[1] if "progressive" in image.info else 0
    return (kept + image.width * image.height) * channels


def _ends_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        file.seek(-len(mark), os.SEEK_END)
        return file.read() == mark


def _torn(path: Path, why: str) -> BadPicture:
    return BadPicture(f"{path.name} is torn or cut off: {why.strip().splitlines()[0] if why.strip() else 'no reason'}")


# ---------------------------------------------------------------- OpenImageIO


def open_picture(path: Path, *, associated: bool = False) -> oiio.ImageInput:
    """An open input. `associated`: alpha is multiplied in, which costs, and is for who looks. Raises BadPicture."""
    hint = oiio.ImageSpec()
    if not associated:
        hint.attribute("oiio:UnassociatedAlpha", 1)
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
        deadline, size = Deadline(path, bounds.MOST_STILL_S), 0
        for part in parts(path, source):
            size += source.spec().image_bytes(True)
            bounds.check_decoded(path, size)
            names += _read_part(path, source, part, deadline)
            if len(names) > bounds.MOST_CHANNELS:
                raise BadPicture(f"{path.name} claims more than {bounds.MOST_CHANNELS} channels")
        bits = first.format.basesize() * 8
        return Seen(width=first.width, height=first.height, channels=len(names), bits=bits, layers=layers_of(names))
    finally:
        source.close()


def parts(path: Path, source: oiio.ImageInput) -> Iterator[int]:
    """The numbers of the file's parts, with the input standing at each. Raises BadPicture where they have no end."""
    part = 0
    while source.seek_subimage(part, 0):
        if part >= bounds.MOST_PARTS:
            raise BadPicture(f"{path.name} has more than {bounds.MOST_PARTS} parts")
        yield part
        part += 1


def _read_part(path: Path, source: oiio.ImageInput, part: int, deadline: Deadline) -> list[str]:
    """Decodes one part of the file, a piece at a time, and returns the names of its channels."""
    for _ in pieces(path, source, part):
        deadline.check()
    return channel_names(source.spec())


def pieces(
    path: Path,
    source: oiio.ImageInput,
    part: int,
    as_type: oiio.BASETYPE = oiio.UNKNOWN,
    channels: tuple[int, int] | None = None,
) -> Iterator[tuple[int, Any]]:
    """The part that the input stands at, line after line: where a piece begins, and its values. Raises BadPicture.

    `channels`: from one, up to another and without it; None: all.
    """
    spec = source.spec()
    check_spec(path, source.format_name(), spec)
    # of several TIFF strips read together OpenImageIO forgets that one was torn
    lines = 1 if source.format_name() == "tiff" and not spec.tile_width else _lines_at_once(spec, as_type)
    wanted = channels or (0, spec.nchannels)
    end = spec.y + spec.height
    for top in range(spec.y, end, lines):
        read = _read_lines(source, spec, (part, top, min(top + lines, end)), wanted, as_type)
        if source.has_error or read is None:
            why = source.geterror().strip() or "it cannot be decoded"
            raise _torn(path, f"{why.splitlines()[0]} (from line {top - spec.y} of {spec.height})")
        yield top - spec.y, read


def check_spec(path: Path, format: str, spec: oiio.ImageSpec) -> None:
    """Raises BadPicture where a part's header claims more than its bounds."""
    check_size(path, spec.width, spec.height, None, None)
    if spec.nchannels > bounds.MOST_CHANNELS:
        raise BadPicture(f"{path.name} claims {spec.nchannels} channels")
    bounds.check_piece(path, _line_bytes(spec) * _unit(spec))
    if format in _WHOLE or spec.getattribute("png:interlaced"):
        bounds.check_whole(path, spec.image_bytes() * (2 if format == "webp" else 1))


def _lines_at_once(spec: oiio.ImageSpec, as_type: oiio.BASETYPE) -> int:
    unit, line = _unit(spec), _line_bytes(spec)
    if as_type == oiio.FLOAT:
        line = line * 4 // spec.format.basesize()
    return max(unit, _PIECE // max(1, line) // unit * unit)


def _unit(spec: oiio.ImageSpec) -> int:
    """Lines that have to be decoded together."""
    if spec.tile_height:
        return int(spec.tile_height)
    compression = str(spec.getattribute("compression") or "").partition(":")[0]
    return _BLOCKS.get(compression, _BLOCK)


def _line_bytes(spec: oiio.ImageSpec) -> int:
    width = -(-spec.width // spec.tile_width) * spec.tile_width if spec.tile_width else spec.width
    return max(1, width * spec.nchannels * spec.format.basesize())


def _read_lines(
    source: oiio.ImageInput,
    spec: oiio.ImageSpec,
    lines: tuple[int, int, int],
    channels: tuple[int, int],
    as_type: oiio.BASETYPE,
) -> object:
    part, top, end = lines
    if not spec.tile_width:
        return source.read_scanlines(part, 0, top, end, 0, *channels, as_type)
    right = spec.x + spec.width
    return source.read_tiles(part, 0, spec.x, right, top, end, 0, 1, *channels, as_type)


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
