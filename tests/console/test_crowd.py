# SPDX-License-Identifier: GPL-3.0-or-later
"""R2: one manager with a hundred consoles and a hundred workers, each of them a real connection."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest_asyncio
import websockets

from brender.core import messages as m
from brender.manager import auth
from brender.manager.app import Config, Manager, listen, listen_console, room_for_connections
from brender.store import Store
from tests.console.conftest import PROMPT, Talk
from tests.farm_builder import host

EACH = 100


class Crowd:
    """A whole manager, and who is connected to it."""

    def __init__(self, manager: Manager, port: int) -> None:
        self.manager = manager
        self.port = port
        self.workers: list[websockets.ClientConnection] = []
        self.talks: list[Talk] = []

    async def console(self) -> Talk:
        talk = Talk(*await asyncio.open_connection("127.0.0.1", self.port))
        self.talks.append(talk)
        return talk

    async def worker(self, n: int) -> None:
        place = self.manager.url.replace("http://", "ws://") + "/api/v1/worker"
        token = {"Authorization": f"Bearer {auth.token(self.manager.config.data)}"}
        line = await websockets.connect(place, additional_headers=token)
        self.workers.append(line)
        hello = m.Hello(protocol=m.PROTOCOL, name=f"w{n:03}", key=f"key {n}" * 8, boot="b", host=host())
        await line.send(msgspec.json.encode(hello).decode())
        assert isinstance(msgspec.json.decode(await line.recv(), type=m.ToWorker), m.Welcome)

    async def close(self) -> None:
        for talk in self.talks:
            talk.close()
        for line in self.workers:
            await line.close()


@pytest_asyncio.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    config = Config(data=tmp_path, port=0, console_port=0)
    store = Store.open(tmp_path)
    room_for_connections()
    with listen(config) as http, listen_console(config) or contextlib.nullcontext() as console:
        manager = Manager(config, store)
        running = asyncio.create_task(manager.run(http, auth.token(tmp_path), console))
        said = tmp_path / "manager.json"
        while not said.exists():  # noqa: ASYNC110 - a file tells nobody that it is there
            await asyncio.sleep(0.01)
        made = Crowd(manager, json.loads(said.read_bytes())["console_port"])
        yield made
        await made.close()
        manager.end()
        await running
    store.close()


async def test_the_201st_connection_is_answered_within_a_second_and_a_lost_one_disturbs_no_other(crowd: Crowd) -> None:
    """R2."""
    for n in range(EACH):
        await crowd.worker(n)
    talks = [await crowd.console() for _ in range(EACH)]
    for talk in talks:
        await talk.send(b"test\n")
        await talk.until(b"test>\n" + PROMPT)

    began = time.monotonic()
    last = await crowd.console()
    await last.send(b"clients online --rows 200\n")
    said = await last.until(b"online\n" + PROMPT)
    assert time.monotonic() - began < 1.0
    assert said.count(b"  enabled  online\n") == EACH

    talks[0].close()
    await crowd.workers[0].close()
    while (await last.ask("clients w000")) != "w000  enabled  offline\n":
        pass
    assert len((await last.ask("clients online --rows 200")).splitlines()) == EACH - 1
    for talk in talks[1:]:
        assert await talk.ask("test") == "test>\n"
