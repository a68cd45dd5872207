# SPDX-License-Identifier: GPL-3.0-or-later
"""The door: who may talk to the manager at all, over HTTP and WebSocket alike.

A token that only this user can read keeps other users out; the looks at Host and Origin keep web pages out, also those
whose name was made to point at this machine (DNS rebinding). To listen beyond this machine wants TLS, and comes later.
"""

import ipaddress
import os
import re
import secrets
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from brender.core.views import ErrorBody, Problem

SHORTEST = 32  # characters of a token

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(?::([0-9]{1,5}))?")


class AuthError(Exception):
    """Why the manager does not open its door: a sentence for who started it."""


def refuse_open_address(host: str) -> None:
    """Raises AuthError for an address that other machines could reach."""
    if not _is_loopback(host):
        raise AuthError(
            f"The manager does not listen on {host}: so far it serves this machine alone. "
            "Use 127.0.0.1, ::1 or localhost."
        )


def _is_loopback(name: str) -> bool:
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


# --- the token ---------------------------------------------------------------------------------------------------


def token(data: Path) -> str:
    """The data folder's token, made at the first start. Raises AuthError where it is of no use as one."""
    path = data / "token"
    if not path.exists():
        _make(path)
    if os.name != "nt" and path.stat().st_mode & 0o077:
        raise AuthError(f"Other users can read {path}. Remove it, and the next start makes a new one.")
    found = path.read_text("ascii", "replace").strip()
    if len(found) < SHORTEST:
        raise AuthError(f"What {path} holds is too short for a token. Remove it, and the next start makes a new one.")
    return found


def _make(path: Path) -> None:
    """There whole or not at all, and never readable by others. The data folder's lock is held."""
    part = path.with_name(f"token.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


# --- each request ------------------------------------------------------------------------------------------------


class Refused(msgspec.Struct, frozen=True):
    """Why a request goes no further, and its HTTP status."""

    status: int
    problem: Problem


class Door:
    """Stands before the whole application, so that nothing of it can be reached without passing."""

    def __init__(self, app: ASGIApp, token: str, open_paths: Collection[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        asked: Any = scope
        if asked["type"] not in ("http", "websocket") or (refused := self.refusal(asked)) is None:
            await self._app(scope, receive, send)
        elif asked["type"] == "websocket":
            await _refuse_socket(asked, receive, send, refused)
        else:
            await _answer(send, "http", refused)

    def refusal(self, scope: dict[str, Any]) -> Refused | None:
        """Why not, or None."""
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        return (
            _foreign_host(headers, scope["server"])
            or _foreign_origin(headers)
            or (None if self._is_open(scope) else self._without_token(headers))
        )

    def _is_open(self, scope: dict[str, Any]) -> bool:
        return scope["type"] == "http" and scope["path"] in self._open_paths

    def _without_token(self, headers: Iterable[tuple[bytes, bytes]]) -> Refused | None:
        given = _values(headers, b"authorization")
        scheme, _, credentials = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        if scheme.lower() == b"bearer" and secrets.compare_digest(credentials.strip(), self._token):
            return None
        text = "This wants the manager's token: Authorization: Bearer, and what `token` in its data folder holds."
        return Refused(401, Problem(message=text, reason="unauthorized", where="Authorization"))


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


def _foreign_host(headers: Iterable[tuple[bytes, bytes]], server: tuple[str, int] | None) -> Refused | None:
    given = _values(headers, b"host")
    found = _HOST.fullmatch(given[0].decode("latin-1")) if len(given) == 1 else None
    port = server[1] if server else None
    if found and _is_loopback(found[1]) and int(found[2] or 80) == port:
        return None
    text = f"The manager answers to this machine's own names alone, such as localhost:{port} (Host was another)."
    return Refused(403, Problem(message=text, reason="forbidden", where="Host"))


def _foreign_origin(headers: Iterable[tuple[bytes, bytes]]) -> Refused | None:
    host = _values(headers, b"host")
    if all(origin.lower() == b"http://" + host[0].lower() for origin in _values(headers, b"origin")):
        return None
    text = "A page from elsewhere may not talk to the manager (Origin is another than Host)."
    return Refused(403, Problem(message=text, reason="forbidden", where="Origin"))


async def _refuse_socket(scope: dict[str, Any], receive: Receive, send: Send, refused: Refused) -> None:
    """Before it is accepted; in words where the server can say them."""
    await receive()
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await _answer(send, "websocket.http", refused)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refused.problem.reason})


async def _answer(send: Send, kind: str, refused: Refused) -> None:
    body = msgspec.json.encode(ErrorBody(error=refused.problem))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    start: Any = {"type": f"{kind}.response.start", "status": refused.status, "headers": headers}
    end: Any = {"type": f"{kind}.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)
