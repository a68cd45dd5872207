# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining, as a person sees it: the line to paste on another machine, and where a worker takes it from."""

import os
import sys
import time

import click

from brender.cli import show
from brender.cli.connect import Place, json_option, place_options
from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.client.api import Client
from brender.client.errors import ApiError
from brender.core.joinviews import DAY_H, JoinTokenView

JOIN = "BRENDER_JOIN"
LONGEST = 8192  # characters that are read of stdin


@click.command("join")
@click.option(
    "--uses", type=click.IntRange(1, 100_000), metavar="N", help="How many machines may join; else any number."
)
@click.option("--hours", type=click.FloatRange(0.01), default=DAY_H, show_default=True, metavar="H", help="How long.")
@click.option("--note", default="", metavar="TEXT", help="What it is for, to be found again.")
@json_option
@place_options
def join_command(
    uses: int | None, hours: float, note: str, as_json: bool, manager: str | None, data: str | None
) -> None:
    """Make a token with which other machines become workers, and print the line to paste there.

    It is shown this once. `brender tokens` lists what there is, and `brender tokens revoke ID` ends it.
    """
    with Place.of(manager, data).connect() as client:
        made = client.make_join_token(uses, hours, note)
    if as_json:
        show.print_json(made)
    else:
        print(line(made))


def line(made: JoinTokenView) -> str:
    """What is pasted, and above it what it is good for."""
    many = (
        "any number of machines" if made.uses is None else "one machine" if made.uses == 1 else f"{made.uses} machines"
    )
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.expires_at))
    return f"To render on another machine, run this there (for {many}, until {until}):\n  {pasted(made.text)}"


def pasted(text: str) -> str:
    """The one line."""
    return f"brender worker --join {text}"


def invitation(client: Client) -> str:
    """The line for who has just started a manager; or where to get it."""
    try:
        return line(client.make_join_token(None, DAY_H, "made at a start"))
    except ApiError:  # people log in here: this command has no right to let machines in
        return "An admin makes the line with which another machine joins: `brender tokens join`."


def taken(given: str | None, with_parent: bool) -> str | None:
    """A token from the command line, from BRENDER_JOIN, or with "-" from stdin. It is not left in the environment,
    where what is rendered could read it.
    """
    text = given or os.environ.get(JOIN)
    os.environ.pop(JOIN, None)
    if text != "-":
        return text or None
    if with_parent:
        raise CliError("With --with-parent there is no token on stdin: use BRENDER_JOIN.", Exit.USAGE)
    if sys.stdin.isatty():
        print("Paste the join token, and press Enter:", file=sys.stderr, flush=True)
    return sys.stdin.readline(LONGEST).strip().removeprefix("brender worker --join").strip()
