"""A server's database moved from SQLite to PostgreSQL: every row as it is, so that tablets find the same digests and the same places.

The copy is one transaction there: it is whole or it is not. Both sides are summed row by row before it is committed, and
the file that was moved is set aside, so that no server goes on in it. Keys and settings stay where they are.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from server.app import create_app
from server.backup import set_aside
from server.config import Config
from server.db import code_of, db, named_errors, reading
from server.places import Places
from server.process import server_lock
from server.schema import upgrade
from server.services import services
from shared.errors import SenError

BATCH = 500
"""Rows that one statement writes; a row of a photo holds 256 KiB."""

SUM_BYTES = 16

__all__ = ["move"]


def move(config: Config, target: str) -> tuple[dict[str, int], Path]:
    """Move the database to a PostgreSQL that has no row of Sen; gives how many rows each table has, and where the file stands now.

    Raises:
        SenError: ``move_not_here``, ``not_one_database``, ``second_server``, ``move_not_empty``, ``move_damaged``, ``move_differs``,
            ``database_away``; nothing was moved then.
    """
    places, there = Places(config), replace(config, database=target)
    if places.sqlite is None or Places(there).sqlite is not None:
        raise SenError("move_not_here")
    if not places.sqlite.exists():
        raise SenError("not_one_database")
    with server_lock(places, "move-to"):
        _look(places.sqlite)
        source = create_app(config)
        upgrade(source)
        counts = _copied(source, create_app(there))
        return counts, _aside(source, places.sqlite)


def _look(file: Path) -> None:
    """Look over the file first: what is damaged is healed where it is, by its own tablets, before it moves."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            whole = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
            whole = whole and connection.execute("PRAGMA foreign_key_check").fetchone() is None
    except sqlite3.DatabaseError as error:
        raise SenError("move_damaged") from error
    if not whole:
        raise SenError("move_damaged")


def _copied(source: Flask, target: Flask) -> dict[str, int]:
    with named_errors():
        upgrade(target)
    tables = db.metadata.sorted_tables
    with source.app_context(), reading() as from_here, target.app_context(), named_errors():
        try:
            with db.engine.connect() as to_there, to_there.begin():
                if any(to_there.scalar(select(func.count()).select_from(table)) for table in tables):
                    raise SenError("move_not_empty")
                counts = {table.name: _copy(from_here, to_there, table) for table in tables}
                for table in tables:
                    _number_on(to_there, table)
                    if _sum(from_here, table) != _sum(to_there, table):
                        raise SenError("move_differs", what=table.name)
        finally:
            db.engine.dispose()
    return counts


def _copy(source: Connection, target: Connection, table: Table) -> int:
    """Copy a table's rows; gives how many. What PostgreSQL does not take is told by its table, never by its value."""
    count = 0
    try:
        for rows in _rows(source, table):
            target.execute(insert(table), [dict(zip(table.columns.keys(), row, strict=True)) for row in rows])
            count += len(rows)
    except DBAPIError as error:
        raise SenError(code_of(error) or "move_differs", what=table.name) from error
    return count


def _rows(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    """A table's rows, some at a time."""
    found = connection.execute(select(table), execution_options={"stream_results": True})
    for rows in found.partitions(BATCH):
        yield [tuple(row) for row in rows]


def _sum(connection: Connection, table: Table) -> tuple[int, int]:
    """How many rows a table has, and the sum of their hashes: the same in whatever order a database gives them."""
    count, total = 0, 0
    for rows in _rows(connection, table):
        for row in rows:
            plain = repr([bytes(value) if isinstance(value, memoryview) else value for value in row])
            total += int.from_bytes(hashlib.sha256(plain.encode()).digest()[:SUM_BYTES], "big")
        count += len(rows)
    return count, total % (1 << 8 * SUM_BYTES)


def _number_on(target: Connection, table: Table) -> None:
    """Let PostgreSQL count on behind the greatest number, where it numbers rows by itself."""
    column = table.autoincrement_column
    if column is None or len(table.primary_key.columns) != 1:
        return
    sequence = target.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
    greatest = target.scalar(select(func.max(column)))
    if sequence is not None and greatest is not None:
        target.execute(text("SELECT setval(:sequence, :greatest)"), {"sequence": sequence, "greatest": greatest})


def _aside(source: Flask, file: Path) -> Path:
    with source.app_context():
        clock = services().clock
        db.engine.dispose()
    aside = set_aside(file, clock)
    assert aside is not None
    return aside
