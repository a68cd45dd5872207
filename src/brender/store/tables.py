# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables: for each noun the columns that are searched by, and the whole noun as JSON in `body`.

A change here needs a migration (migrations/versions) and its revision below; tests/store/test_migrations.py compares
the two. A field added to a noun, with a default, needs neither. Columns marked CHANGES may change in a row's life;
all others say which row it is, and an upsert leaves them.
"""

from sqlalchemy import (
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
)

from brender.core.nouns import JobState, RunState

REVISION = "0005"  # of the newest migration, so that opening a database of today need not load Alembic

ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
ACCEPTED = (RunState.RENDERED, RunState.SUCCEEDED)

CHANGES = {"changes": True}

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _body() -> Column[bytes]:
    return Column("body", LargeBinary, nullable=False, info=CHANGES)


def _job() -> Column[int]:
    return Column("job", Integer, ForeignKey("jobs.id"), nullable=False)


jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("request_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, info=CHANGES),
    _body(),
    Index("ix_jobs_state", "state", "id"),
)

# without a rowid of its own, the rows of a job lie side by side in the order of their index
tasks = Table(
    "tasks",
    metadata,
    Column("job", Integer, ForeignKey("jobs.id"), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("state", Integer, nullable=False, info=CHANGES),
    _body(),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _job(),
    Column("step", Integer, nullable=False),
    Column("index", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("assigned_at", Double, nullable=False),
    Column("state", Text, nullable=False, info=CHANGES),
    _body(),
    Index("ix_runs_task", "job", "step", "index", "assigned_at"),
)


def _run_is(*states: RunState) -> ColumnElement[bool]:
    """With its values written out: SQLite takes a partial index only for the very words it was made with."""
    return runs.c.state.in_([literal_column(f"'{state.value}'") for state in states])


RUN_IS_LIVE = _run_is(RunState.ASSIGNED, RunState.RUNNING, RunState.RENDERED)
RUN_IS_ACCEPTED = _run_is(*ACCEPTED)
RUN_HAS_FAILED = _run_is(RunState.FAILED)

# of the few runs that are so, at no cost to the many others
for _name, _few in (("ix_runs_live", RUN_IS_LIVE), ("ix_runs_failed", RUN_HAS_FAILED)):
    Index(_name, runs.c.job, runs.c.assigned_at, sqlite_where=_few, postgresql_where=_few)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    _body(),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    _job(),
    Column("opened_at", Double, nullable=False),
    _body(),
    Index("ix_sessions_job", "job", "opened_at"),
)

tags = Table("tags", metadata, Column("name", Text, primary_key=True), _body())

shares = Table("shares", metadata, Column("user", Text, primary_key=True), _body())

settings = Table("settings", metadata, Column("name", Text, primary_key=True), _body())

mappings = Table("mappings", metadata, Column("name", Text, primary_key=True), _body())

verdicts = Table("verdicts", metadata, Column("content", Text, primary_key=True), _body())

users = Table("users", metadata, Column("name", Text, primary_key=True), _body())

tokens = Table("tokens", metadata, Column("id", Text, primary_key=True), _body())

# only ever added to
audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    _body(),
    Index("ix_audit_at", "at", "id"),
    Index("ix_audit_kind", "kind", "at", "id"),
    Index("ix_audit_who", "who", "at", "id"),
)

# numbers that must not be given again, whatever is deleted
given = Table(
    "given",
    metadata,
    Column("noun", Text, primary_key=True),
    Column("last", Integer, nullable=False, info=CHANGES),
)
