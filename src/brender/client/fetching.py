# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches frames: each file resumed where it broke off, verified, and under its name only when it is whole.

Names come from the manager, and are looked at here once more: none of them leaves the folder.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from brender.client.api import Client
from brender.core import names
from brender.core.views import FrameRecord
from brender.transfer import TransferError

PAGE = 200  # records asked for at once

Told = Callable[[int], None]


class Fetchable(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a frame that is done."""

    frame: int
    number: int  # among the frame's files
    name: str  # relative, with "/"
    size: int  # bytes
    sha256: str


def fetchable(record: FrameRecord) -> list[Fetchable]:
    """The files of a frame; none where it is not done."""
    if record.state != "succeeded":
        return []
    return [
        Fetchable(frame=record.frame, number=number, name=file.name, size=file.size, sha256=file.sha256)
        for number, file in enumerate(record.files)
    ]


def records(client: Client, job: int, first: int = 0, count: int | None = None) -> Iterator[FrameRecord]:
    """The records of a job's frames, page after page: `count` of them, or all."""
    at, end = first, None if count is None else first + count
    while end is None or at < end:
        page = client.frames(job, at, PAGE if end is None else min(PAGE, end - at))
        yield from page.frames
        at, end = at + PAGE, page.total if end is None else min(end, page.total)


def target(folder: Path, name: str) -> Path:
    """Where a file of this name goes. Raises TransferError."""
    if reason := names.refusal(name):
        raise TransferError(f"The manager has a file called {name!r}, which is not fetched: {reason}.")
    return folder / name


def is_there(folder: Path, file: Fetchable) -> bool:
    """Whether it is in the folder already, and good."""
    path = target(folder, file.name)
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def bring(client: Client, job: int, file: Fetchable, folder: Path, told: Told, patience_s: float | None = None) -> Path:
    """Fetch one into the folder, in place of what is there under its name. `told` may raise. Raises TransferError."""
    path = target(folder, file.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TransferError(f"{path.parent} cannot be made: {error.strerror}.") from None
    client.fetch_frame_file(job, file.frame, file.number, path, file.sha256, file.size, told, patience_s)
    return path
