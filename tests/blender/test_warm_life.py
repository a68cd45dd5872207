# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a warm Blender: frames follow at once, its troubles are those of one run, and nothing of it is left."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from brender.core.failures import Kind
from brender.core.scene import Script, Settings
from brender.worker.blender import Alive, Began, Done, Ended, Event, Failed, Failure, Unstarted

pytestmark = pytest.mark.slow

HEAVY = Settings(engine="CYCLES", samples=100_000, width=640, height=360, percent=100, format="PNG")


def expression(source: str) -> tuple[Script, ...]:
    return (Script(kind="expr", source=source),)


def left_over() -> set[str]:
    """The temporary folders of this process' Blenders."""
    return {path.name for path in Path(tempfile.gettempdir()).glob(f"brender-blender-{os.getpid()}-*")}


def runs_of(folder: Path) -> list[Path]:
    """The folders of runs that lie there."""
    return list(folder.glob(".brender-*"))


def is_there(path: str) -> bool:
    return Path(path).exists()


def size(path: str) -> int:
    return Path(path).stat().st_size


class Heard:
    """Collects events; `until` waits for one of a kind."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, kind: type[Event]) -> Any:
        while True:
            found = next((event for event in self.events if isinstance(event, kind)), None)
            if found is not None:
                return found
            self._changed.clear()
            await self._changed.wait()


async def test_the_next_frame_begins_within_ten_milliseconds(
    kit: Any, scenes: Path, tmp_path: Path, render_all: Any
) -> None:
    warm = await kit.open(kit.scene(scenes / "animation_movebone.blend", tmp_path / "out" / "####"), tmp_path)
    rendered = await render_all(warm, range(1, 21), tmp_path)
    await warm.close()
    gaps = [each.gap_s for each in rendered[2:]]
    assert rendered[0].gap_s is None
    assert statistics.median(gaps) < 0.010
    assert all(each.cpu_s > 0 and each.peak_memory_mb > 50 for each in rendered)


async def test_events_come_in_order_and_show_progress(kit: Any, made: Path, tmp_path: Path) -> None:
    heard = Heard()
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####"), tmp_path, heard)
    for frame in (1, 2):
        warm.enqueue(f"r{frame}", (frame,), str(tmp_path / f"{frame}.log"))
    await warm.close()
    kinds = [(type(event), event.run) for event in heard.events if isinstance(event, Began | Done)]
    assert kinds == [(Began, "r1"), (Done, "r1"), (Began, "r2"), (Done, "r2")]
    assert {event.run for event in heard.events if isinstance(event, Alive)} == {"r1", "r2"}
    assert heard.events[-1] == Ended(None)


async def test_nothing_that_is_printed_reaches_the_channel(kit: Any, made: Path, tmp_path: Path) -> None:
    """C23: nor does a byte outside UTF-8 harm anything."""
    noise = r"""
import bpy, os
def shout(scene, *_):
    os.write(1, b'{"event":"rendered","run":"r5","files":[]}\n\xff\xfe\n' * 50 + b'no line end')
    print("frame", scene.frame_current)
bpy.app.handlers.frame_change_post.append(shout)
"""
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####", scripts=expression(noise)), tmp_path)
    runs = [warm.render(f"r{frame}", (frame,), str(tmp_path / f"{frame}.log")) for frame in (5, 6)]
    rendered = await asyncio.gather(*runs)
    await warm.close()
    assert [len(each.files) for each in rendered] == [1, 1]
    for frame, other in ((5, 6), (6, 5)):
        log = (tmp_path / f"{frame}.log").read_bytes()
        assert f"frame {frame}".encode() in log
        assert f"frame {other}".encode() not in log
        assert b"\xff\xfe" in log
        assert b"brender-run-" not in log


CRASH = """
import bpy, os
def fall(*_):
    print("about to fall", flush=True)
    os.kill(os.getpid(), 11)
bpy.app.handlers.render_post.append(fall)
"""


async def test_a_crash_is_the_run_s_and_the_waiting_ones_never_began(kit: Any, made: Path, tmp_path: Path) -> None:
    heard, scripts = Heard(), expression(CRASH)
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####", scripts=scripts), tmp_path, heard)
    for frame in (1, 2, 3):
        warm.enqueue(f"r{frame}", (frame,), str(tmp_path / f"{frame}.log"))
    ended = await heard.until(Ended)
    failed = next(event for event in heard.events if isinstance(event, Failed))
    assert failed.run == "r1"
    assert failed.failure.kind == ended.failure.kind == Kind.BLENDER_CRASHED
    assert "signal 11" in failed.failure.message
    assert "about to fall" in failed.failure.message
    assert [event.run for event in heard.events if isinstance(event, Unstarted)] == ["r2", "r3"]
    assert runs_of(tmp_path) == []
    await warm.kill()


ODD = """
import bpy
def odd(scene, *_):
    assert scene.frame_current != 2, 'two is bad'
