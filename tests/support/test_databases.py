"""Each kind of database is empty, takes Vietnamese, and leaves nothing running."""

from __future__ import annotations

import contextlib
import sqlite3
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


@pytest.mark.parametrize("kind", DATABASES)
def test_a_fresh_database_takes_vietnamese_and_is_gone_afterwards(kind: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path) as setting, contextlib.closing(connect(setting)) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE word (text TEXT)")
        cursor.execute("INSERT INTO word VALUES ('bình đẳng giới')")
        cursor.execute("SELECT text FROM word")
        assert cursor.fetchall() == [("bình đẳng giới",)]
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(p.info["cmdline"] or [])]
