# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a file: in pieces, from where the other side has it already, again after any break, verified over there."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx

from brender.transfer.again import MENDABLE, PATIENCE_S, Again, Told, in_words, sentence
from brender.transfer.errors import Changed, TransferError

READ = 2**20  # bytes that are in memory
PIECE = 32 * 2**20  # bytes of one request: no more of them is sent in vain, whatever stands in between
SMALL = 2**20  # up to here it is not asked first how much is there
ANSWER_S = 300.0  # the last piece is answered when all is verified and kept, perhaps in a store far away


def send(
    http: httpx.Client,
    url: str,
    path: Path,
    sha256: str,
    size: int,
    told: Told,
    patience_s: float = PATIENCE_S,
) -> None:
    """Bring the file at `path` to `url`. `told` hears how many bytes are there, and what it raises ends the transfer.

    Raises TransferError where it is refused, or nothing moves for `patience_s`; `Changed` where the file is not what
    `sha256` and `size` say.
    """
    again = Again(f"{path} could not be sent", told, patience_s)
    at = 0 if size <= SMALL else None  # None: not known
    while True:
        try:
            if at is None:
                answer = http.head(url)
            else:
                again.at(at)
                answer = _put(http, url, path, at, size, told)
        except httpx.TransportError as error:
            again.wait(in_words(error), at or 0)
            at = None
            continue
        if _is_complete(answer):
            return again.at(size)
        at = _next(answer, again, at or 0, path, sha256)


def _put(http: httpx.Client, url: str, path: Path, at: int, size: int, told: Told) -> httpx.Response:
    length = min(PIECE, size - at)
    headers = {
        "Upload-Offset": str(at),
        "Upload-Length": str(size),
        "Content-Type": "application/octet-stream",
        "Content-Length": str(length),
    }
    pieces = _pieces(path, at, length, size, told)
    return http.put(url, content=pieces, headers=headers, timeout=httpx.Timeout(60.0, read=ANSWER_S))


def _pieces(path: Path, at: int, length: int, size: int, told: Told) -> Iterator[bytes]:
    end = at + length
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(at)
            while at < end:
                piece = file.read(min(READ, end - at))
                if not piece:
                    raise Changed(f"{path} is shorter than the {size} bytes that it had.")
                yield piece
                at += len(piece)
                told(at)
    except OSError as error:
        raise Changed(f"{path} cannot be read any more: {error.strerror}.") from None


def _is_complete(answer: httpx.Response) -> bool:
    return answer.status_code == 201 or (answer.status_code == 200 and answer.headers.get("Upload-Complete") != "0")


def _next(answer: httpx.Response, again: Again, at: int, path: Path, sha256: str) -> int | None:
    """Where to go on; None: that is to be asked. Waits where that is a good idea, and raises where nothing is."""
    status, there = answer.status_code, _offset(answer)
    if status in (200, 202) or (status == 409 and there is not None):
        if "Retry-After" in answer.headers:
            again.at(there or 0)
            again.wait("somebody else is sending it", there or 0)
        elif status == 409:
            again.wait("the other side had another part of it", at)
        return there
    if status == 422 and _hash(path) == sha256:
        again.wait("it arrived as something else", 0)
        return None
    if status == 422:
        raise Changed(f"{path} has changed since it was looked at.", status)
    if status in MENDABLE:
        again.wait(sentence(answer).rstrip("."), at)
        return None
    if answer.request.method == "HEAD":  # which has no words: a PUT has
        return 0
    raise TransferError(sentence(answer), status)


def _offset(answer: httpx.Response) -> int | None:
    given = answer.headers.get("Upload-Offset", "")
    return int(given) if given.isdecimal() else None


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
