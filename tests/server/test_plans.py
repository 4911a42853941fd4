"""No statement of an exchange reads all records or all lines, on either database: each finds its rows by an index that fits.

The database itself is asked how it would do it (EXPLAIN), for every statement that real tablets' exchanges cause.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.db import db
from server.editing import sql_server
from server.healing import Healing
from sync.lost import Compared
from sync.store import Device
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, THERE, Enrol, enrol, roles, written

__all__ = ["enrol"]

FITS: Mapping[str, tuple[str, ...]] = {
    "record": ("id", "touched", "ix_record_waiting"),
    "line": ("record", "place", "number"),
    "past_unit": ("record", "touched"),
    "fallen": ("record",),
    "log": ("id", "device"),
    "part": ("unit",),
    "blob": ("hash",),
    "stream": ("code",),
    "device": ("id", "sign"),
}
"""Table → the columns one of which must be sought by: with it, what is read does not grow with what is held."""

MANY: Mapping[str, Mapping[str, str]] = {
    "record": {"id": "'r' || n || left(id, 4) || right(id, 20)", "unit": "'unit ' || mod(n, 40)", "touched": "touched + 10 * n"},
    "line": {"log": "left(log, 4) || n", "place": "place + 100 * n", "record": "'r' || n || left(record, 4) || right(record, 20)"},
}
"""Table → what is another in each copy of a row."""

ALWAYS = {"stream", "part", "record", "line", "past_unit", "log", "device"}
"""What the exchanges below ask in any case: the test looks at something."""


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The statements of a block, each with values that it had; not those that look for damage, once a minute at most, where a digest
    differs: they read all of a scope.
    """
    heard: dict[str, Any] = {}
    mending = threading.Event()

    mended = Healing.mended

    def mend(healing: Healing, device: Device, said: str) -> Compared | None:
        mending.set()
        try:
            return mended(healing, device, said)
        finally:
            mending.clear()

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not mending.is_set() and statement.split(None, 1)[0] in ("SELECT", "UPDATE", "DELETE"):
            heard.setdefault(statement, values[0] if many else values)

    monkeypatch.setattr(Healing, "mended", mend)
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def sought(statement: str, values: Any) -> list[tuple[str, str]]:
    """How the database would look for the rows of a statement: (table, by which index and condition), "" where it reads all."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            found = [re.match(r"(?:SCAN|SEARCH) (\w+) ?(.*)", step) for step in steps]
            return [(one[1], one[2]) for one in found if one is not None and not one[1].startswith("arm")]
        for setting in ("enable_seqscan", "enable_bitmapscan"):  # a table of three rows is read whole where that is let
            connection.exec_driver_sql(f"SET {setting} = off")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))
        scan = re.compile(r"(?:Index|Index Only|Seq) Scan(.*?) on (\w+).*((?:\n *[^\s-].*)*)")
        return [(one[2], one[1] + "".join(re.findall(r"Index Cond: (.*)", one[3]))) for one in scan.finditer(plan)]


def let_much_be_held() -> None:
    """PostgreSQL plans by what its tables hold: records and lines as they are there, a thousand times, in many units."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            return
        for table, changed in MANY.items():
            names = [column.name for column in db.metadata.tables[table].columns]
            told = ", ".join(changed.get(name, f'"{name}"') for name in names)
            connection.exec_driver_sql(
                f"""INSERT INTO {table} ({', '.join(f'"{name}"' for name in names)}) SELECT {told} FROM {table}, generate_series(1, 2000) AS n"""
            )
        connection.exec_driver_sql("INSERT INTO past_unit SELECT id, 'elsewhere', touched FROM record WHERE id >= 'r'")
        connection.exec_driver_sql("ANALYZE")


def type_in(tablet: Tablet, record: str, **values: Any) -> None:
    """Fill fields of a record that is there, and leave it."""
    form = FormPresenter(tablet).open(record)
    for path, value in values.items():
        form.set(path, value)
    form.leave()
    tablet.forms.close_all()


def every_exchange(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    """Push, pull, nothing new, an edit, a wider scope, a part that is filled again."""
    lan, hoa = add_person("lan", f"collector@{HERE}"), add_person("hoa", f"collector@{HERE}")
    a, b = enrol(lan, HERE), enrol(hoa, HERE)
    record, _ = written(a), written(a)
    for tablet in (a, b):
        tablet.syncer.sync()
    type_in(b, record, participants_total=71)
    for tablet in (b, a, b, a):
        tablet.syncer.sync()
    roles(app, hoa, f"collector@{HERE}", f"collector@{THERE}", f"case_worker@{HERE}")
    b.syncer.sync()
    with b.store.database.writing() as connection:
        connection.execute("DELETE FROM record")
    b.syncer.sync()
    assert len(b.store.records()) == 2
    with app.app_context(), sql_server().reading() as reader:  # as for a tablet that noticed a restored server
        assert not reader.lacking(b.store.device().scope.stream, b.store.held_heads())


def test_no_statement_of_an_exchange_reads_what_is_held(
    app: Flask, add_person: AddUser, enrol: Enrol, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements(monkeypatch) as heard:
        every_exchange(app, add_person, enrol)
    looked, wrong = set[str](), list[str]()
    with app.app_context():
        let_much_be_held()
        for statement, values in heard.items():
            for table, condition in sought(statement, values):
                looked.add(table)
                columns = set(re.findall(r"\w+", condition))
                if table in FITS and not columns.intersection(FITS[table]):
                    wrong.append(f"{table} by ({condition}): {' '.join(statement.split())[:300]}")
    assert not wrong, "\n".join(wrong)
    assert looked >= ALWAYS


def test_the_probe_sees_a_statement_that_reads_all(app: Flask) -> None:
    with app.app_context():
        marks = "?" if db.engine.dialect.name == "sqlite" else "%s"
        told = sought(f"SELECT id FROM record WHERE current LIKE {marks}", ("a",))
        assert told == [("record", "")]
        by_stream = f"SELECT id FROM record WHERE stream = {marks} AND touched + 0 > {marks}"
        words = {word for _, condition in sought(by_stream, ("a", 1)) for word in re.findall(r"\w+", condition)}
        assert words & {"stream", "touched"} == {"stream"}

