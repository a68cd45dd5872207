# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining a farm: a token is shown once to the manager whose certificate it names, and from then on the worker's own
key is enough. `joined.json` in the worker's folder keeps where that manager is, and how it is known.
"""

import contextlib
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog

from brender.core import jointoken
from brender.core.jointoken import JoinToken
from brender.core.joinviews import JoinedView, JoinRequest
from brender.core.messages import Host
from brender.core.views import ErrorBody
from brender.tls import trust
from brender.worker.durable import write_whole
from brender.worker.identity import Identity

log = structlog.get_logger()

FILE = "joined.json"
WITHIN_S = 10.0

AGAIN = "Get a token there with `brender tokens join`, and start `brender worker --join TOKEN` here."


class CannotJoin(Exception):
    """Why this worker is not of the farm now, in a sentence. `refused`: a manager has said so, or the token is none."""

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """`joined.json`: the manager that this worker has joined. Its key is in `key.json`."""

    urls: tuple[str, ...]  # to be tried one after the other
    certificate: str  # PEM; "": it is known by its name
    name: str  # what the worker is called there


def joined(folder: Path) -> Joined | None:
    """What the folder's worker has joined, if it has."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Joined)
    return None


def join(text: str, identity: Identity, name: str, host: Host) -> Joined:
    """Join with a token's text, and remember it. Raises `CannotJoin`.

    A worker that has joined that manager before, and is not let in by the token now, goes on as it was: a service that
    is started with a token starts with it for ever, also after it has run out.
    """
    try:
        token = jointoken.decode(text)
    except ValueError as error:
        raise CannotJoin(str(error), refused=True) from None
    try:
        made = _join(token, identity, name, host)
    except CannotJoin as error:
        known = joined(identity.folder)
        if known is None or not _is_of(known, token):
            raise
        log.warning("this worker has joined before, and goes on as it was", reason=str(error))
        return known
    write_whole(identity.folder / FILE, msgspec.json.encode(made))
    return made


def _is_of(known: Joined, token: JoinToken) -> bool:
    """Whether a token is for the manager that has been joined already."""
    if known.certificate or token.fingerprint:
        return bool(known.certificate) and trust.fingerprint(known.certificate) == token.fingerprint
    return bool(set(known.urls) & set(token.urls))


def _join(token: JoinToken, identity: Identity, name: str, host: Host) -> Joined:
    asked = JoinRequest(
        token=token.token, key_hash=hashlib.sha256(identity.key.encode()).hexdigest(), name=name, host=host
    )
    reasons: list[str] = []
    for url in token.urls:
        try:
            certificate = _certificate(url, token.fingerprint)
            view = _ask(url, certificate, asked)
        except _NotThere as error:
            reasons.append(str(error))
            continue
        log.info("joined", manager=url, name=view.name)
        urls = (url, *(each for each in token.urls if each != url))
        return Joined(urls=urls, certificate=certificate, name=view.name)
    raise CannotJoin(f"The manager of this join token was not reached: {'; '.join(reasons)}.", refused=False)


class _NotThere(Exception):
    """At this address the manager is not to be had; the message says why, to stand within a sentence."""


def _certificate(url: str, fingerprint: str) -> str:
    """The manager's certificate, as PEM; "" where it is known by its name."""
    if not fingerprint:
        return ""
    host, port = where(url)
    try:
        pem = trust.fetch_certificate(host, port, WITHIN_S)
    except trust.NoCertificate as error:
        raise _NotThere(str(error)) from None
    if (came := trust.fingerprint(pem)) != fingerprint:
        raise _NotThere(trust.mismatch(f"{host}, port {port}", fingerprint, trust.short(came)))
    return pem


def _ask(url: str, certificate: str, asked: JoinRequest) -> JoinedView:
    import httpx

    try:
        with httpx.Client(verify=trust.context_for(certificate), timeout=WITHIN_S, trust_env=False) as http:
            answer = http.post(
                f"{url.rstrip('/')}/api/v1/join",
                content=msgspec.json.encode(asked),
                headers={"Content-Type": "application/json"},
            )
    except httpx.HTTPError as error:
        if trust.is_distrust(error):
            raise _NotThere(trust.distrust(*where(url), certificate)) from None
        raise _NotThere(f"nobody answers at {url} ({error})") from None
    if answer.status_code in (403, 409, 422, 429):
        raise CannotJoin(said(answer.content) or f"The manager at {url} refuses this worker.", refused=True)
    try:
        if answer.is_success:
            return msgspec.json.decode(answer.content, type=JoinedView)
    except msgspec.MsgspecError:
        pass
    raise _NotThere(f"what answers at {url} is no manager of this version ({answer.status_code})")


def said(body: bytes | bytearray) -> str:
    """The sentence of an error that a manager has answered; "" where it was none of a manager's."""
    with contextlib.suppress(msgspec.MsgspecError):
        return msgspec.json.decode(body, type=ErrorBody).error.message
    return ""


def where(url: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme in ("https", "wss") else 80)


def socket_url(url: str) -> str:
    """Where the socket of workers is, at a manager's address."""
    scheme, _, rest = url.partition("://")
    return f"{'wss' if scheme in ('https', 'wss') else 'ws'}://{rest.rstrip('/')}/api/v1/worker"
