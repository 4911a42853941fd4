"""Indicators: figures from plain records, for units and a period.

`compute` reads the records once for the references between them and once for the numbers; every expression of
data/indicators.yaml is compiled once for a version of the catalogue. A record is
{"id": ..., "type": ..., "unit": ..., "state": ..., "values": {field: plain value}}; no database, no clock.

What counts: records that were submitted or accepted (`drafts=True` adds those still being written: «nếu gửi ngay thì số
sẽ là…»), by the date field of their type. A record dated in an earlier period whose report was frozen without it counts
now, marked as «phát sinh bổ sung kỳ trước»; one that an earlier report counted does not count again.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from shared.figures import BLANK, DECLARED, KNOWN, NO_BASE, Figure, Figures, Number
from shared.indicator import Indicator
from shared.indicator_plan import Step, Tally, plan_of
from shared.suppression import suppress

if TYPE_CHECKING:
    from shared.catalogue import Catalogue
    from shared.periods import Period

PlainRecord = Mapping[str, Any]

COUNTED_STATES: Final = frozenset(("submitted", "accepted"))
DRAFT_STATES: Final = frozenset(("draft", "returned"))
REPORT_TYPE: Final = "periodic_report"

ABOUT_FROM: Final = 0.1
"""The share of estimates in a sum from which on it is written «khoảng»."""


@dataclass(frozen=True, kw_only=True)
class CountedReport:
    """What a unit's earlier, frozen report covered: its dates (ISO, both included) and the records it counted."""

    unit: str
    starts: str
    ends: str
    records: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A record that belongs to one of the units, with its date (ISO, "" where it has none)."""

    record: PlainRecord
    unit: str
    day: str
    in_period: bool
    late: bool


def compute(
    catalogue: Catalogue,
    records: Iterable[PlainRecord],
    *,
    units: Sequence[str],
    period: Period,
    published: bool = False,
    drafts: bool = False,
    earlier: Collection[CountedReport] = (),
    declared: Mapping[str, Collection[str]] | None = None,
    sent: Mapping[str, date | None] | None = None,
) -> Figures:
    """All indicators of the period, for each of `units` and over all of them.

    A record of a unit below one of `units` (a hamlet) counts for it; records of other units are passed over. `earlier`
    are the frozen reports before this period. `declared` is {unit: record types declared as «không phát sinh»}; without
    it the declarations of the units' periodic reports count. `sent` is {unit: day of sending
    the period's report}; without it nothing is known of punctuality. `published` hides small counts of cases and their records.
    """
    records = list(records)
    index = {record["id"]: record for record in records}
    placed = _place(catalogue, records, units, period, drafts=drafts, earlier=earlier)
    zero = _declarations(records, units, period) if declared is None else declared
    here = {item.record["id"] for item in placed if item.in_period}
    tallies = _tally(catalogue, placed, index, here, units, period, sent or {})
    figures = _finish(catalogue, tallies, units, period, zero)
    return suppress(figures, plan_of(catalogue).indicators) if published else figures


def _place(
    catalogue: Catalogue, records: Sequence[PlainRecord], units: Sequence[str], period: Period, *,
    drafts: bool, earlier: Collection[CountedReport],
) -> list[_Placed]:
    """The records that may count at all: of the units, in a state that counts, dated no later than the period."""
    states = COUNTED_STATES | DRAFT_STATES if drafts else COUNTED_STATES
    starts, ends = period.starts.isoformat(), period.ends.isoformat()
    before: dict[str, list[CountedReport]] = {}
    for report in earlier:
        if report.ends < starts:
            before.setdefault(report.unit, []).append(report)
    homes: dict[str, str | None] = {}
    placed: list[_Placed] = []
    for record in records:
        record_type = catalogue.types.get(record["type"])
        if record_type is None or (record["type"] != REPORT_TYPE and record["state"] not in states):
            continue
        unit = record["unit"]
        if unit not in homes:
            homes[unit] = _home(catalogue, unit, units)
        home = homes[unit]
        if home is None:
            continue
        dated = record["values"].get(record_type.date) if record_type.date else None
        day = dated[:10] if isinstance(dated, str) else ""
        if day > ends:
            continue
        reports = before.get(home, ())
        counted = any(record["id"] in report.records for report in reports)
        late = not counted and day < starts and any(report.starts <= day <= report.ends for report in reports)
        in_period = late or (starts <= day <= ends and not counted)
        placed.append(_Placed(record=record, unit=home, day=day, in_period=in_period, late=late))
    return placed


def _home(catalogue: Catalogue, unit: str, units: Collection[str]) -> str | None:
    """The one of `units` that the unit is, or stands nearest below."""
    if unit in units:
        return unit
    if unit not in catalogue.units:
        return None
    return next((above.code for above in catalogue.units.ancestors(unit) if above.code in units), None)


def _declarations(
    records: Iterable[PlainRecord], units: Sequence[str], period: Period
) -> dict[str, frozenset[str]]:
    """{unit: record types} that the units' reports of the period, once approved by their lead, declare as zero."""
    found: dict[str, frozenset[str]] = {}
    for record in records:
        if record["type"] != REPORT_TYPE or record["state"] in DRAFT_STATES or record["unit"] not in units:
            continue
        if record["values"].get("period") == period.code:
            said = frozenset(record["values"].get("zero_declared") or ())
            found[record["unit"]] = found.get(record["unit"], frozenset()) | said
    return found


