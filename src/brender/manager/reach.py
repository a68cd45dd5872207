# SPDX-License-Identifier: GPL-3.0-or-later
"""How a manager is reached: with TLS or in the clear, under which names, and through a reverse proxy or not."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from brender.tls.addresses import is_loopback

_PUBLIC = re.compile(r"https://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")

Headers = Iterable[tuple[bytes, bytes]]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every request."""

    tls: bool = False
    names: frozenset[str] = frozenset()  # besides its addresses and localhost, in small letters
    public: str = ""  # how others reach it, "https://farm.example": a proxy before it, or a name of its certificate

    @property
    def proxied(self) -> bool:
        """Whether a proxy on this machine ends TLS for it."""
        return bool(self.public) and not self.tls


DIRECT = Reach()  # in the clear, on this machine alone


def public_url(text: str) -> str:
    """An address for others as it is kept. Raises ValueError with a sentence."""
    url = text.strip().rstrip("/").lower()
    if not _PUBLIC.fullmatch(url):
        raise ValueError(
            f"{text!r} is no address for others: that is https:// and a name, with a port where it is not 443, and "
            "without a path, such as https://farm.example."
        )
    return url.removesuffix(":443")


def _is_public(host: str, reach: Reach) -> bool:
    return bool(reach.public) and f"https://{host.lower().removesuffix(':443')}" == reach.public


def as_reached(scope: dict[str, Any], reach: Reach) -> dict[str, Any]:
    """A connection as it was before the proxy took it: from which address it comes, and whether it speaks TLS there."""
    if not reach.proxied or not scope.get("client"):
        return scope
    peer, port = scope["client"]
    headers = scope["headers"]
    origin = origin_of(peer, headers, reach)
    secure = any(_is_public(host.decode("latin-1"), reach) for host in values(headers, b"host"))
    scheme = {"http": "https", "ws": "wss"}.get(scope["scheme"], scope["scheme"]) if secure else scope["scheme"]
    return {**scope, "client": (origin, port if origin == peer else 0), "scheme": scheme}


def origin_of(peer: str, headers: Headers, reach: Reach) -> str:
    """The address that a request comes from. A proxy is believed on it where there is one, on this machine."""
    if not (reach.proxied and is_loopback(peer)):
        return peer
    said = b",".join(values(headers, b"x-forwarded-for")).decode("latin-1").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(said))  # the last is the one that the proxy itself has seen
    except ValueError:
        return peer


def values(headers: Headers, name: bytes) -> list[bytes]:
    """What a header holds, once for each time that it is there."""
    return [value for key, value in headers if key.lower() == name]


def url_of(host: str, port: int, *, tls: bool) -> str:
    """An address of this machine, for who is on it: where all are listened at, loopback's."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  they are compared
    return f"{'https' if tls else 'http'}://{f'[{name}]' if ':' in name else name}:{port}"


def urls_for_others(reach: Reach, host: str, port: int, hostname: str, addresses: Iterable[str]) -> tuple[str, ...]:
    """Where another machine tries: the addresses of this one, and its name, in case those change."""
    if reach.public:
        return (reach.public,)
    if host not in ("0.0.0.0", "::", ""):  # noqa: S104
        return (url_of(host, port, tls=reach.tls),)
    names = [*(each for each in addresses if host != "0.0.0.0" or ":" not in each), hostname]  # noqa: S104
    return tuple(url_of(name, port, tls=reach.tls) for name in names if re.fullmatch(r"[A-Za-z0-9._:-]+", name))[:8]


def addresses_of(interfaces: Iterable[Iterable[str]]) -> list[str]:
    """The addresses under which others reach a machine: no loopback, no link-local ones, IPv4 first."""
    found = []
    for address in (each for addresses in interfaces for each in addresses):
        try:
            known = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            continue  # a hardware address
        if not (known.is_loopback or known.is_link_local or known.is_multicast or known.is_unspecified):
            found.append(known)
    return [str(each) for each in sorted(dict.fromkeys(found), key=lambda each: each.version)]
