# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers in the local network, as they announce themselves (mDNS). What is announced is a hint and no more: nothing
is believed before a person has brought a token from the manager.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from brender.tls import trust

if TYPE_CHECKING:
    from zeroconf import Zeroconf

log = structlog.get_logger()

SERVICE = "_brender._tcp.local."
LOOK_S = 3.0
ANSWER_MS = 1500


class Found(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A manager that says it is there."""

    name: str  # of its machine
    addresses: tuple[str, ...]
    port: int
    version: str = ""
    fingerprint: str = ""

    def __str__(self) -> str:
        host = next(iter(self.addresses), self.name)
        known = f", certificate {trust.short(self.fingerprint)}" if self.fingerprint else ""
        version = f", version {self.version}" if self.version else ""
        return f"{self.name} at https://{f'[{host}]' if ':' in host else host}:{self.port}{version}{known}"


def look(within_s: float = LOOK_S, interfaces: Sequence[str] | None = None) -> list[Found]:
    """Who announces itself within that time. Without multicast that is nobody, and a warning."""
    from zeroconf import InterfaceChoice, ServiceBrowser, ServiceStateChange, Zeroconf

    try:
        network = Zeroconf(interfaces=InterfaceChoice.All if interfaces is None else list(interfaces))
    except OSError as error:
        log.warning("managers of this network cannot be looked for", reason=error.strerror or str(error))
        return []
    found: dict[str, Found] = {}

    def news(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change is ServiceStateChange.Removed:
            found.pop(name, None)
        else:
            _heard(found, zeroconf, service_type, name)

    try:
        ServiceBrowser(network, SERVICE, handlers=[news])
        threading.Event().wait(within_s)
    finally:
        network.close()
    return sorted(found.values())


def _heard(found: dict[str, Found], network: "Zeroconf", kind: str, name: str) -> None:
    """Somebody says that it is there, or something else of itself. Whatever a stranger announces, it ends here."""
    info = network.get_service_info(kind, name, ANSWER_MS)
    if info is not None and info.port:
        found[name] = Found(
            name=_plain(name.removesuffix(f".{kind}")),
            addresses=tuple(info.parsed_scoped_addresses()),
            port=info.port,
            version=_text(info.properties, b"version"),
            fingerprint=_hex(_text(info.properties, b"fingerprint")),
        )


def _text(properties: dict[bytes, bytes | None], key: bytes) -> str:
    return _plain((properties.get(key) or b"").decode("utf-8", "replace"))


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:128]


def _hex(text: str) -> str:
    return text if len(text) == 64 and set(text) <= set("0123456789abcdef") else ""


def advice(found: Sequence[Found], data: Path) -> str:
    """What a person does next, where a worker knows no manager."""
    how = "On the manager's machine, `brender tokens join` prints a line to paste here: brender worker --join TOKEN"
    if not found:
        return (
            f"No manager is known here: this worker has joined none, there is none in the data folder {data}, and none "
            f"announces itself in this network. Where one runs, or is started with `brender up --listen 0.0.0.0`: {how}"
        )
    listed = "\n".join(f"  {each}" for each in found)
    return f"This worker has joined no farm yet. Managers in this network:\n{listed}\n{how}"
