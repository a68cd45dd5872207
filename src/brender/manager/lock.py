# SPDX-License-Identifier: GPL-3.0-or-later
"""One manager a data folder: a lock that ends with its process, and a file beside it that says who holds it."""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import IO


class LockedError(Exception):
    """Another manager runs on this data folder; the message names it."""


class DataLock:
    """Held while a manager runs. The operating system lets go of it when the process ends, however it ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "DataLock":
        file = (self._data / "manager.lock").open("a+b")
        try:
            _lock(file)
        except OSError:
            file.close()
            raise LockedError(
                f"A manager runs on {self._data} already{self._who()}. Stop it first, or use it."
            ) from None
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def _who(self) -> str:
        try:
            known = json.loads((self._data / "manager.json").read_bytes())
            return f": process {known['pid']}, at {known['url']}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
