# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a .blend: opening (plain, gzip or zstd), the header, and a walk over its blocks.

The format is Blender's doc/blender_file_format: a header of 12 bytes, or of 17 since 5.0, then blocks of a
code, a length, the address it had, and the number of the struct it holds. Whatever is wrong is Unreadable.
"""

import gzip
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import zstandard

from brender.core.failures import Kind


class Unreadable(Exception):
    """A .blend that is absent, or is none: which kind of failure it is, and a sentence for the artist."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Who saved the file, and how. Blender 3.4 is `(3, 4)`, 2.79 `(2, 79)`."""

    version: tuple[int, int]
    pointer_size: int
    endian: str  # "<" or ">", as the struct module has it
    compression: str  # "", "gzip" or "zstd"
    large: bool = False  # the header and blocks of Blender 5.0 and newer

    @property
    def compressed(self) -> bool:
        return self.compression != ""


class Block(NamedTuple):
    """One block. `data` is empty unless it was asked for."""

    code: bytes
    address: int
    struct: int
    data: bytes


_OLD = re.compile(rb"BLENDER([_-])([vV])(\d{3})", re.DOTALL)
_LARGE = re.compile(rb"BLENDER17-01v(\d{4})", re.DOTALL)
_BROKEN = (EOFError, OSError, zlib.error, zstandard.ZstdError, struct.error, ValueError, LookupError, OverflowError)
_MOST_KEPT = 64 << 20  # no block that is read here is nearly as large; a corrupt length is


def header(path: str) -> Header:
    """The header alone: a few bytes are read. Unreadable says why there is none."""
    with opened(path) as (found, _):
        return found


@contextmanager
def opened(path: str) -> Iterator[tuple[Header, IO[bytes]]]:
    """The header, and the file at its first block, decompressed as it is read."""
    with readable(path), _file(path) as raw:
        stream, compression = _decompressed(raw)
        yield _header(stream, compression), stream


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Whatever goes wrong while a file is read comes out as Unreadable, naming the file."""
    try:
        yield
    except Unreadable as e:
        raise Unreadable(e.kind, f"{path} {e.message}") from None
    except _BROKEN as e:
        raise Unreadable(Kind.FILE_UNREADABLE, f"{path} {_reason(e)}") from e


def _reason(e: BaseException) -> str:
    if isinstance(e, OSError) and e.strerror:
        return f"cannot be read: {e.strerror}"
    if isinstance(e, EOFError):
        return "is truncated: it ends in the middle of its data; save it again, or copy it again"
    return "is corrupt: its data makes no sense; save it again, or copy it again"


def _file(path: str) -> IO[bytes]:
    """The file opened, without waiting for one that is a pipe."""
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise Unreadable(Kind.FILE_ABSENT, "is not there") from None
    if stat.S_ISDIR(found.st_mode):
        raise Unreadable(Kind.FILE_UNREADABLE, "is a folder, not a .blend file")
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(Kind.FILE_UNREADABLE, "is not a regular file")
    if found.st_size == 0:
        raise Unreadable(Kind.FILE_UNREADABLE, "is empty")
    return Path(path).open("rb")


def _decompressed(raw: IO[bytes]) -> tuple[IO[bytes], str]:
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw, mode="rb"), "gzip"  # type: ignore[return-value]
    if magic == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True), "zstd"
    return raw, ""


def _header(stream: IO[bytes], compression: str) -> Header:
    start = stream.read(12)
    if old := _OLD.fullmatch(start):
        size, endian = 4 if old[1] == b"_" else 8, "<" if old[2] == b"v" else ">"
        return Header(version=_version(old[3]), pointer_size=size, endian=endian, compression=compression)
    if start.startswith(b"BLENDER17"):
        start += stream.read(5)
        if large := _LARGE.fullmatch(start):
            version = _version(large[1])
            return Header(version=version, pointer_size=8, endian="<", compression=compression, large=True)
    if len(start) < (17 if start.startswith(b"BLENDER17") else 12) and b"BLENDER".startswith(start[:7]):
        raise EOFError
    if start.startswith(b"BLENDER"):
        raise Unreadable(Kind.FILE_UNREADABLE, "is a .blend file of a kind that this brender does not know")
    raise Unreadable(Kind.FILE_UNREADABLE, "is not a .blend file: it does not begin as one")


def _version(digits: bytes) -> tuple[int, int]:
    return divmod(int(digits), 100)


def blocks(found: Header, stream: IO[bytes], wanted: Callable[[bytes, int], bool]) -> Iterator[Block]:
    """The blocks in the file's order, up to its end mark; data only where `wanted(code, length)` says so."""
    shape = struct.Struct(_shape(found))
    size = os.fstat(stream.fileno()).st_size if not found.compressed else None
    while True:
        fields = shape.unpack(_exactly(stream, shape.size))
        code, length, address, number = (fields[i] for i in ((0, 3, 2, 1) if found.large else range(4)))
        code = code.rstrip(b"\0")
        if code == b"ENDB":
            return
        if length < 0 or (size is not None and length > size):
            raise EOFError
        if wanted(code, length):
            yield Block(code, address, number, _exactly(stream, length))
        else:
            _skip(stream, length, seekable=size is not None)
            yield Block(code, address, number, b"")


def _shape(found: Header) -> str:
    if found.large:
        return "<4siQqq"
    return f"{found.endian}4si{'I' if found.pointer_size == 4 else 'Q'}ii"


def _exactly(stream: IO[bytes], length: int) -> bytes:
    if length > _MOST_KEPT:
        raise ValueError("a block of this kind is never so long")
    parts = []
    while length > 0:
        part = stream.read(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _skip(stream: IO[bytes], length: int, seekable: bool) -> None:
    if seekable:
        stream.seek(length, os.SEEK_CUR)
        return
    while length > 0:
        part = stream.read(min(length, 1 << 20))
        if not part:
            raise EOFError
        length -= len(part)
