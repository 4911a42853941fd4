"""The stories in which a server or a tablet went back, told in every order in which the tablets come again (M8 and M9: test_restores)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.accept import write
from sync.compose import decision
from sync.log import Change
from tests.support.pair import NOON_MS, exchange
from tests.support.telling import OTHER, TYPE, UNIT, Telling, in_every_order
from tests.sync.test_restores import at_console, without_hands
from tests.sync.test_scopes import move_scope


def written(t: Telling) -> list[Any]:
    """Every value that any line of the record's history wrote."""
    return [op.value for body in t.server.history(t.record) for op in Change.parse(body).operations]


@in_every_order("A", "B", "C")
def test_m08_the_lost_middle_beside_one_who_saw_nothing(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """C pulled 3 and not the 2 below it; B, who wrote it, had seen both; A wrote 2, and 20 over it before it heard of 3."""
    t = Telling(engine, catalogue, people=1)
    backup = t.server.save()
    t.types("A", people=2)
    t.come("AB")
    t.types("B", people=3)
    t.come("BC")
    t.types("A", people=20)
    t.server.restore(backup)
    t.come(order)
    t.agree()
    assert {held.value for held in t.state().registers["people"].values} == {3, 20}
    assert t.state().open_paths() == ["people"] and 2 in written(t)


@in_every_order("A", "B", "C")
def test_m09_both_went_back_and_a_third_had_seen_neither(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A's lost 7 is at B; A's new line under the same number says 8, and C says 7 too."""
    t = Telling(engine, catalogue)
    copy, backup = t.tablets["A"].save(), t.server.save()
    t.types("A", people=7)
    t.come("AB")
    t.tablets["A"].restore(copy)
    t.server.restore(backup)
    t.types("A", people=8)
    t.types("C", people=7)
    t.come(order)
    t.agree()
    held = {value.value: len(value.origins) for value in t.state().registers["people"].values}
    assert held == {7: 2, 8: 1} and len(t.state().registers["people"].values) == 2
    assert t.state().open_paths() == ["people"]
    current = t.state().current("people")
    assert current is not None and current.value == (8 if order[0] == "A" else 7)


@in_every_order("A", "B", "C")
def test_m13_deletion_restore_late_edit_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    t = Telling(engine, catalogue)
    backup = t.server.save()
    t.types("A", people=7)
    t.come("AB")
    t.tablets["B"].withdraw(t.record, now_ms=NOON_MS)
    t.come("BC")
    t.server.restore(backup)
    t.come(order)
    t.ends("people", 7)
    assert t.state().withdrawn and not t.state().open_paths()
    assert all(t.shown(tablet).withdrawn for tablet in t.tablets.values())


@in_every_order("A", "B", "C")
def test_m21_the_last_copy_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """B wrote the words; A, which pulled them, has lost its right to the part since; C never had them, and writes others."""
    t = Telling(engine, catalogue)
    backup = t.server.save()
    t.types("B", title="Lời của B")
    t.come("BA")
    t.server.restore(backup)
    move_scope(t.server, t.tablets["A"], OTHER)
    t.types("C", title="Lời của C")
    t.come(order)
    assert t.record not in t.tablets["A"].told and "Lời của B" in written(t)
    del t.tablets["A"]
    stands, other = ("Lời của C", "Lời của B") if order[0] == "C" else ("Lời của B", "Lời của C")
    t.ends("title", stands, asked=(other,))


@in_every_order("A", "B", "C")
def test_m22_a_line_of_two_fields_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """The console's line set both fields; A has overwritten one; C, who had seen neither, answers the other one differently."""
    t = Telling(engine, catalogue)
    backup = t.server.save()
    both_at_console(t, people=5, women=2)
    t.come("AB")
    t.types("A", women=3)
    t.come("AB")
    t.server.restore(backup)
    t.types("C", people=6)
    t.come(order)
    t.ends("women", 3)
    stands, other = (6, 5) if order[0] == "C" else (5, 6)
    t.ends("people", stands, asked=(other,))


def both_at_console(t: Telling, **values: Any) -> None:
    """One line of the console that decides several fields."""
    with t.server.writing("hong_ngu", "", NOON_MS) as ledger:
        state = ledger.states([t.record])[t.record]
        operations = [decision(path, value, ()) for path, value in values.items()]
        write(ledger, ledger.own_line(state, "user-office", operations), arrived_ms=NOON_MS)


@in_every_order("AA", "B")
def test_m24_a_hand_back_that_teaches_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """A's 3 was over C's 2, which is lost with C; 4 over 3 has not been sent. B holds A's 3, and what it had seen."""
    t = Telling(engine, catalogue, people=1)
    backup = t.server.save()
    t.types("C", people=2)
    t.come("CA")
    t.types("A", people=3)
    t.come("AB")
    t.types("A", people=4)
    t.server.restore(backup)
    without_hands(t.tablets["A"])
    t.is_lost("C")
    t.come(order)
    t.ends("people", 4)


@in_every_order("rs", "B")
def test_m25_two_forks_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """r, s: A goes back to a copy in which its 2 is unsent, and comes; the server went back before that; B has pulled the 3 over it."""
    t = Telling(engine, catalogue)
    a = t.tablets["A"]
    backup = t.server.save()
    t.types("A", people=2)
    copy = a.save()
    t.come("A")
    t.types("A", people=3)
    t.come("AB")
    t.server.restore(backup)

    def back() -> None:
        a.restore(copy)
        t.come("A")

    t.come(order, {"r": back, "s": back})
    t.ends("people", 3)
    assert written(t).count(2) == 1


@in_every_order("A", "B")
def test_m26_a_half_read_pull_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """The record is touched first and last of six, so that the pages that B reads before it is cut pass it over; the server forgets the last two."""
    t = Telling(engine, catalogue)
    others = [new_record_id() for _ in range(4)]
    t.types("A", people=1)
    for number, other in enumerate(others):
        if number == 3:
            t.come("A")
            backup = t.server.save()
        t.tablets["A"].write(other, TYPE, UNIT, {"title": f"Ở giữa {number}"}, now_ms=NOON_MS)
    t.types("A", women=2)
    t.come("A")
    for _ in range(2):
        t.one_line("B")
    assert others[1] in t.tablets["B"].told and "people" not in t.tablets["B"].values(t.record)
    t.server.restore(backup)
    t.come(order)
    t.ends("people", 1)
    t.ends("women", 2)
    assert set(others) <= t.tablets["B"].told.keys()


@in_every_order("AA", "B")
def test_m27_equal_further_off_in_every_order(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """B's 1 is on the server; C's 2 over it is lost. D wrote 9 over 2, and B has it; A wrote 5 over 2, then 1 again: never the old 1."""
    t = Telling(engine, catalogue)
    t.tablets["D"] = t.a_tablet("D")
    t.types("B", people=1)
    t.come("BCDA")
    backup = t.server.save()
    t.types("C", people=2)
    t.come("CDA")
    t.types("D", people=9)
    t.come("DB")
    t.server.restore(backup)
    t.types("A", people=5)
    t.types("A", people=1)
    without_hands(t.tablets["A"])
    t.is_lost("C")
    del t.tablets["D"]
    t.come(order)
    t.ends("people", 9, asked=(1,))


@in_every_order("A", "B", "C")
def test_a_console_that_decided_what_a_restored_server_forgot(engine: Engine, catalogue: Catalogue, order: str) -> None:
    """48 or 52 was asked about, and the console decided 52; B alone has pulled that when the server goes back to before all three."""
    t = Telling(engine, catalogue)
    backup = t.server.save()
    t.asked("people")
    at_console(t.server, t.record, "people", 52)
    exchange(t.tablets["B"], t.server)
    t.server.restore(backup)
    t.come(order)
    t.ends("people", 52)
