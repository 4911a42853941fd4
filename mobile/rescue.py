"""What can be saved of a database that SQLite does not read any more: a truncated, overwritten or mixed-up file.

Rows are looked for page by page, by the shape of their header, whatever became of the trees that led to them; none is believed that does
not prove itself: rows are sealed under the row key with their own names, sealed values bear their hash. Saved are own lines, drafts, sealed
values and the keys that go with them; all else is pulled again. The new file is whole before the old one is set aside, a killed rescue goes
on at the next start, and the old file goes once the server has everything that was saved.
SQLite's file format: https://www.sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.
"""

import hashlib
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mobile.database import SUSPECT, Database
from mobile.files import place_of
from mobile.gaps import DAMAGED, FORKED, is_log, readable
from mobile.heads import lacking, told_beside
from mobile.keys import RowKey
from mobile.notes import write_note
from mobile.tables import bring_up
from shared.errors import SenError
from shared.ids import RECORD_ID, b64
from sync.errors import ContentFault
from sync.files import files_named
from sync.log import Change, chain_next, line_hash, name_of

if TYPE_CHECKING:
    from mobile.store import Store

KEPT: Final = "-kept"
BEGUN: Final = "-begun"
MADE: Final = "-rescued"
ASIDE: Final = "-damaged"
"""Behind the name of the database's file: a copy of its write-ahead log, the new one in the making, the new one whole, the damaged one."""

PAGE: Final = 4096
"""Bytes of a page: SQLite's default, with which every tablet's file is made."""

_WAL_HEAD: Final = 32
_FRAME_HEAD: Final = 24
_LARGEST: Final = 1 << 24
"""Bytes of a row that are believed."""

_INT: Final = rb"[\x01-\x06\x08\x09]"
_LONG: Final = rb"[\x80-\xff]{0,4}[\x00-\x7f]"


class _Shape(NamedTuple):
    """How rows of a table look: the serial types in their header, what those stand for, and whether the table has rowids."""

    header: "re.Pattern[bytes]"
    kinds: tuple[type, ...]
    tree: bool

    @classmethod
    def of(cls, header: bytes, *kinds: type, tree: bool = False) -> "_Shape":
        return cls(re.compile(rb"(?=(" + header + rb"))", re.DOTALL), kinds, tree)


_SHAPES: Final = {
    "own_line": _Shape.of(
        rb"\x23" + _INT + rb"[\x39-\x55]\x4c" + _LONG + _INT + _INT + rb"[\x0d-\x7f]", str, int, str, bytes, bytes, int, int, str, tree=True
    ),
    "log": _Shape.of(rb"\x23[\x08\x09]" + _INT + rb"\x4c" + _INT + rb"[\x08\x09]", str, int, int, bytes, int, int),
    "draft": _Shape.of(rb"\x55" + _INT + _LONG, str, int, bytes),
    "blob": _Shape.of(rb"\x63" + _LONG, str, bytes, tree=True),
    "wrap": _Shape.of(rb"\x55[\x0d-\x7f]" + _LONG, str, str, str),
}
"""0x23 is a text of 11 bytes (a log's id), 0x55 one of 36 (a record's), 0x63 one of 43 (a hash in base64url), 0x4c a blob of 32."""

__all__ = ["forget_damaged", "opened"]


class _Found(NamedTuple):
    """Rows that proved themselves, as they are inserted."""

    lines: dict[tuple[str, int], tuple[Any, ...]]
    changes: dict[tuple[str, int], tuple[Change, bytes]]
    urgent: dict[str, int]
    drafts: dict[str, tuple[Any, ...]]
    blobs: dict[str, bytes]
    wraps: dict[tuple[str, str], str]


def opened(path: Path, rows: RowKey, open_store: Callable[[], "Store"], now_ms: Callable[[], int]) -> "Store":
    """A tablet's store; where its file is damaged, with what can be saved of it.

    Raises:
        SenError: ``tablet_full``, ``disk_failed``, or what else keeps the store from being opened.
    """
    _finish(path)
    try:
        _keep_log(path)
        if not _beside(path, SUSPECT).exists() and not _went_back(path):
            store = open_store()
            _beside(path, KEPT).unlink(missing_ok=True)
            return store
    except SenError as error:
        if error.code != "database_damaged":
            raise
    except OSError as error:
        raise SenError("disk_failed") from error
    _rescue(path, rows, now_ms())
    return open_store()


def _keep_log(path: Path) -> None:
    """Copy the write-ahead log that a killed process left: SQLite passes over all that stands behind a damaged frame, and takes it away."""
    wal, kept = _beside(path, "-wal"), _beside(path, KEPT)
    if wal.exists() and wal.stat().st_size and not kept.exists():
        copy = _beside(path, BEGUN)
        shutil.copyfile(wal, copy)
        os.replace(copy, kept)


