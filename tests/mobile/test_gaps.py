"""Own lines that the storage lost or harmed: what was written behind them goes on, nothing is written twice, and it is told."""


from __future__ import annotations

import gc
import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mobile.gaps import count_lost
from mobile.outbox import Subject
from mobile.remarks import remarks
from mobile.screens.form.presenter import FormPresenter
from mobile.tables import VERSIONS
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.log import Change, Operation
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import case, talk


def write(tablet: Tablet, title: str) -> str:
    """A record with a title."""
    form = FormPresenter(tablet)
    record = talk(form, title=title)
    form.leave()
    return record


def edit(tablet: Tablet, record: str, **values: object) -> None:
    """Other values in it."""
    form = FormPresenter(tablet)
    form.open(record)
    for code, value in values.items():
        form.set(code, value)
    form.leave()


def survivor(tablet: Tablet) -> str:
    """A survivor's file, with values that are sealed."""
    form = FormPresenter(tablet)
    record = case(form)
    form.leave()
    return record


def again(make: Make, tablet: Tablet) -> Tablet:
    """The same tablet, started anew."""
    tablet.close()
    return make("A")


def sql(tablet: Tablet, statement: str, *arguments: object) -> None:
    with tablet.store.database.writing() as connection:
        connection.execute(statement, arguments)


def digest(wire: Wire, tablet: Tablet) -> int:
    """What the server reckons for the tablet's scope."""
    with wire.server.reading() as reader:
        return sum(part.digest for part in reader.parts(tablet.store.device().scope)) % (1 << 128)


def at_server(wire: Wire, record: str) -> dict[str, Any]:
    """A record's values; none where the server does not know it."""
    return wire.server.values(record) if wire.server.history(record) else {}


@pytest.mark.parametrize("started", [True, False], ids=["found at the start", "found at the exchange"])
@pytest.mark.parametrize("harm", ["DELETE FROM own_line WHERE", "UPDATE own_line SET body = zeroblob(length(body)) WHERE"], ids=["gone", "harmed"])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_m99_f19_a_line_that_is_lost_does_not_hold_up_those_behind_it(make: Make, wire: Wire, number: int, harm: str, started: bool) -> None:
    a, b = make("A"), make("B")
    records = [write(a, f"{n} (dữ liệu mẫu)") for n in range(2)]
    edit(a, records[0], participants_total=70)
    edit(a, records[0], participants_total=80, title="Sau (dữ liệu mẫu)")
    sql(a, f"{harm} number = ?", number)
    a = again(make, a) if started else a
    a.syncer.sync()
    later = write(a, "Viết tiếp (dữ liệu mẫu)")
    for tablet in (a, b, a):
        tablet.syncer.sync()
    assert at_server(wire, later)["title"] == "Viết tiếp (dữ liệu mẫu)" and a.store.unsent_count() == 0
    lost = {1: "form", 2: "title", 4: "title"}[number]
    assert (at_server(wire, records[1]).get("title") == "1 (dữ liệu mẫu)") == (number != 2)
    assert at_server(wire, records[0]).get("participants_total") == (70 if number == 4 else 80)
    assert ("form" in at_server(wire, records[0])) == (lost != "form")
    assert count_lost(a.store) == 1 and any("đã mất 1 thay đổi" in words for words in remarks(a))
    assert a.store.digest() == b.store.digest() == digest(wire, a)
    assert all(Change.parse(line).user == "user-A" for record in records for line in wire.server.history(record))


def test_m99_what_was_read_of_a_lost_line_is_not_told_twice(make: Make, wire: Wire) -> None:
    """The answer to the push was lost, and then the lines: the server says what it has read before anything is written again."""
    a = make("A")
    record = write(a, "Đầu (dữ liệu mẫu)")
    wire.lose_answer = 1
    a.syncer.sync()
    edit(a, record, participants_total=70)
    wire.lose_answer = 6
    with pytest.raises(SenError):
        a.syncer.sync()
    edit(a, record, participants_total=80)
    sql(a, "UPDATE own_line SET body = zeroblob(length(body)) WHERE number = 2")
    a = again(make, a)
    a.syncer.sync()
    assert at_server(wire, record)["participants_total"] == 80 and len(wire.server.history(record)) == 3
    assert count_lost(a.store) == 0 and remarks(a) == [] and a.store.digest() == digest(wire, a)


