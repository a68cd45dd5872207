# SPDX-License-Identifier: GPL-3.0-or-later
"""How a batch of rows is written: each key's last word alone, many rows a statement, statements compiled once.

Deletions go first. A job that is deleted takes along its tasks, runs and sessions, also those earlier in the batch;
a worker leaves its runs, which are history.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from brender.core import changes
from brender.core.nouns import Gone, Job, Run, SessionRecord, Task
from brender.store import tables
from brender.store.database import Database, StoreError
from brender.store.records import DELETED, KEPT

Nouns = type[changes.Row]
Put = dict[Nouns, list[tuple[Any, ...]]]
Taken = dict[Nouns, dict[Any, None]]

_PARTS = [noun for noun, kept in KEPT.items() if kept.of_job]


class Statements:
    """Writes batches into one database."""

    def __init__(self, database: Database) -> None:
        self._upserts = {noun: database.upsert(kept.table) for noun, kept in KEPT.items()}
        self._deletes = {
            noun: database.delete(next(iter(KEPT[noun].table.primary_key))) for noun, _ in DELETED.values()
        }
        self._parts = [database.delete(KEPT[noun].table.c.job) for noun in _PARTS]
        self._given = database.raise_to(tables.given, tables.given.c.last)

    def write(self, connection: Connection, rows: Sequence[changes.Row]) -> None:
        """All of a batch, within the transaction of the connection."""
        gone, put = last_words(rows)
        for noun, keys in gone.items():
            self._delete(connection, noun, list(keys))
        for noun, values in put.items():
            connection.exec_driver_sql(self._upserts[noun], values)

    def _delete(self, connection: Connection, noun: Nouns, keys: Sequence[Any]) -> None:
        each = [(key,) for key in keys]
        if noun is Job:
            for statement in self._parts:
                connection.exec_driver_sql(statement, each)
            connection.exec_driver_sql(self._given, ("job", max(keys)))
        connection.exec_driver_sql(self._deletes[noun], each)


def last_words(rows: Sequence[changes.Row]) -> tuple[Taken, Put]:
    """The keys to delete, and then what to put: table by table, in the order to write them, as tables' values.

    Read from the end, so that the first word found about a key is the last one. What was put after it was deleted is
    deleted all the same: it is a new one, and has nothing of the old one's.
    """
    gone: Taken = {}
    last: dict[Nouns, dict[Any, changes.Row]] = {noun: {} for noun in KEPT}
    for row in reversed(rows):
        if isinstance(row, Gone):
            noun, key = _named(row)
            gone.setdefault(noun, {})[key] = None
        elif not (gone and _went(row, gone)):
            last[type(row)].setdefault(KEPT[type(row)].key(row), row)
    return gone, {noun: [KEPT[noun].values(row) for row in _forwards(found)] for noun, found in last.items() if found}


def _forwards(found: dict[Any, changes.Row]) -> Iterable[changes.Row]:
    return reversed(found.values())


def _named(row: Gone) -> tuple[Nouns, Any]:
    if row.kind not in DELETED:
        raise StoreError(f"A {row.kind} cannot be deleted.")
    noun, key = DELETED[row.kind]
    try:
        return noun, key(row.key)
    except ValueError:
        raise StoreError(f"There is no {row.kind} {row.key!r} to delete.") from None


def _went(row: changes.Row, gone: Taken) -> bool:
    """Whether a row is of something that is deleted later in the batch."""
    job = row.job if isinstance(row, Task | Run | SessionRecord) else None
    return job in gone.get(Job, ()) or KEPT[type(row)].key(row) in gone.get(type(row), ())
