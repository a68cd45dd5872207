# SPDX-License-Identifier: GPL-3.0-or-later
"""Lowers its own limits for good, becomes the user that renders, and then the program behind `--`.

A script of its own, not a part of the worker: it imports nothing of brender, and runs no line of it as that user.
"""

import os
import resource
import sys


def main(arguments: list[str]) -> None:
    """`[--data=BYTES] [--processes=N] [--files=N] [--groups=GID,GID --group=GID --user=UID] -- PROGRAM ARGUMENT...`.

    With `--look FOLDER` instead of a program it says whether that user can read it.
    """
    while arguments and "=" in arguments[0]:
        name, _, value = arguments.pop(0).partition("=")
        _set(name, value)
    _lower(resource.RLIMIT_CORE, 0)  # a core dump is a copy of the scene
    what, *rest = arguments
    if what == "--look":
        _look(*rest)
    else:
        os.execvp(rest[0], rest)  # noqa: S606  an argument list


_LIMITS = {
    "--data": resource.RLIMIT_DATA,  # private writable memory that is claimed; on Linux
    "--processes": resource.RLIMIT_NPROC,
    "--files": resource.RLIMIT_NOFILE,
}


def _set(name: str, value: str) -> None:
    if name == "--groups":
        os.setgroups([int(group) for group in value.split(",")])
    elif name == "--group":
        os.setresgid(int(value), int(value), int(value))
    elif name == "--user":
        os.setresuid(int(value), int(value), int(value))
        os.umask(0o007)  # frames are its own and its group's
    else:
        _lower(_LIMITS[name], int(value))


def _lower(limit: int, value: int) -> None:
    """Soft and hard; a hard limit that is lower already stays."""
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))


def _look(folder: str) -> None:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208  no more is imported than must be
        if name.endswith(".py"):
            with open(os.path.join(folder, name), "rb"):  # noqa: PTH118, PTH123
                pass


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"{error.filename or 'it'}: {error.strerror}")
