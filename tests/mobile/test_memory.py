"""What a tablet needs of memory to hand in and to fetch many records: little, and no more for more of them. A real server, processes of their own."""

from __future__ import annotations

from pathlib import Path

from tests.support.apart import apart
from tests.support.processes import Watched

UNIT = "long_khanh_a"
FEW, MANY = 15_000, 30_000
"""The fewer already fill a page of the largest size."""
MOST_MB = 64

NO_MORE_MB = 20
"""By how much the greatest memory may differ by chance: pages of SQLite's cache, of the allocator."""


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
