# SPDX-License-Identifier: GPL-3.0-or-later
"""Says in the local network (mDNS) that a manager is here, so that `brender worker` alone can name it. No secrets, and
nothing that anybody must believe: a worker joins with a token that a person brings.
"""

import ipaddress
from collections.abc import Sequence

import structlog
from zeroconf import Error, InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = structlog.get_logger()

SERVICE = "_brender._tcp.local."


class Announcement:
    """What is said, from `start` to `close`. Where it cannot be said that is a warning: all else works without."""

    def __init__(
        self,
        hostname: str,
        addresses: Sequence[str],
        port: int,
        version: str,
        fingerprint: str,
        interfaces: Sequence[str] | None = None,
    ) -> None:
        """`interfaces`: addresses of this machine to say it on; None: all."""
        name = "".join("-" if c in ". " or not c.isprintable() else c for c in hostname)[:48] or "brender"
        self._info = AsyncServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port=port,
            addresses=[ipaddress.ip_address(address).packed for address in addresses],
            properties={"version": version, "fingerprint": fingerprint},
            server=f"{name}.local.",
        )
        self._interfaces = interfaces
        self._network: AsyncZeroconf | None = None

    async def start(self) -> None:
        """Say it, and answer whoever asks."""
        try:
            self._network = AsyncZeroconf(
                interfaces=InterfaceChoice.All if self._interfaces is None else list(self._interfaces),
                ip_version=IPVersion.V4Only,
            )
            await self._network.async_register_service(self._info, allow_name_change=True)
        except (OSError, Error) as error:
            log.warning("the manager is not announced in this network", reason=str(error) or type(error).__name__)

    async def close(self) -> None:
        """Take it back."""
        if self._network is not None:
            await self._network.async_close()
