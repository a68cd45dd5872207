# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker as a process, with a real Blender, before a manager that loses, forgets and insists."""

import hashlib
import importlib.metadata
import signal
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.scene import Blender, Scene
from tests.worker_io.conftest import KILL, Manager, Worker, assign, out

pytestmark = pytest.mark.blender


def check_file(report: m.Rendered, final: Path) -> None:
    """It is what the report says, under the run's own name beside the final one."""
    (file,) = report.result.files
    data = Path(file.temporary).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file.sha256
    assert (file.width, file.height, file.size) == (64, 36, len(data))
    assert Path(file.final) == final
    assert Path(file.temporary) == final.parent / f".brender-{report.run}" / final.name


async def test_frames_are_rendered_verified_and_reported(manager: Manager, worker: Worker, scene: Scene) -> None:
    worker.start(name="ada", tags=("fast",))
    await manager.until(lambda: manager.hellos)
    hello = manager.hellos[0]
    assert (hello.name, hello.host.tags, hello.held) == ("ada", ("fast",), ())
    assert scene.blender in [found.blender for found in hello.host.blenders]
    await manager.send(assign(scene, 1, 2, 3))
    done = [await manager.until_heard(m.Rendered, f"run{frame}") for frame in (1, 2, 3)]
    opened = await manager.until_heard(m.SceneOpened, "run1")
    assert (opened.opened.width, opened.opened.height, opened.opened.engine) == (64, 36, "CYCLES")
    for frame, report in zip((1, 2, 3), done, strict=True):
        check_file(report, Path(scene.blend).parent / "out" / f"f_{frame:04d}.png")
        assert report.thumbnail.startswith(b"\xff\xd8")
        assert report.result.peak_memory_mb > 10
    assert [report.result.warm for report in done] == [False, True, True]
    assert len({report.result.files[0].sha256 for report in done}) == 3
    assert len(manager.of(m.Started)) == 3
    await manager.until(lambda: "Fra:1" in manager.log("run1") and "Fra:3" in manager.log("run3"))
    assert "Fra:1" not in manager.log("run2")


@pytest.mark.bpy
async def test_bpy_renders_as_well(manager: Manager, worker: Worker, scene: Scene, bpy_python: str) -> None:
    module = Blender(kind="bpy", version=importlib.metadata.version("bpy"))
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(msgspec.structs.replace(scene, blender=module), 1))
    assert (await manager.until_heard(m.Rendered, "run1")).result.blender.startswith(module.version)


async def test_a_manager_that_goes_away_costs_no_frame(manager: Manager, worker: Worker, scene: Scene) -> None:
    """C07: the runs go on, and are adopted."""
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, *range(1, 9)))
    await manager.until_heard(m.Rendered, "run2")
    await manager.drop()
    await manager.until(lambda: len(manager.hellos) == 2)
    assert "run8" in manager.hellos[1].held
    assert manager.hellos[1].boot == manager.hellos[0].boot
    for frame in range(1, 9):
        await manager.until_heard(m.Rendered, f"run{frame}")
    assert len({report.id for report in manager.of(m.SceneOpened)}) == 1  # the same Blender all along


async def test_a_report_is_repeated_until_it_is_acknowledged(manager: Manager, worker: Worker, scene: Scene) -> None:
    """C03: the answer does not come three times, then it does: exactly one completion."""
    manager.acknowledge = lambda report: None
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 1))
    for times in (1, 2, 3):
        await manager.until_heard_times(m.Rendered, times)
        await manager.drop()
    manager.acknowledge = lambda report: m.Ack(report=report.id)
    await manager.until(lambda: len(manager.of(m.Rendered)) == 4)
    assert len({report.id for report in manager.of(m.Rendered)}) == 1
    await manager.drop()
    await manager.until(lambda: manager.hellos[-1].held == ())
    assert len(manager.of(m.Rendered)) == 4


async def test_what_was_rendered_survives_a_kill_of_the_worker(manager: Manager, worker: Worker, scene: Scene) -> None:
    manager.acknowledge = lambda report: None if isinstance(report, m.Rendered) else m.Ack(report=report.id)
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 1, 13))
    await manager.until_heard(m.Rendered, "run1")
    await manager.until_heard(m.Started, "run13")
    await manager.until(lambda: "frame 13 hangs" in manager.log("run13"))
    blenders = worker.blenders()
    worker.signal(KILL)
    await worker.ended()
    manager.acknowledge = lambda report: m.Ack(report=report.id)
    worker.start()
    await manager.until(lambda: len(manager.of(m.Rendered)) == 2)
    first, second = manager.of(m.Rendered)
    assert first == second
    assert manager.hellos[-1].held == ("run1",)
    assert manager.hellos[-1].key == manager.hellos[0].key
    assert manager.hellos[-1].boot != manager.hellos[0].boot
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in blenders)
    check_file(second, Path(scene.blend).parent / "out" / "f_0001.png")
    assert out(scene) == [".brender-run1"]  # what frame 13 had begun is removed


async def test_stopping_a_run_ends_its_processes_and_leaves_no_files(
    manager: Manager, worker: Worker, scene: Scene
) -> None:
    """C05, C10, C19."""
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 13, 2))
    await manager.until(lambda: "frame 13 hangs" in manager.log("run13"))
    blenders = worker.blenders()
    await manager.send(m.Stop(runs=("run13", "unknown"), reason="cancelled"))
    await manager.until_heard(m.Stopped, "unknown")
    await manager.until_heard(m.Stopped, "run13")
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in blenders)
    await manager.until_heard(m.Rendered, "run2")  # in a fresh Blender
    assert out(scene) == [".brender-run2"]


