# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths from one machine's view of the shared folders to another's.

Paths are text here, of Linux, macOS or Windows; nothing is asked of a disk. What lies in no mapped folder stays as it
is, byte for byte: URLs, Blender's `//` paths, Python code (C33).
"""

import re
from collections.abc import Iterable

import msgspec

from brender.core.nouns import Mapping

_FIELDS = {"Windows": "windows", "Darwin": "macos"}  # as `platform.system()` says them; all others are like Linux


class View(msgspec.Struct, frozen=True):
    """A machine's view: its system, and where it has folders that lie elsewhere on others of its system."""

    system: str  # "Linux", "Windows", "Darwin"
    overrides: tuple[tuple[str, str], ...] = ()  # (a mapping's name, the folder)

    @property
    def windows(self) -> bool:
        return self.system == "Windows"

    def of(self, mapping: Mapping) -> str:
        """Where this machine has a shared folder; "": nowhere."""
        own = dict(self.overrides).get(mapping.name)
        return own or getattr(mapping, _FIELDS.get(self.system, "linux"))


def view(system: str, texts: Iterable[str] = ()) -> View:
    """A machine's view; each text is `NAME=PATH`."""
    pairs = (text.partition("=") for text in texts)
    return View(system, tuple((name, path) for name, _, path in pairs))


def translate(path: str, here: View, there: View, mappings: Iterable[Mapping]) -> str:
    """`path`, as the machine `here` has it, as `there` has it. The innermost folder counts.

    Unchanged where no mapped folder holds it, where both have that folder under one name, and where `there` has not
    got it, or cannot have a file of that name.
    """
    found = _innermost(path, here, mappings)
    if found is None:
        return path
    mapping, rest = found
    target = there.of(mapping)
    if not target or _alike(here.of(mapping), target, here, there) or _impossible(rest, there):
        return path
    slash = "\\" if there.windows else "/"
    end = slash if path.endswith(("/", "\\") if here.windows else "/") else ""
    return _joined(target, rest, slash) + (end if rest else "")


def is_shared(path: str, system: str, mappings: Iterable[Mapping]) -> bool:
    """Whether a path, as a machine of that system has it, is in a folder that is shared."""
    return shared_folder(path, View(system), mappings) is not None


def shared_folder(path: str, here: View, mappings: Iterable[Mapping]) -> Mapping | None:
    """The innermost shared folder that a path is in."""
    found = _innermost(path, here, mappings)
    return found[0] if found else None


def in_sight(path: str, here: View, there: View, mappings: Iterable[Mapping]) -> bool:
    """Whether `there` can have a file of `here`'s: it is in a shared folder that both have."""
    found = _innermost(path, here, mappings)
    return found is not None and bool(there.of(found[0])) and not _impossible(found[1], there)


def wrong_folder(path: str, windows: bool) -> str | None:
    """Why a text cannot be a shared folder; None: it can."""
    apart = _apart(path, windows)
    if apart is None:
        kinds = r"such as P:\show or \\server\show" if windows else "such as /mnt/show"
        return f"a shared folder is an absolute path, {kinds}, and not {path!r}"
    if not apart.parts and not windows:
        return "the root of all files is no shared folder"
    if any(part in (".", "..") for part in apart.parts):
        return "a shared folder is written without `.` and `..`"
    return None


def same_folder(one: str, other: str, windows: bool) -> bool:
    """Whether two texts are one folder."""
    return _alike(one, other, *(View("Windows" if windows else "Linux"),) * 2)


# --- how paths are read ------------------------------------------------------------------------------------------


class _Apart(msgspec.Struct, frozen=True):
    """An absolute path: its root, in one spelling, and the parts below."""

    root: str
    parts: tuple[str, ...]


_DRIVE = re.compile(r"([A-Za-z]):(?=[\\/]|$)")
_SHARE = re.compile(r"[\\/]{2}([^\\/?*:|<>\"]+)[\\/]+([^\\/?*:|<>\"]+)(?=[\\/]|$)")
_NOT_ON_WINDOWS = re.compile(r'[\\:*?"<>|]')


def _apart(path: str, windows: bool) -> _Apart | None:
    """An absolute path of that system; None: it is none, and stays as it is.

    `//` begins Blender's own paths, beside the .blend. On Windows it may begin a share too, and does where a share of
    that very name is mapped.
    """
    if "\0" in path:
        return None
    if not windows:
        return _Apart("/", _parts(path, "/")) if re.match("/(?!/)", path) else None
    if drive := _DRIVE.match(path):
        return _Apart(drive[1].upper() + ":", _parts(path[2:], r"[\\/]"))
    if share := _SHARE.match(path):
        return _Apart("\\\\", (share[1], share[2], *_parts(path[share.end() :], r"[\\/]")))
    return None


def _parts(text: str, separator: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(separator, text) if part)


def _innermost(path: str, here: View, mappings: Iterable[Mapping]) -> tuple[Mapping, tuple[str, ...]] | None:
    """The mapped folder with the most parts that holds the path, and the parts below it."""
    asked = _apart(path, here.windows)
    if asked is None or ".." in asked.parts:
        return None
    best: tuple[int, Mapping] | None = None
    for mapping in mappings:
        above = _apart(here.of(mapping), here.windows)
        if above and _holds(above, asked, here.windows) and (best is None or len(above.parts) > best[0]):
            best = len(above.parts), mapping
    return (best[1], asked.parts[best[0] :]) if best else None


def _holds(above: _Apart, asked: _Apart, windows: bool) -> bool:
    """Whole parts are compared; on Windows their case does not count."""
    head = asked.parts[: len(above.parts)]
    if windows:
        return above.root == asked.root and _folded(above.parts) == _folded(head)
    return above.root == asked.root and above.parts == head


def _folded(parts: tuple[str, ...]) -> list[str]:
    return [part.casefold() for part in parts]


def _alike(one: str, other: str, here: View, there: View) -> bool:
    """Whether two machines have a folder under one name: then nothing in it is touched."""
    if here.windows != there.windows:
        return False
    ours, theirs = _apart(one, here.windows), _apart(other, there.windows)
    if ours is None or theirs is None or len(ours.parts) != len(theirs.parts):
        return False
    return _holds(ours, theirs, here.windows)


def _impossible(rest: tuple[str, ...], there: View) -> bool:
    """Whether a name of another system would be something else on Windows."""
    return there.windows and any(_NOT_ON_WINDOWS.search(part) for part in rest)


def _joined(folder: str, rest: tuple[str, ...], slash: str) -> str:
    """A folder as a person wrote it, in its system's slashes, and the parts below."""
    if slash == "\\":
        folder = folder.replace("/", slash)
    base = folder.rstrip(slash)
    if not rest and not base.endswith(":"):
        return base
    return base + slash + slash.join(rest)
