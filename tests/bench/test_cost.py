"""What an exchange costs in round trips, statements, commits and bytes: exact counts with the real server, no times."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from shared.catalogue import load_catalogue
from sync.over_http import HEADERS, post_message
from tests.bench.ours import BenchTablet
from tests.support.processes import Watched

UNIT, NEIGHBOUR, CROWDED = "long_khanh_a", "long_khanh_b", "long_thuan"
RECORDS = 150
CHANGED = 100
CROWD, TURNS = 40, 5
MOST_STATEMENTS = 100
"""Of a push of ten thousand lines: twenty batches with four each, and what its pages take before and behind them."""


@dataclass(kw_only=True)
class Bench:
    """A server that counts, the two tablets of a commune, one of another, and the codes of many of a third."""

    counts: str
    address: str
    codes: list[str]
    one: BenchTablet
    two: BenchTablet
    other: BenchTablet
    records: list[str]
    whole: int
    """Bytes of the changed records whole, packed by gzip."""

    def counted(self) -> dict[str, int]:
        return dict(requests.get(self.counts, timeout=60).json())

    def settled(self) -> dict[str, int]:
        """The counts once the housekeeper has put everything into columns."""
        seen: dict[str, int] = {}
        while (now := self.counted()) != seen or now["waiting"]:
            seen = now
        return now


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    words = ["-m", "tests.bench.serve", str(folder / "server"), UNIT, f"{NEIGHBOUR}:1", f"{CROWDED}:{CROWD}"]
    with Watched(words, folder / "server.log", {"SEN_BENCH_UNLIMITED": "1"}) as server:
        address, catalogue = f"http://127.0.0.1:{server.told['port']}", load_catalogue()
        one, two, other = (
            BenchTablet.enrol(folder / str(n), address, code, catalogue)
            for n, code in enumerate([*server.told["codes"][UNIT], *server.told["codes"][NEIGHBOUR]])
        )
        one.exchange()
        records = one.enter(RECORDS)
        whole = len(gzip.compress(b"\n".join(one.lines()[:CHANGED])))
        one.exchange()
        two.exchange()
        yield Bench(
            counts=f"http://127.0.0.1:{server.told['counts']}/", address=address, codes=server.told["codes"][CROWDED], one=one, two=two,
            other=other, records=records, whole=whole,
        )  # fmt: skip


def test_100_changed_records_come_in_one_round_trip_and_a_few_statements(bench: Bench) -> None:
    asked: list[int] = []
    for records in (bench.records[:CHANGED], bench.records[:10]):
        bench.one.change(records, len(asked))
        bench.one.exchange()
        before = bench.settled()
        cost = bench.two.counted(bench.two.exchange)
        after = bench.counted()
        assert cost.round_trips == 1
        assert after["commits"] == before["commits"]
        if records == bench.records[:CHANGED]:
            assert 0 < cost.bytes_up + cost.bytes_down < 0.25 * bench.whole
        asked.append(after["queries"] - before["queries"])
    assert asked[0] == asked[1] <= 6


def test_nothing_new_costs_one_round_trip_three_statements_and_no_commit(bench: Bench) -> None:
    bench.two.exchange()
    queries = []
    first = before = bench.settled()
    for _ in range(4):
        cost = bench.two.counted(bench.two.exchange)
        after = bench.counted()
        assert cost.round_trips == 1
        queries.append(after["queries"] - before["queries"])
        before = after
    assert min(queries) <= 3  # once in a while the people's names are read again
    assert max(queries) <= 4
    assert (before["commits"], before["contacts"]) == (first["commits"], first["contacts"])
    assert cost.bytes_up + cost.bytes_down <= 400
    bench.one.exchange()
    cost = bench.one.counted(bench.one.exchange)  # one has a log of its own to tell of
    assert cost.round_trips == 1
    assert cost.bytes_up + cost.bytes_down <= 400


def test_a_day_of_30_changes_goes_in_one_round_trip_and_nearly_the_bytes_of_gzip(bench: Bench) -> None:
    bench.one.enter(30)
    packed = len(gzip.compress(b"\n".join(bench.one.lines())))
    cost = bench.one.counted(bench.one.exchange)
    assert cost.round_trips == 1
    assert 0 < cost.bytes_up + cost.bytes_down < 1.25 * packed


def test_a_push_and_a_pull_cost_the_same_statements_however_much_is_held(bench: Bench) -> None:
    """Once with what there is, once with eight times as much, in the commune and beside it."""

    def statements() -> tuple[int, int]:
        bench.one.enter(20)
        counts = [bench.counted()["queries"]]
        for tablet in (bench.one, bench.two):
            tablet.exchange()
            counts.append(bench.counted()["queries"])
        return counts[1] - counts[0], counts[2] - counts[1]

    bench.two.exchange()
    bench.settled()
    few = min(statements() for _ in range(3))
    for tablet in (bench.one, bench.other):
        tablet.enter(7 * RECORDS)
        tablet.exchange()
    bench.two.exchange()
    bench.settled()
    assert min(statements() for _ in range(3)) <= few


def test_many_tablets_at_once_all_get_through_in_their_order(bench: Bench, tmp_path: Path) -> None:
    """Each exchange of theirs is one commit, and on SQLite none waits for a transaction that was asked for later."""
    catalogue = bench.one.catalogue
    crowd = [BenchTablet.enrol(tmp_path / str(n), bench.address, code, catalogue) for n, code in enumerate(bench.codes)]
    assert len(crowd) == CROWD
    failed: list[BaseException] = []
    before = bench.settled()

    def come(tablet: BenchTablet) -> None:
        try:
            for _ in range(TURNS):
                tablet.enter(4)
                request = tablet.half.request()
                tablet.half.receive(post_message(tablet.address, request))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=come, args=(tablet,)) for tablet in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(log.acknowledged == log.head.number for tablet in crowd for log in tablet.store.own_logs())
    after = bench.counted()
    assert after["commits"] - before["commits"] == CROWD * TURNS
    assert after["asked"] - before["asked"] >= CROWD * TURNS and after["overtaken"] == 0


def test_a_commune_beside_makes_no_push_read_its_own_lines_again(bench: Bench) -> None:
    """Others' lines have moved the stream's head, none of them into this tablet's parts: its push is answered unread."""
    bench.two.exchange()
    bench.one.exchange()

    def statements(*, neighbours: bool) -> int:
        if neighbours:
            bench.other.enter(3)
            bench.other.exchange()
        bench.one.enter(300)
        before = bench.settled()["queries"]
        bench.one.exchange()
        return bench.counted()["queries"] - before

    alone, beside = (min(statements(neighbours=there) for _ in range(3)) for there in (False, True))
    assert beside <= alone + 2


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


def test_l03_ten_thousand_lines_take_a_few_round_trips_each_with_one_commit(bench: Bench) -> None:
    """Twenty batches; tests/server/test_push_cost.py counts the statements."""
    bench.other.exchange()
    bench.other.enter(10_000)
    before = bench.settled()
    cost = bench.other.counted(bench.other.exchange)
    after = bench.counted()
    assert cost.round_trips <= 3
    assert after["commits"] - before["commits"] == cost.round_trips
    assert after["queries"] - before["queries"] <= MOST_STATEMENTS