def _went_back(path: Path) -> bool:
    """Whether SQLite does not give all that is known to have been on disk, though a write-ahead log was there that may hold it."""
    told = told_beside(path)
    if not told or not _beside(path, KEPT).exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(lacking(connection, told))
    except sqlite3.DatabaseError:
        return True


def _rescue(path: Path, rows: RowKey, now_ms: int) -> None:
    """Make a new database of what can be read of a damaged one, and set that aside. Raises SenError("tablet_full") or ("disk_failed")."""
    try:
        found = _look(_pages(path), rows)
        begun = _beside(path, BEGUN)
        _remove(begun)
        new = Database(begun)
        with new.writing() as connection:
            bring_up(connection)
            _write(connection, found, now_ms, path.parent / "files")
        new.fold()
        new.close()
        os.replace(begun, _beside(path, MADE))
    except OSError as error:
        raise SenError("disk_failed") from error
    _finish(path)


def forget_damaged(store: "Store") -> None:
    """The server has all that was saved, and the tablet what the server has: the damaged file goes."""
    aside = _beside(store.database.path, ASIDE)
    if aside.exists():
        with suppress(OSError):
            _remove(aside)


def _finish(path: Path) -> None:
    """Put a new file that is whole into the old one's place; each step may be taken again."""
    made = _beside(path, MADE)
    if not made.exists():
        return
    try:
        for end, aside in (("", ASIDE), (KEPT, ASIDE + "-wal")):
            old = _beside(path, end)
            if old.exists():
                os.replace(old, _beside(path, aside))
        for end in ("-wal", "-shm", SUSPECT):
            _beside(path, end).unlink(missing_ok=True)
        os.replace(made, path)
    except OSError as error:
        raise SenError("disk_failed") from error


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        _beside(path, end).unlink(missing_ok=True)


# pages


def _pages(path: Path) -> list[memoryview]:
    """The pages of a file, each as the write-ahead log has it last; 0-based."""
    data = memoryview(path.read_bytes() if path.exists() else b"")
    pages = [data[at : at + PAGE] for at in range(0, len(data), PAGE)]
    wal = _beside(path, KEPT)
    log = wal.read_bytes() if wal.exists() else b""
    frames = [log[at : at + _FRAME_HEAD + PAGE] for at in range(_WAL_HEAD, len(log), _FRAME_HEAD + PAGE)]
    salts = Counter(frame[8:16] for frame in frames)
    present = log[16:24] if salts[log[16:24]] else max(salts, key=lambda salt: salts[salt], default=b"")
    for frame in frames:
        number = int.from_bytes(frame[:4], "big")
        if frame[8:16] == present and 0 < number <= len(pages) + len(frames):
            pages += [memoryview(b"")] * (number - len(pages))
            pages[number - 1] = memoryview(frame)[_FRAME_HEAD:]
    return pages


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if not data[place] & 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


_WIDTHS: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)


def _width(kind: int) -> int:
    return _WIDTHS[kind] if kind < len(_WIDTHS) else (kind - 12) // 2


