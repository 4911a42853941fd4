"""A tablet's storage under real faults: killed at every statement, its write-ahead log gone, its disk full. The app's real store."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest
from sqlalchemy import Engine

from mobile.database import Database
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import new_record_id
from sync.store import Device
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.store_tablet import StoreTablet
from tests.sync.conftest import UNIT

TYPE = "note"
FULL_BEHIND = 16
"""Pages that a full disk still has."""

New = Callable[[str], StoreTablet]


@pytest.fixture
def engine(in_memory: Engine) -> Engine:
    """It is the tablet that is killed, filled and harmed here, whatever keeps the server's rows."""
    return in_memory


@pytest.fixture
def new(server: PairServer, catalogue: Catalogue, tmp_path: Path) -> Iterator[New]:
    """Make a tablet on the real store."""
    made: list[StoreTablet] = []

    def one(name: str) -> StoreTablet:
        made.append(StoreTablet(server.enrol(name, [UNIT]), catalogue, tmp_path / f"{name}.sqlite3"))
        return made[-1]

    yield one
    for tablet in made:
        tablet.store.database.close()


def write(tablet: StoreTablet, title: str, record: str = "") -> tuple[str, str]:
    """Write a record; gives its id and the change's name."""
    record = record or new_record_id()
    (name,) = tablet.write(record, TYPE, UNIT, {"title": title}, now_ms=NOON_MS)
    return record, name


def tell(pipe: BinaryIO, data: bytes) -> None:
    """Put a piece into a pipe."""
    pipe.write(struct.pack(">I", len(data)) + data)
    pipe.flush()


def heard(pipe: BinaryIO) -> bytes:
    """The next piece; nothing where the other side is gone."""
    size = pipe.read(4)
    return pipe.read(struct.unpack(">I", size)[0]) if size else b""


def doomed(at: int, device: Device, tablet: StoreTablet, out: BinaryIO, answers: BinaryIO) -> None:
    """The tablet's process: it writes two records, says that they are saved, and exchanges; at its statement ``at`` it is killed."""
    left = at

    def statement(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    class Dying(Database):
        def _open(self) -> sqlite3.Connection:
            connection = super()._open()
            connection.set_trace_callback(statement)
            return connection

    tablet.database = lambda: Dying(tablet.path)  # type: ignore[method-assign]
    tablet.open_store()
    for n in range(2):
        _, name = write(tablet, f"Lần {at}.{n} (dữ liệu mẫu)")
        tell(out, b"saved " + name.encode())
    more = True
    while more:
        tell(out, b"ask   " + tablet.half.request())
        more = tablet.half.receive(heard(answers)).more


def killed_at(at: int, tablet: StoreTablet, server: PairServer) -> tuple[bool, list[str]]:
    """Let the tablet live in a process of its own until its statement ``at``; whether it was killed, and what it said to be saved."""
    (out_read, out_write), (in_read, in_write) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(out_read), os.close(in_write)
            doomed(at, tablet.enrolled, tablet, os.fdopen(out_write, "wb"), os.fdopen(in_read, "rb"))
        finally:
            os._exit(0)
    os.close(out_write), os.close(in_read)
    saved: list[str] = []
    with os.fdopen(out_read, "rb") as out, os.fdopen(in_write, "wb") as answers:
        while piece := heard(out):
            if piece.startswith(b"saved "):
                saved.append(piece[6:].decode())
            else:
                try:
                    tell(answers, server.half.answer(piece[6:], now_ms=NOON_MS))
                except BrokenPipeError:  # it died after it had asked
                    answers.detach()
                    break
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1]), saved


