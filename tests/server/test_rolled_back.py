"""An older file is put in the place of the database of a running server, as a backup tool or a restored machine does it: noticed at the next
exchange, the tablets tell again what it forgot, and the page «Phục hồi» shows it. The server is not started anew.

SQLite alone, and not within an open file, whose bytes are SQLite's own while it runs: what PostgreSQL's files hold is its own to guard; that a PostgreSQL forgets is F30.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select, text

from server.models import LineRow
from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.server.test_damage_process import opened
from tests.support.place import TODAY

UNIT = "long_khanh_a"
PEOPLE = {
    "Lan": Person(name="Lan", unit=UNIT, roles=("collector",), tablet=True),
    "Hoa": Person(name="Hoa", unit=UNIT, roles=("collector",), tablet=True),
    "Thảo": Person(name="Thảo", unit="hong_ngu", roles=("district_officer",), tablet=False),
}
PATIENCE_S = 60
ENDS = ("", "-wal", "-shm")


@contextlib.contextmanager
def held(office: Office, file: Path) -> Iterator[None]:
    """Let the server's process stand still, once nothing waits to be put into columns."""
    end = time.monotonic() + PATIENCE_S
    with opened(file.parent, str(file)) as engine, engine.connect() as connection:
        while connection.scalar(text("SELECT count(*) FROM record WHERE current IS NULL")):
            assert time.monotonic() < end, "the server finds no rest"
            connection.rollback()
    os.kill(office.server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(office.server.process.pid, signal.SIGCONT)


def copy(file: Path, to: Path) -> None:
    """Copy the file with its write-ahead log and its index."""
    to.mkdir()
    for end in ENDS:
        shutil.copyfile(f"{file}{end}", to / f"{file.name}{end}")


def put_in_place(old: Path, file: Path) -> None:
    """Let other files bear the names."""
    for end in ENDS:
        shutil.copyfile(old / f"{file.name}{end}", f"{file}{end}.new")
        os.replace(f"{file}{end}.new", f"{file}{end}")


def lines(file: Path) -> Counter[tuple[str, int]]:
    """How often each line is in the database."""
    with opened(file.parent, str(file)) as engine, engine.connect() as connection:
        return Counter((row.log, row.number) for row in connection.execute(select(LineRow.log, LineRow.number)))


def test_f23_f24_an_older_file_under_a_running_server_is_noticed_at_the_next_exchange(tmp_path: Path) -> None:
    file = tmp_path / "var" / "sen.sqlite3"
    with open_office(file.parent, str(file), PEOPLE, TODAY) as office:
        lan, hoa = (BenchTablet.enrol(tmp_path / name, office.address, office.codes[name], load_catalogue()) for name in ("Lan", "Hoa"))
        first = lan.enter(3)
        for tablet in (lan, hoa):
            tablet.exchange()
        desk, process = office.desk("Thảo"), office.server.process.pid
        assert "Máy chủ chưa lần nào phải phục hồi" in desk.recovered()
        with held(office, file):
            copy(file, tmp_path / "old")
        lan.change(first[:2], 1)
        new = lan.enter(2)
        hoa_new = hoa.enter(1)
        for tablet in (lan, hoa, lan, hoa):
            tablet.exchange()
        digest, written = hoa.store.digest(), lines(file)
        assert lan.store.digest() == digest and {*written.values()} == {1}

        with held(office, file):
            put_in_place(tmp_path / "old", file)
        assert desk.shown(new[0]) is None and desk.shown(first[0]) is not None, "it forgot"
        hoa.exchange()
        assert hoa.store.unsent_count() == 0
        assert desk.shown(new[0]) is not None and desk.shown(hoa_new[0]) is not None, "told again at the first exchange"
        page = desk.recovered()
        assert "Máy chủ chưa lần nào phải phục hồi" not in page and "Hoa" in page
        lan.exchange()
        hoa.exchange()
        lan.change(new, 7)
        for tablet in (lan, hoa):
            tablet.exchange()
        assert lan.store.digest() == hoa.store.digest() != digest
        now = lines(file)
        assert b'"failure"' not in (file.parent / "server.log").read_bytes()
        assert written.keys() < now.keys() and {*now.values()} == {1}, "all of it, once"
        assert office.server.process.pid == process and office.server.process.poll() is None
        with office.closed():
            pass
        assert lines(file) == now, "and it is in the file that bears the name"
        for tablet in (lan, hoa):
            tablet.store.database.close()
