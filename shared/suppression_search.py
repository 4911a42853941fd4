"""The search behind suppression: could a table that looks the same have another number in this hidden cell?

A small exact solver over whole numbers: hidden cells have domains, everything shown is known, constraints are bounds on
weighted sums. It looks near the truth first. Not finding an answer within the budget counts as «not safe», so the
budget can cost a second cell too many, never a hidden number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    hidden: Mapping[CellT, int], domains: Mapping[CellT, Domain], constraints: Sequence[Constraint[CellT]],
    truth: Mapping[CellT, int],
) -> set[CellT]:
    """Those of the hidden cells ({cell: true value}) that have another possible value.

    `truth` holds every cell, hidden or shown. A constraint none of whose cells is hidden says nothing and is left out.
    """
    reduced = [small for small in (_reduce(one, hidden, truth) for one in constraints) if small.terms]
    touching: dict[CellT, list[Constraint[CellT]]] = {cell: [] for cell in hidden}
    for constraint in reduced:
        for cell in constraint.cells:
            touching[cell].append(constraint)
    safe: set[CellT] = set()
    for cell, value in hidden.items():
        if cell in safe:
            continue
        low, high = domains[cell]
        for other in sorted(range(low, high + 1), key=lambda number: (abs(number - value), number)):
            if other == value:
                continue
            found = _Search(hidden, domains, touching).solve(cell, other)
            if found is not None:
                safe.update(one for one, number in found.items() if number != hidden[one])
                break
    return safe


def _reduce(
    constraint: Constraint[CellT], hidden: Mapping[CellT, int], truth: Mapping[CellT, int]
) -> Constraint[CellT]:
    """The constraint over hidden cells alone, what is shown moved into its bounds."""
    known = sum(factor * truth[cell] for factor, cell in constraint.terms if cell not in hidden)
    return Constraint(
        tuple((factor, cell) for factor, cell in constraint.terms if cell in hidden),
        None if constraint.low is None else constraint.low - known,
        None if constraint.high is None else constraint.high - known)


class _Search(Generic[CellT]):
    """One search, from the truth outward: a cell changes only where a constraint makes it."""

    def __init__(
        self, hidden: Mapping[CellT, int], domains: Mapping[CellT, Domain], touching: Mapping[CellT, list[Constraint[CellT]]]
    ) -> None:
        self.hidden, self.domains, self.touching = hidden, domains, touching
        self.left = _BUDGET

    def solve(self, cell: CellT, value: int) -> dict[CellT, int] | None:
        """A full table with `cell` at `value` as {cell: number}, or None."""
        bounds = dict(self.domains)
        bounds[cell] = (value, value)
        if not self._narrow(bounds, [cell]):
            return None
        return self._settle(bounds)

    def _settle(self, bounds: dict[CellT, Domain]) -> dict[CellT, int] | None:
        self.left -= 1
        if self.left < 0:
            return None
        # Take the truth wherever it is still possible; if that satisfies everything, the table stands.
        guess = {one: min(max(self.hidden[one], low), high) for one, (low, high) in bounds.items()}
        broken = self._broken(guess)
        if broken is None:
            return guess
        open_cells = [one for one in broken.cells if bounds[one][0] < bounds[one][1]]
        for one in sorted(open_cells, key=lambda each: len(self.touching[each])):
            low, high = bounds[one]
            for number in sorted(range(low, high + 1), key=lambda each: (abs(each - guess[one]), each)):
                if number == guess[one]:
                    continue
                tried = dict(bounds)
                tried[one] = (number, number)
                if self._narrow(tried, [one]):
                    found = self._settle(tried)
                    if found is not None:
                        return found
                if self.left < 0:
                    return None
        return None

    def _broken(self, guess: Mapping[CellT, int]) -> Constraint[CellT] | None:
        for cell, value in guess.items():
            if value == self.hidden[cell]:
                continue
            for constraint in self.touching[cell]:
                total = sum(factor * guess[one] for factor, one in constraint.terms)
                if (constraint.low is not None and total < constraint.low) or (
                        constraint.high is not None and total > constraint.high):
                    return constraint
        return None

    def _narrow(self, bounds: dict[CellT, Domain], changed: list[CellT]) -> bool:
        """Cut the bounds to what the constraints allow; False where nothing is left."""
        queue = list(changed)
        while queue:
            cell = queue.pop()
            for constraint in self.touching[cell]:
                if not _cut(constraint, bounds, queue):
                    return False
        return True


def _cut(constraint: Constraint[CellT], bounds: dict[CellT, Domain], queue: list[CellT]) -> bool:
    """Narrow each cell of one constraint by what the others leave it; cells that changed join the queue."""
    lows, highs = {}, {}
    for factor, cell in constraint.terms:
        low, high = bounds[cell]
        lows[cell], highs[cell] = (factor * low, factor * high) if factor > 0 else (factor * high, factor * low)
    least, most = sum(lows.values()), sum(highs.values())
    for factor, cell in constraint.terms:
        low, high = bounds[cell]
        if constraint.high is not None:
            room = constraint.high - (least - lows[cell])
            if factor > 0:
                high = min(high, room // factor)
            else:
                low = max(low, -(room // -factor))
        if constraint.low is not None:
            need = constraint.low - (most - highs[cell])
            if factor > 0:
                low = max(low, -(-need // factor))
            else:
                high = min(high, need // factor)
        if low > high:
            return False
        if (low, high) != bounds[cell]:
            bounds[cell] = (low, high)
            queue.append(cell)
    return True
