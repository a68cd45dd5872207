# SPDX-License-Identifier: GPL-3.0-or-later
"""From a person's request to a job: what the file says, what is refused and how, what is there already."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from PIL import Image

from brender.core.commands import SubmitJob
from brender.core.failures import Kind
from brender.core.nouns import StepKind
from brender.core.scene import Blender, Script, Settings
from brender.core.views import ErrorBody, JobRequest, JobView
from brender.manager.submit import NotSubmitted, effective, prepare
from tests.farm_builder import BLENDER, BPY, host
from tests.manager.house import House

B43 = Blender(kind="blender", version="4.3.2")
ALL = (BLENDER, B43, BPY)


@pytest.fixture
def blend(scenes: Path, tmp_path: Path) -> str:
    """A real file with an animation, in a folder of its own."""
    folder = tmp_path / "shot 1"
    folder.mkdir()
    return str(shutil.copy(scenes / "animation_movebone.blend", folder / "Стул é.blend"))


def ask(blend: str | Path, offered: tuple[Blender, ...] = ALL, **fields: Any) -> SubmitJob:
    return prepare(JobRequest(request_id="r", blend=str(blend), **fields), offered)


def refused(blend: str | Path, offered: tuple[Blender, ...] = ALL, **fields: Any) -> NotSubmitted:
    with pytest.raises(NotSubmitted) as refusal:
        ask(blend, offered, **fields)
    assert refusal.value.message[0].isupper() or refusal.value.message.startswith("/")
    return refusal.value


def picture(path: str, size: tuple[int, int]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((size[1], size[0], 3), np.uint8), "RGB").save(path)


# --- what the file and the request say -------------------------------------------------------------------------------


def test_the_range_and_the_names_are_the_files_own_unless_told(blend: str, tmp_path: Path) -> None:
    plain = ask(blend)
    told = ask(blend, settings=Settings(start=3, end=9, step=2, output="//out/f_##", format="JPEG"))
    assert plain.name == "Стул é.blend"
    assert len(plain.steps[0].frames) > 1
    assert str(told.steps[0].frames) == "3-9x2"
    assert told.outputs == str(tmp_path.resolve() / "shot 1/out/f_##.jpg")


def test_named_frames_are_rendered_in_the_order_named(blend: str) -> None:
    """C25"""
    assert list(ask(blend, frames="1,50,1-3").steps[0].frames) == [1, 50, 2, 3]
    assert list(ask(blend, frames="-5--1").steps[0].frames) == [-5, -4, -3, -2, -1]


@pytest.mark.parametrize("frames", ["1 10", "5-", "1--3", "a-b", ",", "1-3x0"])
def test_frames_that_are_none_are_refused_pointing_at_the_place(blend: str, frames: str) -> None:
    """C25"""
    refusal = refused(blend, frames=frames)
    assert (refusal.where, refusal.reason) == ("frames", "invalid")
    assert "^" in refusal.message


def test_an_empty_range_is_refused(blend: str) -> None:
    assert "empty" in refused(blend, settings=Settings(start=5, end=1)).message


def test_a_movie_is_one_task(blend: str) -> None:
    """C30"""
    made = ask(blend, frames="1-10", settings=Settings(output="//m_", format="AVIJPEG"))
    assert (made.steps[0].kind, made.steps[0].tasks, len(made.steps[0].frames)) == (StepKind.MOVIE, 1, 10)
    assert made.outputs.endswith("/m_0001-0010.avi")
    refusal = refused(blend, frames="1,5,9-20", settings=Settings(format="AVIJPEG"))
    assert "one range of frames" in refusal.message


def test_settings_before_scripts_count_until_later_ones_replace_them() -> None:
    scripts = (
        Script(kind="expr", source="a", before=Settings(start=1, output="/a/")),
        Script(kind="expr", source="b", before=Settings(start=2)),
    )
    request = JobRequest(request_id="r", blend="/x", scripts=scripts, settings=Settings(end=7))
    assert effective(request) == Settings(start=2, end=7, output="/a/")


def test_two_ways_to_one_folder_are_seen_as_one(blend: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    outputs = {
        ask(blend, settings=Settings(output=f"{tmp_path}/{way}/f_####", format="PNG")).outputs
        for way in ("real", "link", "real/../link/.")
    }
    assert outputs == {str(tmp_path.resolve() / "real/f_####.png")}


def test_the_hashes_of_the_file_and_its_libraries_are_kept(scenes: Path) -> None:
    made = ask(next((scenes / "linked").glob("*.blend")), settings=Settings(output="/o/"))
    assert all(len(sha) == 64 for _, sha in made.scene.hashes)
    assert made.scene.hashes[0][0] == made.scene.blend


def test_an_unknown_scene_is_refused_naming_those_there_are(blend: str) -> None:
    refusal = refused(blend, settings=Settings(scene="Sceen"))
    assert (refusal.kind, refusal.where) == (Kind.MISSING_SCENE, "settings.scene")
    assert "Its scenes are: Scene" in refusal.message


def test_an_unknown_format_is_refused_naming_those_there_are(blend: str) -> None:
    refusal = refused(blend, settings=Settings(format="GIF"))
    assert refusal.kind is Kind.UNKNOWN_FORMAT
    assert "PNG" in refusal.message


def test_an_output_that_is_not_absolute_is_refused(blend: str) -> None:
    assert refused(blend, settings=Settings(output="out/####")).where == "settings.output"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"priority": 101}, "priority"),
        ({"order": "backwards"}, "order"),
        ({"batch": -1}, "batch"),
        ({"tags": ("",)}, "tags"),
    ],
)
def test_what_makes_no_sense_is_refused_naming_the_field(blend: str, fields: dict[str, Any], where: str) -> None:
    assert refused(blend, **fields).where == where


# --- the file itself -------------------------------------------------------------------------------------------------


def test_a_file_that_is_absent_or_none_is_refused_in_a_sentence(scenes: Path, tmp_path: Path) -> None:
    """C34"""
    (tmp_path / "empty.blend").touch()
    absent = refused(tmp_path / "none.blend")
    empty = refused(tmp_path / "empty.blend")
    corrupt = refused(scenes / "missing/corrupt_only_magic.blend")
    folder = refused(tmp_path)
    assert absent.kind is Kind.FILE_ABSENT
    assert {empty.kind, corrupt.kind, folder.kind} == {Kind.FILE_UNREADABLE}
    assert refused("relative.blend").where == refused("").where == "blend"


@pytest.mark.parametrize("name", ["newer_than_34.blend", "instancing.blend"])
def test_a_file_of_a_newer_blender_is_refused_before_it_is_opened(scenes: Path, name: str) -> None:
    refusal = refused(scenes / name, (BLENDER,))
    assert refusal.kind is Kind.FILE_NEWER
    assert "which is newer than Blender 3.4.1" in refusal.message


def test_the_nearest_blender_that_is_not_older_is_chosen(scenes: Path, blend: str) -> None:
    assert ask(scenes / "instancing.blend", settings=Settings(output="/o/")).scene.blender == B43
    assert ask(scenes / "instancing.blend", (BLENDER, BPY), settings=Settings(output="/o/")).scene.blender == BPY
    refusal = refused(blend, ())
    assert (refusal.where, refusal.kind) == ("blender", None)


def test_a_blender_that_is_named_is_taken_with_the_build_a_worker_has(blend: str) -> None:
    built = Blender(kind="blender", version="3.4.1", build="abc")
    assert ask(blend, (built,), blender=BLENDER).scene.blender == built
    assert ask(blend, (), blender=BPY).scene.blender == BPY


def test_another_release_than_the_files_own_is_warned_of(blend: str) -> None:
    assert any("the pictures may differ" in warning for warning in ask(blend, blender=BPY).warnings)


# --- what is there already -------------------------------------------------------------------------------------------


def test_only_missing_leaves_out_what_is_there_good_and_of_the_right_size(blend: str, tmp_path: Path) -> None:
    settings = Settings(output=f"{tmp_path}/o/f_####", format="PNG", width=64, height=36, percent=50)
    picture(f"{tmp_path}/o/f_0001.png", (32, 18))
    picture(f"{tmp_path}/o/f_0002.png", (64, 36))  # of another size
    (tmp_path / "o/f_0003.png").touch()  # a placeholder
    torn = (tmp_path / "o/f_0001.png").read_bytes()[:-20]
    (tmp_path / "o/f_0004.png").write_bytes(torn)
    picture(f"{tmp_path}/o/f_0005.png", (32, 18))
    assert str(ask(blend, frames="1-6", settings=settings, only_missing=True).steps[0].frames) == "2-4,6"
    assert str(ask(blend, frames="1-6", settings=settings).steps[0].frames) == "1-6"
    refusal = refused(blend, frames="1,5", settings=settings, only_missing=True)
    assert (refusal.reason, refusal.kind) == ("nothing_to_do", None)


def test_a_million_frames_beside_a_full_folder_are_looked_at_once(blend: str, tmp_path: Path) -> None:
    settings = Settings(output=f"{tmp_path}/none/f_####", format="PNG")
    made = ask(blend, frames="1-1000000", settings=settings, only_missing=True)
    assert made.steps[0].tasks == 1_000_000


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def post(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post("/api/v1/jobs", json={"request_id": "r1"} | fields)


async def test_submitting_is_201_and_the_same_again_200_also_when_the_file_is_gone(house: House, blend: str) -> None:
    await house.join("one", host=host(BLENDER, BPY))
    async with house.client() as client:
        first = await post(client, blend=blend, frames="1-3", settings={"output": "//o/####"})
        Path(blend).unlink()  # noqa: ASYNC240 - a small file on this disk
        again = await post(client, blend=blend, frames="1-3", settings={"output": "//o/####"})
    views = [msgspec.json.decode(answer.content, type=JobView) for answer in (first, again)]
    assert [first.status_code, again.status_code] == [201, 200]
    assert [(view.id, view.frames) for view in views] == [(1, "1-3")] * 2


async def test_a_refused_file_is_a_422_with_its_kind(house: House, scenes: Path) -> None:
    await house.join("one", host=host(BLENDER))
    async with house.client() as client:
        answer = await post(client, blend=str(scenes / "newer_than_34.blend"))
    problem = msgspec.json.decode(answer.content, type=ErrorBody).error
    assert (answer.status_code, problem.kind, problem.where) == (422, Kind.FILE_NEWER, "blend")


async def test_names_that_a_live_job_owns_are_refused_naming_it(house: House, blend: str) -> None:
    await house.join("one", host=host(BLENDER))
    settings = {"output": "//o/####"}
    async with house.client() as client:
        await post(client, blend=blend, name="first", settings=settings)
        answer = await post(client, request_id="r2", blend=blend, settings=settings)
    problem = msgspec.json.decode(answer.content, type=ErrorBody).error
    assert (answer.status_code, problem.reason) == (409, "conflict")
    assert "Job 1 (first) is rendering to the same files" in problem.message