_Tallies = dict[str, dict[str, list[Tally]]]     # {unit: {indicator: contributions}}


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """Contributions, and of which (unit, type, place) anything was recorded at all."""

    tallies: _Tallies
    seen: frozenset[tuple[str, str, str]]


def _tally(
    catalogue: Catalogue, placed: Sequence[_Placed], index: Mapping[str, PlainRecord], here: Collection[str],
    units: Sequence[str], period: Period, sent: Mapping[str, date | None],
) -> _Counted:
    plan = plan_of(catalogue)
    fixed = {
        "period_start": period.starts.isoformat(), "period_end": period.ends.isoformat(),
        "period_due": period.due.isoformat() if period.due else None,
    }
    allowed = {code: plan.units_where(indicator, catalogue, units) for code, indicator in plan.indicators.items()}
    newest = _newest(placed)
    tallies: _Tallies = {unit: {} for unit in units}
    seen: set[tuple[str, str, str]] = set()
    for item in placed:
        steps = plan.steps.get(item.record["type"])
        if not steps:
            continue
        values = item.record["values"]
        day_sent = sent.get(item.unit)
        names = {**values, "unit": item.unit, **fixed, "sent_on": day_sent and day_sent.isoformat()}
        for name, expression in plan.computed[item.record["type"]].items():
            names[name] = expression.evaluate(values, period.ends, catalogue.value_of_series)
        places = _places_of(item, period) if item.record["type"] != REPORT_TYPE or day_sent else frozenset()
        for step in steps:
            indicator = step.indicator
            if indicator.at not in places:
                continue
            seen.add((item.unit, indicator.type, indicator.at))
            if item.unit not in allowed[indicator.code] or (indicator.newest and item.record["id"] not in newest):
                continue
            linked = _linked(step, item.record, index, here)
            if linked is None:
                continue
            tally = step.tally(item.record["id"], {**names, **linked} if linked else names,
                               today=period.ends, day=item.day, late=item.late and indicator.at == "period")
            if tally is not None:
                tallies[item.unit].setdefault(indicator.code, []).append(tally)
    return _Counted(tallies=tallies, seen=frozenset(seen))


def _newest(placed: Iterable[_Placed]) -> frozenset[str]:
    """The ids of each unit's latest record of each type."""
    latest: dict[tuple[str, str], _Placed] = {}
    for item in placed:
        key = (item.unit, item.record["type"])
        if key not in latest or (item.day, item.record["id"]) > (latest[key].day, latest[key].record["id"]):
            latest[key] = item
    return frozenset(item.record["id"] for item in latest.values())


def _places_of(item: _Placed, period: Period) -> frozenset[str]:
    values = item.record["values"]
    if item.record["type"] == REPORT_TYPE:
        return frozenset(("report",)) if values.get("period") == period.code else frozenset()
    places = {"end"}
    if item.in_period:
        places.add("period")
    if values.get("year") == period.year:
        places.add("year")
    return frozenset(places)


def _linked(
    step: Step, record: PlainRecord, index: Mapping[str, PlainRecord], here: Collection[str]
) -> dict[str, Any] | None:
    """The fields that the chain of references lends; {} where the indicator has none; None where it breaks."""
    if not step.indicator.linked:
        return {}
    for name in step.indicator.linked:
        target = record["values"].get(name)
        found = index.get(target) if isinstance(target, str) else None
        if found is None:
            return None
        record = found
    if record["id"] not in here:
        return None
    return {f"linked_{name}": value for name, value in record["values"].items()}


def _finish(
    catalogue: Catalogue, counted: _Counted, units: Sequence[str], period: Period,
    declared: Mapping[str, Collection[str]],
) -> Figures:
    plan = plan_of(catalogue)
    own: dict[str, dict[str, Figure]] = {unit: {} for unit in units}
    shares: dict[str, dict[str, Figure]] = {unit: {} for unit in units}
    totals: dict[str, Figure] = {}
    for code, indicator in plan.indicators.items():
        if indicator.kind == "ratio":
            continue
        if indicator.kind == "units":
            fitting = plan.units_where(indicator, catalogue, units)
            for unit in units:
                own[unit][code] = shares[unit][code] = Figure(value=int(unit in fitting), status=KNOWN)
            totals[code] = Figure(value=len(fitting), status=KNOWN)
            continue
        everything: list[Tally] = []
        statuses: set[str] = set()
        for unit in units:
            tallies = counted.tallies[unit].get(code, [])
            status = _status(indicator, unit, counted, declared, plan.units_where(indicator, catalogue, units))
            shared = [tally for tally in tallies if tally.shared]
            own[unit][code] = _figure(indicator, tallies, status)
            shares[unit][code] = _figure(indicator, shared, status) if indicator.once else own[unit][code]
            everything.extend(shared)
            statuses.add(status)
        over_all = KNOWN if KNOWN in statuses else DECLARED if DECLARED in statuses else BLANK
        totals[code] = _figure(indicator, everything, over_all)
    for table in (totals, *own.values(), *shares.values()):
        put_ratios(plan.indicators.values(), table)
    return Figures(period=period.code, units=tuple(units), totals=totals, own=own, shares=shares)


