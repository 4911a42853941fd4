"""Backups of a real server and their coming back, as whoever runs it does it: by the commands, or as PostgreSQL copies a database.

`with_keys`: the machine is lost too. The key store comes back as it was saved; what it learnt since is gone, but for the master key.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, make_url, text

from server.config import Config
from server.places import Places
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from tests.fieldday.office import Office

BACKUP = "backup.zip"


def back_up(office: Office, folder: Path) -> None:
    """Save the server's database and its keys into a folder, in the place of an earlier backup; a PostgreSQL server is closed meanwhile."""
    file = folder / BACKUP
    for earlier in (file, file.with_name(f"{file.name}.keys")):
        earlier.unlink(missing_ok=True)
    if is_file(office.database):
        admin(office, "backup", str(file))
        return
    admin(office, "backup", str(file), "--only-keys")
    with office.closed():
        _postgresql(office.database, lambda name: [f"DROP DATABASE IF EXISTS {name}_backup", f"CREATE DATABASE {name}_backup TEMPLATE {name}"])


def restore(office: Office, folder: Path, *, with_keys: bool = False) -> None:
    """Bring the backup back; the server is closed meanwhile."""
    file = folder / BACKUP
    with office.closed():
        if with_keys:
            _forget_keys(office)
        if is_file(office.database):
            admin(office, "restore", str(file), "--yes", *(["--with-keys"] if with_keys else []))
            return
        if with_keys:
            shutil.copy(file.with_name(f"{file.name}.keys"), _places(office).keys)
        _postgresql(office.database, lambda name: [f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {name}_backup"])


def is_file(database: str) -> bool:
    """Whether the database is a file of SQLite."""
    return "://" not in database


def admin(office: Office, *words: str) -> None:
    """A command of the administrator."""
    done = subprocess.run(
        [sys.executable, "-m", "server", *words], cwd=ROOT, env=os.environ | office.given | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: {done.stderr[-1000:]}")


def _places(office: Office) -> Places:
    return Places(Config.read(office.given))


def _forget_keys(office: Office) -> None:
    keys = _places(office).keys
    for path in (keys, *(keys.with_name(keys.name + end) for end in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)


def _postgresql(database: str, statements: Callable[[str], list[str]]) -> None:
    url = make_url(Places(Config(database=database)).database_url)
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            for statement in statements(str(url.database)):
                connection.execute(text(statement))
    finally:
        engine.dispose()
