# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command ends badly: with a sentence on stderr and an exit code, never with a traceback.

What nobody expected goes, traceback and all, to a file, and the sentence says where.
"""

import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from brender.cli.exits import Exit
from brender.client.errors import ApiError


class CliError(click.ClickException):
    """A sentence for the person at the terminal, and how the command ends."""

    def __init__(self, message: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(message)
        self.code = code


def guarded(command: Callable[[], object]) -> int:
    """Run a command and give its exit code, whatever happens in it."""
    try:
        result = command()
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else int(Exit.OK)
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, click.Abort):
        say("Interrupted.")
        return Exit.INTERRUPTED
    except click.UsageError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        say(f"Error: {error.format_message()}")
        return error.code if isinstance(error, CliError) else Exit.USAGE
    except ApiError as error:
        say(f"Error: {error.message}")
        return exit_of(error)
    except Exception:
        say(_unexpected())
        return Exit.INTERNAL


def say(line: str) -> None:
    """A line on stderr, if anybody can hear it."""
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def exit_of(error: ApiError) -> Exit:
    """The exit code for a request that was not done."""
    if error.status in (0, 503) or error.reason == "foreign":
        return Exit.NO_MANAGER
    if error.status >= 500:
        return Exit.INTERNAL
    if error.status == 404:
        return Exit.NOT_FOUND
    return Exit.REFUSED


def _reader_gone() -> int:
    # `brender jobs | head`: the reader has what it wanted. stdout must not be flushed again at exit
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.OK


def _unexpected() -> str:
    details = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sys.argv}\n{traceback.format_exc()}"
    what = traceback.format_exception_only(*sys.exc_info()[:2])[-1].strip()
    try:
        handle, name = tempfile.mkstemp(prefix="brender-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(details)
    except OSError:
        return f"Error: a mistake in brender: {what}. (The temporary folder, for the details, cannot be written to.)"
    return f"Error: a mistake in brender: {what}. The details are in {Path(name)}; please report it with that file."
