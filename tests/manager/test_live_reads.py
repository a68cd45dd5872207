# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives is read from memory, without SQL; and memory is full before anybody can look at it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from brender.core import commands as c
from tests.e2e.conftest import Desk
from tests.manager.doors import console_says, served
from tests.manager.house import House

WORKERS = 300

LIVE = [
    "/farm", "/workers", "/jobs/1/states", "/jobs/1/why", "/objects/workers", "/objects/worker?filter=w*",
    "/objects/worker?filter=idle&filter=cores>=2", "/objects/worker/describe", "/objects/jobs",
    "/objects/job?filter=state=queued", "/objects/steps", "/objects/task?filter=job=1", "/objects/tags",
    "/objects/shares", "/objects/settings",
]  # fmt: skip
LINES = [
    "clients",
    "clients enabled w*",
    "jobs",
    "orders",
    "get workers",
    "get settings",
    "describe job",
    "why 1",
    "help",
]


class Statements:
    """Counts what any engine is made to execute."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def take(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.said.append(statement)


@pytest.fixture
def statements() -> Iterator[Statements]:
    counted = Statements()
    event.listen(Engine, "before_cursor_execute", counted.take)
    yield counted
    event.remove(Engine, "before_cursor_execute", counted.take)


async def test_reads_of_what_lives_execute_no_statement(house: House, statements: Statements) -> None:
    """R15: over HTTP, as JSON, and at the console."""
    await house.submit("1-5", tags=("nobody",))
    for n in range(5):
        await house.join(f"w{n}")
    async with served(house), house.client() as client:
        statements.said.clear()
        for path in LIVE:
            answer = await client.get(f"/api/v1{path}")
            assert answer.is_success, (path, answer.text)
            assert statements.said == [], path
        for line in LINES:
            assert "> " in await console_says(house.config.data, line)
            assert statements.said == [], line
        await console_says(house.config.data, '{"item": "client", "action": "read", "filters": ""}')
        assert statements.said == []


async def test_the_counter_counts(house: House, statements: Statements) -> None:
    async with house.client() as client:
        await client.get("/api/v1/audit")
    assert statements.said


# --- nobody sees an empty list ---------------------------------------------------------------------------------------


@pytest.fixture
def known(tmp_path: Path) -> Desk:
    """A data folder whose database knows some workers."""
    desk = Desk(tmp_path)
    desk.data.mkdir()
    asyncio.run(_fill(desk.data))
    return desk


async def _fill(data: Path) -> None:
    house = House(data)
    async with house.running():
        for n in range(WORKERS):
            await house.do(c.CreateObject(kind="worker", values={"name": f"w{n}"}))
    house.close()


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


async def test_whoever_asks_a_manager_that_starts_sees_all_workers_or_nobody_answers(known: Desk) -> None:
    """R14: asked without a pause from before it starts, over HTTP and at the console."""
    port, console = free_ports()
    token = "t" * 43
    (known.data / "token").write_text(token)
    (known.data / "token").chmod(0o600)
    asking = asyncio.gather(_workers_over_http(port, token), _workers_at_console(console))
    running = await asyncio.to_thread(known.start, "manager", "--port", port, "--console-port", console)
    try:
        assert await asyncio.wait_for(asking, 60) == [WORKERS, WORKERS]
    finally:
        running.signal(15)
        await asyncio.to_thread(running.wait)
    assert "Traceback" not in running.text


async def _workers_over_http(port: int, token: str) -> int:
    """How many the first answer names."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
        async for _ in _again():
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get("/api/v1/objects/workers?limit=1")
                return int(answer.json()["total"])
    raise AssertionError


async def _workers_at_console(port: int) -> int:
    async for _ in _again():
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b'{"item": "client", "action": "read"}\n')
            said = await reader.read(-1)
            writer.close()
            if said:
                return said.count(b'"name":')
    raise AssertionError


async def _again() -> AsyncIterator[None]:
    """Whenever the others have had their turn."""
    while True:
        yield
        await asyncio.sleep(0.001)
