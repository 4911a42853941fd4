"""The tables of a tablet's database, and how an older file is brought up.

What may live here: the SQL of the tables, one row a version. Rows that hold content (lines, records, drafts, documents) are
sealed with the device's row key; blobs are sealed under case keys already. Ids, numbers, hashes and unit codes stand in the
clear. A record that one line made whole has that line's name in ``sole`` and an empty body. Which own lines are not settled stands in a
table of its own: to settle a line does not write its bytes again.
"""

import sqlite3
from contextlib import closing
from functools import cache
from typing import Final

VERSIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE log (id TEXT PRIMARY KEY, urgent INTEGER NOT NULL, number INTEGER NOT NULL, chain BLOB NOT NULL,"
        " acknowledged INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
        "CREATE TABLE own_line (log TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, before BLOB NOT NULL,"
        " body BLOB NOT NULL, size INTEGER NOT NULL, made INTEGER NOT NULL, aside TEXT NOT NULL DEFAULT '', PRIMARY KEY (log, number))",
        "CREATE TABLE unsettled (log TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (log, number)) WITHOUT ROWID",
        "CREATE INDEX own_line_name ON own_line (name)",
        "CREATE TABLE acknowledgement (log TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (log, number))"
        " WITHOUT ROWID",
        "CREATE TABLE held_line (name TEXT PRIMARY KEY, record TEXT NOT NULL, arrived INTEGER NOT NULL, body BLOB NOT NULL)",
        "CREATE TABLE held_run (id INTEGER PRIMARY KEY, log TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,"
        " before BLOB NOT NULL, hashes BLOB NOT NULL, arrivals TEXT NOT NULL, proof BLOB NOT NULL UNIQUE)",
        "CREATE INDEX held_run_log ON held_run (log)",
        "CREATE TABLE held_past (name TEXT NOT NULL, path TEXT NOT NULL, seen TEXT NOT NULL, PRIMARY KEY (name, path)) WITHOUT ROWID",
        "CREATE TABLE owed (id INTEGER PRIMARY KEY)",
        "CREATE TABLE record (id TEXT PRIMARY KEY, sole TEXT NOT NULL, body BLOB NOT NULL, open_digest BLOB NOT NULL,"
        " sealed_digest BLOB NOT NULL)",
        "CREATE TABLE part (part TEXT PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE blob (hash TEXT PRIMARY KEY, data BLOB NOT NULL)",
        "CREATE TABLE wrap (key_id TEXT NOT NULL, recipient TEXT NOT NULL, wrapped TEXT NOT NULL, PRIMARY KEY (key_id, recipient))"
        " WITHOUT ROWID",
        "CREATE TABLE cursor (place TEXT PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE doubted (part TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (part, record)) WITHOUT ROWID",
        "CREATE TABLE past_cursor (number INTEGER PRIMARY KEY, stream TEXT NOT NULL, token TEXT NOT NULL)",
        "CREATE TABLE document (name TEXT PRIMARY KEY, version TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
        "CREATE TABLE draft (record TEXT PRIMARY KEY, saved INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
    ),
    (
        "CREATE TABLE file (hash TEXT PRIMARY KEY, size INTEGER NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL DEFAULT '')"
        " WITHOUT ROWID",
        "CREATE INDEX file_state ON file (state) WHERE state <> 'sent'",
        "CREATE TABLE file_part (hash TEXT NOT NULL, at INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY (hash, at))",
    ),
)
"""For each version of the file, the statements that lead to it from the one before."""

_Schema = frozenset[tuple[str, str, str, str]]

__all__ = ["VERSIONS", "bring_up", "is_new", "schema_holds"]


@cache
def _schemas() -> dict[_Schema, int]:
    """What SQLite writes of the tables of each version, and which version it is."""
    with closing(sqlite3.connect(":memory:")) as connection:
        schemas = {_schema(connection): 0}
        for number, statements in enumerate(VERSIONS, start=1):
            for statement in statements:
                connection.execute(statement)
            schemas[_schema(connection)] = number
        return schemas


def _schema(connection: sqlite3.Connection) -> _Schema:
    return frozenset(connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall())


def schema_holds(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables of a version, letter by letter and each in a place of its own; one of a newer app is let be."""
    places = "SELECT count(*), count(DISTINCT rootpage), max(rootpage) FROM sqlite_master WHERE rootpage > 0"
    trees, apart, last = connection.execute(places).fetchone()
    if trees != apart or (last or 0) > connection.execute("PRAGMA page_count").fetchone()[0]:
        return False
    return _schema(connection) in _schemas() or _told_version(connection) > len(VERSIONS)


def is_new(connection: sqlite3.Connection) -> bool:
    """Whether the file has no table yet."""
    return not _schema(connection)


def _told_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def bring_up(connection: sqlite3.Connection) -> None:
    """Lead the file to the newest version, inside a writing transaction. Which it has, its tables say."""
    told = _told_version(connection)
    have = _schemas().get(_schema(connection), told)
    if have != told:
        connection.execute(f"PRAGMA user_version = {have}")
    for number, statements in enumerate(VERSIONS[have:], start=have + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
