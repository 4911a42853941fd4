"""What an exchange costs in round trips, statements, commits and bytes: exact counts with the real server, no times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from shared.catalogue import load_catalogue
from sync.over_http import HEADERS
from tests.bench.ours import BenchTablet
from tests.support.processes import Watched

UNIT = "long_khanh_a"
RECORDS = 150
CHANGED = 100


@dataclass(kw_only=True)
class Bench:
    """A server that counts, and the two tablets of a commune."""

    counts: str
    one: BenchTablet
    two: BenchTablet

    def counted(self) -> dict[str, int]:
        return dict(requests.get(self.counts, timeout=60).json())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    with Watched(["-m", "tests.bench.serve", str(folder / "server"), UNIT], folder / "server.log") as server:
        address, catalogue = f"http://127.0.0.1:{server.told['port']}", load_catalogue()
        one, two = (
            BenchTablet.enrol(folder / str(n), address, code, catalogue)
            for n, code in enumerate(server.told["codes"][UNIT])
        )
        one.exchange()
        records = one.enter(RECORDS)
        one.exchange()
        two.exchange()
        one.change(records[:CHANGED], 1)
        yield Bench(counts=f"http://127.0.0.1:{server.told['counts']}/", one=one, two=two)


def test_100_changed_records_come_in_one_round_trip_and_a_few_statements(bench: Bench) -> None:
    bench.one.exchange()
    before = bench.counted()
    cost = bench.two.counted(bench.two.exchange)
    after = bench.counted()
    assert cost.round_trips == 1
    assert after["queries"] - before["queries"] <= 10
    assert after["commits"] == before["commits"]
    assert 0 < cost.bytes_down < 60 * CHANGED


def test_nothing_new_costs_one_round_trip_three_statements_and_no_commit(bench: Bench) -> None:
    bench.two.exchange()
    queries = []
    first = before = bench.counted()
    for _ in range(4):
        cost = bench.two.counted(bench.two.exchange)
        after = bench.counted()
        assert cost.round_trips == 1
        queries.append(after["queries"] - before["queries"])
        before = after
    assert min(queries) <= 3  # once in a while the people's names are read again
    assert max(queries) <= 4
    assert before["commits"] == first["commits"]
    assert cost.bytes_up + cost.bytes_down <= 400
    bench.one.exchange()
    cost = bench.one.counted(bench.one.exchange)  # one has a log of its own to tell of
    assert cost.round_trips == 1
    assert cost.bytes_up + cost.bytes_down <= 400


def test_an_answer_to_a_tablet_has_no_headers_of_a_page(bench: Bench) -> None:
    request = bench.two.half.request()
    answer = requests.post(
        f"{bench.two.address}/api/exchange", data=request, headers={"Content-Type": HEADERS["Content-Type"]}, timeout=60
    )
    bench.two.half.receive(answer.content)
    pages = {"Content-Security-Policy", "X-Frame-Options", "Permissions-Policy", "Set-Cookie"}
    assert set(answer.headers) == {"Content-Length", "Date"}
    page = requests.get(f"{bench.two.address}/sign-in", timeout=60)
    assert pages - {"Set-Cookie"} <= set(page.headers)
