# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a run's files: a frame is done when they are whole, good and on the disk for good, not before.

Blocks for as long as decoding takes: the agent calls it in a thread, while the next frame renders.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from brender.core import messages as m
from brender.core.failures import Kind
from brender.imaging.bad import BadPicture
from brender.imaging.thumbnail import thumbnail
from brender.imaging.verify import verify
from brender.worker.durable import sync_file, sync_folder
from brender.worker.session.events import NotVerified, Verified, Written
from brender.worker.session.instructions import Verify

log = structlog.get_logger()


def look(asked: Verify) -> Verified | NotVerified:
    """What became of the files; nothing is raised."""
    began = time.monotonic()
    try:
        files = tuple(_look_at(file, asked) for file in asked.files)
        _sync(asked.files)
        return Verified(asked.run, files, _thumbnail(asked), time.monotonic() - began)
    except BadPicture as bad:
        return NotVerified(asked.run, Kind.BAD_PICTURE, f"{bad}.")
    except OSError as error:
        return NotVerified(asked.run, Kind.WORKER_ERROR, f"The rendered files cannot be read: {error}.")
    except Exception as error:  # a decoder that trips over a file must not end the worker
        log.exception("verifying failed", run=asked.run)
        return NotVerified(asked.run, Kind.BAD_PICTURE, f"The picture cannot be decoded: {error}.")


def _look_at(file: Written, asked: Verify) -> m.File:
    """Of the scene's own pictures size and format are known; of a File Output node's only that they must be good."""
    opened = asked.opened
    if file.main:
        movie = asked.frames if asked.frames > 1 else None
        seen = verify(file.temporary, opened.width, opened.height, opened.format, movie)
    else:
        seen = verify(file.temporary)
    return m.File(
        temporary=file.temporary,
        final=file.final,
        size=seen.size_bytes,
        sha256=seen.sha256,
        width=seen.width,
        height=seen.height,
    )


def _sync(files: Iterable[Written]) -> None:
    folders = set()
    for file in files:
        path = Path(file.temporary)
        sync_file(path)
        folders |= {path.parent, path.parent.parent}
    for folder in folders:
        sync_folder(folder)


def _thumbnail(asked: Verify) -> bytes:
    """Of the scene's own picture; none where there is none to be made, which spoils no frame."""
    shown = next((file for file in asked.files if file.main), *asked.files[:1])
    try:
        return thumbnail(shown.temporary, view=asked.opened.view).jpeg
    except (BadPicture, OSError):
        return b""
