"""The stories that are told by several hands, in every order in which they can arrive: the same values stand, and the same is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from server.db import db
from shared.catalogue import Catalogue
from shared.ids import new_id, new_record_id
from sync.log import Operation
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import UNIT

Tablets = dict[str, MemoryTablet]
Story = Callable[[Tablets, str], None]

NAMES = "ABC"
STORY = "Một.\nHai.\nBa.\nBốn.\nNăm.\n"


def put(tablet: MemoryTablet, record: str, *, at_ms: int = NOON_MS, **values: Any) -> None:
    """Type values into the record's form."""
    tablet.write(record, "note", UNIT, values, now_ms=at_ms)


def m01(t: Tablets, record: str) -> None:
    """A writes X; B writes X, then Z."""
    put(t["A"], record, people=48)
    put(t["B"], record, people=48)
    put(t["B"], record, people=50)


def m05(t: Tablets, record: str) -> None:
    """A edits, B withdraws what it saw, C edits elsewhere."""
    put(t["A"], record, people=49)
    t["B"].withdraw(record, now_ms=NOON_MS)
    put(t["C"], record, women=9)


def m06(t: Tablets, record: str) -> None:
    """Two rows are moved behind each other."""
    rows = t["A"].values(record)["guests"]
    one, two, three = rows
    put(t["A"], record, at_ms=NOON_MS - 3_000, guests=[two, one, three])
    put(t["B"], record, at_ms=NOON_MS - 2_000, guests=[two, three, one])
    put(t["C"], record, at_ms=NOON_MS - 1_000, guests=[one, {**two, "age": 40}, three])


def m02(t: Tablets, record: str) -> None:
    """All three answer one question, each another thing."""
    put(t["A"], record, people=48)
    put(t["B"], record, people=52)
    put(t["C"], record, people=55)


def m15(t: Tablets, record: str) -> None:
    """Clocks of 1970 and of now, none ahead of its arrival, in a field where the latest stands."""
    put(t["A"], record, at_ms=NOON_MS - 5_000, seen_at="năm phút trước")
    put(t["B"], record, at_ms=1_000, seen_at="năm 1970")
    put(t["C"], record, at_ms=NOON_MS - 1_000, seen_at="vừa xong")


def m17(t: Tablets, record: str) -> None:
    """A adds e; B adds e and takes it out; C adds another."""
    put(t["A"], record, topics=["gbv"])
    put(t["B"], record, topics=["gbv"])
    put(t["B"], record, topics=[])
    put(t["C"], record, topics=["law"])


def m18(t: Tablets, record: str) -> None:
    """Two change different lines of a narrative."""
    put(t["A"], record, story=STORY.replace("Hai", "Hai, thêm"))
    put(t["B"], record, story=STORY.replace("Bốn", "Bốn, thêm"))
    put(t["C"], record, people=3)


def m23(t: Tablets, record: str) -> None:
    """Two write one line of a narrative differently, a third beside them."""
    put(t["A"], record, story=STORY.replace("Hai", "Hai của A"))
    put(t["B"], record, story=STORY.replace("Hai", "Hai của B"))
    put(t["C"], record, story=STORY.replace("Năm", "Năm của C"))


def m39(t: Tablets, record: str) -> None:
    """B deletes a row; C writes in it; A takes another row out."""
    one, two, three = t["A"].values(record)["guests"]
    put(t["A"], record, guests=[one, two])
    put(t["B"], record, guests=[one, three])
    put(t["C"], record, guests=[one, {**two, "age": 41}, three])


def m12(t: Tablets, record: str) -> None:
    """Chains of edits that nobody has sent yet, one on top of the other, on every tablet."""
    for n, tablet in enumerate(t.values()):
        put(tablet, record, people=60 + n)
        put(tablet, record, people=70 + n)
        put(tablet, record, women=10 + n, people=80 + n)


STORIES: dict[str, Story] = {story.__name__: story for story in (m01, m02, m05, m06, m12, m15, m17, m18, m23, m39)}

BY_ORDER = {"m01": {"people"}, "m23": {"story"}}
"""Where what is in force may differ by the order, and nothing else: whether B's first word was already gone when A's equal one came; with
which of two texts, both asked about, a third one's other line was merged."""

ONE_CURRENT = {"m06", "m15", "m17", "m39"}
"""Where the policy itself says which value is the current one; elsewhere it is the first that came."""


def a_server(catalogue: Catalogue) -> Iterator[tuple[PairServer, Tablets]]:
    """A server on a database of its own, with its tablets."""
    engine: Engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    db.metadata.create_all(engine)
    server = PairServer(engine, catalogue)
    yield server, {name: MemoryTablet(server.enrol(name, [UNIT]), catalogue) for name in NAMES}
    engine.dispose()


def ending(name: str, order: tuple[str, ...], catalogue: Catalogue) -> tuple[Any, ...]:
    """Tell a story, let the tablets arrive in this order, and say what stands in the end: alike on the server and on every tablet."""
    for server, tablets in a_server(catalogue):
        record = new_record_id()
        put(tablets["A"], record, title="Buổi (dữ liệu mẫu)", people=1, women=1, story=STORY, guests=[{"id": new_id(), "name": name, "age": 30} for name in "pqr"])
        for tablet in tablets.values():
            exchange(tablet, server)
        STORIES[name](tablets, record)
        written = {op.value for tablet in tablets.values() for line in tablet.lines_of[tablet.main] for op in line.change.operations if hashable(op)}
        for who in (*order, *order, *order):
            exchange(tablets[who], server)
        state = server.state(record)
        assert len({tablet.digest() for tablet in tablets.values()}) == 1
        assert all(sorted(tablet.questions(record)) == sorted(state.open_paths()) for tablet in tablets.values())
        history = b"\n".join(server.history(record)).decode()
        assert all(str(value).split("\n")[0] in history for value in written), "no value that was entered is missing from the history"
        asked, by_order = set(map(shape, state.open_paths())), BY_ORDER.get(name, set())
        stands = sorted((shape(path), sorted({str(held.value) for held in register.values})) for path, register in state.registers.items())
        shown = without_ids(server.values(record)) if name in ONE_CURRENT else {}
        return asked - by_order, [(path, values) for path, values in stands if path not in by_order], shown
    raise AssertionError


def hashable(operation: Operation) -> bool:
    """Whether an operation sets a plain value."""
    return isinstance(operation.value, str | int)


def shape(path: str) -> str:
    """A path without the ids of rows, which differ from telling to telling."""
    return "/".join("ROW" if len(part) == 11 else part for part in path.split("/"))


def without_ids(values: dict[str, Any]) -> dict[str, Any]:
    """Values without the ids of rows."""
    return {name: [{key: told for key, told in row.items() if key != "id"} for row in value] if name == "guests" else value for name, value in values.items()}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_alike_in_every_order_of_arrival(name: str, catalogue: Catalogue) -> None:
    orders = list(itertools.permutations(NAMES))
    endings = [ending(name, order, catalogue) for order in orders]
    for order, one in zip(orders, endings, strict=True):
        assert one == endings[0], order
