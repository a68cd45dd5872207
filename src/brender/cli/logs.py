# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender logs ID [FRAME] [-f]`: what Blender printed, of a frame's last run or of what is going on now."""

import sys
import time

import click

from brender.cli import show
from brender.cli.connect import Place, place_options
from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.cli.jobs import frame_records
from brender.client.api import Client
from brender.core.views import JobView

EVERY_S = 0.5
ENDED = {"completed", "failed", "cancelled"}


@click.command("logs", context_settings={"ignore_unknown_options": True})  # frames may be negative
@click.argument("job", metavar="ID", type=int)
@click.argument("frame", type=int, required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on while it is rendered.")
@place_options
def logs_command(job: int, frame: int | None, follow: bool, manager: str | None, data: str | None) -> None:
    """Show what Blender printed: in the last run of FRAME, else in what is going on now, else in the last run."""
    with Place.of(manager, data).connect() as client:
        if frame is not None:
            _print_log(client, job, None, frame, follow)
            return
        run: str | None = _run_of(client, client.job(job))
        while run is not None:
            _print_log(client, job, run, None, follow)
            run = _next_run(client, job, run) if follow else None


def _print_log(client: Client, job: int, run: str | None, frame: int | None, follow: bool) -> None:
    offset = 0
    while True:
        going = follow and _goes_on(client.job(job), run, frame)
        offset = _print_rest(client, job, run, frame, offset)
        if not going:
            return
        time.sleep(EVERY_S)


def _print_rest(client: Client, job: int, run: str | None, frame: int | None, offset: int) -> int:
    while True:
        piece = client.log(job, run=run, frame=frame, offset=offset)
        sys.stdout.write(show.plain(piece.text) if sys.stdout.isatty() else piece.text)
        if piece.offset <= offset:
            sys.stdout.flush()
            return offset
        offset = piece.offset


def _goes_on(view: JobView, run: str | None, frame: int | None) -> bool:
    if run is not None:
        return any(r.run == run for r in view.runs)
    return view.state.value not in ENDED and any(r.frame == frame for r in view.runs)


def _run_of(client: Client, view: JobView) -> str:
    if view.runs:
        return view.runs[0].run
    ran = [r for r in frame_records(client, view.id) if r.run]
    if not ran:
        raise CliError(f"Nothing of job {view.id} has run yet. `brender why {view.id}` says why.", Exit.NOT_FOUND)
    return str(max(ran, key=lambda r: r.ended_at or r.started_at or 0.0).run)


def _next_run(client: Client, job: int, last: str) -> str | None:
    while True:
        view = client.job(job)
        others = [r.run for r in view.runs if r.run != last]
        if others:
            return others[0]
        if view.state.value in ENDED:
            return None
        time.sleep(EVERY_S)
