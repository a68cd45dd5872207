# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of carried jobs on the manager's side: brought by a worker, published into the storage, fetched by people."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from brender.core import messages as m
from brender.core.commands import Published
from brender.core.nouns import Job, Run, RunState
from brender.core.rights import LOCAL
from brender.core.scene import Scene
from brender.manager import files
from brender.manager.files import NotPublishedError, Publisher
from brender.manager.hub import Closed
from brender.manager.why import of_live
from tests.farm_builder import BLENDER, host
from tests.manager.house import House

KEY = "the key of a worker, long enough for one"
API = "/api/v1"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def reported(*files: tuple[str, bytes]) -> m.Result:
    """A frame's files, as a worker reports them."""
    return m.Result(
        files=tuple(
            m.File(temporary=f"/worker/{final}", final=final, size=len(data), sha256=sha(data)) for final, data in files
        )
    )


@pytest_asyncio.fixture
async def run(house: House) -> Run:
    """The one run of a carried job, with a worker that came with a key of its own."""
    await house.join("ash", key=KEY, hashed=sha(KEY.encode()))
    scene = Scene(blend="a.blend", blender=BLENDER, manifest="a" * 64)
    outputs = house.content.storage.where("output/{job}/f_####.png")
    await house.do(msgspec.structs.replace(house.submission("7"), scene=scene, outputs=outputs))
    (held,) = house.held()
    return held


def bearer(house: House, key: str = KEY) -> Any:
    return house.client(Authorization=f"Bearer {key}")


def parts(offset: int, length: int) -> dict[str, str]:
    return {
        "Upload-Offset": str(offset),
        "Upload-Length": str(length),
        "Content-Type": "application/octet-stream",
    }


async def bring(house: House, run: str, data: bytes) -> int:
    async with bearer(house) as client:
        url = f"{API}/runs/{run}/files/{sha(data)}"
        answer = await client.put(url, content=data, headers=parts(0, len(data)))
        return int(answer.status_code)


async def accept(house: House, run: Run, *files: tuple[str, bytes]) -> Run:
    """Brought and reported: the run as it is accepted."""
    for _, data in files:
        assert await bring(house, run.id, data) in (200, 201)
    await house.report(run, m.Rendered, result=reported(*files))
    return house.engine.farm.runs[run.id]


async def publish(house: House, run: Run, *files: tuple[str, bytes]) -> None:
    """The whole way."""
    house.carrying.publish(await accept(house, run, *files))
    await house.do(Published(run=run.id))


# --- bringing --------------------------------------------------------------------------------------------------------


async def test_a_file_is_brought_in_parts(house: House, run: Run) -> None:
    data = b"a picture" * 100
    url = f"{API}/runs/{run.id}/files/{sha(data)}"
    async with bearer(house) as client:
        first = await client.put(url, content=data[:400], headers=parts(0, 900))
        assert (first.status_code, first.headers["Upload-Offset"]) == (202, "400")
        there = await client.head(url)
        assert (there.headers["Upload-Offset"], there.headers["Upload-Complete"]) == ("400", "0")
        second = await client.put(url, content=data[400:], headers=parts(400, 900))
        assert second.status_code == 201
        there = await client.head(url)
        assert (there.headers["Upload-Offset"], there.headers["Upload-Complete"]) == ("900", "1")
        again = await client.put(url, content=data, headers=parts(0, 900))
        assert again.status_code == 200  # there already: nothing is written


async def test_what_is_another_content_is_dropped(house: House, run: Run) -> None:
    async with bearer(house) as client:
        url = f"{API}/runs/{run.id}/files/{sha(b'right')}"
        answer = await client.put(url, content=b"wrong", headers=parts(0, 5))
        assert answer.status_code == 422
        assert (await client.head(url)).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e%2fx"])