def test_f13_a_tablet_that_is_killed_at_any_statement_holds_what_it_said_to_be_saved(new: New, server: PairServer) -> None:
    one, other = new("A"), new("B")
    record, _ = write(other, "Của máy khác (dữ liệu mẫu)")
    exchange(other, server)  # type: ignore[arg-type]
    at, killed, kept = 0, True, set[str]()
    while killed:
        at += 1
        write(other, f"Đổi {at} (dữ liệu mẫu)", record)
        exchange(other, server)  # type: ignore[arg-type]
        one.store.database.close()
        killed, saved = killed_at(at, one, server)
        kept |= set(saved)
        with closing(sqlite3.connect(one.path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        one.open_store()
        assert kept <= {line.name for lines in one.lines_of.values() for line in lines}, at
        exchange(one, server)  # type: ignore[arg-type]
        exchange(other, server)  # type: ignore[arg-type]
        assert one.digest() == other.digest() and one.store.unsent_count() == 0, at
        assert one.values(record)["title"] == f"Đổi {at} (dữ liệu mẫu)"
    assert at > 50 and len(saved) == 2, "writing and an exchange have more statements than that"
    assert set(server.verdicts()) == {""}


@pytest.mark.parametrize("fate", ["gone", "older", "shm gone"])
def test_f20_a_write_ahead_log_that_is_gone_or_of_another_day_is_noticed_and_loses_nothing_that_was_sent(
    new: New, server: PairServer, fate: str, tmp_path: Path
) -> None:  # fmt: skip
    """What was only in the log file and only here is gone with it, as with a disk; all that had left comes back, and later work goes on."""
    one, other = new("A"), new("B")
    first, _ = write(one, "Đầu (dữ liệu mẫu)")
    exchange(one, server)  # type: ignore[arg-type]
    one.store.database.fold()
    wal, shm = Path(f"{one.path}-wal"), Path(f"{one.path}-shm")
    second, _ = write(one, "Ngày trước (dữ liệu mẫu)")
    exchange(one, server)  # type: ignore[arg-type]
    shutil.copy(wal, tmp_path / "older-wal")
    one.store.database.fold()
    third, _ = write(one, "Sau (dữ liệu mẫu)")
    exchange(one, server)  # type: ignore[arg-type]
    assert wal.stat().st_size > 0, "the last day stands in the log file alone"
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for path in (one.path, wal, shm):
        shutil.copy(path, stopped / path.name)
    logs = {one.main, one.urgent}
    one.store.database.close()
    for path in (one.path, wal, shm):
        shutil.copy(stopped / path.name, path)
    if fate != "shm gone":
        wal.unlink()
    if fate == "older":
        shutil.copy(tmp_path / "older-wal", wal)
    shm.unlink()
    one.open_store()
    went_back = third not in one.store.records()
    assert went_back == (fate != "shm gone") and one.show(second) is not None
    assert (logs == {one.main, one.urgent}) == (not went_back), "a tablet that went back goes on in new logs from its start"
    fourth, _ = write(one, "Viết tiếp (dữ liệu mẫu)")
    for tablet in (one, other, one, other):
        exchange(tablet, server)  # type: ignore[arg-type]
    assert {first, second, third, fourth} == set(one.store.records()) == set(other.store.records())
    assert one.digest() == other.digest() and one.store.unsent_count() == 0
    assert set(server.verdicts()) == {""}


def test_f16_a_tablet_whose_disk_is_full_still_hands_in_and_goes_on_when_there_is_room(new: New, server: PairServer) -> None:
    """What is unsent reaches the server though the answer cannot be kept; what was read stays readable; with room again nothing is doubled."""
    one, other = new("A"), new("B")
    record, _ = write(one, "Trước (dữ liệu mẫu)")
    exchange(one, server)  # type: ignore[arg-type]
    mine, _ = write(one, "Chưa gửi (dữ liệu mẫu)")
    for n in range(60):
        other.write(new_record_id(), TYPE, UNIT, {"title": f"{n} (dữ liệu mẫu)", "story": os.urandom(1500).hex()}, now_ms=NOON_MS)
    exchange(other, server)  # type: ignore[arg-type]
    connection = one.store.database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + FULL_BEHIND}")
    with pytest.raises(SenError, match="tablet_full"):
        exchange(one, server)  # type: ignore[arg-type]
    one.half.cut()
    assert server.history(mine), "it has arrived"
    assert one.values(record)["title"] == "Trước (dữ liệu mẫu)" and one.values(mine)["title"] == "Chưa gửi (dữ liệu mẫu)"
    connection.execute("PRAGMA max_page_count = 1073741823")
    exchange(one, server)  # type: ignore[arg-type]
    exchange(other, server)  # type: ignore[arg-type]
    assert len(server.history(mine)) == 1 and one.digest() == other.digest() and len(one.store.records()) == 62
