"""The engine with its pragmas, and the one way to write: a transaction that begins IMMEDIATE and is tried again.

``db.session`` is for reading only and refuses to write. ``transaction`` gives a session of ORM objects, ``writing`` a bare
connection for rows in batches; ``retrying`` runs a whole piece of work again where the database asked for it. Those of one process that
write to SQLite, or under one lock to PostgreSQL, do so in the order in which they came. Works alike on SQLite (WAL, synchronous=FULL: a
commit that was answered survives a power cut) and PostgreSQL.
"""

import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from select import select
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, Dialect, Engine, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session

from server.turns import Turns
from shared.errors import SenError

TRIES = 6
FIRST_PAUSE_S = 0.02
"""Doubled after each try, with jitter, so that two that met do not meet again."""

SQLITE_CODES = {5: "database_busy", 6: "database_busy", 8: "storage_failed", 10: "storage_failed", 13: "disk_full"}
"""SQLite's primary result codes: BUSY, LOCKED, READONLY, IOERR, FULL."""

POSTGRESQL_CODES = {
    "40001": "database_busy", "40P01": "database_busy", "55P03": "database_busy", "53100": "disk_full", "25006": "storage_failed",
    "58030": "storage_failed", "57P01": "database_away", "57P02": "database_away", "57P03": "database_away",
}  # fmt: skip
"""SQLSTATE: serialization failure, deadlock, lock not available, disk full, read only, I/O error, shutdown."""

AGAIN = frozenset({"database_busy"})
"""What is worth another try by itself; the rest a person must mend."""

QUIET_S = 60
"""After so many idle seconds a connection to PostgreSQL is asked before it is used: a network may have dropped it in silence."""

MOST_PAGES = 16_000
"""So long SQLite's write-ahead log may grow before a commit itself folds it into the file, which takes it as long as the commit: 64 MB.
Mostly ``fold`` has done it before, when nobody waited.
"""

KEPT_LOG_BYTES = 32 << 20
"""A longer log is cut to so many bytes once it is folded."""

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

TURNS: WeakKeyDictionary[Engine, tuple[int, dict[str, Turns]]] = WeakKeyDictionary()
"""Of each engine, the seconds for which a turn is waited for, and by the name of a lock who writes before whom."""

Result = TypeVar("Result")

__all__ = [
    "Base", "code_of", "db", "engine_options", "fold", "insert_missing", "insert_rows", "reading", "retrying", "transaction",
    "watch_engine", "writing",
]  # fmt: skip


class Base(DeclarativeBase):
    """The base of all tables; every constraint has a name, so that a migration can speak of it."""

    metadata = MetaData(naming_convention=NAMES)


class ReadingSession(FlaskSession):
    """The session of a request; what is written goes through ``transaction``."""

    def flush(self, objects: Any = None) -> None:
        """Refuse to write."""
        if self.new or self.deleted or any(self.is_modified(one) for one in self.dirty):
            raise RuntimeError("db.session reads; write in server.db.transaction")


db = SQLAlchemy(model_class=Base, session_options={"class_": ReadingSession})


def engine_options(url: str, wait_s: int) -> dict[str, Any]:
    """What an engine is made with; ``wait_s`` is how long a lock is waited for."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": wait_s}, "hide_parameters": True}
    options = f"-c lock_timeout={wait_s * 1000} -c TimeZone=UTC"
    return {"connect_args": {"options": options}, "hide_parameters": True}


def watch_engine(engine: Engine, wait_s: int) -> None:
    """Give an engine's connections their pragmas, and its transactions their turn and their beginning; ``wait_s`` as above."""
    TURNS[engine] = wait_s, {}
    if engine.dialect.name != "sqlite":
        _look_at_checkout(engine)
        return
    _look_for_the_file(engine)

    @event.listens_for(engine, "connect")
    def pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself; `begin` below does
        for pragma in (
            "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", f"wal_autocheckpoint={MOST_PAGES}",
            f"journal_size_limit={KEPT_LOG_BYTES}",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # waits for nobody and cannot fail, so that SQLAlchemy need not stand beside it
            connection.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]


def _look_for_the_file(engine: Engine) -> None:
    """Give nobody a connection to a file that bears the database's name no more: another one was put in its place, and what is written
    to the old one would be lost at the next start.
    """
    name = engine.url.database
    if not name or name == ":memory:":
        return

    @event.listens_for(engine, "connect")
    def opened(_connection: object, record: Any) -> None:
        record.info["file"] = _file(name)

    @event.listens_for(engine, "checkout")
    def look(_connection: object, record: Any, _proxy: object) -> None:
        if record.info.get("file") != _file(name):
            raise InvalidatePoolError


