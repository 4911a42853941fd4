"""What an indicator is: one row of data/indicators.yaml, read and checked.

How its numbers come about stands in `indicators.py`. Kinds of indicator:

    count     records (with `rows`: rows of a table in the record) that satisfy `where` and `row_where`
    sum       the total of `of`, a field or an expression, over the same
    distinct  how many different values `of` has
    median    the middle value of `of`
    latest    the value of `of` in the record with the latest date
    units     the units that satisfy `unit_where`: a denominator such as «số xã»
    ratio     `num` over `den` (two indicators), times `factor`
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.rules import RuleFault, compile_expression

KINDS: Final = ("count", "sum", "distinct", "median", "latest", "units", "ratio")

ADDITIVE: Final = ("count", "sum", "distinct", "units")
"""Kinds whose total is the sum of the units' shares."""

PLACES: Final = ("period", "end", "year", "report")
"""Which records of its type an indicator looks at: those dated in the period; a stock, all up to the period's end; those
whose `year` is the period's; those whose `period` field names the period."""

PERIOD_NAMES: Final = ("period_start", "period_end", "period_due", "sent_on")
"""Names that an expression may use beside the fields of the record: ISO dates of the period, and the day on which the unit
sent its report of the period."""

UNIT_NAMES: Final = ("code", "kind", "must_have_committee", "must_report", "must_self_assess_ntm")
"""What `unit_where` may ask of a unit."""

_KEYS: Final = frozenset((
    "code", "label", "unit", "kind", "type", "at", "where", "of", "rows", "row_where", "unit_where", "num", "den", "factor",
    "by", "once", "newest", "cases", "linked", "least_per", "subset_of", "estimate", "decimals", "source", "letter", "note"))