@pytest.mark.parametrize("urgent", [True, False])
def test_m99_what_builds_on_a_lost_line_waits_for_nobody(make: Make, wire: Wire, urgent: bool) -> None:
    """Also where it was the only one of its log that was not sent."""
    a = make("A")
    record = write(a, "Đầu (dữ liệu mẫu)")
    a.syncer.sync()
    for title, first in (("Mất (dữ liệu mẫu)", urgent), ("Sau (dữ liệu mẫu)", not urgent)):
        state = a.store.show(record)
        assert state is not None
        (saw,) = state.registers["title"].values[0].origins
        subject = Subject(record=record, type=state.type, unit=state.unit, urgent=first)
        a.store.outbox.write(subject, [[Operation("set", "title", title, None, (saw,), None)]])
    with a.store.database.writing() as connection:
        connection.execute("DELETE FROM own_line WHERE log = (SELECT id FROM log WHERE urgent = ?) AND number > ?", (urgent, int(not urgent)))
    a = again(make, a)
    for _ in range(2):
        a.syncer.sync()
    values = wire.server.state(record).registers["title"].values
    assert {value.value for value in values} == {"Đầu (dữ liệu mẫu)", "Sau (dữ liệu mẫu)"}, "nobody knows what its writer had seen: it is asked"
    assert not any(value.waits for value in values) and len(wire.server.history(record)) == 2
    assert count_lost(a.store) == 1 and a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a)


TABLES = (
    "meta", "log", "own_line", "unsettled", "acknowledgement", "held_line", "held_run", "record", "part", "blob", "wrap", "cursor",
    "past_cursor", "document", "draft",
)  # fmt: skip
"""The tables that hold something in the test below."""


