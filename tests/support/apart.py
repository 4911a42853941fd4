"""A tablet's store in a process of its own, so that its memory can be watched: ``python -m tests.support.apart FOLDER ADDRESS CODE``.

It enrols, prints a line of JSON, and does what it is told on its input, one order a line: ``enter N``, ``exchange``, or
``at ADDRESS`` where the server has moved. After each it prints how many records it holds. ``Apart`` is such a process as others use it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.support.processes import ROOT, Memory, memory_mb

STEP = 1000
"""Records that are entered in one transaction."""


class Apart:
    """A tablet's process, which this module's ``main`` is."""

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
    try:
        yield tablet
    finally:
        tablet.close()


def main(folder: Path, address: str, code: str) -> None:
    """Enrol, and do as told until the input ends."""
    tablet = BenchTablet.enrol(folder, address, code, load_catalogue())
    print(json.dumps({"records": 0}), flush=True)
    for order in sys.stdin:
        word, _, number = order.strip().partition(" ")
        if word == "enter":
            for left in range(int(number), 0, -STEP):
                tablet.enter(min(STEP, left))
        elif word == "at":
            tablet.address = number
        else:
            tablet.exchange()
        print(json.dumps({"records": _held(tablet)}), flush=True)
    tablet.store.database.close()


def _held(tablet: BenchTablet) -> int:
    """How many records it holds: counted by its database, for a list of them would be part of what is measured."""
    with tablet.store.database.reading() as connection:
        (held,) = connection.execute("SELECT count(*) FROM record").fetchone()
    return int(held) + len(tablet.store.outbox.records())


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
