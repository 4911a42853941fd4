"""`python3 sen.py bench`: push and pull 10 000 lines, ask when nothing is new, pull 100 changed records; then growth, a crowd, 2G.

Writes build/bench/results.json. With `--quick` fewer lines move, what comes behind the four is left out, and the file is
results-quick.json; `--check` holds the figures against tests/bench/limits.yaml and fails where one is not kept.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from shared.catalogue import load_catalogue
from tests.bench import floor
from tests.bench.memory import memory
from tests.bench.more import crowd, day_on_2g, districts, growth
from tests.bench.ours import BenchTablet, Cost
from tests.bench.results import Counted, Figure, breaches, table, write
from tests.support.processes import ROOT, Memory, Watched, memory_mb

UNITS = ("long_khanh_a", "long_thuan", "phu_thuan_a", "thuong_lac")
"""Communes with two tablets each: in the first bytes and round trips are counted, in the others time is taken."""

LINES, QUICK_LINES = 10_000, 1_000
CHANGED = 100
REPEATS, QUICK_REPEATS = 5, 2
RECORDS, GROWTH = 100_000, (1_000, 10_000, 100_000, 1_000_000)
FEW, MANY = 10_000, 100_000
"""Lines for which the memory of both sides is compared."""

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
    contacts: int = 0
    memory_mb: float = 0.0

    def _counts(self) -> dict[str, int]:
        return dict(requests.get(self.url, timeout=10).json())

    def settle(self) -> None:
        """Wait until the server has done what it does behind a push, so that it does not count as the pull's."""
        while self._counts()["waiting"]:
            time.sleep(0.1)

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
        self.contacts = after["contacts"] - before["contacts"]


