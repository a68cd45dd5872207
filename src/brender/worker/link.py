# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's one WebSocket to the manager. It connects for ever: an hour's silence is a state, not a crash.

What is sent while there is no connection is dropped; what must not be lost is in the outbox, and is sent again.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from brender.core import messages as m
from brender.core.views import ErrorBody
from brender.tls import trust
from brender.worker.joining import AGAIN, where

log = structlog.get_logger()

FIRST_S = 0.2
LONGEST_S = 10.0
OPEN_WITHIN_S = 10.0
PING_EVERY_S = 10.0
LONGEST_MESSAGE = 16 * 2**20  # bytes

_decode = msgspec.json.Decoder(m.ToWorker).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Address:
    """Where the manager is, and what opens its door."""

    url: str  # "ws://127.0.0.1:8080/api/v1/worker"
    token: str
    certificate: str = ""  # PEM, of the only one that is believed; "": it is known by its name
    joined: bool = False  # the token is this worker's own key


class UnknownAddressError(Exception):
    """It is not known (yet) where the manager is; the message says why."""


class Link:
    """`run` it in a task; `send` at any time."""

    def __init__(
        self,
        addresses: Callable[[], Sequence[Address]],
        hello: Callable[[], m.Hello],
        heard: Callable[[m.ToWorker], None],
    ) -> None:
        """`addresses` is asked for each connection, and each tried in turn; `hello` makes its first message, `heard`
        takes what is received.
        """
        self._addresses = addresses
        self._turn = 0  # which of the addresses; the one that was good stays
        self._hello = hello
        self._heard = heard
        self._waiting: asyncio.Queue[bytes] | None = None  # there while there is a connection
        self._welcomed = False
        self._said = ""

    @property
    def connected(self) -> bool:
        """Whether what is sent now has a way."""
        return self._waiting is not None

    def send(self, message: m.ToManager | m.Report) -> None:
        """Send it as soon as can be, in order; or never, where there is no connection."""
        if self._waiting is not None:
            self._waiting.put_nowait(_encode(message))

    async def flush(self) -> None:
        """Until all that was sent has left, or the connection has ended."""
        if self._waiting is not None:
            await self._waiting.join()

    async def run(self) -> None:
        """Connect, and connect again."""
        wait = FIRST_S
        while True:
            self._welcomed = False
            reason = await self._connection()
            self._say(reason)
            wait = FIRST_S if self._welcomed else min(2 * wait, LONGEST_S)
            self._turn += not self._welcomed
            await asyncio.sleep(wait * random.uniform(0.8, 1.0))  # noqa: S311  a thousand workers do not come at once

    def _say(self, reason: str) -> None:
        """Once, until there was a connection again."""
        if reason != self._said:
            self._said = reason
            log.warning("no connection to the manager; trying on", reason=reason)

    async def _connection(self) -> str:
        """One connection from its beginning to its end; the reason of that."""
        try:
            addresses = self._addresses()
        except UnknownAddressError as error:
            return str(error)
        address = addresses[self._turn % len(addresses)]
        try:
            return await self._connect(address)
        except InvalidStatus as error:
            return self._turned_away(address, error.response.status_code, error.response.body)
        except (OSError, WebSocketException, TimeoutError) as error:
            if trust.is_distrust(error):
                return await asyncio.to_thread(trust.distrust, *where(address.url), address.certificate)
            return str(error) or type(error).__name__

    async def _connect(self, address: Address) -> str:
        secure = address.url.startswith("wss:")
        async with connect(
            address.url,
            additional_headers={"Authorization": f"Bearer {address.token}"},
            compression=None,
            open_timeout=OPEN_WITHIN_S,
            ping_interval=PING_EVERY_S,
            close_timeout=1.0,
            max_size=LONGEST_MESSAGE,
            proxy=None,
            ssl=await asyncio.to_thread(trust.context_for, address.certificate) if secure else None,
        ) as socket:
            return await self._talk(socket)

    def _turned_away(self, address: Address, status: int, body: bytes | bytearray) -> str:
        """Before there was a connection. A key that the manager does not know will not be known later either."""
        if address.joined and status == 401 and _is_a_managers(body):
            host, port = where(address.url)
            self._heard(m.Refused(reason=f"{host}, port {port}, does not know it (any more). {AGAIN}"))
        return _refusal(status)

    async def _talk(self, socket: ClientConnection) -> str:
        self._waiting = asyncio.Queue()
        self.send(self._hello())
        pump = asyncio.ensure_future(_pump(socket, self._waiting))
        try:
            async for data in socket:
                self._take(data)
            return "the manager closed the connection"
        except ConnectionClosed as closed:
            return str(closed)
        finally:
            self._waiting = None
            pump.cancel()

    def _take(self, data: str | bytes) -> None:
        try:
            message = _decode(data)
        except msgspec.MsgspecError as error:
            log.warning("the manager said what is no message", reason=str(error))
            return
        if isinstance(message, m.Welcome):
            self._welcomed, self._said = True, ""
        self._heard(message)


async def _pump(socket: ClientConnection, waiting: asyncio.Queue[bytes]) -> None:
    try:
        while True:
            await socket.send(await waiting.get(), text=True)
            waiting.task_done()
    except ConnectionClosed:
        return  # whoever receives notices it too


def _is_a_managers(body: bytes | bytearray) -> bool:
    """Whether an error is a manager's own, and not that of a proxy before it."""
    try:
        return msgspec.json.decode(body, type=ErrorBody).error.reason == "unauthorized"
    except msgspec.MsgspecError:
        return False


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"the manager does not let this worker in ({status}): is the token the manager's?"
    return f"what answers at the manager's address is no manager ({status})"
