# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame is done when its file is good: it is there, whole, decodes to its last line, and has the size asked for.

`verify` reads the file once for its hash and decodes every pixel of it in pieces, so that memory stays bounded whatever
the file says of itself. It uses about as much CPU as decoding takes, and no thread of its own.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from brender.imaging import bounds, movies, pictures, sha256
from brender.imaging.bad import BadPicture
from brender.imaging.formats import Kind, kind_at, kind_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A file that is good, and what it is."""

    kind: Kind
    width: int  # pixels
    height: int
    channels: int  # of all layers together
    bits: int  # of one channel
    layers: tuple[str, ...]  # ("ViewLayer.Combined", "ViewLayer.Depth"); () for a picture of one layer
    frames: int  # 1 for a still
    size_bytes: int
    sha256: str


def verify(
    path: Path | str,
    width: int | None = None,
    height: int | None = None,
    format: str | None = None,
    frames: int | None = None,
) -> Verified:
    """What the file is, once it has been read to its end; None for what is not to be checked.

    `format` is Blender's name of it ("PNG", "OPEN_EXR_MULTILAYER", "FFMPEG"); `frames` is for movies.
    Raises BadPicture with a sentence; OSError where the disk itself fails; ValueError for an unknown format.
    """
    path = Path(path)
    before = _stat(path)
    hashed = sha256(path)  # the decoder's own read then comes from memory, not from the disk
    kind = _kind(path, format)
    seen = movies.read(path, frames) if kind == "movie" else pictures.read(path, kind, width, height)
    bounds.check_size(path, seen.width, seen.height, width, height)
    after = path.stat()
    if (after.st_size, after.st_mtime_ns, after.st_ino) != (before.st_size, before.st_mtime_ns, before.st_ino):
        raise BadPicture(f"{path.name} was changed while it was read")
    return Verified(
        kind=kind,
        width=seen.width,
        height=seen.height,
        channels=seen.channels,
        bits=seen.bits,
        layers=seen.layers,
        frames=seen.frames,
        size_bytes=before.st_size,
        sha256=hashed,
    )


def _stat(path: Path) -> os.stat_result:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise BadPicture(f"{path.name} is not there") from None
    if path.is_symlink():
        raise BadPicture(f"{path.name} is a link to somewhere else: Blender writes none")
    if not path.is_file():
        raise BadPicture(f"{path.name} is no file")
    if found.st_size == 0:
        raise BadPicture(f"{path.name} is empty (0 bytes): a full disk leaves such files")
    return found


def _kind(path: Path, format: str | None) -> Kind:
    kind = kind_at(path)
    if kind is None:
        raise BadPicture(f"{path.name} is not in a format that Blender writes")
    if format is not None and kind != kind_wanted(format):
        raise BadPicture(f"{path.name} is {_a(kind)}, and {format} was asked for")
    return kind


def _a(kind: Kind) -> str:
    return "a movie" if kind == "movie" else f"of format {kind}"
