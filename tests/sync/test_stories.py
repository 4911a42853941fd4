"""The stories of docs/sync.md, each under its number: two real halves, a real ledger, several tablets."""

import itertools

import pytest

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.log import Operation
from tests.support.pair import NOON_MS, PairServer, exchange, push_only
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import OTHER, UNIT

Tablets = dict[str, MemoryTablet]


def type_in(tablet: MemoryTablet, record: str, *, urgent: bool = False, now_ms: int = NOON_MS, **values: object) -> str:
    """An officer types values into the record's form."""
    return tablet.write(record, "note", UNIT, values, now_ms=now_ms, urgent=urgent)[0]


def quiet(tablets: Tablets, server: PairServer) -> None:
    """Let every tablet exchange twice."""
    for tablet in (*tablets.values(), *tablets.values()):
        exchange(tablet, server)


def assert_all_show(tablets: Tablets, server: PairServer, record: str, path: str, value: object, *, asked: bool = False) -> None:
    """After two quiet exchanges every screen and the server show this value, and ask or do not ask."""
    quiet(tablets, server)
    server_state = server.state(record)
    assert server.values(record).get(path) == value
    assert (path in server_state.open_paths()) is asked
    for name, tablet in tablets.items():
        assert tablet.values(record).get(path) == value, name
        assert (path in tablet.questions(record)) is asked, name
        assert not tablet.unsettled, name
    assert len({tablet.digest() for tablet in tablets.values()}) == 1
    with server.reading() as reader:
        parts = reader.parts(tablets["A"].identity.scope)
    assert sum(part.digest for part in parts) % (1 << 128) == tablets["A"].digest()


def open_question(tablets: Tablets, server: PairServer, record: str) -> None:
    """A wrote 48, B wrote 52, neither seeing the other; both answers are on all screens."""
    type_in(tablets["A"], record, people=48)
    type_in(tablets["B"], record, people=52)
    quiet(tablets, server)
    assert all(tablet.questions(record) == ["people"] for tablet in tablets.values())


def test_m01_equal_then_on(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, people=48)
    type_in(tablets["B"], record, people=48)
    type_in(tablets["B"], record, people=50)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    assert_all_show(tablets, server, record, "people", 50)


def test_m02_f48_two_settlements(tablets: Tablets, server: PairServer, record: str) -> None:
    open_question(tablets, server, record)
    tablets["A"].decide(record, "people", 48, now_ms=NOON_MS)
    tablets["C"].decide(record, "people", 52, now_ms=NOON_MS)
    exchange(tablets["A"], server)
    exchange(tablets["C"], server)
    assert_all_show(tablets, server, record, "people", 48, asked=True)
    assert [value.value for value in server.state(record).candidates("people")] == [52]


def test_m03_settled_and_overwritten(tablets: Tablets, server: PairServer, record: str) -> None:
    open_question(tablets, server, record)
    tablets["A"].decide(record, "people", 48, now_ms=NOON_MS)
    type_in(tablets["A"], record, people=49)
    assert_all_show(tablets, server, record, "people", 49)


def test_m04_a_fresh_tablet(tablets: Tablets, server: PairServer, record: str, catalogue: Catalogue) -> None:
    type_in(tablets["A"], record, people=48, women=20)
    type_in(tablets["B"], record, people=52, women=30)
    quiet(tablets, server)
    tablets["A"].decide(record, "people", 48, now_ms=NOON_MS)
    quiet(tablets, server)
    fresh = MemoryTablet(server.enrol("E", [UNIT]), catalogue)
    exchange(fresh, server)
    assert fresh.questions(record) == ["women"]
    assert fresh.digest() == tablets["A"].digest()


@pytest.mark.parametrize("first", ["A", "B"])
def test_m05_f48_delete_what_was_not_seen(tablets: Tablets, server: PairServer, record: str, first: str) -> None:
    type_in(tablets["A"], record, people=48)
    tablets["B"].withdraw(record, now_ms=NOON_MS)
    for name in (first, "A", "B"):
        exchange(tablets[name], server)
    quiet(tablets, server)
    for tablet in tablets.values():
        state = tablet.show(record)
        assert state is not None and not state.withdrawn and state.open_paths() == ["@"]
        assert tablet.values(record)["people"] == 48


def test_m05_a_withdrawal_that_saw_everything_stands(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, people=48)
    quiet(tablets, server)
    tablets["B"].withdraw(record, now_ms=NOON_MS)
    quiet(tablets, server)
    for tablet in tablets.values():
        state = tablet.show(record)
        assert state is not None and state.withdrawn and not state.open_paths()


