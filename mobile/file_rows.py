"""Rows of files that the storage lost or harmed, made anew: a photo whose row is gone would never leave, and nobody would be told.

What lies in the folder of files and has no row gets one: it ``waits`` where an own line names it (the server says if it has it already),
else it is ``kept``. What an unsettled line names and is nowhere is told as ``refused``.
"""

import re
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final

from mobile.gaps import readable
from sync.files import FILE_HASH, files_named
from sync.log import Change

if TYPE_CHECKING:
    from mobile.files import Files
    from mobile.store import Store

STATES: Final = frozenset({"kept", "waits", "leaves", "sent", "refused", "wished"})
HELD: Final = frozenset({"kept", "waits", "leaves", "sent"})
"""Of a file whose bytes should be here."""

_HASHES: Final = re.compile(rb"[0-9a-f]{64}")

__all__ = ["STATES", "make_rows_anew"]


def make_rows_anew(store: "Store", files: "Files") -> None:
    """Look whether each file that is here, or that an unsettled line names, has a row that can be right."""
    here = files.here()
    with store.database.reading() as connection:
        rows: dict[str, str] = dict(connection.execute("SELECT hash, state FROM file").fetchall())
        right = {digest: state for digest, state in rows.items() if FILE_HASH.fullmatch(digest) and state in STATES}
        named = {digest for _, change in store.outbox.unsettled() for digest in files_named(change.operations)}
        if rows.keys() == right.keys() and here <= right.keys() and named <= right.keys():
            return
        told = _named_by_any(store, connection)
    gone = rows.keys() - right.keys() | {digest for digest, state in right.items() if state in HELD and digest not in here | told}
    new = {digest: ("waits" if digest in told else "kept", "") for digest in here - right.keys()}
    new |= dict.fromkeys(named - right.keys() - here, ("refused", "file_not_here"))
    with store.database.writing() as connection:
        connection.executemany("DELETE FROM file WHERE hash = ?", [(digest,) for digest in gone])
        insert = "INSERT OR IGNORE INTO file (hash, size, state, code) VALUES (?, 0, ?, ?)"
        connection.executemany(insert, [(digest, *row) for digest, row in new.items()])


def _named_by_any(store: "Store", connection: Connection) -> set[str]:
    """The files that any own line names."""
    lines = (readable(store.rows, name, body) for name, body in connection.execute("SELECT name, body FROM own_line"))
    some = (Change.parse(line) for line in lines if line is not None and _HASHES.search(line))
    return {digest for change in some for digest in files_named(change.operations)}
