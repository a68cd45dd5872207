# SPDX-License-Identifier: GPL-3.0-or-later
"""One frame of a job is rendered warm and cold, in a real Blender, and what comes of it is seen by the artist."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Desk

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them"),
]

TINY = ["-E", "CYCLES", "--samples", "1", "--size", "32x18", "-F", "PNG", "-x", "1"]
EQUAL = r"Frame \d+ was rendered warm and cold: equal, pixel for pixel\."
UNEQUAL = r"Frame \d+ was rendered warm and cold, and [\d.]+ % of its pixels differ"
# a picture that tells how many frames the process has rendered before it
REMEMBERS = """
import bpy
rendered = []
def before(scene, *_):
    scene.camera.data.shift_x = 0.02 * len(rendered)
def after(scene, *_):
    rendered.append(scene.frame_current)
bpy.app.handlers.frame_change_pre.append(before)
bpy.app.handlers.render_post.append(after)
"""


@pytest.fixture
def movebone(scenes: Path, desk: Desk) -> Path:
    return Path(shutil.copy(scenes / "animation_movebone.blend", desk.folder))


def render(movebone: Path, out: Path, last: int, *more: str) -> list[object]:
    return ["render", movebone, *TINY, "-o", out / "####", "-s", "1", "-e", str(last), *more, "-a"]


def left_of_proofs(desk: Desk) -> list[Path]:
    return [path for path in desk.folder.rglob("*") if "-proof" in path.name or path.parent.name == "proofs"]


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        pytest.param("blender", "blender", marks=pytest.mark.blender),
        pytest.param("bpy", "bpy_python", marks=pytest.mark.bpy),
    ],
)
def test_a_job_of_fifty_frames_proves_that_warm_is_right_and_the_next_one_knows_it(
    desk: Desk, movebone: Path, request: pytest.FixtureRequest, kind: str, needs: str
) -> None:
    request.getfixturevalue(needs)
    with_it = () if kind == "blender" else ("--blender", kind)
    code, said = desk.run(*render(movebone, desk.out, 50, *with_it))
    assert code == 0, said
    assert len(re.findall(EQUAL, said)) == 1
    (frame,) = map(int, re.findall(r"Frame (\d+) was rendered warm", said))
    assert 11 <= frame <= 20
    assert len(desk.frames()) == 50
    code, said = desk.run(*render(movebone, desk.folder / "again", 50, *with_it))
    assert code == 0, said
    assert f"Frame {frame} was rendered warm and cold: equal, pixel for pixel. That was found out in job 1." in said
    assert left_of_proofs(desk) == []
    assert desk.left_running() == []


@pytest.mark.blender
def test_a_scene_that_remembers_is_paused_and_then_rendered_cold(desk: Desk, movebone: Path, blender: str) -> None:
    up = desk.start("up", "--port", "0")
    up.wait_for("The manager is at")
    until(lambda: '"online"' in desk.run("workers", "--json")[1])
    remembers = ("--python-expr", REMEMBERS)
    watching = desk.start(*render(movebone, desk.out, 60, *remembers))
    watching.wait_for(rf"Job 1 is paused: {UNEQUAL}")
    assert watching.wait() != 0
    until(lambda: job(desk, 1)["state"] == "paused")
    paused = job(desk, 1)
    assert (paused["kind"], paused["proof"]["equal"]) == ("warm_differs", False)
    warm = paused["counts"]["succeeded"]
    assert 11 <= warm < 60
    assert re.search(UNEQUAL, desk.run("job", "1")[1])
    assert all_cold(desk, 1) is False

    assert desk.run("resume", "1")[0] == 0
    until(lambda: job(desk, 1)["counts"]["succeeded"] >= warm + 3)
    assert all_cold(desk, 1, after=warm)
    assert desk.run("cancel", "1")[0] == 0
    code, said = desk.run(*render(movebone, desk.folder / "again", 3, *remembers))
    assert code == 0, said
    assert "That was found out in job 1: every frame of this one is rendered cold." in said
    assert all_cold(desk, 2)
    up.signal(signal.SIGINT)
    assert up.wait(15) == 0, up.text
    assert left_of_proofs(desk) == []
    assert desk.left_running() == []


def until(met: Callable[[], object], within_s: float = 120.0) -> None:
    """What is waited for happens in other processes; each look takes half a second."""
    deadline = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < deadline


def job(desk: Desk, number: int) -> Any:
    return json.loads(desk.run("job", str(number), "--json")[1])


def all_cold(desk: Desk, number: int, after: int = 0) -> bool:
    """Whether each frame that was rendered, but for the first `after`, was the first of its Blender."""
    frames = json.loads(desk.run("job", str(number), "--frames", "--json")[1])["frames"]
    return not any(frame["warm"] for frame in frames[after:] if frame["state"] == "succeeded")
