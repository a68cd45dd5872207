# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop inside Blender: one order after the other, each answered; whatever goes wrong belongs to its order.

Orders: `open` once, then `render` as often as wished, also before the one before is done (they wait in the channel,
so that the next frame starts at once), and `close`.
"""

import os
import sys
import traceback
from typing import Any

from . import channel, opening, output, rendering
from .refusal import Refusal


class Server:
    """One opened scene, and the orders about it."""

    def __init__(self, wire: channel.Channel) -> None:
        self.wire = wire
        self.session: opening.Session | None = None

    def serve(self) -> None:
        """Until `close`; or until the channel ends, which ends the process."""
        while True:
            order = self.wire.next()
            if order["do"] == "close":
                return
            getattr(self, f"_{order['do']}")(order)

    def _open(self, order: channel.Order) -> None:
        try:
            self.session = opening.open_scene(order["scene"], order["program"])
            answer: dict[str, Any] = {"event": "opened", **self.session.facts}
        except Refusal as refusal:
            answer = failed("", refusal.kind, refusal.message)
        except Exception as error:
            answer = unexpected("", "opening the scene", error)
        output.flush()
        self.wire.send(**answer)

    def _render(self, order: channel.Order) -> None:
        assert self.session is not None
        run = order["run"]
        output.mark(order["mark"])
        try:
            answer = rendering.render(self.session, order, self.wire.send)
        except Refusal as refusal:
            answer = failed(run, refusal.kind, refusal.message)
        except Exception as error:
            answer = unexpected(run, f"rendering frame {order['frames'][0]}", error)
        self.wire.send(**answer)


def failed(run: str, kind: str, message: str) -> dict[str, Any]:
    """The event of an order that did not come to its end."""
    return {"event": "failed", "run": run, "kind": kind, "message": message}


def unexpected(run: str, doing: str, error: Exception) -> dict[str, Any]:
    """A fault of ours, or of Blender's Python: the trace goes to the log, the sentence to the artist."""
    traceback.print_exc()
    text = f"An unexpected error while {doing}: {type(error).__name__}: {error}. The log has the details."
    return failed(run, "render_error", text)


def run() -> None:
    """Serves, and leaves without the interpreter's end, where bpy 4.5 hangs while a thread is alive."""
    wire = channel.connect()
    Server(wire).serve()
    sys.stdout.flush()
    output.flush()
    os._exit(0)
