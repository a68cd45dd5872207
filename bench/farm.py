# SPDX-License-Identifier: GPL-3.0-or-later
"""A real farm for a benchmark: manager and worker as processes of their own, and what they cost."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from brender.client.api import Client
from brender.client.find import local_manager

TREE_FIELDS = ("user", "system", "children_user", "children_system")


class BenchFarm:
    """A manager, and perhaps a worker, on a data folder of their own."""

    def __init__(self, data: Path, *, worker: bool = True, options: Sequence[str] = ()) -> None:
        self.data = data
        environ = os.environ | {"BRENDER_DATA": str(data)}
        self._log = (data / "bench.log").open("ab")
        self.processes = [self._start(environ, "manager", "--data", str(data), "--port", "0", *options)]
        self.client = self._wait()
        if worker:
            self.processes.append(self._start(environ, "worker", "--data", str(data)))
            self._until(lambda: any(w.connection == "online" for w in self.client.workers().workers))

    def _start(self, environ: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "brender", *words], env=environ, stdout=self._log, stderr=self._log
        )

    def _wait(self) -> Client:
        deadline = time.monotonic() + 30
        while (client := local_manager(self.data)) is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"the manager did not start: see {self.data / 'bench.log'}")
            time.sleep(0.1)
        return client

    def _until(self, ready: object) -> None:
        deadline = time.monotonic() + 60
        while not ready():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise SystemExit(f"the worker did not come: see {self.data / 'bench.log'}")
            time.sleep(0.1)

    def cpu_s(self) -> float:
        """CPU seconds of all processes of the farm so far, those that have ended included."""
        return sum(_tree_cpu_s(psutil.Process(process.pid)) for process in self.processes)

    def manager_rss_mb(self) -> float:
        """Memory of the manager's process."""
        return float(psutil.Process(self.processes[0].pid).memory_info().rss) / 2**20

    def end_worker(self) -> None:
        """End it alone."""
        worker = self.processes.pop()
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)

    def close(self) -> None:
        """End both, the worker first."""
        self.client.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        self._log.close()


def _tree_cpu_s(process: psutil.Process) -> float:
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += sum(getattr(times, field) for field in TREE_FIELDS)
    return total


@contextlib.contextmanager
def farm(data: Path, *, worker: bool = True, options: Sequence[str] = ()) -> Iterator[BenchFarm]:
    """A farm for as long as the block lasts."""
    data.mkdir(parents=True, exist_ok=True)
    running = BenchFarm(data, worker=worker, options=options)
    try:
        yield running
    finally:
        running.close()


def say(text: str) -> None:
    """Progress, for the person who waits."""
    print(text, file=sys.stderr, flush=True)
