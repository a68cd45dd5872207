# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender up | manager | worker`: the processes that go on."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brender.cli import logging, parent, show
from brender.cli.connect import Place, place_options
from brender.cli.errors import CliError, say
from brender.cli.exits import Exit
from brender.cli.signals import as_interrupts, undisturbed
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
parent_option = click.option("--with-parent", is_flag=True, help="End when stdin does.")


@click.command("manager")
@data_option
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at.")
@port_option
@console_option
@no_console_option
@parent_option
def manager_command(
    data: str | None, host: str, port: int, console_port: int | None, no_console: bool, with_parent: bool
) -> None:
    """Run the manager: it holds the farm and decides. Ctrl-C ends it; the workers go on rendering."""
    if with_parent:
        parent.end_with_parent()
    from brender.manager import app

    logging.configure()
    console = None if no_console else _console_port(port, console_port)
    config = app.Config(data=places.data_folder(data), host=host, port=port, console_port=console)
    try:
        with as_interrupts():
            app.run(config)
    except app.CannotStart as error:
        raise CliError(str(error)) from None


def _console_port(port: int, given: int | None) -> int:
    """Who takes any free port for the API takes any for the console too."""
    return given if given is not None else CONSOLE_PORT if port else 0


@click.command("worker")
@click.option("--name", help="What it is called; else this machine's name.")
@click.option("--tag", "tags", multiple=True, help="A label that jobs can ask for; may be given again.")
@click.option("--only-job", type=int, metavar="ID", help="Take tasks of this job alone.")
@click.option("--exit-when-idle", is_flag=True, help="End once there is nothing to render.")
@parent_option
@place_options
def worker_command(
    name: str | None,
    tags: tuple[str, ...],
    only_job: int | None,
    exit_when_idle: bool,
    with_parent: bool,
    manager: str | None,
    data: str | None,
) -> int:
    """Run a worker: it renders for a manager. Ctrl-C ends it, and gives back what it holds."""
    if with_parent:
        parent.end_with_parent()
    from brender.worker import app

    logging.configure()
    return app.run(
        app.Config(
            data=places.data_folder(data),
            manager=manager,
            name=name,
            tags=tags,
            only_job=only_job,
            exit_when_idle=exit_when_idle,
        )
    )


@click.command("up")
@data_option
@port_option
@console_option
@no_console_option
def up_command(data: str | None, port: int, console_port: int | None, no_console: bool) -> Exit:
    """Run a manager and one worker on this machine. Ctrl-C ends both, the worker first."""
    from brender.cli.supervise import Household

    folder = places.data_folder(data)
    _refuse_second(folder)
    house = Household(folder, say)
    with as_interrupts():
        try:
            _run(
                house, port, ["--no-console"] if no_console else [f"--console-port={_console_port(port, console_port)}"]
            )
        except KeyboardInterrupt:
            print("Ending the worker, then the manager.", flush=True)
        finally:
            with undisturbed():
                house.stop()
    return Exit.OK


def _run(house: "Household", port: int, console: list[str]) -> None:
    house.start_manager(port, console)
    client = house.wait_for_manager()
    house.start_worker()
    here = f"The manager is at {client.url}, its data in {house.data}. One worker renders here."
    print(f"{here} Ctrl-C ends both.", flush=True)
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
