# SPDX-License-Identifier: GPL-3.0-or-later
"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them all."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("request_id", name="uq_jobs_request_id"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "id"])
    op.create_table(
        "tasks",
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("job", "step", "index", name="pk_tasks"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_tasks_job"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("assigned_at", sa.Double, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_runs_job"),
    )
    op.create_index("ix_runs_task", "runs", ["job", "step", "index", "assigned_at"])
    live = sa.text("state IN ('assigned', 'running', 'rendered')")
    op.create_index("ix_runs_live", "runs", ["job", "assigned_at"], sqlite_where=live, postgresql_where=live)
    failed = sa.text("state IN ('failed')")
    op.create_index("ix_runs_failed", "runs", ["job", "assigned_at"], sqlite_where=failed, postgresql_where=failed)
    op.create_table(
        "workers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("job", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_sessions_job"),
    )
    op.create_index("ix_sessions_job", "sessions", ["job", "opened_at"])
