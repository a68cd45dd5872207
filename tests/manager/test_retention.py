# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of jobs that ended long ago: as long as the settings say, and not a day less."""

import asyncio

import pytest

from brender.core import commands as c
from brender.core.nouns import Job
from brender.manager.retention import DAY_S, Retention, Swept
from tests.manager.house import House


@pytest.fixture
def retention(house: House) -> Retention:
    return Retention(house.engine, house.store, house.config.data, house.content.storage)


async def ended(house: House) -> Job:
    """A job that has ended, with a log, a small picture and a frame that the manager keeps."""
    job = await house.submit("1-2")
    await house.do(c.CancelJob(job=job.id))
    keep(house, job.id)
    return job


def keep(house: House, job: int) -> None:
    for name in (f"logs/{job}/r1.log", f"thumbnails/{job}/0-0.jpg"):
        path = house.config.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 100)
    frame = house.config.data / "frame"
    frame.write_text("x" * 100)
    house.content.storage.take(f"output/{job}/shot_0001.png", frame)


def kept(house: House, job: int) -> set[str]:
    """What is there of a job: its record, logs, pictures, frames."""
    data = house.config.data
    files = {name for name in ("logs", "thumbnails") if (data / name / str(job)).exists()}
    frames = {"frames"} if house.content.storage.size(f"output/{job}/shot_0001.png") is not None else set()
    return files | frames | ({"record"} if house.store.job(job) else set())


async def put(house: House, name: str, days: float) -> None:
    await house.do(c.SetAttributes(kind="setting", keys=(name,), values={"value": days}))


ALL = {"record", "logs", "thumbnails", "frames"}


async def test_logs_go_before_small_pictures_and_neither_record_nor_frames_ever(
    house: House, retention: Retention
) -> None:
    job = await ended(house)
    now = house.now().wall
    assert await retention.sweep(now + 89 * DAY_S) == Swept()
    assert kept(house, job.id) == ALL
    assert await retention.sweep(now + 91 * DAY_S) == Swept(logs=1, bytes=100)
    assert kept(house, job.id) == ALL - {"logs"}
    assert await retention.sweep(now + 181 * DAY_S) == Swept(thumbnails=1, bytes=100)
    assert await retention.sweep(now + 10_000 * DAY_S) == Swept()
    assert kept(house, job.id) == {"record", "frames"}


async def test_an_old_job_is_deleted_by_the_engine_with_all_but_its_frames(house: House, retention: Retention) -> None:
    old = await ended(house)
    await put(house, "job_days", 10)
    house.mono += 9 * DAY_S
    young = await ended(house)
    live = await house.submit("1-2")
    keep(house, live.id)
    assert await retention.sweep(house.now().wall + 2 * DAY_S) == Swept(jobs=1, logs=1, thumbnails=1, bytes=200)
    assert kept(house, old.id) == {"frames"}
    assert kept(house, young.id) == kept(house, live.id) == ALL
    [entry] = [e for e in house.store.audit() if e.verb == "delete" or e.door == "retention"]
    assert (entry.door, entry.keys) == ("retention", (str(old.id),))


async def test_frames_are_deleted_where_somebody_said_so(house: House, retention: Retention) -> None:
    job = await ended(house)
    await put(house, "output_days", 5)
    assert (await retention.sweep(house.now().wall + 4 * DAY_S)).frames == 0
    assert (await retention.sweep(house.now().wall + 6 * DAY_S)).frames == 1
    assert kept(house, job.id) == ALL - {"frames"}


async def test_a_dry_run_says_it_and_does_nothing(house: House, retention: Retention) -> None:
    job = await ended(house)
    for name in ("job_days", "output_days"):
        await put(house, name, 1)
    later = house.now().wall + 2 * DAY_S
    said = await retention.sweep(later, dry_run=True)
    assert kept(house, job.id) == ALL
    assert said == await retention.sweep(later)


async def test_what_a_deleted_job_left_goes_and_files_that_are_nobodys_stay(house: House, retention: Retention) -> None:
    job = await ended(house)
    await house.do(c.DeleteObjects(kind="job", keys=(str(job.id),)))
    own = house.config.data / "logs" / "manager.log"
    await asyncio.to_thread(own.write_text, "the manager's own")
    assert await retention.sweep(house.now().wall) == Swept(logs=1, thumbnails=1, bytes=200)
    assert own in await asyncio.to_thread(lambda: list(own.parent.iterdir()))


async def test_it_goes_with_the_content_in_one_report(house: House) -> None:
    job = await ended(house)
    house.mono += 100 * DAY_S
    said = await house.service.collect_content(dry_run=True)
    assert (said.logs, said.old_bytes) == (1, 100)
    assert kept(house, job.id) == ALL