async def test_a_run_that_is_not_there_wants_nothing(house: House, run: Run, name: str) -> None:
    async with bearer(house) as client:
        answer = await client.put(f"{API}/runs/{name}/files/{'a' * 64}", content=b"x", headers=parts(0, 1))
        assert answer.status_code == 404


async def test_another_worker_brings_nothing_for_it(house: House, run: Run) -> None:
    other = "the key of another, as long as the first"
    await house.join("oak", key=other, hashed=sha(other.encode()))
    async with bearer(house, other) as client:
        url = f"{API}/runs/{run.id}/files/{sha(b'x')}"
        assert (await client.put(url, content=b"x", headers=parts(0, 1))).status_code == 404
        assert (await client.head(url)).status_code == 404


async def test_a_job_that_shares_its_storage_wants_no_files(house: House) -> None:
    await house.join("ash", key=KEY, hashed=sha(KEY.encode()))
    await house.submit("1")
    assert await bring(house, house.held()[0].id, b"x") == 404


async def test_what_ended_otherwise_is_removed(house: House, run: Run, tmp_path: Path) -> None:
    await bring(house, run.id, b"x")
    folder = tmp_path / "incoming" / "runs" / run.id
    assert folder.is_dir()
    await house.fail(run)
    ended = next(row for row in reversed(house.rows) if isinstance(row, Run) and row.id == run.id)
    assert house.carrying.over(ended)  # as the manager asks of each row that was saved
    house.carrying.forget(run.id)
    assert not folder.exists()
    assert await bring(house, run.id, b"x") == 404
    assert not folder.exists()


async def test_at_the_start_only_what_live_runs_brought_stays(house: House, run: Run, tmp_path: Path) -> None:
    await bring(house, run.id, b"x")
    stranger = tmp_path / "incoming" / "runs" / "stranger"
    stranger.mkdir()
    (stranger / sha(b"y")).write_bytes(b"y")
    await house.restart()
    house.carrying.clean()
    assert not stranger.exists()
    assert house.carrying.standing(run.id, sha(b"x")) == (1, True)


# --- the report ------------------------------------------------------------------------------------------------------


class Talking:
    """A worker's socket that says what it was given, and keeps what it hears."""

    def __init__(self, *said: m.ToManager) -> None:
        self._said = list(said)
        self.heard: list[Any] = []
        self.answered = asyncio.Event()

    async def receive(self) -> str | bytes:
        if self._said:
            return msgspec.json.encode(self._said.pop(0))
        await self.answered.wait()
        raise Closed

    async def send(self, text: str) -> None:
        self.heard.append(msgspec.json.decode(text, type=m.ToWorker))
        if isinstance(self.heard[-1], m.Ack):
            self.answered.set()

    async def close(self) -> None: ...


async def answer_to(house: House, run: Run, report: m.Report) -> m.Ack:
    hello = m.Hello(protocol=m.PROTOCOL, key=KEY, boot="b1", name="ash", host=host(), held=(run.id,))
    socket = Talking(hello, report)
    async with asyncio.timeout(10):
        await house.hub.serve(socket, LOCAL)
    return next(heard for heard in socket.heard if isinstance(heard, m.Ack))


async def test_a_report_without_its_files_is_answered_that_they_are_to_be_brought(house: House, run: Run) -> None:
    """The frame is not lost: nothing is saved, and the worker reports it again."""
    report = m.Rendered(id="r1", run=run.id, result=reported(("f_0007.png", b"picture")))
    assert await answer_to(house, run, report) == m.Ack(report="r1", verdict="bring")
    assert house.engine.farm.runs[run.id].state is not RunState.RENDERED
    await bring(house, run.id, b"picture")
    assert await answer_to(house, run, report) == m.Ack(report="r1")
    assert house.engine.farm.runs[run.id].state is RunState.RENDERED
    assert await answer_to(house, run, report) == m.Ack(report="r1")  # the same twice is the same as once


