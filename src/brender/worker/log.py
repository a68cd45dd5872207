# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a run: what Blender printed, byte for byte, but never more than its head and its tail."""

import contextlib
import io
from collections import deque
from pathlib import Path

HEAD_BYTES = 4 * 2**20
TAIL_BYTES = 1 * 2**20


class RunLog:
    """Written as it comes, up to the head's size; the last bytes follow when it is closed (C22).

    A disk that is full or gone costs the log, never the run.
    """

    def __init__(self, path: str, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self._file = _opened(path)
        self._room = max(0, head - self._file.tell())
        self._tail_size = tail
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self.left_out = 0  # bytes

    def write(self, data: bytes) -> None:
        """Appends what was printed."""
        if self._room:
            self._append(data[: self._room])
        rest = data[self._room :]
        self._room = max(0, self._room - len(data))
        if rest:
            self._keep(rest)

    def _keep(self, data: bytes) -> None:
        self._tail.append(data)
        self._kept += len(data)
        while self._kept - len(self._tail[0]) >= self._tail_size:
            dropped = self._tail.popleft()
            self._kept -= len(dropped)
            self.left_out += len(dropped)

    def close(self) -> None:
        """Appends the tail, and says how much was left out before it."""
        if self._file.closed:
            return
        if self.left_out:
            note = f"\n[brender: {self.left_out / 2**20:.1f} MB of this log are left out here]\n"
            self._append(note.encode())
        self._append(b"".join(self._tail))
        self._file.close()

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._file.write(data)


def _opened(path: str) -> io.RawIOBase | io.BytesIO:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("ab", buffering=0)
    except OSError:
        return io.BytesIO()
