# SPDX-License-Identifier: GPL-3.0-or-later
"""`/runs/RUN/files`: what a worker brings of a carried job's frame before it says that it is rendered."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Response, head, put
from litestar.params import PathParameter

from brender.core.manifest import SHA256
from brender.core.nouns import RunState
from brender.core.rights import Right
from brender.manager.errors import Wrong, said
from brender.manager.routes import files
from brender.manager.routes.given import TheAsker, TheCarrying

RunName = Annotated[str, PathParameter(description="The run's id.")]
Sha256 = Annotated[str, PathParameter(description="The file's SHA-256: 64 hexadecimal digits, in lower case.")]


@head("/runs/{run:str}/files/{sha256:str}", responses=said(400, 404), right=Right.WORK)
async def run_file_standing(run: RunName, sha256: Sha256, asker: TheAsker, carrying: TheCarrying) -> Response[None]:
    """How much of it is here: `Upload-Offset`, and `Upload-Complete` 1 where that is all, or the run is accepted."""
    _look_at(sha256)
    known = await carrying.wanted(run, asker.principal)
    there, complete = await asyncio.to_thread(carrying.standing, run, sha256)
    return files.standing(there, complete or known.state is RunState.RENDERED)


@put(
    "/runs/{run:str}/files/{sha256:str}",
    status_code=201,
    responses=said(400, 404, 408, 409, 415, 422, 507),
    request_max_body_size=None,
    opt=files.TAKES_OCTETS,
    right=Right.WORK,
)
async def bring_run_file(
    request: Request[Any, Any, Any],
    run: RunName,
    sha256: Sha256,
    asker: TheAsker,
    carrying: TheCarrying,
) -> Response[Any]:
    """Bring a file of a run, or the next part of it, as content is sent: `PUT /content/{sha256}`. 404: the run is not
    live any more, and nothing of it is wanted.
    """
    _look_at(sha256)
    known = await carrying.wanted(run, asker.principal)
    asked = files.asked(request, sha256)
    _, complete = await asyncio.to_thread(carrying.standing, run, sha256)
    if complete or known.state is RunState.RENDERED:
        return Response(None, status_code=200, headers={"Upload-Offset": str(asked.length), "Upload-Complete": "1"})
    return await files.received(request, asked, lambda body: carrying.receive(run, asked, body))


def _look_at(sha256: str) -> None:
    if not SHA256.fullmatch(sha256):
        raise Wrong(400, "A SHA-256 has 64 hexadecimal digits, in lower case.", "sha256")


HANDLERS: list[Any] = [run_file_standing, bring_run_file]
