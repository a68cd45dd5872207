# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a manager listens, and how it is known to other machines: the options of `up` and `manager`."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from brender.tls.addresses import is_loopback

LOOPBACK = "127.0.0.1"

_OPTIONS = (
    click.option(
        "--listen",
        "--host",
        "host",
        default=LOOPBACK,
        show_default=True,
        metavar="ADDRESS",
        help="The address to listen at; 0.0.0.0: all of this machine. Other machines are spoken to with TLS alone.",
    ),
    click.option("--tls", is_flag=True, help="TLS on a loopback address, too."),
    click.option(
        "--cert",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="A certificate of one's own (PEM); else one is made in the data folder. With --key.",
    ),
    click.option("--key", metavar="FILE", type=click.Path(path_type=Path), help="The key of --cert (PEM)."),
    click.option(
        "--public-url",
        "public",
        metavar="URL",
        default="",
        help="How others reach it, through a reverse proxy on this machine or by the name in --cert: https://NAME.",
    ),
    click.option("--no-announce", is_flag=True, help="Do not say in the local network (mDNS) that a manager is here."),
)
_NAMES = ("host", "tls", "cert", "key", "public", "no_announce")


def tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command all of them, as one keyword, `secure`."""

    @functools.wraps(command)
    def packed(**given: Any) -> Any:
        secure = {name: given.pop(name) for name in _NAMES}
        return command(secure=secure, **given)

    for option in reversed(_OPTIONS):
        packed = option(packed)
    return packed


def secured(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the manager's `Secure`."""
    fields = {name: value for name, value in given.items() if name not in ("host", "no_announce")}
    return fields | {"announce": not given["no_announce"]}


def is_for_others(given: Mapping[str, Any]) -> bool:
    """Whether other machines are to reach the manager."""
    return bool(given["tls"] or given["public"] or not is_loopback(given["host"]))


def tls_arguments(given: Mapping[str, Any]) -> list[str]:
    """The same again, for a manager that is started."""
    said = [f"--listen={given['host']}"]
    said += [f"--{name}={given[name].absolute()}" for name in ("cert", "key") if given[name]]
    said += [f"--public-url={given['public']}"] if given["public"] else []
    return said + [f"--{name.replace('_', '-')}" for name in ("tls", "no_announce") if given[name]]
