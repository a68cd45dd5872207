# SPDX-License-Identifier: GPL-3.0-or-later
"""The `brender` command as a person runs it: a process, its exit code, what it says, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Running:
    """A `brender` command that is going on. Its lines are there as they come."""

    def __init__(self, arguments: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "brender", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=environ,
        )
        self.lines: list[str] = []
        self._come = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._say(line.rstrip("\n"))
        self._say(None)

    def _say(self, line: str | None) -> None:
        with self._come:
            self.lines.append("" if line is None else line)
            self._come.notify_all()

    @property
    def text(self) -> str:
        """All it has said, stdout and stderr as they came."""
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout_s: float = 90.0) -> re.Match[str]:
        """The first match in what it says; fails with all it said where none comes."""
        with self._come:
            found = self._come.wait_for(lambda: re.search(pattern, self.text) or not self._reader.is_alive(), timeout_s)
        match = re.search(pattern, self.text)
        assert found, f"{pattern!r} was not said: {self.text}"
        assert match, f"{pattern!r} was not said before its end: {self.text}"
        return match

    def family(self, kind: str = "") -> list[psutil.Process]:
        """Itself and all that it has started; or those of them with `kind` in their command line."""
        here = psutil.Process(self.process.pid)
        return [p for p in (here, *here.children(recursive=True)) if kind in " ".join(_words(p))]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 100.0) -> int:
        """Its exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(10)
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()
        return code


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Desk:
    """A folder to work in, with a data folder of its own, and the commands that are run from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.out = folder / "out"
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "BRENDER_DATA": str(self.data)}
        self.environ.pop("BRENDER_MANAGER", None)
        self.started: list[Running] = []

    def start(self, *arguments: object) -> Running:
        """Start a command."""
        running = Running([str(a) for a in arguments], self.environ)
        self.started.append(running)
        return running

    def run(self, *arguments: object) -> tuple[int, str]:
        """Run a command to its end: exit code, and what it said."""
        running = self.start(*arguments)
        code = running.wait()
        return code, running.text

    def frames(self) -> dict[str, Path]:
        """The files in the output folder, by name."""
        return {p.name: p for p in sorted(self.out.glob("*")) if p.is_file()}

    def left_running(self) -> list[psutil.Process]:
        """Processes that have to do with this folder."""
        return [p for p in psutil.process_iter() if any(str(self.folder) in word for word in _words(p))]

    def close(self) -> None:
        """End what a test that failed has left."""
        for running in self.started:
            if running.process.poll() is None:
                running.signal(signal.SIGTERM)
            running.wait(20)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    here.close()
