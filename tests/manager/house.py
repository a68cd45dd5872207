# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager for tests: the real engine over a real SQLite store, files and hub; the worker is played by commands."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Effect, Publish, Row, Tell
from brender.core.failures import Kind
from brender.core.frames import FrameSet
from brender.core.live import Now
from brender.core.nouns import Job, Run, RunState, Step, StepKind
from brender.core.scene import Scene
from brender.manager import http
from brender.manager.app import Config
from brender.manager.auth import Door
from brender.manager.carrying import Carrying
from brender.manager.content import Content
from brender.manager.engine import Engine, keys_of
from brender.manager.events import Events
from brender.manager.files import Files
from brender.manager.hub import Hub
from brender.manager.joining import Joining
from brender.manager.reach import DIRECT
from brender.manager.service import Service
from brender.manager.storage.choose import open_storage
from brender.manager.views import Views
from brender.store import Store
from tests import fresh
from tests.farm_builder import BLENDER, host

TOKEN = "t" * 43
URL = "http://127.0.0.1:8080"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # as good, for who has nothing to protect
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Watched(Store):
    """The real store, that counts what it saves, and can be told to fail as a full disk does, or to wait."""

    refuse: Any = None  # called with each batch of rows; raises what a database would
    saved: int = 0

    def save(self, rows: Sequence[Row]) -> None:
        if self.refuse:
            self.refuse(rows)
        super().save(rows)
        self.saved += len(rows)


_parts: dict[str, object] = {}  # of the house that was asked last


@functools.cache
def _routes() -> Litestar:
    return http.application(_parts)


class House:
    """All that `http.create` wants, with a clock that stands still until told."""

    def __init__(self, data: Path) -> None:
        self.config = Config(data=data)
        self.boot, self.url, self.started_at = "boot1", URL, 1_700_000_000.0
        self.mono = 1000.0
        self.ids = 0
        self.ended = False  # somebody said `shutdown`
        self.effects: list[Effect] = []
        self.rows: list[Row] = []
        fresh.database(data)
        self.open()

    def open(self) -> None:
        """A manager's start: everything anew but the data folder."""
        self.store = Watched.open(self.config.data)
        self.files, self.events = Files(self.config.data), Events()
        self.engine = Engine(
            self.store, clock=self.now, new_id=self.new_id, act=self.effects.extend, changed=self.changed
        )
        storage = open_storage(self.config.data, self.config.storage)
        self.content = Content(self.config.data, storage, lambda name: self.engine.farm.setting(name))
        self.carrying = Carrying(self.engine, self.config.data, storage, self.content.room)
        self.hub = Hub(self.engine, self.files, self.carrying)
        views = Views(self.engine, self.store)
        self.service = Service(self.engine, self.store, self.files, views, self.end, self.hub.ping, self.content)
        self.people = self.service.people
        self.people._hasher = QUICK
        self.joining = Joining(self.engine, self.people)
        self.reach = DIRECT

    def end(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.engine.close()
        self.store.close()

    def now(self) -> Now:
        return Now(1_700_000_000.0 + self.mono, self.mono)

    def new_id(self) -> str:
        self.ids += 1
        return f"id{self.ids}"

    def changed(self, rows: Sequence[Row]) -> None:
        self.rows += rows
        self.events.changed(keys_of(rows))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        """The engine at work."""
        await self.engine.load()
        task = asyncio.create_task(self.engine.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def restart(self) -> None:
        """A manager that comes back: what it knows, it knows from the store. The old engine's task is gone with it."""
        self.close()
        self.open()
        await self.engine.load()

    def app(self) -> Door:
        """As `http.create`, over routes that are put together once: that takes a tenth of a second each time."""
        _parts.update(http.parts(self))
        return http.behind_door(_routes(), self, TOKEN)

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app())  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=HEADERS | headers)

    # --- what people and workers do ---

    async def do(self, command: c.Command) -> Any:
        return await self.engine.command(command)

    def submission(self, frames: str = "1-10", **fields: Any) -> c.SubmitJob:
        step = Step(name="render", kind=fields.pop("kind", StepKind.FRAMES), frames=FrameSet.parse(frames))
        scene = Scene(blend="/s/a.blend", blender=fields.pop("blender", BLENDER))
        n = self.new_id()
        given = {"name": "a", "owner": "", "outputs": f"/out/{n}_####.png", "request_id": f"r{n}"} | fields
        return c.SubmitJob(scene=scene, steps=(step,), **given)

    async def submit(self, frames: str = "1-10", **fields: Any) -> Job:
        job: Job = await self.do(self.submission(frames, **fields))
        return job

    async def join(self, name: str = "w", key: str | None = None, hashed: str = "", **fields: Any) -> str:
        key = key or name
        given = {"boot": "b1", "host": host()} | fields
        hello = m.Hello(protocol=m.PROTOCOL, name=name, key=key, **given)
        answer = await self.do(
            c.WorkerHello(connection=self.new_id(), hello=hello, key_hash=hashed or f"hash of {key}")
        )
        assert isinstance(answer, m.Welcome), answer
        return answer.worker

    async def report(self, run: Run, report: type[m.Report], **fields: Any) -> Any:
        return await self.do(c.TakeReport(worker=run.worker, report=report(id=self.new_id(), run=run.id, **fields)))

    async def finish(self, run: Run, seconds: float = 1.0, result: m.Result | None = None) -> None:
        await self.report(run, m.Rendered, result=result or m.Result(render_s=seconds))
        await self.do(c.Published(run=run.id))

    async def fail(self, run: Run, kind: Kind = Kind.BLENDER_CRASHED, message: str = "it crashed") -> None:
        await self.report(run, m.Failed, kind=kind, message=message)

    def held(self, worker: str | None = None) -> list[Run]:
        """Runs that workers hold now, in the order they were assigned."""
        runs = self.engine.farm.runs.values()
        return [r for r in runs if r.state is not RunState.RENDERED and worker in (None, r.worker)]

    async def render_all(self, worker: str, most: int = 100_000) -> int:
        """Play a worker that renders whatever it is given; how many frames that were."""
        done = 0
        while done < most and (runs := self.held(worker)):
            await self.report(runs[0], m.Started)
            await self.finish(runs[0])
            done += 1
        return done

    def told(self, kind: type[m.Message]) -> list[Any]:
        return [e.message for e in self.effects if isinstance(e, Tell) and isinstance(e.message, kind)]

    def published(self) -> list[str]:
        return [e.run.id for e in self.effects if isinstance(e, Publish)]
