# SPDX-License-Identifier: GPL-3.0-or-later
"""The door: who asks, over HTTP and WebSocket alike. What they may do is `guard`'s.

The looks at Host and Origin keep web pages out, also those whose name was made to point at this machine (DNS
rebinding). What is shown and opens nothing is refused, and never taken for nothing.
"""

import ipaddress
import os
import re
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from brender.core.nouns import TokenKind
from brender.core.rights import LOCAL, LOCAL_LOOKS, NOBODY, Principal
from brender.core.views import ErrorBody, Problem
from brender.manager.errors import REASONS
from brender.manager.guard import CLOSED
from brender.manager.people import Denied, People, csrf
from brender.manager.reach import DIRECT, Reach, as_reached, values
from brender.tls.addresses import is_loopback

SHORTEST = 32  # characters of a token

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(?::([0-9]{1,5}))?")


class AuthError(Exception):
    """Why the manager does not open its door: a sentence for who started it."""


def refuse_open_address(host: str, *, tls: bool = False) -> None:
    """Raises AuthError for an address that other machines could reach, where there is no TLS."""
    if not tls and not is_loopback(host):
        raise AuthError(
            f"The manager does not listen on {host} in the clear: without TLS it serves this machine alone. "
            "Use 127.0.0.1, ::1 or localhost, or let it have its certificate (--tls)."
        )


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

COOKIE = "brender_session"
SECURE_COOKIE = "__Host-brender_session"  # over TLS: a browser keeps it for this very host alone
CSRF = "X-Brender-CSRF"
SAFE = ("GET", "HEAD", "OPTIONS")

Headers = list[tuple[bytes, bytes]]


class Refused(msgspec.Struct, frozen=True):
    """Why a request goes no further, and its HTTP status."""

    status: int
    problem: Problem
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Door:
    """Stands before the whole application, so that nothing of it can be reached without passing.

    `scope["state"]` has from here on `principal`, and `csrf` where it came with a session's cookie.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        open_paths: Collection[str],
        people: People,
        reach: Reach = DIRECT,
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._open_paths = open_paths
        self._people = people
        self._reach = reach
        self._names = reach.names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        asked: Any = as_reached(dict(scope), self._reach)
        if asked["type"] not in ("http", "websocket"):
            await self._app(asked, receive, send)
        elif (refused := self.refusal(asked)) is None:
            await self._app(asked, receive, _in_words(asked, send) if asked["type"] == "websocket" else send)
        elif asked["type"] == "websocket":
            await receive()
            await _refuse_socket(asked, send, refused)
        else:
            await _answer(send, "http", refused)

    def refusal(self, scope: dict[str, Any]) -> Refused | None:
        """Why not, or None, and who it is stands in the scope."""
        headers: Headers = list(scope["headers"])
        scope["state"] = {**scope.get("state", {}), "principal": NOBODY, "csrf": ""}
        return (
            self._foreign_host(headers, scope)
            or self._foreign_origin(headers, scope)
            or (self._shown(scope, headers) if values(headers, b"authorization") else self._cookie(scope, headers))
        )

    # --- who is it? --------------------------------------------------------------------------------------------

    def _shown(self, scope: dict[str, Any], headers: Headers) -> Refused | None:
        given = values(headers, b"authorization")
        scheme, _, credentials = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        credentials = credentials.strip()
        if scheme.lower() != b"bearer" or not credentials:
            return _unknown("This wants one header `Authorization: Bearer`, with a token.")
        try:
            scope["state"]["principal"] = self.principal(credentials, scope.get("client"))
        except Denied as denied:
            return _unknown(denied.message)
        return None

    def principal(self, credentials: bytes, client: tuple[str, int] | None) -> Principal:
        """Whose token this is: the data folder's, an account's, or the key of a worker. Raises `Denied`."""
        if secrets.compare_digest(credentials, self._token):
            if client is None or not is_loopback(client[0]):
                raise Denied("The data folder's token is for the manager's own machine: `brender login` elsewhere.")
            return LOCAL_LOOKS if self._people.logins else LOCAL
        text = credentials.decode("latin-1")
        if "." in text:
            return self._people.principal(text)
        if worker := self._people.worker(text):
            return Principal(name="", worker=worker)
        raise Denied("This opens nothing here: no token of this farm, and no key of a worker that it knows.")

    def _cookie(self, scope: dict[str, Any], headers: Headers) -> Refused | None:
        """A browser that has logged in. What wants nothing, such as to log in, is not held up by an old cookie."""
        name = SECURE_COOKIE if is_tls(scope) else COOKIE
        texts = set(_cookies(headers, name))
        try:
            if len(texts) > 1:
                raise Denied("There are several sessions in this request: log in again.")
            for text in texts:
                scope["state"] |= {"principal": self._people.principal(text, TokenKind.SESSION), "csrf": csrf(text)}
        except Denied as denied:
            return None if self._is_open(scope) else _unknown(denied.message, (b"set-cookie", _ended(name)))
        if not texts:
            return None if self._is_open(scope) else _unknown(_WANTED)
        return self._forged(scope, headers)

    def _forged(self, scope: dict[str, Any], headers: Headers) -> Refused | None:
        """A cookie comes along by itself, also with what another page asks."""
        if scope["type"] == "http" and scope["method"] in SAFE:
            return None
        given, wanted = values(headers, CSRF.lower().encode()), scope["state"]["csrf"].encode()
        if len(given) == 1 and secrets.compare_digest(given[0], wanted):
            return None
        text = f"Who is logged in by a cookie sends along the header {CSRF}, with what `GET /api/v1/me` says."
        return Refused(403, Problem(message=text, reason="forbidden", where=CSRF))

    def _is_open(self, scope: dict[str, Any]) -> bool:
        return scope["type"] == "http" and scope["path"] in self._open_paths

    # --- from where? -------------------------------------------------------------------------------------------

    def _foreign_host(self, headers: Headers, scope: dict[str, Any]) -> Refused | None:
        given = values(headers, b"host")
        found = _HOST.fullmatch(given[0].decode("latin-1")) if len(given) == 1 else None
        port = scope["server"][1] if scope["server"] else None
        if found and found[1].lower() in self._names:
            return None  # at any port: a proxy may stand before it
        if found and _is_own(found[1]) and int(found[2] or (443 if is_tls(scope) else 80)) == port:
            return None
        text = (
            f"The manager answers to its addresses, localhost:{port} and the names that it was given "
            "(Host was another)."
        )
        return Refused(403, Problem(message=text, reason="forbidden", where="Host"))

    def _foreign_origin(self, headers: Headers, scope: dict[str, Any]) -> Refused | None:
        host = values(headers, b"host")[0].lower()
        own = [(b"https://" if is_tls(scope) else b"http://") + host]
        if host.partition(b":")[0].decode("latin-1") in self._names:
            own.append(b"https://" + host)  # TLS may end at a proxy
        if all(origin.lower() in own for origin in values(headers, b"origin")):
            return None
        text = "A page from elsewhere may not talk to the manager (Origin is another than Host)."
        return Refused(403, Problem(message=text, reason="forbidden", where="Origin"))


_WANTED = (
    "This wants a token (Authorization: Bearer): your own, from `brender login`, or on the manager's machine what "
    "`token` in its data folder holds."
)


def _unknown(text: str, *headers: tuple[bytes, bytes]) -> Refused:
    challenge = (b"www-authenticate", b"Bearer")
    return Refused(401, Problem(message=text, reason="unauthorized", where="Authorization"), (challenge, *headers))


def is_tls(scope: Any) -> bool:
    """Whether whoever asks speaks TLS, with the manager or with a proxy before it."""
    return scope.get("scheme") in ("https", "wss")


def _is_own(name: str) -> bool:
    """A loopback name, or an address: those cannot be made to point elsewhere."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.lower() == "localhost"
    return True


