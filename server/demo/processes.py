"""The processes of the demo: the server, and tablets that are typed into by lines of JSON. None outlives its block.

Each runs in a session of its own, so that Ctrl-C reaches the demo alone, which then ends them in order.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
ENDING_S: Final = 20

__all__ = ["DemoStopped", "Refused", "ServerProcess", "TabletProcess", "end_all", "go_on", "start_window", "stopping"]


class DemoStopped(Exception):
    """The demo is being ended; whoever works for it stops."""


class Refused(Exception):
    """A tablet or a server said no; the text is its code and its sentence."""


_running: set["subprocess.Popen[str]"] = set()
_lock = threading.Lock()
_ended = threading.Event()


def _start(words: Sequence[str], log: Path, given: Mapping[str, str] | None = None, *, talk: bool = True) -> "subprocess.Popen[str]":
    """Start one of our modules with its errors in a log; it is known to ``end_all`` from its first moment."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | dict(given or {})
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    pipe = subprocess.PIPE if talk else subprocess.DEVNULL
    with _lock, log.open("ab") as errors:
        go_on()
        process = subprocess.Popen(
            [sys.executable, *words], stdin=pipe, stdout=pipe, stderr=errors, cwd=ROOT, env=environment, text=True, encoding="utf-8",
            **apart,
        )  # fmt: skip
        _running.add(process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    """End one process: asked first, then made to."""
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(timeout=ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
    with _lock:
        _running.discard(process)


def stopping() -> bool:
    """Whether the demo is being ended."""
    return _ended.is_set()


def go_on() -> None:
    """Raises DemoStopped where the demo is being ended; work that starts no process asks now and then."""
    if _ended.is_set():
        raise DemoStopped


def end_all() -> None:
    """End every process of the demo, and let none begin."""
    _ended.set()
    with _lock:
        left = list(_running)
    for process in left:
        with contextlib.suppress(OSError):
            process.terminate()
    for process in left:
        _end(process)


def start_window(profile: Path, log: Path) -> "subprocess.Popen[str]":
    """Start a tablet in a window; it ends by itself at once where there is none to be had."""
    return _start(["-m", "mobile", "--profile", str(profile)], log, talk=False)


class ServerProcess:
    """The real server on a folder, at a moment. A context manager; ``address`` is known once it serves."""

    def __init__(self, var: Path, moment: datetime, *, port: int, log: Path) -> None:
        self.var, self.moment, self.port, self.log = var, moment, port, log
        self.address = ""

    def __enter__(self) -> Self:
        self.begin()
        self.wait_ready()
        return self

    def begin(self) -> None:
        """Start it and return at once."""
        given = {"SEN_VAR": str(self.var), "SEN_LOG": "warning", "SEN_DATABASE": "", "SEN_HOST": "127.0.0.1", "SEN_BEHIND_PROXY": ""}
        words = ["-m", "server", "run", "--json", "--host", "127.0.0.1", "--port", str(self.port), "--today", self.moment.isoformat()]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._start_of_log = self.log.stat().st_size if self.log.exists() else 0
        self.process = _start(words, self.log, given)

    def wait_ready(self) -> str:
        """Wait until it serves; gives its address. Raises Refused with what it said."""
        if not self.address:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            if not line:
                go_on()
                with self.log.open("rb") as log:
                    log.seek(self._start_of_log)
                    said = log.read().decode("utf-8", "replace").strip()
                self.end()
                raise Refused(said[-1000:] or "the server ended")
            self.address = json.loads(line)["address"]
        return self.address

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self.process.poll() is None

    def end(self) -> None:
        """End it; what it is working on is finished first."""
        _end(self.process)

    def __exit__(self, *_: object) -> None:
        self.end()


class TabletProcess:
    """A tablet without a window on a profile's folder, at a moment. A context manager."""

    def __init__(self, folder: Path, moment: datetime) -> None:
        self.folder, self.moment = folder, moment
        self.told: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        words = ["-m", "mobile.headless", "--profile", str(self.folder), "--today", self.moment.isoformat()]
        self.process = _start(words, self.folder.parent / f"{self.folder.name}.log")
        self.told = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            self._write({"do": "quit"})
            self.process.wait(timeout=ENDING_S)
        _end(self.process)

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Give a command of ``mobile.headless``; gives its answer. Raises Refused."""
        self._write({"do": command, **values})
        return self._answer()

    def _write(self, body: Mapping[str, Any]) -> None:
        go_on()
        into: IO[str] | None = self.process.stdin
        assert into is not None
        into.write(json.dumps(body, ensure_ascii=False) + "\n")
        into.flush()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            go_on()
            raise Refused(f"the tablet {self.folder.name} ended; see {self.folder.name}.log")
        body: dict[str, Any] = json.loads(line)
        if not body.pop("ok"):
            raise Refused(f"{self.folder.name}: {body['code']}: {body['vi']}")
        return body
