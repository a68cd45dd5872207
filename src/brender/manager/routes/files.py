# SPDX-License-Identifier: GPL-3.0-or-later
"""Files over HTTP, for every route that has them: taken in parts that can be resumed, and given in ranges.

docs/protocol.md, "Files", says how a client goes about it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import quote

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Stream

from brender.core.views import ErrorBody, Problem
from brender.manager.errors import Wrong
from brender.manager.incoming import Asked, NotTaken

OCTETS = "application/octet-stream"
TAKES_OCTETS: dict[str, Any] = {"octets": True}  # `opt` of a route whose body is a file (errors.refuse_other_media)
RETRY_S = 1  # to ask again whether another sender is done
SWALLOWED = 64 * 2**20  # bytes of a refused body that are read and thrown away, so that the answer is heard

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Broken(Exception):
    """The sender has gone in the middle of a body."""


# --- in ----------------------------------------------------------------------------------------------------------


def standing(offset: int, complete: bool) -> Response[None]:
    """The answer to HEAD: how much of a file is here, and whether that is all."""
    return Response(None, headers={"Upload-Offset": str(offset), "Upload-Complete": "1" if complete else "0"})


def asked(request: Request[Any, Any, Any], sha256: str) -> Asked:
    """What a PUT brings, by its headers. Raises `Wrong`."""
    offset, length = _number(request, "Upload-Offset"), _number(request, "Upload-Length")
    if offset > length:
        raise Wrong(400, "Upload-Offset is beyond Upload-Length.", "Upload-Offset")
    return Asked(sha256, offset, length, request.content_length)


def _number(request: Request[Any, Any, Any], name: str) -> int:
    given = request.headers.get(name, "")
    if not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise Wrong(400, f"{name} is a number of bytes.", name)
    return int(given)


async def received(
    request: Request[Any, Any, Any], asked: Asked, receive: Callable[[AsyncIterator[bytes]], Any]
) -> Response[Any]:
    """The answer to PUT. `receive` takes the body, and gives how many bytes are there; None: it is whole."""
    try:
        there = await receive(_body(request))
    except NotTaken as refused:
        return _refused(refused, asked)
    except Broken:
        return Response(None, status_code=400, headers={"Connection": "close"})  # nobody hears it
    if there is None:
        return Response(None, status_code=201, headers={"Upload-Offset": str(asked.length), "Upload-Complete": "1"})
    return Response(None, status_code=202, headers={"Upload-Offset": str(there), "Upload-Complete": "0"})


async def _body(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except HTTPException as error:
        if error.status_code < 500:
            raise
        raise Broken from None


def _refused(refused: NotTaken, asked: Asked) -> Response[ErrorBody]:
    headers = {} if refused.offset is None else {"Upload-Offset": str(refused.offset)}
    if refused.busy:
        headers["Retry-After"] = str(RETRY_S)
    if asked.body is None or asked.body > SWALLOWED:
        headers["Connection"] = "close"
    body = ErrorBody(error=Problem(message=refused.message, reason=refused.reason))
    return Response(body, status_code=refused.status, media_type=MediaType.JSON, headers=headers)


# --- out ---------------------------------------------------------------------------------------------------------


async def given(
    request: Request[Any, Any, Any],
    size: int,
    read: Callable[[int, int], Iterator[bytes]],
    sha256: str,
    media_type: str = OCTETS,
    name: str = "",
) -> Response[Any]:
    """The answer to GET: the whole file, or the one range that is asked for. `read(offset, length)` gives it."""
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if name:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    if f'"{sha256}"' in request.headers.get("If-None-Match", ""):
        return Response(None, status_code=304, headers=headers)
    first, last = 0, size - 1
    wanted = request.headers.get("Range", "")
    is_part = bool(wanted) and request.headers.get("If-Range", f'"{sha256}"') == f'"{sha256}"'
    if is_part:
        span = _span(wanted, size)
        if span is None:
            body = ErrorBody(error=Problem(message=f"Of its {size} bytes there is no {wanted}.", where="Range"))
            return Response(
                body, status_code=416, media_type=MediaType.JSON, headers={"Content-Range": f"bytes */{size}"}
            )
        first, last = span
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    length = last - first + 1
    pieces = await asyncio.to_thread(read, first, length)
    headers["Content-Length"] = str(length)
    return Stream(_pieces(pieces), status_code=206 if is_part else 200, media_type=media_type, headers=headers)


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """One piece is read while the one before goes out."""
    coming = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
    try:
        while piece := await coming:
            coming = asyncio.ensure_future(asyncio.to_thread(next, pieces, b""))
            yield piece
    finally:
        coming.cancel()


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """The first and last byte of a Range; None where there are none of it."""
    found = _RANGE.fullmatch(wanted.replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        return (size - count, size - 1) if count else None
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    return (first, last) if first <= last else None
