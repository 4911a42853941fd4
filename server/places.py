"""Where a server's files stand, and the locks on them: the one module that knows paths and how Windows and Linux lock.

Everything a server writes is below one folder: the database, the key store, the master key, the locks.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from server.config import Config
from shared.errors import SenError

LOCKED_BYTE = 1 << 30
"""The byte that is locked, far behind the file's text: Windows lets nobody read a locked byte."""

__all__ = ["Places", "held", "private_folder", "write_private"]


class Places:
    """The paths of one server."""

    def __init__(self, config: Config) -> None:
        self.var = config.var.absolute()
        self.keys = (config.keys or self.var / "keys.sqlite3").absolute()
        self.master_key = (config.master_key or self.var / "master.key").absolute()
        self.postgresql = config.database if "://" in config.database and not config.database.startswith("sqlite:") else ""
        given = config.database.removeprefix("sqlite:///")
        self.sqlite = None if self.postgresql else (Path(given) if given else self.var / "sen.sqlite3").absolute()

    @property
    def database_url(self) -> str:
        """The database as SQLAlchemy names it."""
        if self.sqlite is not None:
            return f"sqlite:///{self.sqlite.as_posix()}"
        return "postgresql+psycopg://" + self.postgresql.split("://", 1)[1]

    @property
    def lock(self) -> Path | None:
        """The lock file of the SQLite file; None on PostgreSQL, which may have many server processes."""
        return None if self.sqlite is None else self.sqlite.with_name(self.sqlite.name + ".lock")


def private_folder(path: Path) -> Path:
    """Make a folder that others on this machine cannot read (on Windows: that has its parent's rights)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only this account can read, whole and on disk, or not at all."""
    private_folder(path.parent)
    part = path.with_name(path.name + ".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See that the names in a folder are on disk; Windows does so by itself."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def held(path: Path, **facts: Any) -> Iterator[None]:
    """Hold a lock file, with facts about its holder in it; it is free again when the process ends, however it ends.

    Raises:
        SenError: ``second_server`` with the facts of the process that holds it.
    """
    private_folder(path.parent)
    with path.open("a+b") as file:
        if not _lock(file.fileno()):
            told = _read(path)
            raise SenError("second_server", pid=told.get("pid"), address=told.get("address"))
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), **facts}).encode())
        file.flush()
        yield
        file.truncate(0)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
