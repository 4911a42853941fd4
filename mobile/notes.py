"""Small named values of a tablet: the clock's last reading, the scope, what the screen «Đồng bộ» remarks.

Each bears a sum: one that the storage harmed is as one that was never written.
"""

import hashlib
from contextlib import suppress
from sqlite3 import Connection
from typing import Final

from shared.ids import b64

_SUM_BYTES: Final = 6

__all__ = ["proven_note", "read_note", "write_note"]


def _sum(name: str, value: str) -> str:
    return b64(hashlib.sha256(f"{name}\n{value}".encode()).digest()[:_SUM_BYTES])


def read_note(connection: Connection, name: str) -> str | None:
    """A value; None where there is none, or it is harmed."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else proven_note(name, str(row[0]))


def proven_note(name: str, kept: str) -> str | None:
    """The value of a row; None where it is harmed."""
    mark, _, value = kept.partition(" ")
    with suppress(UnicodeEncodeError):
        return value if mark == _sum(name, value) else None
    return None


def write_note(connection: Connection, name: str, value: str) -> None:
    """Keep a value, within the writing transaction."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, f"{_sum(name, value)} {value}"))
