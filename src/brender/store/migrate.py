# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a database to the tables of this program, in one transaction: when it is opened, and nowhere else."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from brender.store.database import Database, StoreError
from brender.store.tables import REVISION

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Run the migrations that the database lacks. StoreError where it is newer than this program, or not ours."""
    with database.reading() as connection:
        if _revision(connection) == REVISION:
            return
    with database.writing() as connection:
        database.migrating(connection)  # and asked again: another process may just have done it
        revision = _revision(connection)
        if revision is None and inspect(connection).get_table_names():
            raise StoreError(f"{database.name} is a database of another program.")
        if revision != REVISION:
            _upgrade(connection, database.name, revision)


def _revision(connection: Connection) -> str | None:
    """Which migration it is at; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _upgrade(connection: Connection, name: str, revision: str | None) -> None:
    from alembic import command  # takes a third of a second, and is seldom needed
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(f"The database {name} was written by a newer brender. Use that one, or another data folder.")
    command.upgrade(config, "head")
