# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the manager together and runs it: lock, store, engine, publisher, hub, HTTP. The farm is in memory before any
socket opens; nothing depends on an orderly end, as every change is saved before it is told."""

import asyncio
import errno
import os
import secrets
import socket
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvicorn

from brender import __version__
from brender.core import commands as c
from brender.core.changes import Discard, Effect, Publish, Row, Tell
from brender.core.farm import Now
from brender.core.views import ManagerFile
from brender.manager import auth, http
from brender.manager.engine import Engine, keys_of
from brender.manager.events import Events
from brender.manager.files import Files, Publisher
from brender.manager.hub import Hub
from brender.manager.lock import DataLock, LockedError
from brender.store import Store, StoreError
from brender.store import folder as storefolder

log = structlog.get_logger()

TICK_S = 1.0
PUBLISHERS = 2


class CannotStart(Exception):
    """Why there is no manager now, in a sentence that says what to do."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """How a manager is started."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080  # 0: any that is free


def now() -> Now:
    """This moment, on both clocks."""
    return Now(time.time(), time.monotonic())


def new_id() -> str:
    """An id that nobody else makes."""
    return secrets.token_hex(8)


class Manager:
    """All parts, and the order in which they start and end."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.boot = new_id()
        self.started_at = time.time()
        self.store = store
        self.files = Files(config.data)
        self.events = Events()
        self.engine = Engine(store, clock=now, new_id=new_id, act=self._act, changed=self._changed)
        self.publisher = Publisher(self.engine.command)
        self.hub = Hub(self.engine, self.files)
        self.url = ""

    def _act(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Publish():
                    self.publisher.put(effect.run)
                case Tell() | Discard():
                    self.hub.tell([effect])

    def _changed(self, rows: Sequence[Row]) -> None:
        self.events.changed(keys_of(rows))

    async def run(self, listening: socket.socket, token: str) -> None:
        """Serve until told to end."""
        await self.engine.load()
        self.url = f"http://{self.config.host}:{listening.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(
                http.create(self, token),
                log_config=None,
                access_log=False,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=1,
                server_header=False,
            )
        )
        tasks = [asyncio.create_task(each) for each in (self.engine.run(), self._tick(), *self._publishers())]
        tasks.append(asyncio.create_task(self._announce(server)))
        try:
            await server.serve(sockets=[listening])
        finally:
            self.events.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.engine.close()

    def _publishers(self) -> list[Coroutine[Any, Any, None]]:
        return [self.publisher.run() for _ in range(PUBLISHERS)]

    async def _tick(self) -> None:
        """Finish what was left between accepted and published, then look at the leases for ever."""
        for run in self.engine.unpublished():
            self.publisher.put(run)
        while True:
            try:
                await self.engine.command(c.Tick())
            except StoreError as error:  # the next one may be saved
                log.error("a tick was not saved", error=error.message)
            await asyncio.sleep(TICK_S)

    async def _announce(self, server: uvicorn.Server) -> None:
        """Once it answers, say where: `manager.json` for the commands on this machine, a line for the person."""
        while not server.started:
            await asyncio.sleep(0.01)
        _write_private(
            self.config.data / "manager.json",
            msgspec.json.encode(ManagerFile(url=self.url, pid=os.getpid(), boot=self.boot)),
        )
        log.info("manager ready", url=self.url, data=str(self.config.data), version=__version__)


def _write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for this user alone."""
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    part.replace(path)


def listen(config: Config) -> socket.socket:
    """The bound socket; `CannotStart` where the address is not to be had."""
    listening = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        raise CannotStart(_cannot_listen(error, config)) from None
    return listening


def _cannot_listen(error: OSError, config: Config) -> str:
    where = f"{config.host}, port {config.port}"
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens at {where}. Take another one with --port; `brender doctor` says whose it is."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {config.host}."
    return f"The manager cannot listen at {where}: {error.strerror or error}."


def network_file_system(folder: Path) -> str | None:
    """The kind of network file system that a folder is on, where the database would not hold; None: it is none."""
    return storefolder.on_network(folder)


def run(config: Config) -> None:
    """Run a manager until SIGINT or SIGTERM. Raises `CannotStart`."""
    try:
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        auth.refuse_open_address(config.host)
        with DataLock(config.data), listen(config) as listening:
            _serve(config, listening)
    except (LockedError, StoreError, auth.AuthError) as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        raise CannotStart(f"The data folder {config.data} cannot be used: {error.strerror or error}.") from None


def _serve(config: Config, listening: socket.socket) -> None:
    store = Store.open(config.data)
    try:
        asyncio.run(Manager(config, store).run(listening, auth.token(config.data)))
    except KeyboardInterrupt:
        pass
    finally:
        (config.data / "manager.json").unlink(missing_ok=True)
        store.close()
