"""The server's disk is full: a push is refused plainly, the tablet keeps everything, the console is read, and with room again all arrives.

A disk of its own, which is filled to the last byte: SQLite's file and the server's folder on it, or PostgreSQL's tables.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from server.models import LineRow
from shared.catalogue import load_catalogue
from shared.errors import SenError
from tests.bench.ours import BenchTablet
from tests.fieldday.office import open_office
from tests.fieldday.scenario import Person
from tests.server.test_damage_process import opened
from tests.support.databases import DATABASES, postgresql
from tests.support.place import TODAY

UNIT = "long_khanh_a"
LAN = Person(name="Lan", unit=UNIT, roles=("collector",), tablet=True)
CLERK = Person(name="Thủy", unit=UNIT, roles=("collector",), tablet=False)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder on a real disk of 48 MB, which others may reach: PostgreSQL runs under an account of its own."""
    folder = Path(tempfile.mkdtemp(prefix="sen-disk-"))
    folder.chmod(0o755)
    mounted = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount")
    if not mounted or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("only root can mount a small disk; test_f17_a_full_disk_is_told_and_recovers is the same by a limit")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


@pytest.fixture(params=DATABASES)
def small(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The server's folder and its database, of which this lies on the disk."""
    if request.param == "sqlite":
        (disk / "var").mkdir()
        yield disk / "var", str(disk / "var" / "sen.sqlite3")
        return
    (tmp_path / "var").mkdir()
    with postgresql() as server:
        tables = disk / "tables"
        tables.mkdir(mode=0o700)
        if server.system_user is not None:
            shutil.chown(tables, server.system_user)
        server.psql(f"CREATE TABLESPACE small LOCATION '{tables}';")
        server.psql("CREATE DATABASE sen_small ENCODING 'UTF8' TEMPLATE template0 TABLESPACE small;")
        yield tmp_path / "var", server.get_uri("sen_small")


def fill(disk: Path) -> None:
    """Leave no byte free on a disk."""
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(filler, b"\0" * 4096):
            pass
    os.close(filler)


def lines(var: Path, database: str) -> Counter[tuple[str, int]]:
    """How often each line is in the database."""
    with opened(var, database) as engine, engine.connect() as connection:
        return Counter((row.log, row.number) for row in connection.execute(select(LineRow.log, LineRow.number)))


def test_f17_a_push_to_a_full_disk_is_refused_and_arrives_whole_once_there_is_room(disk: Path, small: tuple[Path, str], tmp_path: Path) -> None:
    var, database = small
    with open_office(var, database, {LAN.name: LAN, CLERK.name: CLERK}, TODAY) as office:
        tablet = BenchTablet.enrol(tmp_path / "tablet", office.address, office.codes[LAN.name], load_catalogue())
        first = tablet.enter(2)
        tablet.exchange()
        desk, before = office.desk(CLERK.name), lines(var, database)
        seen, process = desk.shown(first[0]), office.server.process.pid
        assert seen is not None and len(before) == 2
        new = tablet.enter(800)
        fill(disk)
        for _ in range(2):
            unsent, digest = tablet.store.unsent_count(), tablet.store.digest()
            with pytest.raises(SenError) as told:
                tablet.exchange()
            tablet.half.cut()
            assert told.value.code == "disk_full" and "dữ liệu đã lưu vẫn còn" in told.value.text("vi")
            assert (tablet.store.unsent_count(), tablet.store.digest()) == (unsent, digest) and len(tablet.store.records()) == 802
            assert desk.shown(first[0]) == seen, "the console is read"
        half = lines(var, database)
        assert {*half.values()} == {1} and len(half) == 802 - unsent, "what was answered is there, and of a refused push nothing"
        (disk / "filler").unlink()
        tablet.exchange()
        assert tablet.store.unsent_count() == 0 and office.server.process.pid == process and office.server.process.poll() is None
        assert desk.shown(new[-1]) is not None
        whole = lines(var, database)
        assert len(whole) == 802 and {*whole.values()} == {1}, "all of it, once"
        tablet.store.database.close()
