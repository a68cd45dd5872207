# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining over HTTP: who may make a token, who is let in, and what is said to who is not."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from brender.core import jointoken
from brender.core import messages as m
from tests.farm_builder import host
from tests.manager.doors import served
from tests.manager.house import HEADERS, TOKEN, House

KEY = "k" * 43
JOIN, TOKENS = "/api/v1/join", "/api/v1/tokens/join"


@pytest.fixture
def house(house: House) -> House:
    house.joining.urls, house.joining.fingerprint = ("https://192.0.2.7:8080",), "3f" * 32
    return house


async def made(house: House, **wanted: Any) -> dict[str, Any]:
    async with house.client() as client:
        answer = await client.post(TOKENS, json=wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def join(house: House, token: str, key: str = KEY, name: str = "second") -> httpx.Response:
    """As a machine does: with nothing but the token."""
    asked = {
        "token": token,
        "key_hash": hashlib.sha256(key.encode()).hexdigest(),
        "name": name,
        "host": msgspec.to_builtins(host()),
    }
    async with house.client() as client:
        del client.headers["Authorization"]
        return await client.post(JOIN, json=asked)


async def test_a_token_says_where_the_manager_is_and_how_it_is_known(house: House) -> None:
    found = await made(house, uses=3, hours=2, note="the new ones")
    token = jointoken.decode(found["text"])
    assert (token.urls, token.fingerprint) == (("https://192.0.2.7:8080",), "3f" * 32)
    assert token.token.startswith(f"{found['id']}.")
    kept = house.engine.farm.tokens[found["id"]]
    assert (kept.uses, kept.note, kept.expires_at) == (3, "the new ones", house.now().wall + 7200)
    assert token.secret not in msgspec.json.encode(kept).decode()


async def test_a_machine_joins_and_its_own_key_opens_the_door_from_then_on(house: House) -> None:
    token = jointoken.decode((await made(house, uses=1))["text"]).token
    answer = await join(house, token)
    assert (answer.status_code, answer.json()["name"]) == (200, "second")
    assert (await join(house, token)).json() == answer.json()
    assert (await join(house, token, "another" * 6)).status_code == 403
    async with house.client(Authorization=f"Bearer {KEY}") as client:
        refused = await client.get("/api/v1/jobs")  # it is a worker, and no person
    assert refused.status_code == 403


@pytest.mark.parametrize("token", ["", "hello", "id.secret", ".", "a" * 256, "\ud800"])
async def test_what_was_never_a_token_is_answered_like_one_that_is_gone(house: House, token: str) -> None:
    known = (await made(house))["id"]
    answers = [await join(house, each) for each in (token.encode("utf-8", "replace").decode(), f"{known}.wrong")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].json() == answers[1].json()
    assert "it was revoked, or belongs to another farm" in answers[0].text


@pytest.mark.parametrize(
    "change",
    [
        {"token": "x" * 257},
        {"key_hash": "x"},
        {"key_hash": "A" * 64},
        {"name": ""},
        {"name": "n" * 65},
        {"host": None},
        {"more": 1},
    ],
)
async def test_what_is_no_request_to_join_is_refused_with_its_field(house: House, change: dict[str, Any]) -> None:
    asked = {"token": "a.b", "key_hash": "0" * 64, "name": "second", "host": msgspec.to_builtins(host())}
    async with house.client() as client:
        answer = await client.post(JOIN, json=asked | change)
    assert (answer.status_code, answer.json()["error"]["where"]) == (400, next(iter(change)))


async def test_guessing_is_made_slow_and_a_machine_that_joins_is_not(house: House) -> None:
    token = jointoken.decode((await made(house))["text"]).token
    for n in range(40):
        assert (await join(house, token, f"key {n}")).status_code == 200
    statuses = [(await join(house, f"id.{n}")).status_code for n in range(30)]
    assert statuses[:20] == [403] * 20
    assert set(statuses[21:]) == {429}
    house.mono += 100
    assert (await join(house, token, "later")).status_code == 200


async def test_a_token_for_machines_opens_nothing_else(house: House) -> None:
    token = jointoken.decode((await made(house))["text"]).token
    async with house.client(Authorization=f"Bearer {token}") as client:
        assert (await client.get("/api/v1/jobs")).status_code == 401


@pytest.mark.parametrize("wanted", [{"uses": 0}, {"hours": 0}, {"hours": 1e9}, {"note": "n" * 201}, {"uses": "1"}])
async def test_a_token_that_cannot_be_is_refused(house: House, wanted: dict[str, Any]) -> None:
    async with house.client() as client:
        assert (await client.post(TOKENS, json=wanted)).status_code == 400
        del client.headers["Authorization"]
        assert (await client.post(TOKENS, json={})).status_code == 401


async def test_no_answer_and_no_entry_of_the_log_holds_a_secret(house: House) -> None:
    token = jointoken.decode((await made(house, note="for ada"))["text"])
    await join(house, token.token)
    async with house.client() as client:
        texts = [(await client.get(f"/api/v1/{path}")).text for path in ("audit", "objects/token", "workers")]
    assert "join" in texts[0]
    for text in texts:
        assert token.secret not in text
        assert hashlib.sha256(token.secret.encode()).hexdigest() not in text
        assert hashlib.sha256(KEY.encode()).hexdigest() not in text
    assert HEADERS["Authorization"] not in "".join(texts)


# --- the connection --------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def come(house: House, bearer: str, key: str) -> AsyncIterator[m.ToWorker]:
    """With one key at the door and another in its Hello; the first thing that is said."""
    address = house.url.replace("http", "ws") + "/api/v1/worker"
    hello = m.Hello(protocol=m.PROTOCOL, key=key, boot="b", name="second", host=host())
    async with connect(address, additional_headers={"Authorization": f"Bearer {bearer}"}) as socket:
        await socket.send(msgspec.json.encode(hello).decode())
        yield msgspec.json.decode(await socket.recv(), type=m.ToWorker)


async def test_a_worker_that_joined_comes_as_itself_and_as_nobody_else(house: House) -> None:
    token = jointoken.decode((await made(house))["text"]).token
    joined = (await join(house, token)).json()
    async with served(house):
        async with come(house, KEY, KEY) as told:
            assert isinstance(told, m.Welcome)
            assert told.worker == joined["worker"]
        async with come(house, KEY, "another key") as told:
            assert isinstance(told, m.Refused)
            assert "is not the one that its Hello names" in told.reason
        async with come(house, TOKEN, "another key") as told:
            assert isinstance(told, m.Welcome)  # with the data folder's token, on the manager's own machine
            assert told.worker != joined["worker"]


async def test_a_key_that_nobody_knows_does_not_come_in_at_all(house: House) -> None:
    async with served(house):
        with pytest.raises(InvalidStatus) as refused:
            async with come(house, "k" * 42, "k" * 42):
                pytest.fail("it came in")
    assert refused.value.response.status_code == 401
    assert b'"unauthorized"' in bytes(refused.value.response.body)


async def test_a_worker_that_is_deleted_is_turned_away_the_next_time(house: House) -> None:
    token = jointoken.decode((await made(house))["text"]).token
    await join(house, token)
    async with house.client() as client:
        gone = await client.request("DELETE", "/api/v1/objects/worker", json={"filters": ["second"]})
    assert gone.status_code == 200
    async with served(house):
        with pytest.raises(InvalidStatus):
            async with come(house, KEY, KEY):
                pytest.fail("it came in")
