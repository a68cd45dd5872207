# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender that is started in a pause stands still from its beginning."""

import asyncio
from pathlib import Path

import psutil
import pytest

from brender.core.scene import Blender, Scene
from brender.worker.blender import WarmBlender
from tests.orders.conftest import until

pytestmark = [pytest.mark.blender, pytest.mark.slow]


async def test_what_is_started_in_a_pause_stands_still(
    blend: Path, installed: Blender, blender: str, tmp_path: Path
) -> None:
    before = {child.pid for child in psutil.Process().children()}
    warm = WarmBlender(Scene(blend=str(blend), blender=installed), blender, lambda _: None, "")
    await warm.pause()
    opening = asyncio.ensure_future(warm.begin(str(tmp_path / "log")))
    await until(lambda: {child.pid for child in psutil.Process().children()} - before)
    await until(lambda: psutil.Process(warm.pid).status() == psutil.STATUS_STOPPED)
    cpu_s = warm.usage().cpu_s
    await asyncio.sleep(1)  # that nothing happens takes time to be seen
    assert (warm.usage().cpu_s, opening.done()) == (cpu_s, False)
    await warm.resume()
    await opening
    assert warm.opened.engine
    await warm.kill()
