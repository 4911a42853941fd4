"""What a push and a pull make the database do does not grow with what is held: its own counts, no times.

SQLite counts the instructions of its virtual machine, PostgreSQL the rows that it read in each transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event

from mobile.tablet import Tablet
from server.db import db
from sync.tablet_half import TabletHalf
from tests.bench.ours import BenchTablet
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, Enrol, enrol

__all__ = ["enrol"]

FEW, MANY = 400, 8000
ENTERED, CHANGED = 20, 20
AT_MOST = 1.5
"""So many times the work at most, where twenty times as much is held."""

STEP = 10
"""Instructions between two counts."""

READ = "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0) FROM pg_stat_xact_user_tables"


@contextmanager
def counted(app: Flask) -> Iterator[Callable[[], int]]:
    """Counts the work of the app's database from here on; gives what it has come to."""
    work: Counter[str] = Counter()
    with app.app_context():
        engine = db.engine
        engine.dispose()

    def count() -> int:
        work["done"] += STEP
        return 0

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, STEP)

    def alone(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:  # what helpers read for a query stands in no count of its transaction
            cursor.execute("SET max_parallel_workers_per_gather = 0")
        connection.commit()

    def ended(connection: Connection) -> None:
        work["done"] += int(connection.exec_driver_sql(READ).scalar() or 0)

    heard: list[tuple[str, Callable[..., None]]] = [("connect", alone), ("commit", ended), ("rollback", ended)]
    if engine.dialect.name == "sqlite":
        heard = [("connect", connected)]
    for name, listener in heard:
        event.listen(engine, name, listener)
    try:
        yield lambda: work["done"]
    finally:
        for name, listener in heard:
            event.remove(engine, name, listener)
        with app.app_context():
            engine.dispose()


def known_to_planner(app: Flask) -> None:
    """Let PostgreSQL look at its tables, as it does by itself once in a while."""
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def hand(tablet: Tablet) -> BenchTablet:
    """A tablet's store in the hands that enter much at once."""
    return BenchTablet(store=tablet.store, half=TabletHalf(tablet.store), catalogue=tablet.catalogue, unit=HERE, address="")


def test_l04_a_push_and_a_pull_are_as_much_work_with_twenty_times_as_many_records(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    writer, reader = (enrol(add_person(name, f"collector@{HERE}"), HERE) for name in ("lan", "hoa"))
    one = hand(writer)

    def hold(number: int) -> list[str]:
        records = one.enter(number)
        writer.syncer.sync()
        reader.syncer.sync()
        assert len(reader.store.records()) == len(writer.store.records())
        return records[:CHANGED]

    def work(step: int) -> dict[str, int]:
        done = {}
        one.enter(ENTERED)
        one.change(known, step)
        assert one.store.unsent_count() == ENTERED + CHANGED
        with counted(app) as so_far:
            for name, exchange in (("push", writer.syncer.sync), ("pull", reader.syncer.sync), ("nothing new", reader.syncer.sync)):
                before = so_far()
                exchange()
                done[name] = so_far() - before
        return done

    known = hold(FEW)
    known_to_planner(app)
    few = work(1)
    hold(MANY - FEW)
    known_to_planner(app)
    many = work(2)
    assert min(few.values()) > 0, "there is something to count"
    grown = {name: (few[name], many[name]) for name in few if many[name] > AT_MOST * few[name]}
    assert not grown, (few, many)
    with app.app_context():
        if db.engine.dialect.name == "postgresql":  # of a few rows it reads all without an index: that says little of the many
            assert max(many.values()) < MANY // 10, many
    with counted(app) as so_far, app.app_context(), db.engine.connect() as connection:
        # by a column of no index: once PostgreSQL has tidied up, it may answer from an index without touching a row
        connection.exec_driver_sql("SELECT count(*) FROM record WHERE folded || unit = 'x'").scalar()
        connection.commit()
        everything = so_far()
    assert everything > MANY > few["nothing new"], "what reads all records is seen"
