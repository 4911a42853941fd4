"""A server moves from SQLite to PostgreSQL while its tablets are away: they come back to the same digests and the same cursors."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from server.config import Config
from server.places import Places
from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.support.databases import fresh_database
from tests.support.processes import ROOT, Watched
from tests.support.tables import dump_of

UNIT = "long_khanh_a"


def command(var: Path, *words: str, database: str = "") -> subprocess.CompletedProcess[str]:
    """A command of the administrator."""
    given = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "SEN_DATABASE": database}
    line = [sys.executable, "-m", "server", *words, "--var", str(var)]
    return subprocess.run(line, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=False)


@contextmanager
def running(var: Path, database: str, log: Path) -> Iterator[str]:
    """A server process, and its address."""
    with Watched(["-m", "server", "run", "--var", str(var), "--port", "0", "--json"], log, {"SEN_DATABASE": database}) as server:
        yield server.told["address"]


def rows_of(var: Path, database: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database holds."""
    engine = create_engine(Places(Config(var=var, database=database)).database_url)
    try:
        return {table: [tuple(map(plain, row)) for row in rows] for table, rows in dump_of(engine).items()}
    finally:
        engine.dispose()


def plain(value: Any) -> Any:
    """A value as both kinds of database can be read: truths are numbers in SQLite's own tables."""
    if isinstance(value, memoryview):
        return bytes(value)
    return int(value) if isinstance(value, bool) else value


@pytest.fixture
def moved_from(tmp_path: Path) -> Iterator[tuple[Path, list[BenchTablet], list[str]]]:
    """The folder of a server that is ended, its two tablets, which have all there is, and the ids of the records; one has an open question."""
    var, catalogue = tmp_path / "var", load_catalogue()
    with Watched(["-m", "tests.bench.serve", str(var), UNIT], tmp_path / "first.log") as server:
        address = f"http://127.0.0.1:{server.told['port']}"
        codes = server.told["codes"][UNIT]
        tablets = [BenchTablet.enrol(tmp_path / str(n), address, code, catalogue) for n, code in enumerate(codes)]
        records = tablets[0].enter(40)
        for tablet in tablets:
            tablet.exchange()
        for step, tablet in enumerate(tablets):
            tablet.change(records[:3], step)
        for tablet in (*tablets, *tablets):
            tablet.exchange()
    yield var, tablets, records


def test_f27_tablets_go_on_where_they_were_when_their_server_moves_to_postgresql(
    moved_from: tuple[Path, list[BenchTablet], list[str]], tmp_path: Path
) -> None:
    var, (one, two), records = moved_from
    state = two.store.show(records[0])
    assert state is not None and state.open_paths() == ["participants_total"]
    one.change(records[5:8], 9)  # written while the server moves
    held, cursors = two.store.digest(), two.store.cursors()
    before = rows_of(var, "")
    with fresh_database("postgresql", tmp_path / "there") as database:
        done = command(var, "move-to", database)
        assert done.returncode == 0, done.stderr
        assert "40 bản ghi" in done.stdout
        assert not (var / "sen.sqlite3").exists() and len(list(var.glob("sen.sqlite3.before-*"))) == 1
        assert rows_of(var, database) == before
        with running(var, database, tmp_path / "second.log") as address:
            one.address = two.address = address
            cost = two.counted(two.exchange)
            assert (cost.round_trips, two.store.digest(), two.store.cursors()) == (1, held, cursors)
            assert cost.bytes_up + cost.bytes_down <= 400, "nothing is told again"
            one.exchange()
            cost = two.counted(two.exchange)
            assert cost.round_trips == 1 and cost.bytes_down < 2000, "of forty records three changes travel"
            one.exchange()
            assert two.store.digest() == one.store.digest() != held
            new = two.enter(1)
            two.exchange()
            one.exchange()
            assert one.store.show(new[0]) is not None and one.store.digest() == two.store.digest()
        done = command(var, "verify", database=database)
        assert done.returncode == 0, done.stderr


def test_f27_a_move_is_whole_or_it_is_none(moved_from: tuple[Path, list[BenchTablet], list[str]], tmp_path: Path) -> None:
    var, file = moved_from[0], moved_from[0] / "sen.sqlite3"
    with fresh_database("postgresql", tmp_path / "there") as database:
        whole = file.read_bytes()
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE record SET type = 'a' || char(0) || 'b' WHERE id = (SELECT max(id) FROM record)")
        done = command(var, "move-to", database)
        assert done.returncode == 1 and "Bảng record" in done.stderr, "PostgreSQL takes no such text"
        assert "Traceback" not in done.stderr
        assert file.exists() and all(rows == [] for table, rows in rows_of(var, database).items() if table != "alembic_version")
        file.write_bytes(whole)
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        file.write_bytes(whole[: len(whole) // 2])
        refused = command(var, "move-to", database)
        assert refused.returncode == 1 and "bị hỏng" in refused.stderr
        file.write_bytes(whole)
        with running(var, "", tmp_path / "second.log"):
            refused = command(var, "move-to", database)
            assert refused.returncode == 1 and "Một máy chủ khác" in refused.stderr
        kept = shutil.copy(file, tmp_path / "kept.sqlite3")
        assert command(var, "move-to", database).returncode == 0
        shutil.copy(kept, file)
        refused = command(var, "move-to", database)
        assert refused.returncode == 1 and "đã có dữ liệu" in refused.stderr
        refused = command(var, "move-to", str(tmp_path / "other.sqlite3"))
        assert refused.returncode == 1 and "postgresql://" in refused.stderr
        assert not any("Traceback" in one for one in (refused.stderr, refused.stdout))
