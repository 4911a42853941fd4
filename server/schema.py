"""The tables of a database brought to this version, and what stands between the two."""

from pathlib import Path
from typing import Any

import flask_migrate
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from server.db import db, reading

MIGRATIONS = Path(__file__).parent / "migrations"

__all__ = ["MIGRATIONS", "differences", "newest", "present", "upgrade"]


def upgrade(app: Flask) -> None:
    """Bring an app's database to this version, from none or any released one; done whole or not at all."""
    with app.app_context():
        if present() != newest():
            flask_migrate.upgrade(directory=str(MIGRATIONS))


def newest() -> str:
    """The revision of this version of Sen."""
    return str(ScriptDirectory(str(MIGRATIONS)).get_current_head())


def present() -> str | None:
    """The revision of the database; None where it has no tables yet. Needs an app's context."""
    with reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def differences() -> list[Any]:
    """What the database lacks of the tables in the code; empty where the migrations are complete."""
    with reading() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), db.metadata))
