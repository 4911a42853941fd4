"""Many random histories, one after the other: ``python3 sen.py soak --exchanges N [--seed S]``.

Prints what was met, and last one line with the seed, the exchanges, the faults, the rare states and the violations. The first history
that fails is cut down, told as a story and saved as JSON; the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.soak.history import STORES, History, make_history
from tests.soak.run import attempt, report, run, shrink
from tests.soak.serving import memory_engine

CHUNK = 25
"""Histories that a process runs before it reports."""

RARE = (
    "a dropped field written on an old tablet", "a dropped field's value shown", "a folder that cannot follow was refused",
    "a form open across an update saved", "a line of a newer form was set aside by an older server",
    "a line of a newer form was taken up by a newer server", "a pull cut between pages", "a record of a dropped type edited",
    "a record of a dropped type shown", "a record of a new type lay on an old tablet", "a renamed field written on an old tablet",
    "a retyped field written on an old tablet", "a retyped field's old value shown", "a told record lost by a tablet", "an open form saved", "answer cut", "bit flipped on the wire",
    "another catalogue published", "catalogue taken up", "clock jumped", "console edit", "hash walk-back", "late answer ignored", "old message delivered again",
    "open questions at the end", "refill after a digest mismatch", "registers told by rules (a line came after one that names it)",
    "request cut", "request delivered twice", "scope changed", "scope changed with changes unsent", "server died in a transaction",
    "server restored", "set aside", "tablet cloned", "tablet restored", "tablet died", "tablet died while it kept an answer", "tablet died while it saved",
    "texts merged line by line", "urgent exchange",
)  # fmt: skip
"""States that a long run must meet: one that stays at 0 tested nothing."""

__all__ = ["RARE", "Total", "main", "soak"]


class Total(NamedTuple):
    """What came of many histories."""

    first: int
    histories: int
    exchanges: int
    faults: int
    met: Counter[str]
    failed: list[int]

    def closing(self) -> str:
        """The one line that says how it went."""
        met = sum(self.met[name] > 0 for name in RARE)
        return (
            f"seed {self.first}: {self.histories} histories, {self.exchanges} exchanges, {self.faults} faults, "
            f"{met} of {len(RARE)} rare states met, {len(self.failed)} violations"
        )


def run_chunk(first: int, count: int, store: str) -> Total:
    """Run the histories of some seeds, in this process."""
    engine = memory_engine()
    met, failed = Counter[str](), []
    exchanges = faults = 0
    for seed in range(first, first + count):
        result = run(engine, make_history(seed, store=store))
        exchanges += result.exchanges
        faults += result.faults
        met += result.met
        failed += [seed] if result.wrong else []
    engine.dispose()
    return Total(first, count, exchanges, faults, met, failed)


def soak(exchanges: int, *, seed: int = 0, store: str = "mixed", jobs: int = 1) -> Iterator[Total]:
    """Run histories from a seed on until there were so many exchanges; gives the sum after each chunk."""
    total = Total(seed, 0, 0, 0, Counter(), [])
    with ProcessPoolExecutor(jobs) as pool:
        while total.exchanges < exchanges:
            first = seed + total.histories
            chunks = [pool.submit(run_chunk, first + CHUNK * number, CHUNK, store) for number in range(jobs)]
            for done in chunks:
                chunk = done.result()
                total = Total(
                    seed, total.histories + chunk.histories, total.exchanges + chunk.exchanges, total.faults + chunk.faults,
                    total.met + chunk.met, total.failed + chunk.failed,
                )  # fmt: skip
            yield total


def main(words: Sequence[str]) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python3 sen.py soak", description="Random histories until so many exchanges.")
    parser.add_argument("--exchanges", type=int, default=20_000, help="how many exchanges at least (20 000)")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000, help="the first seed; else one by the clock")
    parser.add_argument("--store", choices=STORES, default="mixed", help="what tablets keep their data in")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--history", type=Path, help="run this one kept history instead")
    parser.add_argument("--failures", type=Path, default=Path("build/soak"), help="where a failing history is saved")
    given = parser.parse_args(words)
    if given.history is not None:
        return replay(History.load(given.history))
    print(f"seed {given.seed}, tablets: {given.store}", flush=True)
    total = Total(given.seed, 0, 0, 0, Counter(), [])
    for total in soak(given.exchanges, seed=given.seed, store=given.store, jobs=given.jobs):
        if sys.stderr.isatty():
            print(f"\r{total.closing()}", end="", file=sys.stderr, flush=True)
        if total.failed:
            break
    for name, count in sorted(total.met.items()):
        print(f"  {count:8}  {name}")
    if total.failed:
        tell_failure(total.failed[0], given.store, given.failures)
    print(total.closing())
    return 1 if total.failed else 0


def replay(history: History) -> int:
    """Run one history and say what is wrong with it."""
    wrong = attempt(memory_engine(), history)
    print("\n".join(wrong) or "nothing is wrong with it")
    return 1 if wrong else 0


def tell_failure(seed: int, store: str, folder: Path) -> None:
    """Cut a failing history down, print its story, save it."""
    engine = memory_engine()
    small = shrink(engine, make_history(seed, store=store))
    print(report(engine, small))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed_{seed}.json"
    path.write_text(small.as_json(wrong=attempt(engine, small)[:3]), encoding="utf-8")
    print(f"saved as {path}; run again: python3 sen.py soak --history {path}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
