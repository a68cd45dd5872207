# SPDX-License-Identifier: GPL-3.0-or-later
"""Which manager a command talks to: --manager and --data of every command, and what they lead to."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from brender.cli.errors import CliError
from brender.cli.exits import Exit
from brender.client import find, places
from brender.client.api import Client


@dataclass(frozen=True)
class Place:
    """Where to look for a manager."""

    data: Path
    manager: str | None = None
    given: tuple[str, ...] = ()  # the arguments that lead another command line to the same place

    @staticmethod
    def of(manager: str | None, data: str | None) -> "Place":
        """From what the command line says, or leaves to the environment."""
        said = [("--manager", manager), ("--data", data)]
        given = tuple(word for name, value in said if value for word in (name, value))
        return Place(places.data_folder(data), manager, given)

    @property
    def named(self) -> str | None:
        """The address of a manager that was named, here or in the environment."""
        return self.manager or os.environ.get(places.MANAGER)

    def known(self) -> Client | None:
        """The manager, if one is known and alive."""
        return find.find_manager(self.manager, self.data)

    def running_here(self) -> Client | None:
        """The data folder's own manager, whatever else is named."""
        return find.local_manager(self.data)

    def connect(self) -> Client:
        """The manager, or a sentence that there is none."""
        return self._or_none(self.known())

    def connect_here(self) -> Client:
        """The data folder's own manager, or a sentence that there is none."""
        return self._or_none(self.running_here())

    def _or_none(self, client: Client | None) -> Client:
        if client is None:
            raise CliError(
                f"No manager is running for the data folder {self.data}. Start one with `brender up`, "
                "or name one with --manager or BRENDER_MANAGER.",
                Exit.NO_MANAGER,
            )
        return client


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --manager and --data."""
    manager = click.option(
        "--manager", metavar="URL", help="The manager to ask; else BRENDER_MANAGER, else the data folder's."
    )
    data = click.option("--data", metavar="FOLDER", help="The data folder; else BRENDER_DATA, else the user's.")
    return manager(data(command))


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API gives it.")(command)
