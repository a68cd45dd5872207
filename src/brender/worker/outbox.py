# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on the disk, in their order, from when they are made until the manager has acknowledged them.

One small file each: an acknowledged one is just removed, with nothing to compact, and a file that a power cut has torn
takes no other with it. The numbers in the names are the order. Whatever kills the worker, what is here is sent again.
"""

import os
from pathlib import Path

import msgspec

from brender.core import messages as m
from brender.worker.durable import sync_folder

Kept = m.Started | m.SceneOpened | m.Rendered | m.Failed | m.Proved | m.Unstarted | m.Stopped

_decode = msgspec.json.Decoder(Kept).decode
_encode = msgspec.json.Encoder().encode


class Outbox:
    """One process at a time uses the folder (identity.py sees to it)."""

    def __init__(self, folder: Path) -> None:
        """Reads what was left; a file that is torn is removed, and counted in `torn`."""
        self._folder = folder
        self._reports: dict[str, tuple[int, m.Report]] = {}  # by id, oldest first
        self._next = 1
        self.torn = 0
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*.json")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            number, report = int(path.stem), _decode(path.read_bytes())
        except (OSError, ValueError, msgspec.MsgspecError):
            path.unlink(missing_ok=True)
            self.torn += 1
            return
        self._reports[report.id] = (number, report)
        self._next = number + 1

    @property
    def reports(self) -> list[m.Report]:
        """All that are not acknowledged, oldest first."""
        return [report for _, report in self._reports.values()]

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that they are about."""
        return tuple(dict.fromkeys(report.run for report in self.reports))

    def put(self, report: m.Report) -> None:
        """Keep it; once this has returned it survives a power cut, but a `Started`, which is not worth the wait.

        Putting one with the same id again changes nothing. Raises OSError where the disk does not take it; then it is
        kept in memory alone.
        """
        if report.id in self._reports:
            return
        self._reports[report.id] = (self._next, report)
        self._next += 1
        self._write(self._path(self._reports[report.id][0]), report)

    def _write(self, path: Path, report: m.Report) -> None:
        with path.open("wb") as file:
            file.write(_encode(report))
            if isinstance(report, m.Started):
                return
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)

    def acknowledge(self, id_: str) -> m.Report | None:
        """Forget the report of this id, and return it; None where there is none."""
        number, report = self._reports.pop(id_, (0, None))
        if report is not None:
            self._path(number).unlink(missing_ok=True)
        return report

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.json"
