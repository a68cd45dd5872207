# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender workers | enable | disable | drain`: who renders, and who shall."""

import click

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.objects import complete_word, say_changed
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
    def command(
        filters: tuple[str, ...], as_json: bool, manager: str | None, data: str | None, now: bool = False
    ) -> None:
        with Place.of(manager, data).connect() as client:
            changed = client.wish(filters, name, now)
        if as_json:
            show.print_json(changed)
        else:
            say_changed(changed, "worker", done)

    which = click.argument("filters", metavar="FILTER...", nargs=-1, shell_complete=complete_word)
    decorated = place_options(json_option(which(command)))
    if has_now:
        decorated = click.option("--now", is_flag=True, help="Give back what they are rendering, too.")(decorated)
    return click.command(name, help=text + _FILTERS)(decorated)


_FILTERS = """

Which: names, globs, words such as idle or offline, attr=value, comparisons, all. Quote what the shell would take.

brender drain 'farm*' idle 'cores>=8'
"""

enable_command = _command("enable", "Let workers take work again.", "enabled", False)
disable_command = _command("disable", "Let workers take no work.", "disabled", True)
drain_command = _command("drain", "Let workers finish what they hold, and no more.", "draining", False)


@click.command("kill")
@click.argument("words", metavar="FILTER... | JOB/STEP/INDEX...", nargs=-1, required=True, shell_complete=complete_word)
@json_option
@place_options
def kill_command(words: tuple[str, ...], as_json: bool, manager: str | None, data: str | None) -> None:
    """End what workers render, or the runs of tasks, processes and all. The tasks are rendered again."""
    tasks = [word for word in words if "/" in word]
    if tasks and len(tasks) < len(words):
        raise click.UsageError("Name workers, or tasks, not both at once.")
    with Place.of(manager, data).connect() as client:
        done = client.kill_tasks(tasks) if tasks else client.order(words, "kill")
    if as_json:
        return show.print_json(done)
    return say_changed(done, "task", "ended; ready again once the workers say so")


@click.command("ping")
@click.argument("worker", metavar="WORKER")
@json_option
@place_options
def ping_command(worker: str, as_json: bool, manager: str | None, data: str | None) -> None:
    """Ask a worker whether it listens, and how long its answer takes."""
    with Place.of(manager, data).connect() as client:
        pong = client.ping(worker)
    if as_json:
        return show.print_json(pong)
    print(f"{show.plain(pong.worker)} has answered after {1000 * pong.after_s:.0f} ms.")
    return None


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