def _status(
    indicator: Indicator, unit: str, counted: _Counted, declared: Mapping[str, Collection[str]], allowed: Collection[str]
) -> str:
    """Whether 0 is a zero: something of the type was recorded, or the unit declared that nothing occurred."""
    if unit not in allowed:
        return BLANK
    if (unit, indicator.type, indicator.at) in counted.seen:
        return KNOWN
    return DECLARED if indicator.type in declared.get(unit, ()) else BLANK


def _figure(indicator: Indicator, tallies: Sequence[Tally], status: str) -> Figure:
    if status == BLANK and not tallies:
        return Figure()
    value = _VALUE[indicator.kind](indicator, tallies)
    if value is None:
        return Figure()
    tallies = [tally for tally in tallies if tally.amount is not None]
    by: dict[str, dict[str, Figure]] = {}
    for breakdown in indicator.by:
        parts: dict[str, list[Tally]] = {}
        for tally in tallies:
            for code, amount in tally.parts.get(breakdown.code, {}).items():
                parts.setdefault(code, []).append(tally.of_part(amount))
        by[breakdown.code] = {
            code: Figure(value=_VALUE[indicator.kind](indicator, some), status=KNOWN,
                         records=_ids(some), late=_ids(tally for tally in some if tally.late))
            for code, some in sorted(parts.items())}
    return Figure(
        value=value, status=status, records=_ids(tallies), late=_ids(tally for tally in tallies if tally.late), by=by,
        estimated=_estimated(value, tallies))


def _estimated(value: Number, tallies: Sequence[Tally]) -> bool:
    """Whether enough of the number was estimated to say «khoảng»."""
    guessed = sum(tally.amount for tally in tallies if tally.estimated)
    return bool(guessed) and guessed >= ABOUT_FROM * value


def _ids(tallies: Iterable[Tally]) -> tuple[str, ...]:
    return tuple(sorted({tally.record for tally in tallies}))


def _total(indicator: Indicator, tallies: Sequence[Tally]) -> Number | None:
    amounts = [tally.amount for tally in tallies]
    if indicator.kind == "sum" and tallies and all(amount is None for amount in amounts):
        return None
    total: Number = sum(amount for amount in amounts if isinstance(amount, int | float))
    return round(total, 6) if isinstance(total, float) else total


def _distinct(indicator: Indicator, tallies: Sequence[Tally]) -> Number | None:
    return len({tally.amount for tally in tallies if tally.amount is not None})


def _median(indicator: Indicator, tallies: Sequence[Tally]) -> Number | None:
    found = [(tally.group, tally.amount) for tally in tallies if isinstance(tally.amount, int | float)]
    if indicator.least_per:
        least: dict[Any, Number] = {}
        for group, amount in found:
            least[group] = min(amount, least.get(group, amount))
        return statistics.median(least.values()) if least else None
    return statistics.median(amount for _, amount in found) if found else None


def _latest(indicator: Indicator, tallies: Sequence[Tally]) -> Number | None:
    """The value with the latest date; over several units, the total of each unit's latest."""
    newest: dict[Any, Tally] = {}
    for tally in tallies:
        if isinstance(tally.amount, int | float) and (
                tally.unit not in newest or (tally.day, tally.record) > (newest[tally.unit].day, newest[tally.unit].record)):
            newest[tally.unit] = tally
    amounts = [tally.amount for tally in newest.values()]
    return sum(amount for amount in amounts if isinstance(amount, int | float)) if amounts else None


_VALUE: Final[Mapping[str, Callable[[Indicator, Sequence[Tally]], Number | None]]] = {
    "count": _total, "sum": _total, "distinct": _distinct, "median": _median, "latest": _latest}


def put_ratios(indicators: Iterable[Indicator], table: dict[str, Figure]) -> None:
    """Put the ratios into a table of figures. A denominator of 0 has no ratio: «Không phát sinh» (domain-details F11)."""
    for indicator in indicators:
        if indicator.kind != "ratio":
            continue
        num, den = table.get(indicator.num, Figure()), table.get(indicator.den, Figure())
        if den.value is None or (den.value and num.value is None):
            table[indicator.code] = Figure(records=den.records)
        elif not den.value:
            table[indicator.code] = Figure(status=NO_BASE, numerator=num.value or 0, denominator=0)
        else:
            table[indicator.code] = Figure(
                value=indicator.factor * (num.value or 0) / den.value, status=KNOWN, numerator=num.value,
                denominator=den.value, records=tuple(sorted({*num.records, *den.records})), late=den.late,
                corrected=num.corrected or den.corrected)
