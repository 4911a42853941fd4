"""A merge story told in one order of arrival: who types what, whose lines come when, and what must stand in the end.

An order is a word whose letters are hands. A tablet that stands in it once comes with all that it wrote; one that stands in it more
often comes with one line each time, and with the rest at last. Other letters are deeds that the story itself names.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.log import Change, write_line
from sync.state import RecordState
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet

UNIT, OTHER = "long_khanh_a", "long_khanh_b"
TYPE = "note"
HOUR_MS = 3_600_000

Deed = Callable[[], object]

__all__ = ["OTHER", "UNIT", "Telling", "in_every_order", "orders"]


def orders(*strands: str, after: tuple[str, ...] = ()) -> Iterator[str]:
    """Every order of these strands in which each keeps its own; ``"xy"`` in ``after``: y comes when every x has come.

    >>> list(orders("A", "BB"))
    ['ABB', 'BAB', 'BBA']
    """
    for letters in sorted(set(itertools.permutations("".join(strands)))):
        order = "".join(letters)
        kept = all("".join(letter for letter in order if letter in strand) == strand for strand in strands)
        if kept and all(order.rindex(pair[0]) < order.index(pair[1]) for pair in after):
            yield order


def in_every_order(*strands: str, after: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Let a story be told once in each order that it permits (``orders``)."""
    return pytest.mark.parametrize("order", list(orders(*strands, after=after)))


class Telling:
    """A server, tablets A, B and C of one commune, and a record that all of them have; its field ``people`` is still empty."""

    def __init__(self, engine: Engine, catalogue: Catalogue, **values: Any) -> None:
        self.server = PairServer(engine, catalogue)
        self.catalogue = catalogue
        self.tablets: dict[str, MemoryTablet] = {name: self.a_tablet(name) for name in "ABC"}
        self.record = new_record_id()
        self.typed: set[str] = set()
        self.lost: set[str] = set()
        self.settled = False
        self.types("A", now_ms=NOON_MS - HOUR_MS, **({"title": "Nói chuyện chuyên đề"} | values))
        self.come("ABC")

    # what people do

    def a_tablet(self, name: str, *units: str) -> MemoryTablet:
        """Enrol a tablet; it has nothing yet."""
        return MemoryTablet(self.server.enrol(name, units or (UNIT,)), self.catalogue)

    def types(self, hand: str, *, now_ms: int = NOON_MS, urgent: bool = False, opened: Any = None, **values: Any) -> None:
        """Somebody types values into the record's form and saves."""
        tablet = self.tablets[hand]
        state = tablet.show(self.record)
        before = set(tablet.unsettled)
        tablet.write(self.record, TYPE, UNIT if state is None else state.unit, values, now_ms=now_ms, urgent=urgent, opened=opened)
        self.note(tablet, before)

    def decides(self, hand: str, path: str, value: Any) -> None:
        """Somebody decides an open question."""
        tablet = self.tablets[hand]
        before = set(tablet.unsettled)
        tablet.decide(self.record, path, value, now_ms=NOON_MS)
        self.note(tablet, before)

    def note(self, tablet: MemoryTablet, before: set[str]) -> None:
        """Keep in mind the lines that a tablet has written since: not one may be missing in the end."""
        self.settled = False
        self.typed |= tablet.unsettled.keys() - before

    def asked(self, path: str, first: tuple[str, Any] = ("A", 48), second: tuple[str, Any] = ("B", 52)) -> None:
        """Two wrote, neither seeing the other, in this order of arrival: both answers are on all screens."""
        for hand, value in (first, second):
            self.types(hand, **{path: value})
        self.come(f"{first[0]}{second[0]}ABC")
        assert all(tablet.questions(self.record) == [path] for tablet in self.tablets.values())

    def is_lost(self, hand: str) -> None:
        """A tablet is in the river, and what it wrote with it: of those lines whoever built on them may wait for ever."""
        tablet = self.tablets.pop(hand)
        self.lost |= {line.name for lines in tablet.lines_of.values() for line in lines}

    # what comes

    def come(self, order: str, deeds: Mapping[str, Deed] | None = None, *, then: Deed | None = None) -> None:
        """Let the hands come in this order; ``then`` is looked at after each."""
        deeds, self.settled = deeds or {}, False
        for at, hand in enumerate(order):
            if hand in deeds:
                deeds[hand]()
            elif hand in order[at + 1 :] and len(self.tablets[hand].unsettled) > 1:
                self.one_line(hand)
            else:
                exchange(self.tablets[hand], self.server)
            if then is not None:
                then()

    def one_line(self, hand: str, *, now_ms: int = NOON_MS) -> None:
        """The first line of what a tablet has not sent arrives; then the link is gone."""
        half = self.tablets[hand].half
        half.page = 1
        half.receive(self.server.half.answer(half.request(), now_ms=now_ms))

    # what must hold

    def state(self) -> RecordState:
        """What the server holds of the record."""
        return self.server.state(self.record)

    def ends(self, path: str, stands: Any, *, asked: tuple[Any, ...] = (), writers: int = 1) -> None:
        """In the end this value is the current one everywhere, with so many writers, these others are asked about beside it, and nothing
        else is in force; every line that was written is in the history.
        """
        if not self.settled:  # nothing has come since it was looked at
            self.agree()
        for state in (self.state(), *(self.shown(tablet) for tablet in self.tablets.values())):
            current, candidates = state.current(path), state.candidates(path)
            assert current is not None, path
            assert (current.value, len(current.origins)) == (stands, writers)
            assert sorted(str(held.value) for held in candidates) == sorted(map(str, asked))
            assert len(state.registers[path].values) == 1 + len(asked)

    def shown(self, tablet: MemoryTablet) -> RecordState:
        """What a tablet shows of the record."""
        state = tablet.show(self.record)
        assert state is not None
        return state

    def agree(self) -> None:
        """After two quiet exchanges all tablets hold what the server holds, nothing is waited for, and no line is missing."""
        for tablet in (*self.tablets.values(), *self.tablets.values()):
            exchange(tablet, self.server)
        server = self.state()
        assert {name for _, value in server.values() for name in value.waits} <= self.lost
        for tablet in self.tablets.values():
            assert not tablet.unsettled and not tablet.aside
            assert tablet.values(self.record) == self.server.values(self.record)
            assert sorted(tablet.questions(self.record)) == sorted(server.open_paths())
            with self.server.reading() as reader:
                parts = reader.parts(tablet.identity.scope)
            assert sum(part.digest for part in parts) % (1 << 128) == tablet.digest()
        assert self.typed - self.lost <= set(self.names()) and len(self.names()) == len(set(self.names()))
        self.settled = True

    def names(self) -> list[str]:
        """The names of all lines about the record that the server's history has."""
        return [write_line(Change.parse(body)).name for body in self.server.history(self.record)]
