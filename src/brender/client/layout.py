# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each file of a scene lies among what is sent, so that relative paths hold on every machine.

The top is the common folder of the .blend and of what is referred to by relative paths, as long as it is a sensible
one. All else goes under `_outside/`, folder by folder. Names that not every system can have, or that some file system
takes for one with another, are changed. Pure: nothing is read or written but to ask whether two names are one file.
"""

import hashlib
import os
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from brender.core import names

OUTSIDE = "_outside"
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')


def top_of(blend: Path, related: Iterable[Path], home: Path) -> Path:
    """The folder that is the top: as far up as relative paths lead, but not to where everybody's files are."""
    top = blend.parent
    for path in related:
        try:
            above = Path(os.path.commonpath([top, path.parent]))
        except ValueError:  # on another drive
            continue
        if above == top or is_sensible(above, home):
            top = above
    return top


def is_sensible(folder: Path, home: Path) -> bool:
    """Whether a folder can be a project's: not the root of all files or a folder in it, nor one that holds homes."""
    return len(folder.parts) > 2 and not home.parent.is_relative_to(folder)


class Layout:
    """Gives each path its place. The same path is given the same place; ask in an order that is always the same."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._given: dict[tuple[str, str], list[tuple[str, Path]]] = {("", names.twin(OUTSIDE)): [("", Path())]}
        self._places: dict[Path, str] = {}

    def place(self, path: Path) -> str:
        """Where a file or folder lies among what is sent, relative, with "/"; "" for the top itself."""
        if (known := self._places.get(path)) is not None:
            return known
        if path == self._top:
            return ""
        if path.parent == path:  # the root of all files, or a drive
            drive = "-".join(part for part in re.split(r"[\\/:]+", path.drive) if part)
            return self._remember(path, f"{OUTSIDE}/{_safe(drive)}" if drive else OUTSIDE)
        above = self.place(path.parent)
        return self._remember(path, posixpath.join(above, self._name(above, path)))

    def _remember(self, path: Path, place: str) -> str:
        self._places[path] = place
        return place

    def _name(self, above: str, path: Path) -> str:
        """The last part: its own, unless it cannot be, or another has it already that is another file."""
        name = _safe(path.name)
        others = self._given.setdefault((above, names.twin(name)), [])
        for other, where in others:
            if _is_same(where, path):
                return other
        if others:
            name = _marked(path.name)
        others.append((name, path))
        return name


def _is_same(one: Path, other: Path) -> bool:
    """Two names of one file, as a file system that is blind to case has them."""
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False


def _safe(name: str) -> str:
    """The name, or one like it that every system can have."""
    return name if names.refusal(name) is None else _marked(name)


def _marked(name: str) -> str:
    """A name like it that nothing else has."""
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    kept = "".join(c for c in _BAD.sub("_", name) if names.refusal(f"x{c}x") is None)
    path = PurePosixPath(kept)
    stem, suffix = path.stem.strip(" .")[:60], path.suffix
    return f"{stem}~{mark}{suffix}" if names.refusal(f"{stem}~{mark}{suffix}") is None else f"file~{mark}"


def leads_to(stored: str, owner: str) -> str | None:
    """The place that a path in the file at place `owner` leads to; None: to none of what is sent."""
    if not stored.startswith("//"):
        return None
    found = posixpath.normpath(posixpath.join(posixpath.dirname(owner), stored[2:].replace("\\", "/")))
    return None if found.startswith("../") or found == ".." else found.removeprefix("./")


def relative(place: str, owner: str) -> str:
    """How the file at place `owner` names another, in Blender's way."""
    return "//" + posixpath.relpath(place or ".", posixpath.dirname(owner) or ".")