async def test_a_late_refusal_removes_what_was_rendered(manager: Manager, worker: Worker, scene: Scene) -> None:
    """C01: the file of a run that was given away is never published."""
    verdict = {m.Rendered: "stop"}
    manager.acknowledge = lambda report: m.Ack(report=report.id, verdict=verdict.get(type(report), "ok"))  # type: ignore[arg-type]
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 1))
    await manager.until_heard(m.Rendered, "run1")
    await manager.send(m.Stop(runs=("unknown",)))
    await manager.until_heard(m.Stopped, "unknown")  # everything before it is done
    assert out(scene) == []


async def test_a_run_that_hangs_is_ended_by_its_limit_and_the_next_goes_on(
    manager: Manager, worker: Worker, scene: Scene
) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    bounds = m.Bounds(max_run_s=20, silence_s=3)
    await manager.send(assign(scene, 13, 2, bounds=bounds))
    failed = await manager.until_heard(m.Failed, "run13")
    assert (failed.kind, failed.message) == (Kind.SILENT, "Blender gave no sign of life for 3 s.")
    assert failed.result.peak_memory_mb > 10  # C21
    await manager.until_heard(m.Rendered, "run2")


async def test_a_blender_that_dies_fails_its_run_alone(manager: Manager, worker: Worker, scene: Scene) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 13, 2))
    await manager.until(lambda: "frame 13 hangs" in manager.log("run13"))
    for process in worker.blenders():
        process.kill()
    failed = await manager.until_heard(m.Failed, "run13")
    assert failed.kind is Kind.BLENDER_CRASHED
    await manager.until_heard(m.Rendered, "run2")
    assert not any(report.run == "run2" for report in manager.of(m.Failed))


async def test_a_blender_that_is_not_there_is_an_error_of_the_run(
    manager: Manager, worker: Worker, scene: Scene
) -> None:
    """C20: the worker lives."""
    worker.start()
    await manager.until(lambda: manager.hellos)
    other = msgspec.structs.replace(scene, blender=Blender(kind="blender", version="99.0"))
    await manager.send(assign(other, 1))
    failed = await manager.until_heard(m.Failed, "run1")
    assert (failed.kind, failed.message) == (Kind.BLENDER_MISSING, "This worker has no Blender 99.0.")
    absent = msgspec.structs.replace(scene, blend="/not/there.blend")
    await manager.send(msgspec.structs.replace(assign(absent, 2, 3), job=2))
    assert (await manager.until_heard(m.Failed, "run2")).kind is Kind.FILE_ABSENT
    await manager.until_heard(m.Unstarted, "run3")
    await manager.send(msgspec.structs.replace(assign(scene, 4), job=3))
    await manager.until_heard(m.Rendered, "run4")


async def test_a_log_without_end_is_cut_in_the_middle(manager: Manager, worker: Worker, scene: Scene) -> None:
    """C22, C23."""
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 17, 1))
    await manager.until_heard(m.Rendered, "run17")
    log = manager.log("run17")
    assert "caf\ufffd HEAD" in log
    assert "TAIL" in log
    assert "MB of this log are left out here]" in log
    assert len(log) < 600 * 1024
    assert max(len(piece.text) for piece in manager.of(m.Log)) <= 64 * 1024


async def test_a_signal_gives_everything_back_and_ends_within_two_seconds(
    manager: Manager, worker: Worker, scene: Scene
) -> None:
    worker.start()
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 13, 2))
    await manager.until(lambda: "frame 13 hangs" in manager.log("run13"))
    blenders = worker.blenders()
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    assert time.monotonic() - began < 2.5  # 2 s, and a machine that does other things
    await manager.until(lambda: manager.of(m.Goodbye))
    assert {report.run for report in manager.of(m.Unstarted)} == {"run13", "run2"}
    assert manager.of(m.Failed) == []
    assert not any(process.is_running() for process in blenders)
    assert out(scene) == []


async def test_a_worker_that_is_to_exit_when_idle_does(manager: Manager, worker: Worker, scene: Scene) -> None:
    worker.start(exit_when_idle=True)
    await manager.until(lambda: manager.hellos)
    await manager.send(assign(scene, 1))
    await manager.until_heard(m.Rendered, "run1")
    assert await worker.ended() == 0
    assert len(manager.of(m.Goodbye)) == 1


async def test_a_worker_that_is_refused_for_good_says_why_and_ends(manager: Manager, worker: Worker) -> None:
    manager.refuse = m.Refused(reason="This manager speaks protocol 2.")
    worker.start()
    assert await worker.ended() == 3
    assert worker.log.read_text().endswith("The manager will not have this worker: This manager speaks protocol 2.\n")
    assert manager.of(m.Goodbye) == []


async def test_a_worker_that_is_refused_for_now_comes_again(manager: Manager, worker: Worker) -> None:
    manager.refuse = m.Refused(reason="Its older process is still connected.", again=True)
    worker.start()
    await manager.until(lambda: manager.hellos)
    manager.refuse = None
    await manager.drop()
    await manager.until(lambda: manager.of(m.Heartbeat))


async def test_two_workers_of_one_folder_have_two_identities(manager: Manager, worker: Worker) -> None:
    """C13."""
    second = Worker(manager, worker.data)
    try:
        worker.start()
        second.start()
        await manager.until(lambda: len({hello.key for hello in manager.hellos}) == 2)
        assert "Another worker has the identity" in worker.log.read_text()
    finally:
        second.end()
