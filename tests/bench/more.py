"""What `bench` measures beside its four things: how an exchange grows with what is held, a crowd at eight o'clock, a day on 2G.

Each starts a server of its own, and gives counts and times as a `Counted`.
"""

from __future__ import annotations

import gzip
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from shared.catalogue import Catalogue
from shared.errors import SenError
from tests.bench.ours import BenchTablet, Cost
from tests.bench.results import Counted
from tests.support.databases import fresh_database
from tests.support.link import LINKS
from tests.support.processes import Watched

NEW = 30
"""Changes that are new in an exchange whose growth is measured, and in a commune's day."""

REPEATS = 21
PUSHES = 20
"""How often each tablet pushes, one after the other, where districts are compared."""
COMMUNES = (
    "long_khanh_a", "long_khanh_b", "long_thuan", "phu_thuan_a", "phu_thuan_b", "thuong_lac", "thuong_phuoc_1", "thuong_phuoc_2",
    "thuong_thoi_hau_a", "thuong_thoi_hau_b",
)  # fmt: skip
MINUTE_S = 60.0
STEP = 10_000
"""Lines that are entered and pushed at once where many are to be held."""

__all__ = ["crowd", "day_on_2g", "districts", "growth"]


@contextmanager
def _served(
    folder: Path, units: Sequence[str], *, database: str = "sqlite", officers: int = 2, **settings: str
) -> Iterator[Watched]:
    """A server of its own on an empty database; its enrolments are not limited, for they are not what is measured."""
    with fresh_database(database, folder / "database") as setting:
        words = ["-m", "tests.bench.serve", str(folder / "server"), *(f"{unit}:{officers}" for unit in units)]
        environment = {"SEN_DATABASE": setting, "SEN_BENCH_UNLIMITED": "1", **settings}
        with Watched(words, folder / "server.log", environment) as server:
            yield server


def _tablets(server: Watched, folder: Path, catalogue: Catalogue) -> dict[str, list[BenchTablet]]:
    address, made = f"http://127.0.0.1:{server.told['port']}", dict[str, list[BenchTablet]]()
    for unit, codes in server.told["codes"].items():
        made[unit] = [BenchTablet.enrol(folder / f"{unit}-{n}", address, code, catalogue) for n, code in enumerate(codes)]
        for tablet in made[unit]:
            tablet.exchange()
    return made


def growth(folder: Path, catalogue: Catalogue, sizes: Sequence[int], *, database: str, tell: Callable[[str], None]) -> Counted:
    """What it takes to push and to pull `NEW` changes, while the commune's district holds more and more records.

    In milliseconds of processor time, both sides and PostgreSQL together, which other work on the machine changes little, without what the
    server does when nobody waits for it; of `REPEATS` the median, and `mean` of all of them. `slope` is the median at the last size over
    that at the first: 1 where it does not depend on how much is held.
    """
    here, beside = COMMUNES[:2]
    found: dict[str, float] = {}
    with _served(folder, (here, beside), database=database) as server:
        tablets = _tablets(server, folder, catalogue)
        (one, two), other = tablets[here], tablets[beside][0]
        held = 0
        for size in sizes:
            tell(f"growth on {database}: {size} records")
            while held < size:
                other.enter(min(STEP, size - held))
                held = min(size, held + STEP)
                other.exchange()
            two.exchange()
            _settle(server)
            took: dict[str, list[float]] = {"push": [], "pull": []}
            for _ in range(REPEATS):
                one.enter(NEW)
                for way, tablet in (("push", one), ("pull", two)):
                    took[way].append(_busy_ms(server, tablet.exchange))
                _settle(server)
            for way, spent in took.items():
                found |= {f"{way}_{size}_ms": statistics.median(spent), f"{way}_{size}_mean_ms": statistics.mean(spent)}
    for way in ("push", "pull"):
        found[f"{way}_slope"] = found[f"{way}_{sizes[-1]}_ms"] / found[f"{way}_{sizes[0]}_ms"]
    slopes = ", ".join(f"a {way} takes {found[f'{way}_slope']:.2f} times as long" for way in ("push", "pull"))
    tell(f"growth on {database}, from {sizes[0]} to {sizes[-1]} records: {slopes}")
    return Counted(found)


def _settle(server: Watched) -> None:
    """Wait until the server has done what it does behind a push."""
    while _counts(server)["waiting"]:
        time.sleep(0.1)


