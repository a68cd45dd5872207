# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on their way to the manager: each a part that grows, is found again after any break, and counts once its
SHA-256 is the one it was sent under.

One sender at a time writes to a part. All but `receive` blocks, and is called in threads.
"""

import asyncio
import contextlib
import errno
import hashlib
import shutil
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

GB = 2**30
GATHERED = 2 * 2**20  # bytes that are written and hashed at once; as many again may come in meanwhile
SILENCE_S = 20.0  # without a byte a request ends; what came stays
STALE_S = 48 * 3600.0  # without a byte more, a part is nobody's
KNOWN = 1000  # parts whose hash so far is remembered
READ = 2**20

Room = Callable[[], int]  # bytes that may still be taken


class NotTaken(Exception):
    """Why bytes were not taken: the HTTP status, a sentence, a reason for programs, and what is there."""

    def __init__(self, status: int, message: str, reason: str, offset: int | None = None, busy: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.offset = offset
        self.busy = busy


class Asked(msgspec.Struct, frozen=True):
    """What a request brings: bytes from `offset` on, of a file of `length` with this hash."""

    sha256: str
    offset: int
    length: int
    body: int | None = None  # bytes that it says it has


class _Part:
    """A file that is not whole yet, while somebody writes to it."""

    def __init__(self, path: Path, asked: Asked, known: "tuple[int, Any] | None", room: Room) -> None:
        self._path = path
        self._asked = asked
        self._room = room
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.at = path.stat().st_size if path.exists() else 0
        if self.at > asked.length:
            path.unlink()
            self.at = 0
        self.digest = known[1] if known and known[0] == self.at else self._hashed()

    def _hashed(self) -> Any:
        digest = hashlib.sha256()
        if self.at:
            with self._path.open("rb") as file:
                while piece := file.read(READ):
                    digest.update(piece)
        return digest

    def check(self) -> None:
        """That the request fits what is there."""
        if self._asked.offset != self.at:
            raise NotTaken(409, f"{self.at} bytes of it are here, so it goes on from there.", "conflict", self.at)
        if self._asked.body is not None and self.at + self._asked.body > self._asked.length:
            raise NotTaken(400, "The body is longer than what is missing of Upload-Length.", "invalid")
        self._look_for_room(self._asked.length - self.at)

    def write(self, pieces: list[bytes]) -> None:
        """Add these."""
        piece = b"".join(pieces)
        if self.at + len(piece) > self._asked.length:
            raise NotTaken(400, "The body is longer than what is missing of Upload-Length.", "invalid")
        self._look_for_room(len(piece))
        with self._path.open("ab") as file:
            file.write(piece)
        self.digest.update(piece)
        self.at += len(piece)

    def _look_for_room(self, bytes_: int) -> None:
        if self._room() < bytes_:
            raise NotTaken(
                507,
                f"The manager's disk has no room for {bytes_ / 2**20:.0f} MB more: it keeps some free (the setting "
                "keep_free_gb). Free some, or ask who looks after it.",
                "no_room",
            )

    def finish(self, keep: Callable[[Path], None]) -> None:
        """It is all there: verify, and hand it over."""
        if not self._path.exists():
            self._path.touch()
        if self.digest.hexdigest() != self._asked.sha256:
            self._path.unlink()
            raise NotTaken(422, "What came is not what it was sent as: its SHA-256 is another.", "not_the_content")
        keep(self._path)


class Incoming:
    """All that is on its way, in a folder; a part's key is its path there."""

    def __init__(self, folder: Path, room: Room, largest: Callable[[], int]) -> None:
        self._folder = folder
        self._room = room
        self._largest = largest
        self._busy: set[str] = set()
        self._digests: OrderedDict[str, tuple[int, Any]] = OrderedDict()

    def offset(self, key: str) -> int:
        """How many bytes of a part are there."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return 0

    async def receive(
        self, key: str, asked: Asked, body: AsyncIterator[bytes], keep: Callable[[Path], None]
    ) -> int | None:
        """Take what a request brings; None: the file is whole, verified and was given to `keep`, in a thread. Else
        how many bytes are there. Raises NotTaken; what came before is kept then, but for a file with another hash.
        """
        if asked.length > self._largest():
            raise NotTaken(413, f"A file may have {self._largest() / GB:g} GB (largest_file_gb).", "too_large")
        if key in self._busy:
            there = await asyncio.to_thread(self.offset, key)
            raise NotTaken(409, "It is being sent by somebody else now.", "conflict", there, busy=True)
        self._busy.add(key)
        try:
            return await self._receive(key, asked, body, keep)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            message = f"The manager could not write it: {error.strerror}."
            raise NotTaken(507 if full else 503, message, "no_room" if full else "unavailable") from None
        finally:
            self._busy.discard(key)

    async def _receive(
        self, key: str, asked: Asked, body: AsyncIterator[bytes], keep: Callable[[Path], None]
    ) -> int | None:
        part = await asyncio.to_thread(_Part, self._path(key), asked, self._digests.pop(key, None), self._room)
        try:
            part.check()
            await _written(part, body)
            if part.at < asked.length:
                return part.at
            await asyncio.to_thread(part.finish, keep)
            return None
        finally:
            if part.at < asked.length:
                self._remember(key, part)

    def _remember(self, key: str, part: _Part) -> None:
        self._digests[key] = (part.at, part.digest)
        if len(self._digests) > KNOWN:
            self._digests.popitem(last=False)

    def forget(self, folder: str) -> None:
        """Remove all parts in a folder of keys: nobody waits for them any more."""
        shutil.rmtree(self._folder / folder, ignore_errors=True)

    def clean(self) -> None:
        """Remove parts that nobody has added to for long."""
        before = time.time() - STALE_S
        for path in self._folder.rglob("*.part"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.part"


async def _written(part: _Part, body: AsyncIterator[bytes]) -> None:
    """Write what comes, a lot at a time, while the next comes in. What is silent for too long is given up."""
    loop = asyncio.get_running_loop()
    writing: asyncio.Future[None] | None = None
    pieces: list[bytes] = []
    gathered = 0
    try:
        async with asyncio.timeout(SILENCE_S) as limit:
            async for piece in body:
                pieces.append(piece)
                gathered += len(piece)
                if gathered >= GATHERED:
                    limit.reschedule(None)  # a slow disk is no silence
                    if writing:
                        await asyncio.shield(writing)
                    writing = loop.run_in_executor(None, part.write, pieces)
                    pieces, gathered = [], 0
                limit.reschedule(loop.time() + SILENCE_S)
    except TimeoutError:
        raise NotTaken(408, f"Nothing came for {SILENCE_S:.0f} s. It goes on from what is here.", "slow") from None
    finally:
        if writing:
            await asyncio.shield(writing)
        if pieces:
            await asyncio.shield(loop.run_in_executor(None, part.write, pieces))
