# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager and a worker as children of this command: started, watched, started again a few times, and ended.

They outlive nothing: each holds the other end of a pipe on its stdin (`--with-parent`), which the system closes when
this process ends in whatever way. They are in groups of their own, so that a Ctrl-C reaches this command alone.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.client import find
from brender.client.api import Client

if TYPE_CHECKING:
    import psutil

RESTARTS = 5  # of one child; after that something is wrong that no start mends
START_S = 60.0  # the longest a manager may take until it answers
LOOK_S = 0.05
GENTLE_S = 5.0  # for an end in order, where nobody waits

Say = Callable[[str], None]


@dataclass
class Child:
    """One child process, and the file that keeps what it prints."""

    name: str
    arguments: list[str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)
    restarts: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, once more if it has died."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "brender", *self.arguments, "--log", str(self.log), "--with-parent"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                **_group_of_its_own(),
            )

    @property
    def ended(self) -> bool:
        """Whether it has died, or was never meant to go on."""
        return self.process.poll() is not None

    def let_go(self) -> None:
        """Close the pipe: it takes that as the word to end in order."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def last_words(self) -> str:
        """The last line it printed."""
        try:
            lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].strip() if lines else "it said nothing"


class Household:
    """The children of one command: at most one manager and one worker, for one data folder."""

    def __init__(self, data: Path, say: Say) -> None:
        self.data = data
        self._say = say
        self.manager: Child | None = None
        self.worker: Child | None = None

    def start_manager(self, port: int = 0, console: Sequence[str] = ("--no-console",)) -> None:
        """Start a manager; `wait_for_manager` says when it can be asked. Port 0: any free one."""
        self.manager = self._child("manager", ["--data", str(self.data), "--port", str(port), *console])

    def start_worker(self, arguments: Sequence[str] = ()) -> None:
        """Start a worker for the data folder's manager."""
        self.worker = self._child("worker", ["--data", str(self.data), "--local", *arguments])

    def wait_for_manager(self) -> Client:
        """The manager, as soon as it answers. Raises `CliError` with its last words where it does not."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            client = find.local_manager(self.data)
            if client is not None:
                return client
            if self.manager is not None and self.manager.ended:
                raise CliError(f"The manager does not start: {self.manager.last_words()}", Exit.NO_MANAGER)
            time.sleep(LOOK_S)
        raise CliError(
            f"The manager did not answer within {START_S:.0f} s. Its log is {self._log('manager')}.", Exit.NO_MANAGER
        )

    def watch(self) -> None:
        """Start again what has died, and say so. Raises `CliError` when it dies again and again."""
        for child in (self.manager, self.worker):
            if child is not None and child.ended:
                self._again(child)

    def stop(self, within_s: float = GENTLE_S) -> None:
        """End the worker, then the manager, in order where there is time; with all they started in any case."""
        deadline = time.monotonic() + within_s
        children = [child for child in (self.worker, self.manager) if child is not None]
        family = [process for child in children for process in _tree(child.process.pid)]
        for index, child in enumerate(children):
            child.let_go()
            share = (deadline - time.monotonic()) / (len(children) - index)
            _wait(child.process, share)
        _kill(family)
        for child in children:
            child.process.wait()
        self.worker = self.manager = None

    def _child(self, name: str, arguments: list[str]) -> Child:
        return Child(name, [name, *arguments], self._log(name))

    def _log(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def _again(self, child: Child) -> None:
        words = child.last_words()
        if child.restarts >= RESTARTS:
            raise CliError(
                f"The {child.name} has ended {RESTARTS + 1} times: {words}. Its log is {child.log}.",
                Exit.FAILED,
            )
        child.restarts += 1
        child.let_go()
        how = _ending(child.process.returncode)
        self._say(f"The {child.name} has ended ({how}) and is started again ({child.restarts} of {RESTARTS}).")
        child.start()


def _ending(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


class _Group(TypedDict, total=False):
    start_new_session: bool
    creationflags: int


def _group_of_its_own() -> _Group:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.05, timeout_s))


def _tree(pid: int) -> "list[psutil.Process]":
    import psutil

    try:
        root = psutil.Process(pid)
        return [*root.children(recursive=True), root]
    except psutil.Error:
        return []


def _kill(processes: "list[psutil.Process]") -> None:
    # a process is known by its id and its start: one that has got an old id is not killed
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