def seconds(work: Callable[[], object]) -> float:
    """How long work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass(kw_only=True)
class Taken:
    """The turns of one thing: ours and the floor's follow each other, so that what else the machine does meets both.

    The rates are those of all turns together; of statements the fewest of a turn count, for the people's names are read again now and then;
    commits are those of all turns over how often the thing was done, so that one too many in a hundred shows. Memory is the greatest.
    """

    unit: str
    count: int
    cost: Cost
    done: int = 0
    floor_s: float = 0.0
    ours_s: float = 0.0
    queries: list[float] = field(default_factory=list)
    commits: int = 0
    contacts: int = 0
    memory_mb: float = 0.0
    gzip_bytes: int = 0

    def turn(self, watch: Watch, floor: Callable[[], object], ours: Callable[[], None], *, times: int = 1) -> None:
        """One turn of each side; `times`: how often each does its thing within the turn."""
        self.floor_s += seconds(lambda: [floor() for _ in range(times)])
        with watch.over():
            for _ in range(times):
                ours()
        self.done += times
        self.ours_s += watch.seconds
        self.queries.append(watch.queries / times)
        self.commits += watch.commits
        self.contacts += watch.contacts
        self.memory_mb = max(self.memory_mb, watch.memory_mb)

    def packed(self, lines: list[bytes]) -> None:
        """Take note of what the lines (or the changed records whole) are in gzip."""
        self.gzip_bytes = len(gzip.compress(b"\n".join(lines)))

    def figure(self) -> Figure:
        """As it is written."""
        return Figure(
            value=self.count * self.done / self.ours_s, unit=self.unit, floor=self.count * self.done / self.floor_s,
            round_trips=self.cost.round_trips, bytes_up=self.cost.bytes_up, bytes_down=self.cost.bytes_down,
            queries=min(self.queries), commits=self.commits / self.done, contacts=self.contacts, memory_mb=self.memory_mb,
            bytes_ratio=(self.cost.bytes_up + self.cost.bytes_down) / self.gzip_bytes if self.gzip_bytes else None,
        )  # fmt: skip


def measure(folder: Path, *, lines: int, repeats: int, tell: Callable[[str], None]) -> dict[str, Figure]:
    """Run everything in a folder of its own."""
    catalogue = load_catalogue()
    with (
        Watched(["-m", "tests.bench.serve", str(folder / "server"), *UNITS], folder / "server.log") as server,
        Watched(["-m", "tests.bench.floor", str(folder)], folder / "floor.log") as floor_server,
    ):
        watch = Watch(
            url=f"http://127.0.0.1:{server.told['counts']}/",
            pid=server.process.pid,
            start_mb=memory_mb(server.process.pid),
        )
        address = f"http://127.0.0.1:{server.told['port']}"
        low = FloorSide(folder, floor_server.told["port"])
        pairs = []
        for unit, codes in server.told["codes"].items():
            pair = [BenchTablet.enrol(folder / f"{unit}-{n}", address, code, catalogue) for n, code in enumerate(codes)]
            for tablet in pair:
                tablet.exchange()
            pairs.append((pair[0], pair[1]))
        return _figures(watch, low, pairs, lines=lines, repeats=repeats, tell=tell)


def _figures(
    watch: Watch,
    low: FloorSide,
    pairs: list[tuple[BenchTablet, BenchTablet]],
    *,
    lines: int,
    repeats: int,
    tell: Callable[[str], None],
) -> dict[str, Figure]:
    """Each commune's first tablet writes and pushes, its second pulls; the first commune is counted, the others are timed."""
    push = Taken(unit="changes/s", count=lines, cost=Cost())
    pull = Taken(unit="changes/s", count=lines, cost=Cost())
    records: list[str] = []
    for n, (one, two) in enumerate(pairs):
        tell(f"commune {n + 1} of {len(pairs)}: {lines} records are entered, pushed and pulled")
        records = one.enter(lines)
        sent = one.lines()
        after = low.ask()
        if n == 0:
            low.push(sent)
            push.packed(sent)
            pull.packed(sent)
            push.cost, pull.cost = one.counted(one.exchange), two.counted(two.exchange)
            watch.settle()
            continue
        push.turn(watch, lambda sent=sent: low.push(sent), one.exchange)  # type: ignore[misc]
        watch.settle()
        pull.turn(watch, lambda after=after: low.pull(after), two.exchange)  # type: ignore[misc]

    tell("nothing new")
    two.exchange()
    quiet = Taken(unit="exchanges/s", count=1, cost=two.counted(two.exchange))
    for _ in range(repeats):
        quiet.turn(watch, low.ask, two.exchange, times=QUIET // repeats)

    tell(f"pull {CHANGED} changed records")
    changed = Taken(unit="records/s", count=CHANGED, cost=Cost())
    changed.packed(sent[:CHANGED])  # the records of the commune that was entered last
    for step in range(repeats + 1):
        one.change(records[:CHANGED], step)
        after = low.ask()
        low.push(one.lines())
        one.exchange()
        if step == 0:
            changed.cost = two.counted(two.exchange)
        else:
            changed.turn(watch, lambda after=after: low.pull(after), two.exchange)  # type: ignore[misc]
    taken = {"push_10000": push, "pull_10000": pull, "nothing_new": quiet, "pull_100_changed": changed}
    return {name: one_taken.figure() for name, one_taken in taken.items()}


def _tell(line: str) -> None:
    print(f"bench: {line}", flush=True)


def measure_more(folder: Path, *, records: int) -> dict[str, Counted]:
    """What takes long, each on a server of its own."""
    catalogue, found = load_catalogue(), dict[str, Counted]()
    for database in ("sqlite", "postgresql"):
        sizes = [size for size in GROWTH if size < records] + [records]
        found[f"growth_{database}"] = growth(folder / f"growth-{database}", catalogue, sizes, database=database, tell=_tell)
    _tell("two districts on PostgreSQL whose commits take 20 ms more")
    found["districts"] = districts(folder / "districts", catalogue)
    _tell("200 tablets in a minute")
    found["crowd"] = crowd(folder / "crowd", catalogue)
    _tell("a day on 2G")
    found["day_on_2g"] = day_on_2g(folder / "day", catalogue)
    return found | memory(folder / "memory", FEW, MANY, tell=_tell)


def main(words: list[str] | None = None) -> int:
    """Measure, write, show, and check where asked."""
    parser = argparse.ArgumentParser(prog="python3 sen.py bench", description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_LINES} lines in place of {LINES}, and nothing behind the four")
    parser.add_argument("--records", type=int, default=RECORDS, help=f"the growth's greatest number of records (default {RECORDS})")
    parser.add_argument(
        "--check", action="store_true", help="fail where a limit of tests/bench/limits.yaml is not kept"
    )
    options = parser.parse_args(words)
    folder = ROOT / "build" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    figures: dict[str, Figure | Counted] = {
        **measure(
            folder / "run",
            lines=QUICK_LINES if options.quick else LINES,
            repeats=QUICK_REPEATS if options.quick else REPEATS,
            tell=_tell,
        )
    }
    if not options.quick:
        figures |= measure_more(folder / "run", records=options.records)
    path = folder / ("results-quick.json" if options.quick else "results.json")
    write(path, figures)
    print(table(figures))
    print(f"written to {path.relative_to(ROOT)}")
    limits = Path(__file__).parent / "limits.yaml"
    broken = breaches(figures, limits, only=figures if options.quick else None) if options.check else []
    for sentence in broken:
        print(f"limit: {sentence}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
