# SPDX-License-Identifier: GPL-3.0-or-later
"""The API as a client meets it: routes, errors, pages, pictures and logs, over a real engine and store."""

from pathlib import Path

import httpx
import msgspec
import pytest

from brender.core import commands as c
from brender.core import messages as m
from brender.core.failures import Kind
from brender.core.nouns import Job, StepKind
from brender.core.views import ErrorBody, FramePage, JobPage, JobView, Problem, WhyView, WorkerPage, WorkerView
from brender.imaging.formats import kind_of
from brender.manager.routes.frames import LOG_PIECE, log_piece
from tests.farm_builder import BLENDER, BPY, host
from tests.manager.house import House

API = "/api/v1"
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a"
    "1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080001000101011100ffc4001f000001050101010101"
    "0100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d0102030004110512213141061351610722"
    "7114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a6364"
    "65666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9ca"
    "d2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00fbd3ffd9"
)


def problem(answer: httpx.Response) -> Problem:
    return msgspec.json.decode(answer.content, type=ErrorBody, strict=True).error


def job_view(answer: httpx.Response) -> JobView:
    assert answer.is_success, answer.text
    return msgspec.json.decode(answer.content, type=JobView)


async def test_a_job_is_shown_with_what_goes_on(house: House) -> None:
    job = await house.submit("1-10", warnings=("beware",))
    worker = await house.join("one")
    run = house.held()[0]
    await house.report(run, m.Started)
    house.engine.heard(worker, m.Heartbeat(runs=(m.Progress(run=run.id, fraction=0.5, text="Sample 1/2"),)))
    async with house.client() as client:
        view = job_view(await client.get(f"{API}/jobs/{job.id}"))
    assert (view.state, view.counts["running"], view.tasks) == ("active", 1, 10)
    assert (view.runs[0].frame, view.runs[0].worker, view.runs[0].fraction) == (1, "one", 0.5)
    assert view.done == pytest.approx(0.05)
    assert view.actions == ("pause", "cancel", "priority")
    assert view.warnings == ("beware",)
    assert view.folder == "/out"


async def test_failures_are_shown_with_their_attempt_and_whether_it_was_the_last(house: House) -> None:
    job = await house.submit("7-8")
    await house.join("one")
    for n in range(3):
        house.mono += 1
        (run, *_) = (run for run in house.held() if run.index == 0)
        await house.fail(run, Kind.BLENDER_CRASHED, f"crash {n}")
    async with house.client() as client:
        view = job_view(await client.get(f"{API}/jobs/{job.id}"))
    shown = [(f.frame, f.worker, f.attempt, f.final, f.message) for f in view.failures]
    assert shown == [(7, "one", n + 1, n == 2, f"crash {n}") for n in range(3)]
    assert (view.failure_count, view.errors) == (3, 1)
    assert view.actions == ("pause", "cancel", "retry", "priority")


async def test_jobs_page_from_the_newest_over_live_and_ended_ones(house: House) -> None:
    jobs = [await house.submit(name=f"j{n}") for n in range(7)]
    for job in jobs[1::2]:
        await house.do(c.CancelJob(job=job.id))
    seen: list[int] = []
    async with house.client() as client:
        before: int | None = None
        while True:
            query = {"limit": 3} | ({"before": before} if before is not None else {})
            answer = await client.get(f"{API}/jobs", params=query)
            page = msgspec.json.decode(answer.content, type=JobPage)
            seen += [job.id for job in page.jobs]
            if (before := page.before) is None:
                break
        cancelled = msgspec.json.decode((await client.get(f"{API}/jobs?state=cancelled")).content, type=JobPage)
        queued = msgspec.json.decode((await client.get(f"{API}/jobs?state=queued&limit=2")).content, type=JobPage)
    assert seen == [job.id for job in reversed(jobs)]
    assert [job.id for job in cancelled.jobs] == [6, 4, 2]
    assert [job.id for job in queued.jobs] == [7, 5]


