# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the frames of a carried job home, to the folder where their artist wants them, while others render."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from brender.cli import news, show
from brender.cli.connect import Place
from brender.cli.errors import CliError, say
from brender.cli.screen import Screen, waiting
from brender.client.api import Client
from brender.client.errors import ApiError, Unreachable
from brender.core.nouns import TaskState
from brender.core.views import FrameRecord, JobView

LOOK_S = 1.0
PATIENCE_S = 20.0  # for one file, until the manager is looked for anew
AWAY_S = 600.0  # once the job is over: how long the manager may be away
LEAVE_S = 0.5


class Stopped(Exception):
    """Nobody waits for the frames any more."""


def folder_of(job: JobView) -> Path | None:
    """The folder that a carried job's frames are wanted in, where this machine can have it."""
    folder = os.path.dirname(job.home)  # noqa: PTH120 - the path of another system perhaps
    return Path(folder) if job.carried and os.path.isabs(folder) else None  # noqa: PTH117


def is_here(folder: Path) -> bool:
    """Whether it looks as if it were this machine's."""
    return folder.is_dir() or folder.parent.is_dir()


class Home:
    """For one job that is followed: shows it as one whose frames are at home, and fetches them in a thread."""

    def __init__(self, place: Place, job: JobView, folder: Path) -> None:
        self._place = place
        self._job = job.id
        self._folder = folder
        self._done: set[int] = set()  # by index
        self._good = 0  # frames that the manager has, as it was last seen
        self._over = False
        self._news = threading.Event()
        self._stopped = False
        self._gone: list[str] = []
        self.failure = ""  # why frames do not come home
        self._thread = threading.Thread(target=self._live, name="home", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What has come stays, and what has come of a file is gone on from."""
        self._stopped = True
        self._news.set()
        self._thread.join(LEAVE_S)

    @property
    def brought(self) -> int:
        """How many frames are at home."""
        return len(self._done)

    def seen(self, job: JobView) -> JobView:
        """A job as it is now, said with the names that its frames have at home."""
        self._good = max(self._good, news.succeeded(job))
        if len(self._done) < self._good:
            self._news.set()
        return job if self.failure else replace(job, outputs=job.home)

    def finish(self) -> None:
        """Wait for the last of them. Ctrl-C ends it, and more can be had later."""
        self._over = True
        self._news.set()
        with waiting("Bringing the last frames home"):
            while self._thread.is_alive():
                self._thread.join(0.2)
        for line in self._gone:
            say(line)
        if self.failure:
            say(f"{self.failure} Fetch them when that is mended: brender fetch {self._job} --to FOLDER")

    # --- in the thread -------------------------------------------------------------------------------------------

    def _live(self) -> None:
        client: Client | None = None
        away_at: float | None = None
        try:
            while not self._stopped:
                over = self._over
                try:
                    if (client := client or self._place.known()) is None:
                        raise Unreachable("There is no manager now.")
                    if over or len(self._done) < self._good:
                        self._round(client)
                    away_at = None
                    if over:
                        return
                except Unreachable:
                    client, away_at = None, away_at or time.monotonic()
                if self._over and away_at is not None and time.monotonic() - away_at > AWAY_S:
                    self.failure = "The manager is away, and keeps the frames that are not at home yet."
                    return
                self._wait()
        except Stopped:
            return
        except (ApiError, CliError) as error:
            self.failure = f"No more frames come home: {error.message}"
        finally:
            if client is not None:
                client.close()

    def _wait(self) -> None:
        self._news.wait(LOOK_S)
        self._news.clear()

    def _round(self, client: Client) -> None:
        """Fetch what is done so far."""
        from brender.client.fetching import records

        states = client.states(self._job)
        good = (index for index, state in enumerate(states) if state == TaskState.SUCCEEDED)
        for first, count in _spans([index for index in good if index not in self._done]):
            for record in records(client, self._job, first, count):
                if self._stopped or self.failure:
                    raise Stopped
                if record.state == "succeeded":
                    self._frame(client, record)

    def _frame(self, client: Client, record: FrameRecord) -> None:
        from brender.client.fetching import bring, fetchable, is_there
        from brender.transfer import Silent, TransferError

        try:
            for file in fetchable(record):
                if not is_there(self._folder, file):
                    bring(client, self._job, file, self._folder, self._told, PATIENCE_S)
        except Silent as error:
            raise Unreachable(error.message) from None
        except TransferError as error:
            if error.status not in (404, 410):
                raise CliError(error.message) from None
            self._gone.append(show.plain(f"Frame {record.frame} does not come home: {error.message}"))
        self._done.add(record.index)

    def _told(self, _bytes: int) -> None:
        if self._stopped:
            raise Stopped


class Shown:
    """A screen on which a job is shown with the names that its frames have at home."""

    def __init__(self, screen: Screen, home: Home) -> None:
        self._screen = screen
        self._home = home
        self._said = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, job: JobView) -> None:
        """Say what is new; among it, once, that frames do not come home."""
        self._screen.show(self._home.seen(job))
        if self._home.failure and not self._said:
            self._said = True
            say(f"{self._home.failure} The job goes on.")


def _spans(indexes: list[int]) -> list[tuple[int, int]]:
    """Where each run of neighbours begins, and how many they are."""
    spans: list[tuple[int, int]] = []
    for index in indexes:
        if spans and sum(spans[-1]) == index:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((index, 1))
    return spans
