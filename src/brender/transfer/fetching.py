# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches a file: from where it broke off, verified, and under its name only when it is whole."""

import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from brender.transfer.again import MENDABLE, PATIENCE_S, Again, Told, in_words, sentence
from brender.transfer.errors import TransferError

READ = 2**20  # bytes that are in memory

_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


def fetch(
    http: httpx.Client,
    url: str,
    target: Path,
    sha256: str,
    size: int | None,
    told: Told,
    patience_s: float = PATIENCE_S,
) -> None:
    """Bring what is at `url` to `target`, whose folder is there. `told` hears how many bytes are, and may raise.

    Raises TransferError where it is refused, is something else than `sha256`, or nothing moves for `patience_s`. What
    was fetched until then is found again by the next call.
    """
    again = Again(f"{target} could not be fetched", told, patience_s)
    with _local(target):
        for is_last in (False, True):
            part = _Part(part_of(target, sha256), size)
            _whole(http, url, part, again)
            if part.digest.hexdigest() == sha256:
                part.path.replace(target)
                return
            part.path.unlink()
            if is_last:
                raise TransferError(f"What came for {target} is not what was asked for, twice.")


def part_of(target: Path, sha256: str) -> Path:
    """Where a file is while it is fetched: beside its place, by its content and its name."""
    return target.with_name(f".{sha256[:16]}-{zlib.crc32(target.name.encode('utf-8', 'surrogateescape')):08x}.part")


class _Part:
    """What is there so far."""

    def __init__(self, path: Path, size: int | None) -> None:
        self.path = path
        self.size = size
        self.at = 0
        self.digest = hashlib.sha256()
        if path.exists():
            self._look()

    def _look(self) -> None:
        with self.path.open("rb") as file:
            while piece := file.read(READ):
                self.digest.update(piece)
                self.at += len(piece)
        if self.size is not None and self.at > self.size:
            self.restart()

    def restart(self) -> None:
        self.path.unlink(missing_ok=True)
        self.at, self.digest = 0, hashlib.sha256()

    @property
    def is_whole(self) -> bool:
        return self.size is not None and self.at == self.size


def _whole(http: httpx.Client, url: str, part: _Part, again: Again) -> None:
    if part.size == 0:
        part.path.touch()
    while not part.is_whole:
        again.at(part.at)
        before = part.at
        try:
            _some(http, url, part, again)
            if part.at <= before and not part.is_whole:
                again.wait("nothing came", part.at)
        except httpx.TransportError as error:
            again.wait(in_words(error), part.at)
    again.at(part.at)


def _some(http: httpx.Client, url: str, part: _Part, again: Again) -> None:
    """One request."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={part.at}-"} if part.at else {})
    with http.stream("GET", url, headers=headers) as answer:
        if answer.status_code not in (200, 206):
            answer.read()
            _not(answer, part, again)
            return
        if answer.status_code == 200 and part.at:
            part.restart()
        _learn_size(answer, part)
        with part.path.open("ab") as file:
            for piece in answer.iter_raw(READ):
                file.write(piece)
                part.digest.update(piece)
                part.at += len(piece)
                again.at(part.at)
                if part.size is not None and part.at > part.size:
                    raise TransferError(f"More came for {url} than its {part.size} bytes.")
        if part.size is None:
            part.size = part.at


def _learn_size(answer: httpx.Response, part: _Part) -> None:
    """Of a file whose size nobody has said."""
    if part.size is not None:
        return
    found = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
    length = found[1] if found else answer.headers.get("Content-Length", "")
    part.size = int(length) if length.isdecimal() else None


def _not(answer: httpx.Response, part: _Part, again: Again) -> None:
    """No bytes came: again, from the start, or an end."""
    if answer.status_code == 416 and part.at:
        if (found := _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))) and int(found[1]) == part.at:
            part.size = part.at
        else:
            part.restart()
    elif answer.status_code in MENDABLE:
        again.wait(sentence(answer).rstrip("."), part.at)
    else:
        raise TransferError(sentence(answer), answer.status_code)


@contextmanager
def _local(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransferError(f"{target} cannot be written: {error.strerror or error}.") from None
