"""The plan of a catalogue's indicators: every expression compiled once, every record type with its steps.

A step turns one record into one tally: what the record adds to one indicator. What the tallies of a unit come to stands
in `indicators.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from shared.indicator import UNIT_NAMES, Indicator, check_indicators, names_of, read_indicators
from shared.rules import compile_expression

if TYPE_CHECKING:
    from shared.catalogue import Catalogue

_PLANS_KEPT: Final = 4
_ANSWERS_KEPT: Final = 5_000


class Asked:
    """An expression that remembers its answers.

    Most expressions of indicators ask a choice field or two, so that thousands of records have a dozen different
    answers; a bare field name is read without asking at all.
    """

    def __init__(self, text: str, names: Collection[str]) -> None:
        self._expression = compile_expression(text, names)
        self.names = tuple(sorted(self._expression.names))
        self._bare = text if text in names else ""
        self._known: dict[Any, Any] = {}

    def evaluate(self, values: Mapping[str, Any], today: date) -> Any:
        """The expression's value, None where something that it needs is unknown."""
        if self._bare:
            return values.get(self._bare)
        key = (today, *[values.get(name) for name in self.names])
        try:
            return self._known[key]
        except TypeError:                  # a list of rows or codes cannot be remembered
            return self._expression.evaluate(values, today)
        except KeyError:
            if len(self._known) >= _ANSWERS_KEPT:
                self._known.clear()
            answer = self._known[key] = self._expression.evaluate(values, today)
            return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """What one record adds to one indicator.

    `amount` is a number, for `distinct` the value itself; `parts` is {breakdown: {code: amount}}; `shared` says whether
    it enters the total over several units; `day` is the record's ISO date.
    """

    record: str
    unit: str
    amount: Any
    day: str = ""
    group: Any = None
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shared: bool = True
    late: bool = False
    estimated: bool = False

    def of_part(self, amount: Any) -> Tally:
        """The same tally for one part of a breakdown."""
        return Tally(record=self.record, unit=self.unit, amount=amount, day=self.day, group=self.group, late=self.late)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One indicator over one record type, with its compiled expressions (None where the indicator has none)."""

    indicator: Indicator
    where: Asked | None
    once: Asked | None
    row_where: Asked | None
    of: Asked | None

    @property
    def words(self) -> frozenset[str]:
        """The names that its expressions over the record ask."""
        asked = (self.where, self.once, None if self.indicator.rows else self.of)
        return frozenset(name for one in asked if one is not None for name in one.names)

    def tally(self, record: str, names: Mapping[str, Any], *, today: date, day: str, late: bool) -> Tally | None:
        """The record's tally, or None where it does not count. `names` are its values and the names of the period."""
        indicator = self.indicator
        if self.where is not None and not self.where.evaluate(names, today):
            return None
        if indicator.rows:
            amount, parts = self._over_rows(names, today)
            if amount is None:
                return None
        else:
            amount = 1 if self.of is None else self._amount(self.of, names, today)
            parts = _parts(indicator, names, amount)
        return Tally(
            record=record, unit=names["unit"], amount=amount, day=day, parts=parts, late=late,
            group=names.get(indicator.least_per) if indicator.least_per else None,
            shared=self.once is None or bool(self.once.evaluate(names, today)),
            estimated=bool(indicator.estimate) and names.get(indicator.estimate) is True)

    def _amount(self, of: Asked, names: Mapping[str, Any], today: date) -> Any:
        value = of.evaluate(names, today)
        if self.indicator.kind == "distinct":
            return value if isinstance(value, str | int) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _over_rows(self, names: Mapping[str, Any], today: date) -> tuple[Any, dict[str, dict[str, Any]]]:
        """The rows' amount and its parts; (None, {}) where no row fits, so that the record does not stand behind it."""
        rows = names.get(self.indicator.rows)
        total: Any = None
        parts: dict[str, dict[str, Any]] = {}
        for row in rows if isinstance(rows, Sequence) else ():
            if self.row_where is not None and not self.row_where.evaluate(row, today):
                continue
            amount = 1 if self.of is None else self._amount(self.of, row, today)
            if amount is None:
                continue
            total = amount if total is None else total + amount
            for name, codes in _parts(self.indicator, row, amount).items():
                kept = parts.setdefault(name, {})
                for code in codes:
                    kept[code] = kept.get(code, 0) + amount
        return total, parts


