# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes whose files were sent: what a request may name, what becomes of it, and what is removed when."""

import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from brender.blendfile import scan
from brender.core import commands as c
from brender.core import manifest as manifests
from brender.core.contentviews import CollectedView, CollectRequest, HashesRequest, MissingView
from brender.core.failures import Kind
from brender.core.manifest import Manifest, SceneFile
from brender.core.nouns import Job
from brender.core.scene import Script, Settings
from brender.core.views import JobRequest, JobView, Problem
from brender.manager import content as contents
from tests.farm_builder import BLENDER
from tests.manager.house import House

DAY = 86_400.0
SOURCE = "/home/anna/shot 1/Стул é.blend"


@pytest_asyncio.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client() as asked:
        yield asked


async def send(client: httpx.AsyncClient, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    headers = {
        "Upload-Offset": "0",
        "Upload-Length": str(len(content)),
        "Content-Type": "application/octet-stream",
    }
    answer = await client.put(f"/api/v1/content/{sha256}", content=content, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return sha256


def entry(path: str, content: bytes) -> SceneFile:
    return SceneFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


async def send_all(client: httpx.AsyncClient, files: dict[str, bytes], blend: str) -> str:
    """Send files and their manifest; the manifest's hash."""
    for content in files.values():
        await send(client, content)
    manifest = Manifest(blend=blend, files=tuple(entry(path, files[path]) for path in sorted(files)))
    return await send(client, manifests.encode(manifest))


@pytest.fixture
def scene(scenes: Path) -> bytes:
    return (scenes / "animation_movebone.blend").read_bytes()


async def post(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    given = {"request_id": f"r{time.monotonic_ns()}", "blender": BLENDER, "source": SOURCE, "system": "Linux"} | fields
    return await client.post(
        "/api/v1/jobs",
        content=msgspec.json.encode(JobRequest(**given)),
        headers={"Content-Type": "application/json"},
    )


async def submitted(house: House, client: httpx.AsyncClient, **fields: Any) -> Job:
    answer = await post(client, **fields)
    assert answer.status_code == 201, answer.text
    return house.engine.farm.jobs[msgspec.json.decode(answer.content, type=JobView).id]


async def refused(client: httpx.AsyncClient, status: int, **fields: Any) -> Problem:
    answer = await post(client, **fields)
    assert answer.status_code == status, answer.text
    return msgspec.convert(answer.json()["error"], Problem)


# --- what is missing


async def test_what_is_missing_is_asked_before_it_is_sent(client: httpx.AsyncClient) -> None:
    there, absent = await send(client, b"there"), hashlib.sha256(b"absent").hexdigest()
    body = msgspec.json.encode(HashesRequest(hashes=[absent, there, absent]))
    answer = await client.post("/api/v1/content/missing", content=body, headers={"Content-Type": "application/json"})
    assert msgspec.json.decode(answer.content, type=MissingView) == MissingView(missing=(absent,))


@pytest.mark.parametrize(("hashes", "status"), [(["x"], 400), (["A" * 64], 400), (["a" * 64] * 10_001, 413)])
async def test_hashes_that_are_none_or_too_many_are_refused(
    client: httpx.AsyncClient, hashes: list[str], status: int
) -> None:
    body = msgspec.json.encode(HashesRequest(hashes=hashes))
    answer = await client.post("/api/v1/content/missing", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"]["where"] in ("hashes", None)


# --- a job of what was sent


async def test_a_scene_that_was_sent_becomes_a_job_with_the_artists_names(
    house: House, client: httpx.AsyncClient, scene: bytes
) -> None:
    """C32: the name has letters outside ASCII."""
    manifest = await send_all(client, {"Стул é.blend": scene, "tex/a.png": b"png"}, "Стул é.blend")
    job = await submitted(
        house, client, manifest=manifest, blend="Стул é.blend", settings=Settings(output="//out/f_##", format="PNG")
    )
    assert (job.carried, job.name, job.source) == (True, "Стул é.blend", SOURCE)
    assert job.home == "/home/anna/shot 1/out/f_##.png"
    assert job.outputs == str(house.config.data / "storage/output/1/f_##.png")
    assert (job.scene.blend, job.scene.manifest, job.scene.hashes) == ("Стул é.blend", manifest, ())
    assert job.scene.settings == Settings(output="f_##", format="PNG")
    assert len(job.steps[0].frames) > 1
    again = await submitted(
        house, client, manifest=manifest, blend="Стул é.blend", settings=Settings(output="//x/f_##")
    )
    assert again.outputs == str(house.config.data / "storage/output/2/f_##.png")  # the same name is no conflict


async def test_a_windows_artists_names_are_windows_names(house: House, client: httpx.AsyncClient, scene: bytes) -> None:
    manifest = await send_all(client, {"sub/a.blend": scene}, "sub/a.blend")
    given = {"manifest": manifest, "blend": "sub/a.blend", "source": r"P:\show\sub\a.blend", "system": "Windows"}
    job = await submitted(house, client, settings=Settings(output="//..\\out\\f_"), **given)
    assert (job.name, job.home) == ("a.blend", r"P:\show\out\f_####.png")
    assert job.outputs.endswith("/output/1/f_####.png")
    job = await submitted(house, client, settings=Settings(output="//out\\", format="FFMPEG"), frames="3-9", **given)
    assert job.home.startswith("P:\\show\\sub\\out\\0003-0009")
    assert job.scene.settings.output == "####"
    said = await refused(client, 422, blender=msgspec.structs.replace(BLENDER, version="2.79.0"), **given)
    assert said.kind is Kind.FILE_NEWER
    assert said.message.startswith(r"P:\show\sub\a.blend was saved by Blender")


async def test_who_says_no_source_has_no_home(house: House, client: httpx.AsyncClient, scene: bytes) -> None:
    manifest = await send_all(client, {"a.blend": scene}, "a.blend")
    job = await submitted(
        house, client, manifest=manifest, blend="a.blend", source="", system="", settings=Settings(output="//x/y_#")
    )
    assert (job.home, job.name) == ("", "a.blend")
    assert job.outputs.endswith("/output/1/y_#.png")


async def test_libraries_are_read_where_they_were_sent_to(
    house: House, client: httpx.AsyncClient, scenes: Path
) -> None:
    files = {
        path.relative_to(scenes / "linked").as_posix(): path.read_bytes()
        for path in (scenes / "linked").rglob("*.blend")
    }
    blend = "01 - basic linking.blend"
    whole = await send_all(client, files, blend)
    job = await submitted(house, client, manifest=whole, blend=blend, source=f"/p/{blend}")
    assert not any("is not there" in warning for warning in job.warnings)
    alone = await send_all(client, {blend: files[blend]}, blend)
    job = await submitted(house, client, manifest=alone, blend=blend, source=f"/p/{blend}")
    absent = [warning for warning in job.warnings if "is not there" in warning]
    assert absent
    assert all("/p/libraries/" in warning for warning in absent)
    assert not list((house.config.data / "aside").iterdir())


def test_a_library_beyond_what_was_sent_is_not_looked_at(scenes: Path, tmp_path: Path) -> None:
    """What a stranger's file names on the manager's own disk is neither read nor told."""
    blend = str(scenes / "linked" / "01 - basic linking.blend")
    assert all(library.exists for library in scan(blend, scenes / "linked").libraries)
    found = scan(blend, tmp_path)
    assert found.libraries
    assert not any(library.exists for library in found.libraries)
    assert {library.used_by for library in found.libraries} == {blend}


async def test_what_is_not_there_is_counted_and_named(client: httpx.AsyncClient, scene: bytes) -> None:
    await send(client, scene)
    files = (entry("a.blend", scene), entry("tex/a.png", b"never sent"), entry("tex/b.png", b"nor this"))
    manifest = await send(client, manifests.encode(Manifest(blend="a.blend", files=files)))
    said = await refused(client, 409, manifest=manifest, blend="a.blend")
    assert "Of the 3 files of the scene 2 are not here" in said.message
    assert "tex/a.png" in said.message
    said = await refused(client, 422, manifest="0" * 64, blend="a.blend")
    assert "is not here" in said.message


def listed(*paths: str, blend: str = "a.blend") -> bytes:
    return manifests.encode(Manifest(blend=blend, files=tuple(entry(path, b"x") for path in paths)))


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (b"", "is no manifest"),
        (b"\xff", "is no manifest"),
        (b'{"blend":"a.blend","files":[],"more":1}', "is no manifest"),
        (listed("../a.blend", blend="../a.blend"), "the path '../a.blend'"),
        (listed("/etc/passwd", "a.blend"), "the path '/etc/passwd'"),
        (listed("a.blend", "b\\c"), "is not allowed in a file's name"),
        (listed("NUL.png", "a.blend"), "is a device on Windows"),
        (listed("A.png", "a.blend", "a.png"), "A.png and a.png are the same to some file systems"),
        (listed("a.blend", "e\u0301.png", "\xe9.png"), "are the same to some file systems"),
        (listed("Tex/a.png", "a.blend", "tex/b.png"), "Tex and tex/b.png are the same"),
        (listed("a.blend", "a.blend/b"), "are the same"),
        (listed("a.blend", "a.blend"), "are the same"),
        (listed("b.blend", "a.blend"), "not sorted"),
        (listed("b.png"), "'a.blend', which is to be opened, is not among its files"),
        (
            manifests.encode(Manifest(blend="a.blend", files=(SceneFile(path="a.blend", sha256="x", size=1),))),
            "SHA-256",
        ),
        (
            manifests.encode(Manifest(blend="a.blend", files=(SceneFile(path="a.blend", sha256="a" * 64, size=-1),))),
            "SHA-256 and size",
        ),
    ],
)
async def test_a_manifest_that_cannot_be_laid_out_is_refused(
    client: httpx.AsyncClient, manifest: bytes, why: str
) -> None:
    await send(client, b"x")
    said = await refused(client, 422, manifest=await send(client, manifest), blend="a.blend")
    assert why in said.message


async def test_a_size_that_is_not_the_files_is_refused(client: httpx.AsyncClient, scene: bytes) -> None:
    await send(client, scene)
    wrong = SceneFile(path="a.blend", sha256=hashlib.sha256(scene).hexdigest(), size=1)
    manifest = await send(client, manifests.encode(Manifest(blend="a.blend", files=(wrong,))))
    assert "another size" in (await refused(client, 422, manifest=manifest, blend="a.blend")).message


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"manifest": "x"}, None),
        ({"blend": "/a.blend"}, "blend"),
        ({"blend": "b.blend"}, None),
        ({"source": "a.blend"}, "source"),
        ({"source": "/a.blend", "system": "Windows"}, "source"),
        ({"scripts": (Script(kind="file", source="/x/a.py"),)}, "scripts"),
        ({"scripts": (Script(kind="file", source="a.py"),)}, None),
        ({"settings": Settings(output="//out/CON_/aux.##")}, "settings.output"),
        ({"settings": Settings(output='//out/a"b_##')}, "settings.output"),
    ],
)
async def test_a_request_that_names_what_cannot_be_is_refused(
    client: httpx.AsyncClient, scene: bytes, fields: dict[str, Any], where: str | None
) -> None:
    manifest = await send_all(client, {"a.blend": scene}, "a.blend")
    said = await refused(client, 422, **{"manifest": manifest, "blend": "a.blend"} | fields)
    assert said.where == where
    assert said.message[0].isupper() or said.message.startswith(("a.blend", "b.blend", "a.py", "'x'"))


