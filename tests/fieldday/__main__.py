"""`python3 sen.py field-day`: play a day with real processes and compare what is left with an independent journal."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
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

WORKING, WAITING = 2, 5
"""How many days of the matrix are played at a time: those that keep a processor busy, and those that wait for their link."""


def count(text: str) -> int:
    """A number from 1 on, as an option takes it."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def options(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 sen.py field-day",
        description="A whole day, headless: a real server on an empty database, each tablet a process behind a network"
        " that can be slow or break, and a journal that is compared with what is left. Exit code 0 only if nothing was lost,"
        " nothing changed unseen, every claim held and all replicas are equal; 2 where a scenario cannot be understood.",
        epilog=f"Everything a day leaves stands in {_told(FOLDER)}/; docs/scenarios.md tells how to write a scenario.",
    )
    slow = "; ".join(f"{link}: {tablets} and {records}" for link, (tablets, records) in SLOW.items())
    add = parser.add_argument
    add("--scenario", type=Path, metavar="FILE", help="play this story; without it, a day drawn from the seed")
    add("--seed", type=int, default=1, metavar="N", help="of the drawn day and of the network's faults (default 1)")
    add("--tablets", type=count, metavar="N", help=f"of a drawn day (default {TABLETS}), two to a commune")
    add("--records", type=count, metavar="N", help=f"entered on a drawn day (default {RECORDS})")
    add("--link", choices=list(LINKS), help="the network: clean (the default); 2g, with 9.6 kbit/s, 1 s latency, segments"
        " held and resets; cutting, where 7 of 20 exchanges break off")  # fmt: skip
    add("--db", choices=DATABASES, help="the server's database (default sqlite); postgresql is started for the day")
    add("--quiet", action="store_true", help="only the result, not each step")
    add("--matrix", action="store_true", help="drawn days: seeds × links × databases, and a table, written to"
        f" {_told(FOLDER)}/matrix.md; --link and --db choose a part of it (tablets and records on a slow link: {slow})")  # fmt: skip
    add("--seeds", type=count, metavar="N",
        help=f"of each combination of the matrix (default {MANY} on clean/sqlite, else {FEW})")  # fmt: skip
    chosen = parser.parse_args(words)
    if chosen.scenario is not None and (chosen.matrix or chosen.tablets or chosen.records):
        parser.error(
            "a scenario says itself who has a tablet and what is entered: --scenario goes without --matrix, --tablets, --records"
        )
    if chosen.seeds and not chosen.matrix:
        parser.error("--seeds is for --matrix; one drawn day has a --seed")
    return chosen


def one(chosen: argparse.Namespace, tell: Callable[[str], None]) -> Summary:
    """Play one day. Raises ScenarioError."""
    link, db = chosen.link or "clean", chosen.db or "sqlite"
    if chosen.scenario is not None:
        scenario, name = load(chosen.scenario), chosen.scenario.stem
    else:
        scenario = generate(seed=chosen.seed, tablets=chosen.tablets or TABLETS, records=chosen.records or RECORDS)
        name = f"seed-{chosen.seed}"
    summary = run(Setting(scenario=scenario, name=name, seed=chosen.seed, link=link, db=db, folder=FOLDER / name), tell)
    shutil.copy(FOLDER / name / "summary.json", FOLDER / "summary.json")
    return summary


def matrix(chosen: argparse.Namespace) -> list[Setting]:
    """The days of the matrix, the first seed of every combination first, so that a mistake shows early."""
    days = []
    for link in LINKS if chosen.link is None else (chosen.link,):
        for db in DATABASES if chosen.db is None else (chosen.db,):
            many = MANY if (link, db) == ("clean", "sqlite") else FEW
            tablets, records = SLOW.get(link, (TABLETS, RECORDS))
            for seed in range(1, (chosen.seeds or many) + 1):
                name = f"{link}-{db}-{seed}"
                scenario = generate(seed=seed, tablets=chosen.tablets or tablets, records=chosen.records or records)
                folder = FOLDER / "matrix" / name
                days.append(Setting(scenario=scenario, name=name, seed=seed, link=link, db=db, folder=folder))
    return sorted(days, key=lambda day: day.seed)


def play_all(settings: Sequence[Setting]) -> list[Summary]:
    """Play many days, some at a time; each is printed when it ends, and stands in the table from then on."""
    days: list[Summary] = []
    with (
        ThreadPoolExecutor(WORKING, "working") as working,
        ThreadPoolExecutor(WAITING, "waiting") as waiting,
    ):
        pending = [(waiting if s.link in SLOW else working).submit(run, s, lambda _: None) for s in settings]
        for future in as_completed(pending):
            days.append(future.result())
            print(days[-1].told(), flush=True)
            write_table(days)
    return days


def write_table(days: Sequence[Summary]) -> None:
    """Write the table of many days, and each day's summary, into files."""
    path = FOLDER / "matrix.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(table(days) + "\n", encoding="utf-8")
    whole = json.dumps([asdict(day) for day in days], ensure_ascii=False, indent=2)
    path.with_suffix(".json").write_text(whole + "\n", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Play, tell, and say by the exit code how it went."""
    chosen = options(words)
    if chosen.matrix:
        days = play_all(matrix(chosen))
        print(f"\n{table(days)}\n\nwritten to {_told(FOLDER / 'matrix.md')}")
    else:
        try:
            days = [one(chosen, (lambda _: None) if chosen.quiet else _say)]
        except ScenarioError as error:
            print(f"field-day: {error}", file=sys.stderr)
            return 2
        print(f"{days[0].told()}\nwritten to {_told(FOLDER / 'summary.json')}")
    return 0 if all(day.good for day in days) else 1


def _told(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _say(step: str) -> None:
    print(f"  {step}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
