"""What a tablet needs of memory to hand in and to fetch many records: little, and no more for more of them. A real server, processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, Memory, Watched, memory_mb

UNIT = "long_khanh_a"
FEW, MANY = 15_000, 30_000
"""The fewer already fill a page of the largest size."""
MOST_MB = 64

NO_MORE_MB = 20
"""By how much the greatest memory may differ by chance: pages of SQLite's cache, of the allocator."""


class Apart:
    """A tablet's process (``tests.support.apart``)."""

    def __init__(self, folder: Path, address: str, code: str) -> None:
        words = [sys.executable, "-m", "tests.support.apart", str(folder), address, code]
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def do(self, order: str) -> int:
        """Give an order; gives how many records it holds then."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return int(self._read()["records"])

    def exchange(self) -> tuple[int, float]:
        """Exchange until nothing is left; the records held then, and the greatest memory above that before (MB)."""
        with Memory(self.process.pid, memory_mb(self.process.pid)) as memory:
            held = self.do("exchange")
        return held, memory.above_start_mb

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@contextmanager
def apart(folder: Path, address: str, code: str) -> Iterator[Apart]:
    """One such tablet."""
    tablet = Apart(folder, address, code)
    yield tablet
    tablet.close()


def test_a_tablets_memory_is_small_and_the_same_however_much_is_pushed_or_pulled(tmp_path: Path) -> None:
    pushed: dict[int, float] = {}
    pulled: dict[int, float] = {}
    for number in (FEW, MANY):
        folder = tmp_path / str(number)
        folder.mkdir()
        there = {"SEN_DATABASE": str(folder / "sen.sqlite3"), "SEN_BENCH_UNLIMITED": "1"}
        with Watched(["-m", "tests.bench.serve", str(folder / "var"), UNIT], folder / "log", there) as server:
            address, (first, second) = f"http://127.0.0.1:{server.told['port']}", server.told["codes"][UNIT]
            with apart(folder / "one", address, first) as one:
                one.do("exchange")
                assert one.do(f"enter {number}") == number
                _, pushed[number] = one.exchange()
            with apart(folder / "two", address, second) as two:
                held, pulled[number] = two.exchange()
                assert held == number
    assert max(*pushed.values(), *pulled.values()) < MOST_MB, (pushed, pulled)
    assert pushed[MANY] < pushed[FEW] + NO_MORE_MB and pulled[MANY] < pulled[FEW] + NO_MORE_MB, (pushed, pulled)
