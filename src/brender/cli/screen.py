# SPDX-License-Identifier: GPL-3.0-or-later
"""How a followed job is shown: a bar on a terminal, plain lines elsewhere. Troubles go to stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

from brender.cli import news
from brender.cli.errors import say
from brender.core.views import JobView


class Screen(Protocol):
    """Where a job is shown. Used in a `with`, so that a terminal is left as it was."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, job: JobView) -> None:
        """Say what is new."""


class Lines:
    """Plain lines: for a file, a pipe, a log."""

    def __init__(self) -> None:
        self._told = news.Told()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, job: JobView) -> None:
        """Say what is new."""
        new, self._told = news.news(self._told, job)
        _say(new)
        if new.progress:
            print(new.progress, flush=True)


class Bar:
    """A bar with frames done, frames a minute and time left, below the lines that stay."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._told = news.Told()
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.description}", markup=False),
            console=Console(file=sys.stdout, highlight=False),
            redirect_stderr=sys.stderr.isatty(),
            expand=True,
            refresh_per_second=4,  # each one costs some of the processor that renders
            transient=True,
        )
        self._task = self._progress.add_task("waiting for a worker", total=1.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, job: JobView) -> None:
        """Say what is new, and move the bar."""
        new, self._told = news.news(self._told, job)
        _say(new)
        waiting = "" if job.opened or news.finished(job) else " (opening the scene)" if job.runs else " (waiting)"
        self._progress.update(self._task, completed=job.done, description=news.progress(job) + waiting)


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    """While in here a terminal says so; nothing of it stays."""
    if not sys.stdout.isatty():
        yield
        return
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    with console.status(for_what, refresh_per_second=4):
        yield


def screen() -> Screen:
    """The one that suits what stdout is."""
    return Bar() if sys.stdout.isatty() else Lines()


def _say(new: news.News) -> None:
    for fact in new.facts:
        print(fact, flush=True)
    for trouble in new.troubles:
        say(trouble)