async def test_an_ended_job_is_shown_from_the_store(house: House) -> None:
    job = await house.submit("1-3")
    worker = await house.join("one")
    run = house.held()[0]
    opened = m.Opened(
        blender="3.4.1", engine="CYCLES", device="CPU", format="PNG", width=64, height=36, frame_start=1, frame_end=3,
        frame_step=1, persistent_data=True, persistent_reason="", warm=True, warm_reason="", view=m.View(),
        warnings=("a picture is missing",), open_s=1.5,
    )  # fmt: skip
    await house.report(run, m.SceneOpened, session="s1", opened=opened)
    await house.report(run, m.Started)
    house.mono += 30
    await house.render_all(worker)
    async with house.client() as client:
        view = job_view(await client.get(f"{API}/jobs/{job.id}"))
        states = (await client.get(f"{API}/jobs/{job.id}/states")).content
    assert (view.state, view.counts, view.done, view.actions) == ("completed", {"succeeded": 3}, 1.0, ())
    assert view.frames_per_minute == pytest.approx(6.0)
    assert view.opened is not None
    assert (view.opened.engine, view.warnings) == ("CYCLES", ("a picture is missing",))
    assert states == bytes([4, 4, 4])


async def test_frames_page_with_the_record_of_each(house: House) -> None:
    job = await house.submit("10-1")
    worker = await house.join("one")
    file = m.File(temporary="/out/.r/1.png", final="/out/0010.png", size=10, sha256="ab" * 32, width=64, height=36)
    result = m.Result(files=(file,), blender="3.4.1", device="CPU", peak_memory_mb=300.0, render_s=2.0, warm=True)
    await house.finish(house.held(worker)[0], result=result)
    async with house.client() as client:
        pages = [
            msgspec.json.decode((await client.get(f"{API}/jobs/{job.id}/frames?{q}")).content, type=FramePage)
            for q in ("first=0&count=4", "first=8&count=4", "first=50&count=4")
        ]
    first = pages[0].frames[0]
    assert [(r.index, r.frame) for r in pages[0].frames] == [(0, 10), (1, 9), (2, 8), (3, 7)]
    assert [(r.index, r.frame) for r in pages[1].frames] == [(8, 2), (9, 1)]
    assert (pages[2].frames, pages[2].total) == ((), 10)
    assert (first.state, first.worker, first.blender, first.device) == ("succeeded", "one", "3.4.1", "CPU")
    assert (first.peak_memory_mb, first.render_s, first.warm) == (300.0, 2.0, True)
    assert (first.files[0].path, first.files[0].sha256, first.files[0].size) == ("/out/0010.png", "ab" * 32, 10)


async def test_the_states_of_a_million_frames_are_a_million_bytes(house: House) -> None:
    job = await house.submit("1-1000000")
    async with house.client() as client:
        live = await client.get(f"{API}/jobs/{job.id}/states")
        await client.post(f"{API}/jobs/{job.id}/cancel")
        ended = await client.get(f"{API}/jobs/{job.id}/states")
    assert live.content == bytes(1_000_000)
    assert ended.content == bytes([6]) * 1_000_000


async def test_a_job_is_steered_and_each_answer_is_the_job_as_it_is_then(house: House) -> None:
    job = await house.submit("1-2")
    async with house.client() as client:
        states = []
        for action in ("pause", "resume", "cancel", "cancel", "retry"):
            states.append(job_view(await client.post(f"{API}/jobs/{job.id}/{action}")).state)
        patched = job_view(await client.patch(f"{API}/jobs/{job.id}", json={"priority": 80}))
    assert states == ["paused", "queued", "cancelled", "cancelled", "queued"]
    assert patched.priority == 80


async def test_why_says_what_stands_between_a_job_and_its_frames(house: House) -> None:
    job = await house.submit("1-10", blender=BPY)
    async with house.client() as client:
        nobody = msgspec.json.decode((await client.get(f"{API}/jobs/{job.id}/why")).content, type=WhyView)
        await house.join("one", host=host(BLENDER))
        other = msgspec.json.decode((await client.get(f"{API}/jobs/{job.id}/why")).content, type=WhyView)
        await house.join("two", host=host(BPY))
        going = msgspec.json.decode((await client.get(f"{API}/jobs/{job.id}/why")).content, type=WhyView)
        await house.do(c.CancelJob(job=job.id))
        ended = msgspec.json.decode((await client.get(f"{API}/jobs/{job.id}/why")).content, type=WhyView)
    assert "No worker has ever come" in " ".join(nobody.sentences)
    assert "It can never run as the farm is: no worker has bpy 4.5.15" in " ".join(other.sentences)
    assert [w.reason for w in other.workers] == ["has no bpy 4.5.15, to which the job is bound (it has Blender 3.4.1)"]
    assert "are with 1 worker: two." in going.sentences[0]
    assert ended.sentences == (f"Job {job.id} is cancelled.",)


