# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender render FILE [Blender's arguments]` and `brender attach ID`.

Where a manager with workers is known, the job goes there; else this machine renders it, and nothing is left running.
"""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click
from msgspec.structs import replace

from brender.cli import blender_args, blender_options, news, show
from brender.cli.blender_args import RenderArguments
from brender.cli.connect import Place, place_options
from brender.cli.errors import CliError
from brender.cli.exits import Exit, listed
from brender.cli.home import folder_of, is_here
from brender.cli.quoting import command_line, going_on, program
from brender.cli.signals import as_interrupts
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.nouns import Connection, JobState, Wish
from brender.core.views import JobView


class RawCommand(click.Command):
    """Takes its arguments as they are: they are Blender's, where the order has a meaning."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Only a wish for help is click's."""
        if not args or blender_args.wants_help(args):
            click.echo(f"{blender_options.help_text()}\n{listed()}")
            ctx.exit(Exit.OK if args else Exit.USAGE)
        ctx.args = list(args)
        return []


@click.command("render", cls=RawCommand, options_metavar="FILE.blend [OPTIONS]")
@click.pass_context
def render_command(ctx: click.Context) -> Exit:
    """Render a .blend with Blender's own arguments."""
    return render(ctx.args)


@click.command("attach")
@click.argument("job", metavar="ID", type=int)
@place_options
def attach_command(job: int, manager: str | None, data: str | None) -> Exit:
    """Follow a job until it ends. Ctrl-C leaves it, and the job goes on."""
    place = Place.of(manager, data)
    with as_interrupts(), place.connect() as client:
        view = client.job(job)
        folder = folder_of(view)
        if folder is not None and not is_here(folder):
            print(f"The frames stay with the manager: brender fetch {job} --to FOLDER brings them here.", flush=True)
            view = replace(view, home="")
        return _attached(place, client, view)


def render(arguments: Sequence[str]) -> Exit:
    """Render what the arguments say, and give the exit code."""
    try:
        return _render(blender_args.parse(arguments, str(Path.cwd())), arguments)
    except blender_args.ArgumentsError as error:
        raise click.UsageError(f"{str(error).rstrip('.')}.") from None
    except ApiError as error:
        if error.reason != "nothing_to_do":
            raise
        print(error.message)
        return Exit.OK


def _render(wanted: RenderArguments, arguments: Sequence[str]) -> Exit:
    place = Place.of(wanted.manager, wanted.data)
    with as_interrupts():
        client = place.known()
        if wanted.detach:
            return _detached(wanted, place, client)
        if client is not None and (_is_named(place) or _has_workers(client)):
            return _on_the_farm(wanted, place, client)
        return _here(wanted, arguments, place, client)


def _detached(wanted: RenderArguments, place: Place, client: Client | None) -> Exit:
    from brender.cli.carry import farm_request

    if client is None:
        message = "--detach leaves the job to a running manager, and there is none. Start one with `brender up`."
        raise CliError(message, Exit.NO_MANAGER)
    with client:
        print(client.submit(farm_request(wanted, place, client, quiet=True)).id)
    return Exit.OK


def _on_the_farm(wanted: RenderArguments, place: Place, client: Client) -> Exit:
    from brender.cli.carry import farm_request

    with client:
        return _attached(place, client, client.submit(farm_request(wanted, place, client)), wanted.sheet)


def _attached(place: Place, client: Client, job: JobView, sheet: str | None = None) -> Exit:
    from brender.cli.follow import Line, follow
    from brender.cli.home import Home, Shown
    from brender.cli.screen import screen

    again = command_line([*program(), "attach", str(job.id), *place.given])
    folder = folder_of(job)
    home = Home(place, job, folder) if folder is not None else None
    try:
        with home or nullcontext():
            with screen() as shown:
                told = shown if home is None else Shown(shown, home)
                view = follow(Line(place, client), job.id, told, lambda: None)
            if home is not None:
                home.finish()
                view = home.seen(view)
    except KeyboardInterrupt:
        there = "" if home is None else f"\n{show.frames(home.brought)} of it are at home; the others wait for you."
        print(f"\nJob {job.id} goes on, to {job.outputs}{there}\nTo follow it again: {again}", flush=True)
        return Exit.INTERRUPTED
    if view.state is JobState.PAUSED:
        print(f"`brender resume {job.id}` lets it go on. To follow it again: {again}")
    return _over(view, client, sheet)


def _here(wanted: RenderArguments, arguments: Sequence[str], place: Place, client: Client | None) -> Exit:
    from brender.cli.local import LocalRun, describe_stop
    from brender.cli.request import job_request
    from brender.cli.screen import screen, waiting

    run = LocalRun(place, client)
    try:
        with run:
            with waiting("Starting a manager on this machine"):
                run.submit(job_request(wanted, place.data))
            with screen() as shown:
                view = run.follow(shown)
            return _over(view, run.client, wanted.sheet)
    except KeyboardInterrupt:
        describe_stop(run, command_line([*program(), "render", *going_on(arguments)]))
        return Exit.INTERRUPTED


def _over(job: JobView, client: Client, sheet: str | None) -> Exit:
    from brender.cli.sheet import write_sheet

    if sheet:
        write_sheet(client, job.id, Path(sheet))
    print("\n".join(news.ending(job)), flush=True)
    return news.exit_of(job)


def _is_named(place: Place) -> bool:
    from brender.client import places

    return bool(place.manager or os.environ.get(places.MANAGER))


def _has_workers(client: Client) -> bool:
    # those of other local runs take nothing but their own job
    workers = client.workers().workers
    return any(w.connection is Connection.ONLINE and w.wish is Wish.ENABLED and w.only_job is None for w in workers)
