# SPDX-License-Identifier: GPL-3.0-or-later
"""`/content`: files of scenes, by their SHA-256: what is missing, sent, fetched, and collected."""

import asyncio
from typing import Annotated, Any

from litestar import Request, Response, get, head, post, put
from litestar.params import JSONBody, PathParameter

from brender.core.commands import Refusal
from brender.core.contentviews import MOST_HASHES, CollectedView, CollectRequest, HashesRequest, MissingView
from brender.core.manifest import SHA256
from brender.core.rights import Right
from brender.manager.errors import Body, Wrong, said
from brender.manager.routes import files
from brender.manager.routes.given import TheAsker, TheContent, TheService

Sha256 = Annotated[str, PathParameter(description="The content's SHA-256: 64 hexadecimal digits, in lower case.")]


@post(
    "/content/missing",
    status_code=200,
    dto=Body[HashesRequest],
    return_dto=None,
    responses=said(400, 413, 415),
    right=Right.SUBMIT,
)
async def missing_content(data: JSONBody[HashesRequest], content: TheContent) -> MissingView:
    """Which of these the manager does not have. The others are kept for a day, so that a job can be submitted of them.

    It tells whether some content is known, and nothing of what is in it.
    """
    if len(data.hashes) > MOST_HASHES:
        raise Wrong(413, f"At most {MOST_HASHES} hashes are asked at once.", "hashes")
    for sha256 in data.hashes:
        _look_at(sha256, "hashes")
    return MissingView(missing=tuple(await asyncio.to_thread(content.missing, data.hashes)))


@head("/content/{sha256:str}", responses=said(400), right=Right.SUBMIT)
async def content_standing(sha256: Sha256, content: TheContent) -> Response[None]:
    """How much of it is here: `Upload-Offset`, and `Upload-Complete` 1 where that is all."""
    _look_at(sha256)
    return files.standing(*await asyncio.to_thread(content.standing, sha256))


@put(
    "/content/{sha256:str}",
    status_code=201,
    responses=said(400, 408, 409, 413, 415, 422, 507),
    request_max_body_size=None,
    opt=files.TAKES_OCTETS,
    right=Right.SUBMIT,
)
async def send_content(request: Request[Any, Any, Any], sha256: Sha256, content: TheContent) -> Response[Any]:
    """Send a file, or the next part of it: bytes from `Upload-Offset` on, of `Upload-Length`. 201: it is whole,
    verified and kept. 202: more is to come. 409: go on from the answer's `Upload-Offset`; with `Retry-After`, somebody
    else is sending it now. 422: its hash is another, and all of it was dropped. 507: no room.
    """
    _look_at(sha256)
    asked = files.asked(request, sha256)
    if await asyncio.to_thread(content.size, sha256) is not None:
        await asyncio.to_thread(content.standing, sha256)
        return Response(None, status_code=200, headers={"Upload-Offset": str(asked.length), "Upload-Complete": "1"})
    return await files.received(request, asked, lambda body: content.receive(asked, body))


@get("/content/{sha256:str}", media_type=files.OCTETS, responses=said(400, 404), right=Right.WORK)
async def fetch_content(request: Request[Any, Any, Any], sha256: Sha256, content: TheContent) -> Response[Any]:
    """A file of a scene, whole or a range of it. For workers: whoever knows a hash has no claim to what is in it."""
    _look_at(sha256)
    size = await asyncio.to_thread(content.size, sha256)
    if size is None:
        raise Refusal(f"The content {sha256} is not here.", "not_found")
    return await files.given(request, size, lambda offset, length: content.read(sha256, offset, length), sha256)


@post(
    "/content/gc",
    status_code=200,
    dto=Body[CollectRequest],
    return_dto=None,
    responses=said(400, 413, 415),
    right=Right.CHANGE_FARM,
)
async def collect_content(data: JSONBody[CollectRequest], service: TheService, asker: TheAsker) -> CollectedView:
    """Remove the content that no job needs: of none that is unfinished, or ended within `content_days`, and nobody has
    asked for it within a day. The manager does so by itself once a day.
    """
    return await service.collect_content(data.dry_run)


def _look_at(sha256: str, where: str = "sha256") -> None:
    if not SHA256.fullmatch(sha256):
        raise Wrong(400, "A SHA-256 has 64 hexadecimal digits, in lower case.", where)


HANDLERS: list[Any] = [missing_content, content_standing, send_content, fetch_content, collect_content]