_BY_KEYS: Final = frozenset(("code", "field", "groups", "missing"))


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """A split of an indicator by a choice field (of the record, or of the row where the indicator counts rows).

    `groups` gathers several choice codes under one, {group: (codes)}; a choice in no group is left out. `missing` is the
    code that a record without the field counts under.
    """

    code: str
    field: str
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    missing: str = ""

    @property
    def group_of(self) -> Mapping[str, str]:
        """{choice code: group}, empty where the choices themselves are the parts."""
        return {choice: group for group, choices in self.groups.items() for choice in choices}


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One indicator. Fields bear the names of the YAML's keys.

    `label` and `unit` are {"vi": text, "en": text}. `once` is the expression that chooses the records which enter a
    total over several units (an event that units share has one leader). `newest` looks at each unit's latest record
    only. `linked` is a chain of ref fields whose last record must itself be counted in the period and lends its fields
    as `linked_<field>`. `least_per` keeps the smallest value for each value of that field. `estimate` is the yes/no
    field that marks a record's number as estimated. `cases` marks what is hidden where it is published and small,
    `subset_of` the indicator whose cases these are among.
    """

    code: str
    label: Mapping[str, str]
    unit: Mapping[str, str]
    kind: str
    type: str = ""
    at: str = "period"
    where: str = ""
    of: str = ""
    rows: str = ""
    row_where: str = ""
    unit_where: str = ""
    num: str = ""
    den: str = ""
    factor: int = 1
    by: tuple[Breakdown, ...] = ()
    once: str = ""
    newest: bool = False
    cases: bool = False
    linked: tuple[str, ...] = ()
    least_per: str = ""
    subset_of: str = ""
    estimate: str = ""
    decimals: int = 0
    source: str = ""
    letter: str = ""
    note: str = ""

    @property
    def additive(self) -> bool:
        """True where the shares of the units add up to the total."""
        return self.kind in ADDITIVE


def _breakdown(raw: str | Mapping[str, Any]) -> Breakdown:
    if isinstance(raw, str):
        return Breakdown(code=raw, field=raw)
    if unknown := set(raw) - _BY_KEYS:
        raise ValueError(f"unknown key in by: {', '.join(sorted(unknown))}")
    groups = {group: tuple(codes) for group, codes in raw.get("groups", {}).items()}
    return Breakdown(code=raw.get("code", raw["field"]), field=raw["field"], groups=groups, missing=raw.get("missing", ""))


def read_indicator(raw: Mapping[str, Any]) -> Indicator:
    """One entry of indicators.yaml as an Indicator.

    Raises ValueError, in English and with no value but keys and codes, for an unknown key or kind, or a missing part.
    """
    if unknown := set(raw) - _KEYS:
        raise ValueError(f"unknown key: {', '.join(sorted(unknown))}")
    for key in ("code", "label", "unit", "kind"):
        if not raw.get(key):
            raise ValueError(f"missing key: {key}")
    kind = raw["kind"]
    if kind not in KINDS:
        raise ValueError(f"unknown kind: {kind}")
    if raw.get("at", "period") not in PLACES:
        raise ValueError(f"unknown at: {raw['at']}")
    needed = {"ratio": ("num", "den"), "units": ()}.get(kind, ("type",) if kind == "count" else ("type", "of"))
    for key in needed:
        if not raw.get(key):
            raise ValueError(f"missing key for {kind}: {key}")
    plain = {key: value for key, value in raw.items() if key not in ("by", "linked", "letter")}
    return Indicator(
        **plain,
        letter=str(raw.get("letter", "")),
        by=tuple(_breakdown(item) for item in raw.get("by", ())),
        linked=tuple(raw.get("linked", ())),
    )


def read_indicators(raw: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> dict[str, Indicator]:
    """indicators.yaml, whether a list or {code: entry}, as {code: Indicator} in its order. Raises ValueError."""
    entries = raw.values() if isinstance(raw, Mapping) else raw
    found: dict[str, Indicator] = {}
    for entry in entries:
        indicator = entry if isinstance(entry, Indicator) else read_indicator(entry)
        if indicator.code in found:
            raise ValueError(f"duplicate code: {indicator.code}")
        found[indicator.code] = indicator
    return found


def names_of(indicator: Indicator, types: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """{key: the names that the indicator's expression there may use}; raises KeyError where a reference leads nowhere.

    `where`, `once` and `of` ask the record, the period and, with `linked`, the record at the end of the chain; of an
    indicator over rows, `of` and `row_where` ask the row. A confidential field is not among them: no figure may rest on one.
    """
    if not indicator.type:
        return {"unit_where": frozenset(UNIT_NAMES)}
    record_type = types[indicator.type]
    names = {*_open(record_type.fields), *PERIOD_NAMES}
    if indicator.rows and indicator.rows not in names:
        raise KeyError(indicator.rows)
    row = _open(record_type.fields[indicator.rows].fields) if indicator.rows else frozenset()
    if indicator.linked:
        for name in indicator.linked:
            record_type = types[record_type.fields[name].ref]
        names |= {f"linked_{name}" for name in _open(record_type.fields)}
    record = frozenset(names)
    return {"where": record, "once": record, "of": row if indicator.rows else record, "row_where": row,
            "unit_where": frozenset(UNIT_NAMES)}


def _open(fields: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, field in fields.items() if field.sensitivity != "confidential")


def check_indicators(indicators: Mapping[str, Indicator], types: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What does not fit the record types: pairs of (indicator code, what is wrong, in English).

    `types` is {type code: RecordType}.
    """
    for indicator in indicators.values():
        for key in ("num", "den", "subset_of"):
            code = getattr(indicator, key)
            if code and code not in indicators:
                yield indicator.code, f"{key} names no indicator: {code}"
        try:
            names = names_of(indicator, types)
        except KeyError as error:
            yield indicator.code, f"no such type or field: {error.args[0]}"
            continue
        for key, known in names.items():
            if text := getattr(indicator, key):
                try:
                    compile_expression(text, known)
                except RuleFault as error:
                    yield indicator.code, f"{key}: {error}"
        for breakdown in indicator.by:
            if breakdown.field not in names["row_where" if indicator.rows else "where"]:
                yield indicator.code, f"by names no field: {breakdown.field}"
