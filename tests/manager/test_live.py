# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a real server shows: streams of hints, the workers' socket, refusals before it is open."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest
import pytest_asyncio
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from brender.core import commands as c
from brender.core import messages as m
from brender.core.nouns import Role
from brender.core.views import ErrorBody, FarmView, Hint
from brender.manager import http
from brender.manager.events import MOST_WAITING, Events
from tests.farm_builder import host
from tests.manager.crowd import BY, account, bearer, token
from tests.manager.house import HEADERS, TOKEN, House


@pytest_asyncio.fixture
async def url(house: House) -> AsyncIterator[str]:
    """The house served on a real port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    house.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        http.create(house, TOKEN), log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(headers=HEADERS) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"{house.url}/")
                break
            await asyncio.sleep(0.01)
    yield house.url
    house.events.close()
    server.should_exit = True
    await serving
    listening.close()


async def until(met: Callable[[], bool]) -> None:
    """Look until it is so: what is waited for happens in the server, which tells nobody."""
    async with asyncio.timeout(5):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_whoever_listens_hears_no_more_once_they_may_not(house: House, url: str) -> None:
    await account(house, "anna", Role.VIEWER)
    shown = await token(house, "anna")
    async with (
        httpx.AsyncClient(headers=bearer(shown)) as client,
        client.stream("GET", f"{url}/api/v1/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert (await next_hint(lines)).kind == "everything"
        await house.submit()
        assert (await next_hint(lines)).kind == "job"
        await house.people.revoke(BY, shown.partition(".")[0])
        await house.submit()
        async with asyncio.timeout(5):
            assert [line async for line in lines if line.startswith("data: ")] == []


async def next_hint(lines: AsyncIterator[str]) -> Hint:
    async for line in lines:
        if line.startswith("data: "):
            return msgspec.json.decode(line[6:], type=Hint)
    raise AssertionError("the stream has ended")


async def test_a_listener_hears_of_each_thing_that_changes(house: House, url: str) -> None:
    async with httpx.AsyncClient(headers=HEADERS) as client, client.stream("GET", f"{url}/api/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert (await next_hint(lines)).kind == "everything"
        job = await house.submit("1-2")
        assert await next_hint(lines) == Hint(kind="job", id=str(job.id))
        worker = await house.join("one")
        assert {(await next_hint(lines)).kind for _ in range(2)} == {"worker", "job"}
        connection = house.engine.farm.workers[worker].connection
        await house.do(c.WorkerGone(worker=worker, connection=connection or ""))
        assert await next_hint(lines) == Hint(kind="worker", id=worker)
    await until(lambda: not len(house.events))


async def test_a_slow_listener_gets_one_hint_for_everything() -> None:
    events = Events()
    listener = events.listen()
    assert await listener.take(1) == [Hint(kind="everything")]
    for n in range(3):
        events.changed([("job", "5"), ("worker", f"w{n}")])
    assert [hint.id for hint in await listener.take(1) or ()] == ["5", "w0", "w1", "w2"]
    events.changed(("job", str(n)) for n in range(MOST_WAITING + 1))
    events.changed([("job", "7")])
    assert await listener.take(1) == [Hint(kind="everything")]
    assert await listener.take(0.01) == []
    events.close()
    assert await listener.take(1) is None
    assert await events.listen().take(1) is None


async def test_a_worker_talks_on_its_socket(house: House, url: str) -> None:
    job = await house.submit("1-3")
    address = url.replace("http", "ws") + "/api/v1/worker"
    hello = m.Hello(protocol=m.PROTOCOL, key="k" * 32, boot="b", name="one", host=host())
    async with connect(address, additional_headers=HEADERS) as ws:
        await ws.send(msgspec.json.encode(hello).decode())
        assert isinstance(msgspec.json.decode(await ws.recv(), type=m.ToWorker), m.Welcome)
        async with httpx.AsyncClient(headers=HEADERS) as client:
            farm = msgspec.json.decode((await client.get(f"{url}/api/v1/farm")).content, type=FarmView)
        assert (farm.workers, farm.jobs, farm.url) == (1, 1, url)
        await ws.send(msgspec.json.encode(m.Goodbye()).decode())
    await until(lambda: not any(worker.connection for worker in house.engine.farm.workers.values()))
    assert job.id in house.engine.farm.jobs


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "unauthorized"),
        ({"Authorization": "Bearer wrong"}, 401, "unauthorized"),
        (HEADERS | {"Origin": "http://evil.example"}, 403, "forbidden"),
    ],
)
async def test_a_socket_is_refused_as_a_request_is(
    house: House, url: str, headers: dict[str, str], status: int, reason: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url.replace("http", "ws") + "/api/v1/worker", additional_headers=headers):
            pass
    answer = refused.value.response
    assert answer.status_code == status
    assert msgspec.json.decode(answer.body or b"", type=ErrorBody).error.reason == reason
