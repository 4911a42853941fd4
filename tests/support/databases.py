"""A fresh, empty database for a server process: a file, or a real PostgreSQL that is started for it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DATABASES = ("sqlite", "postgresql")
STARTS = 3

_TURN = threading.Lock()
"""pgserver's own lock is between processes, and one object for all threads of a process: they take turns here."""


@contextlib.contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the setting (SEN_DATABASE) of an empty database; it lives as long as the block.

    SQLite's is the path of a file in `folder`. PostgreSQL is ended with the block, and its data go with it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield str(folder / "sen.sqlite3")
        return
    with postgresql() as server:
        name = f"sen_{uuid.uuid4().hex[:12]}"
        server.psql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0;")
        yield server.get_uri(name)


@contextlib.contextmanager
def postgresql() -> Iterator[Any]:
    """A PostgreSQL server of the wheel `pgserver`; stopped at the end of the block, and its data deleted.

    Its data stand in a folder of its own: PostgreSQL refuses to run as root, so pgserver runs it as another account, and
    pytest shuts its own folders to all others whenever another run of it begins.
    """
    from pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="sen-postgresql-", ignore_cleanup_errors=True) as folder:
        with _TURN:
            server = _started(lambda: get_server(Path(folder) / "data", cleanup_mode="stop"))
        try:
            yield server
        finally:
            with _TURN:
                server.cleanup()


def _started(start: Callable[[], Any]) -> Any:
    """What `start` gives; pgserver waits ten seconds for the start, which goes on behind on a busy machine."""
    for _ in range(STARTS - 1):
        with contextlib.suppress(subprocess.TimeoutExpired):
            return start()
    return start()
