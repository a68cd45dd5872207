# SPDX-License-Identifier: GPL-3.0-or-later
"""Warm and cold, by the worker's process and a real Blender: the second rendering leaves its verdict, and no more."""

import signal
from pathlib import Path

import msgspec
import pytest

from brender.core import messages as m
from brender.core.content import content_key
from brender.core.scene import Scene, Script, Settings
from tests.orders.conftest import until
from tests.worker_io.conftest import Manager, Worker, assign, out

pytestmark = [pytest.mark.blender, pytest.mark.slow]

# renders one frame, and refuses the second of its process
ENGINE = """
import bpy
class Engine(bpy.types.RenderEngine):
    bl_idname, bl_label = "TEST_ENGINE", "Test"
    frames = 0
    def render(self, depsgraph):
        Engine.frames += 1
        assert Engine.frames == 1, "something of the frame before is left"
        x, y = self.size = depsgraph.scene.render.resolution_x, depsgraph.scene.render.resolution_y
        result = self.begin_result(0, 0, x, y)
        result.layers[0].passes["Combined"].rect = [[0.5, 0.5, 0.5, 1.0]] * (x * y)
        self.end_result(result)
bpy.utils.register_class(Engine)
"""


@pytest.fixture
def plain(scene: Scene) -> Scene:
    """Without what some frames of it do."""
    return msgspec.structs.replace(scene, scripts=())


def proving(scene: Scene, *frames: int) -> m.Assign:
    return msgspec.structs.replace(assign(scene, *frames), prove=True)


def kept(worker: Worker) -> list[Path]:
    return list((worker.data / "worker" / "proofs").glob("*"))


def left_over(worker: Worker, scene: Scene) -> list[str]:
    noted = [*(worker.data / "worker" / "runs").iterdir(), *(worker.data / "worker" / "logs").iterdir()]
    return [name for name in [*out(scene), *(path.name for path in noted)] if "proof" in name]


async def test_a_frame_rendered_warm_equals_the_same_frame_rendered_cold(
    manager: Manager, worker: Worker, plain: Scene
) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(proving(plain, *range(1, 26)))
    await manager.until(lambda: manager.of(m.Proved))
    (proved,) = manager.of(m.Proved)
    assert (proved.equal, proved.fraction, proved.largest) == (True, 0.0, 0.0)
    assert (proved.run, proved.content) == (f"run{proved.frame}", content_key(plain))
    assert 11 <= proved.frame <= 20
    assert proved.seconds > 0
    done = [await manager.until_heard(m.Rendered, f"run{frame}") for frame in range(1, 26)]
    assert [report.result.warm for report in done] == [False, *[True] * 24]
    assert {report.run for report in manager.of(m.Started)} == {f"run{frame}" for frame in range(1, 26)}
    await until(lambda: not kept(worker) and not left_over(worker, plain))


async def test_a_worker_that_leaves_in_the_middle_of_it_leaves_nothing_of_it(
    manager: Manager, worker: Worker, plain: Scene
) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(proving(plain, *range(1, 23)))
    await until(lambda: kept(worker))
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    assert (kept(worker), left_over(worker, plain)) == ([], [])
    assert not manager.of(m.Proved)
    assert len({report.run for report in manager.of(m.Report) if not isinstance(report, m.SceneOpened)}) == 22


async def test_what_cannot_be_warm_gets_a_process_for_each_frame(
    manager: Manager, worker: Worker, scene: Scene
) -> None:
    strange = msgspec.structs.replace(
        scene,
        scripts=(Script(kind="expr", source=ENGINE, before_open=True),),
        settings=Settings(engine="TEST_ENGINE", width=32, height=18, percent=100),
    )
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(proving(strange, 1, 2, 3))
    done = [await manager.until_heard(m.Rendered, f"run{frame}") for frame in (1, 2, 3)]
    assert not any(report.result.warm for report in done)
    assert all(not each.opened.warm and "not known" in each.opened.warm_reason for each in manager.of(m.SceneOpened))


async def test_frames_are_rendered_cold_where_the_manager_says_so(
    manager: Manager, worker: Worker, plain: Scene
) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(msgspec.structs.replace(assign(plain, 1, 2, 3), cold=True))
    done = [await manager.until_heard(m.Rendered, f"run{frame}") for frame in (1, 2, 3)]
    assert not any(report.result.warm for report in done)
    assert len(manager.of(m.SceneOpened)) == 3