def columns() -> list[tuple[str, str]]:
    """Every column of every table."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in itertools.chain(*VERSIONS):
            connection.execute(statement)
        return [(table, row[1]) for table in TABLES for row in connection.execute(f"PRAGMA table_info({table})")]


HARMS: dict[str, str] = {
    "a low bit": "CASE typeof({c}) WHEN 'integer' THEN {c} + 7 WHEN 'blob' THEN CAST(x'01' || substr({c}, 2) AS BLOB) ELSE '_' || substr({c}, 2) END",
    "a high bit": "CASE typeof({c}) WHEN 'integer' THEN {c} + 1048576 WHEN 'blob' THEN CAST(substr({c}, 1, length({c}) - 1) || x'80' AS BLOB)"
    " ELSE substr({c}, 1, length({c}) - 1) || '!' END",
    "nothing left": "CASE typeof({c}) WHEN 'integer' THEN 0 WHEN 'blob' THEN zeroblob(length({c})) ELSE '' END",
}


TITLES = [f"{title} (dữ liệu mẫu)" for title in ("Đã gửi", "Của B", "Một", "Hai", "Ba", "Viết tiếp")]


def spoil(tablet: Tablet, table: str, column: str, harm: str, where: str = "1") -> int:
    """Change a column as a disk might; gives of how many rows."""
    filled = f"(typeof({column}) <> 'blob' OR length({column}) > 0)"
    with tablet.store.database.writing() as connection:
        return connection.execute(f"UPDATE OR REPLACE {table} SET {column} = {HARMS[harm].format(c=column)} WHERE {filled} AND {where}").rowcount


def at_work(make: Make) -> tuple[Tablet, list[str]]:
    """A tablet with a row in every table, and its records: sent, pulled from another, unsent."""
    a, b = make("A"), make("B")
    records = [write(a, TITLES[0])]
    survivor(a)
    a.syncer.sync()
    records.append(write(b, TITLES[1]))
    for tablet in (b, a):
        tablet.syncer.sync()
    records += [write(a, title) for title in TITLES[2:5]]
    a.store.keep_document("a/b", {"version": "1"})
    talk(FormPresenter(a))
    return a, records


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize(("table", "column"), columns())
def test_m99_f19_f52_whatever_column_is_changed_the_work_goes_on(make: Make, wire: Wire, table: str, column: str, harm: str) -> None:
    """In every row of it at once."""
    a, records = at_work(make)
    assert spoil(a, table, column, harm) > 0 or column in ("body", "open_digest", "sealed_digest")
    a = again(make, a)
    records.append(write(a, TITLES[5]))
    a.syncer.sync()
    edit(a, records[-1], participants_total=70)
    for _ in range(2):
        a.syncer.sync()
    there = {record: at_server(wire, record).get("title") for record in records}
    lost = [title for title, told in zip(TITLES, there.values(), strict=True) if title != told]
    assert len(lost) <= count_lost(a.store), lost
    assert at_server(wire, records[-1])["participants_total"] == 70 and a.store.unsent_count() == 0
    assert a.store.digest() == digest(wire, a) and set(a.store.records()) >= {record for record, title in there.items() if title}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize(("table", "column"), [one for one in columns() if one[0] in ("log", "own_line", "unsettled")])
def test_m99_f19_f52_one_row_of_the_own_lines_costs_one_line_at_most(make: Make, wire: Wire, table: str, column: str, harm: str) -> None:
    a = make("A")
    records = [write(a, TITLES[0])]
    a.syncer.sync()
    records += [write(a, title) for title in TITLES[1:5]]
    assert spoil(a, table, column, harm, {"log": "urgent = 0"}.get(table, "number = 3")) == 1
    a = again(make, a)
    a.syncer.sync()
    lost = [title for record, title in zip(records, TITLES, strict=False) if at_server(wire, record).get("title") != title]
    assert len(lost) == count_lost(a.store) == (table == "own_line" and column in ("name", "body"))
    assert a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a)


@pytest.mark.parametrize("started", [True, False], ids=["found at the start", "found at the exchange"])
@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE log SET number = number + 1048576 WHERE urgent = 0", "UPDATE own_line SET log = 'AAAAAAAAAAA' WHERE number = 3",
        "UPDATE own_line SET number = 77 WHERE number = 3", "UPDATE own_line SET log = 'AAAAAAAAAAA', number = number + 7",
    ],
)  # fmt: skip
def test_m99_what_a_whole_line_says_of_its_place_is_believed(make: Make, wire: Wire, harm: str, started: bool) -> None:
    """Nothing is told lost that is there, and no line is written again for it."""
    a = make("A")
    records = [write(a, TITLES[0])]
    a.syncer.sync()
    records += [write(a, title) for title in TITLES[1:5]]
    names = [line["l"] for line in map(json.loads, (a.store.line(name) or b"{}" for name in _origins(a, records)))]
    sql(a, harm)
    a = again(make, a) if started else a
    for _ in range(2):
        a.syncer.sync()
    assert [at_server(wire, record).get("title") for record in records] == TITLES[:5] and count_lost(a.store) == 0 and remarks(a) == []
    assert {json.loads(line)["l"] for record in records for line in wire.server.history(record)} == set(names)


def _origins(tablet: Tablet, records: list[str]) -> list[str]:
    return [(tablet.store.show(record) or pytest.fail()).registers["title"].values[0].origins[0] for record in records]


@pytest.mark.parametrize("read", ["all of it", "some of it", "nothing"])
def test_m99_f20_a_database_that_is_gone_has_lost_what_the_server_does_not_have(make: Make, wire: Wire, tmp_path: Path, read: str) -> None:
    a = make("A")
    record = write(a, TITLES[0])
    for n in range(4):
        edit(a, record, title=f"{n} (dữ liệu mẫu)")
        if read == "some of it" and n == 1:
            a.syncer.sync()
    if read == "all of it":
        a.syncer.sync()
    a.close()
    (tmp_path / "A" / "tablet.sqlite3").unlink()
    a = make("A")
    for _ in range(2):
        a.syncer.sync()
    lost = {"all of it": 0, "some of it": 2, "nothing": 5}[read]
    assert count_lost(a.store) == lost and any("đã mất" in words for words in remarks(a)) == bool(lost)
    assert a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a) and a.syncer.trips == 1


def test_m99_a_line_that_is_known_to_be_here_and_is_not_is_pulled_like_anybodys(make: Make, wire: Wire) -> None:
    """The server tells a tablet its own lines by name; where the storage lost one, it is asked for whole."""
    a, b = make("A"), make("B")
    record = write(a, TITLES[0])
    for tablet in (a, b):
        tablet.syncer.sync()
    edit(b, record, title=TITLES[1])
    b.syncer.sync()
    sql(a, "DELETE FROM own_line")
    sql(a, "DELETE FROM cursor")
    a.syncer.sync()
    state = a.store.show(record)
    assert state is not None and at_server(wire, record)["title"] == TITLES[1]
    assert a.store.digest() == b.store.digest() == digest(wire, a) and len(a.history(record, "title")) == 2


def test_f52_a_draft_that_the_storage_harmed_is_told_once_and_forgotten(make: Make) -> None:
    a = make("A")
    record = write(a, TITLES[0])
    form = FormPresenter(a)
    form.open(record)
    form.set("title", TITLES[1])
    sql(a, "UPDATE draft SET body = zeroblob(length(body))")
    a.forms._open.clear()
    with pytest.raises(SenError, match="draft_damaged") as told:
        FormPresenter(a).open(record)
    assert "Bản nháp này đã hỏng" in told.value.text("vi") and "draft" in told.value.text("en")
    again = FormPresenter(a)
    again.open(record)
    assert again.form is not None and again.form.values["title"] == TITLES[0]


@pytest.mark.parametrize("harm", ["0", "saved - (1 << 47)", "saved + (1 << 60)"])
def test_f52_when_a_draft_was_kept_is_not_believed_of_the_disk(make: Make, harm: str) -> None:
    """A form without a time would pass for one into which nobody wrote anything."""
    a = make("A")
    form = FormPresenter(a)
    record = form.start("communication_activity")
    form.set("title", TITLES[0])
    sql(a, f"UPDATE draft SET saved = {harm}")
    a.forms._open.clear()
    form = FormPresenter(a)
    form.open(record)
    assert form.saved_words() == "Đã lưu trên máy 11:00:00" and form.form is not None and not form.form.untouched
    form.leave()
    assert a.store.unsent_count() == 1


@pytest.mark.parametrize("harm", ["0", "at - (1 << 60)", "at + (1 << 60)"])
def test_f52_a_harmed_time_of_an_answer_shuts_no_screen(make: Make, wire: Wire, harm: str) -> None:
    a = make("A")
    record = write(a, TITLES[0])
    a.syncer.sync()
    sql(a, f"UPDATE acknowledgement SET at = {harm}")
    a.forms._open.clear()
    form = FormPresenter(a)
    form.open(record)
    assert "máy chủ nhận lúc" in form.saved_words()


def test_f19_a_key_that_is_harmed_is_no_key(make: Make, tmp_path: Path) -> None:
    """With a wrong one every row would seem to be lost."""
    a = make("A")
    write(a, TITLES[0])
    a.close()
    path = tmp_path / "A" / "device.key"
    body = json.loads(path.read_bytes())
    whole = path.read_bytes()
    body["rows"] = body["rows"][:-2] + ("AA" if body["rows"][-2:] != "AA" else "QQ")
    path.write_text(json.dumps(body))
    with pytest.raises(SenError, match="keys_damaged"):
        make("A")
    path.write_bytes(whole)
    gc.collect()
    assert make("A").store.unsent_count() == 1
