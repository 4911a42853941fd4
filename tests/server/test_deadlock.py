"""Two real transactions that stand in each other's way: PostgreSQL ends one, which is run again; on SQLite there is one writer, who waits.

Nothing is lost, nothing is there twice, and nobody sees an error.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flask import Flask
from sqlalchemy import Connection, Engine, insert, select, text, update

from server.db import db, reading, retrying, writing
from server.models import LineRow, LogRow, StreamRow
from shared.errors import SenError
from tests.server.test_damage_process import opened
from tests.support.place import working
from tests.support.wrong import GOOD

PATIENCE_S = 60


def two_streams() -> None:
    with writing() as connection:
        connection.execute(insert(StreamRow), [{"code": code, "number": 0, "hash": b"0"} for code in ("a", "b")])


def numbers() -> dict[str, int]:
    with reading() as connection:
        return {row.code: row.number for row in connection.execute(select(StreamRow.code, StreamRow.number))}


def one_more(connection: Connection, code: str) -> None:
    """Add to what was read, as who takes a number does."""
    number = connection.scalar(select(StreamRow.number).where(StreamRow.code == code)) or 0
    connection.execute(update(StreamRow).where(StreamRow.code == code).values(number=number + 1))


def both(app: Flask, *work: Callable[[], None]) -> None:
    """Do this at once, each in a thread of its own."""

    def within(one: Callable[[], None]) -> None:
        with app.app_context():
            one()

    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(within, one) for one in work]:
            done.result(PATIENCE_S)


def test_f31_of_two_transactions_that_wait_for_each_other_one_is_run_again(app: Flask) -> None:
    told, tries, meeting = list[str | None](), Counter[str](), threading.Barrier(2)

    def cross(codes: Sequence[str]) -> None:
        tries[codes[0]] += 1
        try:
            with writing() as connection:
                many = connection.dialect.name == "postgresql"
                one_more(connection, codes[0])
                if many and tries[codes[0]] == 1:
                    meeting.wait(PATIENCE_S)  # each holds one now, and goes for the other's
                one_more(connection, codes[1])
        except SenError as error:
            told.append(getattr(getattr(error.__cause__, "orig", None), "sqlstate", None))
            raise

    with app.app_context():
        two_streams()
        both(app, lambda: retrying(lambda: cross("ab")), lambda: retrying(lambda: cross("ba")))
        assert numbers() == {"a": 2, "b": 2}, "nothing lost, nothing twice"
        postgresql = db.engine.dialect.name == "postgresql"
        assert told == (["40P01"] if postgresql else []) and sum(tries.values()) == 2 + len(told)


def test_f31_a_transaction_that_comes_too_late_to_be_put_in_order_is_run_again(app: Flask) -> None:
    """Where the database is set to keep transactions apart: what it read is no longer so when it writes."""
    told, has_read, other_done = list[str | None](), threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with writing() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
                    number = connection.scalar(select(StreamRow.number).where(StreamRow.code == "a")) or 0
                    has_read.set()
                    assert other_done.wait(PATIENCE_S)
                    connection.execute(update(StreamRow).where(StreamRow.code == "a").values(number=number + 1))
                else:
                    one_more(connection, "a")
                    has_read.set()  # the other waits until this is committed
        except SenError as error:
            told.append(getattr(getattr(error.__cause__, "orig", None), "sqlstate", None))
            raise

    def fast() -> None:
        assert has_read.wait(PATIENCE_S)
        with writing() as connection:
            one_more(connection, "a")
        other_done.set()

    with app.app_context():
        two_streams()
        both(app, lambda: retrying(slow), lambda: retrying(fast))
        assert numbers()["a"] == 2
        assert told == (["40001"] if db.engine.dialect.name == "postgresql" else [])


WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
ENDED = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def comes_to(engine: Engine, query: str, number: int) -> None:
    """Wait until PostgreSQL counts so many."""
    end = time.monotonic() + PATIENCE_S
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while connection.scalar(text(query)) != number:
            assert time.monotonic() < end, query


def test_f31_a_push_that_postgresql_ends_in_a_deadlock_arrives_once(tmp_path: Path, database: str) -> None:
    """Somebody else's transaction holds the log's row and goes for the stream's, which the push holds: the push is the one that is ended."""
    var = tmp_path / "var"
    with opened(var, database) as engine:
        postgresql = engine.dialect.name == "postgresql"
        if postgresql:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET deadlock_timeout = \'2s\''))
        with working(var, database) as place, ThreadPoolExecutor(1) as pool:
            device = place.device
            pushed = [device.line(GOOD, offset=n) for n in (1, 2, 3)]
            with engine.connect() as other:
                if postgresql:
                    other.execute(text("SET LOCAL deadlock_timeout = '1h'"))  # it is never the one that looks
                    other.execute(select(LogRow.id).where(LogRow.id == device.log).with_for_update())
                    answer = pool.submit(device.push, pushed)
                    comes_to(engine, WAITS, 1)
                    other.execute(select(StreamRow.code).with_for_update())
                else:
                    other.exec_driver_sql("BEGIN IMMEDIATE")
                    answer = pool.submit(device.push, pushed)
                assert not answer.done(), "it waits, and is tried again"
                other.rollback()
            assert "aside" not in answer.result(PATIENCE_S)
            with engine.connect() as connection:
                held = connection.execute(select(LineRow.log, LineRow.number).order_by(LineRow.number)).all()
                assert [tuple(row) for row in held] == [(device.log, n) for n in range(1, 5)], "once each, in their order"
            if postgresql:
                comes_to(engine, ENDED, 1)
            assert b'"status": 5' not in place.log() and b"Traceback" not in place.log()
