"""Tablets and servers that both went back: what one branch of a log, one right and one older cursor have to do with what is told again."""

from shared.ids import new_record_id
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import OTHER, UNIT
from tests.sync.test_restores import texts
from tests.sync.test_scopes import move_scope
from tests.sync.test_stories import Tablets, assert_all_show, quiet, type_in


def trip(tablet: MemoryTablet, server: PairServer) -> bool:
    """One round trip; gives whether there is more."""
    return tablet.half.receive(server.half.answer(tablet.half.request(), now_ms=NOON_MS)).more


def a_gap_that_nobody_fills(tablets: Tablets, server: PairServer, record: str) -> None:
    """B holds A's lines but the one between that was of another unit, and its right changes; S forgot them all, and A them too."""
    a, b = tablets["A"], tablets["B"]
    move_scope(server, a, UNIT, OTHER)
    exchange(a, server)
    copy, backup = a.save(), server.save()
    type_in(a, record, people=1)
    exchange(a, server)
    exchange(b, server)
    a.write(new_record_id(), "note", OTHER, {"title": "Ở đơn vị khác"}, now_ms=NOON_MS)
    exchange(a, server)
    type_in(a, record, people=2)
    exchange(a, server)
    exchange(b, server)
    server.restore(backup)
    a.restore(copy)
    move_scope(server, b, OTHER)


def test_m93_what_nobody_has_holds_nobody_up(tablets: Tablets, server: PairServer, record: str) -> None:
    a_gap_that_nobody_fills(tablets, server, record)
    b = tablets["B"]
    exchange(b, server)
    assert b.identity.scope.units == (OTHER,) and not b.told
    assert {1, 2} <= set(texts(server, record)), "B handed back what it held before it let go of it"
    assert not trip(b, server)


def test_m94_a_branch_that_others_hold(tablets: Tablets, server: PairServer, record: str) -> None:
    """A went back, wrote another line, and went back again: both lines are at B alone when S is set back to before them."""
    a = tablets["A"]
    exchange(a, server)
    copy, backup = a.save(), server.save()
    for number in (1, 2):
        type_in(a, record, people=number)
        type_in(a, record, women=number) if number == 1 else None
        exchange(a, server)
        exchange(tablets["B"], server)
        a.restore(copy)
    server.restore(backup)
    type_in(a, record, people=3)
    exchange(a, server)
    quiet(tablets, server)
    assert {1, 2, 3} <= set(texts(server, record))
    assert_all_show(tablets, server, record, "women", 1)


def test_m94_a_branch_that_the_server_has_hides_no_other(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    exchange(a, server)
    copy = a.save()
    type_in(a, record, people=1)
    type_in(a, record, women=1)
    exchange(a, server)
    backup = server.save()
    a.restore(copy)
    type_in(a, record, people=2)
    exchange(a, server)
    exchange(tablets["B"], server)
    a.restore(copy)
    server.restore(backup)
    quiet(tablets, server)
    assert {1, 2} <= set(texts(server, record))


def test_m95_nothing_new_after_a_restore_is_one_trip(tablets: Tablets, server: PairServer, record: str) -> None:
    """C's scope is empty; what S forgot and was told again concerns it not."""
    c = tablets["C"]
    move_scope(server, c, OTHER)
    exchange(c, server)
    backup = server.save()
    type_in(tablets["A"], record, people=1)
    exchange(tablets["A"], server)
    exchange(c, server)
    server.restore(backup)
    exchange(c, server)
    assert not trip(c, server), "the server knows the cursor that it gave"


def test_m97_an_older_token_was_of_another_right(tablets: Tablets, server: PairServer) -> None:
    """B's right grows to A's unit after A's first line was written over, twice; S and A are set back to that first line."""
    a, b, record = tablets["A"], tablets["B"], new_record_id()
    type_in(a, record, title="Một")
    exchange(a, server)
    move_scope(server, b, OTHER)
    exchange(b, server)
    copy, backup = a.save(), server.save()
    type_in(a, record, title="Hai")
    type_in(a, record, title="Ba", people=2)
    exchange(a, server)
    move_scope(server, b, UNIT, OTHER)
    exchange(b, server)
    server.restore(backup)
    a.restore(copy)
    exchange(b, server)
    assert b.values(record) == server.values(record)
    quiet(tablets, server)
    assert {"Một", "Ba", 2} <= set(texts(server, record))
