# SPDX-License-Identifier: GPL-3.0-or-later
"""`/farm`, and `/events`: what this manager is, and hints of what has changed."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import structlog
from litestar import get, post
from litestar.response import Stream
from msgspec.structs import replace

from brender.core.rights import Principal, Right, allows
from brender.core.views import FarmView, Hint
from brender.manager.events import Events
from brender.manager.people import Denied, People
from brender.manager.routes.given import TheAsker, TheEvents, TheFacts, ThePeople, TheService, TheViews

log = structlog.get_logger()

ALIVE_S = 15.0  # a stream says that it is there, so that a broken connection is found


@get("/farm", right=Right.LOOK)
async def show_farm(facts: TheFacts, views: TheViews) -> FarmView:
    """What this manager is, and how much it has to do."""
    workers, jobs = await views.unfinished()
    return replace(facts, workers=workers, jobs=jobs)


@post("/shutdown", status_code=202, right=Right.SHUTDOWN)
async def shut_down(service: TheService, asker: TheAsker) -> None:
    """End the manager in order; the workers go on with what they have. Nothing depends on it: all is saved already."""
    log.info("told to end", who=asker.who, door=asker.door, origin=asker.origin)
    service.shutdown()


@get("/events", media_type="text/event-stream", right=Right.LOOK)
async def listen(events: TheEvents, people: ThePeople, asker: TheAsker) -> Stream:
    """Server-sent events: `data: {"kind":"job","id":"5"}` says that job 5 has changed; fetch it again if you show it.

    `everything` is the first, and comes again to who reads too slowly. A comment comes where nothing else does.
    """
    return Stream(_hints(events, people, asker.principal), media_type="text/event-stream")


async def _hints(events: Events, people: People, who: Principal) -> AsyncIterator[bytes]:
    """Until the manager ends, or whoever listens may no longer."""
    listener = events.listen()
    try:
        while (hints := await listener.take(ALIVE_S)) is not None:
            if not allows(people.again(who), Right.LOOK):
                return
            yield b"".join(map(_event, hints)) or b": still here\n\n"
    except Denied:
        return
    finally:
        events.leave(listener)


def _event(hint: Hint) -> bytes:
    return b"data: " + msgspec.json.encode(hint) + b"\n\n"


HANDLERS: list[Any] = [show_farm, shut_down, listen]
