# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender fetch`: a job's frames, or some of them, in a folder of this machine."""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brender.cli import news, show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.follow import Line
from brender.cli.home import folder_of, is_here
from brender.cli.signals import as_interrupts
from brender.client.api import Client
from brender.core.frames import FramesError, FrameSet
from brender.core.nouns import StepKind
from brender.core.views import JobView

if TYPE_CHECKING:
    from brender.client.fetching import Fetchable

AT_ONCE = 4
LOOK_S = 1.0


class Stopped(Exception):
    """The others need not be fetched any more."""


@click.command("fetch")
@click.argument("job", metavar="JOB", type=int)
@click.argument("frames", metavar="[FRAMES]", required=False)
@click.option("--to", "to", type=click.Path(file_okay=False, path_type=Path), help="The folder; else the job's home.")
@click.option("--watch", is_flag=True, help="Go on until the job is over.")
@json_option
@place_options
def fetch_command(
    job: int,
    frames: str | None,
    to: Path | None,
    watch: bool,
    as_json: bool,
    manager: str | None,
    data: str | None,
) -> Exit:
    """Fetch the frames of a job that are done: all, or those of FRAMES, such as 1-20,25.

    What is there already, and good, is not fetched again; what was interrupted goes on.
    """
    place = Place.of(manager, data)
    with as_interrupts(), place.connect() as client:
        view = client.job(job)
        fetching = Fetching(view, _folder(view, to), _wanted(view, frames), quiet=as_json)
        line = Line(place, client)
        while True:
            over = news.is_over(view)
            fetching.round(line.client)
            if over or not watch or not len(fetching.left):
                break
            time.sleep(LOOK_S)
            view = line.ask(lambda asked: asked.job(job)) or view
    return fetching.said(view, as_json)


def _folder(job: JobView, to: Path | None) -> Path:
    if to is not None:
        return to.absolute()
    home = folder_of(job)
    if home is None or not is_here(home):
        raise CliError(f"Say where to: brender fetch {job.id} --to FOLDER", Exit.USAGE)
    return home


def _wanted(job: JobView, frames: str | None) -> FrameSet:
    every = FrameSet.parse(job.frames)
    if frames is None:
        return every
    try:
        wanted = FrameSet.parse(frames)
    except FramesError as error:
        raise CliError(f"FRAMES: {error}", Exit.USAGE) from None
    if len(strange := wanted.without(every)):
        raise CliError(f"Job {job.id} has no frame {strange}; it renders {job.frames}.", Exit.NOT_FOUND)
    return wanted


class Fetching:
    """What is wanted of a job, and what of it is here."""

    def __init__(self, job: JobView, folder: Path, wanted: FrameSet, *, quiet: bool) -> None:
        self._job = job.id
        self._is_movie = job.step == StepKind.MOVIE
        self._folder = folder
        self._quiet = quiet
        self._files: list[tuple[Fetchable, bool]] = []  # and whether it was fetched, not there already
        self.left = wanted

    def round(self, client: Client) -> None:
        """Fetch what is done and wanted, and not here yet. Raises CliError."""
        from brender.transfer import Silent, TransferError

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._round(client)
        except OSError as error:
            raise CliError(f"{self._folder} cannot be made: {error.strerror}.") from None
        except TransferError as error:
            code = Exit.NO_MANAGER if isinstance(error, Silent) else Exit.REFUSED
            raise CliError(f"{error.message} What was fetched stays; the same command goes on.", code) from None

    def _round(self, client: Client) -> None:
        from brender.client.fetching import fetchable, is_there, records

        done = [r for r in records(client, self._job) if r.files and (self._is_movie or r.frame in self.left)]
        wanted = [file for record in done for file in fetchable(record)]
        there = [file for file in wanted if is_there(self._folder, file)]
        self._files += [(file, False) for file in there]
        missing = [file for file in wanted if file not in there]
        if missing:
            with _bar(sum(file.size for file in missing), quiet=self._quiet) as moved:
                self._fetch(client, missing, moved)
        self.left = self.left.without(FrameSet.of(sorted(file.frame for file in wanted)))
        if self._is_movie and wanted:
            self.left = FrameSet()

    def _fetch(self, client: Client, files: Sequence["Fetchable"], moved: Callable[[int], None]) -> None:
        stop = threading.Event()
        pool = ThreadPoolExecutor(AT_ONCE, "fetch")
        futures = [pool.submit(self._one, client, file, moved, stop) for file in files]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)

    def _one(self, client: Client, file: "Fetchable", moved: Callable[[int], None], stop: threading.Event) -> None:
        from brender.client.fetching import bring

        at = 0

        def told(bytes_: int) -> None:
            nonlocal at
            if stop.is_set():
                raise Stopped
            moved(bytes_ - at)
            at = bytes_

        bring(client, self._job, file, self._folder, told)
        self._files.append((file, True))

    def said(self, job: JobView, as_json: bool) -> Exit:
        """What there is to say at the end, and the exit code."""
        if as_json:
            files = [self._row(file, fetched) for file, fetched in sorted(self._files, key=lambda each: each[0].name)]
            show.print_json({"folder": str(self._folder), "files": files, "not_done": str(self.left)})
            return Exit.OK
        fetched = sum(fetched for _, fetched in self._files)
        there = len(self._files) - fetched
        also = f", {there} {'was' if there == 1 else 'were'} there already" if there else ""
        print(show.plain(f"{fetched} file{'' if fetched == 1 else 's'} fetched{also}: {self._folder}"), flush=True)
        if len(self.left):
            over = "no file of it" if news.is_over(job) else "not done yet; --watch waits for it"
            say(f"{show.frames(len(self.left))} left out ({self.left}): {over}.")
        return Exit.OK

    def _row(self, file: "Fetchable", fetched: bool) -> dict[str, object]:
        return {
            "frame": file.frame,
            "name": file.name,
            "path": str(self._folder / file.name),
            "size": file.size,
            "sha256": file.sha256,
            "fetched": fetched,
        }


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """How much of it has come: on a terminal with rate and time left, elsewhere a line now and then."""
    from brender.cli.sendbar import sending

    with sending(quiet=quiet or not sys.stdout.isatty(), silent=quiet) as shown:
        shown.phase("fetching", total)
        yield shown.moved
