"""Exchanges by bundles: late, lost, twice, overtaken by another bundle or by the network; two real halves, a real ledger."""

import pytest
from sqlalchemy import Engine, text

from shared.ids import new_record_id
from shared.sealing import BoxKeys
from sync.clock import Time
from sync.errors import FrameFault
from sync.messages import seal_message
from tests.support.bundles import Courier, assert_equal, everything, place
from tests.support.pair import NOON_MS, STREAM, PairServer, exchange
from tests.sync.conftest import OTHER, UNIT
from tests.sync.test_exchange import Tablets, fill


@pytest.fixture
def engine(in_memory: Engine) -> Engine:
    """Bundles are another way to the same half of the server, which is told its stories on both databases without them."""
    return in_memory


def test_two_tablets_sync_by_bundles_alone_and_decide_a_conflict(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a, b = tablets["A"], tablets["B"]
    record = fill(a, 3)[0]
    assert courier.journey(a).read == 3
    assert courier.journey(b).received == 3
    a.write(record, "note", UNIT, {"people": 72}, now_ms=NOON_MS)
    b.write(record, "note", UNIT, {"people": 68}, now_ms=NOON_MS)
    for tablet in (a, b, a):
        courier.journey(tablet)
    assert a.questions(record) == b.questions(record) == ["people"]
    b.decide(record, "people", 75, now_ms=NOON_MS)
    for tablet in (b, a, tablets["C"], tablets["D"]):
        courier.journey(tablet)
    assert {tablet.values(record)["people"] for tablet in tablets.values()} == {75} == {server.values(record)["people"]}
    assert_equal(tablets, server)


def test_all_pages_go_in_one_bundle_and_come_in_one(tablets: Tablets, server: PairServer, courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.by_file.PAGE", 2000)
    fill(tablets["A"], 300, story="x" * 300)
    parts = courier.request(tablets["A"])
    assert len(parts) > 3
    told = courier.brought(parts)
    assert told.new == 300 and server.verdicts() == [""] * 300
    answer = courier.answer(courier.request(tablets["B"]))
    kept = courier.keep(tablets["B"], answer)
    assert kept.received == 300 and kept.pages == kept.told > 10 and not kept.again
    assert courier.journey(tablets["A"]).read == 300
    assert tablets["A"].digest() == tablets["B"].digest()


def test_f47_a_request_read_twice_adds_nothing(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    fill(tablets["A"], 5)
    parts = courier.request(tablets["A"])
    assert courier.brought(parts).new == 5
    again = courier.brought(parts)
    assert (again.told, again.new, again.lacking) == (5, 0, 0)
    assert len(server.verdicts()) == 5


def test_f47_an_answer_read_twice_changes_nothing(tablets: Tablets, courier: Courier) -> None:
    fill(tablets["A"], 5)
    courier.journey(tablets["A"])
    answer = courier.answer(courier.request(tablets["B"]))
    first = courier.keep(tablets["B"], answer)
    assert first.received == 5 and not first.overtaken
    before = everything(tablets["B"])
    again = courier.keep(tablets["B"], answer)
    assert again.overtaken and again.received == again.read == 0
    assert everything(tablets["B"]) == before


def test_f47_a_lost_bundle_is_made_good_by_the_next(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(a, 2)
    courier.request(a)  # lost on the way there
    fill(a, 2)
    courier.answer(courier.request(a))  # lost on the way back
    fill(a, 2)
    assert courier.journey(a).read == 6
    assert len(server.verdicts()) == 6 and not a.unsettled


def test_f47_answers_in_the_wrong_order(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a, b = tablets["A"], tablets["B"]
    fill(b, 2)
    exchange(b, server)
    fill(a, 1)
    first = courier.answer(courier.request(a))
    fill(b, 2)
    exchange(b, server)
    fill(a, 1)
    second = courier.answer(courier.request(a))
    assert courier.keep(a, second).read == 2
    before = everything(a)
    assert courier.keep(a, first).overtaken
    assert everything(a) == before
    assert len(a.told) == 6 and not a.unsettled


def test_f47_an_answer_that_begins_further_back_still_brings_what_lacks(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a, b = tablets["A"], tablets["B"]
    fill(b, 2)
    exchange(b, server)
    fill(a, 1)
    first, behind = courier.request(a), courier.request(a)
    courier.keep(a, courier.answer(first))
    reached = place(a)
    mine = fill(a, 1)
    fill(b, 3)
    exchange(b, server)
    kept = courier.keep(a, courier.answer(behind))
    assert not kept.overtaken and kept.pages == 1 and place(a) > reached
    assert len(a.told) == 6 and a.values(mine[0])["people"] == 0 and len(a.unsettled) == 1
    courier.journey(a)
    courier.journey(b)
    assert a.digest() == b.digest()


def test_f47_a_bundle_older_than_the_network_sync(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a, b = tablets["A"], tablets["B"]
    record = fill(a, 3)[0]
    request = courier.request(a)
    answer = courier.answer(request)
    exchange(a, server)
    exchange(b, server)
    b.write(record, "note", UNIT, {"people": 99}, now_ms=NOON_MS)
    exchange(b, server)
    exchange(a, server)
    before = everything(a)
    assert courier.keep(a, answer).overtaken
    assert everything(a) == before and a.values(record)["people"] == 99
    assert courier.brought(request).new == 0


def test_f47_an_old_answer_never_makes_the_tablet_tell_again(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(a, 2)
    answer = courier.answer(courier.request(a))
    fill(a, 3)
    exchange(a, server, urgent=False)
    assert a.acknowledged[a.main] == 5
    courier.keep(a, answer)
    assert a.acknowledged[a.main] == 5


def test_f47_an_urgent_exchange_in_between_leaves_the_answer_good(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(tablets["B"], 2)
    exchange(tablets["B"], server)
    fill(a, 2)
    answer = courier.answer(courier.request(a))
    a.write(new_record_id(), "note", UNIT, {"title": "Khẩn"}, now_ms=NOON_MS, urgent=True)
    exchange(a, server, urgent=True)
    kept = courier.keep(a, answer)
    assert kept.received and a.acknowledged == {a.main: 2, a.urgent: 1} and len(a.unsettled) == 1
    courier.journey(a)
    courier.journey(tablets["B"])
    assert a.digest() == tablets["B"].digest() and not a.unsettled


@pytest.mark.parametrize("at", range(1, 6))
def test_f47_a_tablet_that_ends_between_two_pages_goes_on_there(
    tablets: Tablets, courier: Courier, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr("sync.by_file.PAGE", 2000)
    fill(tablets["A"], 250, story="x" * 300)
    courier.journey(tablets["A"])
    b, kept = tablets["B"], 0
    answer = courier.answer(courier.request(b))
    whole = b.keep

    def dies(page: object) -> None:
        nonlocal kept
        kept += 1
        if kept == at:
            raise OSError("battery")
        whole(page)  # type: ignore[arg-type]

    monkeypatch.setattr(b, "keep", dies)
    with pytest.raises(OSError):
        courier.keep(b, answer)
    monkeypatch.setattr(b, "keep", whole)
    again = courier.keep(b, answer)
    assert again.pages == again.told - at + 1
    assert b.digest() == tablets["A"].digest()


def test_f47_a_restored_server_says_what_it_lacks_and_is_told(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(a, 4)
    courier.journey(a)
    with server.engine.begin() as connection:  # yesterday's backup: it has never heard of A
        for table in ("line", "log", "record", "part", "stream", "past_unit", "fallen", "blob"):
            connection.execute(text(f"DELETE FROM {table}"))
    fill(a, 1)
    parts = courier.request(a)
    told = courier.brought(parts)
    assert (told.new, told.lacking) == (0, 5)
    kept = courier.keep(a, courier.answer(parts))
    assert kept.again
    assert courier.journey(a).read == 5
    assert len(server.verdicts()) == 5 and not a.unsettled


def test_f47_a_changed_scope_comes_by_bundle(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    a = tablets["A"]
    fill(a, 2)
    late = courier.answer(courier.request(a))
    device = server.devices[a.identity.id]
    server.devices[device.id] = device._replace(scope=device.scope._replace(units=(OTHER, UNIT), version="wider"))
    courier.journey(a)
    assert a.identity.scope.version == "wider" and len(a.told) == 2
    before = everything(a)
    assert courier.keep(a, late).overtaken, "an answer of the old scope brings nothing"
    assert everything(a) == before
    server.devices[device.id] = device._replace(scope=device.scope._replace(units=(OTHER,), version="other"))
    courier.journey(a)
    assert not a.told


def test_f52_a_replica_that_differs_heals_by_bundles(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    records = fill(tablets["A"], 4)
    courier.journey(tablets["A"])
    b = tablets["B"]
    courier.journey(b)
    del b.told[records[2]]
    first = courier.journey(b)
    assert first.again and not first.overtaken
    courier.journey(b)
    assert set(b.told) == set(records) and b.tokens.keys() == {STREAM}
    assert courier.journey(b).overtaken


def test_a_line_set_aside_is_told_by_bundle(tablets: Tablets, courier: Courier) -> None:
    a = tablets["A"]
    a.identity = a.identity._replace(user="user-B")
    fill(a, 2)
    parts = courier.request(a)
    assert courier.brought(parts).aside == 2
    courier.keep(a, courier.answer(parts))
    assert list(a.aside.values()) == ["wrong_user"] * 2


def test_t08_what_is_no_request_or_no_answer(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    from sync.by_file import answer_requests, keep_answers, write_requests

    a, b = tablets["A"], tablets["B"]
    plain = a.half.request()
    answer = server.half.answer(plain, now_ms=NOON_MS)
    question = write_requests(a, now=Time(NOON_MS, 0))
    for messages in ([], [plain], [*question, *question]):
        with pytest.raises(FrameFault, match="not_a_request"):
            answer_requests(server.half, a.identity.id, messages, now_ms=NOON_MS)
    for messages in ([], [answer]):
        with pytest.raises(FrameFault, match="not_an_answer"):
            keep_answers(a.half, messages)
    with pytest.raises(FrameFault, match="wrong_mac"):
        answer_requests(server.half, b.identity.id, question, now_ms=NOON_MS)
    late = answer_requests(server.half, a.identity.id, question, now_ms=NOON_MS).answer[0]
    with pytest.raises(FrameFault, match="late_answer"):
        a.half.receive(late)


@pytest.mark.parametrize("head", [
    {"late": 1}, {"late": 1, "page": 4000}, {"late": 1, "page": 4000, "at": "noon", "c": {}}, {"late": 1, "h": 1}, {"late": 1, "runs": 7},
    {"late": 1, "c": {"hong_ngu": "not a token"}, "page": 10}, {"late": 1, "v": [], "page": 10}, {"late": 1, "runs": [["x"]]},
])  # fmt: skip
def test_t08_a_question_of_any_form_is_answered_or_refused(tablets: Tablets, server: PairServer, head: dict[str, object]) -> None:
    from sync.by_file import answer_requests

    fill(tablets["B"], 3)
    exchange(tablets["B"], server)
    device = tablets["A"].identity
    message = seal_message(device.id, device.mac_key, head)
    try:
        assert answer_requests(server.half, device.id, [message], now_ms=NOON_MS).answer
    except FrameFault as fault:
        assert fault.text("vi")


def test_f47_a_bundle_for_another_tablet_or_server_is_refused(tablets: Tablets, server: PairServer, courier: Courier) -> None:
    answer = courier.answer(courier.request(tablets["A"]))
    with pytest.raises(FrameFault, match="bundle_for_another"):
        courier.keep(tablets["B"], answer)
    other = Courier(server)
    other.box = BoxKeys.new()
    with pytest.raises(FrameFault, match="bundle_for_another"):
        other.brought(courier.request(tablets["A"]))
