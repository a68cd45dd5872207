# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manager does for ever goes on after a save that failed."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.changes import Row
from brender.core.nouns import JobState, Run, RunState
from brender.imaging import sha256
from brender.manager import app, files
from brender.store import Store, StoreError
from tests.manager.house import House


async def test_a_frame_whose_publishing_was_not_saved_is_published_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "AGAIN_S", 0.0)
    job = await house.submit("1-1")
    await house.join("one")
    [held] = house.held()
    made = tmp_path / f".brender-{held.id}" / "0001.png"
    made.parent.mkdir()
    made.write_bytes(b"picture")
    file = m.File(temporary=str(made), final=str(tmp_path / "0001.png"), size=7, sha256=sha256(made))
    await house.report(held, m.Rendered, result=m.Result(files=(file,)))
    refused: list[int] = []

    def refuse_once(rows: Sequence[Row]) -> None:
        if not refused and any(isinstance(row, Run) and row.state is RunState.SUCCEEDED for row in rows):
            refused.append(1)
            raise StoreError("the disk is full")

    house.store.refuse = refuse_once
    publisher = files.Publisher(house.engine.command)
    for run in house.engine.unpublished():
        publisher.put(run)
    task = asyncio.create_task(publisher.run())
    async with asyncio.timeout(10):
        while job.id in house.engine.farm.jobs:  # noqa: ASYNC110 - the engine tells nobody here
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    ended = house.store.job(job.id)
    assert (refused, ended and ended.state) == ([1], JobState.COMPLETED)
    assert (tmp_path / "0001.png").read_bytes() == b"picture"


async def test_leases_are_looked_at_after_a_tick_that_was_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "TICK_S", 0.0)
    ticks: asyncio.Queue[c.Command] = asyncio.Queue()

    async def command(command: c.Command) -> None:
        ticks.put_nowait(command)
        if ticks.qsize() == 1:
            raise StoreError("the disk is full")
        await asyncio.sleep(0)

    with contextlib.closing(Store.open(tmp_path)) as store:
        manager = app.Manager(app.Config(data=tmp_path), store)
        monkeypatch.setattr(manager.engine, "command", command)
        task = asyncio.create_task(manager._tick())
        async with asyncio.timeout(10):
            while ticks.qsize() < 2:  # noqa: ASYNC110 - for ever has no event
                await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        manager.engine.close()
