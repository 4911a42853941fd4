"""The stories of what was copied, rolled back or restored: forks heal, and a server gets back what it forgot."""

import itertools

import pytest
from sqlalchemy import text

from shared.ids import new_record_id
from sync.accept import write
from sync.compose import decision
from sync.log import Change
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import OTHER
from tests.sync.test_scopes import move_scope
from tests.sync.test_stories import Tablets, assert_all_show, quiet, type_in

ORDERS = list(itertools.permutations("ABC"))


def at_console(server: PairServer, record: str, path: str, value: object, user: str = "user-office") -> None:
    """Somebody at the console decides what stands in a field."""
    with server.writing("hong_ngu", "", NOON_MS) as ledger:
        state = ledger.states([record])[record]
        names = [name for held in state.registers[path].values for name in held.origins] if path in state.registers else []
        arrival = ledger.own_line(state, user, [decision(path, value, names)])
        write(ledger, arrival, arrived_ms=NOON_MS)


def texts(server: PairServer, record: str) -> list[object]:
    """Every value that was ever written in a record, as the server's history has it."""
    return [op.value for line in server.history(record) for op in Change.parse(line).operations]


@pytest.mark.parametrize("order", ORDERS)
def test_m08_the_lost_middle(tablets: Tablets, server: PairServer, record: str, order: tuple[str, ...]) -> None:
    type_in(tablets["D"], record, people=1)
    quiet(tablets, server)
    backup = server.save()
    type_in(tablets["A"], record, people=2)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    type_in(tablets["B"], record, people=3)
    exchange(tablets["B"], server)
    exchange(tablets["C"], server)
    server.restore(backup)
    for name in order:
        exchange(tablets[name], server)
    assert_all_show(tablets, server, record, "people", 3)
    assert 2 in texts(server, record)


@pytest.mark.parametrize("order", list(itertools.permutations("AB")))
def test_m09_both_went_back(tablets: Tablets, server: PairServer, record: str, order: tuple[str, ...]) -> None:
    copy, backup = tablets["A"].save(), server.save()
    type_in(tablets["A"], record, people=7)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    tablets["A"].restore(copy)
    server.restore(backup)
    type_in(tablets["A"], record, people=8)
    for name in order:
        exchange(tablets[name], server)
    quiet(tablets, server)
    assert {7, 8} <= set(texts(server, record))
    assert server.state(record).open_paths() == ["people"]
    assert {value.value for value in server.state(record).registers["people"].values} == {7, 8}
    assert all(tablet.questions(record) == ["people"] for tablet in tablets.values())


def test_m13_deletion_restore_late_edit(tablets: Tablets, server: PairServer, record: str) -> None:
    backup = server.save()
    type_in(tablets["A"], record, people=7)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    tablets["B"].withdraw(record, now_ms=NOON_MS)
    exchange(tablets["B"], server)
    exchange(tablets["C"], server)
    server.restore(backup)
    for name in "CBA":
        exchange(tablets[name], server)
    quiet(tablets, server)
    assert server.state(record).withdrawn and not server.state(record).open_paths()
    assert all(tablet.show(record).withdrawn for tablet in tablets.values())


def heads(tablet: MemoryTablet) -> set[str]:
    return {log.log for log in tablet.own_logs()}


