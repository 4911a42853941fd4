"""Suppression: small counts of cases hidden, with second cells, so that no sum gives a hidden one away.

A count of 1–4 is shown «< 5». What a reader could still work out from the totals, the breakdowns and «in which» relations
that stand beside it is looked for by search: a hidden cell is safe only when another table, equal in all that is shown,
has another number in it. Until every hidden cell is safe, one more cell is hidden: the smallest that helps, a total last.
A hidden 0–4 is shown «< 5», a hidden larger number «…», so a reader of «< 5» cannot rule out 0.

What this cannot do: protect against a reader who also holds other tables (two periods of which one lies inside the other).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.figures import BLANK, BLANK_FIGURE, FEW, HIDDEN, Figure, Figures
from shared.indicator import Indicator
from shared.suppression_search import Constraint, Domain, safe_cells

SMALLEST_SHOWN: Final = 5
"""Counts of cases below this, but 0, are not shown (domain.md § 7, domain-details F10)."""

_REACH: Final = 8
"""How far from the truth the search looks for another value of a hidden number of 5 or more."""

OVER_ALL: Final = ""
"""Stands for «all units» in a cell."""


@dataclass(frozen=True, order=True, slots=True)
class Cell:
    """One number of the tables: of a unit ("" = all units), an indicator, and a part of a breakdown ("" = the whole)."""

    unit: str
    code: str
    breakdown: str = ""
    part: str = ""


_Asking = dict[Cell, list[Constraint[Cell]]]
"""{cell: the constraints that it stands in}"""


def suppress(figures: Figures, indicators: Mapping[str, Indicator], *, totals_shown: bool = False) -> Figures:
    """The figures as they may be published.

    `totals_shown` is for a table by unit that stands beside totals which are shown in full (the consolidated report to the
    superior body): totals then stay, and all that has to give way are the units' cells. Figures of cases lose the ids of
    their records, hidden or not.
    """
    cases = {code: one for code, one in indicators.items() if one.cases}
    truth, blanks = _cells(figures, cases)
    constraints = _constraints(figures, cases, truth)
    fixed = {cell for cell in truth if totals_shown and cell.unit == OVER_ALL} | blanks
    marks = hide(truth, constraints, fixed)

    def table(unit: str, old: Mapping[str, Figure]) -> dict[str, Figure]:
        return {code: _shown(unit, figure, cases.get(code), marks, old, totals_shown) for code, figure in old.items()}

    own = {unit: table(unit, old) for unit, old in figures.own.items()}
    shares = {unit: own[unit] if old == figures.own[unit] else table(unit, old) for unit, old in figures.shares.items()}
    return replace(figures, totals=table(OVER_ALL, figures.totals), own=own, shares=shares, published=True)


def hide(truth: Mapping[Cell, int], constraints: Sequence[Constraint[Cell]], fixed: Collection[Cell]) -> dict[Cell, str]:
    """{cell: FEW or HIDDEN} for all that may not be shown. `fixed` cells are shown whatever happens."""
    marks = {cell: FEW for cell, value in truth.items() if 0 < value < SMALLEST_SHOWN and cell not in fixed}
    weak: set[Cell] = set()
    asking: _Asking = {}
    for constraint in constraints:
        for cell in constraint.cells:
            asking.setdefault(cell, []).append(constraint)
    safe: set[Cell] = set()
    while True:
        # What is safe stays safe: hiding more only leaves a reader more tables to think possible.
        safe |= safe_cells({cell: truth[cell] for cell in marks}, _domains(truth, marks, weak), constraints, truth, safe)
        exposed = [cell for cell in sorted(marks) if cell not in safe]
        if not exposed:
            return marks
        more = _second_cell(exposed, truth, marks, asking, fixed)
        if more is not None:
            marks[more] = FEW if truth[more] < SMALLEST_SHOWN else HIDDEN
            continue
        # Nothing is left to hide beside them: say nothing about their size either.
        vaguer = {cell for one in exposed for cell in _beside(one, asking) if cell in marks} | set(exposed)
        if vaguer <= weak:
            return marks
        weak |= vaguer
        marks.update(dict.fromkeys(vaguer, HIDDEN))


def _domains(truth: Mapping[Cell, int], marks: Mapping[Cell, str], weak: Collection[Cell]) -> dict[Cell, Domain]:
    """What a reader must think possible of each hidden cell."""
    domains: dict[Cell, Domain] = {}
    for cell, mark in marks.items():
        value = truth[cell]
        if cell in weak:
            domains[cell] = (max(0, value - _REACH), value + _REACH)
        elif mark == FEW:
            domains[cell] = (0, SMALLEST_SHOWN - 1)
        else:
            domains[cell] = (max(SMALLEST_SHOWN, value - _REACH), value + _REACH)
    return domains


def _beside(cell: Cell, asking: _Asking) -> set[Cell]:
    return {other for constraint in asking.get(cell, ()) for other in constraint.cells}


def _second_cell(
    exposed: Sequence[Cell], truth: Mapping[Cell, int], marks: Mapping[Cell, str], asking: _Asking, fixed: Collection[Cell]
) -> Cell | None:
    """The next cell to hide: beside the first exposed one that has any, first in the sums that it stands in, then in «in which»;
    parts before wholes and totals, small before large, a zero only when nothing else is left.
    """
    for exact in (True, False):
        for cell in exposed:
            beside = [one for one in asking.get(cell, ()) if (one.low is not None and one.low == one.high) is exact]
            choices = [other for other in {other for one in beside for other in one.cells}
                       if other not in marks and other not in fixed and not _of_shown_zero(other, truth, marks, asking)]
            if choices:
                return min(choices, key=lambda other: (other.unit == OVER_ALL, truth[other] == 0, other.part == "" != cell.part,
                                                       truth[other], other))
    return None


def _of_shown_zero(cell: Cell, truth: Mapping[Cell, int], marks: Mapping[Cell, str], asking: _Asking) -> bool:
    """A part of a whole that is shown as 0 is known to be 0: hiding it helps nobody."""
    wholes = (other for one in asking.get(cell, ()) for factor, other in one.terms if factor < 0)
    return any(other != cell and not truth[other] and other not in marks for other in wholes)


def _cells(figures: Figures, cases: Mapping[str, Indicator]) -> tuple[dict[Cell, int], set[Cell]]:
    """All counts of cases, and which of them are blank (nothing recorded: a reader takes them as 0, they are never hidden)."""
    truth: dict[Cell, int] = {}
    blanks: set[Cell] = set()
    for code, indicator in cases.items():
        if not indicator.additive:
            continue
        parts = {breakdown.code: sorted({part for table in (figures.totals, *figures.own.values())
                                         for part in table.get(code, BLANK_FIGURE).by.get(breakdown.code, {})})
                 for breakdown in indicator.by}
        for unit, table in ((OVER_ALL, figures.totals), *figures.shares.items()):
            figure = table.get(code, BLANK_FIGURE)  # what was frozen knows no blank ones
            cell = Cell(unit, code)
            truth[cell] = int(figure.value or 0)
            if figure.status == BLANK:
                blanks.add(cell)
            for name, codes in parts.items():
                for part in codes:
                    inner = figure.by.get(name, {}).get(part)
                    truth[Cell(unit, code, name, part)] = int(inner.value or 0) if inner else 0
                    if figure.status == BLANK:
                        blanks.add(Cell(unit, code, name, part))
    return truth, blanks


def _constraints(
    figures: Figures, cases: Mapping[str, Indicator], truth: Mapping[Cell, int]
) -> list[Constraint[Cell]]:
    """All that a reader knows of the cells: sums over units, sums over the parts of a breakdown, «in which»."""
    found: list[Constraint[Cell]] = []
    split: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in truth:
        if cell.part:
            split.setdefault((cell.unit, cell.code, cell.breakdown), []).append(cell)
        if cell.unit == OVER_ALL:
            units = [Cell(unit, cell.code, cell.breakdown, cell.part) for unit in figures.units]
            found.append(Constraint.sum_is(cell, units))
    for (unit, code, _), parts in split.items():
        found.extend(_split(Cell(unit, code), parts, truth))
    for cell in truth:
        parent = Cell(cell.unit, cases[cell.code].subset_of)
        if not cell.part and parent in truth:
            found.append(Constraint.at_most(cell, parent))
    return found


def _split(whole: Cell, parts: Sequence[Cell], truth: Mapping[Cell, int]) -> Iterable[Constraint[Cell]]:
    """Parts that add up to the whole tell a reader the sum; others (several codes at once, or none) only their bounds."""
    total = sum(truth[part] for part in parts)
    if total == truth[whole]:
        yield Constraint.sum_is(whole, parts)
        return
    for part in parts:
        yield Constraint.at_most(part, whole)
    yield Constraint.covers(whole, parts) if total > truth[whole] else Constraint.within(whole, parts)


def _shown(
    unit: str, figure: Figure, indicator: Indicator | None, marks: Mapping[Cell, str], table: Mapping[str, Figure],
    totals_shown: bool,
) -> Figure:
    if indicator is None:
        return figure
    code = indicator.code
    if indicator.kind == "ratio":
        hidden = any(Cell(unit, name) in marks for name in (indicator.num, indicator.den))
        return Figure(status=HIDDEN) if hidden else replace(figure, records=(), late=())
    if not indicator.additive:
        few = 0 < len(figure.records) < SMALLEST_SHOWN and not (totals_shown and unit == OVER_ALL)
        return Figure(status=HIDDEN) if few else replace(figure, records=(), late=())
    by = {name: {part: _bare(inner, marks.get(Cell(unit, code, name, part))) for part, inner in parts.items()}
          for name, parts in figure.by.items()}
    for cell, mark in marks.items():
        if (cell.unit, cell.code) == (unit, code) and cell.part:
            by.setdefault(cell.breakdown, {})[cell.part] = Figure(status=mark)
    return replace(_bare(figure, marks.get(Cell(unit, code))), by=by)


def _bare(figure: Figure, mark: str | None) -> Figure:
    return Figure(status=mark) if mark else replace(figure, records=(), late=())