def _counts(server: Watched) -> dict[str, Any]:
    told: dict[str, Any] = requests.get(f"http://127.0.0.1:{server.told['counts']}/", timeout=60).json()
    return told


def _busy_ms(server: Watched, work: Callable[[], Any]) -> float:
    """Milliseconds of processor time that some work takes here and at the server, each thread by its own clock."""
    before = _counts(server)["busy_ns"]
    began = time.process_time_ns()
    work()
    here = time.process_time_ns() - began
    return float(here + _counts(server)["busy_ns"] - before) / 1e6


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def crowd(folder: Path, catalogue: Catalogue, *, each: int = 20, over_s: float = MINUTE_S, changes: int = 10, seed: int = 8) -> Counted:
    """Ten communes' tablets, `each` of a commune, that all send a few changes and pull their neighbours' within a minute."""
    turns = random.Random(seed)
    with _served(folder, COMMUNES, officers=each) as server:
        tablets = [tablet for unit in _tablets(server, folder, catalogue).values() for tablet in unit]
        for tablet in tablets:
            tablet.enter(changes)
        took, failed, lock = list[float](), list[str](), threading.Lock()
        begin = threading.Event()

        def come(tablet: BenchTablet, at_s: float) -> None:
            begin.wait()
            time.sleep(at_s)  # the tablets come when they come: this is what is measured, not a wait for something
            began = time.perf_counter()
            try:
                tablet.exchange()
            except SenError as error:
                with lock:
                    failed.append(error.code)
            with lock:
                took.append(time.perf_counter() - began)

        threads = [threading.Thread(target=come, args=(tablet, turns.uniform(0, over_s))) for tablet in tablets]
        for thread in threads:
            thread.start()
        began = time.perf_counter()
        begin.set()
        for thread in threads:
            thread.join()
        told = {"tablets": len(tablets), "failed": len(failed), "all_s": time.perf_counter() - began}
        told |= {"median_ms": statistics.median(took) * 1000, "slowest_ms": max(took) * 1000}
        told["overtaken"] = _counts(server)["overtaken"]
        told["unsent"] = sum(log.head.number - log.acknowledged for tablet in tablets for log in tablet.store.own_logs())
    return Counted(told)


def districts(folder: Path, catalogue: Catalogue, *, commit_ms: int = 20, rounds: int = 3) -> Counted:
    """Pushes a second of four tablets of one district, and of two tablets each of two, on a PostgreSQL whose every commit takes 20 ms more.

    So many that somebody waits for each district's lock at any time: what is compared is what a lock lets through, and not what a
    tablet does between two pushes. `ratio` is the second over the first: a district's lock is held for its own commits alone.
    """
    first, second, elsewhere = "long_khanh_a", "long_thuan", "xa_long_khanh"
    with _served(folder, (first, second, elsewhere), database="postgresql", SEN_BENCH_COMMIT_MS=str(commit_ms)) as server:
        held = _tablets(server, folder, catalogue)
        took = {"one": 0.0, "two": 0.0}
        for _ in range(rounds):
            for name, pair in (("one", (first, second)), ("two", (first, elsewhere))):
                threads = [threading.Thread(target=_turns, args=(tablet,)) for unit in pair for tablet in held[unit]]
                took[name] += _seconds(lambda threads=threads: _run(threads))  # type: ignore[misc]
    pushes = len(threads) * PUSHES * rounds
    return Counted({"one_per_s": pushes / took["one"], "two_per_s": pushes / took["two"], "ratio": took["one"] / took["two"]})


def _turns(tablet: BenchTablet) -> None:
    for _ in range(PUSHES):
        tablet.enter(1)
        tablet.exchange()


def _run(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def day_on_2g(folder: Path, catalogue: Catalogue, *, link: str = "2g") -> Counted:
    """A commune's day of `NEW` changes, sent over a link of 9.6 kbit/s with a second of latency; bytes beside gzip of the lines."""
    with _served(folder, COMMUNES[:1]) as server:
        one = _tablets(server, folder, catalogue)[COMMUNES[0]][0]
        one.enter(NEW)
        floor = len(gzip.compress(b"\n".join(one.lines())))
        cost, began = Cost(), time.perf_counter()
        cost = one.counted(one.exchange, LINKS[link])
        took = time.perf_counter() - began
    return Counted({
        "round_trips": cost.round_trips, "bytes": cost.bytes_up + cost.bytes_down, "gzip_bytes": floor,
        "bytes_ratio": (cost.bytes_up + cost.bytes_down) / floor, "seconds": took,
    })  # fmt: skip
