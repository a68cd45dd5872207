# SPDX-License-Identifier: GPL-3.0-or-later
"""A real manager with its sockets and its database, real workers in processes of their own, and a real Blender."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from brender.core import commands as c
from brender.core import messages as m
from brender.core.live import LiveWorker
from brender.core.nouns import Job, Limits, Run, RunState, TaskState
from brender.core.rights import LOCAL
from brender.core.scene import Blender, Script
from brender.core.views import JobRequest
from brender.manager import auth
from brender.manager.app import Config, Manager, listen
from brender.manager.service import Service
from brender.store import Store
from tests.farm_builder import host
from tests.worker_io.conftest import blend, installed

__all__ = ["blend", "installed"]  # fixtures

ME = c.By(who="ada", door="console", origin="127.0.0.1", principal=LOCAL)
WITHIN_S = 60.0

# Frame 1 never ends, even frames take two seconds of processor time, others none. What is long has a child in another
# session that burns as well, and says something now and then.
BURN = f"""
import bpy, os, subprocess, time
def burn(scene, *_):
    frame = scene.frame_current
    wanted = 3600.0 if frame == 1 else 2.0 if frame % 2 == 0 else 0.0
    if not wanted:
        return
    child = subprocess.Popen([{sys.executable!r}, "-c", "while True: pass"], start_new_session=True)
    began = said = time.process_time()
    while time.process_time() - began < wanted:
        if time.process_time() - said > 0.05:
            said = time.process_time()
            os.write(1, b"burning\\n")
    child.kill()
    child.wait()
bpy.app.handlers.render_pre.append(burn)
"""

T = TypeVar("T")


async def until(met: Callable[[], T], within_s: float = WITHIN_S) -> T:
    """What it gives, once that is true: what is waited for happens in another process, which tells nobody here."""
    async with asyncio.timeout(within_s):
        while not (found := met()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


class Work:
    """A worker's process, and its next one in the same folder."""

    def __init__(self, data: Path, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.log = data / f"{name}.log"
        self._data = data
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        program = (
            "import sys; from pathlib import Path; from brender.worker.app import Config, run; data, folder, name = "
            "sys.argv[1:]; sys.exit(run(Config(data=Path(data), folder=Path(folder), name=name)))"
        )
        command = [sys.executable, "-c", program, str(self._data), str(self.folder), self.name]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def family(self) -> list[psutil.Process]:
        """All that it has started and that lives."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [p for p in psutil.Process(self.process.pid).children(recursive=True) if lives(p)]
        return []

    async def burning(self) -> list[psutil.Process]:
        """The family, once a long frame has its child."""
        return await until(
            lambda: self.family() if any("while True" in " ".join(words(p)) for p in self.family()) else []
        )

    async def end(self, number: int = signal.SIGTERM) -> None:
        """With a signal, and wait for it."""
        self.process.send_signal(number)
        await asyncio.to_thread(self.process.wait, WITHIN_S)

    def close(self) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()


def lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def cpu_s(processes: list[psutil.Process]) -> float:
    """What they have used of processors so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


class Pretend:
    """A worker that is a WebSocket and the script of a test: it takes what it is given and answers what it must."""

    def __init__(self, socket: ClientConnection, name: str) -> None:
        self._socket = socket
        self.name = name
        self.heard: list[m.ToWorker] = []
        self.runs: list[str] = []
        self._reports = 0

    async def say(self, message: m.Message) -> None:
        await self._socket.send(msgspec.json.encode(message).decode())

    async def report(self, kind: type[m.Report], run: str, **fields: Any) -> None:
        self._reports += 1
        await self.say(kind(id=f"{self.name}.{self._reports}", run=run, **fields))

    async def listen(self) -> None:
        """Take messages for ever; answers a ping, and a stop, as a worker does."""
        with contextlib.suppress(ConnectionClosed):
            async for data in self._socket:
                message = msgspec.json.decode(data, type=m.ToWorker)
                self.heard.append(message)
                await self._answer(message)

    async def _answer(self, message: m.ToWorker) -> None:
        match message:
            case m.Ping():
                await self.say(m.Pong(id=message.id))
            case m.Assign():
                self.runs += [order.run for order in message.orders]
            case m.Stop():
                for run in message.runs:
                    self.runs = [held for held in self.runs if held != run]
                    await self.report(m.Stopped, run)

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.heard if isinstance(message, kind)]


