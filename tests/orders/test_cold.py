# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender that is started anew for each frame is paused also in between."""

import asyncio
from pathlib import Path

import pytest

from brender.core.scene import Blender, Scene, Script, Settings
from brender.worker.blender import Done, Event, WarmBlender
from tests.blender.test_warm_life import ENGINE
from tests.orders.conftest import until

pytestmark = [pytest.mark.blender, pytest.mark.slow]


async def test_what_is_started_in_a_pause_stands_still(
    blend: Path, installed: Blender, blender: str, tmp_path: Path
) -> None:
    scene = Scene(
        blend=str(blend),
        blender=installed,
        settings=Settings(engine="TEST_ENGINE", width=32, height=18, percent=100, output=str(tmp_path / "####")),
        scripts=(Script(kind="expr", source=ENGINE, before_open=True),),
    )
    done: list[str] = []
    pausing: list[asyncio.Task[None]] = []

    def hear(event: Event) -> None:
        if isinstance(event, Done):
            done.append(event.run)
            pausing.append(asyncio.ensure_future(warm.pause()))  # while the process of the next frame is to come

    warm = await WarmBlender.open(scene, blender, log=str(tmp_path / "log"), on_event=hear)
    assert not warm.opened.warm
    first = warm.pid
    for frame in (1, 2):
        warm.enqueue(f"r{frame}", (frame,), str(tmp_path / f"{frame}.log"))
    await until(lambda: warm.pid != first)
    await asyncio.gather(*pausing)
    before = warm.usage().cpu_s
    await asyncio.sleep(1)  # that nothing happens takes time to be seen
    assert (warm.usage().cpu_s, done) == (before, ["r1"])
    await warm.resume()
    await until(lambda: done == ["r1", "r2"])
    await asyncio.gather(*pausing)
    await warm.kill()
