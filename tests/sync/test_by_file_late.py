"""Bundles and the network in any order: what is late, overlaps or was overtaken skips nothing and moves nothing back."""

import itertools
import random

import pytest
from sqlalchemy import Engine

from shared.ids import new_record_id
from tests.support.bundles import Courier, assert_equal, place
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.sync.conftest import OTHER, UNIT
from tests.sync.test_exchange import Tablets, fill
from tests.sync.test_going_back import a_gap_that_nobody_fills
from tests.sync.test_restores import at_console, texts
from tests.sync.test_stories import quiet, type_in

DAY_MS = 86_400_000


@pytest.fixture
def engine(in_memory: Engine) -> Engine:
    """Bundles are another way to the same half of the server, which is told its stories on both databases without them."""
    return in_memory


@pytest.mark.parametrize("seed", range(60))
def test_f47_bundles_and_network_in_any_order_converge(tablets: Tablets, server: PairServer, courier: Courier, seed: int) -> None:
    """Months of bundles that are late, lost, twice and in any order, with the network now and then: nothing skipped, nothing moved back."""
    chance, day = random.Random(seed), NOON_MS
    records: list[str] = []
    requests: list[list[bytes]] = []
    answers: list[tuple[str, list[bytes]]] = []
    for _ in range(60):
        day += DAY_MS
        name = chance.choice("ABC")
        tablet = tablets[name]
        deed = chance.choices(("new", "edit", "write", "answer", "keep", "network", "urgent"), (2, 4, 4, 5, 6, 1, 1))[0]
        seen = [record for record in records if tablet.show(record) is not None]
        if deed == "new" or (deed == "edit" and not seen):
            records += [new_record_id()]
            tablet.write(records[-1], "note", UNIT, {"title": f"{name} {day}", "people": 1}, now_ms=day, urgent=chance.random() < 0.2)
        elif deed == "edit":
            tablet.write(chance.choice(seen), "note", UNIT, {"people": chance.randrange(1000), "story": f"{name} {day}"}, now_ms=day)
        elif deed == "write":
            requests.append(courier.request(tablet, now_ms=day))
        elif deed == "answer" and requests:
            parts = chance.choice(requests)
            chance.shuffle(parts)
            told = courier.brought(parts, now_ms=day)
            owner = next(one for one, held in tablets.items() if held.identity.id == told.device)
            answers.append((owner, courier.answer(parts, now_ms=day)))
        elif deed == "keep" and answers:
            owner, parts = chance.choice(answers)
            before, acknowledged = place(tablets[owner]), dict(tablets[owner].acknowledged)
            courier.keep(tablets[owner], parts)
            assert place(tablets[owner]) >= before
            assert all(tablets[owner].acknowledged[log] >= number for log, number in acknowledged.items())
        elif deed in ("network", "urgent"):
            exchange(tablet, server, now_ms=day, urgent=deed == "urgent")
    for _ in range(3):
        for tablet in tablets.values():
            courier.journey(tablet, now_ms=day)
    assert all(set(tablet.told) == set(records) for tablet in tablets.values())
    assert_equal(tablets, server)
    assert len(set(server.verdicts())) <= 1


