# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the files of a carried scene's frames to the manager, before it is told that they are rendered.

The reports wait in the outbox and the files in their run's folder for as long as it takes: over breaks, and starts of
the worker and the manager. What was brought is not sent again.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog

from brender.core import messages as m
from brender.core import names
from brender.worker.connection import Connection, NotBrought

log = structlog.get_logger()

PARALLEL = 2  # runs at once: while one is verified over there, the other's bytes are on their way
AGAIN_S = 5.0  # until a manager that has no room, or no use for its own key, is asked once more
LOOK_S = 0.25
UNWANTED = frozenset((403, 404, 409, 410))  # the run is not live, or not this worker's


@dataclass(frozen=True)
class Brought:
    """The files of a run are with the manager, or it does not want them: the report may go. `lost`: why they never will
    be there.
    """

    run: str
    lost: str = ""


class _Ended(Exception):
    """The worker leaves, or the run is over."""


def is_carried(report: m.Report) -> bool:
    """Whether its files are to be brought: their final names are relative."""
    return isinstance(report, m.Rendered) and any(not names.refusal(file.final) for file in report.result.files)


class Delivery:
    """Several runs at once, in the order of their reports."""

    def __init__(self, connection: Connection, told: Callable[[Brought], None]) -> None:
        """`told` is called in a thread."""
        self._connection = connection
        self._told = told
        self._pool = ThreadPoolExecutor(PARALLEL, "deliver")
        self._going: dict[str, bool] = {}  # by run: whether it is wanted still
        self._lock = threading.Lock()
        self._ending = False

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._going)

    def bring(self, report: m.Rendered) -> None:
        """Bring its files, soon. One that is being brought goes on."""
        with self._lock:
            if self._ending or self._going.get(report.run):
                return
            self._going[report.run] = True
        self._pool.submit(self._bring, report)

    def forget(self, run: str) -> None:
        """Its files are not wanted any more."""
        with self._lock:
            if run in self._going:
                self._going[run] = False

    def end(self) -> None:
        """The worker leaves. What is on its way goes on after its next start."""
        self._ending = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _bring(self, report: m.Rendered) -> None:
        try:
            outcome = self._outcome(report)
        except _Ended:
            outcome = None
        except Exception:  # the agent must hear of it, or the frame would wait for ever
            log.exception("bringing files failed", run=report.run)
            outcome = Brought(report.run, "The worker tripped over bringing its files.")
        with self._lock:
            self._going.pop(report.run, None)
        if outcome is not None:
            self._told(outcome)

    def _outcome(self, report: m.Rendered) -> Brought:
        try:
            for file in report.result.files:
                self._bring_file(report.run, file)
        except NotBrought as error:
            if error.status in UNWANTED:
                log.info("the manager does not want a frame's files any more", run=report.run, reason=error.message)
                return Brought(report.run)
            log.error("a frame's files are lost", run=report.run, reason=error.message)
            return Brought(report.run, error.message)
        return Brought(report.run)

    def _bring_file(self, run: str, file: m.File) -> None:
        """Until it is there. Raises NotBrought where it is not wanted, or not what it was any more."""
        said = ""
        while True:
            try:
                path = f"/runs/{run}/files/{file.sha256}"
                self._connection.send(path, Path(file.temporary), file.sha256, file.size, lambda _: self._look(run))
                return
            except NotBrought as error:
                if error.status in UNWANTED or error.status in (0, 422):
                    raise
                if error.message != said:
                    said = error.message
                    log.warning("a frame's files are not taken; trying on", run=run, reason=said)
            until = time.monotonic() + AGAIN_S
            while time.monotonic() < until:
                self._look(run)
                time.sleep(LOOK_S)

    def _look(self, run: str) -> None:
        if self._ending or not self._going.get(run):
            raise _Ended
