# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .blend asks for: its scenes with their output settings, its libraries all the way down, its files.

One pass over the file; meshes and all else that is not asked for are skipped unread.
"""

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from brender.blendfile.dna import Dna
from brender.blendfile.reader import Block, Header, Unreadable, blocks, opened, readable
from brender.core.failures import Kind
from brender.core.outputs import BY_CODE, absolute


class SceneScan(msgspec.Struct, frozen=True, kw_only=True):
    """One scene of the file, as stored."""

    name: str
    active: bool  # what Blender renders without -S
    start: int
    end: int
    step: int
    current: int
    output: str
    format: str  # as behind -F; "" for one that Blender no longer has
    container: str  # FFmpeg's, as core.outputs.CONTAINERS has it; "" for one that Blender no longer has
    use_extension: bool
    overwrite: bool
    placeholders: bool
    width: int
    height: int
    percent: int
    engine: str
    has_camera: bool
    multiview: bool


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """A linked .blend: the path as stored, what it comes to, and which file links it."""

    stored: str
    path: str
    exists: bool
    used_by: str


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A picture, movie, sound, font, cache or volume that is not packed. A sequence is named by its first file."""

    kind: str
    name: str
    stored: str
    path: str
    exists: bool
    used_by: str


class BlendScan(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found. `problems` are libraries that are there and could not be read, in sentences."""

    path: str
    header: Header
    scenes: tuple[SceneScan, ...]
    libraries: tuple[Library, ...]
    files: tuple[File, ...]
    problems: tuple[str, ...] = ()

    @property
    def active(self) -> SceneScan | None:
        """The scene that Blender renders without -S."""
        return next((s for s in self.scenes if s.active), None)


def scan(path: str, within: Path | None = None) -> BlendScan:
    """Read a .blend, and the headers of what it links, all the way down. Unreadable where it is none.

    With `within` no library outside that folder is looked at: it counts as one that is not there.
    """
    path = absolute(str(Path(path).absolute()), "", windows=os.name == "nt")
    top = _kept_within(_one(path), within)
    libraries, files, problems = list(top.libraries), list(top.files), []
    seen, waiting = {Path(path).resolve()}, list(top.libraries)
    while waiting:
        library = waiting.pop(0)
        if not library.exists or (real := Path(library.path).resolve()) in seen:
            continue
        seen.add(real)
        try:
            found = _kept_within(_one(library.path), within)
        except Unreadable as e:
            problems.append(e.message)
            continue
        libraries += [new for new in found.libraries if new.path not in {known.path for known in libraries}]
        files += found.files
        waiting += found.libraries
    return msgspec.structs.replace(top, libraries=tuple(libraries), files=tuple(files), problems=tuple(problems))


def _kept_within(found: BlendScan, within: Path | None) -> BlendScan:
    if within is None:
        return found
    libraries = (
        library if Path(library.path).is_relative_to(within) else msgspec.structs.replace(library, exists=False)
        for library in found.libraries
    )
    return msgspec.structs.replace(found, libraries=tuple(libraries))


def hashes(paths: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each path with the SHA-256 of its content, read in pieces."""
    return tuple((path, _sha256(path)) for path in paths)


def _sha256(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise Unreadable(Kind.FILE_ABSENT, f"{path} is not there") from None
    except OSError as e:
        raise Unreadable(Kind.FILE_UNREADABLE, f"{path} cannot be read: {e.strerror}") from e


# ---- one file

_IDS = {b"IM": "picture", b"SO": "sound", b"VF": "font", b"MC": "movie clip", b"CF": "cache", b"VO": "volume"}
_STRUCTS = {b"IM": "Image", b"SO": "bSound", b"VF": "VFont", b"MC": "MovieClip", b"CF": "CacheFile", b"VO": "Volume"}
_KEPT = {b"GLOB", b"SC", b"LI", b"DNA1", *_IDS}
_SMALL = 4096  # of the nameless blocks those that can hold one struct with a path; meshes are larger
_DATA = {"MeshCacheModifierData": ("filepath", "mesh cache")}


class _Contents:
    """The blocks that matter of one file."""

    def __init__(self, path: str) -> None:
        with opened(path) as (self.header, stream):
            self.kept: list[Block] = []
            self.small: list[Block] = []
            for block in blocks(self.header, stream, _wanted):
                if block.code in _KEPT:
                    self.kept.append(block)
                elif block.data and len(block.data) >= 1024:
                    self.small.append(block)
            self.dna = self._dna()

    def _dna(self) -> Dna:
        data = next((b.data for b in self.kept if b.code == b"DNA1"), None)
        if data is None:
            raise Unreadable(Kind.FILE_UNREADABLE, "is corrupt: it does not describe its data (no DNA1 block)")
        return Dna(data, self.header.endian, self.header.pointer_size)

    def of(self, code: bytes) -> Iterator[Block]:
        return (b for b in self.kept if b.code == code)


def _wanted(code: bytes, length: int) -> bool:
    return code in _KEPT or (code == b"DATA" and 1024 <= length <= _SMALL)


def _one(path: str) -> BlendScan:
    contents = _Contents(path)
    with readable(path):
        return BlendScan(
            path=path,
            header=contents.header,
            scenes=tuple(_scenes(contents)),
            libraries=tuple(_libraries(contents, path)),
            files=tuple(_files(contents, path)),
        )


# ---- scenes

_MODE_NO_OVERWRITE, _MODE_PLACEHOLDERS = 1 << 22, 1 << 23  # RenderData.mode
_SCEMODE_EXTENSION, _SCEMODE_MULTIVIEW = 1 << 4, 1 << 21  # RenderData.scemode
_CONTAINERS = {0: "MPEG1", 1: "MPEG2", 2: "MPEG4", 3: "AVI", 4: "QUICKTIME", 5: "DV", 8: "FLASH", 9: "MKV", 10: "OGG"}
_CONTAINERS[12] = "WEBM"


def _scenes(contents: _Contents) -> Iterator[SceneScan]:
    dna = contents.dna
    current = next((dna.value(b.data, "FileGlobal", "curscene") for b in contents.of(b"GLOB")), 0)
    for block in contents.of(b"SC"):
        yield _scene(dna, block, block.address == current)


def _scene(dna: Dna, block: Block, active: bool) -> SceneScan:
    def number(*path: str) -> int:
        return dna.value(block.data, "Scene", *path)

    mode, scemode = number("r", "mode"), number("r", "scemode")
    format = BY_CODE.get(number("r", "im_format", "imtype"))
    return SceneScan(
        name=dna.text(block.data, "Scene", "id", "name")[2:],
        active=active,
        start=number("r", "sfra"),
        end=number("r", "efra"),
        step=number("r", "frame_step"),
        current=number("r", "cfra"),
        output=dna.text(block.data, "Scene", "r", "pic"),
        format=format.name if format else "",
        container=_CONTAINERS.get(number("r", "ffcodecdata", "type"), ""),
        use_extension=bool(scemode & _SCEMODE_EXTENSION),
        overwrite=not mode & _MODE_NO_OVERWRITE,
        placeholders=bool(mode & _MODE_PLACEHOLDERS),
        width=number("r", "xsch"),
        height=number("r", "ysch"),
        percent=number("r", "size"),
        engine=dna.text(block.data, "Scene", "r", "engine"),
        has_camera=number("camera") != 0,
        multiview=bool(scemode & _SCEMODE_MULTIVIEW),
    )


# ---- libraries and files


def _libraries(contents: _Contents, path: str) -> Iterator[Library]:
    """Those that this file links itself; what they link in turn is found in them."""
    dna = contents.dna
    for block in contents.of(b"LI"):
        if dna.has("Library", "parent") and dna.value(block.data, "Library", "parent"):
            continue
        stored = _path_in(dna, block.data, "Library")
        whole = absolute(stored, path)
        yield Library(stored=stored, path=whole, exists=_exists(whole), used_by=path)


def _path_in(dna: Dna, data: bytes, struct: str) -> str:
    """The path in an ID. The field was called `name` once; a file keeps the names of its Blender."""
    return dna.text(data, struct, "name" if dna.has(struct, "name") else "filepath")


def _files(contents: _Contents, path: str) -> Iterator[File]:
    dna = contents.dna
    for block in contents.kept:
        if (kind := _IDS.get(block.code)) and (stored := _stored(dna, block)):
            name = dna.text(block.data, _STRUCTS[block.code], "id", "name")[2:]
            yield _file(kind, name, stored, path)
    for block in contents.small:
        kind_of = _DATA.get(dna.structs[block.struct]) if 0 <= block.struct < len(dna.structs) else None
        if kind_of and (stored := dna.text(block.data, dna.structs[block.struct], kind_of[0])):
            yield _file(kind_of[1], "", stored, path)


_MADE_BY_BLENDER = (4, 5)  # Image.source: generated, and viewers such as the render result


def _stored(dna: Dna, block: Block) -> str:
    """The path of an ID that leans on a file; "" where it is packed, generated, built in, or has none."""
    struct = _STRUCTS[block.code]
    if dna.has(struct, "packedfile") and dna.value(block.data, struct, "packedfile"):
        return ""
    if dna.has(struct, "packedfiles") and dna.value(block.data, struct, "packedfiles", "first"):
        return ""
    if block.code == b"IM" and dna.value(block.data, struct, "source") in _MADE_BY_BLENDER:
        return ""
    stored = _path_in(dna, block.data, struct)
    return "" if stored == "<builtin>" else stored


def _file(kind: str, name: str, stored: str, blend: str) -> File:
    path = absolute(stored, blend)
    return File(kind=kind, name=name, stored=stored, path=path, exists=_exists(path), used_by=blend)


def _exists(path: str) -> bool:
    """Whether the file is there; of a tiled picture (`<UDIM>`, `<UVTILE>`) whether one tile is."""
    pattern = glob.escape(Path(path).name).replace("<UDIM>", "[0-9][0-9][0-9][0-9]").replace("<UVTILE>", "u*_v*")
    try:
        return Path(path).exists() or ("<U" in path and any(Path(path).parent.glob(pattern)))
    except OSError:  # a folder that may not be read, a name too long
        return False
