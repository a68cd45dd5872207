# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's one WebSocket to the manager. It connects for ever: an hour's silence is a state, not a crash.

What is sent while there is no connection is dropped; what must not be lost is in the outbox, and is sent again.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from brender.core import messages as m

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


class UnknownAddressError(Exception):
    """It is not known (yet) where the manager is; the message says why."""


class Link:
    """`run` it in a task; `send` at any time."""

    def __init__(
        self, address: Callable[[], Address], hello: Callable[[], m.Hello], heard: Callable[[m.ToWorker], None]
    ) -> None:
        """`address` is asked for each connection, `hello` makes its first message, `heard` takes what is received."""
        self._address = address
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
            await asyncio.sleep(wait * random.uniform(0.8, 1.0))  # noqa: S311  a thousand workers do not come at once

    def _say(self, reason: str) -> None:
        """Once, until there was a connection again."""
        if reason != self._said:
            self._said = reason
            log.warning("no connection to the manager; trying on", reason=reason)

    async def _connection(self) -> str:
        """One connection from its beginning to its end; the reason of that."""
        try:
            address = self._address()
            headers = {"Authorization": f"Bearer {address.token}"}
            async with connect(
                address.url,
                additional_headers=headers,
                compression=None,
                open_timeout=OPEN_WITHIN_S,
                ping_interval=PING_EVERY_S,
                close_timeout=1.0,
                max_size=LONGEST_MESSAGE,
                proxy=None,
            ) as socket:
                return await self._talk(socket)
        except InvalidStatus as error:
            return _refusal(error.response.status_code)
        except UnknownAddressError as error:
            return str(error)
        except (OSError, WebSocketException, TimeoutError) as error:
            return str(error) or type(error).__name__

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


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"the manager does not let this worker in ({status}): is the token the manager's?"
    return f"what answers at the manager's address is no manager ({status})"
