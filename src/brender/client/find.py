# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a manager: the one that is named, else the data folder's, if it is alive.

The data folder's file may be left over from a manager that was killed, and another program may have its port by now:
only an answer with the same boot counts.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from brender.client import logins, places
from brender.client.api import Client
from brender.client.errors import ApiError, TooSlow

ALIVE_S = 5.0  # how long a manager may take to say that it is there


def named_manager(url: str, data: Path, environ: Mapping[str, str] = os.environ) -> Client:
    """A manager that was asked for by its address. Raises `ApiError` where it does not answer."""
    wanted = with_scheme(url)
    token, certificate = credentials(wanted, data, environ)
    client = Client(wanted, token, certificate=certificate)
    try:
        client.farm(ALIVE_S)
    except ApiError:
        client.close()
        raise
    return client


def local_manager(data: Path, environ: Mapping[str, str] = os.environ) -> Client | None:
    """The data folder's manager; None where none is running. Raises `TooSlow` where it hangs."""
    said = places.manager_file(data)
    if said is None:
        return None
    token, certificate = credentials(said.url, data, environ)
    client = Client(said.url, token, certificate=certificate)
    try:
        if client.farm(ALIVE_S).boot == said.boot:
            return client
    except TooSlow:
        client.close()
        raise
    except ApiError as error:  # nobody has the port any more, or somebody else; or what we show is no longer good
        if error.reason == "unauthorized" and token != places.token(data, {}):
            client.close()
            raise
    client.close()
    return None


def find_manager(manager: str | None, data: Path, environ: Mapping[str, str] = os.environ) -> Client | None:
    """The manager to ask: the given address, else BRENDER_MANAGER, else the data folder's; None: none is known."""
    url = manager or environ.get(places.MANAGER)
    return named_manager(url, data, environ) if url else local_manager(data, environ)


def credentials(url: str, data: Path, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """What a manager is shown, and its certificate as PEM ("": it is known by its name).

    Shown is BRENDER_TOKEN, else this user's login there, else the data folder's token, to its own manager alone.
    """
    said, login = places.manager_file(data), logins.of(url, environ)
    is_own = said is not None and logins.key(said.url) == logins.key(url)
    token = environ.get(places.TOKEN) or (login.token if login else places.token(data, environ) if is_own else "")
    if said is not None and is_own:
        return token, said.certificate
    return token, login.certificate if login else ""


def with_scheme(url: str) -> str:
    """As it is meant where only a name and a port are said."""
    return url if "://" in url else f"http://{url}"
