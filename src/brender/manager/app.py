# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the manager together and runs it: lock, store, engine, publisher, hub, HTTP. The farm is in memory before any
socket opens; nothing depends on an orderly end, as every change is saved before it is told."""

import asyncio
import errno
import os
import platform
import secrets
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvicorn

from brender import __version__
from brender.core import commands as c
from brender.core.changes import Discard, Effect, Publish, Row, Tell
from brender.core.commands import By
from brender.core.live import Now
from brender.core.nouns import Run
from brender.core.rights import LOCAL
from brender.core.views import ManagerFile
from brender.manager import auth, http
from brender.manager.announce import Announcement
from brender.manager.bounded import BoundedHttp
from brender.manager.carrying import Carrying
from brender.manager.console.server import Console
from brender.manager.content import Content
from brender.manager.engine import Engine, keys_of
from brender.manager.events import Events
from brender.manager.files import Files, Publisher
from brender.manager.hub import Hub
from brender.manager.joining import Joining
from brender.manager.lock import DataLock, LockedError
from brender.manager.reach import DIRECT, url_of
from brender.manager.retention import daily
from brender.manager.secure import Secure as Secure  # part of `Config`, for who makes one
from brender.manager.service import Service
from brender.manager.storage import StorageError
from brender.manager.storage.choose import Choice as Choice  # part of `Config`, for who makes one
from brender.manager.storage.choose import open_storage
from brender.manager.views import Views
from brender.store import Store, StoreError
from brender.store import folder as storefolder
from brender.store.backup import backup as copy_database
from brender.tls.addresses import is_loopback
from brender.tls.certificate import TlsError
from brender.tls.files import Pair
from brender.tls.trust import leaf

log = structlog.get_logger()

TICK_S = 1.0
PUBLISHERS = 2
MOST_FILES = 65_536  # open at once
AT_START = "made at a start"  # a join token's note


class CannotStart(Exception):
    """Why there is no manager now, in a sentence that says what to do."""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """How a manager is started."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8080  # 0: any that is free
    console_port: int | None = 6000  # 0: any that is free; None: no console
    storage: Choice = Choice()  # where content and frames are kept
    logins_off: bool = False  # nobody needs to log in from here on: the way back in for who owns the machine
    secure: Secure = Secure()
    invite: Callable[[str], None] | None = None  # is told, once it listens for others, how a machine joins


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
        self.engine.farm.system = platform.system()
        storage = open_storage(config.data, config.storage)
        self.content = Content(config.data, storage, lambda name: self.engine.farm.setting(name))
        self.carrying = Carrying(self.engine, config.data, storage, self.content.room)
        self.publisher = Publisher(self.engine.command, self.carrying.publish)
        self.hub = Hub(self.engine, self.files, self.carrying)
        views = Views(self.engine, store)
        self.service = Service(self.engine, store, self.files, views, self.end, self.hub.ping, self.content)
        self.console = Console(self.service)
        self.people = self.service.people
        self.joining = Joining(self.engine, self.people)
        self.url = ""
        self.reach = DIRECT
        self._server: uvicorn.Server | None = None

    def end(self) -> None:
        """End in order, as a signal would."""
        if self._server:
            self._server.should_exit = True

    def _act(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Publish():
                    self.publisher.put(effect.run)
                case Tell() | Discard():
                    self.hub.tell([effect])

    def _changed(self, rows: Sequence[Row]) -> None:
        self.events.changed(keys_of(rows))
        for row in rows:
            if isinstance(row, Run) and self.carrying.over(row):
                asyncio.get_running_loop().run_in_executor(None, self.carrying.forget, row.id)

    async def run(
        self, listening: socket.socket, token: str, console: socket.socket | None = None, tls: Pair | None = None
    ) -> None:
        """Serve until told to end; on `console` too, where there is one; with `tls` in no other way."""
        await self.engine.load()
        port = listening.getsockname()[1]
        self.url = url_of(self.config.host, port, tls=tls is not None)
        self.reach = self.config.secure.reach(tls)
        self.joining.urls = self.config.secure.urls(self.reach, self.config.host, port)
        self.joining.fingerprint = tls.fingerprint if tls and not self.reach.public else ""
        server = self._server = uvicorn.Server(
            uvicorn.Config(
                http.create(self, token),
                log_config=None,
                access_log=False,
                http=BoundedHttp,
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=1,
                server_header=False,
                proxy_headers=False,
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )
        announcement = self.config.secure.announcement(self.config.host, port, tls)
        tasks = [asyncio.create_task(each) for each in (self.engine.run(), self._tick(), *self._publishers())]
        tasks.append(asyncio.create_task(daily(self.service.collect_content)))
        tasks.append(asyncio.create_task(self._announce(server, console, tls, announcement)))
        try:
            await server.serve(sockets=[listening])
        finally:
            await self.console.close()
            if announcement:
                await announcement.close()
            self.events.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.engine.close()

    def _publishers(self) -> list[Coroutine[Any, Any, None]]:
        return [self.publisher.run() for _ in range(PUBLISHERS)]

    async def _tick(self) -> None:
        """Finish what was left between accepted and published, then look at the leases for ever."""
        await asyncio.to_thread(self.carrying.clean)
        for run in self.engine.unpublished():
            self.publisher.put(run)
        while True:
            try:
                await self.engine.command(c.Tick())
            except StoreError as error:  # the next one may be saved
                log.error("a tick was not saved", error=error.message)
            await asyncio.sleep(TICK_S)

    async def _announce(
        self,
        server: uvicorn.Server,
        console: socket.socket | None,
        tls: Pair | None,
        announcement: Announcement | None,
    ) -> None:
        """Once it answers, say where: `manager.json` for the commands on this machine, a line for the person, and a
        word in the network.
        """
        if self.config.logins_off:
            await self.engine.command(_LOGINS_OFF)
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
        port = await self.console.start(console) if console else None
        said = ManagerFile(
            url=self.url,
            pid=os.getpid(),
            boot=self.boot,
            console_port=port,
            fingerprint=tls.fingerprint if tls else "",
            certificate=leaf(tls.pem) if tls else "",
        )
        _write_private(self.config.data / "manager.json", msgspec.json.encode(said))
        log.info("manager ready", url=self.url, console=port, data=str(self.config.data), version=__version__)
        if self.config.invite and (tls or self.reach.public):
            made = await self.joining.make(By(who="", door="cli", principal=LOCAL), note=AT_START)
            self.config.invite(made.text)
        if announcement:
            await announcement.start()


_LOGINS_OFF = c.SetAttributes(
    by=By(who="--logins-off", door="cli", principal=LOCAL), kind="setting", keys=("logins",), values={"value": False}
)


def _write_private(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for this user alone."""
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    part.replace(path)


def listen(config: Config) -> socket.socket:
    """The bound socket; `CannotStart` where the address is not to be had."""
    return _bound(config.host, config.port, "--port")


def listen_console(config: Config) -> socket.socket | None:
    """The console's, where it is to have one: on loopback, whatever else is listened at."""
    host = config.host if is_loopback(config.host) else "127.0.0.1"
    return None if config.console_port is None else _bound(host, config.console_port, "--console-port")


def _bound(host: str, port: int, option: str) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host == "::":  # IPv4 too, whatever the system's habit
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotStart(_cannot_listen(error, host, port, option)) from None
    return listening


def _cannot_listen(error: OSError, host: str, port: int, option: str) -> str:
    where = f"{host}, port {port}"
    if error.errno == errno.EADDRINUSE:
        none = " or --no-console" if option == "--console-port" else ""
        return f"Another program listens at {where}. Take another one with {option}{none}; `brender doctor` says more."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {host}."
    return f"The manager cannot listen at {where}: {error.strerror or error}."


def room_for_connections() -> None:
    """Allow as many open sockets as the system lets this user have: a thousand consoles are a thousand files."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def network_file_system(folder: Path) -> str | None:
    """The kind of network file system that a folder is on, where the database would not hold; None: it is none."""
    return storefolder.on_network(folder)


def backup(data: Path, target: Path) -> int:
    """Copy the database of a data folder, whose manager may run, to a new file; its bytes. Raises `CannotStart`."""
    try:
        return copy_database(data, target)
    except StoreError as error:
        raise CannotStart(str(error)) from None


def run(config: Config) -> None:
    """Run a manager until SIGINT or SIGTERM. Raises `CannotStart`."""
    try:
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        room_for_connections()
        with DataLock(config.data):
            tls = config.secure.pair(config.data, config.host)
            auth.refuse_open_address(config.host, tls=tls is not None)
            with listen(config) as listening, listen_console(config) or nullcontext() as console:
                _serve(config, listening, console, tls)
    except (LockedError, StoreError, StorageError, TlsError, auth.AuthError) as error:
        raise CannotStart(str(error)) from None
    except OSError as error:
        raise CannotStart(f"The data folder {config.data} cannot be used: {error.strerror or error}.") from None


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, which does the same in half the time, wherever there is one."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def _serve(config: Config, listening: socket.socket, console: socket.socket | None, tls: Pair | None) -> None:
    store = Store.open(config.data)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(Manager(config, store).run(listening, auth.token(config.data), console, tls))
    except KeyboardInterrupt:
        pass
    finally:
        (config.data / "manager.json").unlink(missing_ok=True)
        store.close()