def _parts(indicator: Indicator, values: Mapping[str, Any], amount: Any) -> dict[str, dict[str, Any]]:
    """{breakdown: {code: amount}}: a choice field gives one code, a set of choices gives each of its codes."""
    parts: dict[str, dict[str, Any]] = {}
    for breakdown in indicator.by:
        value = values.get(breakdown.field) or breakdown.missing or None
        codes = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if breakdown.groups:
            group_of = breakdown.group_of
            codes = sorted({group_of[code] for code in codes if code in group_of})
        if codes:
            parts[breakdown.code] = dict.fromkeys(codes, amount)
    return parts


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All indicators of a catalogue, ready to run: {code: Indicator}, {record type: steps}.

    `computed` is {record type: {field: expression}}: the computed fields that the indicators ask, which records do not carry.
    """

    indicators: Mapping[str, Indicator]
    steps: Mapping[str, tuple[Step, ...]]
    computed: Mapping[str, Mapping[str, Any]]
    unit_where: Mapping[str, Asked]

    def units_where(self, indicator: Indicator, catalogue: Catalogue, units: Sequence[str]) -> frozenset[str]:
        """Those of the units that the indicator is about."""
        expression = self.unit_where.get(indicator.code)
        if expression is None:
            return frozenset(units)
        today = date.min
        return frozenset(code for code in units if code in catalogue.units and expression.evaluate(
            {name: getattr(catalogue.units[code], name, None) for name in UNIT_NAMES}, today))


_plans: dict[str, Plan] = {}


def plan_of(catalogue: Catalogue) -> Plan:
    """The catalogue's plan, made once for its version. Raises ValueError where an indicator does not fit the types."""
    plan = _plans.get(catalogue.version)
    if plan is None:
        plan = make_plan(catalogue)
        while len(_plans) >= _PLANS_KEPT:
            del _plans[next(iter(_plans))]
        _plans[catalogue.version] = plan
    return plan


def make_plan(catalogue: Catalogue) -> Plan:
    """Read, check and compile the catalogue's indicators. Raises ValueError (rules' own error for an expression)."""
    indicators = read_indicators(catalogue.indicators)
    for code, wrong in check_indicators(indicators, catalogue.types):
        raise ValueError(f"{code}: {wrong}")
    steps: dict[str, list[Step]] = {}
    unit_where: dict[str, Asked] = {}
    for indicator in indicators.values():
        if indicator.unit_where:
            unit_where[indicator.code] = Asked(indicator.unit_where, UNIT_NAMES)
        if indicator.type:
            steps.setdefault(indicator.type, []).append(_step(indicator, catalogue))
    asked = {code: frozenset(word for step in some for word in step.words) for code, some in steps.items()}
    return Plan(
        indicators=indicators,
        steps={code: tuple(some) for code, some in steps.items()},
        computed={code: {name: expression for name, expression in catalogue.types[code].computed.items() if name in words}
                  for code, words in asked.items()},
        unit_where=unit_where)


def _step(indicator: Indicator, catalogue: Catalogue) -> Step:
    names = names_of(indicator, catalogue.types)

    def compiled(key: str) -> Asked | None:
        text = getattr(indicator, key)
        return Asked(text, names[key]) if text else None

    return Step(indicator=indicator, where=compiled("where"), once=compiled("once"), row_where=compiled("row_where"),
                of=compiled("of"))
