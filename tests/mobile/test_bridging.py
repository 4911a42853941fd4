"""Lines that were written again behind one that the storage lost: whoever names the former ones finds the new, and nothing is told twice."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mobile.gaps import count_lost
from mobile.outbox import Subject
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.log import MAX_LINE_BYTES, Operation
from tests.mobile.conftest import PIN, Make, Wire
from tests.mobile.test_gaps import at_server, digest, edit, sql, survivor, write

FIRST, NEXT = "Trước (dữ liệu mẫu)", "Sau (dữ liệu mẫu)"


def half_filled(tablet: Tablet, record: str, path: str, value: object) -> FormPresenter:
    """A form over a record, something typed, not left."""
    form = FormPresenter(tablet)
    form.open(record)
    form.set(path, value)
    return form


def killed(tablet: Tablet) -> None:
    """The process ends without leaving its forms."""
    tablet.forms._open.clear()
    tablet.close()


def in_force(wire: Wire, record: str, path: str) -> list[tuple[Any, bool]]:
    """The values at a path with whether each waits for a line that has not come."""
    return [(value.value, bool(value.waits)) for value in wire.server.state(record).registers[path].values]


@pytest.mark.parametrize("left", ["left at once", "killed before", "killed behind"])
def test_m99_a_form_half_filled_over_a_line_that_is_written_again_waits_for_nothing(make: Make, wire: Wire, left: str) -> None:
    a, b = make("A"), make("B")
    record = write(a, FIRST)
    write(a, "mất (dữ liệu mẫu)")
    form = half_filled(a, record, "title", NEXT)
    sql(a, "DELETE FROM own_line WHERE number = 2")
    if left == "killed before":
        killed(a)
        a = make("A")
    a.syncer.sync()
    if left == "killed behind":
        killed(a)
        a = make("A")
    if left != "left at once":
        form = FormPresenter(a)
        form.open(record)
        assert form.value("title") == NEXT
    form.leave()
    for tablet in (a, b, a):
        tablet.syncer.sync()
    assert in_force(wire, record, "title") == [(NEXT, False)] and not wire.server.state(record).open_paths()
    assert a.store.digest() == b.store.digest() == digest(wire, a)


def test_m99_a_sealed_draft_of_a_locked_tablet_is_put_right_when_it_is_written(make: Make, wire: Wire) -> None:
    a = make("A")
    record = survivor(a)
    (name,) = (a.store.show(write(a, "mất (dữ liệu mẫu)")) or pytest.fail()).registers["title"].values[0].origins
    half_filled(a, record, "full_name", "Tên khác (dữ liệu mẫu)")
    sql(a, "DELETE FROM own_line WHERE name = ?", name)
    killed(a)
    a = make("A", unlock=False)
    a.syncer.sync()
    a.unlock(PIN)
    form = FormPresenter(a)
    form.open(record)
    form.leave()
    a.syncer.sync()
    assert [waits for _, waits in in_force(wire, record, "full_name")] == [False] and a.store.unsent_count() == 0


def test_m99_what_a_form_showed_of_a_lost_line_it_showed_of_nobody(make: Make, wire: Wire) -> None:
    a = make("A")
    record = write(a, FIRST)
    a.syncer.sync()
    edit(a, record, title="mất (dữ liệu mẫu)")
    form = half_filled(a, record, "title", NEXT)
    sql(a, "DELETE FROM own_line WHERE number = 2")
    a.syncer.sync()
    form.leave()
    for _ in range(2):
        a.syncer.sync()
    assert in_force(wire, record, "title") == [(FIRST, False), (NEXT, False)] and count_lost(a.store) == 1


@pytest.mark.parametrize("way", ["write-ahead log lost", "put back whole"])
def test_m99_a_storage_that_goes_back_to_before_writes_the_same_lines_again(make: Make, wire: Wire, tmp_path: Path, way: str) -> None:
    """Nothing is told twice, and nobody is asked to choose between an officer's word and the same officer's earlier one."""
    a = make("A")
    record = write(a, FIRST)
    write(a, "mất (dữ liệu mẫu)")
    edit(a, record, title="Giữa (dữ liệu mẫu)")
    sql(a, "DELETE FROM own_line WHERE number = 2")
    a.close()
    shutil.copytree(tmp_path / "A", tmp_path / "before")
    a = make("A")
    a.syncer.sync()
    edit(a, record, title=NEXT)
    a.syncer.sync()
    told = len(wire.server.history(record))
    heads = (tmp_path / "A" / "tablet.sqlite3-heads").read_bytes()
    a.close()
    shutil.rmtree(tmp_path / "A")
    shutil.copytree(tmp_path / "before", tmp_path / "A")
    if way == "write-ahead log lost":
        (tmp_path / "A" / "tablet.sqlite3-heads").write_bytes(heads)
    a = make("A")
    for _ in range(3):
        a.syncer.sync()
    assert in_force(wire, record, "title") == [(NEXT, False)] and len(wire.server.history(record)) == told == 3
    assert a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a)


def test_m99_a_storage_that_goes_back_and_lacks_another_line_loses_nothing(make: Make, wire: Wire, tmp_path: Path) -> None:
    """Other lines are written again then, into other logs."""
    a = make("A")
    records = [write(a, f"{n} (dữ liệu mẫu)") for n in range(5)]
    a.close()
    shutil.copytree(tmp_path / "A", tmp_path / "before")
    a = make("A")
    sql(a, "DELETE FROM own_line WHERE number = 2")
    a.syncer.sync()
    a.close()
    shutil.rmtree(tmp_path / "A")
    shutil.copytree(tmp_path / "before", tmp_path / "A")
    a = make("A")
    sql(a, "DELETE FROM own_line WHERE number = 4")
    late = write(a, NEXT)
    for _ in range(3):
        a.syncer.sync()
    assert all(at_server(wire, record).get("title") for record in (*records, late)) and a.store.unsent_count() == 0
    assert a.store.digest() == digest(wire, a)


def test_m99_a_line_at_the_limit_of_length_is_written_again(make: Make, wire: Wire) -> None:
    """It gets no longer number, and the names of what it saw no longer ones."""
    a = make("A")
    record = write(a, FIRST)
    state = a.store.show(record)
    assert state is not None
    for n in range(12):
        edit(a, record, title=f"{n} (dữ liệu mẫu)")
    with a.store.database.writing() as connection:
        a.store.outbox.end_logs(connection)
    subject = Subject(record=record, type=state.type, unit=state.unit, urgent=False)

    for length in range(MAX_LINE_BYTES, 0, -1):
        with suppress(SenError):
            (name,) = a.store.outbox.write(subject, [[Operation("set", "note", "a" * length, None, (), None)]])
            break
    assert len(a.store.line(name) or b"") == MAX_LINE_BYTES
    sql(a, "DELETE FROM own_line WHERE number = 5")
    a.syncer.sync()
    assert a.store.unsent_count() == 0 and len(wire.server.history(record)) == 13
