# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender up | manager | worker`: the processes that go on."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from brender.cli import logging, parent, show, tokens
from brender.cli.connect import Place, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.limit_options import limit_options, limited
from brender.cli.signals import as_interrupts, undisturbed
from brender.cli.storage_options import arguments, chosen, storage_options
from brender.cli.tls_options import is_for_others, secured, tls_arguments, tls_options
from brender.client import places

if TYPE_CHECKING:
    from brender.cli.supervise import Household
    from brender.client.api import Client
    from brender.core.views import JobView

PORT = 8080
CONSOLE_PORT = 6000
LOOK_S = 1.0
LATEST = 50  # jobs that `up` keeps an eye on

data_option = click.option("--data", metavar="FOLDER", help="The data folder; else BRENDER_DATA, else the user's.")
port_option = click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free."
)
console_option = click.option(
    "--console-port",
    type=click.IntRange(0, 65535),
    help=f"Where the console listens; 0: any that is free.  [default: {CONSOLE_PORT}, and 0 with --port 0]",
)
no_console_option = click.option("--no-console", is_flag=True, help="Have no console.")
log_option = click.option(
    "--log",
    "log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the log to this file, which stays small.",
)
parent_option = click.option("--with-parent", is_flag=True, help="End when stdin does.")


@click.command("manager")
@data_option
@tls_options
@port_option
@console_option
@no_console_option
@storage_options
@click.option("--logins-off", is_flag=True, help="Nobody needs to log in from here on: the way back in.")
@log_option
@parent_option
def manager_command(
    data: str | None,
    secure: dict[str, Any],
    port: int,
    console_port: int | None,
    no_console: bool,
    logins_off: bool,
    log: Path | None,
    with_parent: bool,
    **storage: Any,
) -> None:
    """Run the manager: it holds the farm and decides. Ctrl-C ends it; the workers go on rendering."""
    if with_parent:
        parent.end_with_parent()
    from brender.manager import app

    logging.configure(log)
    console = None if no_console else _console_port(port, console_port)
    config = app.Config(
        data=places.data_folder(data),
        host=secure["host"],
        port=port,
        console_port=console,
        storage=app.Choice(**chosen(storage)),
        logins_off=logins_off,
        secure=app.Secure(**secured(secure)),
        invite=_invite if sys.stdout.isatty() else None,  # a log keeps no token
    )
    try:
        with as_interrupts():
            app.run(config)
    except app.CannotStart as error:
        raise CliError(str(error)) from None


def _invite(text: str) -> None:
    print(f"To render on another machine, run this there (within 24 hours):\n  {tokens.pasted(text)}", flush=True)


def _console_port(port: int, given: int | None) -> int:
    """Who takes any free port for the API takes any for the console too."""
    return given if given is not None else CONSOLE_PORT if port else 0


@click.command("worker")
@click.option("--name", help="What it is called; else this machine's name.")
@click.option("--tag", "tags", multiple=True, help="A label that jobs can ask for; may be given again.")
@click.option("--only-job", type=int, metavar="ID", help="Take tasks of this job alone.")
@click.option("--exit-when-idle", is_flag=True, help="End once there is nothing to render.")
@click.option(
    "--join",
    metavar="TOKEN",
    help="Join a farm, once: `brender tokens join` there makes the token. Also from BRENDER_JOIN, or stdin with -: "
    "other users of this machine see what stands on the command line.",
)
@click.option("--local", is_flag=True, hidden=True, help="For the data folder's own manager, whatever was joined.")
@log_option
@parent_option
@click.option(
    "--cache-gb",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="What files of sent scenes may take of the disk.  [default: 50, or a fifth of the disk]",
)
@limit_options
@place_options
def worker_command(
    name: str | None,
    tags: tuple[str, ...],
    only_job: int | None,
    exit_when_idle: bool,
    join: str | None,
    local: bool,
    log: Path | None,
    cache_gb: float | None,
    with_parent: bool,
    manager: str | None,
    data: str | None,
    **limits: Any,
) -> int:
    """Run a worker: it renders for a manager. Ctrl-C ends it, and gives back what it holds.

    For the farm that it has joined; else for --manager, BRENDER_MANAGER, or the data folder's own. Where it knows none
    it looks for those in the local network, says how to join one, and ends with 4. It ends with 3 where the manager
    will not have it, or not any more.
    """
    if with_parent:
        parent.end_with_parent()
    from brender.worker import app

    logging.configure(log)
    return app.run(
        app.Config(
            data=places.data_folder(data),
            manager=manager,
            name=name,
            tags=tags,
            only_job=only_job,
            limits=limited(limits),
            exit_when_idle=exit_when_idle,
            cache_gb=cache_gb,
            join=tokens.taken(join, with_parent),
            local=local,
        )
    )


@click.command("up")
@data_option
@tls_options
@port_option
@console_option
@no_console_option
@storage_options
def up_command(
    data: str | None, secure: dict[str, Any], port: int, console_port: int | None, no_console: bool, **storage: Any
) -> Exit:
    """Run a manager and one worker on this machine. Ctrl-C ends both, the worker first.

    With --listen 0.0.0.0 other machines render along: a line is printed to paste there.
    """
    from brender.cli.supervise import Household

    folder = places.data_folder(data)
    _refuse_second(folder)
    house = Household(folder, say)
    with as_interrupts():
        try:
            console = "--no-console" if no_console else f"--console-port={_console_port(port, console_port)}"
            _run(house, port, [console, *tls_arguments(secure), *arguments(storage)], is_for_others(secure))
        except KeyboardInterrupt:
            print("Ending the worker, then the manager.", flush=True)
        finally:
            with undisturbed():
                house.stop()
    return Exit.OK


def _run(house: "Household", port: int, more: list[str], invite: bool) -> None:
    house.start_manager(port, more)
    client = house.wait_for_manager()
    house.start_worker()
    here = f"The manager is at {client.url}, its data in {house.data}. One worker renders here."
    print(f"{here} Ctrl-C ends both.", flush=True)
    if invite:
        print(tokens.invitation(client), flush=True)
    _watch(house, client)


def _refuse_second(data: Path) -> None:
    client = Place(data).running_here()
    if client is not None:
        client.close()
        raise CliError(f"A manager is running for {data} already, at {client.url}.")


def _watch(house: "Household", client: "Client") -> None:
    from brender.cli.follow import Line

    line, told = Line(Place(house.data), client), dict[int, str]()
    since = time.time()
    while True:
        page = line.ask(lambda asked: asked.jobs(LATEST))
        for job in reversed(page.jobs if page else ()):
            if job.ended_at is None or job.ended_at >= since:
                _tell(job, told)
        house.watch()
        time.sleep(LOOK_S)


def _tell(job: "JobView", told: dict[int, str]) -> None:
    state = job.state.value
    if told.get(job.id) == state:
        return
    told[job.id] = state
    what = f", {show.frames(job.errors)} failed" if job.errors else ""
    why = f": {job.message}" if job.message else ""
    print(show.plain(f"{time.strftime('%H:%M:%S')} Job {job.id} ({job.name}) is {state}{what}{why}"), flush=True)
