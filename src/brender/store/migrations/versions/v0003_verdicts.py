# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts: whether warm frames of a scene's content are those rendered cold."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table; what was there stays as it is."""
    op.create_table(
        "verdicts",
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("content", name="pk_verdicts"),
    )
