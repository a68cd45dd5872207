# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP side, put together: routes, errors, documents, and the door before all of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License
from litestar.types import ASGIApp

from brender import __version__
from brender.core.rights import Right
from brender.core.views import FarmView
from brender.manager import errors
from brender.manager.apidoc import Document, document
from brender.manager.auth import Door
from brender.manager.carrying import Carrying
from brender.manager.content import Content
from brender.manager.docspage import PagePlugin
from brender.manager.engine import Engine
from brender.manager.events import Events
from brender.manager.files import Files
from brender.manager.guard import guard, open_paths
from brender.manager.hub import Hub
from brender.manager.joining import Joining
from brender.manager.people import People
from brender.manager.reach import Reach
from brender.manager.routes import carrying, command, content, farm, frames, jobs, joining, objects, people, workers
from brender.manager.routes.asking import asker
from brender.manager.service import Service

PREFIX = "/api/v1"


class House(Protocol):
    """What is needed of the manager."""

    @property
    def engine(self) -> Engine: ...
    @property
    def files(self) -> Files: ...
    @property
    def content(self) -> Content: ...
    @property
    def carrying(self) -> Carrying: ...
    @property
    def people(self) -> People: ...
    @property
    def joining(self) -> Joining: ...
    @property
    def reach(self) -> Reach: ...
    @property
    def events(self) -> Events: ...
    @property
    def hub(self) -> Hub: ...
    @property
    def service(self) -> Service: ...
    @property
    def boot(self) -> str: ...
    @property
    def started_at(self) -> float: ...
    @property
    def url(self) -> str: ...
    @property
    def config(self) -> "Placed": ...


class Placed(Protocol):
    """Where it was told to live."""

    @property
    def data(self) -> Path: ...


def create(house: House, token: str) -> ASGIApp:
    """The application, behind its door."""
    return behind_door(application(parts(house)), house, token)


def behind_door(app: Litestar, house: House, token: str) -> Door:
    """These routes, so that none is reached around the door."""
    return Door(app, token, open_paths(app), house.people, house.reach)


def parts(house: House) -> dict[str, object]:
    """What the routes are given of a manager, by the names they ask for."""
    facts = FarmView(
        version=__version__,
        url=house.url,
        data=str(house.config.data),
        boot=house.boot,
        pid=os.getpid(),
        started_at=house.started_at,
        workers=0,
        jobs=0,
        system=house.engine.farm.system,
    )
    return {
        "views": house.service.views,
        "service": house.service,
        "files": house.files,
        "content": house.content,
        "carrying": house.carrying,
        "joining": house.joining,
        "people": house.people,
        "events": house.events,
        "hub": house.hub,
        "facts": facts,
    }


PARTS = ("views", "service", "files", "content", "carrying", "joining", "people", "events", "hub", "facts")


def application(parts: Mapping[str, object]) -> Litestar:
    """The routes over these parts, with no door before them; over none, for the API's document."""
    handlers = [
        each
        for routes in (jobs, frames, workers, joining, objects, content, carrying, command, farm, people)
        for each in routes.HANDLERS
    ]
    given = {name: Provide(_given(parts, name), sync_to_thread=False) for name in PARTS}
    return Litestar(
        [front, openapi, Router(PREFIX, route_handlers=handlers)],
        dependencies=given | {"asker": Provide(asker, sync_to_thread=False)},
        guards=[guard],
        exception_handlers={Exception: errors.answer},
        before_request=errors.refuse_other_media,
        after_request=_headers,
        request_max_body_size=errors.MOST_BYTES,
        openapi_config=_openapi(),
        logging_config=None,
    )


def _given(parts: Mapping[str, object], name: str) -> Any:
    return lambda: parts[name]


def _headers(response: Response[Any]) -> Response[Any]:
    """Nothing here is to be kept, or taken for something else than it says."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="brender",
        version=__version__,
        summary="A render farm for Blender",
        description=(
            "Every error is an `ErrorBody`. Times are seconds since 1970, durations end in `_s`, memory is MB (2**20 "
            "bytes), paths are absolute. Each operation says which right it takes; who has which: `GET /me`, and "
            "docs/decisions/0006-people.md. Shown is `Authorization: Bearer` with a token, or a browser's cookie. Who "
            "comes with the data folder's token says for whom, for the audit log: `X-Brender-User` with the user's "
            "name, percent-encoded; and a command line says `X-Brender-Door: cli`."
        ),
        license=License(name="GPL-3.0-or-later", identifier="GPL-3.0-or-later"),
        openapi_router=Router(f"{PREFIX}/docs", route_handlers=[], include_in_schema=False, opt={"right": Right.OPEN}),
        render_plugins=[PagePlugin(path="/")],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, method, path: handler.handler_name,
    )


FRONT = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>brender</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<body style="font: 1.1em/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em">
<h1>brender {__version__}</h1>
<p>This is the manager of a render farm for Blender. It is asked with <code>brender jobs</code> and its siblings,
or over its API: <a href="{PREFIX}/docs">how the API is used</a>.</p>
</body></html>
"""


@get("/", media_type=MediaType.HTML, include_in_schema=False, right=Right.OPEN)
async def front() -> str:
    """What this is, for who finds it with a browser."""
    return FRONT


@get(f"{PREFIX}/openapi.json", include_in_schema=False, sync_to_thread=False, right=Right.OPEN)
def openapi(request: Request[Any, Any, Any]) -> Document:
    """The API's own document."""
    return document(request.app)
