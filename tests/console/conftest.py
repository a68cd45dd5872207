# SPDX-License-Identifier: GPL-3.0-or-later
"""A console on a real socket, over the real engine and store; and connections to it, byte for byte."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from brender.manager.console.server import Console
from brender.manager.console.session import GREETING
from brender.manager.console.wire import Limits
from tests.farm_builder import host
from tests.manager.house import House

PROMPT = b"> "
GREETED = GREETING.encode()
WITHIN_S = 20.0


class Talk:
    """One connection, from the other side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.readuntil(mark)

    async def all(self) -> bytes:
        """Everything until the console closes."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read()

    async def ask(self, line: str) -> str:
        """A verb's answer, without the prompt."""
        await self.send(line.encode() + b"\n")
        return (await self.until(PROMPT)).decode().removesuffix("> ")

    async def talk_once(self, data: bytes) -> bytes:
        """Send these bytes, and take all that comes until the console closes: the other side closes nothing."""
        await self.send(data)
        return await self.all()

    def half_close(self) -> None:
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.transport.abort()


class Place:
    """A console, the house behind it, and ways to talk to it."""

    def __init__(self, house: House, port: int) -> None:
        self.house = house
        self.port = port
        self._talks: list[Talk] = []

    async def open(self) -> Talk:
        """A new connection, that has said and heard nothing."""
        talk = Talk(*await asyncio.open_connection("127.0.0.1", self.port))
        self._talks.append(talk)
        return talk

    async def talk(self) -> Talk:
        """A connection that has been greeted."""
        talk = await self.open()
        await talk.send(b"\n")
        assert await talk.until(PROMPT) == GREETED + PROMPT
        return talk

    async def say(self, data: bytes) -> bytes:
        """Send these bytes and nothing more, and take all that comes back."""
        talk = await self.open()
        await talk.send(data)
        talk.half_close()
        return await talk.all()

    def close(self) -> None:
        for talk in self._talks:
            talk.close()


@contextlib.asynccontextmanager
async def serving(house: House, limits: Limits) -> AsyncIterator[Place]:
    """A console at a free port, for as long as the block lasts."""
    console = Console(house.service, limits)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        place = Place(house, await console.start(listening))
        try:
            yield place
        finally:
            place.close()
            await console.close()


@pytest.fixture
def limits() -> Limits:
    """Those of the product; a test that wants others says so."""
    return Limits()


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    async with made.running():
        yield made
    made.close()


@pytest_asyncio.fixture
async def console(house: House, limits: Limits) -> AsyncIterator[Place]:
    async with serving(house, limits) as place:
        yield place


@pytest_asyncio.fixture
async def farm(console: Place) -> Place:
    """Six workers: alpha is busy, bravo idle; the others have never come, and charlie and Delta are disabled."""
    house = console.house
    await house.join("alpha")
    await house.submit("1")
    await house.join("bravo", host=replace(host(), cores=8))
    talk = await console.talk()
    for name in ("charlie", "farm1", "farm2", "Delta"):
        await talk.ask(f"create worker name={name}")
    await talk.ask("set worker charlie Delta wish=disabled tags=gpu note=old")
    return console
