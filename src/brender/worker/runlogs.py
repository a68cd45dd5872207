# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender printed, on its way to the manager: the head as it comes, and the tail when the run has ended.

The files are written by Blender's side (log.py), which bounds them; here they are read, in pieces that are bounded too.
A piece that is lost is a gap in a log, and no more.
"""

import codecs
from collections.abc import Collection, Iterator
from pathlib import Path

from brender.core import messages as m

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 256 * 1024
PIECE_BYTES = 64 * 1024


class _Reading:
    """How far one run's log has been told."""

    def __init__(self, run: str, path: Path) -> None:
        self._run = run
        self._path = path
        self._told = 0
        self._decoder = _new_decoder()

    def next_piece(self, end: int) -> m.Log | None:
        """What follows, up to byte `end`; bytes outside UTF-8 become replacement characters (C23)."""
        data = self._read(min(PIECE_BYTES, end - self._told))
        self._told += len(data)
        text = self._decoder.decode(data)
        return m.Log(run=self._run, text=text) if text else None

    def rest(self) -> Iterator[m.Log]:
        """All that is left to tell: of a long log the last bytes, and a line that says how much is missing (C22)."""
        end = self._size()
        yield from self._up_to(min(end, HEAD_BYTES))
        if end - self._told > TAIL_BYTES:
            left_out = end - self._told - TAIL_BYTES
            yield m.Log(run=self._run, text=f"\n[brender: {left_out / 2**20:.1f} MB of this log are left out here]\n")
            self._told, self._decoder = end - TAIL_BYTES, _new_decoder()
        yield from self._up_to(end)

    def _up_to(self, end: int) -> Iterator[m.Log]:
        while self._told < end and (piece := self.next_piece(end)):
            yield piece

    def _read(self, count: int) -> bytes:
        if count <= 0:
            return b""
        try:
            with self._path.open("rb") as file:
                file.seek(self._told)
                return file.read(count)
        except OSError:
            return b""

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


class RunLogs:
    """The logs of the runs that are being told, a file each in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readings: dict[str, _Reading] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, run: str) -> str:
        """Where what is printed in this run goes; from now on it is told."""
        path = self._folder / f"{run}.log"
        self._readings.setdefault(run, _Reading(run, path))
        return str(path)

    def pieces(self) -> Iterator[m.Log]:
        """The next piece of each log's head."""
        for reading in self._readings.values():
            if piece := reading.next_piece(HEAD_BYTES):
                yield piece

    def rest(self, run: str) -> Iterator[m.Log]:
        """All that is left of the log of a run that has ended."""
        reading = self._readings.pop(run, None) or _Reading(run, self._folder / f"{run}.log")
        yield from reading.rest()
        self.forget(run)

    def forget(self, run: str) -> None:
        """Remove the log."""
        self._readings.pop(run, None)
        (self._folder / f"{run}.log").unlink(missing_ok=True)

    def clean(self, wanted: Collection[str]) -> None:
        """Remove the logs of an earlier process, but for these runs'."""
        for path in self._folder.glob("*.log"):
            if path.stem not in wanted:
                path.unlink(missing_ok=True)


def _new_decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")
