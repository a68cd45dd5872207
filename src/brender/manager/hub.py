# SPDX-License-Identifier: GPL-3.0-or-later
"""The workers' connections: one WebSocket each. Brings reports to the engine, and what it tells to the workers.

It decides nothing. What cannot be delivered is dropped: a worker that comes back says what it holds, and the
engine's rules make good what was missed (docs/protocol.md).
"""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterable
from typing import Protocol

import msgspec
import structlog

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Discard, Tell
from brender.core.rights import Principal
from brender.manager.carrying import Carrying
from brender.manager.engine import Engine
from brender.manager.files import Files

log = structlog.get_logger()

HELLO_WITHIN_S = 10.0
PING_WITHIN_S = 5.0
MOST_WAITING = 10_000  # messages for one worker; who does not read them is let go
LONGEST_MESSAGE = 4 * 2**20  # bytes

_decode = msgspec.json.Decoder(m.ToManager).decode
_encode = msgspec.json.Encoder().encode


class Socket(Protocol):
    """What is needed of a WebSocket. `receive` raises `Closed` when it has ended."""

    async def receive(self) -> str | bytes: ...
    async def send(self, text: str) -> None: ...
    async def close(self) -> None: ...


class Closed(Exception):
    """The other side has gone."""


class Link:
    """One open connection, and the messages that wait to be sent on it. None ends it."""

    def __init__(self, socket: Socket) -> None:
        self.id = secrets.token_hex(8)
        self.socket = socket
        self.waiting: asyncio.Queue[m.ToWorker | None] = asyncio.Queue()
        self.pings: dict[str, asyncio.Future[float]] = {}  # sent, and not answered: when the answer came

    def put(self, message: m.ToWorker | None) -> None:
        """Queue a message; a worker that no longer reads is let go."""
        self.waiting.put_nowait(message if self.waiting.qsize() < MOST_WAITING else None)

    async def pump(self) -> None:
        """Send what is queued, until None or the end of the connection; then close it."""
        try:
            while (message := await self.waiting.get()) is not None:
                await self.send(message)
        except Closed:
            return
        await self.socket.close()

    async def send(self, message: m.ToWorker) -> None:
        await self.socket.send(_encode(message).decode())


