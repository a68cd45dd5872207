# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender render`, as people run it, on real scenes with real Blenders."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

pytestmark = [pytest.mark.timeout(240), pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")]

LAST = 30
SIZE = "64x36"
QUICK = ["-E", "CYCLES", "--samples", "2", "--size", SIZE, "-F", "PNG", "-x", "1"]
EXPRESSION = (
    "import bpy; s = bpy.context.scene; s.cycles.samples = 2; r = s.render;"
    " r.resolution_x, r.resolution_y, r.resolution_percentage = 64, 36, 100"
)
WITH_BPY = """
import os, sys, bpy
blend, out, last = sys.argv[1:]
bpy.ops.wm.open_mainfile(filepath=blend)
s = bpy.context.scene
s.render.engine = "CYCLES"
s.cycles.samples = 2
s.render.resolution_x, s.render.resolution_y, s.render.resolution_percentage = 64, 36, 100
s.render.image_settings.file_format = "PNG"
s.render.use_file_extension = True
s.frame_start, s.frame_end, s.render.filepath = 0, int(last), out
bpy.ops.render.render(animation=True)
os._exit(0)
"""
# frames that take their time, and no processor's: there is some to interrupt them in
SLOW = "import bpy, time; bpy.app.handlers.render_pre.append(lambda *_: time.sleep(0.2))"
SOME = r"[1-9]\d*/31 frames"


def pixels(path):
    with Image.open(path) as image:
        return image.size, image.mode, hashlib.sha256(image.tobytes()).hexdigest()


def contents(paths):
    return {name: pixels(path) for name, path in paths.items()}


def animation(desk, blend, *more, last=LAST):
    return ["render", blend, *more, *QUICK, "-o", desk.out / "####", "-s", "0", "-e", str(last), "-a"]


def slowly(desk, blend, *more):
    return animation(desk, blend, *more, "--python-expr", SLOW)


@pytest.fixture
def movebone(scenes, desk):
    return Path(shutil.copy(scenes / "animation_movebone.blend", desk.folder))


@pytest.fixture(scope="module")
def rendered_by_blender(scenes, blender, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blender")
    blend = str(scenes / "animation_movebone.blend")
    arguments = [blend, "-E", "CYCLES", "--python-expr", EXPRESSION, "-F", "PNG", "-x", "1", "-o", f"{folder}/####"]
    subprocess.run(
        [blender, "-b", *arguments, "-s", "0", "-e", str(LAST), "-a"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=200,
    )
    return contents({p.name: p for p in folder.iterdir()})


@pytest.fixture(scope="module")
def rendered_by_bpy(scenes, bpy_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bpy")
    arguments = [str(scenes / "animation_movebone.blend"), f"{folder}/####", str(LAST)]
    subprocess.run([bpy_python, "-c", WITH_BPY, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=200)
    return contents({p.name: p for p in folder.iterdir()})


def check_movebone(desk, code, said, expected):
    lines = said.strip().splitlines()
    assert code == 0, said
    assert len(expected) == LAST + 1
    assert contents(desk.frames()) == expected
    assert len(set(contents(desk.frames()).values())) >= LAST
    assert str(desk.out) in lines[0]
    assert str(desk.out) in lines[-1]
    assert "CPU" in said
    assert desk.left_running() == []


@pytest.mark.blender
@pytest.mark.slow
def test_an_installed_blender_makes_the_pixels_that_blender_makes(desk, movebone, rendered_by_blender):
    """C28: each frame is another one."""
    code, said = desk.run(*animation(desk, movebone))
    check_movebone(desk, code, said, rendered_by_blender)
    assert said.startswith("Blender ")


@pytest.mark.bpy
@pytest.mark.slow
def test_bpy_makes_the_pixels_that_bpy_makes(desk, movebone, rendered_by_bpy):
    code, said = desk.run(*animation(desk, movebone, "--blender", "bpy"))
    check_movebone(desk, code, said, rendered_by_bpy)
    assert said.startswith("bpy ")


@pytest.mark.blender
@pytest.mark.slow
def test_ctrl_c_keeps_the_frames_and_prints_the_line_that_goes_on(desk, movebone, rendered_by_blender):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    family = running.family()
    began = time.monotonic()
    running.signal(signal.SIGINT)
    code = running.wait()
    took_s = time.monotonic() - began
    assert code == 130, running.text
    assert took_s < 2.0
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert desk.left_running() == []
    kept = {name: path.stat().st_mtime_ns for name, path in desk.frames().items()}
    assert 1 <= len(kept) < 31
    line = running.wait_for(r"To go on: (.*)")[1]
    done = subprocess.run(
        ["sh", "-c", line], env=desk.environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(desk.frames()) == rendered_by_blender
    assert kept == {name: path.stat().st_mtime_ns for name, path in desk.frames().items() if name in kept}


@pytest.mark.blender
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_like_ctrl_c(desk, movebone, blender, number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("the tests were started by nohup, and a process that nohup starts goes on")
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    running.signal(number)
    assert running.wait(10) == 130
    assert "To go on: " in running.text
    assert desk.left_running() == []


@pytest.mark.blender
def test_ctrl_c_before_anything_was_rendered_ends_at_once(desk, movebone, blender):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(r"renders 31 frames")
    running.signal(signal.SIGINT)
    assert running.wait(10) == 130
    assert desk.left_running() == []


@pytest.mark.blender
def test_nothing_goes_on_when_the_command_is_killed(desk, movebone, blender):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    family = running.family()
    assert len(family) >= 4  # the command, the manager, the worker, Blender
    running.signal(signal.SIGKILL)
    running.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


@pytest.mark.blender
@pytest.mark.slow
def test_a_run_after_a_killed_one_is_not_refused_for_it(desk, movebone, blender):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    family = running.family()
    running.signal(signal.SIGKILL)
    running.wait()
    psutil.wait_procs(family, timeout=15)
    code, said = desk.run(*animation(desk, movebone, "--missing"))
    assert code == 0, said
    assert "left over" in said
    assert len(desk.frames()) == 31


@pytest.mark.blender
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["brender manager", "brender worker"])
def test_a_manager_or_worker_that_is_killed_is_started_again(desk, movebone, rendered_by_blender, kind):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    [victim] = running.family(kind)
    victim.kill()
    assert running.wait(200) == 0, running.text
    assert "is started again" in running.text
    assert contents(desk.frames()) == rendered_by_blender
    assert desk.left_running() == []


@pytest.mark.blender
@pytest.mark.slow
def test_a_blender_that_is_killed_costs_no_frame(desk, movebone, rendered_by_blender, blender):
    running = desk.start(*slowly(desk, movebone))
    running.wait_for(SOME)
    victims = [p for p in running.family() if p.name().startswith("blender")]
    victims[0].kill()
    assert running.wait(200) == 0, running.text
    assert contents(desk.frames()) == rendered_by_blender


@pytest.mark.blender
def test_a_frame_that_kills_blender_fails_and_the_others_are_there(desk, movebone, blender):
    """C14."""
    deadly = "import bpy, os; bpy.app.handlers.render_pre.append(lambda s, *_: s.frame_current == 1 and os._exit(9))"
    code, said = desk.run(*animation(desk, movebone, "--python-expr", deadly, last=3))
    assert code == 1, said
    assert "Frame 1 failed" in said
    assert "1 frame failed: 1." in said
    assert list(desk.frames()) == ["0000.png", "0002.png", "0003.png"]


@pytest.mark.blender
@pytest.mark.parametrize(
    ("scene", "words"),
    [
        ("missing/no_camera_ñønæščii.blend", "camera"),
        ("missing/01_cs_rotate.blend", "librar"),
        ("missing/01_missing_textures.blend", "missing"),
        ("missing/corrupt_only_magic.blend", "truncated|corrupt"),
        ("instancing.blend", "newer|4.3"),
        ("not there.blend", "no such file|not there"),
    ],
)
def test_a_scene_that_cannot_be_rendered_is_refused_in_a_sentence(desk, scenes, blender, scene, words):
    """C16, C20, C34."""
    running = desk.start("render", scenes / scene, *QUICK, "-o", desk.out / "####", "-f", "1")
    code = running.wait()
    assert code == 3, running.text
    running.wait_for(f"(?i){words}", 1)
    assert "Traceback" not in running.text
    assert desk.frames() == {}
    assert desk.left_running() == []


def test_what_blender_would_ignore_in_silence_is_a_usage_error(desk, movebone):
    """C29."""
    code, said = desk.run("render", movebone, "-f", "1", "-o", desk.out / "####")
    assert code == 2
    assert "-o" in said
    assert desk.left_running() == []


def test_detaching_wants_a_manager_that_stays(desk, movebone):
    code, said = desk.run(*animation(desk, movebone, "--detach"))
    assert code == 4
    assert "brender up" in said


@pytest.mark.blender
@pytest.mark.slow
def test_a_farm_renders_while_nobody_watches(desk, movebone, rendered_by_blender):
    up = desk.start("up", "--port", "0")
    up.wait_for("The manager is at")
    deadline = time.monotonic() + 60
    while '"online"' not in desk.run("workers", "--json")[1] and time.monotonic() < deadline:
        pass
    code, said = desk.run(*slowly(desk, movebone, "--detach"))
    assert (code, said.strip()) == (0, "1")
    watching = desk.start("attach", "1")
    watching.wait_for(SOME)
    watching.signal(signal.SIGINT)
    assert watching.wait(10) == 130
    line = watching.wait_for(r"To follow it again: (.*)")[1]
    done = subprocess.run(
        ["sh", "-c", line], env=desk.environ, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(desk.frames()) == rendered_by_blender
    assert "completed" in desk.run("jobs")[1]
    code, said = desk.run("job", "1", "--frames")
    assert said.count("succeeded") == 31
    code, said = desk.run("job", "1", "--sheet", desk.folder / "sheet.png")
    assert code == 0, said
    with Image.open(desk.folder / "sheet.png") as sheet:
        assert sheet.width > 100
    assert desk.run("pause", "1")[0] == 3
    assert desk.run("job", "99")[0] == 5
    up.signal(signal.SIGINT)
    assert up.wait(15) == 0, up.text
    assert desk.left_running() == []
