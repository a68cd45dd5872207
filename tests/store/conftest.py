# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases under test: SQLite, and a PostgreSQL server that is started for the tests where it is installed.

BRENDER_TEST_POSTGRES names another server, that the suite may make databases on.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url

from brender.store import Store
from brender.store.tables import metadata
from tests import fresh
from tests.store import postgres
from tests.store.place import Place


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty place for a database, that can be opened again and again, from here and from other processes."""
    if request.param == "sqlite":
        fresh.database(tmp_path)
        yield Place(str(tmp_path))
    else:
        yield from _database(request.getfixturevalue("migrated"))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Engine]:
    """The server, on which databases are made and dropped."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if given := os.environ.get("BRENDER_TEST_POSTGRES"):
        yield from _connected(make_url(given))
    else:
        with postgres.server() as url:
            yield from _connected(url)


def _connected(url: URL) -> Iterator[Engine]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated(postgresql: Engine) -> Iterator[Engine]:
    """A database with its tables, which every test leaves empty: making one takes ten times as long as that."""
    name = f"brender_{uuid.uuid4().hex}"
    with postgresql.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        url = postgresql.url.set(database=name).render_as_string(hide_password=False)
        Store.connect(url).close()
        yield from _connected(make_url(url))
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _database(engine: Engine) -> Iterator[Place]:
    yield Place(engine.url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        connection.execute(text(_END_OTHERS))  # a process that was killed may hold locks until its server has seen it
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
