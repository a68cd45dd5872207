# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a worker is: a secret key in its folder, and a lock on the folder for as long as it lives.

Two workers never share an identity (C13). The second in one folder, or one from another machine (the folder is on a
shared disk, where a lock may not hold, or was copied), gets a folder within it, with a key of its own, and says so.
"""

import contextlib
import hashlib
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from brender.worker.durable import write_whole

MOST = 64  # workers of one machine in one folder


class NoIdentityError(Exception):
    """The folder is of no use; the message says why."""


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """`key.json`: the secret, and the machine it belongs to."""

    key: str
    machine: str  # its name
    id: str = ""  # what tells it from others of that name, `host.machine`; "" in files of earlier versions


class Identity:
    """A folder that is this process's alone until `release` or its end, however it ends."""

    def __init__(self, folder: Path, key: str, lock: IO[bytes], note: str) -> None:
        self.folder = folder
        self.key = key
        self.note = note  # a sentence where it is not the identity that was asked for
        self._lock = lock

    @property
    def public(self) -> str:
        """A name for this identity that tells nothing of its key."""
        return hashlib.sha256(b"public " + self.key.encode()).hexdigest()[:16]

    def release(self) -> None:
        """Let another process have it."""
        self._lock.close()


def claim(folder: Path, name: str, machine: str = "") -> Identity:
    """This process's identity. `name`: the machine's, that no other on the same disk has; `machine`: what tells it from
    one that has a copy of the folder, name and all. Raises NoIdentityError.
    """
    try:
        for candidate, note in _candidates(folder, name, machine):
            identity = _claim(candidate, note, name, machine)
            if identity is not None:
                return identity
    except OSError as error:
        raise NoIdentityError(f"The worker's folder {folder} cannot be used: {error.strerror or error}.") from None
    raise NoIdentityError(f"{MOST} workers run from {folder} already; give this one another folder.")


def _candidates(folder: Path, name: str, machine: str) -> Iterator[tuple[Path, str]]:
    """The folder itself where it is new or this machine's; else this machine's within it; then numbered ones. With each
    the sentence for who gets that one.
    """
    wanted, known = folder, _read(folder / "key.json")
    if known is None or _is_of(known, name, machine):
        yield folder, ""
    else:
        folder = folder / re.sub(r"[^\w.-]", "_", name if known.machine != name else f"{name}-{machine[:8]}")
        yield folder, f"The identity in {wanted} is that of another machine, {known.machine}: {_own(folder)}"
    for number in range(2, MOST + 1):
        candidate = folder / str(number)
        yield candidate, f"Another worker has the identity in {folder}: {_own(candidate)}"


def _own(folder: Path) -> str:
    return f"this one has its own, in {folder}."


def _is_of(known: KeyFile, name: str, machine: str) -> bool:
    """Whether a key is this machine's. By the id too: a machine and a copy of it have one name."""
    return known.machine == name and (not known.id or not machine or known.id == machine)


def _claim(candidate: Path, note: str, name: str, machine: str) -> Identity | None:
    """The identity of this folder, or None where another process has it."""
    candidate.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (candidate / "lock").open("a+b")
    try:
        _lock(lock)
    except OSError:
        lock.close()
        return None
    try:
        key = _key(candidate / "key.json", name, machine)
    except BaseException:
        lock.close()
        raise
    return Identity(candidate, key, lock, note)


def _key(path: Path, name: str, machine: str) -> str:
    """The folder's key, made at its first use; one that cannot be read, or is another machine's, is replaced."""
    known = _read(path)
    mine = known if known is not None and _is_of(known, name, machine) else None
    wanted = KeyFile(
        key=mine.key if mine else secrets.token_urlsafe(32), machine=name, id=machine or (mine.id if mine else "")
    )
    if wanted != known:
        write_whole(path, msgspec.json.encode(wanted))
    return wanted.key


def _read(path: Path) -> KeyFile | None:
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=KeyFile)
    return None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