async def test_workers_are_listed_and_steered_by_id_and_by_name(house: House) -> None:
    worker = await house.join("röntgen 1", host=host(BLENDER, tags=("gpu",)))
    async with house.client() as client:
        page = msgspec.json.decode((await client.get(f"{API}/workers")).content, type=WorkerPage)
        answers = [
            await client.post(f"{API}/workers/{worker}/drain", json={"now": False}),
            await client.post(f"{API}/workers/röntgen 1/disable", json={"now": True}),
            await client.post(f"{API}/workers/{worker}/disable"),
            await client.post(f"{API}/workers/{worker}/enable", json={"now": False}),
        ]
    (shown,) = page.workers
    assert (shown.name, shown.connection, shown.condition, shown.tags) == ("röntgen 1", "online", "idle", ("gpu",))
    assert shown.actions == ("drain", "disable")
    wishes = [msgspec.json.decode(a.content, type=WorkerView).wish.value for a in answers]
    assert wishes == ["draining", "disabled", "disabled", "enabled"]


# --- logs and pictures -----------------------------------------------------------------------------------------------


async def test_a_log_comes_in_pieces_by_run_or_by_frame(house: House) -> None:
    job = await house.submit("5-6")
    await house.join("one")
    run = house.held()[0]
    house.files.append_log(run, "Fra:5 début\n")
    async with house.client() as client:
        first = await client.get(f"{API}/jobs/{job.id}/log", params={"run": run.id})
        house.files.append_log(run, "Saved\n")
        second = await client.get(
            f"{API}/jobs/{job.id}/log", params={"frame": 5, "offset": first.headers["X-Next-Offset"]}
        )
        third = await client.get(
            f"{API}/jobs/{job.id}/log", params={"frame": 5, "offset": second.headers["X-Next-Offset"]}
        )
    assert [a.text for a in (first, second, third)] == ["Fra:5 début\n", "Saved\n", ""]
    assert third.headers["X-Next-Offset"] == second.headers["X-Next-Offset"]
    assert first.headers["content-type"].startswith("text/plain")


def test_bytes_that_are_no_utf8_are_replacement_characters(tmp_path: Path) -> None:
    """C23"""
    path = tmp_path / "log"
    path.write_bytes(b"before \xff\xfe after \xe6\x97")
    assert log_piece(path, 0, is_whole=False) == ("before �� after ", 16)
    assert log_piece(path, 16, is_whole=False) == ("", 16)
    assert log_piece(path, 16, is_whole=True) == ("�", 18)
    assert log_piece(tmp_path / "none", 7, is_whole=True) == ("", 7)


