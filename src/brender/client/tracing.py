# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be sent of a scene: each file it needs and its place, and what of it is not there.

The artist's own files are only read. Where a path would lead elsewhere among what is sent (it is absolute, or leaves
the project's folder), a copy of the .blend is sent in which it is another (`rewritten`).
"""

import posixpath
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from brender.blendfile import Unreadable, scan
from brender.client.layout import Layout, leads_to, relative, top_of
from brender.client.uses import TraceError, Use, uses
from brender.core import names

__all__ = ["Edit", "Found", "TraceError", "Traced", "rewritten", "trace"]

_BUFFER = 2**20


class Found(msgspec.Struct, frozen=True):
    """A file that is to be sent."""

    place: str  # among what is sent
    path: Path  # on this machine
    what: str


class Edit(msgspec.Struct, frozen=True):
    """A path in a .blend that is another in the copy that is sent."""

    use: Use
    new: str


class Traced(msgspec.Struct, frozen=True, kw_only=True):
    """A scene, looked through."""

    blend: Path
    place: str  # the .blend's
    files: tuple[Found, ...]  # sorted by place
    scripts: tuple[str, ...] = ()  # the places of the scripts that were named
    missing: tuple[Use, ...] = ()
    unused: tuple[Use, ...] = ()  # missing too, but nothing uses them
    problems: tuple[str, ...] = ()  # what cannot be sent as it is, in sentences
    edits: dict[Path, list[Edit]] = {}  # by the .blend


def trace(blend: Path, scripts: Sequence[Path] = (), home: Path | None = None) -> Traced:
    """Look a scene through. Raises TraceError."""
    try:
        scan(str(blend))  # which says in better words what is wrong with a file
    except Unreadable as error:
        raise TraceError(error.message) from None
    return _Tracing(blend, scripts, uses(blend), home or Path.home()).traced()


class _Tracing:
    """One scene on its way."""

    def __init__(self, blend: Path, scripts: Sequence[Path], found: list[Use], home: Path) -> None:
        self._blend = blend
        self._scripts = scripts
        self._uses = sorted(found, key=lambda use: (str(use.path), str(use.owner), use.address, use.field))
        self._there = {id(use): use.files() for use in self._uses}
        near = [script for script in scripts if script.is_relative_to(blend.parent)]
        self._layout = Layout(top_of(blend, [*self._related(), *near], home))
        self._files: dict[str, Found] = {}
        self._problems: list[str] = []

    def _related(self) -> list[Path]:
        """What relative paths alone lead to, from the scene over its libraries."""
        relative = [use for use in self._uses if use.stored.startswith("//") and self._there[id(use)]]
        reached, waiting = {self._blend}, [self._blend]
        while waiting:
            owner = waiting.pop()
            new = {use.path for use in relative if use.owner == owner} - reached
            reached |= new
            waiting += sorted(new)
        return sorted(reached)

    def traced(self) -> Traced:
        place = self._add(self._blend, "scene")
        scripts = tuple(self._script(path) for path in self._scripts)
        present = [use for use in self._uses if self._there[id(use)]]
        for use in present:
            for path in self._there[id(use)]:
                self._add(path, use.what)
        edits: dict[Path, list[Edit]] = {}
        for use in present:
            if (edit := self._edit(use)) is not None:
                edits.setdefault(use.owner, []).append(edit)
        absent = [use for use in self._uses if not self._there[id(use)] and not use.cache]
        return Traced(
            blend=self._blend,
            place=place,
            files=tuple(self._files[place] for place in sorted(self._files)),
            scripts=scripts,
            missing=tuple(use for use in absent if not use.unused),
            unused=tuple(use for use in absent if use.unused),
            problems=tuple(self._problems),
            edits=edits,
        )

    def _script(self, path: Path) -> str:
        if not path.is_file():
            raise TraceError(f"The script {path} is not there.")
        return self._add(path, "script")

    def _add(self, path: Path, what: str) -> str:
        place = self._layout.place(path)
        if reason := names.refusal(place):
            self._problems.append(f"{path} cannot be sent: {reason}.")
        else:
            self._files.setdefault(place, Found(place, path, what))
        return place

    def _edit(self, use: Use) -> Edit | None:
        """What has to be another in the copy of the .blend that is sent; None: its path leads where the file is."""
        owner, target = self._layout.place(use.owner), self._target(use)
        if use.many:
            self._look_at_names(use)
        if leads_to(use.stored, owner) == target:
            return None
        new = relative(target, owner)
        if reason := self._unwritable(use, target, new):
            self._problems.append(f"{use.owner} names {use.path} ({use.what} {use.name}), and {reason}.")
            return None
        return Edit(use, new)

    def _target(self, use: Use) -> str:
        if use.many and not use.path.is_dir():
            return posixpath.join(self._layout.place(use.path.parent), use.path.name)
        return self._layout.place(use.path)

    def _look_at_names(self, use: Use) -> None:
        for path in self._there[id(use)]:
            if posixpath.basename(place := self._layout.place(path)) != path.name:
                self._problems.append(
                    f"{path} would have to be called {posixpath.basename(place)}, and is one of several of {use.what} "
                    f"{use.name}: rename them."
                )

    def _unwritable(self, use: Use, target: str, new: str) -> str | None:
        if not use.field:
            return "its folder is called after the .blend, which cannot have the same name where it is sent"
        if not use.room:
            return "that path cannot be changed in a copy of the file: make it relative and within the project's folder"
        if use.folder_only and posixpath.basename(target) != use.path.name:
            return "that name cannot be changed in a copy of the file: rename it"
        if len(new.encode("utf-8", "surrogateescape")) >= use.room:
            return "its path among what is sent is too long: move it nearer to the .blend"
        return None


# --- copies with other paths -------------------------------------------------------------------------------------


def rewritten(traced: Traced, folder: Path) -> dict[Path, Path]:
    """Copies of those .blend files that name a file by a path that leads elsewhere when it is sent. Raises TraceError.

    The same file gives the same copy, so that it is sent once.
    """
    copies: dict[Path, Path] = {}
    for number, (blend, edits) in enumerate(traced.edits.items()):
        copies[blend] = folder / f"{number}.blend"
        try:
            _copy(blend, copies[blend])
            _write(copies[blend], edits)
        except TraceError:
            raise
        except Exception as error:  # of the tracer's, for a file it cannot write
            raise TraceError(
                f"{blend} names files outside its project's folder, and a copy with other paths cannot be made of it "
                f"({type(error).__name__}: {error}). Make its paths relative."
            ) from None
    return copies


def _copy(blend: Path, target: Path) -> None:
    """As it is; a compressed one without compression."""
    from blender_asset_tracer.blendfile import magic_compression

    opened = magic_compression.open(blend, "rb", _BUFFER)
    with opened.fileobj:
        opened.fileobj.seek(0)
        with target.open("wb") as out:
            shutil.copyfileobj(opened.fileobj, out, _BUFFER)


def _write(copy: Path, edits: Iterable[Edit]) -> None:
    from blender_asset_tracer import blendfile

    with blendfile.BlendFile(copy, mode="rb+") as opened:
        for edit in edits:
            use = edit.use
            block = opened.dereference_pointer(use.address)
            new = posixpath.dirname(edit.new) + "/" if use.folder_only else edit.new
            if block is None:
                raise TraceError(f"{use.owner} has changed while it was looked at.")
            block.set(use.field.encode(), new.encode("utf-8", "surrogateescape").ljust(use.room, b"\0"))
