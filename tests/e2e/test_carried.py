# SPDX-License-Identifier: GPL-3.0-or-later
"""Carried jobs over a plain manager on loopback, with three folders that have nothing in common: the artist's, the
manager's and the worker's. Real Blender, real processes, and real ends of them.
"""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.apart import QUICK, SLOW, Apart, names, same, until
from tests.e2e.conftest import Desk

pytestmark = [pytest.mark.blender, pytest.mark.slow]


@pytest.fixture
def apart(desk: Desk, scenes: Path, blender: str) -> Iterator[Apart]:
    here = Apart(desk, scenes)
    yield here
    here.client.close()
    if here.manager.process.poll() is None:
        here.manager.signal(signal.SIGCONT)  # a test that failed has perhaps stopped it


def test_frames_come_home_and_are_those_rendered_here(apart: Apart, desk: Desk) -> None:
    code, text = desk.run("render", apart.blend, "--send", *QUICK, "-o", apart.project / "far" / "f_####", "-f", "1..3")
    assert code == 0, text
    assert text.splitlines()[-1].endswith(str(apart.project / "far" / "f_####.png"))
    assert names(apart.project / "far") == ["f_0001.png", "f_0002.png", "f_0003.png"]
    assert not any(path.is_file() for path in (apart.worker_data / "worker" / "carried").rglob("*"))
    alone = {key: desk.environ.pop(key) for key in ("BRENDER_MANAGER", "BRENDER_TOKEN")}
    code, text = desk.run("render", apart.blend, *QUICK, "-o", apart.project / "near" / "f_####", "-f", "1..3")
    desk.environ |= alone
    assert code == 0, text
    for name in names(apart.project / "near"):
        assert same(apart.project / "far" / name, apart.project / "near" / name), name


def test_what_happens_to_the_source_after_submit_changes_nothing(apart: Apart, desk: Desk) -> None:
    apart.kill(apart.worker)
    job = apart.submit(*QUICK, "-o", "//out/f_####", "-f", "1..2")
    shutil.rmtree(apart.project)
    apart.start_worker()
    assert apart.over(job) == {"succeeded": 2}
    to = desk.folder / "fetched"
    code, text = desk.run("fetch", job, "--to", to)
    assert code == 0, text
    assert names(to) == ["f_0001.png", "f_0002.png"]
    code, text = desk.run("fetch", job, "--to", to)
    assert "0 files fetched, 2 were there already" in text


def test_the_next_job_of_the_same_scene_fetches_nothing(apart: Apart) -> None:
    assert apart.over(apart.submit(*QUICK, "-o", "//one/f_####", "-f", "1..2")) == {"succeeded": 2}
    before = apart.content()
    assert len(before) == 4  # the .blend, its two libraries, and the manifest
    assert apart.over(apart.submit(*QUICK, "-o", "//two/f_####", "-f", "3..4")) == {"succeeded": 2}
    assert apart.content() == before


def test_a_damaged_cache_is_mended(apart: Apart) -> None:
    assert apart.over(apart.submit(*QUICK, "-o", "//one/f_####", "-f", "1")) == {"succeeded": 1}
    apart.kill(apart.worker)
    library = next(p for p in apart.worker_data.glob("worker/cache/trees/*/libraries/*") if p.is_file())
    library.chmod(0o644)
    library.write_bytes(bytes(library.stat().st_size))
    apart.start_worker()
    assert apart.over(apart.submit(*QUICK, "-o", "//two/f_####", "-f", "1")) == {"succeeded": 1}
    assert library.read_bytes()[:100].strip(b"\0")


def test_a_worker_killed_between_rendered_and_brought_brings_it_after_its_next_start(apart: Apart) -> None:
    """C03, C07: the frame is not rendered again."""
    job = apart.submit(*SLOW, "-o", "//out/f_####", "-s", 1, "-e", 4, "-a")
    until(lambda: apart.client.job(job).opened, "the scene is open")
    apart.manager.signal(signal.SIGSTOP)
    (report,) = until(apart.outbox, "a frame waits to be brought")[:1]
    run = report.read_bytes().split(b'"run":"')[1].split(b'"')[0].decode()
    apart.kill(apart.worker)
    assert report.exists()
    apart.manager.signal(signal.SIGCONT)
    apart.worker = apart.start_worker()
    assert apart.over(job) == {"succeeded": 4}
    records = apart.client.frames(job).frames
    assert run in [record.run for record in records]  # the run that rendered it is the accepted one
    assert all(record.failures == 0 for record in records)
    assert not apart.outbox()


LARGE = ("-E", "CYCLES", "--samples", "1", "--size", "1920x1080", "--allow-missing", "-F", "OPEN_EXR")


def test_a_manager_killed_in_the_middle_of_an_upload_gets_the_rest(apart: Apart) -> None:
    """C01, C02: nothing is lost, and nothing is rendered again."""
    job = apart.submit(*LARGE, "-o", "//out/f_####", "-s", 1, "-e", 3, "-a")
    incoming = apart.manager_data / "incoming" / "runs"
    until(lambda: list(incoming.glob("*/*.part")), "an upload has begun")
    apart.kill(apart.manager)
    apart.manager = apart.start_manager()
    assert apart.over(job) == {"succeeded": 3}
    records = apart.client.frames(job).frames
    assert [(record.failures, record.losses) for record in records] == [(0, 0)] * 3
    kept = apart.manager_data / "storage" / "output" / str(job)
    assert [path.stat().st_size for path in sorted(kept.iterdir())] == [record.files[0].size for record in records]
    assert until(lambda: not list(incoming.glob("*")), "nothing is left on its way")


def test_ctrl_c_leaves_what_has_come_and_fetch_brings_the_rest(apart: Apart, desk: Desk) -> None:
    out = apart.project / "out"
    running = desk.start("render", apart.blend, "--send", *SLOW, "-o", out / "f_####", "-s", 1, "-e", 4, "-a")
    until(lambda: out.is_dir() and names(out), "a frame is at home")
    running.signal(signal.SIGINT)
    assert running.wait() == 130
    assert "attach" in running.text
    code, text = desk.run("fetch", 1, "--watch")
    assert code == 0, text
    assert names(out) == [f"f_{number:04}.png" for number in (1, 2, 3, 4)]


def test_a_home_that_cannot_be_written_is_said_and_the_job_goes_on(apart: Apart, desk: Desk) -> None:
    blocked = apart.project / "out"
    blocked.write_text("a file where a folder is wanted")
    code, text = desk.run("render", apart.blend, "--send", *QUICK, "-o", blocked / "f_####", "-f", "1..2")
    assert code == 0, text
    assert "brender fetch 1 --to FOLDER" in text
    assert apart.over(1) == {"succeeded": 2}
