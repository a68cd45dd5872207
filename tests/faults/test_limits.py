# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders are held to limits by the system: another user, memory, processes, open files. The worker lives."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from brender.core.failures import Kind
from brender.core.scene import Blender, Launch, Scene, Script, Settings
from brender.worker import blender as b
from brender.worker import host
from brender.worker.limits import (
    CannotConfineError,
    Limits,
    account,
    limits,
    prepare,
)
from brender.worker.process import Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of renders are those of Linux")
root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="to render as another user wants rights that this one lacks"
)

FACTS = """
import json, os, resource
limits = [resource.getrlimit(each) for each in
          (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]
mask = os.umask(0)
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), limits, mask, dict(os.environ), os.getcwd()]))
"""
SYSTEM_PYTHON = "/usr/bin/python3"  # that of the tests may lie in a home folder, where no other user gets to


async def say(given: Limits, code: str, folder: str | None = None) -> tuple[int, str]:
    """The exit code of a program that is held to limits, and what it printed."""
    reading, writing = os.pipe()
    program = SYSTEM_PYTHON if given.account else sys.executable
    environment = given.environment(os.environ, folder or "/")
    tree = Tree.start([program, "-c", code], output=writing, environment=environment, limits=given, folder=folder)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = await asyncio.to_thread(said.read)
    return await tree.wait(), text


async def test_limits_hold_for_good() -> None:
    code, said = await say(Limits(memory_gb=0.5, processes=4000, files=64), FACTS)
    assert code == 0
    held = json.loads(said)[3]
    assert held == [[2**29, 2**29], [4000, 4000], [64, 64], [0, 0]]


@root
async def test_another_user_has_nothing_of_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRENDER_TOKEN", "a secret")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    nobody = account("nobody")
    held = Limits(account=nobody)
    held.give(tmp_path)
    code, said = await say(held, FACTS, "/tmp")
    assert code == 0
    uids, gids, groups, _, mask, environment, _ = json.loads(said)
    assert uids == [nobody.uid] * 3
    assert gids == [nobody.gid] * 3
    assert set(groups) == set(nobody.groups)
    assert mask == 0o007
    assert environment["HOME"] == "/tmp"
    assert environment["USER"] == "nobody"
    assert not [name for name in environment if name.startswith(("XDG_", "BRENDER_TOKEN"))]


