# SPDX-License-Identifier: GPL-3.0-or-later
"""`/workers`: who there is, what is wanted of them, and the socket on which they talk."""

from typing import Any

from litestar import WebSocket, get, post, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import JSONBody

from brender.core.commands import By
from brender.core.nouns import Wish
from brender.core.objectviews import Changed, Pong, Selection, TaskNames, WishesRequest
from brender.core.rights import Right
from brender.core.views import WishRequest, WorkerPage, WorkerView
from brender.manager.errors import Body, said
from brender.manager.guard import principal
from brender.manager.hub import Closed
from brender.manager.routes.given import TheAsker, TheHub, TheService, TheViews, WorkerKey
from brender.manager.routes.objects import changed
from brender.manager.service import Service
from brender.manager.views import Views

_WISH: Any = {"status_code": 200, "dto": Body[WishRequest], "return_dto": None, "responses": said(400, 404, 415)}
_WISHES: Any = {
    "status_code": 200, "dto": Body[WishesRequest], "return_dto": None, "responses": said(400, 404, 413, 415, 422),
}  # fmt: skip

_ORDERS: Any = _WISHES | {"dto": Body[Selection]}


@get("/workers", right=Right.LOOK)
async def list_workers(views: TheViews) -> WorkerPage:
    """All workers that the farm knows, by name."""
    return await views.workers()


# --- many: the filters are those of every door -----------------------------------------------------------------------


@post("/workers/enable", **_WISHES, right=Right.CHANGE_FARM)
async def enable_workers(data: JSONBody[WishesRequest], service: TheService, asker: TheAsker) -> Changed:
    """Let all workers that are meant take work."""
    return changed(await service.wish(asker, data.filters or (), Wish.ENABLED))


@post("/workers/drain", **_WISHES, right=Right.CHANGE_FARM)
async def drain_workers(data: JSONBody[WishesRequest], service: TheService, asker: TheAsker) -> Changed:
    """Let all workers that are meant finish what they hold, and take nothing new."""
    return changed(await service.wish(asker, data.filters or (), Wish.DRAINING))


@post("/workers/disable", **_WISHES, right=Right.CHANGE_FARM)
async def disable_workers(data: JSONBody[WishesRequest], service: TheService, asker: TheAsker) -> Changed:
    """Let all workers that are meant give back what they have not begun; `now`, what they render too."""
    return changed(await service.wish(asker, data.filters or (), Wish.DISABLED, data.now))


@post("/workers/pause", **_ORDERS, right=Right.CHANGE_FARM)
async def pause_workers(data: JSONBody[Selection], service: TheService, asker: TheAsker) -> Changed:
    """What all workers that are meant render stands still, processes and all, until they are resumed."""
    return changed(await service.pause_workers(asker, data.filters or (), True))


@post("/workers/resume", **_ORDERS, right=Right.CHANGE_FARM)
async def resume_workers(data: JSONBody[Selection], service: TheService, asker: TheAsker) -> Changed:
    """Let all workers that are meant go on."""
    return changed(await service.pause_workers(asker, data.filters or (), False))


@post("/workers/kill", **_ORDERS, right=Right.CHANGE_FARM)
async def kill_workers_runs(data: JSONBody[Selection], service: TheService, asker: TheAsker) -> Changed:
    """End what all workers that are meant render, processes and all; the answer names the tasks, which are rendered
    again. Nothing is counted as a failure.
    """
    return changed(await service.kill(asker, data.filters or ()))


@post("/tasks/kill", **_ORDERS | {"dto": Body[TaskNames]}, right=Right.CHANGE_JOBS)
async def kill_tasks_runs(data: JSONBody[TaskNames], service: TheService, asker: TheAsker) -> Changed:
    """The same, by the tasks."""
    return changed(await service.kill_tasks(asker, data.tasks))


# --- one -------------------------------------------------------------------------------------------------------------


@post("/workers/{worker:str}/enable", status_code=200, responses=said(400, 404), right=Right.CHANGE_FARM)
async def enable_worker(worker: WorkerKey, service: TheService, asker: TheAsker, views: TheViews) -> WorkerView:
    """Let a worker, named by its id or name, take work."""
    return await _wished(worker, Wish.ENABLED, None, service, asker, views)


@post("/workers/{worker:str}/drain", **_WISH, right=Right.CHANGE_FARM)
async def drain_worker(
    worker: WorkerKey,
    service: TheService,
    asker: TheAsker,
    views: TheViews,
    data: JSONBody[WishRequest | None] = None,
) -> WorkerView:
    """Let a worker finish what it holds, and take nothing new."""
    return await _wished(worker, Wish.DRAINING, data, service, asker, views)


@post("/workers/{worker:str}/disable", **_WISH, right=Right.CHANGE_FARM)
async def disable_worker(
    worker: WorkerKey,
    service: TheService,
    asker: TheAsker,
    views: TheViews,
    data: JSONBody[WishRequest | None] = None,
) -> WorkerView:
    """Let a worker give back what it has not begun, and take nothing; `now`, what it renders too."""
    return await _wished(worker, Wish.DISABLED, data, service, asker, views)


@post("/workers/{worker:str}/ping", status_code=200, responses=said(400, 404, 409), right=Right.LOOK)
async def ping_worker(worker: WorkerKey, service: TheService, views: TheViews) -> Pong:
    """Ask a worker whether it listens, also while it renders."""
    known = await views.worker(worker)
    return Pong(worker=known.name, after_s=await service.ping(known.id))


async def _wished(
    key: str, wish: Wish, said_: WishRequest | None, service: Service, asker: By, views: Views
) -> WorkerView:
    known = await views.worker(key)
    await service.wish(asker, {"id": f"={known.id}"}, wish, said_ is not None and said_.now)
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


@websocket("/worker", right=Right.WORK)
async def worker_socket(socket: WebSocket[Any, Any, Any], hub: TheHub) -> None:
    """What is said on it: docs/protocol.md."""
    await socket.accept()
    await hub.serve(_Socket(socket), principal(socket.scope))


HANDLERS: list[Any] = [
    list_workers, enable_workers, drain_workers, disable_workers, pause_workers, resume_workers, kill_workers_runs,
    kill_tasks_runs, enable_worker, drain_worker, disable_worker, ping_worker, worker_socket,
]  # fmt: skip
