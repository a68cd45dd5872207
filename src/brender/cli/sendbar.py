# SPDX-License-Identifier: GPL-3.0-or-later
"""How sending files is shown: a bar with rate and time left on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from brender.client.sending import Shown

if TYPE_CHECKING:
    from rich.progress import Progress

NAMES = {"looking": "Looking at the files", "sending": "Sending", "fetching": "Fetching"}
LINE_S = 10.0  # between two plain lines


def megabytes(size: float) -> str:
    """For people."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


class _Silent:
    """Nothing: stdout holds the job's number alone."""

    def phase(self, name: str, total: int) -> None: ...

    def moved(self, by: int) -> None: ...

    def counted(self, files: int, size: int, new: int) -> None: ...


class _Lines:
    """For a file, a pipe, a log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name, self._total, self._done, self._since, self._said = "", 0, 0, 0.0, 0.0

    def phase(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._since = self._said = time.monotonic()

    def moved(self, by: int) -> None:
        with self._lock:
            self._done += by
            if (now := time.monotonic()) - self._said < LINE_S:
                return
            self._said = now
            rate = self._done / (now - self._since)
            left = f", {(self._total - self._done) / rate:.0f} s left" if rate > 0 else ""
            print(
                f"{NAMES[self._name]}: {megabytes(self._done)} of {megabytes(self._total)}, {megabytes(rate)}/s{left}",
                flush=True,
            )

    def counted(self, files: int, size: int, new: int) -> None:
        print(counted(files, size, new), flush=True)


class _Bar:
    """For a terminal."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def phase(self, name: str, total: int) -> None:
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(NAMES[name], total=total)

    def moved(self, by: int) -> None:
        self._progress.advance(self._task, by)

    def counted(self, files: int, size: int, new: int) -> None:
        self._progress.console.print(counted(files, size, new), markup=False, highlight=False)


def counted(files: int, size: int, new: int) -> str:
    """What a scene is, and what of it has to be sent."""
    news = f"{megabytes(new)} of it are new" if new else "all of it is there already"
    return f"{files} file{'' if files == 1 else 's'}, {megabytes(size)}; {news}."


@contextmanager
def sending(*, quiet: bool, silent: bool) -> Iterator[Shown]:
    """Where it is shown, for as long as the block lasts. `quiet`: in plain lines; `silent`: not at all."""
    if silent or quiet:
        yield _Silent() if silent else _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(highlight=False)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4, expand=True) as progress:
        yield _Bar(progress)
