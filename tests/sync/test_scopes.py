"""The stories of records and rights that move between units."""

import pytest

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.store import PartHead
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import OTHER, UNIT
from tests.sync.test_stories import Tablets, assert_all_show, quiet, type_in


def test_m28_made_and_moved_in_one_push(tablets: Tablets, server: PairServer, catalogue: Catalogue) -> None:
    record = new_record_id()
    type_in(tablets["A"], record, title="Chuyển ngay")
    type_in(tablets["A"], record, unit=OTHER)
    quiet(tablets, server)
    assert tablets["B"].values(record)["title"] == "Chuyển ngay"
    assert tablets["A"].digest() == tablets["B"].digest()


def test_m29_a_line_that_takes_the_record_to_be_elsewhere(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, unit=UNIT)
    type_in(tablets["B"], record, unit=OTHER)
    tablets["B"].write(record, "note", OTHER, {"unit": UNIT, "people": 3}, now_ms=NOON_MS)
    exchange(tablets["A"], server)
    assert_all_show(tablets, server, record, "people", 3)
    assert {tuple(tablet.told[record].units) for tablet in tablets.values()} == {tuple(server.state(record).units)} == {(UNIT,)}


def test_m30_a_change_outside_the_scope_settles(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["A"]
    type_in(tablet, record, people=48)
    move_scope(server, tablet, OTHER)
    exchange(tablet, server)
    assert server.values(record)["people"] == 48
    assert not tablet.unsettled and not tablet.told


def move_scope(server: PairServer, tablet: MemoryTablet, *units: str) -> None:
    known = server.devices[tablet.identity.id]
    scope = known.scope._replace(units=units, version=",".join(units))
    server.devices[tablet.identity.id] = known._replace(scope=scope)


def test_m20_a_part_is_taken_away(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["B"]
    move_scope(server, tablet, UNIT, OTHER)
    type_in(tablets["A"], record, people=48, topics=["gbv"])
    quiet(tablets, server)
    for unit in (OTHER, UNIT):
        move_scope(server, tablets["A"], UNIT, OTHER)
        exchange(tablets["A"], server)
        type_in(tablets["A"], record, unit=unit)
        exchange(tablets["A"], server)
        exchange(tablet, server)
    move_scope(server, tablet, UNIT)
    quiet(tablets, server)
    values = tablet.values(record)
    assert (values["title"], values["people"], values["topics"], values["unit"]) == ("Nói chuyện chuyên đề", 48, ["gbv"], UNIT)
    assert values == server.values(record)
    with server.reading() as reader:
        parts = reader.parts(tablet.identity.scope)
    assert sum(part.digest for part in parts) % (1 << 128) == tablet.digest()


def test_m07d_made_moved_and_urgent(server: PairServer, catalogue: Catalogue) -> None:
    near, far = (MemoryTablet(server.enrol(name, [unit]), catalogue) for name, unit in (("N", UNIT), ("F", OTHER)))
    record = new_record_id()
    near.write(record, "note", UNIT, {"people": 1}, now_ms=NOON_MS)
    near.write(record, "note", UNIT, {"unit": OTHER}, now_ms=NOON_MS)
    near.write(record, "note", OTHER, {"people": 2}, now_ms=NOON_MS, urgent=True)
    exchange(near, server, urgent=True)
    for tablet in (near, far, near, far):
        exchange(tablet, server)
    assert server.state(record).units == [UNIT, OTHER]
    assert near.digest() == far.digest() != 0
    assert near.values(record)["people"] == far.values(record)["people"] == 2


@pytest.mark.parametrize("page", [1, 1 << 16])
def test_m98_a_right_that_went_and_came(tablets: Tablets, server: PairServer, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what it needs; that its digests differ is not what tells it."""
    a, records = tablets["A"], [new_record_id() for _ in range(3)]
    monkeypatch.setattr(a.half, "heal", lambda *_: pytest.fail("the digests differed"))
    for record in records:
        type_in(a, record, title="Của A", people=1)
    exchange(a, server)
    for units in ((OTHER,), (UNIT,)):
        assert set(a.told) == set(records) if units == (OTHER,) else not a.told
        move_scope(server, a, *units)
        more = True
        while more:
            a.half.page = page
            more = a.half.receive(server.half.answer(a.half.request(), now_ms=NOON_MS)).more
    assert set(a.told) == set(records) and a.digest() == sum(part.digest for part in server_parts(server, a)) % (1 << 128)


def server_parts(server: PairServer, tablet: MemoryTablet) -> list[PartHead]:
    with server.reading() as reader:
        return list(reader.parts(tablet.identity.scope))
