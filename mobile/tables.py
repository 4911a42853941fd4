"""The tables of a tablet's database, and how an older file is brought up.

What may live here: the SQL of the tables, one row a version. Rows that hold content (lines, records, drafts, documents) are
sealed with the device's row key; blobs are sealed under case keys already. Ids, numbers, hashes and unit codes stand in the
clear. A record that one line made whole has that line's name in ``sole`` and an empty body. Which own lines are not settled stands in a
table of its own: to settle a line does not write its bytes again.
"""

import sqlite3
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

__all__ = ["VERSIONS", "bring_up"]


def bring_up(connection: sqlite3.Connection) -> None:
    """Lead the file to the newest version, inside a writing transaction."""
    have = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, statements in enumerate(VERSIONS[have:], start=have + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
