# SPDX-License-Identifier: GPL-3.0-or-later
"""`/workers`: who there is, what is wanted of them, and the socket on which they talk."""

from typing import Any

from litestar import WebSocket, get, post, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import JSONBody

from brender.core import commands as c
from brender.core.nouns import Wish
from brender.core.views import WishRequest, WorkerPage, WorkerView
from brender.manager.engine import Engine
from brender.manager.errors import Body, said
from brender.manager.hub import Closed
from brender.manager.routes.given import TheEngine, TheHub, TheViews, WorkerKey
from brender.manager.views import Views

_WISH: Any = {"status_code": 200, "dto": Body[WishRequest], "return_dto": None, "responses": said(400, 404, 415)}


@get("/workers")
async def list_workers(views: TheViews) -> WorkerPage:
    """All workers that the farm knows, by name."""
    return await views.workers()


@post("/workers/{worker:str}/enable", status_code=200, responses=said(404))
async def enable_worker(worker: WorkerKey, engine: TheEngine, views: TheViews) -> WorkerView:
    """Let a worker, named by its id or name, take work."""
    return await _wished(worker, Wish.ENABLED, None, engine, views)


@post("/workers/{worker:str}/drain", **_WISH)
async def drain_worker(
    worker: WorkerKey, engine: TheEngine, views: TheViews, data: JSONBody[WishRequest | None] = None
) -> WorkerView:
    """Let a worker finish what it holds, and take nothing new."""
    return await _wished(worker, Wish.DRAINING, data, engine, views)


@post("/workers/{worker:str}/disable", **_WISH)
async def disable_worker(
    worker: WorkerKey, engine: TheEngine, views: TheViews, data: JSONBody[WishRequest | None] = None
) -> WorkerView:
    """Let a worker give back what it has not begun, and take nothing; `now`, what it renders too."""
    return await _wished(worker, Wish.DISABLED, data, engine, views)


async def _wished(key: str, wish: Wish, said_: WishRequest | None, engine: Engine, views: Views) -> WorkerView:
    known = await views.worker(key)
    await engine.command(c.SetWish(workers=(known.id,), wish=wish, now=said_ is not None and said_.now))
    return await views.worker(known.id)


# --- the workers' own way in -------------------------------------------------------------------------------------


class _Socket:
    """A WebSocket as the hub wants it: text in and out, and one way to end."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        event: Any = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise Closed
        return event.get("text") or event.get("bytes") or ""

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (OSError, RuntimeError, WebSocketDisconnect):
            raise Closed from None

    async def close(self) -> None:
        try:
            await self._socket.close()
        except (OSError, RuntimeError, WebSocketDisconnect):
            raise Closed from None


@websocket("/worker")
async def worker_socket(socket: WebSocket[Any, Any, Any], hub: TheHub) -> None:
    """What is said on it: docs/protocol.md."""
    await socket.accept()
    await hub.serve(_Socket(socket))


HANDLERS: list[Any] = [list_workers, enable_worker, drain_worker, disable_worker, worker_socket]
