# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender fetch`, as a process of its own, from a real manager's routes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from brender.core import messages as m
from brender.core.commands import Published
from brender.core.nouns import Run
from brender.manager import shown
from tests.manager.carried import Served, held, sha
from tests.manager.house import TOKEN, House

ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    (tmp_path / "manager").mkdir()
    house = House(tmp_path / "manager")
    async with house.running():
        there = Served(house)
        await there.open()
        yield there
        await there.close()
    house.close()


async def done(house: House, run: Run, folder: Path, **files: bytes) -> None:
    """The frame of a run, as if it had been brought and published; the names have no ending."""
    told = []
    for name, data in files.items():
        part = folder / name
        keep(part, data)
        house.content.storage.take(f"output/{run.job}/{name}.png", part)
        told.append(m.File(temporary="", final=f"{name}.png", size=len(data), sha256=sha(data)))
    await house.report(run, m.Rendered, result=m.Result())
    house.engine.farm.runs[run.id] = replace(house.engine.farm.runs[run.id], result=m.Result(files=tuple(told)))
    await house.do(Published(run=run.id))


def keep(path: Path, data: bytes) -> None:
    path.write_bytes(data)


async def brender(served: Served, *arguments: object) -> tuple[int, str, str]:
    """The exit code, and what was said on stdout and stderr."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "BRENDER_TOKEN": TOKEN}
    environ["BRENDER_MANAGER"] = f"http://127.0.0.1:{served.port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "brender",
        *map(str, arguments),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def two_done(served: Served, folder: Path, home: str = "") -> None:
    """A job of three frames, of which two are done."""
    runs = await held(served.house, "1-3", home)
    for frame, run in enumerate(runs[:2], 1):
        await done(served.house, run, folder, **{f"f_{frame:04}": b"%d" % frame * 5000})


FIRST, SECOND = {"f_0001.png": b"1" * 5000}, {"f_0002.png": b"2" * 5000}


async def test_what_is_done_is_fetched_and_what_is_not_is_said(served: Served, tmp_path: Path) -> None:
    await two_done(served, tmp_path)
    code, out, err = await brender(served, "fetch", 1, "--to", tmp_path / "to")
    assert (code, contents(tmp_path / "to")) == (0, FIRST | SECOND)
    assert f"2 files fetched: {tmp_path / 'to'}" in out
    assert "1 frame left out (3): not done yet; --watch waits for it." in err


async def test_what_is_there_and_good_is_not_fetched_again_and_what_is_bad_is(served: Served, tmp_path: Path) -> None:
    await two_done(served, tmp_path)
    await brender(served, "fetch", 1, "--to", tmp_path / "to")
    keep(tmp_path / "to" / "f_0002.png", b"2" * 4999 + b"3")
    served.asked.clear()
    code, out, _ = await brender(served, "fetch", 1, "--to", tmp_path / "to")
    assert (code, contents(tmp_path / "to")) == (0, FIRST | SECOND)
    assert "1 file fetched, 1 was there already" in out
    assert [asked for asked in served.asked if "/files/" in asked] == ["GET /api/v1/jobs/1/frames/2/files/0"]


async def test_some_frames_as_json(served: Served, tmp_path: Path) -> None:
    await two_done(served, tmp_path)
    code, out, _ = await brender(served, "fetch", 1, "2-3", "--to", tmp_path / "to", "--json")
    assert (code, contents(tmp_path / "to")) == (0, SECOND)
    said = json.loads(out)
    assert said["not_done"] == "3"
    assert said["files"] == [
        {
            "frame": 2,
            "name": "f_0002.png",
            "path": str(tmp_path / "to" / "f_0002.png"),
            "size": 5000,
            "sha256": sha(b"2" * 5000),
            "fetched": True,
        }
    ]


async def test_without_a_folder_they_go_home(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "artist" / "out"
    await two_done(served, tmp_path, f"{home}/f_####.png")
    (tmp_path / "artist").mkdir()
    code, _, _ = await brender(served, "fetch", 1)
    assert (code, contents(home)) == (0, FIRST | SECOND)


async def test_a_home_on_another_machine_is_not_made_here(served: Served, tmp_path: Path) -> None:
    await two_done(served, tmp_path, "/nowhere/of/this/machine/f_####.png")
    code, _, err = await brender(served, "fetch", 1)
    assert (code, err) == (2, "Error: Say where to: brender fetch 1 --to FOLDER\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("1", "9"), 5, "Job 1 has no frame 9; it renders 1-3."),
        (("1", "x"), 2, "FRAMES:"),
        (("7",), 5, "There is no job 7."),
    ],
)
async def test_what_is_not_there_is_said(
    served: Served, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    await two_done(served, tmp_path)
    found, _, err = await brender(served, "fetch", *words, "--to", tmp_path / "to")
    assert found == code
    assert said in err


async def test_a_folder_that_cannot_be_made_is_said(served: Served, tmp_path: Path) -> None:
    await two_done(served, tmp_path)
    keep(tmp_path / "file", b"")
    code, _, err = await brender(served, "fetch", 1, "--to", tmp_path / "file" / "to")
    assert code == 3
    assert "cannot be made" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "a/../../evil.png", "C:\\evil.png", "CON.png"])
async def test_a_manager_that_names_a_file_elsewhere_writes_nothing(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A manager that was taken over."""
    await two_done(served, tmp_path)
    honest = shown._file
    monkeypatch.setattr(shown, "_file", lambda job, file: replace(honest(job, file), name=name))
    code, _, err = await brender(served, "fetch", 1, "--to", tmp_path / "deep" / "to")
    assert code == 3
    assert "is not fetched" in err
    assert not [path for path in contents(tmp_path) if path.endswith(("evil.png", "CON.png"))]