def test_m06_rings(tablets: Tablets, server: PairServer, record: str) -> None:
    rows = [{"id": name * 11, "name": name} for name in "pqr"]
    type_in(tablets["A"], record, guests=rows)
    quiet(tablets, server)
    type_in(tablets["A"], record, guests=[rows[1], rows[0], rows[2]])
    type_in(tablets["B"], record, guests=[rows[2], rows[1], rows[0]])
    quiet(tablets, server)
    orders = {tuple(row["name"] for row in tablet.values(record)["guests"]) for tablet in tablets.values()}
    assert len(orders) == 1
    assert sorted(orders.pop()) == ["p", "q", "r"]


def test_m07_urgent_first(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, people=48)
    type_in(tablets["A"], record, people=50, urgent=True)
    exchange(tablets["A"], server, urgent=True)
    assert server.values(record)["people"] == 50
    assert_all_show(tablets, server, record, "people", 50)


def test_m07b_hidden_by_equality(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["B"], record, people=52)
    exchange(tablets["B"], server)
    type_in(tablets["A"], record, people=48)
    type_in(tablets["A"], record, people=52, urgent=True)
    exchange(tablets["A"], server, urgent=True)
    assert_all_show(tablets, server, record, "people", 52)


def test_m07c_hidden_by_an_older_form(tablets: Tablets, server: PairServer, record: str) -> None:
    older = tablets["A"].open(record)
    type_in(tablets["A"], record, people=48)
    tablets["A"].write(record, "note", UNIT, {"people": 50}, now_ms=NOON_MS, opened=older)
    type_in(tablets["C"], record, people=50)
    type_in(tablets["C"], record, people=52)
    exchange(tablets["A"], server)
    exchange(tablets["C"], server)
    quiet(tablets, server)
    assert {value.value for value in server.state(record).registers["people"].values} == {48, 50, 52}
    assert server.state(record).open_paths() == ["people"]
    assert len({tablet.digest() for tablet in tablets.values()}) == 1


def test_m10_cut_in_the_middle(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, people=48)
    push_only(tablets["A"], server)
    assert tablets["A"].values(record)["people"] == 48
    type_in(tablets["A"], record, people=50)
    assert_all_show(tablets, server, record, "people", 50)


def test_m11_a_record_comes_in(tablets: Tablets, server: PairServer, record: str, catalogue: Catalogue) -> None:
    far = MemoryTablet(server.enrol("F", [OTHER]), catalogue)
    exchange(far, server)
    assert far.show(record) is None
    type_in(tablets["A"], record, people=48, topics=["gbv"])
    quiet(tablets, server)
    type_in(tablets["A"], record, unit=OTHER)
    exchange(tablets["A"], server)
    exchange(far, server)
    values = far.values(record)
    assert (values["title"], values["people"], values["topics"]) == ("Nói chuyện chuyên đề", 48, ["gbv"])


def test_m12_taken_back(tablets: Tablets, server: PairServer, record: str) -> None:
    open_question(tablets, server, record)
    type_in(tablets["B"], record, people=48) if tablets["B"].values(record)["people"] != 48 else tablets["B"].decide(
        record, "people", 48, now_ms=NOON_MS
    )
    assert_all_show(tablets, server, record, "people", 48)


def test_m14_latest_middle_missing(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, seen_at="1")
    type_in(tablets["A"], record, seen_at="2", urgent=True)
    exchange(tablets["A"], server, urgent=True)
    assert_all_show(tablets, server, record, "seen_at", "2")


@pytest.mark.parametrize("order", list(itertools.permutations("BC")))
def test_m15_f11_latest_clocks(tablets: Tablets, server: PairServer, record: str, order: tuple[str, ...]) -> None:
    type_in(tablets["B"], record, seen_at="B", now_ms=1000)
    type_in(tablets["C"], record, seen_at="C", now_ms=NOON_MS - 60_000)
    for name in order:
        exchange(tablets[name], server)
    assert_all_show(tablets, server, record, "seen_at", "C")


def test_m15_p11_f11_a_tablet_dated_2090_wins_nothing(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["D"], record, seen_at="D", now_ms=3_786_912_000_000)
    exchange(tablets["D"], server, now_ms=NOON_MS)
    type_in(tablets["C"], record, seen_at="C", now_ms=NOON_MS + 60_000)
    exchange(tablets["C"], server, now_ms=NOON_MS + 60_000)
    assert_all_show(tablets, server, record, "seen_at", "C")


