# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, users' shares, settings, the audit log, and the numbers of jobs that were deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make them all; what was there stays as it is."""
    for table, key in (("tags", "name"), ("shares", "user"), ("settings", "name")):
        op.create_table(
            table,
            sa.Column(key, sa.Text, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        )
    op.create_table(
        "audit",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at", "id"])
    op.create_index("ix_audit_kind", "audit", ["kind", "at", "id"])
    op.create_index("ix_audit_who", "audit", ["who", "at", "id"])
    op.create_table(
        "given",
        sa.Column("noun", sa.Text, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("noun", name="pk_given"),
    )
