"""A standby of a real PostgreSQL, which follows it by its own replication and can be promoted; and a name for whichever of the two serves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

START_S = 60


class Standby:
    """A copy of a primary in a folder beside it. ``follow`` starts it, ``halt`` ends it as a dead machine does, ``promote`` makes it the primary."""

    def __init__(self, primary: Any) -> None:
        from pgserver._commands import create_command_function

        self._primary: Any = primary
        self._user: str | None = primary.system_user
        self.folder = Path(primary.pgdata).parent / "standby"
        self.folder.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        create_command_function("pg_basebackup")(["-h", str(primary.pgdata), "-U", "postgres", "-X", "stream", "-R", "-c", "fast"], pgdata=self.folder, user=self._user)
        for path in self.folder.glob(".s.PGSQL.*"):  # the primary has its socket among its data
            path.unlink()

    def _control(self, *words: str) -> None:
        from pgserver._commands import create_command_function

        create_command_function("pg_ctl")(["-w", *words], pgdata=self.folder, user=self._user, timeout=START_S)

    def follow(self) -> None:
        """Start it, and wait until it has replayed all that the primary has committed."""
        self._control("-o", '-h ""', "-o", f"-k {self.folder}", "-l", str(self.folder / "log"), "start")
        behind = "SELECT count(*) = 0 OR bool_or(replay_lsn < pg_current_wal_lsn()) FROM pg_stat_replication"
        while "t" in self._primary.psql(f"COPY ({behind}) TO STDOUT;"):
            pass

    def halt(self) -> None:
        """End it."""
        self._control("-m", "immediate", "stop")

    def promote(self) -> None:
        """Let the primary die (SIGKILL), and take its place with what came so far."""
        pid = self._primary.get_pid()
        backends = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs(backends, timeout=START_S)
        self._control("-o", '-h ""', "-o", f"-k {self.folder}", "-l", str(self.folder / "log"), "start")
        self._control("promote")


@contextlib.contextmanager
def standby_of(primary: Any) -> Iterator[Standby]:
    """A standby that does not run yet; ended with the block."""
    standby = Standby(primary)
    try:
        yield standby
    finally:
        with contextlib.suppress(Exception):  # it may not run
            standby.halt()


class Address:
    """The folder of the socket of whichever PostgreSQL serves, under one name, as a failover moves an address."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def lead_to(self, data: Path) -> None:
        """Let the name lead there from now on."""
        new = self.path.with_name(self.path.name + ".new")
        new.symlink_to(data)
        os.replace(new, self.path)

    def url(self, name: str) -> str:
        """The setting of a database behind the name."""
        return f"postgresql://postgres:@/{name}?host={self.path}"
