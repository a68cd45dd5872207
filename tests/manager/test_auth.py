# SPDX-License-Identifier: GPL-3.0-or-later
"""The door: who gets in, and that nothing of the manager is reached around it."""

import os
import stat
from pathlib import Path

import httpx
import msgspec
import pytest

from brender.core.views import ErrorBody
from brender.manager import auth
from tests.manager.house import TOKEN, URL, House


def reason(answer: httpx.Response) -> str:
    return msgspec.json.decode(answer.content, type=ErrorBody).error.reason


# --- the token -------------------------------------------------------------------------------------------------------


def test_the_token_is_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    first = auth.token(tmp_path)
    assert auth.token(tmp_path) == first
    assert len(first) >= auth.SHORTEST
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_token_that_others_could_read_is_not_used(tmp_path: Path) -> None:
    auth.token(tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(auth.AuthError, match=r"Other users can read .*token. Remove it"):
        auth.token(tmp_path)


def test_an_empty_token_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "token").touch(0o600)
    with pytest.raises(auth.AuthError, match="too short"):
        auth.token(tmp_path)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST"])
def test_an_address_of_this_machine_alone_may_be_listened_at(address: str) -> None:
    auth.refuse_open_address(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "render.example", "", "localhost.example"])
def test_an_address_that_others_reach_is_refused_with_words(address: str) -> None:
    with pytest.raises(auth.AuthError, match="this machine alone"):
        auth.refuse_open_address(address)


# --- each request ----------------------------------------------------------------------------------------------------

WANT_TOKEN = ["/api/v1/jobs", "/api/v1/farm", "/api/v1/events", "/api/v1/nothing", "/nothing", "/api/v1/docs/"]


@pytest.mark.parametrize("path", WANT_TOKEN)
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xfe"])
async def test_everything_but_the_documents_wants_the_token(house: House, path: str, header: str) -> None:
    async with house.client() as client:
        answer = await client.get(path, headers={"Authorization": header.encode("latin-1")})  # type: ignore[dict-item]
    assert (answer.status_code, reason(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/api/v1/docs", "/api/v1/openapi.json"])
async def test_the_documents_are_open(house: House, path: str) -> None:
    async with house.client() as client:
        del client.headers["Authorization"]
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "127.9.9.9:8080", "192.168.1.5:8080"]
)
async def test_this_machines_own_names_and_addresses_are_answered(house: House, host: str) -> None:
    async with house.client(Host=host) as client:
        assert (await client.get("/api/v1/farm")).status_code == 200
        assert (await client.get("/api/v1/farm", headers={"Origin": f"http://{host}"})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8080", "localhost", "localhost:80", "localhost:8081", "127.0.0.1.evil.example:8080", "", "a b:8080",
     "user@localhost:8080", "localhost.:8080", "[::1:8080", "192.168.1.5:80"],
)  # fmt: skip
async def test_a_foreign_host_is_refused_even_with_the_token(house: House, host: str) -> None:
    """A page whose name was made to point at this machine."""
    async with house.client(Host=host) as client:
        answer = await client.get("/")
    assert (answer.status_code, reason(answer)) == (403, "forbidden")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8080", "http://localhost:8080", ""]
)
async def test_a_page_from_elsewhere_is_refused_even_with_the_token(house: House, origin: str) -> None:
    async with house.client(Origin=origin) as client:
        answer = await client.post("/api/v1/jobs/1/cancel")
    assert (answer.status_code, reason(answer)) == (403, "forbidden")


async def test_two_hosts_or_two_tokens_are_none(house: House) -> None:
    async with house.client() as client:
        hosts = [("Host", "127.0.0.1:8080"), ("Host", "evil.example")]
        request = client.build_request("GET", f"{URL}/")
        request.headers = httpx.Headers(hosts)
        assert (await client.send(request)).status_code == 403
        request = client.build_request("GET", f"{URL}/api/v1/farm")
        request.headers = httpx.Headers(
            [("Host", "127.0.0.1:8080"), ("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
        )
        assert (await client.send(request)).status_code == 401
