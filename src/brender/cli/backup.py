# SPDX-License-Identifier: GPL-3.0-or-later
"""`brender backup FILE`: the farm's database, copied while the manager runs."""

from pathlib import Path

import click

from brender.cli import show
from brender.cli.errors import CliError
from brender.client import places


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--data", metavar="FOLDER", help="The data folder; else BRENDER_DATA, else the user's.")
def backup_command(file: Path, data: str | None) -> None:
    """Copy the farm's database to a file while the manager runs.

    It holds jobs, frames' records, workers, people and settings. What else is to be kept: docs/install.md.
    """
    from brender.manager import app

    try:
        size = app.backup(places.data_folder(data), file)
    except app.CannotStart as error:
        raise CliError(str(error)) from None
    print(f"{file} holds the farm as it was just now ({show.size(size)}).")