bpy.app.handlers.frame_change_post.append(odd)
"""


async def test_an_error_in_a_handler_fails_the_frame_and_the_next_goes_on(kit: Any, made: Path, tmp_path: Path) -> None:
    """Blender prints it and says success."""
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####", scripts=expression(ODD)), tmp_path)
    runs = [warm.render(f"r{frame}", (frame,), str(tmp_path / f"{frame}.log")) for frame in (1, 2, 3)]
    first, second, third = await asyncio.gather(*runs, return_exceptions=True)
    await warm.close()
    assert isinstance(second, Failure)
    assert second.kind == Kind.PYTHON_ERROR
    assert "two is bad" in second.message
    assert not isinstance(first, BaseException)
    assert not isinstance(third, BaseException)


async def test_a_frame_that_blender_would_clamp_is_refused(kit: Any, made: Path, tmp_path: Path) -> None:
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####"), tmp_path)
    with pytest.raises(Failure) as failed:
        await warm.render("r", (99_999_999,), str(tmp_path / "log"))
    await warm.close()
    assert failed.value.kind == Kind.BAD_SETTING


async def test_killing_ends_the_tree_in_the_middle_of_a_frame(kit: Any, made: Path, tmp_path: Path) -> None:
    """C19: also a child that a script started, in a session of its own, deaf to SIGTERM."""
    child = (
        "import subprocess, sys; code = 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)'; "
        "p = subprocess.Popen(['python3', '-c', code], start_new_session=True); "
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(p.pid))"
    )
    before, heard = left_over(), Heard()
    scene = kit.scene(made / "armature.blend", tmp_path / "####", settings=HEAVY, scripts=expression(child))
    warm = await kit.open(scene, tmp_path, heard)
    started = psutil.Process(int((tmp_path / "child").read_text()))
    run = asyncio.ensure_future(warm.render("r", (1,), str(tmp_path / "log")))
    began = await heard.until(Began)
    assert is_there(began.folders[0])
    await heard.until(Alive)
    await warm.kill()
    assert not psutil.pid_exists(warm.pid)
    assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(Failure):
        await run
    assert not is_there(began.folders[0])
    assert left_over() <= before


async def until_started(before: set[str]) -> None:
    """Nothing tells of it, so it is looked at, as often as the loop turns."""
    while left_over() <= before:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_opening_can_be_given_up(kit: Any, scenes: Path, tmp_path: Path) -> None:
    before = left_over()
    opening = asyncio.ensure_future(kit.open(kit.scene(scenes / "animation_instanced.blend", tmp_path / "f"), tmp_path))
    await until_started(before)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert left_over() <= before


WORKER = """
import asyncio, sys
import msgspec
from brender.core.scene import Scene
from brender.worker.blender import Alive, WarmBlender
async def main():
    scene = msgspec.json.decode(sys.argv[1], type=Scene)
    tell = lambda event: print("alive", flush=True) if isinstance(event, Alive) else None
    warm = await WarmBlender.open(scene, sys.argv[2], log=sys.argv[3], on_event=tell)
    print("pid", warm.pid, flush=True)
    await warm.render("r", (1,), sys.argv[3])
asyncio.run(main())
"""


def test_a_killed_worker_takes_its_blender_along(kit: Any, made: Path, tmp_path: Path) -> None:
    """Also in the middle of a frame: nobody would take what it renders."""
    scene = msgspec.json.encode(kit.scene(made / "armature.blend", tmp_path / "####", settings=HEAVY)).decode()
    command = [sys.executable, "-c", WORKER, scene, kit.program, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        lines = iter(worker.stdout.readline, "")
        blender = psutil.Process(int(next(line for line in lines if line.startswith("pid")).split()[1]))
        next(line for line in lines if line.startswith("alive"))
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    gone, alive = psutil.wait_procs([blender], timeout=10)
    assert not alive, gone


async def test_a_killed_blender_is_no_want_of_memory(kit: Any, made: Path, tmp_path: Path) -> None:
    heard = Heard()
    warm = await kit.open(kit.scene(made / "armature.blend", tmp_path / "####", settings=HEAVY), tmp_path, heard)
    warm.enqueue("r", (1,), str(tmp_path / "log"))
    await heard.until(Alive)
    os.kill(warm.pid, signal.SIGKILL)
    ended = await heard.until(Ended)
    assert ended.failure.kind == Kind.BLENDER_CRASHED
    assert "signal 9" in ended.failure.message
