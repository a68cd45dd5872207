# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that enforces `core.rights` over HTTP: before each route, by the right that stands with it.

`right=` of a handler is a `Right`; or an `Act`, where the path names a kind of object, and that kind says which. A
route that says nothing is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Litestar, WebSocket
from litestar.connection import ASGIConnection
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from litestar.routes import BaseRoute, HTTPRoute, WebSocketRoute

from brender.core import rights
from brender.core.kinds import right_of
from brender.core.rights import NOBODY, Act, Principal, Right
from brender.manager.errors import Wrong

CLOSED = 4000  # and the HTTP status: the code with which a WebSocket that is refused is closed


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raises `Wrong`, or for a WebSocket its like, where whoever asks may not.

    It is a coroutine, as Litestar would call a function in a thread.
    """
    who = principal(connection.scope)
    if connection.scope.get("method") == "OPTIONS":  # Litestar's own: which methods there are
        return
    reason = refusal(who, handler.opt, connection.scope["path_params"])
    if reason is None:
        return
    status = 401 if who == NOBODY else 403
    if isinstance(connection, WebSocket):
        raise WebSocketException(detail=reason, code=CLOSED + status)
    raise Wrong(status, reason, "Authorization")


def principal(scope: Any) -> Principal:
    """Who the door found this to be."""
    found: Principal = scope["state"]["principal"]
    return found


def refusal(who: Principal, opt: Mapping[str, Any], path: Mapping[str, Any]) -> str | None:
    """Why this one may not use a route, or None."""
    wanted = opt.get("right")
    if isinstance(wanted, Act):
        wanted = right_of(wanted, str(path["kind"]))
    if not isinstance(wanted, Right):
        return "Nobody may use this: it says no right of its own. That is a mistake in the manager; please report it."
    return rights.refusal(who, wanted)


def handlers(app: Litestar) -> Iterator[tuple[BaseRoute, str, BaseRouteHandler]]:
    """Every route of an application with a method of it ("" for a WebSocket) and what answers that."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS":
                    yield route, method, handler
        elif isinstance(route, WebSocketRoute):
            yield route, "", route.route_handler


def open_paths(app: Litestar) -> frozenset[str]:
    """The paths that want nothing, as they are. One with something in it is not among them: it wants a credential."""
    each = ((route.path, handler) for route, _, handler in handlers(app) if not route.path_parameters)
    return frozenset(path for path, handler in each if handler.opt.get("right") is Right.OPEN)
