"""A device that was revoked: what it still brings is held for review, it gets nothing, and is told to wipe itself at the end."""

import pytest

from sync.accept import HELD
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.test_restores import at_console
from tests.sync.test_stories import Tablets, quiet, type_in


def wipes(tablet: MemoryTablet, server: PairServer, *, urgent: bool = False) -> list[bool]:
    """Exchange until nothing is left; for each answer, whether it told the tablet to wipe itself."""
    told = []
    for _ in range(30):
        answer = server.half.answer(tablet.half.request(urgent=urgent), now_ms=NOON_MS)
        step = tablet.half.receive(answer)
        told.append(step.wipe)
        if not step.more or urgent:
            return told
    raise AssertionError("the exchange does not end")


def test_m50_p10_f38_what_a_revoked_tablet_brings_is_held_and_nothing_is_pulled(tablets: Tablets, server: PairServer, record: str) -> None:
    a, b = tablets["A"], tablets["B"]
    quiet(tablets, server)
    type_in(b, record, title="Sau khi thu hồi")
    exchange(b, server)
    before = server.state(record).dump()
    server.revoke(a.identity.id)
    for number in range(50):
        type_in(a, record, people=number + 10)
    held = dict(a.told)
    assert wipes(a, server) == [True]
    assert server.verdicts().count(HELD) == 50 and server.state(record).dump() == before
    assert a.told == held and a.values(record)["title"] != "Sau khi thu hồi", "nothing was pulled"
    assert all(log.acknowledged == log.head.number for log in a.own_logs()) and set(a.aside.values()) == {HELD}
    assert server.wiped == [a.identity.id]
    quiet({"B": b}, server)
    assert b.values(record)["title"] == "Sau khi thu hồi" and b.values(record).get("people") != 59


def test_f38_it_is_told_to_wipe_only_when_all_is_read(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    quiet(tablets, server)
    server.revoke(a.identity.id)
    a.half.page = 1
    for number in range(40):
        type_in(a, record, title=f"Lần {number} " + "x" * 400)
    told = wipes(a, server)
    assert len(told) > 2 and told[-1] and not any(told[:-1])
    assert server.verdicts().count(HELD) == 40


def test_f38_a_tablet_that_wrote_nothing_is_told_to_wipe_too(tablets: Tablets, server: PairServer) -> None:
    a = next(tablet for tablet in tablets.values() if not any(log.head.number for log in tablet.own_logs()))
    quiet(tablets, server)
    server.revoke(a.identity.id)
    assert wipes(a, server) == [True] and server.wiped == [a.identity.id]


def test_f38_an_urgent_exchange_ends_nothing(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    quiet(tablets, server)
    server.revoke(a.identity.id)
    type_in(a, record, people=9)
    assert wipes(a, server, urgent=True) == [False] and not server.wiped
    assert wipes(a, server) == [True]


def test_f38_what_is_written_while_the_answer_is_on_its_way_is_handed_in_first(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    quiet(tablets, server)
    server.revoke(a.identity.id)
    answer = server.half.answer(a.half.request(), now_ms=NOON_MS)
    type_in(a, record, people=9)
    step = a.half.receive(answer)
    assert step.more and not step.wipe
    assert wipes(a, server)[-1] and server.verdicts()[-1] == HELD


@pytest.mark.parametrize("times", [1, 2])
def test_f38_f02_a_lost_answer_is_told_again(tablets: Tablets, server: PairServer, record: str, times: int) -> None:
    a = tablets["A"]
    quiet(tablets, server)
    server.revoke(a.identity.id)
    type_in(a, record, people=9)
    for _ in range(times):
        server.half.answer(a.half.request(), now_ms=NOON_MS)
    assert wipes(a, server) == [True]
    assert server.verdicts().count(HELD) == 1


def test_m21_f38_a_restored_server_gets_the_last_copy_before_the_wipe(tablets: Tablets, server: PairServer, record: str) -> None:
    a = tablets["A"]
    quiet(tablets, server)
    backup = server.save()
    at_console(server, record, "title", "Chỉ máy A đã kéo về")
    exchange(a, server)
    server.restore(backup)
    server.revoke(a.identity.id)
    told = wipes(a, server)
    assert told[-1] and not any(told[:-1])
    assert server.values(record)["title"] == "Chỉ máy A đã kéo về"
