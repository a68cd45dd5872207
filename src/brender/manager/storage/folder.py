# SPDX-License-Identifier: GPL-3.0-or-later
"""Content and frames in a folder, a file a key. On the data folder's own disk keeping one is a rename."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from brender.core import names
from brender.manager.files import flush
from brender.manager.storage import Entry, StorageError

PIECE = 2**20  # bytes that `read` gives at once, at most
ASIDE = ".taking"  # in the folder: copies on their way from another disk; no key begins so


class FolderStorage:
    """A `Storage` in a folder of this machine, or one that is mounted there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.rmtree(folder / ASIDE, ignore_errors=True)  # left over from a manager that ended in the middle
        except OSError as error:
            raise StorageError(f"The folder {folder} cannot be used: {error.strerror}.") from None

    def where(self, key: str) -> str:
        return str(self._path(key))

    def size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{self.where(key)} cannot be looked at: {error.strerror}.") from None

    def take(self, key: str, path: Path) -> None:
        target = self._path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(path)
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy(path, target)
            flush(target.parent)
        except OSError as error:
            raise StorageError(f"{path} cannot be kept as {target}: {error.strerror}.") from None

    def _copy(self, path: Path, target: Path) -> None:
        """From another disk: whole beside its place first."""
        aside = self._folder / ASIDE / secrets.token_hex(8)
        aside.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(path, aside)
            _sync(aside)
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        path.unlink()

    def read(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(str(path))
        return pieces(path, offset, length)

    def local(self, key: str) -> Path | None:
        path = self._path(key)
        return path if path.is_file() else None

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise StorageError(f"{path} cannot be deleted: {error.strerror}.") from None

    def list(self, prefix: str) -> Iterator[Entry]:
        top = self._folder / prefix.rpartition("/")[0]
        for folder, inner, files in os.walk(top):
            if Path(folder) == self._folder and ASIDE in inner:
                inner.remove(ASIDE)
            for name in files:
                path = Path(folder, name)
                key = path.relative_to(self._folder).as_posix()
                if not key.startswith(prefix):
                    continue
                try:
                    found = path.stat()
                except OSError:  # deleted while it was listed
                    continue
                yield Entry(key, found.st_size, found.st_mtime)

    def room(self) -> int | None:
        try:
            return shutil.disk_usage(self._folder).free
        except OSError:
            return None

    def _path(self, key: str) -> Path:
        if reason := names.refusal(key):
            raise StorageError(f"{key!r} is no key of a storage: {reason}.")
        return self._folder / key


def pieces(path: Path, offset: int, length: int | None) -> Iterator[bytes]:
    """A file's bytes, at most PIECE at once. Raises StorageError."""
    left = length
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            while (left is None or left > 0) and (piece := file.read(PIECE if left is None else min(PIECE, left))):
                left = None if left is None else left - len(piece)
                yield piece
    except OSError as error:
        raise StorageError(f"{path} cannot be read to its end: {error.strerror}.") from None


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
