# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a scene: what the manager does not have, several files at a time, and the manifest last.

Once it is there, a job can be submitted that names the manifest. What was sent before an interruption stays, and is
found again.
"""

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from brender.client.api import Client
from brender.client.hashing import Hashed, Hashes
from brender.client.tracing import Traced, TraceError, rewritten, trace
from brender.core import manifest as manifests
from brender.core.contentviews import MOST_HASHES
from brender.core.manifest import Manifest, SceneFile
from brender.transfer import Changed

AT_ONCE = 4


class Shown(Protocol):
    """Who is told how far it is. What it raises ends the sending. Called from several threads."""

    def phase(self, name: str, total: int) -> None:
        """So many bytes are looked at, or sent, from here on."""

    def moved(self, by: int) -> None:
        """So many bytes more; fewer, where some are sent again."""

    def counted(self, files: int, size: int, new: int) -> None:
        """So many files of so many bytes it is in all, of which `new` are not there yet."""


class Sent(msgspec.Struct, frozen=True):
    """What a request for a job needs to know."""

    manifest: str
    blend: str  # its place
    scripts: tuple[str, ...]  # theirs


class Stopped(Exception):
    """The others need not be sent any more."""


def send_scene(client: Client, traced: Traced, cache: Path, shown: Shown) -> Sent:
    """Bring a traced scene to the manager. A file that changes meanwhile is looked at once more, then refused.

    Raises TraceError, TransferError or ApiError, each with a sentence.
    """
    with Hashes(cache) as hashes:
        try:
            return _sent(client, traced, hashes, shown)
        except Changed:
            for found in traced.files:
                hashes.forget(found.path)
            scripts = [found.path for found in traced.files if found.place in traced.scripts]
            return _sent(client, trace(traced.blend, scripts), hashes, shown)


def _sent(client: Client, traced: Traced, hashes: Hashes, shown: Shown) -> Sent:
    with _aside() as folder:
        copies = rewritten(traced, folder)
        paths = {found.place: copies.get(found.path, found.path) for found in traced.files}
        contents = _hashed(paths, hashes, shown)
        manifest = Manifest(
            blend=traced.place,
            files=tuple(
                SceneFile(path=place, sha256=contents[path].sha256, size=contents[path].size)
                for place, path in sorted(paths.items())
            ),
        )
        _send_missing(client, {contents[path].sha256: path for path in paths.values()}, manifest, shown)
        return Sent(_send_manifest(client, manifest, folder), traced.place, traced.scripts)


@contextmanager
def _aside() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="brender-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hashed(paths: Mapping[str, Path], hashes: Hashes, shown: Shown) -> dict[Path, Hashed]:
    wanted = set(paths.values())
    try:
        shown.phase("looking", sum(path.stat().st_size for path in wanted))
        return hashes.of(wanted, shown.moved)
    except OSError as error:
        raise TraceError(f"{error.filename} cannot be read: {error.strerror}.") from None


def _send_missing(client: Client, paths: Mapping[str, Path], manifest: Manifest, shown: Shown) -> None:
    sizes = {file.sha256: file.size for file in manifest.files}
    missing = _missing(client, list(sizes))
    new = sum(sizes[sha256] for sha256 in missing)
    shown.counted(len(manifest.files), sum(file.size for file in manifest.files), new)
    shown.phase("sending", new)
    stop = threading.Event()
    pool = ThreadPoolExecutor(AT_ONCE, "brender-send")
    try:
        # the large ones first, so that none is left alone at the end
        queue = sorted(missing, key=lambda sha256: -sizes[sha256])
        sending = [pool.submit(_send, client, paths[s], s, sizes[s], shown, stop) for s in queue]
        for each in wait(sending, return_when=FIRST_EXCEPTION).done:
            each.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _missing(client: Client, hashes: Sequence[str]) -> list[str]:
    found: list[str] = []
    for first in range(0, len(hashes), MOST_HASHES):
        found += client.missing_content(hashes[first : first + MOST_HASHES])
    return found


def _send(client: Client, path: Path, sha256: str, size: int, shown: Shown, stop: threading.Event) -> None:
    at = 0

    def told(there: int) -> None:
        nonlocal at
        if stop.is_set():
            raise Stopped
        shown.moved(there - at)
        at = there

    client.send_content(path, sha256, size, told)


def _send_manifest(client: Client, manifest: Manifest, folder: Path) -> str:
    data = manifests.encode(manifest)
    sha256 = hashlib.sha256(data).hexdigest()
    path = folder / "manifest.json"
    path.write_bytes(data)
    client.send_content(path, sha256, len(data), lambda _: None)
    return sha256
