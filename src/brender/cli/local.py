# SPDX-License-Identifier: GPL-3.0-or-later
"""A local run: a job rendered by processes of this command's own, and nothing left running when it is over.

Where the data folder's manager runs already (another local run, or a manager without workers), only a worker is
started, and a manager when that one goes away.
"""

import contextlib
import time

from brender.cli import news
from brender.cli.connect import Place
from brender.cli.errors import say
from brender.cli.follow import Line, follow
from brender.cli.leftovers import cancel_left_over, noted
from brender.cli.screen import Screen
from brender.cli.signals import undisturbed
from brender.cli.supervise import Household
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.views import JobRequest, JobView

QUICK_S = 1.6  # from Ctrl-C until nothing runs any more
CANCEL_S = 0.4  # of that, for the manager to answer; and as long for the runs to end in order
ALONE_S = 1.5  # after which a manager that went away is replaced


class LocalRun:
    """Used in a `with`: whatever happens in it, nothing goes on after it."""

    def __init__(self, place: Place, client: Client | None) -> None:
        self._place = place
        self._house = Household(place.data, say)
        self._client = client
        self._request: JobRequest | None = None
        self.job: JobView | None = None

    def __enter__(self) -> "LocalRun":
        if self._client is None:
            self._house.start_manager()  # while it starts, this process looks for Blender
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with undisturbed():
            if kind is None:
                self._house.stop()
            else:
                self._stop_now()

    def submit(self, request: JobRequest) -> JobView:
        """Submit the job to the manager, as soon as it answers."""
        client = self._connected()
        for job in cancel_left_over(self._place.data, client):
            say(f"Job {job} was left over by a run that was killed; it is cancelled.")
        self._request = request
        self.job = client.submit(request)
        return self.job

    def follow(self, shown: Screen) -> JobView:
        """Render and show the submitted job until it is over."""
        assert self.job is not None
        job = self.job.id
        with noted(self._place.data, job):
            self._house.start_worker(["--only-job", str(job)])
            line = Line(self._place, self._connected())
            self.job = follow(line, job, shown, lambda: self._look_after(line))
            if self.job.state not in news.ENDED:  # paused by itself, and nobody will resume it here
                line.ask(lambda client: client.act(job, "cancel"))
        return self.job

    @property
    def client(self) -> Client:
        """The manager, once there is a job."""
        return self._connected()

    def _connected(self) -> Client:
        if self._client is None:
            self._client = self._house.wait_for_manager()
        return self._client

    def _look_after(self, line: Line) -> None:
        self._client = line.client
        if self._house.manager is None and line.lost_s > ALONE_S:
            self._house.start_manager()
        self._house.watch()

    def _stop_now(self) -> None:
        """End the job and everything within `QUICK_S`; what is rendered and verified stays."""
        deadline = time.monotonic() + QUICK_S
        with contextlib.suppress(ApiError):
            self._cancel(deadline - QUICK_S + 2 * CANCEL_S)
        self._house.stop(max(0.1, deadline - time.monotonic()))

    def _cancel(self, deadline: float) -> None:
        if self._client is None or self._request is None:
            return
        # submitting is repeatable: the answer that a signal cut off is asked for once more
        job = self.job or self._client.submit(self._request)
        self.job = self._client.act(job.id, "cancel", CANCEL_S)
        while self.job.runs and time.monotonic() < deadline:
            time.sleep(0.03)
            self.job = self._client.job(job.id, CANCEL_S)


def describe_stop(run: LocalRun, going_on: str) -> None:
    """After Ctrl-C: what there is, and the line that goes on."""
    if run.job is None:
        print("Interrupted; nothing was rendered.", flush=True)
        return
    good = news.succeeded(run.job)
    print(f"\nInterrupted: {good} of {run.job.tasks} frames are done: {run.job.outputs}")
    print(f"To go on: {going_on}", flush=True)
