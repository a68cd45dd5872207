# SPDX-License-Identifier: GPL-3.0-or-later
"""Which format a file really is, by its first bytes; every one that Blender writes, and no others.

Extensions prove nothing: Blender writes the file's own format when it does not know the one asked for.
"""

import struct
from pathlib import Path
from typing import Literal

from brender.core.outputs import BY_RNA, FORMATS

Kind = Literal[
    "PNG", "JPEG", "TIFF", "EXR", "BMP", "IRIS", "HDR", "CINEON", "DPX", "WEBP", "JPEG2000", "TARGA", "movie"
]

_HEAD = 64  # bytes that are looked at

_STARTS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),  # BigTIFF
    (0, b"MM\0+", "TIFF"),
    (0, b"\x76\x2f\x31\x01", "EXR"),
    (0, b"\x01\xda", "IRIS"),
    (0, b"#?R", "HDR"),  # RADIANCE, or RGBE
    (0, b"\x80\x2a\x5f\xd7", "CINEON"),
    (0, b"\xd7\x5f\x2a\x80", "CINEON"),
    (0, b"SDPX", "DPX"),
    (0, b"XPDS", "DPX"),
    (8, b"WEBP", "WEBP"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG2000"),  # a bare code stream, .j2c
    (0, b"BM", "BMP"),
    (4, b"ftyp", "movie"),  # MPEG-4, QuickTime
    (4, b"moov", "movie"),
    (4, b"wide", "movie"),  # QuickTime as Blender's FFmpeg writes it
    (4, b"mdat", "movie"),
    (0, b"\x1a\x45\xdf\xa3", "movie"),  # Matroska, WebM
    (8, b"AVI ", "movie"),
    (0, b"OggS", "movie"),
    (0, b"FLV", "movie"),
    (0, b"\0\0\x01\xba", "movie"),  # MPEG programme stream
    (0, b"\0\0\x01\xb3", "movie"),
    (0, b"\x1f\x07\x00", "movie"),  # DV
)
_KINDS: dict[str, Kind] = {kind: kind for _, _, kind in _STARTS}
_WRITTEN_AS: dict[str, Kind] = {
    **_KINDS,
    "OPEN_EXR": "EXR",
    "OPEN_EXR_MULTILAYER": "EXR",
    "TARGA": "TARGA",
    "TARGA_RAW": "TARGA",
}
_TARGA_TYPES = {2, 3, 10, 11}  # true colour and grey, plain and run-length: the ones Blender writes


def kind_of(head: bytes) -> Kind | None:
    """The format of a file that starts with these bytes; None for what Blender does not write."""
    for offset, start, kind in _STARTS:
        if head.startswith(start, offset):
            return kind
    return "TARGA" if _is_targa(head) else None


def kind_at(path: Path) -> Kind | None:
    """The format of the file; None for what Blender does not write. OSError where it cannot be read."""
    with path.open("rb") as file:
        return kind_of(file.read(_HEAD))


def kind_wanted(format: str) -> Kind:
    """The kind of file that Blender's format of this name is, as `-F` or Python spell it. ValueError if unknown."""
    known = FORMATS.get(format) or BY_RNA.get(format)
    if known is None:
        raise ValueError(f"Blender has no format {format!r}")
    return "movie" if known.is_movie else _WRITTEN_AS[known.rna]


def _is_targa(head: bytes) -> bool:
    # Targa has no magic number; a header that makes sense in every field has to do
    if len(head) < 18:
        return False
    color_map, image_type, width, height, bits = head[1], head[2], *struct.unpack("<HH", head[12:16]), head[16]
    return color_map == 0 and image_type in _TARGA_TYPES and bits in {8, 16, 24, 32} and width > 0 and height > 0
