# SPDX-License-Identifier: GPL-3.0-or-later
"""Alembic runs this: the migrations, in the transaction of the connection that `store.migrate` hands over."""

from alembic import context

from brender.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # on SQLite too, see database._on_connect
)
context.run_migrations()
