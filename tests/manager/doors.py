# SPDX-License-Identifier: GPL-3.0-or-later
"""The doors of the manager, each as its users use it, behind one way to ask: the same asked through each must do the
same. Everything is real: the service, the HTTP server, the command line with its own client, the console's socket.
"""

import asyncio
import contextlib
import io
import json
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec
import uvicorn

from brender.cli.main import main
from brender.client import places
from brender.core.commands import By, Refusal
from brender.core.kinds import kind_of
from brender.core.nouns import Wish
from brender.core.rights import LOCAL
from brender.core.views import ManagerFile
from brender.manager.console.server import Console
from tests.manager.house import TOKEN, House

API = "/api/v1"
WISH = {"enable": Wish.ENABLED, "drain": Wish.DRAINING, "disable": Wish.DISABLED}

Values = dict[str, Any]


class Refused(Exception):
    """The sentence that a door says to what cannot be."""


class Door(Protocol):
    """What can be asked through every door. The answers are names; a refusal is `Refused`."""

    name: str

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]: ...
    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]: ...
    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]: ...
    async def create(self, kind: str, values: Values) -> list[str]: ...
    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]: ...


class ServiceDoor:
    """No door at all: what stands behind them."""

    name = "service"

    def __init__(self, house: House) -> None:
        self._service = house.service
        self._by = By(who="anna", door=self.name, origin="here", principal=LOCAL)

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]:
        with _refusals():
            return await self._service.wish(self._by, filters, WISH[action], now)

    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]:
        with _refusals():
            rows, _ = await self._service.show(kind, filters)
        return json.loads(msgspec.json.encode(rows))  # type: ignore[no-any-return]

    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]:
        with _refusals():
            return await self._service.set(self._by, kind, filters, values)

    async def create(self, kind: str, values: Values) -> list[str]:
        with _refusals():
            row = await self._service.create(self._by, kind, values)
        return [str(row[self._service.describe(kind).key.name])]

    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]:
        with _refusals():
            return await self._service.delete(self._by, kind, filters)


@contextlib.contextmanager
def _refusals() -> Any:
    try:
        yield
    except Refusal as refusal:
        raise Refused(refusal.message) from None


class HttpDoor:
    """The API, as a program uses it."""

    name = "http"

    def __init__(self, house: House) -> None:
        self._house = house

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]:
        return self._names(await self._ask("POST", f"/workers/{action}", json={"filters": list(filters), "now": now}))

    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]:
        return (await self._ask("GET", f"/objects/{kind}", params={"filter": list(filters)}))["data"]  # type: ignore[no-any-return]

    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]:
        return self._names(await self._ask("PATCH", f"/objects/{kind}", json={"filters": filters, "values": values}))

    async def create(self, kind: str, values: Values) -> list[str]:
        return self._names(await self._ask("POST", f"/objects/{kind}", json={"values": values}))

    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]:
        return self._names(await self._ask("DELETE", f"/objects/{kind}", json={"filters": filters}))

    async def _ask(self, method: str, path: str, **given: Any) -> Any:
        async with self._house.client(**{"X-Brender-User": "anna"}) as client:
            answer = await client.request(method, API + path, **given)
        if not answer.is_success:
            assert answer.status_code in (404, 409, 422), answer.text
            raise Refused(answer.json()["error"]["message"])
        return answer.json()

    @staticmethod
    def _names(said: Any) -> list[str]:
        assert said["ok"]
        assert said["count"] == len(said["names"])
        return said["names"]  # type: ignore[no-any-return]


class CliDoor:
    """`brender`, with the arguments that a person types."""

    name = "cli"

    def __init__(self, house: House) -> None:
        self._data = house.config.data

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]:
        return (await self._run(action, *filters, *(["--now"] if now else [])))["names"]  # type: ignore[no-any-return]

    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]:
        return (await self._run("get", kind, *filters))["data"]  # type: ignore[no-any-return]

    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]:
        return (await self._run("set", kind, *filters, behind=values))["names"]  # type: ignore[no-any-return]

    async def create(self, kind: str, values: Values) -> list[str]:
        return (await self._run("create", kind, behind=values))["names"]  # type: ignore[no-any-return]

    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]:
        return (await self._run("delete", kind, *filters, "--yes"))["names"]  # type: ignore[no-any-return]

    async def _run(self, *arguments: str, behind: Values | None = None) -> Any:
        given = [*arguments, "--json", "--data", str(self._data)]
        if behind is not None:
            given += ["--", *(f"{name}={typed(value)}" for name, value in behind.items())]
        code, said, complained = await asyncio.to_thread(ran, given)
        if code:
            assert code in (2, 3, 5), (code, complained)
            raise Refused(" ".join(complained.split()))
        return json.loads(said)


