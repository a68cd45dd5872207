# SPDX-License-Identifier: GPL-3.0-or-later
"""The console's socket: takes connections, so many at once, and ends them with the manager."""

import asyncio
import contextlib
import socket

import structlog

from brender.manager.console.legacy import LegacyClients
from brender.manager.console.session import Session
from brender.manager.console.wire import PIECE, Gone, Limits, Waiting, Wire
from brender.manager.service import Service

log = structlog.get_logger()

BACKLOG = 1024
USUAL = Limits()
KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 4}  # a dead machine is noticed after 140 s


class Console:
    """Every connection is a task of its own: none waits for another."""

    def __init__(self, service: Service, limits: Limits = USUAL) -> None:
        self._service = service
        self._limits = limits
        self._waiting = Waiting(limits.waiting)
        self._legacy = LegacyClients(service.engine)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> int:
        """Take connections from now on; at which port."""
        self._server = await asyncio.start_server(self._connected, sock=listening, limit=PIECE, backlog=BACKLOG)
        port: int = listening.getsockname()[1]
        return port

    async def close(self) -> None:
        """End all connections, once what they were told has gone out."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer, self._limits, self._waiting)
        _keep_alive(writer.get_extra_info("socket"))
        try:
            if len(self._tasks) > self._limits.most:
                await wire.say(f"{self._limits.most} consoles are connected already: try again later.\n")
                await wire.close()
            else:
                await Session(self._service, wire, self._limits, self._legacy).run()
        except Gone:
            pass
        except Exception:
            log.exception("a console's connection failed")
        finally:
            wire.drop()


def _keep_alive(connection: socket.socket) -> None:
    """So that a machine that vanished without a word is noticed."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
