"""Whether SQLite may have a tablet's database: looked at before anything can write to it.

With its first writing connection SQLite folds the write-ahead log into the file, passes over all that stands behind a harmed frame, and
takes the log away: of a file that is damaged, or whose log is another day's, it destroys so what could still be read. So the file is read
first, by a connection that cannot write: the tables are as they were made, what was entered here is sound, nothing is lacking that is known
to have been on disk, and SQLite believes all of the log. A start after a clean end costs no more than that; the whole log is read only
where the process was killed.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from mobile.carving import PAGE, WAL_HEAD, Frame, Pages, generations, read
from mobile.database import refusal
from mobile.finds import search
from mobile.heads import Told, check_whole, lacking
from mobile.keys import RowKey
from mobile.tables import is_new, schema_holds
from shared.errors import SenError

_MX_FRAME: Final = slice(16, 20)
"""Where the index of a write-ahead log says how many of its frames SQLite believes (https://www.sqlite.org/walformat.html, 2.1)."""

_HEAD: Final = 100
_UTF8: Final = b"\0\0\0\1"

__all__ = ["is_sound"]


def is_sound(path: Path, rows: RowKey, told: Told) -> bool:
    """Whether the database and its log may be opened; not where they must be rescued. ``told``: what is known to have been on disk.

    Raises:
        SenError: what keeps the file from being read and is no damage: ``tablet_full``, ``tablet_busy``, ``disk_failed``.
        OSError: the same.
    """
    log = read(_log_of(path))
    frames = generations(log)[1]
    if not path.exists() or not path.stat().st_size:
        return len(log) <= WAL_HEAD
    try:
        return _is_sound(path, rows, told, log if len(log) > WAL_HEAD else b"", frames)
    except sqlite3.OperationalError as error:
        refused = refusal(error, path.parent)
        if refused.code in ("tablet_full", "tablet_busy", "disk_failed"):
            raise refused from error
        return False
    except sqlite3.DatabaseError:
        return False
    except SenError as error:
        if error.code in ("database_damaged", "database_failed"):
            return False
        raise


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _look(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


def _is_sound(path: Path, rows: RowKey, told: Told, log: bytes, frames: list[Frame]) -> bool:
    with closing(_look(path, "mode=ro" if log else "immutable=1")) as connection:
        if not schema_holds(connection):
            return False
        if is_new(connection):
            return not any(frame.commits for frame in frames)
        check_whole(connection, went_back=False)
        if lacking(connection, told):
            check_whole(connection, went_back=True)
            if log:
                return False
        if not log:
            return _head_holds(path, [])
        believed = _believed(path)
        if not _head_holds(path, frames[:believed]) or _is_ahead(path, connection):
            return False
        return not any(frame.commits for frame in frames[believed:]) or not _has_more(path, rows, log, len(frames) - believed, connection)


def _believed(path: Path) -> int:
    """How many frames of the log SQLite believes; 0 where that cannot be read."""
    try:
        with path.with_name(path.name + "-shm").open("rb") as file:
            return int.from_bytes(file.read(_MX_FRAME.stop)[_MX_FRAME], sys.byteorder)
    except OSError:
        return 0


def _head_holds(path: Path, frames: list[Frame]) -> bool:
    """Whether the head of the file is one that SQLite gives a tablet's: one of its bytes may forbid writing, or change all letters."""
    found = [frame.page for frame in frames if frame.number == 1]
    if found:
        head = bytes(found[-1][:_HEAD])
    else:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    size, versions, left, payload = head[16:18], head[18:20], head[20], head[21:24]
    return (
        head[:16] == b"SQLite format 3\0" and int.from_bytes(size, "big") == PAGE and versions in (b"\1\1", b"\2\2")
        and not left and payload == b"\x40\x20\x20" and head[56:60] == _UTF8
    )  # fmt: skip


def _is_ahead(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether the file is further without its log than with it: the log is another day's."""
    try:
        with closing(_look(path, "immutable=1")) as alone:
            heads = dict(alone.execute("SELECT id, number FROM log WHERE closed = 0").fetchall())
    except sqlite3.DatabaseError:
        return False  # it needs its log
    query = "SELECT number FROM log WHERE id = ?"
    now = {log: connection.execute(query, (log,)).fetchone() for log in heads}
    return any(row is not None and row[0] < heads[log] for log, row in now.items())


def _has_more(path: Path, rows: RowKey, log: bytes, left: int, connection: sqlite3.Connection) -> bool:
    """Whether the frames that SQLite does not believe, the last ones of the log, hold something of a person's that it does not give."""
    pages = Pages(read(path), log)
    found = search([pages], rows, {}, since=len(pages.images) - left)
    if any(not connection.execute("SELECT 1 FROM own_line WHERE name = ?", (line.row[2],)).fetchone() for line in found.lines.values()):
        return True
    query = "SELECT saved FROM draft WHERE record = ?"
    drafts = {record: connection.execute(query, (record,)).fetchone() for record in found.drafts}
    return any(row is None or row[0] != found.drafts[record].row[1] for record, row in drafts.items())
