"""The search behind suppression: could a table that looks the same have another number in this hidden cell?

A small exact solver over whole numbers: hidden cells have domains, everything shown is known, constraints are bounds on
weighted sums. It looks near the truth first. Not finding an answer within the budget counts as «not safe», so the
budget can cost a second cell too many, never a hidden number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

CellT = TypeVar("CellT")
Domain = tuple[int, int]

_BUDGET: Final = 400
"""Assignments tried for one cell and value before giving up."""


@dataclass(frozen=True)
class Constraint(Generic[CellT]):
    """low <= sum of coefficient * cell <= high; None is no bound."""

    terms: tuple[tuple[int, CellT], ...]
    low: int | None
    high: int | None

    @property
    def cells(self) -> tuple[CellT, ...]:
        """The cells of the sum."""
        return tuple(cell for _, cell in self.terms)

    @staticmethod
    def sum_is(whole: CellT, parts: Iterable[CellT]) -> Constraint[CellT]:
        """The parts add up to the whole."""
        return Constraint(((-1, whole), *((1, part) for part in parts)), 0, 0)

    @staticmethod
    def at_most(part: CellT, whole: CellT) -> Constraint[CellT]:
        """The part is not larger than the whole."""
        return Constraint(((1, part), (-1, whole)), None, 0)

    @staticmethod
    def covers(whole: CellT, parts: Iterable[CellT]) -> Constraint[CellT]:
        """Each of the whole is in at least one part."""
        return Constraint(((-1, whole), *((1, part) for part in parts)), 0, None)

    @staticmethod
    def within(whole: CellT, parts: Iterable[CellT]) -> Constraint[CellT]:
        """Each of the whole is in at most one part."""
        return Constraint(((-1, whole), *((1, part) for part in parts)), None, 0)


def safe_cells(
    hidden: Mapping[CellT, int],
    domains: Mapping[CellT, Domain],
    constraints: Sequence[Constraint[CellT]],
    truth: Mapping[CellT, int],
    already: Collection[CellT] = (),
) -> set[CellT]:
    """Those of the hidden cells ({cell: true value}) that have another possible value; `already` is known to be safe.

    `truth` holds every cell, hidden or shown. A constraint none of whose cells is hidden says nothing and is left out.
    """
    cells = list(hidden)
    number = {cell: place for place, cell in enumerate(cells)}
    values = [hidden[cell] for cell in cells]
    bounds = [domains[cell] for cell in cells]
    touching: list[list[Constraint[int]]] = [[] for _ in cells]
    for constraint in constraints:
        small = _reduce(constraint, number, truth)
        for place in small.cells:
            touching[place].append(small)
    safe = {number[cell] for cell in already if cell in number}
    for place, value in enumerate(values):
        if place in safe:
            continue
        low, high = bounds[place]
        for other in sorted(range(low, high + 1), key=lambda one: (abs(one - values[place]), one)):
            if other == value:
                continue
            found = _Search(values, bounds, touching).solve(place, other)
            if found is not None:
                safe.update(one for one, answer in enumerate(found) if answer != values[one])
                break
    return {cells[place] for place in safe}


def _reduce(constraint: Constraint[CellT], number: Mapping[CellT, int], truth: Mapping[CellT, int]) -> Constraint[int]:
    """The constraint over the hidden cells alone, by their numbers; what is shown is moved into its bounds."""
    known = sum(factor * truth[cell] for factor, cell in constraint.terms if cell not in number)
    return Constraint(
        tuple((factor, number[cell]) for factor, cell in constraint.terms if cell in number),
        None if constraint.low is None else constraint.low - known,
        None if constraint.high is None else constraint.high - known)


class _Search:
    """One search, from the truth outward: a cell changes only where a constraint makes it."""

    def __init__(self, truth: list[int], domains: list[Domain], touching: list[list[Constraint[int]]]) -> None:
        self.truth, self.domains, self.touching = truth, domains, touching
        self.left = _BUDGET

    def solve(self, place: int, value: int) -> list[int] | None:
        """A full table with the cell at `value`, as the numbers of all cells, or None."""
        bounds = list(self.domains)
        bounds[place] = (value, value)
        return self._settle(bounds) if self._narrow(bounds, place) else None

    def _settle(self, bounds: list[Domain]) -> list[int] | None:
        self.left -= 1
        if self.left < 0:
            return None
        # Take the truth wherever it is still possible; if that satisfies everything, the table stands.
        guess = [min(max(value, low), high) for value, (low, high) in zip(self.truth, bounds, strict=True)]
        broken = self._broken(guess)
        if broken is None:
            return guess
        open_cells = [one for one in broken.cells if bounds[one][0] < bounds[one][1]]
        for one in sorted(open_cells, key=lambda each: len(self.touching[each])):
            low, high = bounds[one]
            for answer in sorted(range(low, high + 1), key=lambda each: (abs(each - guess[one]), each)):
                if answer == guess[one]:
                    continue
                tried = list(bounds)
                tried[one] = (answer, answer)
                if self._narrow(tried, one):
                    found = self._settle(tried)
                    if found is not None:
                        return found
                if self.left < 0:
                    return None
        return None

    def _broken(self, guess: list[int]) -> Constraint[int] | None:
        for place, value in enumerate(guess):
            if value == self.truth[place]:
                continue
            for constraint in self.touching[place]:
                total = sum(factor * guess[one] for factor, one in constraint.terms)
                if (constraint.low is not None and total < constraint.low) or (
                    constraint.high is not None and total > constraint.high
                ):
                    return constraint
        return None

    def _narrow(self, bounds: list[Domain], changed: int) -> bool:
        """Cut the bounds to what the constraints allow; False where nothing is left."""
        queue = [changed]
        while queue:
            for constraint in self.touching[queue.pop()]:
                if not _cut(constraint, bounds, queue):
                    return False
        return True


def _cut(constraint: Constraint[int], bounds: list[Domain], queue: list[int]) -> bool:
    """Narrow each cell of one constraint by what the others leave it; cells that changed join the queue."""
    least = most = 0
    for factor, place in constraint.terms:
        low, high = bounds[place]
        least += factor * (low if factor > 0 else high)
        most += factor * (high if factor > 0 else low)
    for factor, place in constraint.terms:
        low, high = old = bounds[place]
        if constraint.high is not None:
            room = constraint.high - (least - factor * (old[0] if factor > 0 else old[1]))
            if factor > 0:
                high = min(high, room // factor)
            else:
                low = max(low, -(room // -factor))
        if constraint.low is not None:
            need = constraint.low - (most - factor * (old[1] if factor > 0 else old[0]))
            if factor > 0:
                low = max(low, -(-need // factor))
            else:
                high = min(high, need // factor)
        if low > high:
            return False
        if (low, high) != old:
            bounds[place] = (low, high)
            queue.append(place)
            least += factor * ((low - old[0]) if factor > 0 else (high - old[1]))
            most += factor * ((high - old[1]) if factor > 0 else (low - old[0]))
    return True
