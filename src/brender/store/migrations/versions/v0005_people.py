# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, and the tokens that open something."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; what was there stays as it is."""
    for table, key in (("users", "name"), ("tokens", "id")):
        op.create_table(
            table,
            sa.Column(key, sa.Text, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        )
