# SPDX-License-Identifier: GPL-3.0-or-later
"""The console of a large farm: 10,000 workers in the list, 100 of them and 100 consoles connected.

`clients_p99_ms`: each console asks for a page once a second, at a moment of its own, as who watches does.
`burst_p99_ms`: all ask in the same moment, so that each waits for all others (this process, which measures, too).
`sql_per_read`: statements on any database connection while the verbs that read live state answer, in this process.
`load_10000_s`: until the farm is in memory.
"""

import asyncio
import contextlib
import json
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import websockets
from sqlalchemy import Engine as Database
from sqlalchemy import event

from bench.farm import farm, say
from brender.core import messages as m
from brender.core.commands import By
from brender.core.live import Now
from brender.core.nouns import Worker
from brender.manager.console.asking import ask
from brender.manager.engine import Engine
from brender.manager.files import Files
from brender.manager.service import Service
from brender.manager.views import Views
from brender.store import Store

WORKERS = 10_000
CONNECTED = 100
ROUNDS = 20
PROMPT = b"> "
READS = (
    "clients", "clients --page 100", "clients idle cores>=4", "clients w005*", "get worker w00500",
    "get workers --json", "orders", "jobs", "get settings", "describe worker",
)  # fmt: skip
Console = tuple[asyncio.StreamReader, asyncio.StreamWriter]

BY = By(who="bench", door="console")


def measure(*, quick: bool) -> dict[str, object]:
    """The three figures, and more about the first."""
    with tempfile.TemporaryDirectory(prefix="brender-bench-") as folder:
        data = Path(folder) / "data"
        load_s, sql = asyncio.run(_in_process(data))
        with farm(data, worker=False):
            waits, bursts = asyncio.run(_ask_all(data, 2 if quick else ROUNDS))
    figures: dict[str, object] = {
        "workers": WORKERS,
        "consoles": CONNECTED,
        "connected_workers": CONNECTED,
        "clients_p99_ms": round(_percentile(waits, 0.99), 1),
        "clients_median_ms": round(statistics.median(waits), 1),
        "burst_p99_ms": round(_percentile(bursts, 0.99), 1),
        "answers": len(waits),
        "sql_per_read": sql,
        "load_10000_s": round(load_s, 2),
    }
    say(str(figures))
    return figures


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


# --- in this process ---------------------------------------------------------------------------------------------


async def _in_process(data: Path) -> tuple[float, float]:
    """Seconds to load the farm, and statements a read."""
    store = Store.open(data)
    store.save([_worker(n) for n in range(WORKERS)])
    engine = Engine(store, clock=_now, new_id=lambda: secrets.token_hex(8), act=lambda _: None, changed=lambda _: None)
    began = time.perf_counter()
    await engine.load()
    load_s = time.perf_counter() - began
    service = Service(engine, store, Files(data), Views(engine, store), lambda: None, _no_ping)
    with _statements() as said:
        for line in READS:
            assert (await ask(service, BY, line)).ok, line
    engine.close()
    store.close()
    return load_s, len(said) / len(READS)


def _now() -> Now:
    return Now(time.time(), time.monotonic())


async def _no_ping(_worker: str) -> float:
    return 0.0


def _worker(n: int) -> Worker:
    return Worker(
        id=secrets.token_hex(8), key_hash=secrets.token_hex(32), name=f"w{n:05}", created_at=1.0 + n, host=_host()
    )


def _host() -> m.Host:
    return m.Host(hostname="bench", system="Linux", cores=8, memory_mb=16_000)


@contextlib.contextmanager
def _statements() -> Iterator[list[str]]:
    """Every statement that any connection of this process runs in the meantime."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(Database, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Database, "before_cursor_execute", note)


# --- a real manager ----------------------------------------------------------------------------------------------


async def _ask_all(data: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each answer: at moments of their own, and all at once."""
    known = json.loads((data / "manager.json").read_bytes())
    token = (data / "token").read_text().strip()
    async with contextlib.AsyncExitStack() as stack:
        for n in range(CONNECTED):
            await stack.enter_async_context(_pretend(known["url"], token, n))
        consoles = [await _greeted(known["console_port"]) for _ in range(CONNECTED)]
        own = await asyncio.gather(*(_ask_often(console, rounds) for console in consoles))
        bursts = []
        for nth in range(rounds):
            bursts += await asyncio.gather(*(_ask(console, nth) for console in consoles))
        for _, writer in consoles:
            writer.close()
    return [wait for waits in own for wait in waits], bursts


async def _greeted(port: int) -> Console:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\n")
    await reader.readuntil(PROMPT)
    return reader, writer


async def _ask_often(console: Console, rounds: int) -> list[float]:
    waits = []
    for nth in range(rounds):
        await asyncio.sleep(random.uniform(0.5, 1.5))
        waits.append(await _ask(console, nth))
    return waits


async def _ask(console: Console, nth: int) -> float:
    reader, writer = console
    began = time.perf_counter()
    writer.write(b"clients --page %d\n" % (1 + nth * 7 % (WORKERS // 50)))
    said = await reader.readuntil(PROMPT)
    took = 1000 * (time.perf_counter() - began)
    assert said.count(b"\n") == 51, said
    return took


@contextlib.asynccontextmanager
async def _pretend(url: str, token: str, n: int) -> AsyncIterator[None]:
    """A worker that speaks the protocol, and is given nothing."""
    place = url.replace("http://", "ws://") + "/api/v1/worker"
    hello = m.Hello(protocol=m.PROTOCOL, name=f"here{n}", key=secrets.token_hex(32), boot="b", host=_host())
    async with websockets.connect(place, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send(msgspec.json.encode(hello).decode())
        await socket.recv()
        beats = asyncio.create_task(_beat(socket))
        try:
            yield
        finally:
            beats.cancel()


async def _beat(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.send(msgspec.json.encode(m.Heartbeat()).decode())
        await asyncio.sleep(2)
