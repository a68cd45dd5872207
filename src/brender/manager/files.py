# SPDX-License-Identifier: GPL-3.0-or-later
"""What the manager does with files: publishing frames to their final names, logs and thumbnails in the data folder.

Publishing is a rename that can be repeated: after a crash it is done again, and finds what was done already.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from brender.core import commands as c
from brender.core.messages import File
from brender.core.nouns import Run
from brender.imaging import sha256

log = structlog.get_logger()

LONGEST_LOG = 2 * 2**20  # bytes a run
AGAIN_S = 1.0  # until what could not be saved or published is tried again; twice as long each time, at most:
LONGEST_WAIT_S = 60.0


class NotPublishedError(Exception):
    """The files could not be brought to their final names; the message says which and why."""


class NotNowError(Exception):
    """What takes the files cannot do so now, which is no fault of theirs; the message says what and why."""


class Files:
    """The data folder's logs and thumbnails, a folder a job."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._logs = data / "logs"
        self._thumbnails = data / "thumbnails"

    def log_path(self, job: int, run: str) -> Path:
        """Where the log of a run is; `run` must be the id of a run that is known."""
        return self._logs / str(job) / f"{run}.log"

    def thumbnail_path(self, job: int, step: int, index: int) -> Path:
        """Where the thumbnail of a task's picture is, once it has one."""
        return self._thumbnails / str(job) / f"{step}-{index}.jpg"

    def append_log(self, run: Run, text: str) -> None:
        """Add to a run's log, up to a bound that the worker keeps too."""
        path = self.log_path(run.job, run.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            if file.tell() < LONGEST_LOG:
                file.write(text)

    def read_log(self, run: Run) -> str:
        """A run's log, so far."""
        try:
            return self.log_path(run.job, run.id).read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def keep_thumbnail(self, run: Run, jpeg: bytes) -> None:
        """Keep the picture of a picture; whole or not at all."""
        path = self.thumbnail_path(run.job, run.step, run.index)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{run.id}")
        part.write_bytes(jpeg)
        part.replace(path)


class Publisher:
    """Brings accepted runs' files to their final names, one run after the other, and tells the engine.

    What cannot be done now is tried again, after 1 s, 2 s, 4 s … up to a minute, until it can.
    """

    def __init__(
        self, command: Callable[[c.Command], Coroutine[Any, Any, Any]], bring: Callable[[Run], None] | None = None
    ) -> None:
        """`bring`: what is done to a run's files, where it is more than to rename them."""
        self._command = command
        self._bring = bring or publish
        self._accepted: asyncio.Queue[Run] = asyncio.Queue()
        self._tries: dict[str, int] = {}  # by run: how often it could not be done

    def put(self, run: Run) -> None:
        """Publish this accepted run, soon."""
        self._accepted.put_nowait(run)

    async def run(self) -> None:
        """Publish for ever. Several may run side by side."""
        while True:
            run = await self._accepted.get()
            outcome = await self._outcome(run)
            try:
                await self._command(outcome)
            except Exception as error:  # it was not saved: done once more, publishing finds what was done already
                log.error("what became of a frame was not saved", run=run.id, error=str(error))
                self._again(run)
            else:
                if isinstance(outcome, c.PublishingDelayed):
                    self._again(run)
                else:
                    self._tries.pop(run.id, None)

    def _again(self, run: Run) -> None:
        """Later. Others go on meanwhile."""
        tries = self._tries[run.id] = self._tries.get(run.id, 0) + 1
        asyncio.get_running_loop().call_later(min(AGAIN_S * 2.0 ** min(tries - 1, 30), LONGEST_WAIT_S), self.put, run)

    async def _outcome(self, run: Run) -> c.Published | c.NotPublished | c.PublishingDelayed:
        try:
            await asyncio.to_thread(self._bring, run)
        except NotPublishedError as error:
            log.warning("a frame was not published", run=run.id, reason=str(error))
            return c.NotPublished(run=run.id, message=str(error))
        except NotNowError as error:
            log.warning("a frame waits to be published", run=run.id, reason=str(error))
            return c.PublishingDelayed(run=run.id, message=str(error))
        return c.Published(run=run.id)


def publish(run: Run) -> None:
    """Rename every file of an accepted run; those that are in place already are left. Durable when it returns."""
    files = run.result.files if run.result else ()
    for file in files:
        _refuse_elsewhere(file, run.id)
    for file in files:
        _publish(file)
    for folder in {Path(file.final).parent for file in files}:
        flush(folder)
    for folder in {Path(file.temporary).parent for file in files}:
        _remove_empty(folder, run.id)


def _refuse_elsewhere(file: File, run: str) -> None:
    """A worker's word moves what lies in its run's own folder, to below that folder's place, and nothing else."""
    temporary, final, own = Path(file.temporary), Path(file.final), f".brender-{run}"
    parts = temporary.parts
    if own in parts and ".." not in (*parts, *final.parts):
        at = parts.index(own)
        base = Path(*parts[:at])
        folder = Path(os.path.realpath(base), *parts[at:-1])
        # no link leads out of it, neither in it nor as the file
        if final.is_relative_to(base) and Path(os.path.realpath(temporary)) == folder / temporary.name:
            return
    raise NotPublishedError(f"{file.temporary} is not in the folder {own} beside {file.final}, and was left alone.")


def _publish(file: File) -> None:
    try:
        Path(file.final).parent.mkdir(parents=True, exist_ok=True)
        Path(file.temporary).replace(file.final)
    except FileNotFoundError:
        if not in_place(file):
            raise NotPublishedError(f"{file.temporary} is gone, and {file.final} is not what was rendered.") from None
    except OSError as error:
        raise NotPublishedError(f"{file.final} could not be put in place: {error.strerror}.") from None


def in_place(file: File) -> bool:
    """Whether the final file is the one that was verified."""
    try:
        return Path(file.final).stat().st_size == file.size and sha256(file.final) == file.sha256
    except OSError:
        return False


def flush(folder: Path) -> None:
    """Bring a rename to the disk. Windows has no handle for a folder, and flushes its journal by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_empty(folder: Path, run: str) -> None:
    """Remove the run's own folder (and those under it that its files were in), if nothing is left there."""
    while run in str(folder):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