# --- what is not needed any more


def age(house: House, days: float) -> None:
    """All that was sent and asked for, so many days ago."""
    at = time.time() - days * DAY
    for path in (house.config.data / "storage" / "content").rglob("*"):
        if path.is_file():
            os.utime(path, (at, at))
    shutil.rmtree(house.config.data / "asked", ignore_errors=True)
    house.content._asked = contents._Asked(house.config.data / "asked")


async def collect(client: httpx.AsyncClient, dry_run: bool = False) -> CollectedView:
    body = msgspec.json.encode(CollectRequest(dry_run=dry_run))
    answer = await client.post("/api/v1/content/gc", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=CollectedView)


async def test_content_goes_when_no_job_needs_it_and_not_before(
    house: House, client: httpx.AsyncClient, scene: bytes
) -> None:
    manifest = await send_all(client, {"a.blend": scene, "tex/a.png": b"png"}, "a.blend")
    other = await send(client, b"nobody's")
    job = await submitted(house, client, manifest=manifest, blend="a.blend")
    assert (await collect(client)).files == 0  # a day has not passed
    age(house, 2)
    dry = await collect(client, dry_run=True)
    assert (dry.files, dry.bytes, dry.kept_files) == (1, len(b"nobody's"), 3)
    assert house.content.size(other) is not None
    assert (await collect(client)).files == 1
    assert house.content.size(other) is None
    await house.do(c.CancelJob(job=job.id))
    assert (await collect(client)).files == 0  # it may be submitted, or tried, again
    house.mono += 31 * DAY
    assert (await collect(client)).files == 3
    assert house.content.size(manifest) is None


async def test_who_asks_whether_content_is_there_keeps_it(house: House, client: httpx.AsyncClient) -> None:
    """A submit that goes on while content is collected loses nothing."""
    sha256 = await send(client, b"old")
    gone = await send(client, b"older")
    age(house, 90)
    assert house.content.missing([sha256]) == []
    assert (await collect(client)).files == 1
    assert (house.content.size(sha256), house.content.size(gone)) == (3, None)
    fresh = contents.Content(house.config.data, house.content.storage, lambda name: house.engine.farm.setting(name))
    assert fresh.collect([], dry_run=True).files == 0  # a manager that was started anew knows it too


async def test_parts_that_nobody_goes_on_with_are_removed(house: House, client: httpx.AsyncClient) -> None:
    parts = house.config.data / "incoming/content"
    parts.mkdir(parents=True)
    for name, days in (("old.part", 3.0), ("new.part", 0.1)):
        (parts / name).write_bytes(b"x")
        os.utime(parts / name, (time.time() - days * DAY,) * 2)
    await collect(client, dry_run=True)
    assert len(list(parts.iterdir())) == 2
    await collect(client)
    assert [path.name for path in parts.iterdir()] == ["new.part"]
