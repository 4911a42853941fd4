"""What is taken of a harmed database: every version of a page is looked through, what proves itself comes back, what is lost is told."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from mobile.carving import FRAME, FRAME_HEAD, Pages, read
from mobile.finds import search
from mobile.gaps import count_lost
from mobile.hardware import Desktop
from mobile.keys import DeviceKeys, RowKey
from mobile.outbox import Subject
from mobile.remarks import remarks
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from sync.log import Operation
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import NAME, case
from tests.mobile.test_gaps import again, at_server, digest, edit, sql, write
from tests.mobile.test_inspection import TITLES, all_arrive, frames, is_rescued, killed, start
from tests.support.pair import NOON_MS
from tests.support.texts import renamed

HOUR_MS = 3_600_000


def wreck(folder: Path) -> None:
    """No start of the file, no head of its log: SQLite reads nothing."""
    for name, size in (("tablet.sqlite3", 100), ("tablet.sqlite3-wal", 32)):
        if (folder / name).exists() and (folder / name).stat().st_size:
            with (folder / name).open("r+b") as file:
                file.write(bytes(size))


def line_frames(folder: Path) -> list[int]:
    """Where the frames begin whose page holds own lines."""
    keys = DeviceKeys.load(Desktop(folder))
    assert keys is not None
    log = folder / "tablet.sqlite3-wal"
    data = log.read_bytes()
    one = {at: search([Pages(data[at + FRAME_HEAD : at + FRAME], b"")], RowKey(keys.rows), {}).lines for at in frames(log)}
    return [at for at, lines in one.items() if lines]


def put(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def harm(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "tablet.sqlite3")) as connection:
        connection.execute(statement)
        connection.commit()


# every version of a page


def test_m100_f19_of_a_page_that_is_lost_its_earlier_versions_are_read(make: Make, wire: Wire, tmp_path: Path) -> None:
    """The newest line alone stands nowhere else."""
    a = make("A")
    records = [write(a, title) for title in TITLES]
    folder = killed(a, tmp_path / "K")
    log = folder / "tablet.sqlite3-wal"
    put(log, line_frames(folder)[-1] + FRAME_HEAD, bytes(FRAME - FRAME_HEAD))
    a = start(folder, wire)
    for _ in range(2):
        a.syncer.sync()
    assert [bool(at_server(wire, record)) for record in records] == [True] * 5 + [False] and count_lost(a.store) == 1
    a.close()


@pytest.mark.parametrize("what", ["a salt", "the number of a page", "the head of the log", "all heads"])
def test_m100_f19_no_head_of_a_log_is_believed(make: Make, wire: Wire, tmp_path: Path, what: str) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    for n in range(3):
        state = a.store.show(records[n])
        assert state is not None
        subject = Subject(record=records[n], type=state.type, unit=state.unit, urgent=False)
        a.store.outbox.write(subject, [[Operation("set", "note", f"{n} {i}", None, (), None)] for i in range(400)])
    records += [write(a, f"Sau {n} (dữ liệu mẫu)") for n in range(30)]
    folder = killed(a, tmp_path / "K")
    log, lines = folder / "tablet.sqlite3-wal", line_frames(folder)
    if what == "a salt":
        put(log, lines[-1] + 9, bytes([log.read_bytes()[lines[-1] + 9] ^ 1]))
    elif what == "the number of a page":
        put(log, frames(log)[-1], struct.pack(">I", int.from_bytes(log.read_bytes()[lines[-1] : lines[-1] + 4], "big")))
    else:
        put(log, 0, bytes(32))
    if what == "all heads":
        wreck(folder)
    all_arrive(start(folder, wire), wire, records)


@pytest.mark.parametrize("change", ["log = 'AAAAAAAAAAA'", "number = 77", "name = 'x' || substr(name, 2)", "name = ''", "made = 0, size = 0"])
def test_m100_f19_a_line_proves_itself_whatever_its_row_says(make: Make, wire: Wire, tmp_path: Path, change: str) -> None:
    a = make("A")
    records = [write(a, title) for title in TITLES]
    sql(a, f"UPDATE own_line SET {change} WHERE number = 3")
    a.close()
    wreck(tmp_path / "A")
    all_arrive(start(tmp_path / "A", wire), wire, records)


def test_m100_what_was_written_again_in_another_log_comes_once(make: Make, wire: Wire, tmp_path: Path) -> None:
    """The log of SQLite holds the lines under both names."""
    a = make("A")
    record = write(a, TITLES[0])
    write(a, TITLES[1])
    edit(a, record, title=TITLES[2])
    sql(a, "DELETE FROM own_line WHERE number = 2")
    a = again(make, a)
    a.syncer.sync()
    told = len(wire.server.history(record))
    edit(a, record, title=TITLES[3])
    folder = killed(a, tmp_path / "K")
    wreck(folder)
    a = start(folder, wire)
    for _ in range(2):
        a.syncer.sync()
    assert len(wire.server.history(record)) == told + 1 and not wire.server.state(record).open_paths()
    assert at_server(wire, record)["title"] == TITLES[3] and a.store.digest() == digest(wire, a)
    a.close()


# forms and drafts


def test_m100_f19_a_draft_under_newer_forms_keeps_its_answers(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    wire.server.publish(renamed())
    a.syncer.sync()
    form = FormPresenter(a)
    record = form.start("communication_activity")
    form.set("title", TITLES[0])
    form.set("attendances_total", 61)
    folder = killed(a, tmp_path / "K")
    wreck(folder)
    a = start(folder, wire)
    assert is_rescued(folder)
    form = FormPresenter(a).open(record)
    assert form.open_form.values["attendances_total"] == 61
    form.leave()
    for _ in range(2):
        a.syncer.sync()
    assert at_server(wire, record)["attendances_total"] == 61
    a.close()


def half_written(tablet: Tablet, record: str) -> FormPresenter:
    form = FormPresenter(tablet)
    form.open(record)
    form.set("title", TITLES[1])
    return form


@pytest.mark.parametrize("folded", [False, True], ids=["in the log", "in the file"])
def test_m100_f19_a_draft_of_a_clock_that_went_back_is_kept(make: Make, wire: Wire, tmp_path: Path, folded: bool) -> None:
    a = make("A")
    record = write(a, TITLES[0])
    a.syncer.sync()
    a.close()
    a = start(tmp_path / "A", wire, now_ms=NOON_MS - HOUR_MS)
    half_written(a, record)
    if folded:
        a.store.database.fold()
    folder = killed(a, tmp_path / "K")
    wreck(folder)
    a = start(folder, wire)
    assert a.drafts.records() == {record}
    a.close()


@pytest.mark.parametrize("given_up", [False, True], ids=["written down", "given up"])
def test_m100_a_draft_that_is_done_does_not_come_back(make: Make, wire: Wire, tmp_path: Path, given_up: bool) -> None:
    """Its earlier versions stand in the log of SQLite."""
    a = make("A")
    record = write(a, TITLES[0])
    form = half_written(a, record)
    if given_up:
        a.drafts.forget(record)
    else:
        form.leave()
    folder = killed(a, tmp_path / "K")
    wreck(folder)
    a = start(folder, wire)
    assert a.drafts.records() == set() and not any("nháp" in words for words in remarks(a))
    a.close()


def test_m100_f19_a_draft_that_is_lost_is_told(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    half_written(a, write(a, TITLES[0]))
    a.store.database.fold()
    folder = killed(a, tmp_path / "K")
    harm(folder, "UPDATE draft SET body = zeroblob(length(body))")
    wreck(folder)
    a = start(folder, wire)
    assert a.drafts.records() == set() and any("1 bản nháp đang ghi dở đã mất" in words for words in remarks(a))
    a.close()


# damaged once more


def test_m100_f19_damaged_again_before_an_exchange_nothing_is_forgotten(make: Make, wire: Wire, tmp_path: Path) -> None:
    """What was lost first stays told; what is harmed then still stands in the file that was set aside first."""
    a, folder = make("A"), tmp_path / "A"
    records = [write(a, title) for title in TITLES]
    a.close()
    harm(folder, "UPDATE own_line SET body = zeroblob(length(body)) WHERE number = 6")
    wreck(folder)
    a = start(folder, wire)
    assert count_lost(a.store) == 1
    a.close()
    for number in (3, 5):
        harm(folder, f"UPDATE own_line SET body = zeroblob(length(body)) WHERE number = {number}")
        wreck(folder)
        a = start(folder, wire)
        assert count_lost(a.store) == 1 and any("đã mất 1 thay đổi" in words for words in remarks(a))
        a.close()
    assert len(list(folder.glob("tablet.sqlite3-damaged?"))) == 2, "each is set aside beside the others"
    a = start(folder, wire)
    for _ in range(2):
        a.syncer.sync()
    assert [bool(at_server(wire, record)) for record in records] == [True] * 5 + [False] and count_lost(a.store) == 1
    assert not list(folder.glob("*-damaged*"))
    a.close()


def test_m100_f19_what_is_lost_the_second_time_is_counted_with_the_first(make: Make, wire: Wire, tmp_path: Path) -> None:
    a, folder = make("A"), tmp_path / "A"
    for title in TITLES:
        write(a, title)
    a.close()
    for number in (6, 5):
        harm(folder, f"UPDATE own_line SET body = zeroblob(length(body)) WHERE number = {number}")
        wreck(folder)
        start(folder, wire).close()
        for aside in folder.glob("*-damaged*"):
            aside.unlink()
    a = start(folder, wire)
    for _ in range(2):
        a.syncer.sync()
    assert count_lost(a.store) == 2 and a.store.unsent_count() == 0
    a.close()


def test_nothing_confidential_stands_plain_in_any_file_of_a_rescue(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    case(FormPresenter(a))
    folder = killed(a, tmp_path / "K")
    wreck(folder)
    a = start(folder, wire)
    assert is_rescued(folder) and len(a.drafts.records()) == 1
    assert not [path.name for path in folder.rglob("*") if path.is_file() and NAME.encode() in path.read_bytes()]
    a.close()


def test_garbage_is_no_row(tmp_path: Path) -> None:
    garbage = os.urandom(200 * 4096)
    found = search([Pages(garbage, garbage)], RowKey(bytes(32)), {})
    assert not (found.lines or found.drafts or found.blobs or found.notes or found.documents or found.lost())
    assert read(tmp_path / "none") == b""
