# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's end of the channel to a Blender: a socket of their own that nothing printed can reach.

Where descriptors are inherited it is a pair of sockets; elsewhere (Windows) a connection over loopback, opened by
who knows a secret that was given to that one process.
"""

import asyncio
import os
import secrets
import socket
from typing import Self

import msgspec

ADDRESS = "BRENDER_CHANNEL"  # see inblender/channel.py
CONNECT_WITHIN_S = 60.0
LINE_BYTES = 16 * 2**20


class Channel:
    """Offered before the process starts, opened after; then lines of JSON both ways."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._secret = secrets.token_hex(16)
        if os.name == "posix":
            self._ours, self._theirs = socket.socketpair()
        else:
            self._ours = self._theirs = socket.create_server(("127.0.0.1", 0))

    @property
    def address(self) -> str:
        """What the process finds in its environment."""
        if os.name == "posix":
            return f"fd:{self._theirs.fileno()}"
        return f"port:{self._secret}:{self._ours.getsockname()[1]}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process inherits."""
        return (self._theirs.fileno(),) if os.name == "posix" else ()

    async def open(self) -> Self:
        """Once the process runs."""
        connection = self._ours
        if os.name == "posix":
            self._theirs.close()
        else:
            connection = await asyncio.wait_for(self._accept(), CONNECT_WITHIN_S)
        self._reader, self._writer = await asyncio.open_connection(sock=connection, limit=LINE_BYTES)
        return self

    async def _accept(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        self._ours.setblocking(False)
        with self._ours:
            while True:
                connection, _ = await loop.sock_accept(self._ours)
                connection.setblocking(False)
                said = await loop.sock_recv(connection, len(self._secret) + 1)
                if secrets.compare_digest(said, f"{self._secret}\n".encode()):
                    return connection
                connection.close()

    def send(self, order: dict[str, object]) -> None:
        """Queued at once, never waits; to a process that is gone it is lost, and its end is told elsewhere."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(order) + b"\n")

    async def receive(self) -> bytes:
        """The next line, or nothing at its end."""
        assert self._reader is not None
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Which a Blender at the other end takes as the death of its worker."""
        if self._writer is not None:
            self._writer.close()
        self._ours.close()
        self._theirs.close()
