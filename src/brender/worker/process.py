# SPDX-License-Identifier: GPL-3.0-or-later
"""A process and everything it starts: run in a session of its own, ended as a whole, paused as a whole, measured.

Ended means: when `kill` returns, no process of the tree runs any more, also none that ignores SIGTERM, left the
process group or was orphaned: each carries a mark in its environment. What differs between systems is here alone.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec
import psutil

from brender.worker.limits import UNLIMITED, Limits

MARK = "BRENDER_TREE"  # in the environment of all that a worker starts: OWNER/ONE-OF-ITS-TREES
SAMPLE_EVERY_S = 1.0
KILL_WITHIN_S = 20.0  # a process in an uninterruptible wait cannot be ended by anyone

_POSIX = os.name == "posix"


class Usage(msgspec.Struct, frozen=True):
    """What a tree has used: memory at its peak (resident, summed over the processes), processor time so far."""

    peak_memory_mb: float
    cpu_s: float


class Tree:
    """A started process and its descendants. Make it with `start`, inside a running event loop."""

    def __init__(self, popen: subprocess.Popen[bytes], mark: str, most_mb: float | None = None) -> None:
        self.pid = popen.pid
        self.code: int | None = None  # of the exit; negative: the signal that ended it
        self.killed = False  # by us
        self.exceeded = False  # its bound of memory, for which it was ended
        self._most_mb = most_mb
        self._popen = popen
        self._mark = mark
        self._root = _process(popen.pid)
        self._seen: set[psutil.Process] = set()
        self._peak_mb = 0.0
        self._cpu_s = 0.0
        self._oom_kills = _oom_kills()
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._over = threading.Event()
        threading.Thread(target=self._wait, name=f"wait {self.pid}", daemon=True).start()
        threading.Thread(target=self._sample_on, name=f"sample {self.pid}", daemon=True).start()

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        *,
        output: int | IO[bytes],
        environment: Mapping[str, str],
        descriptors: Iterable[int] = (),
        owner: str = "",
        limits: Limits = UNLIMITED,
        folder: str | None = None,
    ) -> "Tree":
        """Starts it, held to `limits`, in `folder`; both its outputs go to `output`, its input is empty.

        Raises OSError where it cannot be.
        """
        mark = f"{owner or os.getpid()}/{uuid.uuid4()}"
        popen = subprocess.Popen(
            limits.command(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, MARK: mark},
            pass_fds=tuple(descriptors) if _POSIX else (),
            start_new_session=_POSIX,
            creationflags=0 if _POSIX else getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            cwd=folder,
        )
        return cls(popen, mark, limits.memory_mb)

    async def wait(self) -> int:
        """Until its root process has ended; its exit code, negative for a signal."""
        await self._exited.wait()
        assert self.code is not None
        return self.code

    async def kill(self) -> None:
        """Ends the whole tree; returns when none of it runs. Raises TimeoutError if that cannot be done."""
        if self.code is None:
            self.killed = True
        await asyncio.to_thread(self._end)
        await self._exited.wait()

    def pause(self) -> None:
        """Stops the tree where it is, with what it starts while it is being stopped."""
        stopped: set[psutil.Process] = set()
        while going := self._members(marked=True) - stopped:
            _each(going, psutil.Process.suspend)
            stopped |= going

    def resume(self) -> None:
        """Lets it go on."""
        _each(self._members(marked=True), psutil.Process.resume)

    def usage(self) -> Usage:
        """Of the whole tree, up to now."""
        self._sample()
        return Usage(self._peak_mb, self._cpu_s)

    @property
    def peak_memory_mb(self) -> float:
        """As it was last sampled, without looking again."""
        return self._peak_mb

    def forget_peak(self) -> None:
        """From here on, the peak is that of what follows."""
        self._peak_mb = 0.0

    def out_of_memory(self) -> bool:
        """True where the kernel has ended a process for memory since this tree was started, and this one died so."""
        return self.code in (-9, 128 + 9) and not self.killed and _oom_kills() > self._oom_kills

    def _members(self, marked: bool = False) -> set[psutil.Process]:
        """All of the tree that is alive; `marked` also asks every process of the machine for the mark."""
        known = {p for p in (self._root, *self._seen) if p is not None and _is_alive(p)}
        found = set(known)
        for process in known:
            with contextlib.suppress(psutil.Error):
                found.update(process.children(recursive=True))
        if marked:
            found.update(p for p in psutil.process_iter() if _session(p.pid) == self.pid or _mark(p) == self._mark)
        found = {p for p in found if _is_alive(p)}
        self._seen = found - {self._root}
        return found

    def _end(self) -> None:
        _end_all(lambda: self._members(marked=True))

    def _wait(self) -> None:
        code, used = _wait_for(self._popen)
        self.code = code
        self._peak_mb = max(self._peak_mb, used.peak_memory_mb)
        self._cpu_s = max(self._cpu_s, used.cpu_s)
        self._over.set()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._exited.set)

    def _sample_on(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            held = self._sample()
            if self._most_mb is not None and held > self._most_mb and not self.killed:
                self.exceeded = True
                with contextlib.suppress(TimeoutError):  # it is tried again a moment later
                    self._end()

    def _sample(self) -> float:
        """What it holds now, in MB."""
        memory = cpu = 0.0
        for process in self._members():
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                cpu += sum(times[:4]) if _POSIX else times.user + times.system
                memory += process.memory_info().rss / 2**20
        self._peak_mb = max(self._peak_mb, memory)
        self._cpu_s = max(self._cpu_s, cpu)
        return memory


def end_left_behind(owner: str) -> int:
    """Ends what a worker of before, killed without a word, left running: all that carries `owner` in its mark.

    Returns how many there were.
    """

    def left() -> set[psutil.Process]:
        return {p for p in psutil.process_iter() if p.pid != os.getpid() and _mark(p).startswith(f"{owner}/")}

    count = len(left())
    _end_all(left)
    return count


def _each(processes: Iterable[psutil.Process], action: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            action(process)


def _end_all(members: object) -> None:
    assert callable(members)
    deadline = time.monotonic() + KILL_WITHIN_S
    while left := members():
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        _await_end(left)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(p.pid for p in left)} could not be ended")


def _await_end(processes: set[psutil.Process]) -> None:
    """Not by psutil's own wait, which would take the exit of our children from who waits for them."""
    until = time.monotonic() + 0.2
    while any(map(_is_alive, processes)) and time.monotonic() < until:
        time.sleep(0.004)


def _process(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _session(pid: int) -> int | None:
    with contextlib.suppress(OSError, AttributeError):
        return os.getsid(pid)
    return None


def _mark(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK, "")
    return ""


def _wait_for(popen: subprocess.Popen[bytes]) -> tuple[int, Usage]:
    """Waits for the exit; where the system tells, with what the process used in all, also when it was killed."""
    if not _POSIX:
        return popen.wait(), Usage(0.0, 0.0)
    _, status, used = os.wait4(popen.pid, 0)
    popen.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return popen.returncode, Usage(used.ru_maxrss / unit, used.ru_utime + used.ru_stime)


def _oom_kills() -> int:
    """How many processes the kernel has ended for want of memory, as far as it tells (Linux)."""
    total = 0
    for file in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError):
            lines = (line.split() for line in Path(file).read_text().splitlines())
            total += sum(int(line[1]) for line in lines if line[0] == "oom_kill")
    return total
