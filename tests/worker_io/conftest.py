# SPDX-License-Identifier: GPL-3.0-or-later
"""A real worker process and a real Blender, and a manager that is a WebSocket and a script of the test."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from brender.core import messages as m
from brender.core.scene import Blender, Scene, Script
from brender.worker import host

TOKEN = "a token of the test, long enough for one"
WITHIN_S = 60.0
BOUNDS = m.Bounds(max_run_s=600, silence_s=600)

MAKE = """
import bpy, sys
scene = bpy.context.scene
scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 1, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
scene.frame_start, scene.frame_end = 1, 20
scene.render.filepath = "//out/f_####"
bpy.data.objects["Cube"].keyframe_insert("location", frame=1)
bpy.data.objects["Cube"].location.x = 3
bpy.data.objects["Cube"].keyframe_insert("location", frame=20)
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
"""

# frame 13 never ends, frame 17 prints three megabytes with bytes that are no text in them
HANDLER = """
import bpy, os, time
def odd(scene, *_):
    if scene.frame_current == 13:
        os.write(1, b"frame 13 hangs\\n")
        time.sleep(600)
    if scene.frame_current == 17:
        os.write(1, b"caf\\xe9 HEAD\\n")
        for _ in range(48):
            os.write(1, b"x" * 65535 + b"\\n")
        os.write(1, b"TAIL\\n")
bpy.app.handlers.render_pre.append(odd)
"""

T = TypeVar("T", bound=m.Message)


class Manager:
    """Acknowledges, adopts and welcomes everything, unless a test says otherwise."""

    def __init__(self) -> None:
        self.heard: list[m.ToManager] = []
        self.hellos: list[m.Hello] = []
        self.acknowledge: Callable[[m.Report], m.Ack | None] = lambda report: m.Ack(report=report.id)
        self.adopt: Callable[[m.Hello], tuple[str, ...]] = lambda hello: hello.held
        self.refuse: m.Refused | None = None
        self.url = ""
        self._socket: ServerConnection | None = None
        self._news = asyncio.Condition()

    async def serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/api/v1/worker"
        assert socket.request.headers["Authorization"] == f"Bearer {TOKEN}"
        self._socket = socket
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                assert isinstance(data, str)
                await self._take(msgspec.json.decode(data, type=m.ToManager))

    async def _take(self, message: m.ToManager) -> None:
        if isinstance(message, m.Hello):
            self.hellos.append(message)
            welcome = m.Welcome(worker="w", name="w", heartbeat_s=0.2, lease_s=60, adopted=self.adopt(message))
            await self.send(self.refuse or welcome)
        elif isinstance(message, m.Report) and (ack := self.acknowledge(message)):
            await self.send(ack)
        async with self._news:
            self.heard.append(message)
            self._news.notify_all()

    async def send(self, message: m.ToWorker) -> None:
        assert self._socket is not None
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(msgspec.json.encode(message), text=True)

    async def drop(self) -> None:
        """Cut the connection."""
        assert self._socket is not None
        self._socket.transport.abort()

    def of(self, kind: type[T]) -> list[T]:
        return [message for message in self.heard if isinstance(message, kind)]

    async def until(self, done: Callable[[], Any]) -> None:
        """Until what the manager has heard makes it true."""
        try:
            async with asyncio.timeout(WITHIN_S), self._news:
                await self._news.wait_for(done)
        except TimeoutError:
            pytest.fail(f"it did not come to it; heard: {[x for x in self.heard if not isinstance(x, m.Heartbeat)]}")

    async def until_heard_times(self, kind: type[T], times: int) -> list[T]:
        """All messages of this kind, once there are so many."""
        await self.until(lambda: len(self.of(kind)) >= times)
        return self.of(kind)

    async def until_heard(self, kind: type[T], run: str) -> T:
        """The first message of this kind about the run."""
        await self.until(lambda: any(getattr(message, "run", "") == run for message in self.of(kind)))
        return next(message for message in self.of(kind) if getattr(message, "run", "") == run)

    def log(self, run: str) -> str:
        return "".join(piece.text for piece in self.of(m.Log) if piece.run == run)


@pytest.fixture
async def manager() -> AsyncIterator[Manager]:
    managing = Manager()
    async with serve(managing.serve, "127.0.0.1", 0) as server:
        managing.url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield managing


class Worker:
    """A worker's process, and its next one in the same folder."""

    def __init__(self, manager: Manager, data: Path) -> None:
        self._manager = manager
        self.data = data
        self.log = data / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **config: Any) -> None:
        program = (
            "import sys; from pathlib import Path; from brender.worker.app import Config, run; "
            f"sys.exit(run(Config(data=Path(sys.argv[1]), manager=sys.argv[2], **{config!r})))"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, str(self.data), self._manager.url],
                env={**os.environ, "BRENDER_TOKEN": TOKEN},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, WITHIN_S)

    def blenders(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            for process in [*self.blenders(), psutil.Process(self.process.pid)]:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self.process.wait()


@pytest.fixture
def worker(manager: Manager, tmp_path: Path) -> Iterator[Worker]:
    (tmp_path / "data").mkdir()
    working = Worker(manager, tmp_path / "data")
    yield working
    working.end()


@pytest.fixture(scope="session")
def installed() -> Blender:
    """The installed Blender of the PATH."""
    if not (path := shutil.which("blender")) or not (found := host.look_at(path)):
        pytest.skip("no blender on the PATH")
    return found.blender


@pytest.fixture(scope="session")
def blend(installed: Blender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cube that moves, 64 by 36 pixels and one sample."""
    path = tmp_path_factory.mktemp("scene") / "cube.blend"
    command = ["blender", "-b", "--factory-startup", "--python-expr", MAKE, "--", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return path


@pytest.fixture
def scene(blend: Path, installed: Blender, tmp_path: Path) -> Scene:
    """A copy of its own, so that its frames land in the test's folder."""
    copied = shutil.copy(blend, tmp_path / "cube.blend")
    return Scene(blend=str(copied), blender=installed, scripts=(Script(kind="expr", source=HANDLER),))


def assign(scene: Scene, *frames: int, bounds: m.Bounds = BOUNDS) -> m.Assign:
    """Runs named after their frames: `run4` is frame 4."""
    orders = tuple(m.Order(run=f"run{frame}", index=frame - 1, start=frame, end=frame) for frame in frames)
    return m.Assign(job=1, step=0, scene=scene, bounds=bounds, orders=orders)


def out(scene: Scene) -> list[str]:
    """What lies beside the final frames."""
    folder = Path(scene.blend).parent / "out"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


KILL = signal.SIGKILL if os.name == "posix" else signal.SIGTERM
