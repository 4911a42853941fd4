"""Each kind of database is empty, takes Vietnamese, and leaves nothing running."""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.databases import DATABASES, fresh_database


def connect(setting: str) -> Any:
    """Open a database by its setting."""
    if "://" in setting:
        import psycopg

        return psycopg.connect(setting)
    return sqlite3.connect(setting)


def test_threads_start_databases_of_their_own_at_once(tmp_path: Path) -> None:
    def work(n: int) -> str:
        with fresh_database("postgresql", tmp_path / str(n)) as setting, contextlib.closing(connect(setting)) as connection:
            return str(connection.execute("SELECT current_database()").fetchone()[0])

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(work, range(3)))) == 3


@pytest.mark.parametrize("kind", DATABASES)
def test_a_fresh_database_takes_vietnamese_and_is_gone_afterwards(kind: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path) as setting, contextlib.closing(connect(setting)) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE word (text TEXT)")
        cursor.execute("INSERT INTO word VALUES ('bình đẳng giới')")
        cursor.execute("SELECT text FROM word")
        assert cursor.fetchall() == [("bình đẳng giới",)]
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