def test_m16_f22_twins(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    type_in(a, record, people=7)
    twins = {"E": a.clone(), "F": a.clone()}
    tablets |= twins
    type_in(twins["E"], record, women=3)
    type_in(twins["F"], record, title="Bản sao ghi")
    for name in ("E", "A", "F"):
        exchange(tablets[name], server)
    logs = heads(a), heads(twins["F"])
    type_in(a, record, people=8)
    type_in(twins["F"], record, title="Bản sao ghi tiếp")
    quiet(tablets, server)
    values = server.values(record)
    assert values["people"] == 8 and values["women"] == 3
    assert values["title"] == "Bản sao ghi tiếp"
    assert texts(server, record).count(7) == 1
    assert not logs[0] & logs[1]
    assert len({tablet.digest() for tablet in tablets.values()}) == 1


@pytest.mark.parametrize("more", [False, True])
def test_f21_a_tablet_restored_from_an_old_copy(tablets: Tablets, server: PairServer, record: str, more: bool) -> None:
    a = tablets["A"]
    copy = a.save()
    type_in(a, record, people=7)
    type_in(a, record, title="Trước khi phục hồi")
    exchange(a, server)
    before = heads(a)
    a.restore(copy)
    if more:
        type_in(a, record, women=5)
        type_in(a, record, women=6)
    quiet(tablets, server)
    assert before - heads(a)  # the log that went back is closed
    assert_all_show(tablets, server, record, "people", 7)
    assert a.values(record)["title"] == "Trước khi phục hồi"
    if more:
        assert_all_show(tablets, server, record, "women", 6)
    type_in(a, record, people=9)
    assert_all_show(tablets, server, record, "people", 9)


@pytest.mark.parametrize("passed", [False, True])
def test_p12_f23_f24_a_restored_server_gets_everything_back(tablets: Tablets, server: PairServer, record: str, passed: bool) -> None:
    backup = server.save()
    type_in(tablets["A"], record, people=7)
    exchange(tablets["A"], server)
    at_console(server, record, "title", "Ghi tại máy tính")
    exchange(tablets["B"], server)
    server.restore(backup)
    if passed:
        for number in range(6):
            type_in(tablets["C"], record, women=number)
        exchange(tablets["C"], server)
    exchange(tablets["B"], server)
    assert server.values(record)["title"] == "Ghi tại máy tính"
    assert server.values(record)["people"] == 7
    exchange(tablets["A"], server)
    assert_all_show(tablets, server, record, "people", 7)
    assert texts(server, record).count(7) == 1
    at_console(server, record, "title", "Ghi tiếp")
    assert_all_show(tablets, server, record, "title", "Ghi tiếp")


def test_a_database_rolled_back_under_its_process(tablets: Tablets, server: PairServer, record: str) -> None:
    at_console(server, record, "title", "Một")
    quiet(tablets, server)
    own, backup = server.own, server.save()
    at_console(server, record, "title", "Hai")
    exchange(tablets["A"], server)
    server.restore(backup)
    server.own = own
    at_console(server, record, "people", 4)
    quiet(tablets, server)
    assert_all_show(tablets, server, record, "title", "Hai")
    assert_all_show(tablets, server, record, "people", 4)


def test_m21_the_last_copy_is_handed_back_before_it_is_dropped(tablets: Tablets, server: PairServer, record: str) -> None:
    backup = server.save()
    type_in(tablets["B"], record, title="Lời của B")
    exchange(tablets["B"], server)
    exchange(tablets["A"], server)
    server.restore(backup)
    move_scope(server, tablets["A"], OTHER)
    exchange(tablets["A"], server)
    assert server.values(record)["title"] == "Lời của B"
    assert record not in tablets["A"].told


def test_m22_a_line_of_two_fields(tablets: Tablets, server: PairServer, record: str) -> None:
    backup = server.save()
    with server.writing("hong_ngu", "", NOON_MS) as ledger:
        state = ledger.states([record])[record]
        operations = [decision("people", 5, ()), decision("women", 2, ())]
        write(ledger, ledger.own_line(state, "user-office", operations), arrived_ms=NOON_MS)
    quiet(tablets, server)
    type_in(tablets["A"], record, women=3)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    server.restore(backup)
    exchange(tablets["B"], server)
    assert server.values(record)["people"] == 5
    quiet(tablets, server)
    assert_all_show(tablets, server, record, "women", 3)


def test_m24_a_hand_back_that_teaches(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["D"], record, people=1)
    quiet(tablets, server)
    backup = server.save()
    lost = tablets.pop("C")
    type_in(lost, record, people=2)
    exchange(lost, server)
    exchange(tablets["A"], server)
    type_in(tablets["A"], record, people=3)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    type_in(tablets["A"], record, people=4)
    server.restore(backup)
    without_hands(tablets["A"])
    exchange(tablets["A"], server)
    assert server.state(record).open_paths() == ["people"]
    exchange(tablets["B"], server)
    assert_all_show(tablets, server, record, "people", 4)


def without_hands(tablet: MemoryTablet) -> None:
    """A tablet that has nothing of others to hand back."""
    store = getattr(tablet, "store", tablet)
    store.held_heads = dict  # type: ignore[method-assign]


def test_m25_two_forks(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    type_in(a, record, people=2)
    copy = a.save()
    exchange(a, server)
    type_in(a, record, people=3)
    exchange(a, server)
    exchange(tablets["B"], server)
    for _ in range(2):
        a.restore(copy)
        exchange(a, server)
    assert texts(server, record).count(2) == 1
    assert_all_show(tablets, server, record, "people", 3)


def test_m27_equal_further_off(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["B"], record, people=1)
    quiet(tablets, server)
    backup = server.save()
    lost, other = tablets.pop("C"), tablets.pop("D")
    type_in(lost, record, people=2)
    exchange(lost, server)
    exchange(other, server)
    exchange(tablets["A"], server)
    type_in(other, record, people=9)
    exchange(other, server)
    exchange(tablets["B"], server)
    server.restore(backup)
    type_in(tablets["A"], record, people=5)
    type_in(tablets["A"], record, people=1)
    without_hands(tablets["A"])
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    quiet(tablets, server)
    assert server.state(record).open_paths() == ["people"]
    assert {value.value for value in server.state(record).registers["people"].values} == {1, 9}


@pytest.mark.parametrize("act", ["cut", "twice"])
def test_handing_back_goes_on_where_it_was_cut(tablets: Tablets, server: PairServer, record: str, act: str) -> None:
    backup = server.save()
    for number in range(30):
        type_in(tablets["A"], record, title=f"Lần {number} " + "x" * 400)
        exchange(tablets["A"], server)
        exchange(tablets["B"], server)
    server.restore(backup)
    answers: list[bytes] = []

    def wire(data: bytes) -> bytes:
        answers.append(data)
        if act == "cut" and len(answers) == 3:
            raise ConnectionError
        return data

    tablets["B"].half.page = 1
    if act == "cut":
        with pytest.raises(ConnectionError):
            exchange(tablets["B"], server, wire=wire)
    exchange(tablets["B"], server, wire=wire)
    assert server.values(record)["title"].startswith("Lần 29")
    assert_all_show(tablets, server, record, "title", tablets["A"].values(record)["title"])
    assert len(texts(server, record)) == len({str(text) for text in texts(server, record)})


def test_m34_f23_restored_behind_an_unsent_line(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet = tablets["A"]
    exchange(tablet, server)
    with server.engine.begin() as connection:  # the server as it was before
        for table in ("line", "record", "part", "fallen", "log", "stream"):
            connection.execute(text(f"DELETE FROM {table}"))
    type_in(tablet, record, people=7)
    exchange(tablet, server)
    assert server.values(record)["people"] == 7
    assert len(server.verdicts()) == 2 and not tablet.unsettled


def test_m35_a_part_that_is_filled_again_lets_go_what_is_not_told(tablets: Tablets, server: PairServer, record: str) -> None:
    tablet, kept, gone = tablets["A"], record, new_record_id()
    type_in(tablet, gone, title="Không còn")
    exchange(tablet, server)
    with server.engine.begin() as connection:
        connection.execute(text("DELETE FROM record WHERE id = :id"), {"id": gone})
        digest = tablet.told[kept].digest(frozenset(), sealed=False).to_bytes(16, "big")
        connection.execute(text("UPDATE part SET digest = :digest"), {"digest": digest})
    exchange(tablet, server)
    assert set(tablet.told) == {kept}


def test_m38_a_log_that_was_handed_back_is_its_tablets_again(tablets: Tablets, server: PairServer, record: str) -> None:
    backup = server.save()
    type_in(tablets["B"], record, people=7)
    exchange(tablets["B"], server)
    exchange(tablets["C"], server)
    server.restore(backup)
    exchange(tablets["C"], server)
    exchange(tablets["B"], server)
    assert exchange(tablets["B"], server) == 1
    assert texts(server, record).count(7) == 1


def test_m88_f23_an_ended_log_that_a_restored_server_forgot_is_told_again(tablets: Tablets, server: PairServer, record: str) -> None:
    backup = server.save()
    copy = tablets["A"].save()
    type_in(tablets["A"], record, people=5)
    exchange(tablets["A"], server)
    tablets["A"].restore(copy)
    type_in(tablets["A"], record, people=6)
    quiet({"A": tablets["A"]}, server)
    assert all(log.head.number == 0 for log in tablets["A"].own_logs()), "its first log ended, and was read to its end"
    server.restore(backup)
    quiet({"A": tablets["A"]}, server)
    assert {5, 6} <= set(texts(server, record))
    assert tablets["A"].questions(record) == ["people"] == server.state(record).open_paths()
