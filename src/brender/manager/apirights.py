# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API's document says of who may do what: the right of each operation, and what is answered without it."""

import re
from typing import Any

from litestar import Litestar

from brender.core.rights import Act, Right
from brender.manager.auth import COOKIE, CSRF
from brender.manager.errors import DOCUMENTED
from brender.manager.guard import handlers

Document = dict[str, Any]

SCHEMES: Document = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token (`POST /tokens`, `brender login`); on the manager's machine what the file `token` "
        "in its data folder holds; of a worker its own key.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Of a browser, from `POST /login`, for twelve hours. Over TLS its name begins with `__Host-`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF,
        "description": "Goes along with the cookie, with all but GET and HEAD: `csrf` of `POST /login` and `GET /me`.",
    },
}
SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": [], "csrf": []}]


def add(found: Document, app: Litestar) -> None:
    """To the document, by what stands with each route."""
    found["components"]["securitySchemes"] = SCHEMES
    found["security"] = SECURITY
    for route, method, handler in handlers(app):
        path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
        if operation := found["paths"].get(path, {}).get(method.lower()):
            _say(operation, handler.opt["right"])


def _say(operation: Document, right: Right | Act) -> None:
    if right is Right.OPEN:
        operation["security"] = []
        return
    wanted = f"the right `{right}`" if isinstance(right, Right) else f"the right to {right} objects of this kind"
    operation["description"] = f"{operation.get('description', '')}\n\nTakes {wanted}.".strip()
    for status in (401, 403):
        body = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}
        operation["responses"].setdefault(str(status), {"description": DOCUMENTED[status], "content": body})
