# SPDX-License-Identifier: GPL-3.0-or-later
"""Where content and frames are kept: a folder, or an S3-compatible store. One setting chooses, nothing else knows.

Keys are relative paths with "/" as `core.names` allows them: `content/ab/SHA256`, `output/JOB/frames/0007.png`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec


class StorageError(Exception):
    """What the storage could not do; the message says what and why."""


class Entry(msgspec.Struct, frozen=True):
    """One thing that is kept."""

    key: str
    size: int  # bytes
    modified_at: float  # wall clock


class Storage(Protocol):
    """Everything blocks: call it in a thread. Everything raises StorageError, and may be repeated."""

    def where(self, key: str) -> str:
        """For people: a path, or an address `s3://bucket/...`."""

    def size(self, key: str) -> int | None:
        """Bytes; None where there is nothing of that key."""

    def take(self, key: str, path: Path) -> None:
        """Keep this whole, verified file under the key, in place of what was there; the file at `path` is gone then.

        All or nothing, and durable when it returns.
        """

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes, in pieces of at most 1 MiB. Raises FileNotFoundError where there is nothing of that key."""

    def local(self, key: str) -> Path | None:
        """The file on this machine's disk, where there is one; it is only to be read."""

    def delete(self, key: str) -> None:
        """Remove it; nothing there is fine."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """All whose keys begin so, in no order."""

    def room(self) -> int | None:
        """Bytes that are free; None where that is not known."""