def ran(arguments: Sequence[str]) -> tuple[int, str, str]:
    """A command line's exit code, and what it said on stdout and stderr. In the one thread that says anything."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return code, out.getvalue(), err.getvalue()


def typed(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


class ConsoleDoor:
    """The console, as a script with netcat uses it: a line in, and all that comes until it closes."""

    name = "console"

    def __init__(self, house: House) -> None:
        self._data = house.config.data

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]:
        return (await self._ask(action, *filters, *(["now"] if now else [])))["data"]  # type: ignore[no-any-return]

    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]:
        return (await self._ask("get", kind, *filters))["data"]  # type: ignore[no-any-return]

    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]:
        given = (f"{name}={typed(value)}" for name, value in values.items())
        return (await self._ask("set", kind, *filters, "--", *given))["data"]  # type: ignore[no-any-return]

    async def create(self, kind: str, values: Values) -> list[str]:
        said = await self._ask("create", kind, *(f"{name}={typed(value)}" for name, value in values.items()))
        return [_key(kind, row) for row in said["data"]]

    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]:
        return (await self._ask("delete", kind, *filters))["data"]  # type: ignore[no-any-return]

    async def _ask(self, *words: str) -> Any:
        line = " ".join(f'"{word}"' if " " in word else word for word in (*words, "--json"))
        said = await console_says(self._data, line)
        return _json_answer(next(each for each in said.replace("> ", "").splitlines() if each.startswith("{")))


class JsonDoor:
    """A JSON line on the console's port, as the PHP of 2013 used it."""

    name = "json"

    def __init__(self, house: House) -> None:
        self._data = house.config.data

    async def wish(self, action: str, filters: Sequence[str], now: bool = False) -> list[str]:
        """As far as attributes go: the wish is one, and `now` is none. An empty filter is `all`, as it was in 2013."""
        assert filters
        assert not now
        return await self.set("client", filters, {"wish": WISH[action].value})

    async def get(self, kind: str, filters: Sequence[str]) -> list[Values]:
        return (await self._ask(kind, "read", filters=filters))["data"]  # type: ignore[no-any-return]

    async def set(self, kind: str, filters: Sequence[str], values: Values) -> list[str]:
        return self._names(kind, await self._ask(kind, "update", filters=filters, values=values))

    async def create(self, kind: str, values: Values) -> list[str]:
        return self._names(kind, await self._ask(kind, "create", values=values))

    async def delete(self, kind: str, filters: Sequence[str]) -> list[str]:
        return self._names(kind, await self._ask(kind, "delete", filters=filters))

    async def _ask(self, kind: str, action: str, **more: Any) -> Any:
        line = json.dumps({"item": kind, "action": action, **more})
        return _json_answer(await console_says(self._data, line))

    @staticmethod
    def _names(kind: str, said: Any) -> list[str]:
        return [_key(kind, row) for row in said["data"]]


def _key(kind: str, row: Values) -> str:
    return str(row[kind_of(kind).key.name])


def _json_answer(line: str) -> Any:
    said = json.loads(line)
    if not said["ok"]:
        raise Refused(said["error"])
    assert said["count"] == len(said["data"])
    return said


async def console_says(data: Path, line: str) -> str:
    """All that the console says to a line, until it closes."""
    known = places.manager_file(data)
    assert known is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", known.console_port)
    writer.write(line.encode() + b"\n")
    writer.write_eof()
    said = await reader.read(-1)
    writer.close()
    return said.decode()


DOORS: dict[str, type[Any]] = {door.name: door for door in (ServiceDoor, HttpDoor, CliDoor, ConsoleDoor, JsonDoor)}
WITH_VERBS = [name for name in DOORS if name != "json"]


@contextlib.asynccontextmanager
async def served(house: House, *, api: bool = True) -> AsyncIterator[House]:
    """The house on real ports, with the files in its data folder that lead the commands to it. `api`: over HTTP too."""
    async with contextlib.AsyncExitStack() as stack:
        console = Console(house.service)
        stack.push_async_callback(console.close)
        console_port = await console.start(_listening())
        if api:
            await stack.enter_async_context(_served_api(house))
        said = ManagerFile(url=house.url, pid=1, boot=house.boot, console_port=console_port)
        (house.config.data / "token").write_text(TOKEN)
        (house.config.data / "manager.json").write_bytes(msgspec.json.encode(said))
        yield house


@contextlib.asynccontextmanager
async def _served_api(house: House) -> AsyncIterator[None]:
    listening = _listening()
    house.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(house.app(), log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await _answers(house.url)
        yield
    finally:
        server.should_exit = True
        await serving


def _listening() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    return found


async def _answers(url: str) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"{url}/")
                return
