# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes of files, several at a time, and remembered for as long as a file stays what it was."""

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

AT_ONCE = 4
PIECE = 2**20
SETTLED_S = 2.0  # a file that was changed this little ago may change again within one tick of its clock
MOST = 500_000  # files that are remembered

_MAKE = (
    "CREATE TABLE IF NOT EXISTS hashes (path BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, "
    "inode TEXT, sha256 TEXT, used REAL)"
)
_FORGET = (
    "DELETE FROM hashes WHERE path IN "
    "(SELECT path FROM hashes ORDER BY used LIMIT max(0, (SELECT count(*) FROM hashes) - ?))"
)

Told = Callable[[int], None]  # bytes that were hashed just now


class Hashed(msgspec.Struct, frozen=True):
    """A file's content."""

    sha256: str
    size: int


class _Stamp(msgspec.Struct, frozen=True):
    """What tells that a file is what it was. The inode as text: it may be larger than SQLite's numbers."""

    size: int
    modified: int
    changed: int
    inode: str


class Hashes:
    """Hashes files. What cannot be remembered (a read-only home, a damaged file) is hashed each time."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.Lock()
        self._known: sqlite3.Connection | None = None
        with contextlib.suppress(OSError, sqlite3.Error):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._known = _opened(folder / "hashes.sqlite")

    def close(self) -> None:
        """Keep what was found out."""
        if self._known is not None:
            with contextlib.suppress(sqlite3.Error):
                self._known.execute(_FORGET, (MOST,))
                self._known.commit()
            self._known.close()

    def __enter__(self) -> "Hashes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of(self, paths: Iterable[Path], told: Told) -> dict[Path, Hashed]:
        """The hash of each. Raises OSError with the file's name; what `told` raises goes through."""
        pool, stop = ThreadPoolExecutor(AT_ONCE, "brender-hash"), threading.Event()
        try:
            wanted = list(paths)
            found = pool.map(lambda path: self._one(path, told, stop), wanted)
            return dict(zip(wanted, found, strict=True))
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)

    def forget(self, path: Path) -> None:
        """Hash it anew when it is asked for: it was not what it seemed."""
        self._ask("DELETE FROM hashes WHERE path = ?", os.fsencode(path))

    def _one(self, path: Path, told: Told, stop: threading.Event) -> Hashed:
        stamp = _stamp(path)
        if known := self._remembered(path, stamp):
            told(stamp.size)
            return Hashed(known, stamp.size)
        digest, size = hashlib.sha256(), 0
        for piece in _pieces(path):
            digest.update(piece)
            size += len(piece)
            told(len(piece))
            if stop.is_set():
                break  # nobody waits for it any more, and it is not remembered
        if not stop.is_set() and _stamp(path) == stamp and time.time() - stamp.modified / 1e9 > SETTLED_S:
            self._remember(path, stamp, digest.hexdigest())
        return Hashed(digest.hexdigest(), size)

    def _remembered(self, path: Path, stamp: _Stamp) -> str | None:
        wanted = (os.fsencode(path), *msgspec.structs.astuple(stamp))
        rows = self._ask(
            "SELECT sha256 FROM hashes WHERE path = ? AND size = ? AND modified = ? AND changed = ? AND inode = ?",
            *wanted,
        )
        return rows[0][0] if rows else None

    def _remember(self, path: Path, stamp: _Stamp, sha256: str) -> None:
        row = (os.fsencode(path), *msgspec.structs.astuple(stamp), sha256, time.time())
        self._ask("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?, ?)", *row)

    def _ask(self, text: str, *values: object) -> list[tuple[str, ...]]:
        if self._known is None:
            return []
        with self._lock, contextlib.suppress(sqlite3.Error):
            return self._known.execute(text, values).fetchall()
        return []


def _opened(path: Path) -> sqlite3.Connection:
    """The database; a damaged one is begun anew."""
    try:
        return _ready(path)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
        return _ready(path)


def _ready(path: Path) -> sqlite3.Connection:
    known = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        known.execute(_MAKE)
    except sqlite3.Error:
        known.close()
        raise
    return known


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return _Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, str(found.st_ino))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece
