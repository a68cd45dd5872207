# SPDX-License-Identifier: GPL-3.0-or-later
"""Files between this worker and its manager, over HTTP: with the address, the trust and the token of its socket.

A manager that is away is waited for, wherever it comes back. Everything blocks, and is called in threads.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from brender.tls import trust
from brender.worker.link import Address, UnknownAddressError

if TYPE_CHECKING:
    import httpx

PATIENCE_S = 20.0  # with one address; then it is asked anew where the manager is
READ_S = 30.0
LOOK_S = 0.25
SOCKET = "/worker"  # the socket's own part of its address

Told = Callable[[int], None]


class NotBrought(Exception):
    """A file that was not brought over, in a sentence. `status`: of the manager's refusal; 0: it is this machine's."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Connection:
    """May be used by many threads."""

    def __init__(self, addresses: Callable[[], Sequence[Address]]) -> None:
        """`addresses`: as for the `Link`; asked again whenever nothing comes through."""
        self._addresses = addresses
        self._lock = threading.Lock()
        self._turn = 0
        self._at: Address | None = None
        self._http: httpx.Client | None = None

    def fetch(self, path: str, target: Path, sha256: str, size: int | None, told: Told) -> None:
        """What is at `path` of the API. `told` hears how many bytes are there, also while it waits, and may raise.

        Raises NotBrought where the manager refuses, or this machine's disk.
        """
        from brender import transfer

        self._patiently(lambda http, at: transfer.fetch(http, path, target, sha256, size, at, PATIENCE_S), told)

    def send(self, path: str, file: Path, sha256: str, size: int, told: Told) -> None:
        """The same, the other way."""
        from brender import transfer

        self._patiently(lambda http, at: transfer.send(http, path, file, sha256, size, at, PATIENCE_S), told)

    def close(self) -> None:
        """Nobody needs it any more."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def _patiently(self, move: "Callable[[httpx.Client, Told], None]", told: Told) -> None:
        from brender import transfer

        at = 0

        def note(bytes_: int) -> None:
            nonlocal at
            at = bytes_
            told(bytes_)

        while True:
            http = self._client()
            try:
                if http is not None:
                    return move(http, note)
            except transfer.Silent:
                self._elsewhere(http)
            except transfer.TransferError as error:
                raise NotBrought(error.message, error.status) from None
            told(at)
            time.sleep(LOOK_S)

    def _client(self) -> "httpx.Client | None":
        """For the address whose turn it is; None where none is known now."""
        import httpx

        with self._lock:
            try:
                addresses = self._addresses()
            except UnknownAddressError:
                return None
            address = addresses[self._turn % len(addresses)]
            if self._http is None or address != self._at:
                self._at = address
                self._http = httpx.Client(  # the one before is left to who still uses it
                    base_url=address.url.replace("ws", "http", 1).removesuffix(SOCKET),
                    headers={"Authorization": f"Bearer {address.token}"},
                    verify=trust.context_for(address.certificate) if address.url.startswith("wss:") else False,
                    timeout=httpx.Timeout(READ_S, connect=10.0),
                    trust_env=False,
                )
            return self._http

    def _elsewhere(self, failed: "httpx.Client | None") -> None:
        with self._lock:
            if failed is self._http:
                self._turn += 1
                self._http = None