def test_m17_union(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, topics=["gbv"])
    type_in(tablets["B"], record, topics=["gbv"])
    type_in(tablets["B"], record, topics=[])
    assert_all_show(tablets, server, record, "topics", ["gbv"])


def test_m18_merged_text(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, story="một\nhai\nba\n")
    quiet(tablets, server)
    type_in(tablets["A"], record, story="MỘT\nhai\nba\n")
    type_in(tablets["B"], record, story="một\nhai\nBA\n")
    exchange(tablets["A"], server)
    push_only(tablets["B"], server)
    assert server.values(record)["story"] == "MỘT\nhai\nBA\n"
    type_in(tablets["B"], record, story="một\nhai\nBA\nbốn\n")
    assert_all_show(tablets, server, record, "story", "MỘT\nhai\nBA\nbốn\n")


def test_m18_a_merged_text_is_a_change_of_the_server(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, story="một\nhai\nba\n")
    quiet(tablets, server)
    names = [type_in(tablets["A"], record, story="MỘT\nhai\nba\n"), type_in(tablets["B"], record, story="một\nhai\nBA\n")]
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    last = server.history(record)[-1].decode()
    assert any(log in last for log, _ in server.own.logs.values()) and '"k":"decide"' in last
    assert all(name in last for name in names)


def test_m19_an_open_form(tablets: Tablets, server: PairServer, record: str) -> None:
    form = tablets["B"].open(record)
    type_in(tablets["A"], record, people=48)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    tablets["B"].write(record, "note", UNIT, {"women": 20}, now_ms=NOON_MS, opened=form)
    assert_all_show(tablets, server, record, "people", 48)
    assert server.values(record)["women"] == 20


def test_m23_two_settlements_of_a_text(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, story="một\nhai\n")
    quiet(tablets, server)
    type_in(tablets["A"], record, story="một A\nhai\n")
    type_in(tablets["B"], record, story="một B\nhai\n")
    quiet(tablets, server)
    tablets["A"].decide(record, "story", "một A\nhai\n", now_ms=NOON_MS)
    tablets["B"].decide(record, "story", "một B\nhai\n", now_ms=NOON_MS)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    assert_all_show(tablets, server, record, "story", "một A\nhai\n", asked=True)


def test_f02_committed_and_the_answer_lost(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, people=48)
    push_only(tablets["A"], server)
    before = server.history(record)
    exchange(tablets["A"], server)
    assert server.history(record) == before