class House:
    """The manager, whoever works for it, and what a person asks of it."""

    def __init__(self, folder: Path, blend: Path, installed: Blender) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.blend = blend
        self._installed = installed
        self._port = 0
        self._works: list[Work] = []
        self._submitted = 0
        self.manager: Manager
        self._store: Store
        self._listening: socket.socket
        self._running: asyncio.Task[None]

    async def start(self) -> None:
        """A manager on this data, at the same port each time."""
        self.data.mkdir(exist_ok=True, mode=0o700)
        config = Config(data=self.data, port=self._port)
        self._listening = listen(config)
        self._port = self._listening.getsockname()[1]
        self._store = Store.open(self.data)
        self.manager = Manager(config, self._store)
        self._running = asyncio.create_task(self.manager.run(self._listening, auth.token(self.data)))
        said = self.data / "manager.json"
        said.unlink(missing_ok=True)
        await until(said.exists)

    async def stop(self) -> None:
        self.manager.end()
        await self._running
        self._listening.close()
        self._store.close()

    async def restart(self) -> None:
        """A manager that knows only what was saved."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        for work in self._works:
            work.close()
        await self.stop()

    @property
    def service(self) -> Service:
        return self.manager.service

    # --- workers

    async def work(self, name: str = "ada", folder: str = "") -> Work:
        """A worker's process that is there."""
        work = Work(self.data, name, self.folder / (folder or name))
        self._works.append(work)
        work.start()
        await until(lambda: self.is_online(name))
        return work

    @contextlib.asynccontextmanager
    async def pretends(self, count: int, kind: type[Pretend] = Pretend) -> AsyncIterator[list[Pretend]]:
        """So many pretend workers, connected."""
        token = {"Authorization": f"Bearer {auth.token(self.data)}"}
        async with contextlib.AsyncExitStack() as stack:
            workers = []
            for name in (f"pretend{n}" for n in range(count)):
                url = self.manager.url.replace("http", "ws") + "/api/v1/worker"
                worker = kind(await stack.enter_async_context(connect(url, additional_headers=token)), name)
                await worker.say(m.Hello(protocol=m.PROTOCOL, key=name * 8, boot="b", name=name, host=host()))
                listening = asyncio.create_task(worker.listen())
                stack.callback(listening.cancel)
                workers.append(worker)
            await until(lambda: all(self.is_online(worker.name) for worker in workers))
            yield workers

    def is_online(self, name: str) -> bool:
        return name in self.manager.engine.farm.by_name and self.worker(name).connection is not None

    def worker(self, name: str = "ada") -> LiveWorker:
        farm = self.manager.engine.farm
        return farm.workers[farm.by_name[name]]

    # --- jobs and runs

    async def submit(self, frames: str, **limits: Any) -> Job:
        """Frames of the cube that moves, in the installed Blender; each job beside a copy of the scene."""
        self._submitted += 1
        folder = self.folder / f"job{self._submitted}"
        folder.mkdir()
        request = JobRequest(
            request_id=f"r{self._submitted}",
            blend=str(shutil.copy(self.blend, folder / "cube.blend")),
            frames=frames,
            scripts=(Script(kind="expr", source=BURN),),
            blender=self._installed,
            limits=Limits(**limits),
        )
        return await self.service.submit(ME, request)

    def picture(self, job: Job, frame: int) -> Path:
        return Path(job.scene.blend).parent / "out" / f"f_{frame:04d}.png"

    def runs(self, job: Job, *states: RunState) -> list[Run]:
        """Its live runs, in these states where any are named."""
        runs = self.manager.engine.farm.runs.values()
        return [run for run in runs if run.job == job.id and (not states or run.state in states)]

    async def running(self, job: Job) -> Run:
        """Its run, once there is one in Blender."""
        return (await until(lambda: self.runs(job, RunState.RUNNING)))[0]

    async def queued(self, job: Job) -> Run:
        """Its run, once there is one that waits in a worker."""
        return (await until(lambda: self.runs(job, RunState.ASSIGNED)))[0]

    def live(self, job: Job) -> Job:
        return self.manager.engine.farm.jobs[job.id]

    def count(self, job: Job, state: TaskState) -> int:
        return self.manager.engine.farm.steps[job.id, 0].counts[state]

    async def ended(self, job: Job) -> Job:
        """Once it has ended."""
        await until(lambda: job.id not in self.manager.engine.farm.jobs)
        over = await asyncio.to_thread(self._store.job, job.id)
        assert over is not None
        return over


@pytest_asyncio.fixture
async def house(tmp_path: Path, blend: Path, installed: Blender) -> AsyncIterator[House]:
    there = House(tmp_path, blend, installed)
    await there.start()
    yield there
    await there.close()


class Timer:
    """How long an order took to be acknowledged."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def check(self, what: str) -> None:
        took = time.monotonic() - self._began
        assert took < 2.0, f"{what} took {took:.2f} s"
        self._began = time.monotonic()


POSIX = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
