"""Thirty days without a network on both sides: three thousand changes each way, and what is asked afterwards is what a plain count says."""

from __future__ import annotations

import gzip
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.store_tablet import StoreTablet
from tests.sync.conftest import UNIT

TYPE = "note"
RECORDS, CHANGES, DAYS = 400, 3000, 30
ALIKE, AGREED = 50, 9000
"""So many places get one answer from both; the numbers of those answers."""
DAY_MS = 86_400_000
ASKED = ("title", "people", "women", "held_on")
"""Fields of which two answers are asked about."""

Written = dict[tuple[str, str], object]
"""Record and field → what was written there last."""


@pytest.fixture
def engine(in_memory: Engine) -> Engine:
    """Thirty days are told once: both databases are told the stories that they are made of."""
    return in_memory


def value_of(field: str, n: int) -> object:
    """An answer that nobody else gives."""
    day = (date(2000, 1, 1) + timedelta(days=n)).isoformat()
    return n if field in ("people", "women") else day if field == "held_on" else f"Buổi {n} (dữ liệu mẫu)"


def away(tablet: StoreTablet, records: list[str], draw: random.Random, *, first: int) -> Written:
    """Change fields for thirty days; the last changes are answers that the other tablet gives too. Gives what was written last in each."""
    written: Written = {}
    agreed = [(record, field, AGREED + n) for n, record in enumerate(records[:ALIKE]) for field in ASKED[:1]]
    drawn = [(draw.choice(records), draw.choice(ASKED), first + n) for n in range(CHANGES - ALIKE)]
    with tablet.store.database.writing():  # a test need not wait for each one's disk
        for n, (record, field, number) in enumerate([*drawn, *agreed]):
            written[record, field] = value_of(field, number)
            tablet.write(record, TYPE, UNIT, {field: written[record, field]}, now_ms=NOON_MS + n * DAYS * DAY_MS // CHANGES)
    return written


def expected(mine: Written, theirs: Written) -> set[tuple[str, str]]:
    """Where both wrote and the last answers differ, and nowhere else."""
    return {place for place in mine.keys() & theirs.keys() if mine[place] != theirs[place]}


def values_at(tablet: StoreTablet, record: str, field: str) -> set[object]:
    """All answers that stand in a field: the one in use and the candidates."""
    state = tablet.show(record)
    assert state is not None
    return {held.value for held in state.registers[field].values}


def push(tablet: StoreTablet, server: PairServer, now_ms: int) -> tuple[int, int]:
    """One round trip; gives its bytes up and down."""
    request = tablet.half.request()
    answer = server.half.answer(request, now_ms=now_ms)
    assert not tablet.half.receive(answer).more
    return len(request), len(answer)


def test_f45_thirty_days_apart_ask_exactly_what_both_wrote_differently(server: PairServer, catalogue: Catalogue, tmp_path: Path) -> None:
    one, two = (StoreTablet(server.enrol(name, [UNIT]), catalogue, tmp_path / f"{name}.sqlite3") for name in "AB")
    records = [new_record_id() for _ in range(RECORDS)]
    for n, record in enumerate(records):
        one.write(record, TYPE, UNIT, {"title": f"Buổi đầu {n} (dữ liệu mẫu)", "people": 0, "women": 0, "held_on": "2022-04-30"}, now_ms=NOON_MS)
    exchange(one, server)  # type: ignore[arg-type]
    exchange(two, server)  # type: ignore[arg-type]
    draw, back_ms = random.Random(45), NOON_MS + DAYS * DAY_MS
    mine, theirs = away(one, records, draw, first=1), away(two, records, draw, first=4000)
    asked = expected(mine, theirs)
    assert len(asked) > 100 and len(mine.keys() - theirs.keys()) > 100, "they met, and they did not"

    lines = [line.body for log in one.lines_of.values() for line in log][RECORDS:]
    up, down = push(one, server, back_ms)
    assert len(lines) == CHANGES and up <= 1.1 * len(gzip.compress(b"\n".join(lines))) and down < 400
    assert exchange(two, server, now_ms=back_ms) <= 3  # type: ignore[arg-type]
    assert exchange(one, server, now_ms=back_ms) <= 3  # type: ignore[arg-type]
    assert exchange(two, server, now_ms=back_ms) == exchange(one, server, now_ms=back_ms) == 1  # type: ignore[arg-type]
    assert one.store.unsent_count() == two.store.unsent_count() == 0
    assert one.part_digests() == two.part_digests()
    for tablet in (one, two):
        assert {(record, path) for record in records for path in tablet.questions(record)} == asked
    for place in asked:
        assert values_at(one, *place) == values_at(two, *place) == {mine[place], theirs[place]}
    for place in mine.keys() | theirs.keys():
        if place not in asked:
            assert values_at(one, *place) == {mine.get(place, theirs.get(place))}
    assert {record: server.values(record) for record in records} == {record: two.values(record) for record in records}