def test_f47_an_answer_made_before_an_urgent_exchange_takes_nothing_back(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    a.write(new_record_id(), "note", UNIT, {"title": "Khẩn 1"}, now_ms=NOON_MS, urgent=True)
    answer = courier.answer(courier.request(a))
    a.write(new_record_id(), "note", UNIT, {"title": "Khẩn 2"}, now_ms=NOON_MS, urgent=True)
    exchange(a, server, urgent=True)
    assert not courier.keep(a, answer).overtaken
    assert a.acknowledged[a.urgent] == 2 and len(a.unsettled) == 1


def test_f47_no_page_of_an_overlapping_answer_moves_the_cursor_back(
    tablets: Tablets, server: PairServer, courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.by_file.PAGE", 2000)
    a, b = tablets["A"], tablets["B"]
    fill(b, 100, story="x" * 300)
    exchange(b, server)
    courier.journey(a)
    first, behind = courier.request(a), courier.request(a)
    fill(b, 100, story="x" * 300)
    exchange(b, server)
    courier.keep(a, courier.answer(first))
    fill(b, 100, story="x" * 300)
    exchange(b, server)
    reached, whole, places = place(a), a.keep, []

    def watched(page: object) -> None:
        whole(page)  # type: ignore[arg-type]
        places.append(place(a))

    monkeypatch.setattr(a, "keep", watched)
    courier.keep(a, courier.answer(behind))
    assert len(places) > 5 and set(places[:-1]) == {reached} and places[-1] > reached
    assert a.digest() == b.digest()


def test_f47_an_answer_of_an_old_scope_still_says_what_was_read(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    empty = courier.request(a)
    fill(a, 2)
    full = courier.request(a)
    device = server.devices[a.identity.id]
    server.devices[device.id] = device._replace(scope=device.scope._replace(units=(OTHER, UNIT), version="wider"))
    assert not courier.keep(a, courier.answer(empty)).overtaken
    kept = courier.keep(a, courier.answer(full))
    assert kept.overtaken and kept.read == 2 and a.acknowledged[a.main] == 2
    courier.journey(a)
    assert not a.unsettled


def by_files(tablets: Tablets, courier: Courier, times: int = 4) -> None:
    """Let every tablet send and read bundles until all is quiet."""
    for _ in range(times):
        for tablet in tablets.values():
            courier.journey(tablet)


@pytest.mark.parametrize("order", list(itertools.permutations("ABC")))
def test_f47_m08_a_restored_server_gets_back_by_files_what_it_forgot(
    tablets: Tablets, server: PairServer, courier: Courier, record: str, order: tuple[str, ...]
) -> None:
    type_in(tablets["D"], record, people=1)
    quiet(tablets, server)
    backup = server.save()
    type_in(tablets["A"], record, people=2)
    for name in "AB":
        courier.journey(tablets[name])
    at_console(server, record, "women", 9)
    type_in(tablets["B"], record, people=3)
    for name in "BC":
        courier.journey(tablets[name])
    server.restore(backup)
    for name in order:
        courier.journey(tablets[name])
    by_files(tablets, courier)
    assert (server.values(record)["people"], server.values(record)["women"]) == (3, 9)
    assert 2 in texts(server, record)
    assert_equal(tablets, server)
    assert not any(tablet.owes() for tablet in tablets.values())
    assert all(not courier.journey(tablet).again for tablet in tablets.values())


def test_f47_f22_twins_that_send_by_files_lose_nothing(tablets: Tablets, server: PairServer, courier: Courier, record: str) -> None:
    a = tablets["A"]
    type_in(a, record, people=7)
    twins = {"E": a.clone(), "F": a.clone()}
    tablets |= twins
    type_in(twins["E"], record, women=3)
    type_in(twins["F"], record, title="Bản sao ghi")
    for name in ("E", "A", "F"):
        courier.journey(tablets[name])
    type_in(a, record, people=8)
    type_in(twins["F"], record, title="Bản sao ghi tiếp")
    by_files(tablets, courier)
    values = server.values(record)
    assert (values["people"], values["women"], values["title"]) == (8, 3, "Bản sao ghi tiếp")
    assert texts(server, record).count(7) == 1
    assert_equal(tablets, server)


def test_f47_a_tablet_that_went_back_is_noticed_by_its_bundle(tablets: Tablets, server: PairServer, courier: Courier, record: str) -> None:
    a = tablets["A"]
    copy = a.save()
    type_in(a, record, people=7)
    courier.journey(a)
    a.restore(copy)
    type_in(a, record, women=5)
    logs = {log.log for log in a.own_logs()}
    by_files(tablets, courier)
    assert server.values(record)["people"] == 7 and server.values(record)["women"] == 5
    type_in(a, record, people=8)
    by_files(tablets, courier)
    assert server.values(record)["people"] == 8 and logs.isdisjoint({a.main, a.urgent})
    assert_equal(tablets, server)


def test_f47_an_older_request_read_after_a_newer_one_takes_nothing_back(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(a, 2)
    first = courier.request(a)
    fill(a, 2)
    second = courier.request(a)
    courier.brought(second)
    told = courier.brought(first)
    assert (told.new, told.lacking) == (0, 0)
    assert courier.keep(a, courier.answer(first)).read == 4
    assert a.acknowledged[a.main] == 4 and {a.main} == set(a.lines_of) - {a.urgent}


def test_m93_f47_what_nobody_has_holds_no_bundle_up(tablets: Tablets, server: PairServer, courier: Courier, record: str) -> None:
    a_gap_that_nobody_fills(tablets, server, record)
    b = tablets["B"]
    for _ in range(3):
        courier.journey(b)
    assert {1, 2} <= set(texts(server, record))
    assert b.identity.scope.units == (OTHER,) and not b.told
