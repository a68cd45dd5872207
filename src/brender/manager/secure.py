# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manager is told of TLS at its start, and what follows: which certificate, which names, what is announced."""

import datetime
import platform
from pathlib import Path

import msgspec
import psutil

from brender import __version__
from brender.manager.announce import Announcement
from brender.manager.reach import Reach, addresses_of, public_url, urls_for_others
from brender.tls import certificate, files
from brender.tls.addresses import is_loopback
from brender.tls.certificate import TlsError
from brender.tls.files import Pair


class Secure(msgspec.Struct, frozen=True, kw_only=True):
    """As the command line has it."""

    cert: Path | None = None  # one's own, and
    key: Path | None = None  # its key
    public: str = ""  # how others reach the manager: "https://farm.example"
    tls: bool = False  # on loopback too
    announce: bool = True  # in the local network

    def pair(self, data: Path, host: str) -> Pair | None:
        """The certificate to listen with; None: in the clear, on this machine. Raises TlsError."""
        self._checked()
        now = datetime.datetime.now(datetime.UTC)
        if self.cert and self.key:
            return files.given(self.cert.absolute(), self.key.absolute(), now)
        if not self.tls and is_loopback(host):
            return None
        return files.own(data, platform.node(), _addresses(), now)

    def _checked(self) -> None:
        if (self.cert is None) is not (self.key is None):
            raise TlsError("A certificate of one's own is two files: give both --cert and --key.")
        try:
            public_url(self.public or "https://none")
        except ValueError as error:
            raise TlsError(str(error)) from None

    def reach(self, tls: Pair | None) -> Reach:
        """What holds for each request."""
        public = public_url(self.public) if self.public else ""
        names = {public.removeprefix("https://").partition(":")[0]} - {""}
        if tls:
            said = certificate.facts(tls.certificate.read_bytes(), str(tls.certificate))
            names |= {platform.node(), f"{platform.node()}.local", *said.names} - {""}
        return Reach(tls=tls is not None, names=frozenset(name.lower() for name in names), public=public)

    def urls(self, reach: Reach, host: str, port: int) -> tuple[str, ...]:
        """Where machines that join find it."""
        return urls_for_others(reach, host, port, platform.node(), _addresses())

    def announcement(self, host: str, port: int, tls: Pair | None) -> Announcement | None:
        """What is said in the network; None: nothing, as nobody there could reach it."""
        if not self.announce or tls is None or is_loopback(host):
            return None
        addresses = _addresses()
        return Announcement(
            platform.node(), [host] if host in addresses else addresses, port, __version__, tls.fingerprint
        )


def _addresses() -> list[str]:
    return addresses_of([each.address for each in known] for known in psutil.net_if_addrs().values())