class Hub:
    """All links, by connection id."""

    def __init__(self, engine: Engine, files: Files, carrying: Carrying) -> None:
        self._engine = engine
        self._files = files
        self._carrying = carrying
        self._links: dict[str, Link] = {}

    def tell(self, tells: Iterable[Tell | Discard]) -> None:
        """Send messages to workers, and end connections, in order; never blocks."""
        for each in tells:
            if isinstance(each, Discard):
                self._put(each.connection, None)
            else:
                self._put(self._engine.farm.workers[each.worker].connection, each.message)

    async def ping(self, worker: str) -> float:
        """Seconds until the worker (an id) has answered. `Refusal` where it is not there, or does not answer."""
        link, name = self._link_of(worker)
        id_ = secrets.token_hex(8)
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        link.pings[id_] = answered
        sent = time.monotonic()
        link.put(m.Ping(id=id_))
        try:
            async with asyncio.timeout(PING_WITHIN_S):
                return await answered - sent
        except TimeoutError:
            raise c.Refusal(f"Worker {name} is connected, and has not answered within {PING_WITHIN_S:g} s.") from None
        except Closed:
            raise c.Refusal(f"Worker {name} has gone offline before it answered.") from None
        finally:
            del link.pings[id_]

    def _link_of(self, worker: str) -> tuple[Link, str]:
        if (known := self._engine.farm.workers.get(worker)) is None:
            raise c.Refusal(f"There is no worker {worker}.", "not_found")
        if known.record.legacy:
            raise c.Refusal(f"Worker {known.record.name} is a client of 2013, which answers no ping.")
        if (link := self._links.get(known.connection or "")) is None:
            raise c.Refusal(f"Worker {known.record.name} is offline.")
        return link, known.record.name

    def close(self) -> None:
        """End every connection: the manager stops."""
        for connection in list(self._links):
            self._put(connection, None)

    def _put(self, connection: str | None, message: m.ToWorker | None) -> None:
        if connection is not None and (link := self._links.get(connection)):
            link.put(message)

    async def serve(self, socket: Socket, who: Principal) -> None:
        """One connection from its `Hello` to its end; `who`: as whom the door let it in."""
        link = Link(socket)
        self._links[link.id] = link  # before the engine hears of it, so that nothing told is missed
        try:
            await self._talk(link, who)
        except Closed:
            pass
        except (msgspec.DecodeError, TimeoutError, ValueError) as error:
            await _refuse(link, error)
        finally:
            del self._links[link.id]
            for answered in link.pings.values():
                if not answered.done():
                    answered.set_exception(Closed())

    async def _talk(self, link: Link, who: Principal) -> None:
        async with asyncio.timeout(HELLO_WITHIN_S):
            hello = await _receive(link.socket)
        if not isinstance(hello, m.Hello):
            raise ValueError(f"The first message of a connection is a Hello, and this was a {type(hello).__name__}.")
        key_hash = hashlib.sha256(hello.key.encode("utf-8", "surrogatepass")).hexdigest()
        answer = self._stranger(who, key_hash) or await self._engine.command(
            c.WorkerHello(connection=link.id, hello=hello, key_hash=key_hash, joined=bool(who.worker))
        )
        if isinstance(answer, m.Refused):
            await link.send(answer)
            await link.socket.close()
            return
        await self._stay(link, answer)

    def _stranger(self, who: Principal, key_hash: str) -> m.Refused | None:
        """With its own key a worker comes as itself, and as nobody else."""
        known = self._engine.farm.workers.get(who.worker)
        if known is None or known.record.key_hash == key_hash:
            return None
        return m.Refused(reason="The key that opened the connection is not the one that its Hello names.")

    async def _stay(self, link: Link, welcome: m.Welcome) -> None:
        """Online from here on, whatever comes: also where the welcome finds nobody any more, its end is told."""
        worker = welcome.worker
        log.info("worker connected", worker=worker)
        pump: asyncio.Task[None] | None = None
        goodbye = False
        try:
            await link.send(welcome)
            pump = asyncio.create_task(link.pump())
            while not goodbye:
                goodbye = await self._take(link, worker, await _receive(link.socket))
        finally:
            if pump is not None:
                pump.cancel()
            await self._engine.command(c.WorkerGone(worker=worker, connection=link.id, goodbye=goodbye))
            log.info("worker gone", worker=worker, goodbye=goodbye)

    async def _take(self, link: Link, worker: str, message: m.ToManager) -> bool:
        """Take one message; True where it was a goodbye."""
        match message:
            case m.Heartbeat():
                self._engine.heard(worker, message)
            case m.Pong():
                _answered(link, message)
            case m.Log():
                await self._log(worker, message)
            case m.Report():
                await self._report(link, worker, message)
            case m.Hello():
                raise ValueError("A connection says Hello once.")
        return isinstance(message, m.Goodbye)

    async def _log(self, worker: str, message: m.Log) -> None:
        run = self._engine.farm.runs.get(message.run)
        if run is not None and run.worker == worker:
            await asyncio.to_thread(self._files.append_log, run, message.text)

    async def _report(self, link: Link, worker: str, report: m.Report) -> None:
        run = self._engine.farm.runs.get(report.run)
        if isinstance(report, m.Rendered) and await self._carrying.lacks(worker, report):
            link.put(m.Ack(report=report.id, verdict="bring"))
            return
        if isinstance(report, m.Rendered) and report.thumbnail and run is not None and run.worker == worker:
            await asyncio.to_thread(self._files.keep_thumbnail, run, report.thumbnail)
        link.put(await self._engine.command(c.TakeReport(worker=worker, report=report)))


def _answered(link: Link, pong: m.Pong) -> None:
    asked = link.pings.get(pong.id)
    if asked is not None and not asked.done():
        asked.set_result(time.monotonic())


async def _receive(socket: Socket) -> m.ToManager:
    data = await socket.receive()
    if len(data) > LONGEST_MESSAGE:
        raise ValueError(f"A message of {len(data)} bytes is longer than {LONGEST_MESSAGE}.")
    return _decode(data)


async def _refuse(link: Link, error: Exception) -> None:
    """A connection that said what it should not: it is told, and closed. Nothing it held is lost."""
    text = str(error) or f"No Hello within {HELLO_WITHIN_S:.0f} s."
    log.warning("a worker's connection was refused", reason=text)
    try:
        await link.send(m.Refused(reason=text, again=True))
        await link.socket.close()
    except Closed:
        pass
