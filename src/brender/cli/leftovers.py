# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of local runs whose command was killed: nobody will go on with them, and they own their outputs until they end.

A local run leaves a note with its process while it lives. What a note says of a process that is gone is cancelled by
the next local run on that data folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from brender.client.api import Client
from brender.client.errors import ApiError, Unreachable


class Note(msgspec.Struct, frozen=True):
    """A process, told from others that get its number later by when it started."""

    pid: int
    created: float

    @staticmethod
    def of_this_process() -> "Note":
        """This one."""
        import psutil

        here = psutil.Process()
        return Note(here.pid, here.create_time())

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        import psutil

        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.created) < 1.0)
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return True


@contextmanager
def noted(data: Path, job: int) -> Iterator[None]:
    """While in here, a note says that this process sees to the job."""
    path = _folder(data) / str(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(Note.of_this_process()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def cancel_left_over(data: Path, client: Client) -> list[int]:
    """Cancel the jobs of runs that were killed, and give their ids."""
    left = [path for path in _notes(data) if not _read(path).alive]
    cancelled = [int(path.name) for path in left if _cancelled(client, int(path.name))]
    for path in left:
        path.unlink(missing_ok=True)
    return cancelled


def _cancelled(client: Client, job: int) -> bool:
    try:
        client.act(job, "cancel")
    except Unreachable:
        raise
    except ApiError:
        return False  # it has ended, or is not there any more
    return True


def _notes(data: Path) -> list[Path]:
    folder = _folder(data)
    return sorted(path for path in folder.iterdir() if path.name.isdigit()) if folder.is_dir() else []


def _read(path: Path) -> Note:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return Note(0, 0.0)  # torn: its writer was killed over it


def _folder(data: Path) -> Path:
    return data / "local-runs"
