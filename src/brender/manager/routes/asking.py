# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks over HTTP, for the audit log. Whoever has the data folder's token is believed on their name: it is this
machine's user, or their CLI. All others are who their account says.
"""

from typing import Any
from urllib.parse import unquote

from litestar import Request

from brender.core.commands import By
from brender.manager.guard import principal

DOOR, USER = "X-Brender-Door", "X-Brender-User"
LONGEST = 64  # characters of a name

_DOORS = ("cli",)  # what a client may say that it is; all else is "http"


def asker(request: Request[Any, Any, Any]) -> By:
    """From the headers and the address."""
    door, who = request.headers.get(DOOR, "").lower(), principal(request.scope)
    return By(
        who=who.name or (_clean(request.headers.get(USER, "")) if who.local else "") or "unknown",
        door=door if door in _DOORS else "http",
        origin=request.client.host if request.client else "",
        principal=who,
    )


def _clean(name: str) -> str:
    """As the header has it (percent-encoded UTF-8), without what would not be a name on a line."""
    return "".join(c for c in unquote(name[: LONGEST * 12]) if c.isprintable()).strip()[:LONGEST]