def test_a_long_log_is_never_cut_within_a_character(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = "x" + "日" * LOG_PIECE
    path.write_text(text, encoding="utf-8")
    read, offset = "", 0
    while True:
        piece, after = log_piece(path, offset, is_whole=True)
        if after == offset:
            break
        read, offset = read + piece, after
    assert read == text


async def test_thumbnails_and_a_contact_sheet_are_pictures(house: House) -> None:
    job = await house.submit("1-3")
    await house.join("one")
    house.files.keep_thumbnail(house.held()[0], JPEG)
    async with house.client() as client:
        there = await client.get(f"{API}/jobs/{job.id}/frames/1/thumbnail")
        absent = await client.get(f"{API}/jobs/{job.id}/frames/2/thumbnail")
        sheet = await client.get(f"{API}/jobs/{job.id}/sheet?columns=2")
    assert (there.content, there.headers["content-type"]) == (JPEG, "image/jpeg")
    assert (absent.status_code, problem(absent).reason) == (404, "not_found")
    assert (kind_of(sheet.content[:64]), sheet.headers["content-type"]) == ("PNG", "image/png")


async def test_a_sheet_of_a_million_frames_looks_at_few(house: House) -> None:
    job = await house.submit("1-1000000")
    async with house.client() as client:
        sheet = await client.get(f"{API}/jobs/{job.id}/sheet")
    assert kind_of(sheet.content[:64]) == "PNG"


async def test_a_movies_frames_are_all_its_one_task(house: House) -> None:
    job = await house.submit("1-250", kind=StepKind.MOVIE)
    await house.join("one")
    house.files.keep_thumbnail(house.held()[0], JPEG)
    async with house.client() as client:
        assert (await client.get(f"{API}/jobs/{job.id}/frames/100/thumbnail")).content == JPEG
        assert (await client.get(f"{API}/jobs/{job.id}/frames/251/thumbnail")).status_code == 404


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/jobs/99", 404, "not_found"),
        ("GET", "/jobs/99999999999999999999999", 404, "not_found"),
        ("GET", "/jobs/-1/why", 404, "not_found"),
        ("GET", "/jobs/99/states", 404, "not_found"),
        ("GET", "/jobs/99/frames", 404, "not_found"),
        ("GET", "/jobs/99/log?frame=1", 404, "not_found"),
        ("GET", "/jobs/99/sheet", 404, "not_found"),
        ("POST", "/jobs/99/pause", 404, "not_found"),
        ("POST", "/jobs/99999999999999999999999/pause", 404, "not_found"),
        ("POST", "/workers/nobody/drain", 404, "not_found"),
        ("GET", "/jobs/x", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/jobs", 405, "method_not_allowed"),
        ("GET", "/jobs?limit=0", 400, "invalid"),
        ("GET", "/jobs?limit=many", 400, "invalid"),
        ("GET", "/jobs?state=lost", 400, "invalid"),
        ("GET", "/jobs?before=-1", 400, "invalid"),
    ],
)
async def test_every_error_is_one_kind_of_body(house: House, method: str, path: str, status: int, reason: str) -> None:
    async with house.client() as client:
        answer = await client.request(method, API + path)
    assert (answer.status_code, problem(answer).reason) == (status, reason)
    assert problem(answer).message.endswith(".")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{", None),
        (b"\xff", None),
        (b"[]", None),
        (b'{"request_id":"a"}', "blend"),
        (b'{"request_id":"a","blend":"/x","priority":"5"}', "priority"),
        (b'{"request_id":"a","blend":"/x","settings":{"samples":1.5}}', "settings.samples"),
        (b'{"request_id":"a","blend":"/x","settings":{"sample":1}}', "settings.sample"),
        (b'{"request_id":"a","blend":"/x","colour":1}', "colour"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_naming_the_field(
    house: House, body: bytes, where: str | None
) -> None:
    async with house.client() as client:
        answer = await client.post(f"{API}/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem(answer).where) == (400, where)
    assert problem(answer).message.endswith(".")


async def test_a_body_that_is_no_json_or_too_large_is_refused(house: House) -> None:
    async with house.client() as client:
        form = await client.post(f"{API}/jobs", data={"request_id": "a"})
        plain = await client.post(f"{API}/jobs", content=b"{}", headers={"Content-Type": "text/plain"})
        large = await client.post(
            f"{API}/jobs", content=b" " * (9 * 2**20), headers={"Content-Type": "application/json"}
        )
    assert [form.status_code, plain.status_code, large.status_code] == [415, 415, 413]
    assert problem(large).message == "The body is larger than 8 MB."


async def test_a_mistake_is_answered_without_its_traceback(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("the inside of the house")

    monkeypatch.setattr("brender.manager.shown.worker", broken)
    await house.join("one")
    async with house.client() as client:
        answer = await client.get(f"{API}/workers")
    assert (answer.status_code, problem(answer).reason) == (500, "internal")
    assert "inside" not in answer.text


async def test_what_cannot_be_done_now_is_a_conflict(house: House) -> None:
    job: Job = await house.submit("1-2")
    await house.do(c.CancelJob(job=job.id))
    async with house.client() as client:
        pause = await client.post(f"{API}/jobs/{job.id}/pause")
        priority = await client.patch(f"{API}/jobs/{job.id}", json={"priority": 300})
    assert (pause.status_code, problem(pause).reason) == (409, "conflict")
    assert priority.status_code == 409
