# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender workers | enable | disable | drain`: who renders, and who shall."""

from collections.abc import Sequence

import click

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.core.views import WorkerAction, WorkerView


@click.command("workers")
@json_option
@place_options
def workers_command(as_json: bool, manager: str | None, data: str | None) -> None:
    """List the workers."""
    with Place.of(manager, data).connect() as client:
        page = client.workers()
    if as_json:
        return show.print_json(page)
    head = ("NAME", "STATE", "JOB", "RENDERING", "CORES", "MEMORY", "TAGS", "BLENDER", "ID")
    show.table(head, [_row(worker) for worker in page.workers], "There are no workers. `brender worker` starts one.")
    return None


def _command(name: WorkerAction, text: str, done: str, has_now: bool) -> click.Command:
    def command(worker: str, manager: str | None, data: str | None, now: bool = False) -> None:
        with Place.of(manager, data).connect() as client:
            chosen = named(client.workers().workers, worker)
            client.set_wish(chosen.id, name, now)
        print(f"{show.plain(chosen.name)} {done}.")

    decorated = place_options(click.argument("worker", metavar="NAME")(command))
    if has_now:
        decorated = click.option("--now", is_flag=True, help="Give back what it is rendering, too.")(decorated)
    return click.command(name, help=text)(decorated)


enable_command = _command("enable", "Let a worker take work again.", "takes work", False)
disable_command = _command("disable", "Let a worker take no work.", "takes no work any more", True)
drain_command = _command("drain", "Let a worker finish what it holds, and no more.", "finishes what it holds", True)


def named(workers: Sequence[WorkerView], wanted: str) -> WorkerView:
    """The worker of that name or id. Raises `CliError` where there is none, or more than one."""
    found = [w for w in workers if w.id == wanted] or [w for w in workers if w.name == wanted]
    if not found:
        known = ", ".join(w.name for w in workers) or "none"
        raise CliError(f"There is no worker {wanted!r}. Known: {known}.", Exit.NOT_FOUND)
    if len(found) > 1:
        raise CliError(f"{len(found)} workers have the name {wanted!r}; take the id: {', '.join(w.id for w in found)}.")
    return found[0]


def _row(worker: WorkerView) -> tuple[str, ...]:
    words = [worker.connection.value, worker.condition.value, worker.wish.value]
    state = " ".join(w for w in words[: 1 if words[0] == "offline" else 2]) + (
        f", {words[2]}" if words[2] != "enabled" else ""
    )
    rendering = ", ".join(str(run.frame) for run in worker.runs) or "-"
    blenders = ", ".join(str(found.blender) for found in worker.blenders) or "none"
    return (
        worker.name, state, str(worker.job or "-"), rendering, str(worker.cores), f"{worker.memory_mb / 1024:.1f} GB",
        ", ".join(worker.tags) or "-", blenders, worker.id,
    )  # fmt: skip
