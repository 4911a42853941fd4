"""A tablet's store in a process of its own, so that its memory can be watched: ``python -m tests.support.apart FOLDER ADDRESS CODE``.

It enrols, prints a line of JSON, and does what it is told on its input, one order a line: ``enter N`` or ``exchange``. After each it
prints how many records it holds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet

STEP = 1000
"""Records that are entered in one transaction."""


def main(folder: Path, address: str, code: str) -> None:
    """Enrol, and do as told until the input ends."""
    tablet = BenchTablet.enrol(folder, address, code, load_catalogue())
    print(json.dumps({"records": 0}), flush=True)
    for order in sys.stdin:
        word, _, number = order.strip().partition(" ")
        if word == "enter":
            for left in range(int(number), 0, -STEP):
                tablet.enter(min(STEP, left))
        else:
            tablet.exchange()
        print(json.dumps({"records": len(tablet.store.records())}), flush=True)
    tablet.store.database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
