# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Blender prints, taken apart: each run's part goes to its log, the last lines are kept, progress is read.

Inside Blender a secret mark is printed where a run begins. Blender flushes at every line of progress, so what is
printed is also a sign of life.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from brender.worker.log import RunLog

LAST_BYTES = 4096
LINE_BYTES = 64 * 1024  # what has no line end by then is not waited for
_FRAME = re.compile(rb"Fra:\s*(-?\d+)")
_SAMPLE = re.compile(rb"(?:Sample|Path Tracing Sample|Rendering)\s+(\d+)\s*/\s*(\d+)")


class Seen(NamedTuple):
    """Progress that was printed: the frame, and samples done of all; 0 of 0 where it said none."""

    frame: int | None
    sample: int
    samples: int
    text: str


class Printed:
    """Fed with bytes as they come."""

    def __init__(self, mark: str, log: str, on_seen: Callable[[Seen], None]) -> None:
        self._mark = mark.encode()
        self._on_seen = on_seen
        self._rest = b""
        self._last = b""
        self._logs: dict[str, str] = {}
        self._log = RunLog(log)

    def expect(self, run: str, log: str) -> str:
        """Says where the log of a coming run lies; returns the mark it must print."""
        self._logs[run] = log
        return f"{self._mark.decode()}{run}"

    def feed(self, data: bytes) -> None:
        """Takes the next bytes."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LINE_BYTES:
            end = len(data)
        self._rest = data[end:]
        self._take(data[:end])

    def close(self) -> None:
        """Takes what is left and closes the log."""
        self._take(self._rest)
        self._rest = b""
        self._log.close()

    def last_lines(self, count: int = 6) -> list[str]:
        """The last lines that were printed and are not progress."""
        lines = (self._last + self._rest).decode("utf-8", "replace").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.startswith("Fra:")][-count:]

    def _take(self, block: bytes) -> None:
        while (at := block.find(self._mark)) >= 0:
            self._write(block[:at])
            name, _, block = block[at + len(self._mark) :].partition(b"\n")
            self._switch(name.decode())
        self._write(block)

    def _switch(self, run: str) -> None:
        self._log.close()
        self._log = RunLog(self._logs.pop(run))
        self._last = b""

    def _write(self, block: bytes) -> None:
        if block:
            self._log.write(block)
            self._last = (self._last + block[-LAST_BYTES:])[-LAST_BYTES:]
            self._on_seen(_seen(block[-LAST_BYTES:]))


def _seen(block: bytes) -> Seen:
    line = next((part for part in reversed(block.split(b"\n")) if part.startswith(b"Fra:")), b"")
    frame, sample = _FRAME.match(line), _SAMPLE.search(line)
    done, of = (int(sample[1]), int(sample[2])) if sample else (0, 0)
    text = line.rpartition(b"|")[2].strip().decode("utf-8", "replace")
    return Seen(int(frame[1]) if frame else None, done, of, text)
