"""`python3 sen.py field-day`: play a day with real processes and compare what is left with an independent journal."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.fieldday.generate import generate
from tests.fieldday.run import Setting, run
from tests.fieldday.scenario import ScenarioError, load
from tests.fieldday.summary import Summary, table
from tests.support.databases import DATABASES
from tests.support.link import LINKS
from tests.support.processes import ROOT

FOLDER = ROOT / "build" / "field-day"
TABLETS, RECORDS = 4, 40
MANY, FEW = 20, 5
"""Seeds of the matrix: many on a clean link with SQLite, few on every other combination."""

SLOW = {"2g": (2, 8)}
"""Link → (tablets, records) of the matrix where the usual number would take hours at that link's speed."""


def options(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 sen.py field-day",
        description="A whole day, headless: a real server on an empty database, each tablet a process behind a network"
        " that can be slow or break. Exit code 0 only if nothing was lost, nothing changed unseen, all replicas equal.",
        epilog=f"Everything a day leaves stands in {FOLDER.relative_to(ROOT)}/; docs/scenarios.md tells how to write a scenario.",
    )
    parser.add_argument(
        "--scenario", type=Path, metavar="FILE", help="play this story; without it, a day drawn from the seed"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the drawn day and of the network's faults (default 1)"
    )
    parser.add_argument("--tablets", type=int, default=TABLETS, metavar="N", help=f"of a drawn day (default {TABLETS})")
    parser.add_argument(
        "--records", type=int, default=RECORDS, metavar="N", help=f"entered on a drawn day (default {RECORDS})"
    )
    parser.add_argument("--link", choices=list(LINKS), default="clean", help="the network (default clean)")
    parser.add_argument("--db", choices=DATABASES, default="sqlite", help="the server's database (default sqlite)")
    parser.add_argument("--quiet", action="store_true", help="only the result, not each step")
    parser.add_argument("--matrix", action="store_true", help="drawn days: seeds × links × databases, and a table")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help=f"of each combination (default {MANY} on clean/sqlite, else {FEW})"
    )
    return parser.parse_args(words)


def one(chosen: argparse.Namespace, tell: Callable[[str], None]) -> Summary:
    """Play one day. Raises ScenarioError."""
    if chosen.scenario is not None:
        scenario, name = load(chosen.scenario), chosen.scenario.stem
    else:
        scenario = generate(seed=chosen.seed, tablets=chosen.tablets, records=chosen.records)
        name = f"seed-{chosen.seed}"
    day = Setting(scenario=scenario, name=name, seed=chosen.seed, link=chosen.link, db=chosen.db, folder=FOLDER / name)
    summary = run(day, tell)
    shutil.copy(FOLDER / name / "summary.json", FOLDER / "summary.json")
    return summary


def matrix(seeds: int | None) -> Iterator[Setting]:
    """The days of the matrix; clean links first, so that a mistake shows early."""
    for link in LINKS:
        for db in DATABASES:
            many = MANY if (link, db) == ("clean", "sqlite") else FEW
            tablets, records = SLOW.get(link, (TABLETS, RECORDS))
            for seed in range(1, (seeds or many) + 1):
                name = f"{link}-{db}-{seed}"
                scenario = generate(seed=seed, tablets=tablets, records=records)
                yield Setting(
                    scenario=scenario, name=name, seed=seed, link=link, db=db, folder=FOLDER / "matrix" / name
                )


def main(words: Sequence[str] | None = None) -> int:
    """Play, tell, and say by the exit code how it went."""
    chosen = options(words)
    tell: Callable[[str], None] = (lambda _: None) if chosen.quiet or chosen.matrix else _say
    try:
        days = [] if chosen.matrix else [one(chosen, tell)]
    except (ScenarioError, OSError) as error:
        print(f"field-day: {error}", file=sys.stderr)
        return 2
    for setting in matrix(chosen.seeds) if chosen.matrix else ():
        days.append(run(setting, tell))
        print(days[-1].told(), flush=True)
    if chosen.matrix:
        print(f"\n{table(days)}")
    else:
        print(days[0].told())
    return 0 if all(day.good for day in days) else 1


def _say(step: str) -> None:
    print(f"  {step}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