def _kept_here(size: int, *, tree: bool) -> int:
    """How many bytes of a payload stand on its own page; ``tree``: of a table with rowids."""
    most = PAGE - 35 if tree else (PAGE - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (PAGE - 12) * 32 // 255 - 23
    wanted = least + (size - least) % (PAGE - 4)
    return wanted if wanted <= most else least


def _payload(pages: list[memoryview], page: memoryview, at: int, size: int, *, tree: bool) -> bytes:
    """A payload that begins at a place, with what overflowed to other pages. Raises IndexError."""
    here = _kept_here(size, tree=tree)
    data = bytes(page[at : at + here])
    following = int.from_bytes(page[at + here : at + here + 4], "big")
    while len(data) < size:
        if not 0 < following <= len(pages):
            raise IndexError
        body = pages[following - 1]
        following = int.from_bytes(body[:4], "big")
        data += body[4 : 4 + size - len(data)]
        if len(body) < PAGE:
            break
    return data


def _rows(pages: list[memoryview], shape: _Shape) -> Iterator[tuple[Any, ...]]:
    """What may be rows of a table, wherever they stand."""
    for page in pages:
        for match in shape.header.finditer(page):
            at = match.start() - 1
            if at >= 0 and page[at] == len(match[1]) + 1:
                with suppress(IndexError, UnicodeDecodeError):
                    row = _row(pages, page, at, tree=shape.tree)
                    if tuple(map(type, row)) == shape.kinds:
                        yield row


def _row(pages: list[memoryview], page: memoryview, at: int, *, tree: bool) -> tuple[Any, ...]:
    """The values of a record. Raises IndexError or UnicodeDecodeError where it is none."""
    end, place = at + page[at], at + 1
    kinds: list[int] = []
    while place < end:
        kind, place = _varint(page, place)
        kinds.append(kind)
    size = page[at] + sum(map(_width, kinds))
    if size > _LARGEST:
        raise IndexError
    data, place, values = _payload(pages, page, at, size, tree=tree), page[at], list[Any]()
    for kind in kinds:
        raw = data[place : place + _width(kind)]
        place += len(raw)
        if kind < len(_WIDTHS):
            values.append(kind - 8 if kind > 7 else int.from_bytes(raw, "big", signed=True))
        else:
            values.append(raw.decode("utf-8") if kind % 2 else raw)
    return tuple(values)


# rows


def _look(pages: list[memoryview], rows: RowKey) -> _Found:
    found = _Found({}, {}, {}, {}, {}, {})
    takers: dict[str, Callable[..., None]] = {"own_line": _line, "log": _log, "draft": _draft, "blob": _blob, "wrap": _wrap}
    for table, take in takers.items():
        for row in _rows(pages, _SHAPES[table]):
            take(found, rows, *row)
    return found


def _line(
    found: _Found, rows: RowKey, log: str, number: int, name: str, before: bytes, body: bytes, size: int, made: int, aside: str = ""
) -> None:
    line = readable(rows, name, body)
    if line is None or name != name_of(log, number, line_hash(line)):
        return
    with suppress(ContentFault):
        change = Change.parse(line)
        if (change.log, change.number) == (log, number):
            found.lines[log, number] = (log, number, name, before, body, len(line), made, aside)
            found.changes[log, number] = change, line_hash(line)


def _log(found: _Found, rows: RowKey, log: str, urgent: int, number: int, chain: bytes, read: int, closed: int) -> None:
    if is_log(log):
        found.urgent[log] = urgent


def _draft(found: _Found, rows: RowKey, record: str, saved: int, body: bytes) -> None:
    with suppress(SenError):
        rows.open(body, f"draft {record}")
        if record not in found.drafts or saved > found.drafts[record][1]:
            found.drafts[record] = (record, saved, body)


def _blob(found: _Found, rows: RowKey, digest: str, data: bytes) -> None:
    if b64(hashlib.sha256(data).digest()) == digest:
        found.blobs[digest] = data


def _wrap(found: _Found, rows: RowKey, key_id: str, recipient: str, wrapped: str) -> None:
    if RECORD_ID.fullmatch(key_id):
        found.wraps[key_id, recipient] = wrapped


def _write(connection: sqlite3.Connection, found: _Found, now_ms: int, files: Path) -> None:
    """Fill the new file. Nothing is taken for known to the server; what it has read it says at the next exchange."""
    for log, number in sorted(found.lines):
        if (log, number + 1) not in found.lines:
            chain = chain_next(found.lines[log, number][3], found.changes[log, number][1])
            connection.execute(
                "INSERT INTO log VALUES (?, ?, ?, ?, 0, 1) ON CONFLICT DO UPDATE SET number = excluded.number, chain = excluded.chain",
                (log, found.urgent.get(log, 0), number, chain),
            )
    lines = sorted(found.lines.values(), key=lambda row: (found.changes[row[0], row[1]][0].time, row[0], row[1]))
    connection.executemany("INSERT INTO own_line VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
    connection.executemany("INSERT INTO unsettled VALUES (?, ?)", [row[:2] for row in lines if not row[7]])
    wrote: dict[str, int] = {}
    for key, (change, _) in found.changes.items():
        wrote[change.record] = max(wrote.get(change.record, 0), found.lines[key][6])
        named = [(digest,) for digest in files_named(change.operations) if place_of(files, digest).exists()]
        connection.executemany("INSERT OR IGNORE INTO file (hash, size, state) VALUES (?, 0, 'waits')", named)
    drafts = [row for record, row in found.drafts.items() if row[1] > wrote.get(record, -1)]
    connection.executemany("INSERT INTO draft VALUES (?, ?, ?)", drafts)
    connection.executemany("INSERT INTO blob VALUES (?, ?)", list(found.blobs.items()))
    connection.executemany("INSERT INTO wrap VALUES (?, ?, ?)", [(*key, wrapped) for key, wrapped in found.wraps.items()])
    last = max((change.time for change, _ in found.changes.values()), default=None)
    notes = [(DAMAGED, str(now_ms)), (FORKED, str(now_ms))] + ([] if last is None else [("time", f"{last.ms},{last.counter}")])
    for name, value in notes:
        write_note(connection, name, value)
