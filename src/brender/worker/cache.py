# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of carried scenes on the worker's disk: content by its SHA-256, and trees that are laid out of it to be opened.

A tree is there whole or not at all, and is exactly its manifest whenever a Blender opens it. What was verified once is
known again by its stamp (size, time of change, inode), so that nothing is read for a tree that is there already. What a
scene has written over has another stamp: it is read again, and fetched again where it is not good any more.

All of it blocks, and one thread at a time is in here.
"""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from brender.core import manifest as manifests
from brender.core.manifest import SHA256, Manifest, SceneFile
from brender.imaging import sha256 as sha256_of
from brender.worker.durable import sync_file, write_whole

log = structlog.get_logger()
T = TypeVar("T")

GB = 2**30
DEFAULT_GB, DEFAULT_PART = 50, 0.2  # of the disk; the smaller one counts
FREE_GB, FREE_PART = 2, 0.05  # stays free on the disk; the smaller one counts
STALE_S = 48 * 3600.0  # without a byte more, what has come of a file is of no use
BUILDING = ".building-"


class NoRoom(Exception):
    """Files cannot be kept; the message says why, and what to do."""


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """As long as it stays, the content does."""

    size: int
    mtime_ns: int
    inode: int


class Laid(msgspec.Struct, frozen=True, array_like=True):
    """One file of a tree."""

    path: str
    sha256: str
    stamp: Stamp


class Tree(msgspec.Struct, frozen=True):
    """What is known of a tree, in a file beside it, whose time of change is that of its last use."""

    files: tuple[Laid, ...]
    copied: int = 0  # bytes that it has of its own, where the disk knows no links


class Cache:
    """One folder, of one process at a time (identity.py sees to it)."""

    def __init__(self, folder: Path, most: int | None = None) -> None:
        """`most`: bytes that it may hold. Removes what an earlier process has left half done. Raises OSError."""
        self._content = folder / "content"
        self._trees_folder = folder / "trees"
        self._stamps_file = folder / "stamps.json"
        for each in (self._content, self._trees_folder):
            each.mkdir(parents=True, exist_ok=True)
        disk = shutil.disk_usage(folder).total
        self._most = min(DEFAULT_GB * GB, int(disk * DEFAULT_PART)) if most is None else most
        self._free = min(FREE_GB * GB, int(disk * FREE_PART))
        self._stamps = _read(self._stamps_file, dict[str, Stamp]) or {}
        self._trees = self._known_trees()
        self._remove_left_over()

    # --- what is there -------------------------------------------------------------------------------------------

    def tree(self, manifest: str) -> Path | None:
        """The folder of a manifest's tree, looked over; None where it is not there, or not good any more."""
        known = self._trees.get(manifest)
        if known is None:
            return None
        folder = self._trees_folder / manifest
        if not all(_stamp(folder / file.path) == file.stamp for file in known.files):
            log.warning("files of a scene were changed on this machine's disk: it is laid out anew", manifest=manifest)
            self._remove_tree(manifest)
            return None
        _remove_others(folder, {file.path for file in known.files})
        os.utime(self._index(manifest))
        return folder

    def manifest(self, sha256: str) -> Manifest | None:
        """A manifest that is there, and good. Raises `msgspec.MsgspecError` where it is none."""
        return manifests.decode(self.place(sha256).read_bytes()) if self.has(sha256) else None

    def missing(self, manifest: Manifest) -> list[SceneFile]:
        """What of it is to be fetched, each content once."""
        wanted = {file.sha256: file for file in manifest.files}
        return [file for sha256, file in wanted.items() if not self.has(sha256)]

    def has(self, sha256: str) -> bool:
        """Whether content is there and good. It is read only where its stamp is not the one that is known."""
        path = self.place(sha256)
        stamp = _stamp(path)
        if stamp is None:
            self._stamps.pop(sha256, None)
            return False
        if stamp == self._stamps.get(sha256):
            return True
        if sha256_of(path) == sha256:
            self._stamps[sha256] = stamp
            return True
        log.warning("a file in the cache is damaged, and is fetched again", sha256=sha256)
        self._remove_content(sha256)
        return False

    # --- what comes ----------------------------------------------------------------------------------------------

    def place(self, sha256: str) -> Path:
        """Where content is kept, or is to be fetched to; its folder is there."""
        if not SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256")
        path = self._content / sha256[:2] / sha256
        path.parent.mkdir(exist_ok=True)
        return path

    def keep(self, hashes: Iterable[str]) -> None:
        """Content that was fetched to its place, and verified on the way: from here on it is known by its stamp."""
        for sha256 in hashes:
            path = self.place(sha256)
            sync_file(path)
            path.chmod(0o444)
            if stamp := _stamp(path):
                self._stamps[sha256] = stamp
        self._save_stamps()

    def lay_out(self, sha256: str, manifest: Manifest) -> Path:
        """Make the tree of a manifest, all of whose content is there. Raises OSError; then nothing of it is left."""
        building = self._trees_folder / f"{BUILDING}{sha256}"
        shutil.rmtree(building, ignore_errors=True)
        try:
            copied = sum(self._put(file, building / file.path) for file in manifest.files)
            files = tuple(_laid(building, file) for file in manifest.files)
            target = self._trees_folder / sha256
            building.replace(target)
        except OSError:
            shutil.rmtree(building, ignore_errors=True)
            raise
        self._trees[sha256] = Tree(files, copied)
        write_whole(self._index(sha256), msgspec.json.encode(self._trees[sha256]))
        self._save_stamps()
        return target

    def _put(self, file: SceneFile, target: Path) -> int:
        """One file of a tree; how many bytes had to be copied."""
        target.parent.mkdir(parents=True, exist_ok=True)
        source = self.place(file.sha256)
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.ENOENT):
                raise
            shutil.copyfile(source, target)  # a disk without links, or one more than it allows
            target.chmod(0o444)
            return file.size
        return 0

    # --- what goes -----------------------------------------------------------------------------------------------

    def make_room(self, needed: int, kept: Collection[str]) -> None:
        """See to it that so many bytes can come: what nobody has used for longest goes, but never what is `kept`.

        Raises NoRoom.
        """
        if needed > self._most:
            raise NoRoom(
                f"The scene has {needed / GB:.1f} GB, and this worker's cache may hold {self._most / GB:.1f}. Give it "
                "more with `brender worker --cache-gb`."
            )
        self._evict(needed, kept)
        if self._room_on_disk() < needed:
            raise NoRoom(
                f"The disk of {self._content.parent} has no room for the {needed / GB:.2f} GB of the scene. Make room "
                "there, or give the worker another folder."
            )

    def _evict(self, needed: int, kept: Collection[str]) -> None:
        used = {laid.sha256 for tree in self._trees.values() for laid in tree.files} | self._trees.keys()
        self._drop((sha256 for sha256 in list(self._stamps) if sha256 not in used), needed, kept)
        for manifest in sorted(self._trees.keys() - set(kept), key=lambda each: _used_at(self._index(each))):
            if self._fits(needed):
                break
            its = [laid.sha256 for laid in self._trees[manifest].files]
            self._remove_tree(manifest)
            used = {laid.sha256 for tree in self._trees.values() for laid in tree.files}
            self._drop((sha256 for sha256 in [manifest, *its] if sha256 not in used), needed, kept)
        self._save_stamps()

    def _drop(self, hashes: Iterable[str], needed: int, kept: Collection[str]) -> None:
        for sha256 in hashes:
            if self._fits(needed):
                return
            if sha256 not in kept:
                self._remove_content(sha256)

    def _fits(self, needed: int) -> bool:
        return self.size + needed <= self._most and self._room_on_disk() >= needed

    def _room_on_disk(self) -> int:
        return shutil.disk_usage(self._content).free - self._free

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return sum(stamp.size for stamp in self._stamps.values()) + sum(tree.copied for tree in self._trees.values())

    def _remove_content(self, sha256: str) -> None:
        self.place(sha256).unlink(missing_ok=True)
        self._stamps.pop(sha256, None)

    def _remove_tree(self, manifest: str) -> None:
        """The index goes first: a folder without one is nothing."""
        self._index(manifest).unlink(missing_ok=True)
        shutil.rmtree(self._trees_folder / manifest, ignore_errors=True)
        self._trees.pop(manifest, None)

    # --- small steps ---------------------------------------------------------------------------------------------

    def _index(self, manifest: str) -> Path:
        return self._trees_folder / f"{manifest}.json"

    def _save_stamps(self) -> None:
        write_whole(self._stamps_file, msgspec.json.encode(self._stamps))

    def _known_trees(self) -> dict[str, Tree]:
        found = {path.stem: _read(path, Tree) for path in self._trees_folder.glob("*.json")}
        return {manifest: tree for manifest, tree in found.items() if tree and (self._trees_folder / manifest).is_dir()}

    def _remove_left_over(self) -> None:
        for path in self._trees_folder.iterdir():
            if path.name.removesuffix(".json") not in self._trees:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        before = time.time() - STALE_S
        for path in self._content.glob("*/*"):
            if path.suffix == ".part" and path.stat().st_mtime < before:
                path.unlink()
            elif path.name not in self._stamps and SHA256.fullmatch(path.name) and (stamp := _stamp(path)):
                # came in the moment before the end: what it counts for is known, whether it is good is looked at later
                self._stamps[path.name] = Stamp(stamp.size, 0, 0)


def _read(path: Path, kind: type[T]) -> T | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=kind)
    return None


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


def _laid(folder: Path, file: SceneFile) -> Laid:
    stamp = _stamp(folder / file.path)
    if stamp is None or stamp.size != file.size:
        raise OSError(errno.EIO, f"{file.path} has not the size that the manifest says")
    return Laid(file.path, file.sha256, stamp)


def _used_at(index: Path) -> float:
    try:
        return index.stat().st_mtime
    except OSError:
        return 0.0


def _remove_others(folder: Path, wanted: Collection[str]) -> None:
    """What an earlier Blender has left there: caches beside the .blend would change the next one's frames."""
    folders = {parent.as_posix() for path in wanted for parent in Path(path).parents}
    for here, inner, files in os.walk(folder):
        at = Path(here).relative_to(folder)
        for name in files:
            if (at / name).as_posix() not in wanted:
                Path(here, name).unlink()
        for name in list(inner):
            if (at / name).as_posix() in folders and not Path(here, name).is_symlink():
                continue
            inner.remove(name)
            other = Path(here, name)
            other.unlink() if other.is_symlink() else shutil.rmtree(other)
