# SPDX-License-Identifier: GPL-3.0-or-later
"""`/command`: a line as at the console, and what the console answers (R10)."""

from typing import Any

from litestar import post
from litestar.params import JSONBody

from brender.core.objectviews import CommandAnswer, CommandRequest
from brender.core.rights import Right
from brender.manager.console import asking
from brender.manager.errors import Body, said
from brender.manager.routes.given import TheAsker, TheService

JSON = "--json"


@post(
    "/command",
    status_code=200,
    dto=Body[CommandRequest],
    return_dto=None,
    responses=said(400, 413, 415),
    right=Right.LOOK,
)
async def run_command(data: JSONBody[CommandRequest], service: TheService, asker: TheAsker) -> CommandAnswer:
    """What the console answers to a line. `more`, `watch` and `quit` are about a connection, and say so here."""
    if not data.line.strip():
        return CommandAnswer(ok=True, text="")
    answer = await asking.ask(service, asker, data.line)
    return CommandAnswer(ok=answer.ok, text=answer.json if JSON in data.line.split() else answer.text)


HANDLERS: list[Any] = [run_command]
