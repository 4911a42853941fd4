"""The one factory that opens a tablet's database, and the one kind of writing transaction.

WAL with ``synchronous=FULL``: what has returned is on disk. One connection a thread; writers take turns, and every writing
transaction begins IMMEDIATE. What SQLite says is told as a plain refusal: a full disk refuses the new and leaves the old readable.
"""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mobile.tables import schema_holds
from shared.errors import SenError

SUSPECT: Final = "-suspect"
"""Behind the name of the database's file: SQLite found it damaged; the next start rescues what can be read (``mobile.rescue``)."""

WAIT_MS: Final = 10_000
"""How long a writer waits for another process's transaction before it says that the database is busy."""

_REFUSALS: Final = {
    sqlite3.SQLITE_FULL: "tablet_full",
    sqlite3.SQLITE_IOERR: "disk_failed",
    sqlite3.SQLITE_READONLY: "disk_failed",
    sqlite3.SQLITE_CANTOPEN: "disk_failed",
    sqlite3.SQLITE_PERM: "disk_failed",
    sqlite3.SQLITE_AUTH: "disk_failed",
    sqlite3.SQLITE_BUSY: "tablet_busy",
    sqlite3.SQLITE_LOCKED: "tablet_busy",
    sqlite3.SQLITE_PROTOCOL: "tablet_busy",
    sqlite3.SQLITE_CORRUPT: "database_damaged",
    sqlite3.SQLITE_NOTADB: "database_damaged",
}

_IOERR_READ: Final = 10 | 1 << 8
_IOERR_SHORT_READ: Final = 10 | 2 << 8
_IOERR_DATA: Final = 10 | 32 << 8
_IOERR_CORRUPTFS: Final = 10 | 33 << 8
_UNREADABLE: Final = frozenset({_IOERR_READ, _IOERR_SHORT_READ, _IOERR_DATA, _IOERR_CORRUPTFS})
"""What SQLite says of a place that the disk does not give, or gives otherwise than it was written."""

_NOT_UTF8: Final = "Could not decode to UTF-8"
"""How Python's module begins to say, without a code, that a text has bytes that none can have."""

_NO_ROOM: Final = 1 << 16
"""Bytes of free space below which a file that cannot be written is no fault of the disk."""

__all__ = ["SUSPECT", "Database", "has_room", "refusal"]


def has_room(folder: Path) -> bool:
    """Whether there is room for a few pages."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free >= _NO_ROOM
    return True


def refusal(error: sqlite3.Error, folder: Path | None = None) -> SenError:
    """The plain refusal that stands for an error of SQLite, by its code; ``folder``: where the file lies."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in _UNREADABLE or (code is None and str(error).startswith(_NOT_UTF8)):
        return SenError("database_damaged")
    told = _REFUSALS.get((code or 0) & 0xFF, "database_failed")
    return SenError("tablet_full" if told == "disk_failed" and folder is not None and not has_room(folder) else told)


class Database:
    """One database file; each thread has its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._here = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._turn = threading.RLock()
        self.unfolded = False
        self.committed: Callable[[sqlite3.Connection], None] = lambda connection: None
        """Called behind each commit of ``writing``, before another one can begin; must not raise."""

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._here, "connection", None)
        if connection is None:
            connection = self._here.connection = self._open()
            self._all.append(connection)
        return connection

    def _refusal(self, error: sqlite3.Error) -> SenError:
        """What SQLite says as a refusal; a file that it finds damaged, or whose tables are not what they were, is remembered as such."""
        refused = refusal(error, self.path.parent)
        if refused.code == "database_failed" and self._lost_its_tables():
            refused = SenError("database_damaged")
        if refused.code == "database_damaged":
            with suppress(OSError):
                self.path.with_name(self.path.name + SUSPECT).touch()
        return refused

    def _lost_its_tables(self) -> bool:
        connection: sqlite3.Connection | None = getattr(self._here, "connection", None)
        try:
            return connection is not None and not schema_holds(connection)
        except sqlite3.DatabaseError:
            return True

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, timeout=WAIT_MS / 1000, isolation_level=None, check_same_thread=False)
            for pragma in (
                "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={WAIT_MS}",
                "temp_store=MEMORY", "cache_size=-16000",
            ):  # fmt: skip
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A writing transaction, committed at the end of the block or rolled back whole.

        Raises:
            SenError: ``tablet_full``, ``disk_failed``, ``tablet_busy``, ``database_damaged``, ``database_failed``.
        """
        with self._turn:
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                    self.committed(connection)
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._refusal(error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection; what SQLite says is told as a refusal."""
        try:
            yield self.connection
        except sqlite3.Error as error:
            raise self._refusal(error) from error

    def fold(self) -> None:
        """Fold the write-ahead log into the file and empty it, so that nothing of a deleted row is left in it.

        Deleted rows are overwritten in the file itself (``secure_delete``). ``unfolded``: somebody was reading just then, or there was
        no room for it; what was saved stands in the log all the same. To be tried again later.
        """
        self.unfolded = True
        try:
            with self.reading() as connection:
                self.unfolded = bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        except SenError as error:
            if error.code not in ("tablet_full", "disk_failed"):
                raise

    def close(self) -> None:
        """Close every thread's connection; the last one folds the write-ahead log in."""
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._here = threading.local()
