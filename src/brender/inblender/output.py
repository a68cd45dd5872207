# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender prints: flushed at the ends of a run, and marked, so that the worker can tell the runs' logs apart."""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any


def _c_library() -> Any:
    with contextlib.suppress(OSError):
        return ctypes.CDLL(None if os.name == "posix" else "msvcrt")
    return None


_C = _c_library()


def flush() -> None:
    """Python's buffers, then those of C, in which Blender prints."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a script may have closed or replaced it
            stream.flush()
    if _C is not None:
        _C.fflush(None)


def mark(text: str) -> None:
    """Writes a line that the worker looks for; what is printed after it belongs to the next run."""
    flush()
    with contextlib.suppress(OSError):
        os.write(1, text.encode() + b"\n")


class Heard:
    """What was printed while it was listened to."""

    text = ""


@contextlib.contextmanager
def overheard() -> Iterator[Heard]:
    """Passes on all that is printed meanwhile, and keeps it: some of Blender's troubles are told nowhere else."""
    heard, parts = Heard(), list[bytes]()
    flush()
    out, err = os.dup(1), os.dup(2)
    reading, writing = os.pipe()
    listener = threading.Thread(target=_pass_on, args=(reading, out, parts), daemon=True)
    listener.start()
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield heard
    finally:
        flush()
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(err)
        listener.join(timeout=1.0)  # a process that a script started may still hold the pipe
        heard.text = b"".join(parts).decode("utf-8", "replace")


def _pass_on(reading: int, out: int, parts: list[bytes]) -> None:
    while data := os.read(reading, 65536):
        parts.append(data)
        os.write(out, data)
    os.close(reading)
    os.close(out)
