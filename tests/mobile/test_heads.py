"""A database that loses its write-ahead log, or gets another day's, is noticed at the start, before a number is given twice.

Real tablet processes that are killed, real files, and a real server process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from mobile.heads import lacking, told_beside
from mobile.screens.form.presenter import FormPresenter
from server.config import Config
from server.models import LogRow
from server.places import Places
from tests.mobile.conftest import PIN, Make
from tests.mobile.test_forms import talk
from tests.support.databases import DATABASES
from tests.support.headless import Headless
from tests.support.place import Place, place_on

TALK = "communication_activity"
TITLES = ("Một (dữ liệu mẫu)", "Hai (dữ liệu mẫu)", "Ba (dữ liệu mẫu)", "Bốn (dữ liệu mẫu)")
LOST, FORKED = "Bộ nhớ của máy đã mất {} thay đổi", "từng được phục hồi hoặc sao chép"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(DATABASES[0], tmp_path_factory.mktemp("heads")) as place:
        yield place


@pytest.fixture
def folder(place: Place, tmp_path: Path) -> Path:
    """The folder of an enrolled tablet with one record that was synced; no process holds it."""
    with Headless(tmp_path / "A") as tablet:
        tablet.ask("enrol", address=place.office.address, code=place.code(), pin=PIN, name="Máy xã")
        enter(tablet, TITLES[0])
        tablet.ask("sync")
    return tmp_path / "A"


def started(folder: Path) -> Headless:
    """The tablet's process, unlocked."""
    tablet = Headless(folder)
    tablet.ask("unlock", pin=PIN)
    return tablet


def enter(tablet: Headless, title: str) -> None:
    tablet.ask("enter", type=TALK, values={"title": title, "note": tablet.ask("ready")["device"]})


def titles(tablet: Headless) -> list[str]:
    """The titles of the records that this tablet wrote and shows."""
    there = tablet.ask("dump")["records"].values()
    return sorted(record["values"]["title"] for record in there if tablet.first["device"] in record["values"].get("note", ""))


def beside(folder: Path, end: str) -> Path:
    """A file that SQLite keeps beside the tablet's database."""
    return folder / f"tablet.sqlite3{end}"


def forks(place: Place) -> int:
    """How many segments of logs begin where another line follows."""
    engine = create_engine(Places(Config(var=place.folder, database=place.database)).database_url)
    with engine.connect() as connection:
        found = connection.scalars(select(LogRow.id).where(LogRow.fork.is_(True))).all()
    engine.dispose()
    return len(found)


def test_f20_a_log_of_sqlite_that_is_missing_is_noticed_at_the_start(place: Place, folder: Path) -> None:
    forked = forks(place)
    tablet = started(folder)
    enter(tablet, TITLES[1])
    tablet.ask("sync")
    enter(tablet, TITLES[2])
    written = tablet.ask("status")["logs"]
    tablet.kill()
    beside(folder, "-wal").unlink()
    with started(folder) as tablet:
        assert titles(tablet) == [TITLES[0]], "what the log alone held is gone"
        status = tablet.ask("status")
        assert [words for words in status["remarks"] if LOST.format(2) in words], "it says so before any exchange"
        assert not {log for log, *_ in written} & {log for log, _, number, _ in status["logs"] if not number}, "it writes other logs now"
        enter(tablet, TITLES[3])
        tablet.ask("sync")
        assert titles(tablet) == sorted([TITLES[0], TITLES[1], TITLES[3]]), "what the server had has come back"
        remarks = tablet.ask("status")["remarks"]
        assert [words for words in remarks if LOST.format(1) in words], "one was never sent, and cannot come back"
    assert forks(place) == forked, "no number was given twice"


def test_f20_nothing_is_said_to_be_lost_once_the_server_had_it_all(place: Place, folder: Path) -> None:
    tablet = started(folder)
    enter(tablet, TITLES[1])
    tablet.ask("sync")
    tablet.kill()
    beside(folder, "-wal").unlink()
    with started(folder) as tablet:
        assert LOST.format(1) in str(tablet.ask("status")["remarks"])
        tablet.ask("sync")
        remarks = str(tablet.ask("status")["remarks"])
        assert "đã mất" not in remarks and FORKED in remarks
        assert titles(tablet) == sorted(TITLES[:2])


