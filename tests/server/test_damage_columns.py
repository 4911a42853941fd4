"""A bit of every column, and a row of every table, that an exchange reads: changed by the disk, then worked on before anybody looks.

Real tablets on their stores at the real app; damage by SQL past the foreign keys, as a disk does it. What a column is mended from is
told in docs/sync.md § 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, LargeBinary, delete, inspect, select, update
from sqlalchemy.exc import IntegrityError

from mobile.screens.form.presenter import FormPresenter
from server import editing
from server.db import db, reading
from server.models import Blob, Damage, FallenValue, LineRow, LogRow, PartRow, PastUnit, RecordRow, StreamRow
from server.verify import verify
from tests.server.conftest import AddUser
from tests.server.test_damage import Story, contents, differences, edit, flip, look, story, sync, tables, waiting
from tests.server.test_mending import TALK
from tests.server.test_scope import HERE, THERE, enrol, written

__all__ = ["enrol", "story"]

TABLES: tuple[Any, ...] = (StreamRow, LogRow, LineRow, RecordRow, PartRow, PastUnit, FallenValue, Blob)

HIGH = 1 << 40


def changes(table: Any) -> Iterator[tuple[str, str]]:
    """(column, what befalls it) of a table."""
    for column in table.__table__.c:
        yield column.name, "a low bit"
        if column.type.python_type is int and not isinstance(column.type, LargeBinary) and column.name in HIGH_ONES:
            yield column.name, "a high bit"


HIGH_ONES = frozenset({"number", "place", "start", "touched"})

UNTOLD = frozenset({
    ("line", "witness"), ("record", "current"), ("record", "folded"), ("record", "dated"), ("record", "state"), ("record", "faults"),
    ("record", "updated_ms"), ("fallen", "record"), ("fallen", "path"), ("fallen", "name"), ("fallen", "past"), ("fallen", ""),
})  # fmt: skip
"""What is told by no page: what lists show is renewed as after another catalogue, and what fell is asked about once more at worst."""

WRITTEN_OVER = frozenset({"record", "part"})
"""Tables of which a push itself may write the row anew that was changed, from lines."""

STAY = frozenset({("line", "witness")})
"""What nothing rests on, and stays."""

CASES = [
    *((table.__tablename__, column, what) for table in TABLES for column, what in changes(table)),
    *((table.__tablename__, "", "a row") for table in TABLES),
]


def changed(value: Any, what: str) -> Any:
    """A value with one bit changed; a number that is none is one then."""
    if value is None or isinstance(value, bool):
        return 5 if value is None else not value
    if isinstance(value, int):
        return value ^ (HIGH if what == "a high bit" else 64 if value > 1 else 1)
    if isinstance(value, bytes):
        return flip(value)
    at = len(value) // 2
    return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :] if value else "\1"


def harm(app: Flask, table: Any, column: str, what: str, which: int) -> bool:
    """Change or delete a row as a disk does, which knows no foreign key; False where there is no such row."""
    with app.app_context(), db.engine.connect() as connection:
        lite = connection.dialect.name == "sqlite"
        driver: Any = connection.connection.driver_connection
        if lite:
            driver.execute("PRAGMA foreign_keys=OFF")
        with connection.begin():
            if not lite:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            done = _harm(connection, table, column, what, which)
        if lite:
            driver.execute("PRAGMA foreign_keys=ON")
    return done


def _harm(connection: Connection, table: Any, column: str, what: str, which: int) -> bool:
    keys = [one.name for one in inspect(table).primary_key]
    order = [LineRow.place] if table is LineRow else [getattr(table, key) for key in keys]
    rows = connection.execute(select(table.__table__).order_by(*order)).all()
    if not rows:
        return False
    for row in rows[which % len(rows) :] + rows:
        here = [getattr(table, key) == getattr(row, key) for key in keys]
        if not column:
            return bool(connection.execute(delete(table).where(*here)).rowcount)
        value = getattr(row, column)
        value = "x" if value is None and table.__table__.c[column].type.python_type is str else changed(value, what)
        with suppress(IntegrityError), connection.begin_nested():  # another row has that key
            return bool(connection.execute(update(table).where(*here).values({column: value})).rowcount)
    return False


@pytest.fixture
def moved(story: Story, add_person: AddUser) -> str:
    """A record that was in another unit before."""
    record = written(story.a)
    story.a.forms.close_all()
    sync(story.a, story.b)
    with story.app.app_context():
        editing.write_values(add_person("bon", f"collector@{HERE}", f"collector@{THERE}"), record, TALK, HERE, {"unit": THERE})
        db.session.remove()
    sync(story.b, story.a)
    look(story.app)
    return record


@pytest.mark.parametrize(("table", "column", "what"), CASES, ids=lambda one: str(one).replace(" ", "_"))
def test_f52_whatever_column_is_changed_the_work_goes_on_and_all_is_whole_again(
    story: Story, moved: str, table: str, column: str, what: str
) -> None:
    app, one = story.app, next(one for one in TABLES if one.__tablename__ == table)
    assert harm(app, one, column, what, 1)
    edit(story.a, story.record, "participants_total", 81)
    edit(story.b, story.single, "participants_female", 31)
    for _ in range(2):
        sync(story.a, story.b)
    look(app)
    for _ in range(2):
        sync(story.b, story.a)
    look(app)
    with app.app_context():
        assert verify()[0] == []
        with reading() as connection:
            assert [row.segment for row in connection.execute(select(LogRow))] == [0, 0, 0], "no log is taken for forked"
            told = connection.execute(select(Damage)).first() is not None
    assert told or (table, column) in UNTOLD or table in WRITTEN_OVER
    assert waiting(app) == []
    held = [contents(tablet, story.record, story.single, story.case, moved) for tablet in (story.a, story.b)]
    assert held[0] == held[1] and None not in held[0]
    later = story.enrol()
    assert contents(later, story.record, story.single, story.case, moved) == held[0]
    for tablet in (story.a, story.b, later):
        values = [FormPresenter(tablet).open(one).value(code) for one, code in ((story.record, "participants_total"), (story.single, "participants_female"))]
        assert values == [81, 31]
        tablet.forms.close_all()
    assert len({tablet.store.digest() for tablet in (story.a, story.b)}) == 1


@pytest.mark.parametrize(("table", "column", "what"), CASES, ids=lambda one: str(one).replace(" ", "_"))
@pytest.mark.parametrize("which", [1, 2])
def test_f52_whatever_column_is_changed_a_look_finds_it_and_it_is_what_it_was(
    story: Story, moved: str, table: str, column: str, what: str, which: int
) -> None:
    whole = story._replace(whole=_tables(story.app))
    assert harm(story.app, next(one for one in TABLES if one.__tablename__ == table), column, what, which)
    look(story.app)
    sync(story.a, story.b)
    look(story.app)
    with story.app.app_context():
        assert verify()[0] == []
        left = differences(whole)
        with reading() as connection:
            told = connection.execute(select(Damage)).first() is not None
    assert waiting(story.app) == []
    assert (left == []) == ((table, column) not in STAY)
    assert told == ((table, column) not in UNTOLD)


def _tables(app: Flask) -> list[Any]:
    with app.app_context():
        return tables()