@pytest.mark.parametrize(
    "final", ["../f.png", "/etc/f.png", "a/../../f.png", "C:\\f.png", "CON.png", "f.png ", "", "a//f.png", "a\0.png"]
)
async def test_a_name_that_leaves_the_folder_fails_the_frame(house: House, run: Run, final: str) -> None:
    """C31's kin: a worker's word is not believed."""
    await bring(house, run.id, b"x")
    await house.report(run, m.Rendered, result=reported((final, b"x")))
    ended = next(row for row in reversed(house.rows) if isinstance(row, Run) and row.id == run.id)
    assert ended.state is RunState.FAILED
    assert "is not" in ended.message or "file" in ended.message


async def test_names_that_some_systems_take_for_one_fail_the_frame(house: House, run: Run) -> None:
    await house.report(run, m.Rendered, result=reported(("F.png", b"x"), ("f.png", b"y")))
    assert not house.published()


async def test_a_hash_that_is_a_path_fails_the_frame(house: House, run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "brender.db"
    file = m.File(temporary="", final="f.png", size=secret.stat().st_size, sha256="../../../brender.db")
    await house.report(run, m.Rendered, result=m.Result(files=(file,)))
    assert not house.published()
    assert secret.exists()


# --- published -------------------------------------------------------------------------------------------------------


async def test_publishing_takes_the_files_into_the_storage_and_can_be_repeated(
    house: House, run: Run, tmp_path: Path
) -> None:
    """C02: a manager that dies in between does it once more."""
    accepted = await accept(house, run, ("f_0007.png", b"picture"), ("passes/z_0007.exr", b"depth"))
    house.carrying.publish(accepted)
    house.carrying.publish(accepted)
    kept = tmp_path / "storage" / "output" / str(run.job)
    assert (kept / "f_0007.png").read_bytes() == b"picture"
    assert (kept / "passes" / "z_0007.exr").read_bytes() == b"depth"
    assert not (tmp_path / "incoming" / "runs" / run.id).exists()


async def test_two_files_with_the_same_content_are_both_published(house: House, run: Run, tmp_path: Path) -> None:
    accepted = await accept(house, run, ("a.png", b"black"), ("b.png", b"black"), ("c.png", b"black"))
    house.carrying.publish(accepted)
    kept = tmp_path / "storage" / "output" / str(run.job)
    assert [path.read_bytes() for path in sorted(kept.iterdir())] == [b"black"] * 3


async def test_what_is_gone_and_not_in_place_is_not_published(house: House, run: Run, tmp_path: Path) -> None:
    accepted = await accept(house, run, ("f.png", b"picture"))
    house.carrying.forget(run.id)
    with pytest.raises(NotPublishedError, match="is gone"):
        house.carrying.publish(accepted)
    other = tmp_path / "storage" / "output" / str(run.job) / "f.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"pictures"[:7].replace(b"p", b"q"))  # of the same size
    with pytest.raises(NotPublishedError, match="not what was rendered"):
        house.carrying.publish(accepted)


async def test_a_storage_that_cannot_be_had_for_a_while_costs_no_frame(
    house: House, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each frame waits in its folder, `brender why` says for what, and it is put in place once that can be."""
    monkeypatch.setattr(files, "AGAIN_S", 0.01)
    output = tmp_path / "storage" / "output"
    output.write_text("a file where a folder should be")
    publisher = Publisher(house.engine.command, house.carrying.publish)
    publisher.put(await accept(house, run, ("f.png", b"picture")))
    task = asyncio.create_task(publisher.run())
    while not house.engine.farm.runs[run.id].message:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.01)
    job = house.engine.farm.jobs[run.job]
    (sentence,) = of_live(house.engine.farm, job).sentences
    assert sentence.startswith("1 frame is rendered and to be put in place, which is tried again and again: f.png")
    assert str(output) in sentence
    await asyncio.sleep(0.05)
    assert job.errors == 0
    output.unlink()
    while run.id in house.engine.farm.runs:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert (output / str(run.job) / "f.png").read_bytes() == b"picture"
    done = house.store.run(run.id)
    assert done is not None
    assert (done.state, done.message) == (RunState.SUCCEEDED, "")
    task.cancel()


# --- fetched ---------------------------------------------------------------------------------------------------------


def file_url(run: Run, number: int = 0) -> str:
    return f"{API}/jobs/{run.job}/frames/7/files/{number}"


async def test_a_frame_is_fetched_whole_or_in_part(house: House, run: Run) -> None:
    await publish(house, run, ("f_0007.png", b"0123456789"), ("passes/zürich_0007.exr", b"depth"))
    async with house.client() as client:
        whole = await client.get(file_url(run))
        assert (whole.status_code, whole.content) == (200, b"0123456789")
        assert whole.headers["ETag"] == f'"{sha(b"0123456789")}"'
        assert whole.headers["Content-Type"] == "image/png"
        part = await client.get(file_url(run), headers={"Range": "bytes=4-"})
        assert (part.status_code, part.content) == (206, b"456789")
        same = await client.get(file_url(run), headers={"If-None-Match": whole.headers["ETag"]})
        assert same.status_code == 304
        beyond = await client.get(file_url(run), headers={"Range": "bytes=10-"})
        assert beyond.status_code == 416
        named = await client.get(file_url(run, 1))
        assert named.headers["Content-Disposition"] == "attachment; filename*=UTF-8''z%C3%BCrich_0007.exr"
        assert named.headers["Content-Type"] == "image/x-exr"
        assert (await client.get(file_url(run, 2))).status_code == 404


async def test_its_record_says_where_it_is_and_what_it_is_called(house: House, run: Run, tmp_path: Path) -> None:
    await publish(house, run, ("passes/z_0007.exr", b"depth"))
    (record,) = (await house.service.views.frames(run.job, 0, 10)).frames
    (file,) = record.files
    assert file.name == "passes/z_0007.exr"
    assert Path(file.path) == tmp_path / "storage" / "output" / str(run.job) / "passes" / "z_0007.exr"


async def test_a_frame_that_is_not_done_cannot_be_fetched(house: House, run: Run) -> None:
    async with house.client() as client:
        assert (await client.get(file_url(run))).status_code == 404
        await accept(house, run, ("f.png", b"x"))
        assert (await client.get(file_url(run))).status_code == 404  # accepted, and not in its place yet


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


async def rendered_in_place(house: House, path: Path, data: bytes) -> Job:
    await house.join("ash", key=KEY, hashed=sha(KEY.encode()))
    job = await house.submit("7", outputs=str(path.parent / "f_####.png"))
    write(path, data)
    file = m.File(temporary="", final=str(path), size=len(data), sha256=sha(data))
    await house.finish(house.held()[0], result=m.Result(files=(file,)))
    return job


async def test_a_frame_of_a_job_in_place_is_fetched_too_and_never_another_file(house: House, tmp_path: Path) -> None:
    path = tmp_path / "out" / "f_0007.png"
    job = await rendered_in_place(house, path, b"0123456789")
    url = f"{API}/jobs/{job.id}/frames/7/files/0"
    async with house.client() as client:
        answer = await client.get(url, headers={"Range": "bytes=2-3"})
        assert (answer.status_code, answer.content) == (206, b"23")
        path.write_bytes(b"somebody wrote over it")
        changed = await client.get(url)
        assert changed.status_code == 404
        assert "what was rendered" in changed.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/out/shot/f_0007.png", "f_0007.png"),
        ("/out/shot/passes/z.exr", "passes/z.exr"),
        ("/other/z.exr", "outside/other/z.exr"),
        ("D:\\other\\z.exr", "outside/D/other/z.exr"),
    ],
)
def test_the_name_of_a_file_within_its_folder(path: str, name: str) -> None:
    from brender.manager.shown import name_within

    assert name_within("/out/shot", path) == name