@pytest.mark.parametrize("shm", ["missing", "of another day"])
def test_f20_the_index_of_the_log_is_made_anew(place: Place, folder: Path, shm: str) -> None:
    tablet = started(folder)
    enter(tablet, TITLES[1])
    other = beside(folder, "-shm").read_bytes()
    enter(tablet, TITLES[2])
    tablet.kill()
    if shm == "missing":
        beside(folder, "-shm").unlink()
    else:
        beside(folder, "-shm").write_bytes(other)
    with started(folder) as tablet:
        assert titles(tablet) == sorted(TITLES[:3])
        assert tablet.ask("status")["remarks"] == []
        tablet.ask("sync")
        assert tablet.ask("status")["unsent"] == 0


def test_f20_a_log_of_sqlite_of_another_day_is_noticed(place: Place, folder: Path) -> None:
    forked = forks(place)
    tablet = started(folder)
    enter(tablet, TITLES[1])
    tablet.kill()
    yesterday = beside(folder, "-wal").read_bytes()
    tablet = started(folder)
    for title in TITLES[2:]:
        enter(tablet, title)
    tablet.kill()
    beside(folder, "-wal").write_bytes(yesterday)
    beside(folder, "-shm").unlink()
    with started(folder) as tablet:
        assert titles(tablet) == sorted(TITLES[:2]), "as it was on that day"
        assert LOST.format(2) in str(tablet.ask("status")["remarks"])
        enter(tablet, TITLES[2])
        tablet.ask("sync")
        assert titles(tablet) == sorted(TITLES[:3])
    assert forks(place) == forked


def test_f20_a_database_that_was_put_back_alone_is_noticed_before_it_knew_its_logs(place: Place, folder: Path) -> None:
    """It is older than the logs that were written last: the second file names logs that it has never heard of."""
    forked = forks(place)
    first = beside(folder, "").read_bytes()
    tablet = started(folder)
    enter(tablet, TITLES[1])
    tablet.kill()
    beside(folder, "-wal").unlink()
    with started(folder) as tablet:
        enter(tablet, TITLES[2])
        tablet.ask("sync")
    beside(folder, "").write_bytes(first)
    with started(folder) as tablet:
        assert LOST.format(1) in str(tablet.ask("status")["remarks"])
        enter(tablet, TITLES[3])
        tablet.ask("sync")
        assert titles(tablet) == sorted([TITLES[0], *TITLES[2:]])
        assert "đã mất" not in str(tablet.ask("status")["remarks"])
    assert forks(place) == forked


def test_f20_the_second_file_waits_for_no_disk_and_its_failure_fails_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    path = tablet.store.database.path

    def refuse(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", refuse)
    talk(form)
    form.leave()
    before = told_beside(path)
    assert {number for number, _ in before.values()} == {0, 1}
    monkeypatch.setattr(os, "write", refuse)
    form.set("note", "Bận rộn (dữ liệu mẫu)")
    form.leave()
    assert tablet.store.unsent_count() == 2, "saved all the same"
    assert told_beside(path) == before
    with tablet.store.database.reading() as connection:
        assert lacking(connection, before) == {}


def test_f20_a_torn_or_foreign_second_file_says_nothing(make: Make, tmp_path: Path) -> None:
    tablet = make()
    heads = tablet.store.outbox.heads
    path = tablet.store.database.path
    told = told_beside(path)
    assert set(told) == {log.log for log in tablet.store.own_logs()}
    whole = heads.path.read_bytes()
    for data in (b"", whole[:-1] + b"x\n", whole[: len(whole) // 2], b"\xff" * 40, whole.replace(b"heads/1", b"heads/2")):
        heads.path.write_bytes(data)
        assert told_beside(path) == {}
    heads.path.write_bytes(whole)
    assert told_beside(path) == told
