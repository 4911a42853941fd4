"""A process that is started, asked for its address, watched for its memory, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1 << 20
WATCH_EVERY_S = 0.01


class Watched:
    """One Python process of ours; its first line of output is JSON and tells where it is to be reached.

    A context manager: at its end the process is terminated and waited for.
    """

    def __init__(self, words: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._words = [sys.executable, *words]
        self._environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | dict(environment or {})
        self._log = log
        self.told: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._errors: IO[bytes] = self._log.open("wb")
        self.process = subprocess.Popen(
            self._words, stdout=subprocess.PIPE, stderr=self._errors, cwd=ROOT, env=self._environment, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise RuntimeError(
                f"{' '.join(self._words)} did not start: {self._log.read_text('utf-8', 'replace')[-2000:]}"
            )
        self.told = json.loads(line)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


class Memory:
    """The greatest memory of a process while the block runs, above what it had at `start_mb`."""

    def __init__(self, pid: int, start_mb: float) -> None:
        self._process = psutil.Process(pid)
        self._start = start_mb
        self._peak = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._end.wait(WATCH_EVERY_S):
            self._peak = max(self._peak, self._process.memory_info().rss / MEGABYTE)

    def __enter__(self) -> Self:
        self._peak = self._process.memory_info().rss / MEGABYTE
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def above_start_mb(self) -> float:
        """Megabytes above the start."""
        return max(0.0, self._peak - self._start)


def memory_mb(pid: int) -> float:
    """What a process holds now."""
    return float(psutil.Process(pid).memory_info().rss / MEGABYTE)
