# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the database as it is at one moment, taken while a manager writes to it, which waits for nothing."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from brender.store.database import StoreError
from brender.store.store import FILE


def backup(data: Path, target: Path) -> int:
    """Copy the database of a data folder to a new file, whole or not at all; its bytes. Raises StoreError."""
    source = data / FILE
    if not source.is_file():
        raise StoreError(f"There is no database in {data}: {source} is not there.")
    if target.exists():
        raise StoreError(f"{target} is there already, and is not overwritten. Give a new name.")
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  # it holds hashes of secrets
        _copy(source, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.rename(target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{source} could not be copied to {target}: {error}.") from None
    return target.stat().st_size


def _copy(source: Path, part: Path) -> None:
    address = f"{source.resolve().as_uri()}?mode=rw"  # rw: in WAL a reader, too, writes to the index of the log
    with closing(sqlite3.connect(address, uri=True)) as whole, closing(sqlite3.connect(part)) as copy:
        whole.backup(copy)  # in one step, which is one look: what is written meanwhile is not in it
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        [(said,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
        if said != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {said}")
