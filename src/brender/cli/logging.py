# SPDX-License-Identifier: GPL-3.0-or-later
"""How manager and worker write their logs: a line an event, and tracebacks without the values of variables, among
which a token or a key could be. A log in a file stays within a bound, and a full disk ends nobody."""

import contextlib
import io
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import TextIO, cast

MOST_BYTES = 4 * 2**20  # of the file that is written to, and of each older one
OLDER = 3  # files that are kept, `.1` the newest of them
LOOK_S = 5.0  # what libraries print by themselves passes by us


def configure(file: Path | None = None) -> None:
    """For this process, from now on: to where it prints, or to a file."""
    import structlog

    stream = _Patient(None if file is None else Rotating(file))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors=file is None and sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, stream)),
    )


class Rotating:
    """A file for all that this process prints, that is emptied into an older one when it is full.

    Copied and emptied rather than renamed: others that append to it (Blender's libraries, whoever started this process)
    go on doing so, on every system.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, older: int = OLDER) -> None:
        self._path, self._most, self._older = path, most_bytes, older
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._take_output()
        threading.Thread(target=self._look_on, name="log", daemon=True).start()

    def _take_output(self) -> None:
        """What this process prints in whatever way goes to the file."""
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for output in (1, 2):
            os.dup2(handle, output)
        os.close(handle)
        sys.stdout = io.TextIOWrapper(open(1, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)  # noqa: SIM115
        sys.stderr = io.TextIOWrapper(open(2, "wb", 0, closefd=False), "utf-8", "replace", write_through=True)  # noqa: SIM115

    def look(self) -> None:
        """Empty it if it is full. What cannot be copied is lost: a log is not worth the disk's last room."""
        with self._lock, contextlib.suppress(OSError):
            if self._path.stat().st_size < self._most:
                return
            with contextlib.suppress(OSError):
                self._shift()
            os.truncate(self._path, 0)

    def _shift(self) -> None:
        for number in range(self._older, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                self._numbered(number - 1).replace(self._numbered(number))
        try:
            shutil.copyfile(self._path, self._numbered(1))
        except OSError:
            self._numbered(1).unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _look_on(self) -> None:
        wait = threading.Event()
        while True:
            wait.wait(LOOK_S)
            self.look()


class _Patient(io.TextIOBase):
    """Standard output, to which a line may fail to go: the disk behind it is full, or nobody reads any more."""

    def __init__(self, rotating: Rotating | None) -> None:
        self._rotating = rotating

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text)
        if self._rotating is not None:
            self._rotating.look()
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
