# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist, a manager and a worker on one machine that share no folder."""

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brender.client.api import Client
from brender.imaging.compare import compare
from tests.e2e.conftest import Desk, Running

SCENE = "01 - basic linking.blend"
QUICK = ("-E", "CYCLES", "--samples", "1", "--size", "64x36", "--allow-missing")
SLOW = ("-E", "CYCLES", "--samples", "24", "--size", "480x270", "--allow-missing")
WITHIN_S = 90.0


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` gives, once it is something."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.002)
    pytest.fail(f"it did not come to it: {what}")


class Apart:
    """An artist's desk, a manager and a worker, each in a folder of its own."""

    def __init__(self, desk: Desk, scenes: Path, *options: object) -> None:
        """`options`: of the manager."""
        self.desk, self._options = desk, options
        self.project = desk.folder / "artist" / "project"
        shutil.copytree(scenes / "linked", self.project)
        self.blend = self.project / SCENE
        self.manager_data, self.worker_data = desk.folder / "manager", desk.folder / "worker"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        desk.environ["XDG_CACHE_HOME"] = str(desk.folder / "artist" / "cache")
        self.manager = self.start_manager()
        token = (self.manager_data / "token").read_text().strip()
        desk.environ |= {"BRENDER_TOKEN": token, "BRENDER_MANAGER": self.url}
        self.client = Client(self.url, token)
        self.worker = self.start_worker()

    def start_manager(self) -> Running:
        where = ("--data", self.manager_data, "--port", self.port, "--no-console")
        started = self.desk.start("manager", *where, *self._options)
        started.wait_for("manager ready")
        return started

    def start_worker(self) -> Running:
        return self.desk.start("worker", "--data", self.worker_data)

    def kill(self, running: Running) -> None:
        """Without a word, and none of its Blenders either."""
        for process in reversed(running.family()):
            process.kill()
        running.wait()

    def submit(self, *arguments: object) -> int:
        """By the artist, who then does something else. The job's number."""
        code, text = self.desk.run("render", self.blend, "--send", "--detach", *arguments)
        assert code == 0, text
        return int(text.splitlines()[-1])

    def over(self, job: int) -> dict[str, int]:
        """The tasks of the job by state, once it has ended."""
        view = until(lambda: (v := self.client.job(job)).ended_at is not None and v, f"the end of job {job}")
        return dict(view.counts)

    def outbox(self) -> list[Path]:
        return [p for p in self.worker_data.glob("worker/outbox/*.json") if b'"Rendered"' in p.read_bytes()]

    def content(self) -> dict[str, int]:
        """What is in the worker's cache: each file, and when it came."""
        found = self.worker_data.glob("worker/cache/content/*/*")
        return {path.name: path.stat().st_mtime_ns for path in found}


def same(one: Path, other: Path) -> bool:
    found = compare(one, other)
    return (found.fraction, found.largest) == (0.0, 0.0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
