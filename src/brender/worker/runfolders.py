# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folders a run writes into, noted on the disk, so that nothing is left of a run that nobody wants.

Only folders named `.brender-RUN` of a run that was noted here are ever removed.
"""

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec


class RunFolders:
    """A note a run, in the worker's folder."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        notes.mkdir(parents=True, exist_ok=True)

    def note(self, run: str, folders: Iterable[str]) -> None:
        """The run writes into these."""
        self._note(run).write_bytes(msgspec.json.encode(list(folders)))

    def forget(self, run: str) -> None:
        """Its files are somebody else's business now; folders that are empty go."""
        for folder in self._folders(run):
            _remove_empty(folder)
        self._note(run).unlink(missing_ok=True)

    def remove(self, run: str) -> None:
        """Remove its folders with all that is in them."""
        for folder in self._folders(run):
            shutil.rmtree(folder, ignore_errors=True)
        self._note(run).unlink(missing_ok=True)

    def clean(self, wanted: Collection[str]) -> list[str]:
        """Remove what runs of an earlier process have left, but for the wanted ones. Returns which they were."""
        left = [path.stem for path in self._notes.glob("*.json") if path.stem not in wanted]
        for run in left:
            self.remove(run)
        return left

    def _note(self, run: str) -> Path:
        return self._notes / f"{run}.json"

    def _folders(self, run: str) -> list[Path]:
        try:
            noted = msgspec.json.decode(self._note(run).read_bytes(), type=list[str])
        except (OSError, msgspec.MsgspecError):
            return []
        return [Path(folder) for folder in noted if Path(folder).name == f".brender-{run}"]


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # not empty, or not there
