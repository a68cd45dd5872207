# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender prints: flushed at the ends of a run, and marked, so that the worker can tell the runs' logs apart."""

import contextlib
import ctypes
import os
import sys
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
