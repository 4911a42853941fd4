"""A tablet's process without a window, and the way to ask it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.support.processes import ROOT

DAY = "2022-05-30"


class Headless:
    """A process of ``mobile.headless`` on a folder; a context manager that ends it in good order."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "mobile.headless", "--profile", str(folder), "--today", DAY]
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.first = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def try_to(self, command: str, **values: Any) -> dict[str, Any]:
        """Give a command; its answer, whatever it is."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **values}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def ask(self, command: str, **values: Any) -> dict[str, Any]:
        """Give a command that must be done."""
        answer = self.try_to(command, **values)
        assert answer["ok"], (command, answer)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def kill(self) -> None:
        """End it at once, as a dead battery does."""
        self._process.kill()
        self._process.wait()