def _file(name: str) -> tuple[int, int] | None:
    """Which file bears a name now."""
    try:
        told = os.stat(name)
    except OSError:
        return None
    return told.st_dev, told.st_ino


def _look_at_checkout(engine: Engine) -> None:
    """Give nobody a connection of the pool that PostgreSQL has closed: it says so on the wire, where nothing else is said meanwhile.

    A question at each checkout, which a pool can ask by itself (``pool_pre_ping``), would be a round trip at every transaction.
    """

    @event.listens_for(engine, "checkin")
    def given_back(_connection: object, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _proxy: object) -> None:
        since = record.info.get("idle_since")
        try:
            if since is not None and (time.monotonic() - since > QUIET_S or select([connection], [], [], 0)[0]):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def fold() -> None:
    """Write what SQLite's write-ahead log holds into the database's file; waits for nobody, and leaves what somebody still reads."""
    if db.engine.dialect.name == "sqlite":
        with contextlib.closing(db.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")


@contextlib.contextmanager
def writing(lock: str = "") -> Iterator[Connection]:
    """A writing transaction on a bare connection: committed at the end of the block, rolled back by an exception.

    Args:
        lock: what it will lock on PostgreSQL, where many may write at once; "" where it waits for nobody.

    Raises:
        SenError: ``database_busy``, ``disk_full``, ``storage_failed`` or ``database_away``.
    """
    with named_errors(), _turn(lock), db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def _turn(lock: str) -> Iterator[None]:
    """Wait for those of this process that asked before, holding no connection meanwhile; another process waits as the database lets it.

    SQLite has one writer, whom it lets others look for now and then; PostgreSQL's queue for a row begins anew each time that the row is
    written, whoever is first then, and who waited there reads the rest of its statement as it was before. Raises SenError("database_busy").
    """
    sqlite = db.engine.dialect.name == "sqlite"
    if not (lock or sqlite):
        yield
        return
    wait_s, turns = TURNS[db.engine]
    turn = turns.setdefault("" if sqlite else lock, Turns(1))
    if not turn.take(wait_s):
        raise SenError("database_busy")
    try:
        yield
    finally:
        turn.give()


@contextlib.contextmanager
def reading() -> Iterator[Connection]:
    """A reading transaction: everything it gives belongs to one moment."""
    with named_errors(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def insert_rows(connection: Connection, table: type[Base], columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows, each with the values of these columns in their order, in one statement and past the work that SQLAlchemy
    does on every value: ids, numbers, texts and bytes go to the driver as they are.
    """
    if not rows:
        return
    made: Table = table.__table__  # type: ignore[assignment]
    connection.exec_driver_sql(_insert(connection.dialect, made, columns), list(rows))


@lru_cache(maxsize=64)
def _insert(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    """The statement of ``insert_rows``; both drivers take values by their place."""
    quote = dialect.identifier_preparer
    names, mark = ", ".join(quote.quote(name) for name in columns), "?" if dialect.paramstyle == "qmark" else "%s"
    return f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({', '.join([mark] * len(columns))})"


def retrying(work: Callable[[], Result]) -> Result:
    """Run work that holds a whole transaction; run it again, a bounded number of times, where the database was busy.

    The work must do nothing outside the database that may not happen twice.
    """
    for attempt in range(TRIES - 1):
        try:
            return work()
        except SenError as error:
            if error.code not in AGAIN:
                raise
            time.sleep(FIRST_PAUSE_S * 2**attempt * (0.5 + random.random()))
    return work()


def transaction(work: Callable[[Session], Result]) -> Result:
    """Run work on a session in one writing transaction, again where the database was busy; gives what the work gives."""

    def once() -> Result:
        with writing() as connection, Session(connection, expire_on_commit=False) as session:
            result = work(session)
            session.flush()
            return result

    return retrying(once)


def insert_missing(connection: Connection, table: type, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows; those whose key is there already stay as they are. Gives how many were new."""
    kind = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = kind.insert(table).on_conflict_do_nothing()
    return sum(connection.execute(statement, [dict(row)]).rowcount for row in rows)


@contextlib.contextmanager
def named_errors() -> Iterator[None]:
    """Turn the database's errors that a person may meet into SenError, without statement or values."""
    try:
        yield
    except DBAPIError as error:
        code = code_of(error)
        if code:
            raise SenError(code) from error
        raise


def code_of(error: DBAPIError) -> str:
    """The code of a database's error, or "" where it is a mistake of ours."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return SQLITE_CODES.get(getattr(original, "sqlite_errorcode", 0) & 0xFF, "")
    state = getattr(original, "sqlstate", None)
    if state is None:
        return "database_away" if error.connection_invalidated or type(original).__name__ == "OperationalError" else ""
    return POSTGRESQL_CODES.get(state, "database_away" if state.startswith("08") else "")
