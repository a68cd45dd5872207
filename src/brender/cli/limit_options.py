# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender worker`'s options that hold what it renders to limits: another user, memory, processes, files, no Python."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from brender.cli.errors import CliError

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--no-scripts", is_flag=True, help="Take no job that asks for Python of its own to run, and let none run."
    ),
    click.option("--run-as", "user", metavar="USER", help="Render as this user; wants a worker started by root."),
    click.option(
        "--limit-memory",
        "memory_gb",
        type=click.FloatRange(0.1),
        metavar="GB",
        help="The most that Blender, with all it starts, may take (Linux).",
    ),
    click.option(
        "--limit-processes",
        "processes",
        type=click.IntRange(1),
        metavar="N",
        help="The most processes, threads among them, that the rendering user may have.",
    ),
    click.option(
        "--limit-files", "files", type=click.IntRange(16), metavar="N", help="The most files open in one process."
    ),
)


def limit_options(command: Command) -> Command:
    """All of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def limited(given: dict[str, Any]) -> Any:
    """What was asked for, once it is known that it can be had."""
    from brender.worker import app

    try:
        return app.limits(**given)
    except app.CannotConfineError as error:
        raise CliError(str(error)) from None
