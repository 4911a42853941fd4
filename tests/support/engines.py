"""Engines on which the server's half runs without its app: SQLite in memory, or a database of a real PostgreSQL.

Both have the tables of the models. PostgreSQL's are made once and emptied for each test, for a database of its own would cost a test
more than the test itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select
from sqlalchemy.pool import StaticPool

import server.models  # noqa: F401  (the tables must be known)
from server.db import db

__all__ = ["blank_memory", "bring_back", "emptied", "memory_engine", "postgresql_engine", "save"]

_HASTE = "-c synchronous_commit=off -c lock_timeout=5000"
"""No test of the server's half cuts PostgreSQL's power; whoever waits for a lock that nobody gives up fails instead of standing still."""


def memory_engine() -> Engine:
    """An empty database in memory; transactions begin where they are said to."""
    engine = blank_memory()
    bring_back(engine, _template())
    return engine


def blank_memory() -> Engine:
    """A database in memory without a table; transactions begin where they are said to."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


@lru_cache(maxsize=1)
def _template() -> bytes:
    """A database in memory with all tables and no row: they are made once, for to make them costs as much as many a story."""
    engine = blank_memory()
    db.metadata.create_all(engine)
    made: bytes = save(engine)
    engine.dispose()
    return made


@contextmanager
def postgresql_engine(server: Any) -> Iterator[Engine]:
    """An empty database of a PostgreSQL server, gone at the end of the block."""
    name = f"sen_{uuid.uuid4().hex[:12]}"
    server.psql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0;")
    engine = create_engine(make_url(server.get_uri(name)).set(drivername="postgresql+psycopg"), connect_args={"options": _HASTE})
    try:
        db.metadata.create_all(engine)
        yield engine
    finally:
        engine.dispose()
        server.psql(f"DROP DATABASE {name} WITH (FORCE);")


def emptied(engine: Engine) -> Engine:
    """The same database of PostgreSQL without a row, as an engine of its own: what a test listens to there, no other test hears."""
    with engine.begin() as connection:
        _empty(connection)
    own: Engine = engine.execution_options()
    return own


def save(engine: Engine) -> Any:
    """A backup of all that stands in the database: SQLite's own, or of PostgreSQL the rows of every table."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return bytes(connection.connection.driver_connection.serialize())  # type: ignore[union-attr]
        return [(table, [dict(row) for row in connection.execute(select(table)).mappings()]) for table in db.metadata.sorted_tables]


def bring_back(engine: Engine, backup: Any) -> None:
    """Let stand in the database what stood there at a backup, and nothing else."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.driver_connection.deserialize(backup)  # type: ignore[union-attr]
        return
    with engine.begin() as connection:
        _empty(connection)
        for table, rows in backup:
            if rows:
                connection.execute(insert(table), rows)


def _empty(connection: Connection) -> None:
    """Delete all rows in one round trip. TRUNCATE makes new files for all tables, which takes it longer than a story takes."""
    name = connection.dialect.identifier_preparer.format_table
    connection.exec_driver_sql("; ".join(f"DELETE FROM {name(table)}" for table in reversed(db.metadata.sorted_tables)))
