# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a scene that is carried: every file it needs, by its content and its place among the others.

The manifest itself is content too: a job names it by its SHA-256, so that what was submitted can never change.
"""

import re

import msgspec

from brender.core import names

MOST_FILES = 100_000
MOST_MANIFEST = 64 * 2**20  # bytes

SHA256 = re.compile(r"[0-9a-f]{64}")


class SceneFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: where it lies among the others, and what is in it."""

    path: str  # relative, with "/", as `names.relative` allows it
    sha256: str  # 64 hexadecimal digits, lower case
    size: int  # bytes


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All files of a scene, sorted by path, each path once. Encoded by `encode` alone, so that equal ones are one."""

    blend: str  # which of them is opened
    files: tuple[SceneFile, ...]


def encode(manifest: Manifest) -> bytes:
    """The bytes whose SHA-256 names the manifest."""
    return msgspec.json.encode(manifest)


def decode(data: bytes) -> Manifest:
    """The manifest of these bytes. Raises `msgspec.MsgspecError`; the names in it have yet to be looked at."""
    return msgspec.json.decode(data, type=Manifest)


def wrong(manifest: Manifest) -> str | None:
    """Why a manifest is none that can be laid out on every system; None: it is one."""
    if len(manifest.files) > MOST_FILES:
        return f"it has more than {MOST_FILES} files"
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for file in manifest.files:
        if reason := names.refusal(file.path):
            return f"the path {file.path!r}: {reason}"
        if not SHA256.fullmatch(file.sha256) or file.size < 0:
            return f"{file.path} has no SHA-256 and size"
        if other := _clash(file.path, seen, folders):
            return f"{other} and {file.path} are the same to some file systems"
    if [file.path for file in manifest.files] != sorted(seen.values()):
        return "its files are not sorted by path"
    if manifest.blend not in seen.values():
        return f"{manifest.blend!r}, which is to be opened, is not among its files"
    return None


def _clash(path: str, seen: dict[str, str], folders: dict[str, str]) -> str | None:
    """Another path that is the same to some file system, or a file where this one has a folder. Notes this one."""
    me = names.twin(path)
    if me in seen or me in folders:
        return seen.get(me) or folders[me]
    seen[me] = path
    cut = len(path)
    while (cut := path.rfind("/", 0, cut)) > 0:
        folder = path[:cut]
        above = names.twin(folder)
        if above in seen:
            return seen[above]
        if folders.setdefault(above, folder) != folder:
            return folders[above]
    return None
