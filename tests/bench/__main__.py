"""`python3 sen.py bench`: push and pull 10 000 lines, ask when nothing is new, pull 100 changed records.

Writes build/bench/results.json. With `--quick` fewer lines move and the file is results-quick.json; `--check` holds the
figures against tests/bench/limits.yaml and fails where one is not kept.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from shared.catalogue import load_catalogue
from tests.bench import floor
from tests.bench.ours import BenchTablet, Cost
from tests.bench.results import Figure, breaches, table, write
from tests.support.processes import ROOT, Memory, Watched, memory_mb

UNIT = "long_khanh_a"
LINES, QUICK_LINES = 10_000, 1_000
CHANGED = 100
REPEATS, QUICK_REPEATS = 5, 2
QUIET = 100
"""Exchanges with nothing new that are timed together."""


class FloorSide:
    """The floor's client: packs and sends lines, asks for them and stores them as durably as it was sent them."""

    def __init__(self, folder: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.http = requests.Session()
        self.folder = folder
        self.stores = 0

    def push(self, lines: list[bytes]) -> None:
        """Send lines in one request."""
        body = gzip.compress(b"\n".join(lines), compresslevel=floor.GZIP_LEVEL)
        self.http.post(f"{self.address}/push", data=body, timeout=300).raise_for_status()

    def pull(self, after: int) -> int:
        """Take the lines behind a place into an empty store; gives how many."""
        answer = self.http.get(f"{self.address}/pull/{after}", timeout=300)
        lines = gzip.decompress(answer.content).split(b"\n")
        self.stores += 1
        connection = floor.database(self.folder / f"client{self.stores}.sqlite3")
        floor.store(connection, lines)
        connection.close()
        return len(lines)

    def ask(self) -> int:
        """Ask for the last place."""
        return int(self.http.get(f"{self.address}/head", timeout=60).json()["head"])


@dataclass(kw_only=True)
class Watch:
    """The server while something is measured: how long it took, what it asked of its database, what it held."""

    url: str
    pid: int
    start_mb: float
    seconds: float = 0.0
    queries: int = 0
    commits: int = 0
    memory_mb: float = 0.0

    def _counts(self) -> dict[str, int]:
        return dict(requests.get(self.url, timeout=10).json())

    @contextmanager
    def over(self) -> Iterator[None]:
        """Measure what happens in the block."""
        before = self._counts()
        with Memory(self.pid, self.start_mb) as memory:
            began = time.perf_counter()
            yield
            self.seconds = time.perf_counter() - began
        after = self._counts()
        self.memory_mb = memory.above_start_mb
        self.queries = after["queries"] - before["queries"]
        self.commits = after["commits"] - before["commits"]


def seconds(work: Callable[[], object]) -> float:
    """How long work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def figure(watch: Watch, cost: Cost, *, count: int, unit: str, floor_s: float, times: int = 1) -> Figure:
    """A figure of `count` things done in the watched time, `times` times over; the floor did them once in `floor_s`."""
    return Figure(
        value=count * times / watch.seconds, unit=unit, floor=count / floor_s, round_trips=cost.round_trips // times,
        bytes_up=cost.bytes_up // times, bytes_down=cost.bytes_down // times, queries=watch.queries // times,
        commits=watch.commits // times, memory_mb=watch.memory_mb,
    )  # fmt: skip


def measure(folder: Path, *, lines: int, repeats: int, tell: Callable[[str], None]) -> dict[str, Figure]:
    """Run everything in a folder of its own."""
    catalogue = load_catalogue()
    with (
        Watched(["-m", "tests.bench.serve", str(folder / "server"), "2", UNIT], folder / "server.log") as server,
        Watched(["-m", "tests.bench.floor", str(folder)], folder / "floor.log") as floor_server,
    ):
        watch = Watch(
            url=f"http://127.0.0.1:{server.told['counts']}/",
            pid=server.process.pid,
            start_mb=memory_mb(server.process.pid),
        )
        address = f"http://127.0.0.1:{server.told['port']}"
        low = FloorSide(folder, floor_server.told["port"])
        one, two = (
            BenchTablet.enrol(folder / name, address, code, catalogue)
            for name, code in zip(("one", "two"), server.told["codes"], strict=True)
        )
        one.exchange(Cost())
        two.exchange(Cost())
        return _figures(watch, low, one, two, lines=lines, repeats=repeats, tell=tell)


def _figures(
    watch: Watch,
    low: FloorSide,
    one: BenchTablet,
    two: BenchTablet,
    *,
    lines: int,
    repeats: int,
    tell: Callable[[str], None],
) -> dict[str, Figure]:
    told: dict[str, Figure] = {}
    tell(f"entering {lines} records on a tablet")
    records = one.enter(lines)
    sent = one.lines()

    tell("push")
    floor_s = seconds(lambda: low.push(sent))
    cost = Cost()
    with watch.over():
        one.exchange(cost)
    told["push_10000"] = figure(watch, cost, count=len(sent), unit="changes/s", floor_s=floor_s)

    tell("pull")
    floor_s = seconds(lambda: low.pull(0))
    cost = Cost()
    with watch.over():
        two.exchange(cost)
    told["pull_10000"] = figure(watch, cost, count=len(sent), unit="changes/s", floor_s=floor_s)

    tell("nothing new")
    low.ask()
    floor_s = seconds(lambda: [low.ask() for _ in range(QUIET)]) / QUIET
    two.exchange(Cost())
    cost = Cost()
    with watch.over():
        for _ in range(QUIET):
            two.exchange(cost)
    told["nothing_new"] = figure(watch, cost, count=1, unit="exchanges/s", floor_s=floor_s, times=QUIET)

    tell(f"pull {CHANGED} changed records")
    told["pull_100_changed"] = _changed(watch, low, one, two, records[:CHANGED], repeats)
    return told


def _changed(
    watch: Watch, low: FloorSide, one: BenchTablet, two: BenchTablet, records: list[str], repeats: int
) -> Figure:
    """The best of some runs, on both sides: what happens to this machine in between slows both."""
    runs: list[Figure] = []
    floor_s = float("inf")
    for step in range(repeats):
        one.change(records, step)
        lines = one.lines()
        after = low.ask()
        low.push(lines)
        floor_s = min(floor_s, seconds(lambda after=after: low.pull(after)))  # type: ignore[misc]
        one.exchange(Cost())
        cost = Cost()
        with watch.over():
            two.exchange(cost)
        runs.append(figure(watch, cost, count=len(records), unit="records/s", floor_s=floor_s))
    best = max(runs, key=lambda run: run.value)
    best.floor = len(records) / floor_s
    return best


def main(words: list[str] | None = None) -> int:
    """Measure, write, show, and check where asked."""
    parser = argparse.ArgumentParser(prog="python3 sen.py bench", description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_LINES} lines in place of {LINES}")
    parser.add_argument(
        "--check", action="store_true", help="fail where a limit of tests/bench/limits.yaml is not kept"
    )
    options = parser.parse_args(words)
    folder = ROOT / "build" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    figures = measure(
        folder / "run",
        lines=QUICK_LINES if options.quick else LINES,
        repeats=QUICK_REPEATS if options.quick else REPEATS,
        tell=lambda line: print(f"bench: {line}", flush=True),
    )
    path = folder / ("results-quick.json" if options.quick else "results.json")
    write(path, figures)
    print(table(figures))
    print(f"written to {path.relative_to(ROOT)}")
    broken = breaches(figures, Path(__file__).parent / "limits.yaml") if options.check else []
    for sentence in broken:
        print(f"limit: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
