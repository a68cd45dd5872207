# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a scene's files before Blender is started with them: are they there, the ones submitted, and not newer.

A file of a newer Blender can end an older one with a segmentation fault, so its header is read here, first.
"""

from pathlib import Path

from brender import blendfile
from brender.core.failures import Kind
from brender.core.scene import Scene

Stamp = tuple[str, int, int, int]  # path, time of change in ns, size, inode: as long as these stay, the content does

_hashes: dict[Stamp, str] = {}
_MOST_HASHES = 4096


class Unfit(Exception):
    """The files are not to be opened: the kind, and a sentence for the artist."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


def check(scene: Scene) -> None:
    """Reads the header and, where hashes are given, all of the files that have not been read before.

    Blocks; call it in a thread. Raises Unfit: file_absent, file_unreadable, file_newer, scene_changed.
    """
    changed = [path for path, sha256 in scene.hashes if _sha256(path) != sha256]
    if changed:
        names = ", ".join(f'"{path}"' for path in changed)
        text = f"{names} changed since the job was submitted, or is gone."
        raise Unfit(Kind.SCENE_CHANGED, text + " Put the submitted version back, or submit the job anew.")
    try:
        header = blendfile.header(scene.blend)
    except blendfile.Unreadable as error:
        raise Unfit(error.kind, error.message) from None
    if header.version > _version(scene.blender.version):
        saved = ".".join(map(str, header.version))
        text = f'"{scene.blend}" was saved by Blender {saved}, which is newer than the {scene.blender} of this job.'
        raise Unfit(Kind.FILE_NEWER, text + " Render it with that Blender, or save it from the older one.")


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _sha256(path: str) -> str | None:
    try:
        found = Path(path).stat()
        stamp = (path, found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp not in _hashes:
            _remember(stamp, blendfile.hashes([path])[0][1])
    except (OSError, blendfile.Unreadable):
        return None
    return _hashes[stamp]


def _remember(stamp: Stamp, sha256: str) -> None:
    if len(_hashes) >= _MOST_HASHES:
        _hashes.clear()
    _hashes[stamp] = sha256
