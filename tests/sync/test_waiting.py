"""What waits for a name that has not come: an urgent log is read before the log that its first lines build on, and is cut between them."""

from typing import Any

import pytest

from tests.support.pair import NOON_MS, AllRights, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.test_stories import Tablets, assert_all_show, type_in


def one_line(tablet: MemoryTablet, server: PairServer) -> None:
    """The first line of what a tablet has not sent arrives; then the link is gone."""
    tablet.half.page = 1
    tablet.half.receive(server.half.answer(tablet.half.request(), now_ms=NOON_MS))


def in_two_moves(tablets: Tablets, server: PairServer, record: str, *states: str) -> None:
    """A has sent the first state, and writes two more; the last one, urgent, is at S before the one between."""
    first, between, last = states
    type_in(tablets["A"], record, state=first)
    exchange(tablets["A"], server)
    type_in(tablets["A"], record, state=between)
    type_in(tablets["A"], record, state=last, urgent=True)
    one_line(tablets["A"], server)


def in_force(server: PairServer, record: str, path: str) -> list[tuple[Any, bool, int]]:
    """What stands at a path: (value, whether it is asked about, how many names it waits for)."""
    return [(value.value, value.open, len(value.waits)) for value in server.state(record).registers[path].values]


@pytest.mark.parametrize(("b_ms", "c_ms", "stands"), [(1_000, NOON_MS - 60_000, "y"), (NOON_MS - 60_000, 1_000, "x")])
def test_m89_met_while_it_waited(tablets: Tablets, server: PairServer, record: str, b_ms: int, c_ms: int, stands: str) -> None:
    type_in(tablets["B"], record, seen_at="y", now_ms=b_ms)
    type_in(tablets["B"], record, seen_at="x", now_ms=b_ms, urgent=True)
    one_line(tablets["B"], server)
    type_in(tablets["C"], record, seen_at="y", now_ms=c_ms)
    exchange(tablets["C"], server)
    assert in_force(server, record, "seen_at") == [("x", False, 1), ("y", True, 0)]
    assert_all_show(tablets, server, record, "seen_at", stands)


def test_m89_the_same_met_while_it_waited(tablets: Tablets, server: PairServer, record: str) -> None:
    type_in(tablets["B"], record, people=47)
    type_in(tablets["B"], record, people=48, urgent=True)
    one_line(tablets["B"], server)
    type_in(tablets["C"], record, people=48)
    exchange(tablets["C"], server)
    assert in_force(server, record, "people") == [(48, False, 1), (48, True, 0)]
    assert_all_show(tablets, server, record, "people", 48)
    (value,) = server.state(record).registers["people"].values
    assert len(value.origins) == 2


def test_m90_a_move_that_came_before_what_it_builds_on(tablets: Tablets, server: PairServer, record: str) -> None:
    in_two_moves(tablets, server, record, "draft", "submitted", "accepted")
    assert in_force(server, record, "state") == [("draft", False, 0), ("accepted", True, 1)]
    assert_all_show(tablets, server, record, "state", "accepted")


def test_m90_a_move_that_is_not_allowed_wherever_it_starts(tablets: Tablets, server: PairServer, record: str) -> None:
    in_two_moves(tablets, server, record, "draft", "submitted", "draft")
    assert_all_show(tablets, server, record, "state", "submitted", asked=True)
    assert [value.value for value in server.state(record).candidates("state")] == ["draft"]


@pytest.mark.parametrize(("allowed", "stands"), [("user-B", "accepted"), ("user-A", "submitted")])
def test_m91_each_move_is_its_writers(
    tablets: Tablets, server: PairServer, record: str, allowed: str, stands: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one of the two may accept, and it is B who did; S was set back to before A submitted, and hears B first."""
    anybody = AllRights.may_go

    def may_go(rights: AllRights, user: str, unit: str, flow: str, start: Any, to: Any) -> bool:
        return anybody(rights, user, unit, flow, start, to) and (to != "accepted" or user == allowed)

    monkeypatch.setattr(AllRights, "may_go", may_go)
    type_in(tablets["A"], record, state="draft")
    exchange(tablets["A"], server)
    backup = server.save()
    type_in(tablets["A"], record, state="submitted")
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    server.restore(backup)
    type_in(tablets["B"], record, state="accepted")
    exchange(tablets["B"], server)
    assert_all_show(tablets, server, record, "state", stands, asked=stands != "accepted")
