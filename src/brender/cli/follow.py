# SPDX-License-Identifier: GPL-3.0-or-later
"""Following a job until it is over, over a manager that may go away and come back, at another port too."""

import time
from collections.abc import Callable
from typing import TypeVar

from brender.cli import news
from brender.cli.connect import Place
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.screen import Screen
from brender.client.api import Client
from brender.client.errors import ApiError, Unreachable
from brender.core.views import JobView

T = TypeVar("T")

SOON_S = 0.1  # between two looks at first
LATER_S = 0.4
PATIENCE_S = 600.0  # how long a manager may be away


class Line:
    """The way to a manager, found again when it is lost."""

    def __init__(self, place: Place, client: Client) -> None:
        self.client = client
        self._place = place
        self._lost_at: float | None = None

    def ask(self, question: Callable[[Client], T]) -> T | None:
        """The answer; None while the manager is away. Raises `CliError` when it stays away."""
        try:
            answer = question(self.client)
        except Unreachable:
            self._lost()
            return None
        if self._lost_at is not None:
            say("The manager is there again.")
            self._lost_at = None
        return answer

    @property
    def lost_s(self) -> float:
        """How long it has been away."""
        return 0.0 if self._lost_at is None else time.monotonic() - self._lost_at

    def _lost(self) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            say("The manager does not answer. Waiting for it; what is rendering goes on.")
        if self.lost_s > PATIENCE_S:
            raise CliError(f"The manager has been away for {PATIENCE_S / 60:.0f} minutes.", Exit.NO_MANAGER)
        self._find()

    def _find(self) -> None:
        try:
            found = self._place.known()
        except ApiError:
            return  # away still
        if found is not None:
            self.client.close()
            self.client = found


def follow(line: Line, job: int, shown: Screen, meanwhile: Callable[[], None]) -> JobView:
    """Show a job until it is over. `meanwhile` is called between two looks."""
    pause = SOON_S
    while True:
        view = line.ask(lambda client: client.job(job))
        if view is not None:
            shown.show(view)
            if news.is_over(view):
                return view
        meanwhile()
        time.sleep(pause)
        pause = min(LATER_S, pause * 1.2)
