# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a process starts ends with it: children that ignore SIGTERM, leave the group, or are orphaned."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from brender.worker.process import MARK, Tree, end_left_behind

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups and signals are POSIX")

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
MIDDLE = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
print("pid", child.pid, flush=True)
"""
HUNGRY = """
x = bytearray(200 * 2**20)
s = sum(range(3_000_000))
print("up", flush=True)
import time
time.sleep(600)
"""
PARENT = """
import os, subprocess, sys, time
code = sys.argv[1]
child = subprocess.Popen([sys.executable, "-c", code], start_new_session="session" in sys.argv)
if "orphan" in sys.argv:
    subprocess.run([sys.executable, "-c", sys.argv[2], code])
print("pid", child.pid, flush=True)
if "leave" in sys.argv:
    os._exit(7)
time.sleep(600)
"""


class Started:
    """A tree, and what it has printed so far."""

    def __init__(self, *words: str, owner: str = "") -> None:
        self.reading, writing = os.pipe()
        command = [sys.executable, "-c", PARENT, STUBBORN, MIDDLE, *words]
        self.tree = Tree.start(command, output=writing, environment=dict(os.environ), owner=owner)
        os.close(writing)
        self.lines = os.fdopen(self.reading, "r")

    def children(self, count: int, ups: int) -> list[psutil.Process]:
        """The processes it says that it started, once all of them run."""
        found: list[psutil.Process] = []
        while len(found) < count or ups:
            line = self.lines.readline()
            ups -= line == "up\n"
            if line.startswith("pid"):
                found.append(psutil.Process(int(line.split()[1])))
        return found


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("words", [(), ("session",), ("session", "orphan")], ids=["child", "other session", "orphan"])
async def test_nothing_of_the_tree_runs_once_it_was_killed(words: tuple[str, ...]) -> None:
    """C19."""
    started = Started(*words)
    children = started.children(count=2 if "orphan" in words else 1, ups=2 if "orphan" in words else 1)
    assert all(runs(child) for child in children)
    await started.tree.kill()
    assert not any(runs(child) for child in children)
    assert started.tree.code == -signal.SIGKILL
    assert started.tree.killed
    started.lines.close()


async def test_children_end_also_when_the_root_is_long_gone() -> None:
    started = Started("session", "leave")
    children = started.children(count=1, ups=1)
    assert await started.tree.wait() == 7
    await started.tree.kill()
    assert not any(runs(child) for child in children)
    assert not started.tree.killed
    started.lines.close()


def becomes(process: psutil.Process, *, stopped: bool) -> bool:
    """Whether it stands still, or goes on, as soon as the kernel has seen to the signal."""
    until = time.monotonic() + 5
    while (process.status() == psutil.STATUS_STOPPED) is not stopped:
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


async def test_a_tree_is_paused_and_goes_on() -> None:
    started = Started()
    (child,) = started.children(count=1, ups=1)
    started.tree.pause()
    assert becomes(psutil.Process(started.tree.pid), stopped=True)
    assert becomes(child, stopped=True)
    started.tree.resume()
    assert becomes(child, stopped=False)
    started.tree.pause()
    await started.tree.kill()
    assert not runs(child)
    started.lines.close()


async def test_memory_and_processor_time_are_those_of_the_whole_tree() -> None:
    """C21."""
    reading, writing = os.pipe()
    command = [sys.executable, "-c", PARENT, HUNGRY]
    tree = Tree.start(command, output=writing, environment=dict(os.environ))
    os.close(writing)
    with os.fdopen(reading, "r") as lines:
        while lines.readline() != "up\n":
            pass
        usage = tree.usage()
        assert 200 < usage.peak_memory_mb < 400
        assert usage.cpu_s > 0.05
        await tree.kill()
        assert tree.usage().peak_memory_mb >= usage.peak_memory_mb


async def test_what_a_killed_worker_left_is_found_by_its_owner() -> None:
    owner = f"test-{os.getpid()}"
    sleep = "import time; time.sleep(600)"
    others = await asyncio.create_subprocess_exec(sys.executable, "-c", sleep, env={**os.environ, MARK: "else/1"})
    started = Started("session", "orphan", owner=owner)
    children = started.children(count=2, ups=2)
    assert await asyncio.to_thread(end_left_behind, owner) == 4 - 1  # the middle one has ended by itself
    assert not any(runs(child) for child in children)
    assert others.returncode is None
    others.kill()
    await others.wait()
    await started.tree.wait()
    started.lines.close()


async def test_a_program_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Tree.start([str(tmp_path / "none")], output=subprocess.DEVNULL, environment={})
