# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet of a job, brought from the manager into a file."""

from pathlib import Path

from brender.cli.errors import CliError, say
from brender.client.api import Client


def write_sheet(client: Client, job: int, path: Path, columns: int | None = None) -> None:
    """Write the sheet of a job's thumbnails, as a PNG, and say so."""
    sheet = client.sheet(job, columns)
    try:
        path.write_bytes(sheet)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from None
    say(f"The contact sheet of job {job} is {path}.")
