# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender render --send`, `brender trace` and `brender gc`, as people run them, with a manager over TLS."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import Desk

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

QUICK = ("-E", "CYCLES", "--samples", "1", "--size", "64x36", "-F", "PNG", "-x", "1")


@pytest.fixture
def project(desk: Desk, scenes: Path) -> Path:
    folder = desk.folder / "artist" / "Стул é"
    shutil.copytree(scenes / "textures", folder)
    desk.environ["XDG_CACHE_HOME"] = str(desk.folder / "cache")
    return folder


@pytest.fixture
def manager(desk: Desk, project: Path) -> Iterator[None]:
    started = desk.start("manager", "--port", 0, "--no-console", "--tls")
    started.wait_for("manager ready")
    yield
    started.signal(signal.SIGTERM)
    started.wait()


def render(desk: Desk, blend: Path, *more: object, frames: str = "1") -> tuple[int, str]:
    return desk.run("render", blend, *QUICK, "-o", "//out/f_##", "-f", frames, "--blender", "3.4", "--send", *more)


def content(desk: Desk) -> list[Path]:
    return sorted((desk.data / "storage/content").glob("*/*"))


@pytest.mark.usefixtures("manager")
def test_what_is_there_already_is_not_sent_again(desk: Desk, project: Path) -> None:
    code, said = render(desk, project / "light_area.blend", "--detach")
    assert (code, said.splitlines()[-1]) == (0, "1")
    kept = content(desk)
    assert len(kept) == 4
    shutil.copytree(project, desk.folder / "elsewhere")
    code, said = render(desk, desk.folder / "elsewhere" / "light_area.blend", "--detach")
    assert (code, said.splitlines()[-1]) == (0, "2")
    assert content(desk) == kept  # the manifest too: nothing of it says where the files lay
    homes = [json.loads(desk.run("job", number, "--json")[1])["home"] for number in (1, 2)]
    assert homes == [str(project / "out/f_##.png"), str(desk.folder / "elsewhere/out/f_##.png")]


@pytest.mark.usefixtures("manager")
def test_what_is_missing_is_told_before_anything_is_sent(desk: Desk, project: Path) -> None:
    (project / "checker.png").unlink()
    code, said = render(desk, project / "light_area.blend", "--detach")
    assert code == 3
    assert f"Not there: {project / 'checker.png'} (picture checker.png, in light_area.blend)" in said
    assert "1 file that the scene needs cannot be sent, so nothing was." in said
    assert content(desk) == []
    code, said = render(desk, project / "light_area.blend", "--detach", "--allow-missing")
    assert (code, said.splitlines()[-1]) == (0, "1")


@pytest.mark.usefixtures("manager")
def test_frames_that_are_good_at_home_are_left_out(desk: Desk, project: Path) -> None:
    (project / "out").mkdir()
    Image.new("RGB", (64, 36)).save(project / "out/f_02.png")
    Image.new("RGB", (32, 18)).save(project / "out/f_03.png")
    code, _ = render(desk, project / "light_area.blend", "--missing", "--detach", frames="1..4")
    assert code == 0
    assert json.loads(desk.run("job", 1, "--json")[1])["frames"] == "1,3-4"
    code, said = render(desk, project / "light_area.blend", "--missing", "--detach", frames="2")
    assert (code, said.splitlines()[-1]) == (0, "All of it is there already, and good.")


@pytest.mark.usefixtures("manager")
def test_a_script_is_sent_too(desk: Desk, project: Path) -> None:
    (project / "tools").mkdir()
    (project / "tools/light.py").write_text("pass\n")
    code, said = render(desk, project / "light_area.blend", "--detach", "-P", project / "tools/light.py")
    assert code == 2, said  # where Blender would lose it, it is refused as ever
    words = (project / "light_area.blend", *QUICK, "-P", project / "tools/light.py", "-f", "1")
    code, said = desk.run("render", *words, "--blender", "3.4", "--send", "--detach")
    assert (code, said.splitlines()[-1]) == (0, "1")
    assert len(content(desk)) == 5


@pytest.mark.usefixtures("manager")
def test_content_is_collected_by_hand(desk: Desk, project: Path) -> None:
    render(desk, project / "light_area.blend", "--detach")
    desk.run("cancel", 1)
    desk.run("set", "setting", "content_days", "value=0")
    for path in content(desk):
        os.utime(path, (time.time() - 90_000,) * 2)
    shutil.rmtree(desk.data / "asked")
    assert desk.run("gc", "--dry-run")[1].startswith("4 files, 0.1 MB, would be removed; 0 files")
    assert len(content(desk)) == 4
    assert json.loads(desk.run("gc", "--json")[1])["files"] == 4
    assert content(desk) == []


def test_a_manager_on_this_machine_opens_the_file_where_it_lies(desk: Desk, project: Path) -> None:
    started = desk.start("manager", "--port", 0, "--no-console")
    started.wait_for("manager ready")
    words = ("render", project / "light_area.blend", *QUICK, "-f", "1", "--blender", "3.4", "--detach")
    assert desk.run(*words)[0] == 0
    job = json.loads(desk.run("job", 1, "--json")[1])
    assert (job["carried"], job["blend"]) == (False, str(project / "light_area.blend"))
    assert content(desk) == []
    code, said = desk.run(*words, "--send", "--in-place")
    assert code == 2
    assert "--in-place is the opposite of the other" in said


def test_what_a_scene_needs_is_shown(desk: Desk, project: Path) -> None:
    code, said = desk.run("trace", project / "light_area.blend")
    assert code == 0
    assert [line.split()[-1] for line in said.splitlines()[:3]] == [
        "checker.png",
        "checker_rough.png",
        "light_area.blend",
    ]
    (project / "checker.png").unlink()
    code, said = desk.run("trace", project / "light_area.blend", "--json")
    found = json.loads(said)
    assert code == 3
    assert (found["blend"], [file["path"] for file in found["files"]]) == (
        "light_area.blend",
        ["checker_rough.png", "light_area.blend"],
    )
    assert [(each["local"], each["used"]) for each in found["missing"]] == [(str(project / "checker.png"), True)]
    code, said = desk.run("trace", project / "none.blend")
    assert (code, said.strip()) == (3, f"Error: {project / 'none.blend'} is not there")
