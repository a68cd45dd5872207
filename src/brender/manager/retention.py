# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept for how long after a job's end: its record, what Blender printed, small pictures, frames kept here.

The settings `job_days`, `log_days`, `thumbnail_days` and `output_days` say so (0: for ever), once a day and at
`brender gc`. Records go by the engine, as if a person deleted the jobs; files of jobs that are gone go with them.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import structlog

from brender.core import commands as c
from brender.core.commands import By, Refusal
from brender.core.lifecycle import JOB_ENDED
from brender.core.rights import LOCAL
from brender.manager.engine import Engine
from brender.manager.storage import Storage, StorageError
from brender.store import Store, StoreError

log = structlog.get_logger()

DAY_S = 24 * 3600.0
FIRST_S = 600.0  # from the start of a manager to its first look
_PAGE = 200  # jobs
_AT_ONCE = 50  # jobs of one command

BY = By(who="", door="retention", principal=LOCAL)


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, or would be."""

    jobs: int = 0
    logs: int = 0  # jobs whose logs were
    thumbnails: int = 0  # jobs whose small pictures were
    frames: int = 0  # files
    bytes: int = 0  # of all of it


class Retention:
    """Looks through what has ended."""

    def __init__(self, engine: Engine, store: Store, data: Path, storage: Storage) -> None:
        self._engine = engine
        self._store = store
        self._data = data
        self._storage = storage

    async def sweep(self, now: float, dry_run: bool = False) -> Swept:
        """Remove what is older than the settings say; or say what that would be."""
        live = await self._engine.read(lambda farm: frozenset(farm.jobs))
        # before the records, without which nobody knows how old they are
        frames, held = await asyncio.to_thread(self._frames, self._since(now, "output_days"), live, dry_run)
        old = await asyncio.to_thread(self._ended_before, self._since(now, "job_days"))
        jobs = old if dry_run else await self._delete(old)
        gone = frozenset(jobs)
        logs, logged = await self._folders("logs", self._since(now, "log_days"), live, gone, dry_run)
        pictures, seen = await self._folders("thumbnails", self._since(now, "thumbnail_days"), live, gone, dry_run)
        size = logged + seen + held
        return Swept(jobs=len(jobs), logs=logs, thumbnails=pictures, frames=frames, bytes=size)

    def _since(self, now: float, setting: str) -> float | None:
        """The moment before which a job must have ended; None: nothing is removed."""
        days = float(self._engine.farm.setting(setting))
        return now - days * DAY_S if days > 0 else None

    # --- records

    def _ended_before(self, since: float | None) -> list[int]:
        if since is None:
            return []
        found: list[int] = []
        before: int | None = None
        while page := self._store.jobs(_PAGE, before=before, states=tuple(JOB_ENDED)):
            found += [job.id for job in page if job.ended_at is not None and job.ended_at < since]
            before = page[-1].id
        return found

    async def _delete(self, jobs: list[int]) -> list[int]:
        """By the engine, some at a time, so that others are heard in between. What it refuses stays."""
        deleted: list[int] = []
        for at in range(0, len(jobs), _AT_ONCE):
            some = jobs[at : at + _AT_ONCE]
            try:
                await self._engine.command(c.DeleteObjects(by=BY, kind="job", keys=tuple(map(str, some))))
            except Refusal as refusal:  # one of them goes on again: all of them wait for the next day
                log.info("old jobs were not deleted", reason=refusal.message)
                continue
            deleted += some
        return deleted

    # --- files

    async def _folders(
        self, name: str, since: float | None, live: frozenset[int], gone: frozenset[int], dry_run: bool
    ) -> tuple[int, int]:
        return await asyncio.to_thread(self._remove_folders, self._data / name, since, live, gone, dry_run)

    def _remove_folders(
        self, above: Path, since: float | None, live: frozenset[int], gone: frozenset[int], dry_run: bool
    ) -> tuple[int, int]:
        """The folders of jobs that ended before, or that are there no more; how many, and their bytes."""
        count = size = 0
        for folder in _numbered(above):
            job = int(folder.name)
            if job not in live and (job in gone or self._is_old(job, since)):
                count, size = count + 1, size + _size(folder)
                if not dry_run:
                    shutil.rmtree(folder, ignore_errors=True)
        return count, size

    def _is_old(self, job: int, since: float | None) -> bool:
        """Whether it ended before, or is not there any more."""
        row = self._store.job(job)
        if row is None:
            return True
        return since is not None and row.ended_at is not None and row.ended_at < since

    def _frames(self, since: float | None, live: frozenset[int], dry_run: bool) -> tuple[int, int]:
        """Frames that are kept here, of jobs that ended before. Those of deleted jobs are a person's business."""
        if since is None:
            return 0, 0
        count = size = 0
        old: dict[int, bool] = {}
        for entry in self._storage.list("output/"):
            number = entry.key.split("/")[1]
            if not number.isdecimal() or (job := int(number)) in live:
                continue
            if job not in old:
                row = self._store.job(job)
                old[job] = row is not None and row.ended_at is not None and row.ended_at < since
            if old[job]:
                count, size = count + 1, size + entry.size
                if not dry_run:
                    self._storage.delete(entry.key)
        return count, size


def _numbered(above: Path) -> Iterator[Path]:
    """The folders of jobs."""
    found: Iterable[Path] = above.iterdir() if above.is_dir() else ()
    return (folder for folder in found if folder.name.isdecimal() and folder.is_dir() and not folder.is_symlink())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def daily(collect: Callable[[], Awaitable[object]]) -> None:
    """Collect once a day, for ever. What fails is said, and tried again the day after."""
    await asyncio.sleep(FIRST_S)
    while True:
        try:
            log.info("collected", removed=await collect())
        except (Refusal, StoreError, StorageError, OSError) as error:
            log.error("what is old was not removed", error=str(error))
        await asyncio.sleep(DAY_S)
