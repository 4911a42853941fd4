"""Suppression as tables, and an attacker who knows every sum and still cannot recover a hidden cell."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from shared.figures import BLANK, DECLARED, FEW, HIDDEN, KNOWN, Figure, Figures
from shared.indicator import Breakdown, Indicator
from shared.suppression import OVER_ALL, SMALLEST_SHOWN, Cell, hide, suppress
from shared.suppression_search import Constraint, safe_cells

INCIDENTS = Indicator(
    code="I13", label={"vi": "Vụ việc", "en": "Incidents"}, unit={"vi": "vụ", "en": "incidents"}, kind="count",
    type="gbv_incident", cases=True, by=(Breakdown(code="sex", field="sex"),))
DEALT_WITH = Indicator(
    code="I13D", label={"vi": "Đã xử lý", "en": "Dealt with"}, unit={"vi": "vụ", "en": "incidents"}, kind="count",
    type="gbv_incident", cases=True, subset_of="I13")
SHARE = Indicator(
    code="I13R", label={"vi": "Tỷ lệ", "en": "Share"}, unit={"vi": "%", "en": "%"}, kind="ratio", num="I13D", den="I13",
    factor=100, cases=True)
ACTIVITIES = Indicator(
    code="I01", label={"vi": "Cuộc", "en": "Events"}, unit={"vi": "cuộc", "en": "events"}, kind="count",
    type="communication_activity")
INDICATORS = {one.code: one for one in (INCIDENTS, DEALT_WITH, SHARE, ACTIVITIES)}


def count(value: int | None, by: Mapping[str, Mapping[str, int]] | None = None) -> Figure:
    if value is None:
        return Figure(status=BLANK)
    parts = {name: {code: Figure(value=number, status=KNOWN, records=("r",) * number) for code, number in codes.items()}
             for name, codes in (by or {}).items()}
    return Figure(value=value, status=KNOWN if value else DECLARED, records=tuple(f"r{n}" for n in range(value)), by=parts)


def ratio(num: Figure, den: Figure) -> Figure:
    if not num.value or not den.value:
        return Figure()
    return Figure(value=100 * num.value / den.value, status=KNOWN, numerator=num.value, denominator=den.value)


def figures(incidents: Sequence[int | None], females: Sequence[int] | None = None, dealt: Sequence[int] | None = None) -> Figures:
    """One column of incidents, one cell a unit, with women among them and those dealt with."""
    units = tuple(f"u{n}" for n in range(len(incidents)))
    women = list(females or [0] * len(incidents))
    done = list(dealt or [0] * len(incidents))

    def table(total: int | None, female: int, handled: int) -> dict[str, Figure]:
        by = {"sex": {"female": female, "male": total - female}} if females and total else {}
        one = {"I13": count(total, by), "I13D": count(handled if total is not None else None), "I01": count(3)}
        return {**one, "I13R": ratio(one["I13D"], one["I13"])}

    own = {unit: table(*cells) for unit, *cells in zip(units, incidents, women, done, strict=True)}  # type: ignore[arg-type]
    known = [one for one in incidents if one is not None]
    return Figures(period="2022-H1", units=units, totals=table(sum(known), sum(women), sum(done)), own=own, shares=own)


def column(shown: Figures) -> list[str]:
    def text(figure: Figure) -> str:
        return {FEW: "<5", HIDDEN: "…", BLANK: "-"}.get(figure.status, str(figure.value))

    return [*(text(shown.of("I13", unit)) for unit in shown.units), text(shown.of("I13"))]


@pytest.mark.parametrize(("counts", "totals_shown", "expected"), [
    # counts by unit                what a reader sees, the total last
    ([0, 0, 0],              False, ["0", "0", "0", "0"]),
    ([9, 7, 12],             False, ["9", "7", "12", "28"]),
    ([1, 0, 0],              False, ["<5", "0", "0", "<5"]),          # hidden with its total
    ([2, 9, 20],             False, ["<5", "…", "20", "31"]),         # one hidden cell needs a second
    ([2, 3, 20],             False, ["<5", "<5", "20", "25"]),        # two hide each other
    ([3, None, 6],           False, ["<5", "-", "…", "9"]),           # what was never reported is not hidden
    ([4, 4, 20],             False, ["<5", "<5", "…", "28"]),         # 8 in two cells below 5 would be 4 and 4
    ([1, 0, 0],              True,  ["<5", "<5", "0", "1"]),          # a shown total of 1: a zero must help
    ([2, 4, 0],              True,  ["<5", "<5", "0", "6"]),
])
def test_t06_column(counts: list[int | None], totals_shown: bool, expected: list[str]) -> None:
    shown = suppress(figures(counts), INDICATORS, totals_shown=totals_shown)
    assert column(shown) == expected


def test_t06_hidden_figures_carry_no_number_and_no_record() -> None:
    shown = suppress(figures([2, 9, 20], females=[1, 5, 11]), INDICATORS)
    for table in (shown.totals, *shown.own.values()):
        assert not table["I13"].records
        for figure in (table["I13"], *(part for parts in table["I13"].by.values() for part in parts.values())):
            assert not figure.records
            if figure.suppressed:
                assert (figure.value, figure.numerator, figure.denominator) == (None, None, None)
    assert shown.of("I01", "u0").value == 3
    assert shown.of("I01", "u0").records


def test_t06_ratio_of_hidden_counts_is_hidden() -> None:
    shown = suppress(figures([2, 9, 20], dealt=[1, 8, 15]), INDICATORS)
    assert shown.of("I13R", "u0").suppressed
    assert shown.of("I13R", "u2").value == 75 or shown.of("I13D", "u2").suppressed


def test_t06_part_is_hidden_with_a_second_part() -> None:
    shown = suppress(figures([12, 30], females=[10, 20]), INDICATORS)
    assert shown.of("I13.sex.male", "u0").status == FEW
    assert shown.of("I13.sex.female", "u0").suppressed or shown.of("I13", "u0").suppressed


def attacker_recovers(truth: Mapping[Cell, int], marks: Mapping[Cell, str], constraints: Sequence[Constraint[Cell]]) -> list[Cell]:
    """Every hidden cell with one possible value, by trying all tables cell by cell (small tables only)."""
    hidden = sorted(marks)
    place = {cell: number for number, cell in enumerate(hidden)}
    # A constraint can be asked as soon as the last of its hidden cells has a value.
    ready: dict[int, list[Constraint[Cell]]] = {}
    for one in constraints:
        ready.setdefault(max((place[cell] for cell in one.cells if cell in place), default=-1), []).append(one)
    possible: dict[Cell, set[int]] = {cell: set() for cell in hidden}
    guess = dict(truth)

    def fits(one: Constraint[Cell]) -> bool:
        total = sum(factor * guess[cell] for factor, cell in one.terms)
        return (one.low is None or one.low <= total) and (one.high is None or total <= one.high)

    def fill(number: int) -> None:
        if number == len(hidden):
            for cell in hidden:
                possible[cell].add(guess[cell])
            return
        for value in range(5) if marks[hidden[number]] == FEW else range(5, 21):
            guess[hidden[number]] = value
            if all(fits(one) for one in ready.get(number, ())):
                fill(number + 1)

    fill(0)
    return [cell for cell, values in possible.items() if len(values) == 1]


@pytest.mark.parametrize("seed", range(25))
def test_t06_attacker_who_tries_all_tables_recovers_nothing(seed: int) -> None:
    chance = random.Random(seed)
    units, parts = ["a", "b"], ["x", "y"]
    truth: dict[Cell, int] = {}
    for unit in units:
        for part in parts:
            truth[Cell(unit, "I", "by", part)] = chance.choice([0, 0, 1, 2, 3, 4, 5, 6, 9, 12])
        truth[Cell(unit, "I")] = sum(truth[Cell(unit, "I", "by", part)] for part in parts)
    constraints = [Constraint.sum_is(Cell(unit, "I"), [Cell(unit, "I", "by", part) for part in parts]) for unit in units]
    for part in ("", *parts):
        name = "by" if part else ""
        truth[Cell(OVER_ALL, "I", name, part)] = sum(truth[Cell(unit, "I", name, part)] for unit in units)
        constraints.append(Constraint.sum_is(Cell(OVER_ALL, "I", name, part), [Cell(unit, "I", name, part) for unit in units]))
    constraints.append(Constraint.sum_is(Cell(OVER_ALL, "I"), [Cell(OVER_ALL, "I", "by", part) for part in parts]))
    marks = hide(truth, constraints, frozenset())
    assert all(cell in marks for cell, value in truth.items() if 0 < value < SMALLEST_SHOWN)
    if len(marks) <= 8:
        assert attacker_recovers(truth, marks, constraints) == []


def test_search_says_unsafe_where_the_sum_leaves_one_answer() -> None:
    truth = {"a": 4, "b": 4, "t": 8}
    constraints = [Constraint.sum_is("t", ["a", "b"])]
    domains = {"a": (0, 4), "b": (0, 4)}
    assert safe_cells({"a": 4, "b": 4}, domains, constraints, truth) == set()
    assert safe_cells({"a": 4, "b": 3}, domains, constraints, {"a": 4, "b": 3, "t": 7}) == {"a", "b"}


def test_a_district_of_25_units_is_quick_enough_to_publish() -> None:
    chance = random.Random(7)
    counts: list[int | None] = [chance.choice([0, 0, 1, 2, 3, 6, 11]) for _ in range(25)]
    women = [chance.randint(0, one or 0) for one in counts]
    shown = suppress(figures(counts, females=women), INDICATORS, totals_shown=True)
    for unit, number in zip(shown.units, counts, strict=True):
        assert shown.of("I13", unit).suppressed or not 0 < (number or 0) < SMALLEST_SHOWN
