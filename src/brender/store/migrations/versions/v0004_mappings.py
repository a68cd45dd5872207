# SPDX-License-Identifier: GPL-3.0-or-later
"""Mappings: shared folders, and where each system has them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; what was there stays as it is."""
    op.create_table(
        "mappings",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_mappings"),
    )
