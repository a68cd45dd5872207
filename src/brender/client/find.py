# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a manager: the one that is named, else the data folder's, if it is alive.

The data folder's file may be left over from a manager that was killed, and another program may have its port by now:
only an answer with the same boot counts.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from brender.client import places
from brender.client.api import Client
from brender.client.errors import ApiError, TooSlow

ALIVE_S = 5.0  # how long a manager may take to say that it is there


def named_manager(url: str, data: Path, environ: Mapping[str, str] = os.environ) -> Client:
    """A manager that was asked for by its address. Raises `ApiError` where it does not answer."""
    client = Client(_with_scheme(url), places.token(data, environ))
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
    client = Client(said.url, places.token(data, environ))
    try:
        if client.farm(ALIVE_S).boot == said.boot:
            return client
    except TooSlow:
        client.close()
        raise
    except ApiError:
        pass  # nobody has the port any more, or somebody else
    client.close()
    return None


def find_manager(manager: str | None, data: Path, environ: Mapping[str, str] = os.environ) -> Client | None:
    """The manager to ask: the given address, else BRENDER_MANAGER, else the data folder's; None: none is known."""
    url = manager or environ.get(places.MANAGER)
    return named_manager(url, data, environ) if url else local_manager(data, environ)


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"
