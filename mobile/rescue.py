"""A tablet's database is opened, and rescued where it is damaged: a truncated, overwritten or mixed-up file, or one with sectors that the
disk does not give.

Whether it is damaged is seen before SQLite can write (``mobile.inspection``). What can be read is carved out of the file, its
write-ahead log and what was set aside before (``mobile.carving``); what proves itself is taken (``mobile.finds``): own lines, drafts,
sealed values, the keys that go with them, the forms and the names of people; all else is pulled again. The new file is whole before the
old one is set aside, a killed rescue goes on at the next start, and the old files go once the server has everything that was saved.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mobile.carving import Pages, read
from mobile.database import SUSPECT, Database, has_room
from mobile.files import place_of
from mobile.finds import DRAFTS_LOST, Found, search
from mobile.gaps import DAMAGED, FORKED, LOST, LOST_AT
from mobile.heads import told_beside
from mobile.inspection import is_sound
from mobile.keys import RowKey
from mobile.notes import write_note
from mobile.tables import bring_up
from shared.errors import SenError
from sync.files import files_named
from sync.log import chain_next

if TYPE_CHECKING:
    from mobile.store import Store

BEGUN: Final = "-begun"
MADE: Final = "-rescued"
ASIDE: Final = "-damaged"
"""Behind the name of the database's file: the new one in the making, the new one whole, a damaged one (the second: ``-damaged2``)."""

MOST_ASIDE: Final = 4
"""How many damaged files are kept until an exchange came to its end; what could be read of any is in the new one too."""

__all__ = ["forget_damaged", "opened"]


def opened(path: Path, rows: RowKey, open_store: Callable[[], None], now_ms: Callable[[], int]) -> None:
    """Open a tablet's store; where its file is damaged, with what can be saved of it.

    Raises:
        SenError: ``tablet_full``, ``disk_failed``, or what else keeps the store from being opened.
    """
    try:
        _finish(path)
        if not _beside(path, SUSPECT).exists() and is_sound(path, rows, told_beside(path)):
            try:
                open_store()
                return
            except SenError as error:
                if error.code != "database_damaged":
                    raise
        _rescue(path, rows, now_ms())
    except OSError as error:
        full = error.errno == errno.ENOSPC or not has_room(path.parent)
        raise SenError("tablet_full" if full else "disk_failed") from error
    open_store()


def _rescue(path: Path, rows: RowKey, now_ms: int) -> None:
    """Make a new database of what can be read of a damaged one, and set that aside. Raises SenError or OSError."""
    sources = [Pages(read(old), read(_beside(old, "-wal"))) for old in (*_aside(path), path)]
    found = search(sources, rows, told_beside(path))
    begun = _beside(path, BEGUN)
    _remove(begun)
    new = Database(begun)
    try:
        with new.writing() as connection:
            bring_up(connection)
            _write(connection, found, now_ms, path.parent / "files")
        new.fold()
        if new.unfolded:
            raise SenError("tablet_full")
        new.close()
    except SenError:
        new.close()
        _remove(begun)
        raise
    os.replace(begun, _beside(path, MADE))
    _finish(path)


def forget_damaged(store: "Store") -> None:
    """The server has all that was saved, and the tablet what the server has: the damaged files go."""
    with suppress(OSError):
        for aside in _aside(store.database.path):
            _remove(aside)


def _aside(path: Path) -> list[Path]:
    """The damaged files that were set aside, the oldest first."""
    places = (_beside(path, ASIDE + (str(number) if number > 1 else "")) for number in range(1, MOST_ASIDE + 1))
    return [place for place in places if place.exists()]


def _finish(path: Path) -> None:
    """Put a new file that is whole into the old one's place; each step may be taken again. Raises OSError."""
    made = _beside(path, MADE)
    if not made.exists():
        return
    number = min(len(_aside(path)) + 1, MOST_ASIDE)
    aside, log = _beside(path, ASIDE + (str(number) if number > 1 else "")), _beside(path, "-wal")
    if log.exists():
        if not path.exists():
            path.touch()
        os.replace(log, _beside(aside, "-wal"))
    for end in ("-shm", SUSPECT):
        _beside(path, end).unlink(missing_ok=True)
    if path.exists():
        os.replace(path, aside)
    os.replace(made, path)


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _remove(path: Path) -> None:
    for end in ("-wal", "-shm", "-journal", ""):
        _beside(path, end).unlink(missing_ok=True)


def _write(connection: sqlite3.Connection, found: Found, now_ms: int, files: Path) -> None:
    """Fill the new file. Nothing is taken for known to the server; what it has read it says at the next exchange."""
    for log, number in sorted(found.lines):
        if (log, number + 1) not in found.lines:
            line = found.lines[log, number]
            connection.execute(
                "INSERT INTO log VALUES (?, ?, ?, ?, 0, 1) ON CONFLICT DO UPDATE SET number = excluded.number, chain = excluded.chain",
                (log, found.urgent.get(log, 0), number, chain_next(line.row[3], line.hash)),
            )
    lines = [line.row for line in sorted(found.lines.values(), key=lambda line: (line.change.time, line.row[0], line.row[1]))]
    connection.executemany("INSERT INTO own_line VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
    connection.executemany("INSERT INTO unsettled VALUES (?, ?)", [row[:2] for row in lines if not row[7]])
    named = {digest for line in found.lines.values() for digest in files_named(line.change.operations)}
    here = [(digest,) for digest in sorted(named) if place_of(files, digest).exists()]
    connection.executemany("INSERT INTO file (hash, size, state) VALUES (?, 0, 'waits')", here)
    connection.executemany("INSERT INTO draft VALUES (?, ?, ?)", found.drafts_left())
    connection.executemany("INSERT INTO blob VALUES (?, ?)", list(found.blobs.items()))
    connection.executemany("INSERT INTO wrap VALUES (?, ?, ?)", [(*key, wrapped) for key, wrapped in found.wraps.items()])
    connection.executemany("INSERT INTO document VALUES (?, ?, ?)", list(found.documents.values()))
    for name, value in _notes(found, now_ms).items():
        write_note(connection, name, value)


def _notes(found: Found, now_ms: int) -> dict[str, str]:
    """The notes of the new file: those that were found, that it was damaged, and what is known to be lost."""
    notes = {**found.notes, DAMAGED: str(now_ms), FORKED: str(now_ms)}
    held = [tuple(map(int, notes["time"].split(",")))] if "time" in notes else []
    last = max([*held, *(tuple(line.change.time) for line in found.lines.values())], default=None)
    if last is not None:
        notes["time"] = ",".join(map(str, last))
    lost, drafts = found.lost(), found.drafts_lost()
    if lost:
        notes |= {LOST: json.dumps(lost), LOST_AT: notes.get(LOST_AT) or str(now_ms)}
    else:
        notes = {name: value for name, value in notes.items() if name not in (LOST, LOST_AT)}
    if drafts:
        before = json.loads(notes.get(DRAFTS_LOST) or "[0, 0]")[1]
        notes[DRAFTS_LOST] = json.dumps([now_ms, before + drafts])
    return notes
