# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of carried jobs: a run brings its files here before it is reported as rendered, and once it is accepted they
are taken into the storage, `output/JOB/` and their names.

A folder a run, `incoming/runs/RUN`, in it whole files by their SHA-256 and parts of others. It goes when the run has
ended, however that was. All but `receive` blocks, and is called in threads.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from brender.core import names
from brender.core.commands import Refusal
from brender.core.farm import Farm
from brender.core.lifecycle import RUN_LIVE
from brender.core.manifest import SHA256
from brender.core.messages import File, Rendered
from brender.core.nouns import Job, Run, RunState
from brender.core.rights import Principal
from brender.imaging import sha256 as sha256_of
from brender.manager import files as in_place
from brender.manager.engine import Engine
from brender.manager.files import NotNowError, NotPublishedError, flush
from brender.manager.incoming import Asked, Incoming
from brender.manager.storage import Storage, StorageError
from brender.manager.storage.folder import pieces

LARGEST = 2**62  # bytes of a frame's file: what the worker has made is taken, if there is room


def key(job: int, final: str) -> str:
    """Where a file of a carried job is kept in the storage."""
    return f"output/{job}/{final}"


def is_carried(run: Run) -> bool:
    """Whether the names of an accepted run's files are relative: only those of carried jobs are."""
    files = run.result.files if run.result else ()
    return bool(files) and all(names.refusal(file.final) is None for file in files)


class Finished(NamedTuple):
    """A file in its final place, and what reads it: from an offset, so many bytes."""

    file: File
    read: Callable[[int, int], Iterator[bytes]]


class Carrying:
    """What runs bring, and where it goes."""

    def __init__(self, engine: Engine, data: Path, storage: Storage, room: Callable[[], int]) -> None:
        self.storage = storage
        self._engine = engine
        self._folder = data / "incoming" / "runs"
        self._incoming = Incoming(self._folder, room, lambda: LARGEST)
        self._there = {path.name for path in self._folder.iterdir()} if self._folder.is_dir() else set()

    # --- in ------------------------------------------------------------------------------------------------------

    async def wanted(self, run: str, who: Principal) -> Run:
        """The live run of a carried job, if it is that worker's who asks. Raises `Refusal`."""
        known = await self._engine.read(lambda farm: _live(farm, run))
        if known is None or (who.worker and who.worker != known.worker):
            raise Refusal(f"There is no run {run} of a carried job that wants files.", "not_found")
        return known

    def standing(self, run: str, sha256: str) -> tuple[int, bool]:
        """How many bytes of a file are here, and whether that is all."""
        try:
            return self._whole(run, sha256).stat().st_size, True
        except FileNotFoundError:
            return self._incoming.offset(f"{run}/{sha256}"), False

    async def receive(self, run: str, asked: Asked, body: AsyncIterator[bytes]) -> int | None:
        """Take what a request brings; None: the file is whole, and on the disk for good. See `Incoming.receive`."""
        self._there.add(run)
        try:
            return await self._incoming.receive(
                f"{run}/{asked.sha256}", asked, body, lambda part: self._keep(part, self._whole(run, asked.sha256))
            )
        finally:
            if run not in self._engine.farm.runs:  # it has ended meanwhile
                await asyncio.to_thread(self.forget, run)

    def _keep(self, part: Path, whole: Path) -> None:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(whole)
        flush(whole.parent)

    async def lacks(self, worker: str, report: Rendered) -> bool:
        """Whether files of a run that wants them are not here."""
        known = await self._engine.read(lambda farm: _live(farm, report.run))
        if known is None or known.worker != worker or known.state is RunState.RENDERED:
            return False
        return await asyncio.to_thread(self._lacks, report)

    def _lacks(self, report: Rendered) -> bool:
        wanted = [file.sha256 for file in report.result.files if SHA256.fullmatch(file.sha256)]
        return not all(self.standing(report.run, sha256)[1] for sha256 in wanted)

    # --- on ------------------------------------------------------------------------------------------------------

    def publish(self, run: Run) -> None:
        """Bring the files of an accepted run to their final places; those that are there are left. Raises
        NotPublishedError, and NotNowError where the storage cannot be had.
        """
        files = run.result.files if run.result else ()
        if not is_carried(run):
            return in_place.publish(run)
        for number, file in enumerate(files):
            again = any(later.sha256 == file.sha256 for later in files[number + 1 :])
            try:
                self._publish(run, file, again)
            except (StorageError, OSError) as error:
                raise NotNowError(f"{file.final} could not be put into the storage: {error}") from None
        return self.forget(run.id)

    def _publish(self, run: Run, file: File, again: bool) -> None:
        """`again`: another name of the run has the same content, which must not go with this one."""
        place, whole = key(run.job, file.final), self._whole(run.id, file.sha256)
        if not whole.exists():
            if not self._in_place(place, file):
                raise NotPublishedError(f"{whole} is gone, and {self.storage.where(place)} is not what was rendered.")
            return
        if (size := whole.stat().st_size) != file.size:
            raise NotPublishedError(f"{file.final} has {size} bytes, and was reported with {file.size}.")
        if again:
            copy = whole.with_suffix(".copy")
            shutil.copyfile(whole, copy)
            whole = copy
        self.storage.take(place, whole)

    def _in_place(self, place: str, file: File) -> bool:
        if self.storage.size(place) != file.size:
            return False
        local = self.storage.local(place)
        return local is None or sha256_of(local) == file.sha256

    # --- fetched -------------------------------------------------------------------------------------------------

    def finished(self, job: Job, run: Run, number: int) -> "Finished":
        """A file of a frame that is done, as it was recorded. Raises `Refusal`."""
        files = run.result.files if run.result else ()
        if run.state is not RunState.SUCCEEDED:
            raise Refusal("That frame is not done yet.", "not_found")
        if number >= len(files):
            raise Refusal(f"That frame has {len(files)} files, counted from 0.", "not_found")
        file = files[number]
        place = key(job.id, file.final)
        try:
            size = self.storage.size(place) if job.carried else Path(file.final).stat().st_size
        except OSError:
            size = None
        if size != file.size:
            raise Refusal(f"{file.final} is gone, or is not what was rendered any more.", "not_found")
        if job.carried:
            return Finished(file, lambda offset, length: self.storage.read(place, offset, length))
        return Finished(file, lambda offset, length: pieces(Path(file.final), offset, length))

    # --- out of the way ------------------------------------------------------------------------------------------

    def over(self, run: Run) -> bool:
        """Whether a run has ended unpublished, and what it brought is to go. Asks no disk."""
        return run.id in self._there and run.state not in RUN_LIVE and run.state is not RunState.SUCCEEDED

    def forget(self, run: str) -> None:
        """Remove what a run has brought."""
        self._there.discard(run)
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def clean(self) -> None:
        """Remove what runs have brought that are over."""
        for run in self._there - self._engine.farm.runs.keys():
            self.forget(run)

    def _whole(self, run: str, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise StorageError(f"{sha256!r} is no SHA-256")
        return self._folder / run / sha256


def _live(farm: Farm, run: str) -> Run | None:
    known = farm.runs.get(run)
    return known if known is not None and farm.jobs[known.job].carried else None