# --- cookies -----------------------------------------------------------------------------------------------------


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    for value in values(headers, b"cookie"):
        for pair in value.decode("latin-1").split(";"):
            key, _, text = pair.strip().partition("=")
            if key == name and text:
                yield text


def cookie(text: str, lives_s: float, tls: bool) -> str:
    """A session's, for `Set-Cookie`: no script reads it, and no page from elsewhere makes the browser send it."""
    name, secure = (SECURE_COOKIE, "; Secure") if tls else (COOKIE, "")
    return f"{name}={text}; Max-Age={lives_s:.0f}; Path=/; HttpOnly; SameSite=Strict{secure}"


def _ended(name: str) -> bytes:
    return cookie("", 0, name == SECURE_COOKIE).encode()


# --- answers -----------------------------------------------------------------------------------------------------


def _in_words(scope: dict[str, Any], send: Send) -> Send:
    """A WebSocket that the guard refuses is answered as one that is refused here."""

    async def sending(message: Any) -> None:
        code = message.get("code", 0) - CLOSED
        if message["type"] == "websocket.close" and code in REASONS:
            await _refuse_socket(scope, send, Refused(code, Problem(message=message["reason"], reason=REASONS[code])))
        else:
            await send(message)

    return sending


async def _refuse_socket(scope: dict[str, Any], send: Send, refused: Refused) -> None:
    """Before it is accepted; in words where the server can say them."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await _answer(send, "websocket.http", refused)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": refused.problem.reason})


async def _answer(send: Send, kind: str, refused: Refused) -> None:
    body = msgspec.json.encode(ErrorBody(error=refused.problem))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *refused.headers]
    start: Any = {"type": f"{kind}.response.start", "status": refused.status, "headers": headers}
    end: Any = {"type": f"{kind}.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)
