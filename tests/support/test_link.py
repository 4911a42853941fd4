"""Links as numbers: when a segment passes, and which exchanges go wrong."""

from __future__ import annotations

import itertools

import pytest

from tests.support.link import LINKS, Link, Pace, Schedule


def test_a_slow_link_passes_a_segment_after_its_latency_and_its_length() -> None:
    pace = Pace(Link(name="slow", bytes_per_second=100, latency_s=2), "seed")
    assert pace.passes_at(50, now=10) == 12.5
    assert pace.passes_at(100, now=10) == 13.5  # waits for the first


def test_segments_keep_their_order_when_one_is_held() -> None:
    pace = Pace(Link(name="held", hold_share=0.5, hold_s=3), "seed")
    arrivals = [pace.passes_at(1, now=n / 10) for n in range(200)]
    assert arrivals == sorted(arrivals)
    held = [a for a, b in itertools.pairwise(arrivals) if b - a >= 3]
    assert held


def test_a_clean_link_holds_nothing() -> None:
    pace = Pace(LINKS["clean"], "seed")
    assert [pace.passes_at(10**6, now=n) for n in range(5)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("name", "in_20"), [("clean", 0), ("2g", 1), ("cutting", 7)])
def test_every_20_exchanges_have_the_faults_of_the_link(name: str, in_20: int) -> None:
    schedule = Schedule(LINKS[name], seed=4)
    for block in range(10):
        faults = [schedule.fault(block * 20 + n) for n in range(20)]
        assert sum(f is not None for f in faults) == in_20
        assert all(f.kind in LINKS[name].faults and 1 <= f.at <= 65536 for f in faults if f)


def test_the_same_seed_gives_the_same_day_and_another_another() -> None:
    days = [[Schedule(LINKS["cutting"], seed).fault(n) for n in range(200)] for seed in (7, 7, 8)]
    assert days[0] == days[1] != days[2]
    assert {f.kind for f in days[0] if f} == set(LINKS["cutting"].faults)