def test_f42_a_poisoned_line_stops_nothing(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["A"]
    first = type_in(tablet, record, people=48)
    state = tablet.show(record)
    assert state is not None
    poison = tablet.log_change(record, "no_such_type", UNIT, tablet.lines_of[tablet.main][-1].change.operations, now_ms=NOON_MS)
    del tablet.unsettled[poison]
    type_in(tablet, record, women=20)
    exchange(tablet, server)
    assert server.values(record)["women"] == 20
    assert "unknown_type" in server.verdicts()
    assert tablet.aside == {poison: "unknown_type"}
    assert first not in tablet.aside


def test_l01_nothing_new_is_one_small_round_trip(tablets: Tablets, server: PairServer, record: str) -> None:
    quiet(tablets, server)
    request = tablets["A"].half.request()
    answer = server.half.answer(request, now_ms=NOON_MS)
    assert not tablets["A"].half.receive(answer).more
    assert len(request) + len(answer) < 700


def by_pages(tablet: MemoryTablet, server: PairServer, *, trips: int = 50) -> None:
    """Exchange over a link that carries one record a page."""
    for _ in range(trips):
        tablet.half.page = 1
        if not tablet.half.receive(server.half.answer(tablet.half.request(), now_ms=NOON_MS)).more:
            return


def test_m26_touched_again_further_on(tablets: Tablets, server: PairServer, record: str) -> None:
    other = new_record_id()
    type_in(tablets["A"], record, people=48)
    type_in(tablets["A"], other, title="Ở giữa")
    type_in(tablets["A"], record, women=20)
    exchange(tablets["A"], server)
    by_pages(tablets["B"], server)
    assert tablets["B"].values(record) == server.values(record)
    assert tablets["B"].digest() == tablets["A"].digest()


def test_m31_a_workflow_that_may_not_move_so(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, state="draft")
    quiet(tablets, server)
    type_in(tablets["A"], record, state="accepted")
    type_in(tablets["A"], record, state="returned")
    assert_all_show(tablets, server, record, "state", "draft", asked=True)
    assert [value.value for value in server.state(record).candidates("state")] == ["returned"]
    tablets["B"].decide(record, "state", "draft", now_ms=NOON_MS)
    assert_all_show(tablets, server, record, "state", "draft")


def test_m32_one_file_under_two_names(tablets: Tablets, server: PairServer, record: str) -> None:
    for name in "AB":
        type_in(tablets[name], record, attachments=[{"sha256": "f" * 64, "name": f"{name}.jpg", "size": 1, "mime": "image/jpeg"}])
    exchange(tablets["B"], server)
    quiet(tablets, server)
    assert len({tablet.values(record)["attachments"][0]["name"] for tablet in tablets.values()}) == 1
    assert tablets["A"].values(record)["attachments"] == server.values(record)["attachments"]


def test_m33_a_line_set_aside_hides_nobodys_work(tablets: Tablets, server: PairServer, record: str) -> None:
    other = new_record_id()
    type_in(tablets["A"], other, title="Bản ghi khác")
    exchange(tablets["A"], server)
    tablets["B"].log_change(record, "note", UNIT, (Operation("set", "people", "bốn mươi", None, (), None),), now_ms=NOON_MS)
    assert_all_show(tablets, server, other, "title", "Bản ghi khác")
    assert list(tablets["B"].aside.values()) == ["wrong_kind"]


def test_m36_an_urgent_record_goes_whole(tablets: Tablets, server: PairServer) -> None:
    a, before, urgent, behind = tablets["A"], new_record_id(), new_record_id(), new_record_id()
    type_in(a, before, title="Trước đó")
    type_in(a, urgent, title="Vụ việc", people=1)
    type_in(a, behind, title="Sau đó")
    type_in(a, urgent, urgent=True, women=1)
    exchange(a, server, urgent=True)
    assert server.values(urgent) == {"title": "Vụ việc", "people": 1, "women": 1}
    assert server.values(before) == {"title": "Trước đó"}
    with pytest.raises(KeyError):
        server.state(behind)
    assert_all_show(tablets, server, behind, "title", "Sau đó")
    assert_all_show(tablets, server, urgent, "women", 1)


def test_m37_a_line_set_aside_does_not_stand_on_its_own_tablet(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["B"]
    seen = tablet.open(record).seen.get("women", ())
    bad = (Operation("set", "women", "hai mươi", None, seen, None), Operation("set", "people", 40, None, (), None))
    tablet.log_change(record, "note", UNIT, bad, now_ms=NOON_MS)
    exchange(tablet, server)
    assert "people" not in tablet.values(record) and "women" not in tablet.values(record)
    with server.reading() as reader:
        parts = reader.parts(tablet.identity.scope)
    assert sum(part.digest for part in parts) % (1 << 128) == tablet.digest()


def test_m39_a_deletion_that_a_late_edit_calls_in_question(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["A"], record, guests=[{"id": name * 11, "name": name} for name in "pq"])
    quiet(tablets, server)
    form = tablets["C"].open(record)
    type_in(tablets["B"], record, guests=[{"id": "q" * 11, "name": "q"}])
    exchange(tablets["B"], server)
    exchange(tablets["C"], server)
    late = [{"id": "p" * 11, "name": "P"}, {"id": "q" * 11, "name": "q"}]
    tablets["C"].write(record, "note", UNIT, {"guests": late}, now_ms=NOON_MS, opened=form)
    exchange(tablets["C"], server)
    path = f"guests/{'p' * 11}/@"
    assert tablets["C"].questions(record) == server.state(record).open_paths() == [path]
    with server.reading() as reader:
        parts = reader.parts(tablets["C"].identity.scope)
    assert sum(part.digest for part in parts) % (1 << 128) == tablets["C"].digest()


def test_m40_waited_for_when_it_fell(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["A"]
    for number in (1, 3):
        type_in(tablet, record, people=number)
        type_in(tablet, record, people=number + 1, urgent=True)
    type_in(tablet, record, people=5, urgent=True)
    exchange(tablet, server)
    (value,) = server.state(record).registers["people"].values
    assert (value.value, value.waits) == (5, ())
    assert_all_show(tablets, server, record, "people", 5)
