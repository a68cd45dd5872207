# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files a .blend leans on, and the files that it links in turn: blender-asset-tracer finds them.

It is asked which block names which path; which files those are (the tiles of a picture, the frames of a sequence, a
cache's folder) is looked up here, closer than it does. What it meets in a damaged file is put in a sentence.
"""

import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec


class TraceError(Exception):
    """A .blend that cannot be looked through; a sentence."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A path in a .blend."""

    owner: Path  # the .blend that has it
    what: str  # "picture", "library", ...
    name: str  # the data-block's
    stored: str  # as it is written there
    path: Path  # what it comes to: a file, a folder, or with `many` a name with a pattern or a number
    many: bool = False  # a sequence, tiles, or a folder
    cache: bool = False  # of a simulation: perhaps not baked, so that nothing has to be there
    unused: bool = False  # nothing in the .blend uses the data-block
    address: int = 0  # of the block, for rewriting
    field: str = ""  # in which it is; "" where it is not written there but follows from the file's name
    room: int = 0  # bytes of the field
    folder_only: bool = False  # the field has the folder, and the name is elsewhere

    def files(self) -> list[Path]:
        """Those that are there."""
        if not self.many:
            return [self.path] if self.path.is_file() else []
        if self.path.is_dir():
            return sorted(_below(self.path))
        return sorted(_alike(self.path))


_WHAT = {
    b"IM": "picture", b"LI": "library", b"SO": "sound", b"VF": "font", b"MC": "movie clip", b"CF": "cache",
    b"VO": "volume", b"ME": "mesh data", b"LA": "light",
}  # fmt: skip
_CACHES = frozenset(("PointCache", "FluidDomainSettings", "FluidsimSettings", "OceanModifierData", "NodesModifierData"))
_FAKE_USER = 512  # ID.flag: kept though nothing uses it
_CLIP_SEQUENCE = 1  # MovieClip.source

_TILES = {"<UDIM>": r"\d{4}", "<UVTILE>": r"u\d+_v\d+", "*": r"[^/]*"}


def uses(blend: Path) -> list[Use]:
    """All paths that it names, and the files that it links, all the way down. Raises TraceError."""
    from blender_asset_tracer import blendfile, trace

    found: dict[tuple[Path, int, str, str], Use] = {}
    try:
        for usage in trace.deps(blend):
            if (use := _use(usage)) is not None:
                found.setdefault((use.owner, use.address, use.field, use.stored), use)
    except Exception as error:  # whatever a file that is damaged, or too new for it, makes of it
        where = getattr(error, "filepath", None) or blend
        raise TraceError(
            f"{where} cannot be looked through for the files it needs ({type(error).__name__}: {error}). If the farm "
            "shares its folder, --in-place opens it where it is."
        ) from None
    finally:
        blendfile.close_all_cached()
    return list(found.values())


def _use(usage: Any) -> Use | None:
    block = usage.block
    field = usage.path_full_field or usage.path_dir_field
    if not usage.asset_path or _is_packed(block):
        return None
    many = usage.is_sequence or _is_clip_sequence(block) or any(mark in str(usage.asset_path) for mark in _TILES)
    return Use(
        owner=Path(os.path.normpath(usage.block.bfile.filepath.absolute())),
        what=_WHAT.get(block.code) or ("strip" if usage.path_full_field is None else "cache"),
        name=usage.block_name.decode("utf-8", "replace")[2:],
        stored=os.fsdecode(bytes(usage.asset_path)),
        path=Path(os.path.normpath(usage.abspath)),
        many=many,
        cache=block.dna_type_name in _CACHES,
        unused=_is_unused(block),
        address=block.addr_old,
        field="" if _follows_from_the_name(block, field) else field.name.name_only.decode(),
        room=field.size if not field.name.is_pointer else 0,
        folder_only=usage.path_full_field is None,
    )


def _is_packed(block: Any) -> bool:
    """A picture whose pixels are in the .blend. Only the pointer of old is looked at by the tracer."""
    return bool(block.code == b"IM" and block.get((b"packedfiles", b"first"), default=0))


def _is_clip_sequence(block: Any) -> bool:
    return bool(
        (block.code == b"MC" and block.get(b"source", default=0) == _CLIP_SEQUENCE)
        or (block.code == b"CF" and block.get(b"is_sequence", default=0))
    )


def _is_unused(block: Any) -> bool:
    if block.code not in _WHAT:
        return False
    if not block.get((b"id", b"flag"), default=0) & _FAKE_USER:
        return False  # what nothing uses is not written, unless it is kept on purpose
    opened, header = block.bfile.fileobj, block.bfile.header
    opened.flush()
    address = int(block.addr_old).to_bytes(header.pointer_size, "little" if header.endian_str == b"<" else "big")
    own = block.file_offset - block.bfile.block_header_struct.size, block.file_offset
    with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(address)
        while own[0] <= at < own[1]:  # in its own head
            at = data.find(address, at + 1)
        return at < 0


def _follows_from_the_name(block: Any, field: Any) -> bool:
    """A disk cache lies in a folder that is called after the .blend."""
    return bool(block.dna_type_name == "PointCache" and field.name.name_only == b"name")


# --- several files -----------------------------------------------------------------------------------------------


def _below(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above, name)
            if path.is_file():
                yield path


def _alike(path: Path) -> Iterator[Path]:
    """The tiles or frames that a name with a mark, or the first one's number, stands for."""
    pattern = _pattern(path.name)
    try:
        entries = list(os.scandir(path.parent))
    except OSError:
        return
    for entry in entries:
        if pattern.fullmatch(entry.name) and entry.is_file():
            yield path.parent / entry.name


def _pattern(name: str) -> re.Pattern[str]:
    marks = "|".join(map(re.escape, _TILES))
    if re.search(marks, name):
        parts = re.split(f"({marks})", name)
        return re.compile("".join(_TILES.get(part) or re.escape(part) for part in parts), re.DOTALL)
    stem, dot, extension = name.rpartition(".")
    numbers = list(re.finditer(r"\d+", stem)) if dot else []
    if not numbers:
        return re.compile(re.escape(name))
    last = numbers[-1]
    return re.compile(rf"{re.escape(stem[: last.start()])}\d+{re.escape(stem[last.end() :])}\.{re.escape(extension)}")
