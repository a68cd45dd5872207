# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel to the worker: lines of JSON over a socket of its own, which nothing that Blender prints can reach.

A thread reads it, also during a render. When the other end closes, the worker is gone: this process and all in its
process group end at once, so that no Blender goes on without anyone who would take its frames.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import threading
from typing import Any

ADDRESS = "BRENDER_CHANNEL"  # "fd:7", or where descriptors are not inherited "port:SECRET:51234"

Order = dict[str, Any]


class Channel:
    """Orders come out of `next`, in their order; `send` may be called from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._orders: queue.Queue[Order] = queue.Queue()
        self._writing = threading.Lock()
        threading.Thread(target=self._read, name="brender channel", daemon=True).start()

    def next(self) -> Order:
        """The next order; waits for it."""
        return self._orders.get()

    def send(self, event: str, **fields: Any) -> None:
        """Tells the worker; a worker that is not there any more is the reader's business."""
        line = json.dumps({"event": event, **fields}, separators=(",", ":")).encode() + b"\n"
        with self._writing, contextlib.suppress(OSError):
            self._connection.sendall(line)

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._connection.makefile("rb") as lines:
            for line in lines:
                self._orders.put(json.loads(line))
        end_all()


def connect() -> Channel:
    """Opens the channel named by the environment, and takes the name out of it: scripts have no use for it."""
    kind, _, rest = os.environ.pop(ADDRESS).partition(":")
    if kind == "fd":
        connection = socket.socket(fileno=int(rest))
        connection.set_inheritable(False)
        return Channel(connection)
    secret, _, port = rest.partition(":")
    connection = socket.create_connection(("127.0.0.1", int(port)))
    connection.sendall(secret.encode() + b"\n")
    return Channel(connection)


def end_all() -> None:
    """Ends this process and its group, with no clean-up that could hang."""
    with contextlib.suppress(AttributeError, OSError):  # no process groups on Windows
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
    os._exit(1)
