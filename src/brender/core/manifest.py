# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent of a scene that is carried: every file it needs, by its content and its place among the others.

The manifest itself is content too: a job names it by its SHA-256, so that what was submitted can never change.
"""

import msgspec


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
