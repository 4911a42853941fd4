"""Alembic's environment: the app's database, in one transaction, one process at a time."""

from alembic import context
from sqlalchemy import text

import server.audit
import server.file_names
import server.files
import server.models
import server.people  # noqa: F401  (all tables)
from server.db import db

UPGRADE_LOCK = 0x53656E
"""PostgreSQL's advisory lock for upgrades («Sen»)."""


def run() -> None:
    """Run what is asked for; on SQLite too a migration is done whole or not at all."""
    with db.engine.execution_options(writes=True).connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        context.configure(
            connection=connection, target_metadata=db.metadata, render_as_batch=True, transactional_ddl=True, compare_type=True
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
