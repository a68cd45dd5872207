# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers that come, go and come again, on real sockets: who is known, who is new, and what is kept of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import Wish
from tests.farm_builder import host
from tests.manager.doors import served
from tests.manager.house import HEADERS, House


@pytest_asyncio.fixture
async def served_house(house: House) -> AsyncIterator[House]:
    async with served(house):
        yield house


@contextlib.asynccontextmanager
async def come(house: House, name: str) -> AsyncIterator[tuple[ClientConnection, m.ToWorker]]:
    """A worker's connection, and the first thing that it is told."""
    address = house.url.replace("http", "ws") + "/api/v1/worker"
    hello = m.Hello(protocol=m.PROTOCOL, key=f"{name:k<32}", boot=f"{name} 1", name=name, host=host())
    async with connect(address, additional_headers=HEADERS) as socket:
        await socket.send(msgspec.json.encode(hello).decode())
        yield socket, msgspec.json.decode(await socket.recv(), type=m.ToWorker)


async def visit(house: House, name: str) -> str:
    """Come, say goodbye and go, until the manager has noticed; the id it was welcomed with."""
    changed = house.events.listen()
    async with come(house, name) as (socket, told):
        assert isinstance(told, m.Welcome), told
        await socket.send(msgspec.json.encode(m.Goodbye()).decode())
    while house.engine.farm.workers[told.worker].connection:
        assert await changed.take(20)
    house.events.leave(changed)
    return told.worker


async def kept(house: House) -> dict[str, str]:
    """The workers as the next manager will know them: ids and names."""
    await house.restart()
    return {id_: worker.record.name for id_, worker in house.engine.farm.workers.items()}


async def test_fifty_new_workers_at_once_are_fifty_rows_with_fifty_ids(served_house: House) -> None:
    """R17."""
    names = [f"w{n:02}" for n in range(50)]
    ids = await asyncio.gather(*(visit(served_house, name) for name in names))
    assert await kept(served_house) == dict(zip(ids, names, strict=True))


async def test_fifty_of_one_name_are_fifty_workers_with_names_of_their_own(house: House) -> None:
    """R17, C06: it is the key that tells one worker from another."""
    ids = await asyncio.gather(*(house.join("same", key=f"k{n}") for n in range(50)))
    found = await kept(house)
    assert set(found) == set(ids)
    assert len(set(found.values())) == len(found) == 50


async def test_who_comes_goes_and_comes_again_is_one_row(served_house: House) -> None:
    """R16: the faults of 2013 were a second row, and none."""
    ids = {await visit(served_house, "one") for _ in range(3)}
    assert await kept(served_house) == dict.fromkeys(ids, "one")
    assert len(ids) == 1


async def test_a_worker_that_went_is_listed_as_offline(served_house: House) -> None:
    """R16: in 2013 a disconnected client was dropped from the list."""
    await visit(served_house, "one")
    rows, total = await served_house.service.show("worker", ["all"])
    assert [(row["name"], row["connection"]) for row in rows] == [("one", "offline")]
    assert total == 1


@pytest.mark.parametrize(("setting", "wish"), [(False, Wish.DISABLED), (True, Wish.ENABLED)])
@pytest.mark.parametrize("restart", [False, True])
async def test_a_disabled_worker_that_comes_is_enabled_only_where_that_is_set(
    house: House, setting: bool, wish: Wish, restart: bool
) -> None:
    """R16: both settings, and across a restart."""
    async with served(house):
        id_ = await visit(house, "one")
    await house.do(c.SetWish(workers=(id_,), wish=Wish.DISABLED))
    await house.do(c.SetAttributes(kind="setting", keys=("enable_on_connect",), values={"value": setting}))
    if restart:
        await house.restart()
        async with house.running(), served(house):
            assert await visit(house, "one") == id_
    else:
        async with served(house):
            assert await visit(house, "one") == id_
    assert house.engine.farm.workers[id_].record.wish is wish


async def test_a_database_that_fails_leaves_no_half_worker(served_house: House) -> None:
    """R17: put in the database first; where that fails nobody has ever seen it, and it may come again."""

    def refuse(rows: object) -> None:
        raise OSError("the disk is full")

    served_house.store.refuse = refuse
    with pytest.raises(ConnectionClosed):
        await visit(served_house, "one")
    assert served_house.engine.farm.workers == {}
    served_house.store.refuse = None
    id_ = await visit(served_house, "one")
    assert await kept(served_house) == {id_: "one"}


async def test_of_two_with_one_identity_the_one_that_is_heard_stays(served_house: House) -> None:
    """R16, C06: the written rule."""
    async with come(served_house, "one") as (_, first):
        assert isinstance(first, m.Welcome)
        served_house.engine.farm.workers[first.worker].boot = "another process"
        async with come(served_house, "one") as (_, second):
            assert isinstance(second, m.Refused)
            assert "is already connected" in second.reason
        assert served_house.engine.farm.workers[first.worker].connection