@root
async def test_the_tree_of_another_user_ends_as_a_whole() -> None:
    reading, writing = os.pipe()
    nobody = Limits(account=account("nobody"))
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print(child.pid, flush=True)\ntime.sleep(600)"
    )
    tree = Tree.start(
        [SYSTEM_PYTHON, "-c", code], output=writing, environment={"PATH": os.environ["PATH"]}, limits=nobody
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        child = psutil.Process(int(await asyncio.to_thread(said.readline)))
        assert child.uids().real == nobody.account.uid  # type: ignore[union-attr]
        await tree.kill()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_who_holds_more_memory_than_allowed_is_ended() -> None:
    code, _ = await say(Limits(memory_gb=0.25), "x = b'x' * (200 * 2**20); y = b'y' * (200 * 2**20)")
    assert code != 0
    hungry = "import os, time\nfor _ in range(3): os.fork()\nx = b'x' * (120 * 2**20)\ntime.sleep(60)"
    reading, writing = os.pipe()
    tree = Tree.start(  # each within its own bound, and together beyond it
        [sys.executable, "-c", hungry], output=writing, environment=dict(os.environ), limits=Limits(memory_gb=0.4)
    )
    os.close(writing)
    os.close(reading)
    async with asyncio.timeout(20):
        await tree.wait()
    assert tree.exceeded
    assert not tree.killed


def test_what_cannot_be_is_said_when_the_worker_starts(tmp_path: Path) -> None:
    with pytest.raises(CannotConfineError, match=r"There is no user no-such-user.*useradd"):
        limits("no-such-user")
    with pytest.raises(CannotConfineError, match="root would hold renders to nothing"):
        limits("root")
    with pytest.raises(CannotConfineError, match=r"Nothing can be started with these limits"):
        limits(files=2)
    if os.geteuid() != 0:
        with pytest.raises(CannotConfineError, match="started by root"):
            limits("nobody")


@root
def test_the_workers_folder_is_a_way_through_and_no_more(tmp_path: Path) -> None:
    for name in ("outbox", "logs"):
        (tmp_path / name).mkdir()
    held = prepare(Limits(account=account("nobody")), tmp_path)
    assert held.own == tmp_path
    assert (tmp_path.stat().st_mode & 0o777, tmp_path.stat().st_gid) == (0o710, held.account.gid)  # type: ignore[union-attr]
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700
    scene = Scene(
        blend="/a.blend",
        blender=Blender(kind="bpy", version="4.5.0"),
        settings=Settings(output=str(tmp_path / "carried" / "7" / "shot_####")),
    )
    held.give_outputs(scene)
    assert (tmp_path / "carried" / "7").stat().st_uid == held.account.uid  # type: ignore[union-attr]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    held.give_outputs(msgspec.structs.replace(scene, settings=Settings(output=str(elsewhere / "shot_"))))
    assert elsewhere.stat().st_uid == 0


# --- a real Blender


@pytest.fixture
def installed(blender: str) -> tuple[Blender, str]:
    """What it is, and where."""
    found = host.look_at(blender)
    assert found is not None
    return found.blender, blender


@pytest.fixture
def blend(scenes: Path) -> Path:
    return scenes / "animation_movebone.blend"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users get to; those of pytest are for this one alone."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        folder = Path(made) / "frames"
        folder.mkdir()
        yield folder


def scene_of(blend: Path, folder: Path, blender: Blender, *scripts: str, launch: Launch = Launch()) -> Scene:  # noqa: B008
    return Scene(
        blend=str(blend),
        blender=blender,
        launch=launch,
        scripts=tuple(Script(kind="expr", source=code) for code in scripts),
        settings=Settings(
            output=str(folder / "out_####"), format="PNG", engine="CYCLES", width=64, height=36, percent=100, samples=1
        ),
    )


@pytest.mark.blender
@root
async def test_a_frame_is_rendered_as_another_user(
    installed: tuple[Blender, str], blend: Path, open_folder: Path
) -> None:
    blender, program = installed
    held = limits("nobody", memory_gb=8, files=1024)
    code = "import os, bpy; print('who', os.getuid(), os.environ['HOME'], flush=True)"
    scene = scene_of(blend, open_folder, blender, code)
    held.give(open_folder)
    warm = await b.WarmBlender.open(scene, program, log=str(open_folder.parent / "open.log"), limits=held)
    try:
        done = await warm.render("r1", (1,), str(open_folder.parent / "r1.log"))
    finally:
        await warm.close()
    (file,) = done.files
    seen = await asyncio.to_thread(Path(file.temporary).stat)
    assert seen.st_uid == held.account.uid  # type: ignore[union-attr]
    assert Path(file.temporary).parent.name == ".brender-r1"
    assert f"who {held.account.uid} " in (open_folder.parent / "open.log").read_text()  # type: ignore[union-attr]


@pytest.mark.blender
async def test_a_scene_that_takes_too_much_memory_fails_with_the_limit_in_words(
    installed: tuple[Blender, str], blend: Path, open_folder: Path
) -> None:
    blender, program = installed
    scene = scene_of(blend, open_folder, blender, "x = [b'x' * 2**28 for _ in range(40)]")
    with pytest.raises(b.Failure) as failed:
        await b.WarmBlender.open(
            scene, program, log=str(open_folder.parent / "open.log"), limits=limits(memory_gb=3, files=1024)
        )
    assert failed.value.kind is Kind.OUT_OF_MEMORY
    assert "limit of 3 GB of memory (--limit-memory)" in failed.value.message
    again = await b.WarmBlender.open(
        scene_of(blend, open_folder, blender), program, log=str(open_folder.parent / "again.log"), limits=Limits()
    )
    await again.close()
