"""The real server in a process that dies, or loses its database, at a chosen step of its work.

`python -m tests.support.dying FOLDER UNIT[:OFFICERS]…` prints one line of JSON, the enrolment codes of each unit's officers, and
then reads orders, one a line: `kill N` (or `cut N`) begins a server in a child process and prints its port and pid. The child counts the
steps of whatever exchanges do: each statement, each commit, and what follows right behind a commit. At its N-th step it is killed
(SIGKILL), or its database's answer to a commit is lost: the first commit from step N on is done, and the connection is gone before
it is told. `tear N` counts SQLite's own writes to its files instead (by its table of system calls): of the N-th only half is written, then
it is killed. N = 0 leaves it alone. When the child has ended, `{"signal": …, "steps": …}` is printed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from server.app import limiter
from server.config import Config
from server.housekeeping import THREADS
from server.process import serve
from tests.bench.serve import enrolment_codes

steps = RawValue("i", 0)
"""How many steps the last child has done; its parent reads it. No lock between processes: the child may die with it in its hand."""


class _Vfs(ctypes.Structure):
    """SQLite's sqlite3_vfs, as far as its table of system calls."""

    _fields_ = [
        ("version", ctypes.c_int), ("file_size", ctypes.c_int), ("longest_path", ctypes.c_int), ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p), ("app_data", ctypes.c_void_p), *((f"method_{n}", ctypes.c_void_p) for n in range(13)),
        ("set_call", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
        ("get_call", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)),
    ]  # fmt: skip


_Write = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
_kept: list[Any] = []
"""What SQLite calls must not be collected."""


class Fate:
    """What befalls a process at its N-th step; nothing before the server takes requests."""

    def __init__(self, what: str, at: int) -> None:
        self.what, self.at = what, at
        self.begun = False
        self._one = threading.Lock()

    def step(self) -> int:
        """Count a step; those that nobody waits for are no exchange's. The last one is this process's last."""
        if not self.begun or threading.current_thread().name in THREADS:
            return 0
        with self._one:
            steps.value += 1
            if self.what == "kill" and steps.value == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return int(steps.value)

    def befall(self) -> None:
        """Listen to all engines of this process."""
        if self.what == "tear":
            self.tear()
            return
        event.listen(Engine, "before_cursor_execute", lambda *_: self.step())
        commit = DefaultDialect.do_commit

        def commit_and_tell(dialect: DefaultDialect, connection: Any) -> None:
            self.step()
            commit(dialect, connection)  # type: ignore[no-untyped-call]
            if self.what == "cut" and 0 < self.at <= self.step():
                self.at = 0
                connection.driver_connection.close()
                error: Any = dialect.loaded_dbapi.OperationalError("the connection was lost")
                if dialect.name == "sqlite":
                    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
            if self.what == "kill":
                self.step()

        DefaultDialect.do_commit = commit_and_tell  # type: ignore[method-assign]

    def tear(self) -> None:
        """Come between SQLite and the files that it writes."""
        library = ctypes.CDLL("libsqlite3.so.0")
        library.sqlite3_vfs_find.restype = ctypes.c_void_p
        place = library.sqlite3_vfs_find(None)
        vfs = _Vfs.from_address(place)
        name = next(one for one in (b"pwrite64", b"pwrite") if vfs.get_call(place, one))
        write = _Write(vfs.get_call(place, name))

        def torn(file: int, data: int, size: int, offset: int) -> int:
            if self.step() == self.at > 0:
                write(file, data, size // 2, offset)
                os.kill(os.getpid(), signal.SIGKILL)
            return int(write(file, data, size, offset))

        _kept.append(_Write(torn))
        assert vfs.set_call(place, name, ctypes.cast(_kept[-1], ctypes.c_void_p)) == 0


def child(config: Config, fate: Fate) -> None:
    """Serve until the fate comes, or until the process is told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    fate.befall()

    def announce(_: str, port: int) -> None:
        print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
        fate.begun = True

    serve(config, announce)


def main(folder: Path, units: Sequence[str]) -> None:
    """Make the codes, then begin one child for each order."""
    limiter.enabled = False
    config = Config.read(var=folder, port=0, log="warning")
    print(json.dumps({"codes": enrolment_codes(config, units)}), flush=True)
    for order in sys.stdin:
        what, at = order.split()
        steps.value = 0
        pid = os.fork()
        if pid == 0:
            child(config, Fate(what, int(at)))
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        print(json.dumps({"signal": ended, "steps": steps.value}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
