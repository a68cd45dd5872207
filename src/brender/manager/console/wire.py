# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection as lines in and text out. What is not read by the other side in time ends the connection, and what
waits to be sent or to be taken is bounded.
"""

import asyncio
import contextlib
from collections.abc import Iterator

import msgspec

from brender.manager.console.telnet import LONGEST, Lines, Telnet

PIECE = 64 * 1024  # bytes that are sent, or taken, at once


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection may take. Times in seconds."""

    greet_s: float = 0.3  # without a line, before it is greeted
    idle_s: float = 3600.0  # without a word
    write_s: float = 20.0  # without reading what was said
    watch_s: float = 1.0  # between two looks
    linger_s: float = 1.0  # for the other side to see the last words, and close
    longest: int = LONGEST  # bytes of a line
    most: int = 1500  # connections
    waiting: int = 256 * 2**20  # bytes that wait to be read by all connections together


class Gone(Exception):
    """The other side has gone, or does not read."""


class Idle(Exception):
    """Nothing was said for too long."""


class Waiting:
    """How much waits to be read, of all connections together: who asks for more than there is room for is let go."""

    def __init__(self, most: int) -> None:
        self._left = most

    @contextlib.contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Room for an answer until it is read."""
        if size > self._left:
            raise Gone
        self._left -= size
        try:
            yield
        finally:
            self._left += size


class Wire:
    """The connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits, waiting: Waiting
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._waiting = waiting
        self._telnet = Telnet()
        self.lines = Lines(limits.longest)
        self.at_end = False  # the other side says nothing more; it may still read
        writer.transport.set_write_buffer_limits(high=PIECE)

    @property
    def peer(self) -> str:
        """The other side's address."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    # --- in ----------------------------------------------------------------------------------------------------

    async def line(self, within_s: float | None = None) -> bytes | None:
        """The next line; None after the last. `TimeoutError` where there is none within a given time."""
        async with asyncio.timeout(within_s):
            while (line := self.lines.take()) is None:
                if self.at_end:
                    return self.lines.take_rest() or None
                await self.fill()
        return line

    async def fill(self) -> None:
        """Wait for more to come in, or the end of it."""
        try:
            async with asyncio.timeout(self._limits.idle_s) as idle:
                data = await self._reader.read(PIECE)
        except TimeoutError:
            raise (Idle if idle.expired() else Gone) from None  # the system has a TimeoutError of its own
        except OSError:
            raise Gone from None
        text, answer = self._telnet.feed(data)
        self.at_end = not data
        self.lines.feed(text)
        if answer:
            await self._send(answer)

    async def pressed(self, within_s: float) -> bool:
        """Whether something comes in within this time; at the end of it nothing can."""
        if self.at_end:
            await asyncio.sleep(within_s)
            return False
        try:
            async with asyncio.timeout(within_s):
                while not (self.lines.waiting or self.at_end):
                    await self.fill()
        except TimeoutError:
            return False
        return self.lines.waiting

    # --- out ---------------------------------------------------------------------------------------------------

    async def say(self, text: str) -> None:
        """Send text, its lines ended as the other side ends its own. `Gone` where it is not read in time."""
        data = text.replace("\n", self.lines.end).encode("utf-8", "replace")
        with self._waiting.room(len(data)):
            for first in range(0, len(data), PIECE):
                await self._send(data[first : first + PIECE])

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._limits.write_s):
                await self._writer.drain()
        except (OSError, TimeoutError):
            raise Gone from None

    async def close(self) -> None:
        """End it so that the last words arrive: a socket that is closed with something unread throws them away."""
        with contextlib.suppress(OSError, TimeoutError, RuntimeError):
            self._writer.write_eof()
            async with asyncio.timeout(self._limits.linger_s):
                while await self._reader.read(PIECE):
                    pass
        self._writer.transport.abort()

    def drop(self) -> None:
        """End it at once."""
        self._writer.transport.abort()
