# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to a server that is cut, again and again."""

import contextlib
import socket
import threading


class Line:
    """A line to a server that carries so many bytes each way, and is cut; then the next one."""

    def __init__(self, port: int, cuts: list[int], *, back: bool = False) -> None:
        self._to = port
        self._cuts = cuts  # bytes that each connection carries; after the last one, all
        self._back = back  # count what comes back
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.carried = 0  # towards the server, or back
        self.connections = 0
        self._dead = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if self._dead:
                near.close()
                continue
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open |= {near, far}
            left = self._cuts.pop(0) if self._cuts else None
            for one, other, bound in (
                (near, far, None if self._back else left),
                (far, near, left if self._back else None),
            ):
                counted = (one is far) == self._back
                threading.Thread(target=self._carry, args=(one, other, bound, counted), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, left: int | None, counted: bool) -> None:
        try:
            while left is None or left > 0:
                data = one.recv(65536 if left is None else min(65536, left))
                if not data:
                    break
                other.sendall(data)
                if counted:
                    self.carried += len(data)
                left = None if left is None else left - len(data)
        except OSError:
            pass
        for each in (one, other):
            _cut(each)
            self._open.discard(each)

    def dead(self, dead: bool) -> None:
        """Cut all connections, and carry none from here on; or carry them again."""
        self._dead = dead
        for each in list(self._open) if dead else ():
            _cut(each)

    def close(self) -> None:
        self._listening.close()


def _cut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
