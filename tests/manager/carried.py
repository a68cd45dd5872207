# SPDX-License-Identifier: GPL-3.0-or-later
"""A house behind a real server, whose door can be opened and closed, and carried jobs in it."""

import asyncio
import hashlib
import socket
from collections.abc import Callable

import msgspec
import uvicorn

from brender.core.nouns import Run
from brender.core.scene import Scene
from brender.worker.connection import Connection
from brender.worker.link import Address
from tests.farm_builder import BLENDER
from tests.manager.house import House

KEY = "the key of a worker, long enough for one"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Served:
    """A house whose door can be opened and closed, always at the same address."""

    def __init__(self, house: House) -> None:
        self.house = house
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.asked: list[str] = []
        self._connections: list[Connection] = []

    async def open(self) -> None:
        app = self.house.app()

        async def noting(scope: object, receive: object, send: object) -> None:
            if scope["type"] == "http":  # type: ignore[index]
                self.asked.append(f"{scope['method']} {scope['path']}")  # type: ignore[index]
            await app(scope, receive, send)  # type: ignore[arg-type]

        config = uvicorn.Config(noting, log_config=None, lifespan="off", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
        self._server = uvicorn.Server(config)
        listening = socket.create_server(("127.0.0.1", self.port))
        self._task = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def close(self) -> None:
        for connection in self._connections:
            connection.close()
        if self._server and self._task:
            self._server.should_exit = True
            await self._task

    def connection(self, addresses: Callable[[], list[Address]] | None = None) -> Connection:
        self._connections.append(Connection(addresses or (lambda: [self.address])))
        return self._connections[-1]

    @property
    def address(self) -> Address:
        return Address(f"ws://127.0.0.1:{self.port}/api/v1/worker", KEY)


async def held(house: House, frames: str = "7", home: str = "") -> list[Run]:
    """The runs of a carried job, of the worker with the key."""
    await house.join("ash", key=KEY, hashed=sha(KEY.encode()))
    scene = Scene(blend="a.blend", blender=BLENDER, manifest="a" * 64)
    outputs = house.content.storage.where("output/{job}/f_####.png")
    command = msgspec.structs.replace(house.submission(frames), scene=scene, outputs=outputs, home=home)
    await house.do(command)
    return house.held()
