# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a manager keeps content and frames, on the command line and in the environment. No secret is ever here: a file
of credentials is named.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

_OPTIONS = (
    click.option(
        "--storage",
        metavar="WHERE",
        envvar="BRENDER_STORAGE",
        default="",
        help="Where content and frames are kept: an absolute folder, or s3://BUCKET/PREFIX; else in the data folder.",
    ),
    click.option(
        "--storage-endpoint",
        metavar="URL",
        envvar="BRENDER_STORAGE_ENDPOINT",
        default="",
        help="The address of an S3-compatible store; with {bucket} in it, the bucket is part of the host's name.",
    ),
    click.option(
        "--storage-region", metavar="NAME", envvar="BRENDER_STORAGE_REGION", default="", help="The bucket's region."
    ),
    click.option(
        "--storage-credentials",
        metavar="FILE",
        envvar="BRENDER_STORAGE_CREDENTIALS",
        type=click.Path(path_type=Path),
        help="A file such as ~/.aws/credentials, of mode 0600; else what AWS' own programs would take.",
    ),
)


def storage_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command all of them, as keywords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the manager's `Choice`."""
    return {name.removeprefix("storage_"): value for name, value in given.items()}


def arguments(given: Mapping[str, Any]) -> list[str]:
    """The same again, for a manager that is started."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value]
