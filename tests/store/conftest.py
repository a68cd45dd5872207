# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases under test. BRENDER_TEST_POSTGRES names a PostgreSQL server that the suite may make databases on."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from brender.store import Store
from tests import fresh
from tests.store.place import Place


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty place for a database, that can be opened again and again, from here and from other processes."""
    if request.param == "sqlite":
        fresh.database(tmp_path)
        yield Place(str(tmp_path))
    else:
        yield from _postgresql()


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = place.open()
    yield opened
    opened.close()


def _postgresql() -> Iterator[Place]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if not (server := os.environ.get("BRENDER_TEST_POSTGRES")):
        pytest.skip("BRENDER_TEST_POSTGRES names no server")
    name = f"brender_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield Place(make_url(server).set(database=name).render_as_string(hide_password=False))
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()
