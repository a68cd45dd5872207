# SPDX-License-Identifier: GPL-3.0-or-later
"""A database as two ways in: a writer's and the readers'. What differs between SQLite and PostgreSQL is here alone.

A commit is on the disk when it returns. Whatever the database says against it leaves here as a StoreError.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, bindparam, create_engine, event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

BUSY_S = 30  # how long to wait for another process that writes
READERS = 4  # connections kept; as many again when needed

_MIGRATING = 0x62726E64  # any number that others on the same server will hardly lock

_INSERTS: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class StoreError(Exception):
    """What is wrong with the database, or with what was to be saved: sentences for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Database:
    """The engines over one database, and its name for a person."""

    def __init__(self, name: str, writer: Engine, reader: Engine) -> None:
        self.name = name
        self._writer = writer
        self._reader = reader

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is on the disk at the end, or none. Others that write wait."""
        with self._in_words(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One look at the database as it was when the look began. From any thread."""
        with self._in_words(), self._reader.begin() as connection:
            yield connection

    def upsert(self, table: Table) -> str:
        """The statement that puts a row, new or known: takes tuples in the order of the table's columns."""
        statement = _INSERTS[self._writer.dialect.name](table)
        put = statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={c.name: statement.excluded[c.name] for c in table.columns if c.info.get("changes")},
        )
        return str(put.compile(dialect=self._writer.dialect))

    def delete(self, column: Column[Any]) -> str:
        """The statement that deletes the rows with a value in a column: takes tuples of that value."""
        statement = column.table.delete().where(column == bindparam("value"))
        return str(statement.compile(dialect=self._writer.dialect))

    def raise_to(self, table: Table, column: Column[Any]) -> str:
        """The statement that puts a row, and never lowers the number in a known one's column."""
        statement = _INSERTS[self._writer.dialect.name](table)
        new = statement.excluded[column.name]
        put = statement.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={column.name: new}, where=new > column
        )
        return str(put.compile(dialect=self._writer.dialect))

    def migrating(self, connection: Connection) -> None:
        """Keep other processes from migrating until the transaction ends. On SQLite they are kept out already."""
        if self._writer.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")

    def close(self) -> None:
        """Let go of the database."""
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            raise StoreError(_sentence(self.name, error.orig)) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise StoreError(f"The database {self.name} cannot keep this: {error}.") from error
        except exc.TimeoutError as error:
            raise StoreError(f"The database {self.name} is asked more than it can answer. Try again.") from error


def at_path(path: Path) -> Database:
    """The SQLite database in a file, which is made if need be."""
    writer = _sqlite(path, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0)
    return Database(str(path), writer, _sqlite(path, "BEGIN", pool_size=READERS, max_overflow=READERS))


def at_url(url: str) -> Database:
    """The PostgreSQL database at an SQLAlchemy URL."""
    writer = create_engine(url, paramstyle="format")
    reader = create_engine(url, paramstyle="format", isolation_level="REPEATABLE READ")
    return Database(writer.url.render_as_string(hide_password=True), writer, reader)


def _sqlite(path: Path, begin: str, **pool: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        paramstyle="qmark",
        poolclass=QueuePool,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
        **pool,
    )
    event.listen(engine, "connect", _on_connect)
    # taken at once for writing: a transaction that begins by reading could not wait for another that writes
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself, so that tables are made in one too
    connection.text_factory = _text
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _text(stored: bytes) -> str:
    """A damaged text is one damaged row, not the end of the whole query."""
    return str(stored, "utf-8", "replace")


_SQLITE_SAYS = {
    "CORRUPT": "The database {name} is damaged ({error}). Move it away, or put a copy of it back.",
    "NOTADB": "The file {name} is not a database, or is damaged. Move it away, or put a copy of it back.",
    "FULL": "The database {name} cannot grow: the disk is full.",
    "READONLY": "The database {name} cannot be written. Look at who owns it and its folder.",
    "CANTOPEN": "The database {name} cannot be opened. Look at who owns it and its folder.",
    "PERM": "The database {name} cannot be opened. Look at who owns it and its folder.",
    "BUSY": "Another program keeps the database {name} to itself.",
    "IOERR": "The disk under the database {name} gives errors ({error}).",
}


def _sentence(name: str, error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0]
    said = _SQLITE_SAYS.get(code, "The database {name} refused: {error}.")
    return said.format(name=name, error=str(error).strip().partition("\n")[0])
