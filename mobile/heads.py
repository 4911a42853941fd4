"""The heads of the own logs, kept a second time beside the database, so that a tablet sees at its start that its database went back.

A write-ahead log that is missing, or of another day, takes the database to an earlier state without a word: SQLite cannot know of what
it was never told. The second file is written behind each commit that moved a head, and never before; so it tells of nothing that was
not on disk, and needs no wait for the disk of its own: where it is lost or old it only says less, and the server finds out at the next
exchange, as with a tablet that was put back whole. It holds ids of logs, numbers and hashes, and nothing of what was entered.
"""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mobile.database import Database, refusal
from shared.errors import SenError
from shared.ids import b64, unb64
from sync.log import LogHead

FORMAT: Final = "sen-heads/1"
END: Final = "-heads"
"""Behind the name of the database's file, as SQLite's own ``-wal``."""

OWN: Final = ("log", "own_line", "unsettled", "draft", "blob", "file")
"""The tables of what was entered on this tablet."""

_SUM: Final = 16
"""How many hexadecimal digits of the sum stand at the end: what was torn is not believed."""

Told = dict[str, tuple[int, bytes]]
"""Log → the number of its last line, and h(number)."""

Lost = dict[str, tuple[int, int, bool]]
"""Log → the last line of it that is here or at the server, the last one that was here, whether the server has told what it has."""

__all__ = ["Heads", "Lost", "Told", "check_whole", "come_back", "lacking", "told_beside"]


class Heads:
    """The second file of one database. ``moved``: the transaction under way moves a head."""

    def __init__(self, database: Database) -> None:
        self.path: Path = database.path.with_name(database.path.name + END)
        self.moved = False
        database.committed = self._committed

    def _committed(self, connection: sqlite3.Connection) -> None:
        """Write the heads as they are on disk now. A disk that takes no more keeps the older ones: what was saved is saved all the same."""
        if self.moved:
            self.moved = False
            with contextlib.suppress(OSError, sqlite3.Error):
                rows = connection.execute("SELECT id, number, chain FROM log WHERE closed = 0 ORDER BY urgent").fetchall()
                self._write({log: (number, bytes(chain)) for log, number, chain in rows})

    def _write(self, heads: Told) -> None:
        """In place: the text is mostly as long as before."""
        rows = "".join(f"{log} {number:012} {b64(chain)}\n" for log, (number, chain) in heads.items())
        text = f"{FORMAT}\n{rows}"
        data = f"{text}{_sum(text)}\n".encode("ascii")
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            os.write(file, data)
            os.ftruncate(file, len(data))
        finally:
            os.close(file)


def told_beside(database: Path) -> Told:
    """What the file beside a database says; nothing where there is none, or it is not whole."""
    try:
        text, _, last = database.with_name(database.name + END).read_text("ascii").rstrip("\n").rpartition("\n")
        form, *rows = text.split("\n")
        if form != FORMAT or last != _sum(text + "\n"):
            return {}
        return {log: (int(number), unb64(chain)) for log, number, chain in (row.split(" ") for row in rows)}
    except (OSError, ValueError):
        return {}


def lacking(connection: sqlite3.Connection, told: Told) -> Lost:
    """What the database lacks of the lines that the file, which was read before it, knows to have been on disk."""
    lost: Lost = {}
    for log, (number, chain) in told.items():
        row = connection.execute("SELECT number, chain FROM log WHERE id = ?", (log,)).fetchone()
        have = 0 if row is None else int(row[0])
        if row is not None and have > number:
            row = connection.execute("SELECT 0, before FROM own_line WHERE log = ? AND number = ?", (log, number + 1)).fetchone()
        if row is None or have < number or bytes(row[1]) != chain:
            lost[log] = (min(have, number), number, False)
    return lost


def come_back(lost: Lost, read: Mapping[str, LogHead]) -> Lost:
    """What is lacking still, once the server says how far it has read the logs: what it has read is pulled like anybody's."""
    known = {log: (max(lost[log][0], read[log].number), lost[log][1], True) for log in lost.keys() & read.keys()}
    return {log: one for log, one in {**lost, **known}.items() if one[0] < one[1]}


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_SUM]


def check_whole(connection: sqlite3.Connection, *, went_back: bool) -> None:
    """Look over the tables of what was entered here; over all where the database went back, for pages of two days may be mixed in it.

    Raises:
        SenError: ``database_damaged``.
    """
    try:
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for what in ("1",) if went_back else [table for table in OWN if table in there]:
            if connection.execute(f"PRAGMA integrity_check({what})").fetchone() != ("ok",):
                raise SenError("database_damaged")
    except sqlite3.DatabaseError as error:
        raise refusal(error) from error
