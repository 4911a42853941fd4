"""Where a demo stands on disk, and which port its tablets know: ``var/demo`` once it is whole, ``var/demo.part`` while it is built."""

import json
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

MARK = "demo.json"
CLOCK = "clock.json"
"""Beside the tablets: they read from it what time it is in the demo."""

__all__ = ["DemoFolder"]


class DemoFolder:
    """One demo's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")

    @property
    def lock(self) -> Path:
        """The file that one process holds while it builds or serves this demo."""
        return self.path.with_name(self.path.name + ".lock")

    @property
    def server(self) -> Path:
        """The folder of the server's files."""
        return self.path / "server"

    @property
    def tablets(self) -> Path:
        """The folder of the tablets' profiles."""
        return self.path / "tablets"

    @property
    def whole(self) -> bool:
        """Whether a demo was built here to its end."""
        return (self.path / MARK).exists()

    @property
    def port(self) -> int:
        """The port at which its tablets look for the server."""
        told: dict[str, Any] = json.loads((self.path / MARK).read_bytes())
        return int(told["port"])

    def note_port(self, port: int) -> None:
        """Take note of the port that the tablets were told."""
        (self.path / MARK).write_text(json.dumps({"port": port}), encoding="utf-8")

    def empty(self) -> Path:
        """An empty folder to build in; what was here, and any half-built demo, is deleted."""
        for folder in (self.part, self.path):
            if folder.exists():
                shutil.rmtree(folder)
        self.part.mkdir(parents=True)
        return self.part

    def finish(self, port: int) -> None:
        """Put what was built in its place: from now on it is there, whole."""
        (self.part / MARK).write_text(json.dumps({"port": port}), encoding="utf-8")
        self.part.rename(self.path)

    def start_clock(self, moment: datetime) -> None:
        """Tell the tablets that it is this moment now."""
        told = {"begun": moment.isoformat(), "at_ms": time.time_ns() // 1_000_000}
        (self.tablets / CLOCK).write_text(json.dumps(told), encoding="utf-8")
