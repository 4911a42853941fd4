"""A fresh, empty database for a server process: a file, or a real PostgreSQL that is started for it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATABASES = ("sqlite", "postgresql")


@contextlib.contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the setting (SEN_DATABASE) of an empty database; it lives as long as the block.

    SQLite's is the path of a file in `folder`. PostgreSQL's data stand in `folder` too, and its server is ended with the block.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield str(folder / "sen.sqlite3")
        return
    with postgresql(folder / "postgresql") as server:
        name = f"sen_{uuid.uuid4().hex[:12]}"
        server.psql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0;")
        yield server.get_uri(name)


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[Any]:
    """A PostgreSQL server of the wheel `pgserver` with its data in `folder`; stopped at the end of the block."""
    import pgserver

    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
