"""Figures: what the indicators of a period came to, unit by unit and over all units.

A figure is more than a number: it knows the records behind it, whether nothing was recorded (printed «-») or
«không phát sinh» was declared (printed 0), whether it rests on estimates, and whether it must stay hidden where
figures are published. Figures are plain data: `Figures.plain()` is what a report freezes, `Figures.from_plain()`
reads it back. How figures are computed stands in `indicators.py`, what is hidden in `suppression.py`.

A reference names a figure or a part of it: "I13V" or "I13V.sex.female" (indicator, breakdown, code).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

KNOWN: Final = "known"          # counted from records
DECLARED: Final = "declared"    # zero, because the unit declared that nothing occurred
BLANK: Final = "blank"          # nothing recorded and nothing declared: not a zero
NO_BASE: Final = "no_base"      # a ratio whose denominator is 0: «Không phát sinh»
FEW: Final = "few"              # hidden, printed «< 5»
HIDDEN: Final = "hidden"        # hidden only because a total would give another cell away, printed «…»

STATUSES: Final = (KNOWN, DECLARED, BLANK, NO_BASE, FEW, HIDDEN)

Number = int | float


def _nothing() -> Mapping[str, Mapping[str, Figure]]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number and what stands behind it.

    `value` is None unless `status` is known or declared. `records` are the ids of the records counted, `late` those
    among them that belong to an earlier, already reported period. `by` is {breakdown: {code: Figure}}.
    `corrected` is True where a person set the value in a report's corrections.
    """

    value: Number | None = None
    status: str = BLANK
    numerator: Number | None = None
    denominator: Number | None = None
    records: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    by: Mapping[str, Mapping[str, Figure]] = field(default_factory=_nothing)
    estimated: bool = False
    corrected: bool = False

    @property
    def suppressed(self) -> bool:
        """True where the value may not be shown."""
        return self.status in (FEW, HIDDEN)

    def hidden_as(self, status: str) -> Figure:
        """This figure with everything that could give its value away removed."""
        return Figure(status=status)

    def plain(self) -> dict[str, Any]:
        """The figure as JSON values, without what is at its default; a value without a status is a known one."""
        out: dict[str, Any] = {} if self.value is None else {"value": self.value}
        if self.status != (BLANK if self.value is None else KNOWN):
            out["status"] = self.status
        if self.numerator is not None:
            out["numerator"] = self.numerator
        if self.denominator is not None:
            out["denominator"] = self.denominator
        for name in ("records", "late"):
            if ids := getattr(self, name):
                out[name] = list(ids)
        for name in ("estimated", "corrected"):
            if getattr(self, name):
                out[name] = True
        if self.by:
            out["by"] = {name: {code: part.plain() for code, part in parts.items()} for name, parts in self.by.items()}
        return out

    @classmethod
    def from_plain(cls, raw: Mapping[str, Any]) -> Figure:
        """Read what `plain` wrote."""
        return cls(
            value=raw.get("value"),
            status=raw.get("status", BLANK if raw.get("value") is None else KNOWN),
            numerator=raw.get("numerator"),
            denominator=raw.get("denominator"),
            records=tuple(raw.get("records", ())),
            late=tuple(raw.get("late", ())),
            by={name: {code: cls.from_plain(part) for code, part in parts.items()}
                for name, parts in raw.get("by", {}).items()},
            estimated=bool(raw.get("estimated", False)),
            corrected=bool(raw.get("corrected", False)),
        )


BLANK_FIGURE: Final = Figure()


def part_of(figure: Figure, path: Iterable[str]) -> Figure:
    """The part of a figure that a reference's tail names, e.g. ("sex", "female").

    A code that no record carries is 0 where the figure itself is known, and as hidden or blank as the figure otherwise.
    """
    names = list(path)
    if not names:
        return figure
    name, code = names
    part = figure.by.get(name, {}).get(code)
    if part is not None:
        return part
    if figure.value is None:
        return Figure(status=figure.status)
    return Figure(value=0, status=figure.status)


def _with_records(figure: Figure, other: Figure) -> Figure:
    by = {name: {code: _with_records(part, other.by.get(name, {}).get(code, BLANK_FIGURE)) for code, part in parts.items()}
          for name, parts in figure.by.items()}
    return replace(figure, records=other.records, late=other.late, by=by)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures of one period.

    `totals` is {indicator: Figure} over all `units`, where an event that several units shared counts once;
    `own` is {unit: {indicator: Figure}} as a unit reports it, `shares` is the same as it enters the totals: the two
    differ only where a unit took part in an event that another one leads.
    """

    period: str
    units: tuple[str, ...]
    totals: Mapping[str, Figure]
    own: Mapping[str, Mapping[str, Figure]]
    shares: Mapping[str, Mapping[str, Figure]]
    published: bool = False

    def of(self, reference: str, unit: str | None = None) -> Figure:
        """The figure that a reference names: over all units, or a unit's own. Unknown references give a blank figure."""
        code, *path = reference.split(".")
        table = self.totals if unit is None else self.own.get(unit, {})
        return part_of(table.get(code, BLANK_FIGURE), path)

    def share(self, reference: str, unit: str) -> Figure:
        """What the unit adds to the total: the shares of all units add up to `of(reference)`."""
        code, *path = reference.split(".")
        return part_of(self.shares.get(unit, {}).get(code, BLANK_FIGURE), path)

    def unit_only(self, unit: str) -> Figures:
        """The figures of one unit as its own report shows them: its own figures stand as the totals."""
        own = self.own.get(unit, {})
        return replace(self, units=(unit,), totals=own, own={unit: own}, shares={unit: own})

    def with_records_of(self, other: Figures) -> Figures:
        """These values, each leading to the records behind the other's figure: for a report that froze its values alone."""
        def table(mine: Mapping[str, Figure], others: Mapping[str, Figure]) -> dict[str, Figure]:
            return {code: _with_records(figure, others.get(code, BLANK_FIGURE)) for code, figure in mine.items()}

        own = {unit: table(mine, other.own.get(unit, {})) for unit, mine in self.own.items()}
        shares = {unit: table(mine, other.shares.get(unit, {})) for unit, mine in self.shares.items()}
        return replace(self, totals=table(self.totals, other.totals), own=own, shares=shares)

    def record_ids(self) -> tuple[str, ...]:
        """Every record that entered any figure, sorted: what the next period must not count again."""
        ids: set[str] = set()
        for figures in (self.totals, *self.own.values()):
            for figure in figures.values():
                ids.update(figure.records)
        return tuple(sorted(ids))

    def plain(self, *, records: bool = True) -> dict[str, Any]:
        """The figures as JSON values, for a report to freeze: a line of a log holds at most 256 KiB.

        The ids of records stand once in a table, and each figure names them by their numbers there. A report over many
        units freezes the values alone (`records=False`); the units' own reports hold the records behind them.
        """
        ids = {record: number for number, record in enumerate(self.record_ids())} if records else {}

        def packed(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            kept = {key: packed(item) for key, item in value.items() if key not in ("records", "late")}
            for key in ("records", "late"):
                if ids and key in value:
                    kept[key] = [ids[record] for record in value[key] if record in ids]
            return kept

        def table(figures: Mapping[str, Figure]) -> dict[str, Any]:
            return {code: packed(figure.plain()) for code, figure in figures.items() if figure != BLANK_FIGURE}

        return {
            "period": self.period,
            "units": list(self.units),
            "published": self.published,
            "records": list(ids),
            "totals": table(self.totals),
            "own": {unit: table(figures) for unit, figures in self.own.items()},
            "shares": {
                unit: {code: packed(figure.plain()) for code, figure in different.items()}
                for unit in self.units if (different := self._other_shares(unit))
            },
        }

    def _other_shares(self, unit: str) -> dict[str, Figure]:
        """The unit's shares that differ from its own figures."""
        own = self.own.get(unit, {})
        return {code: figure for code, figure in self.shares.get(unit, {}).items() if figure != own.get(code)}

    @classmethod
    def from_plain(cls, raw: Mapping[str, Any]) -> Figures:
        """Read what `plain` wrote; a figure that is not in it is blank, a share that is not in it the unit's own."""
        ids = raw.get("records", ())
        codes = {code for figures in (raw["totals"], *raw["own"].values()) for code in figures}

        def unpacked(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            told = {key: unpacked(item) for key, item in value.items()}
            return told | {key: [ids[number] for number in value[key]] for key in ("records", "late") if key in value}

        def table(figures: Mapping[str, Any]) -> dict[str, Figure]:
            told = {code: Figure.from_plain(unpacked(figure)) for code, figure in figures.items()}
            return {code: told.get(code, BLANK_FIGURE) for code in codes}

        own = {unit: table(figures) for unit, figures in raw["own"].items()}
        different = {unit: {code: Figure.from_plain(unpacked(figure)) for code, figure in figures.items()}
                     for unit, figures in raw.get("shares", {}).items()}
        return cls(
            period=raw["period"],
            units=tuple(raw["units"]),
            totals=table(raw["totals"]),
            own=own,
            shares={unit: {**figures, **different.get(unit, {})} for unit, figures in own.items()},
            published=bool(raw.get("published", False)),
        )


_NUMBERS: Final = (int, float, type(None))


def is_frozen(raw: Any) -> bool:
    """Whether plain data can be read by `Figures.from_plain`; it may come from a device that is broken or hostile."""
    if type(raw) is not dict or type(raw.get("period")) is not str or not _are(raw.get("units"), str):
        return False
    ids = raw.get("records", [])
    if not _are(ids, str) or not _is_table(raw.get("totals"), len(ids)):
        return False
    return all(_are_tables(raw.get(name), len(ids)) for name in ("own", *(("shares",) if "shares" in raw else ())))


def _are(value: Any, kind: type) -> bool:
    return type(value) is list and all(type(item) is kind for item in value)


def _are_tables(value: Any, ids: int) -> bool:
    return type(value) is dict and all(_is_table(table, ids) for table in value.values())


def _is_table(value: Any, ids: int) -> bool:
    return type(value) is dict and all(_is_figure(figure, ids) for figure in value.values())


def _is_figure(value: Any, ids: int) -> bool:
    if type(value) is not dict or value.get("status", BLANK) not in STATUSES:
        return False
    if not all(type(value.get(name)) in _NUMBERS for name in ("value", "numerator", "denominator")):
        return False
    behind = [number for name in ("records", "late") for number in _listed(value.get(name, []))]
    if not all(type(number) is int and 0 <= number < ids for number in behind):
        return False
    return type(value.get("by", {})) is dict and all(_is_table(parts, ids) for parts in value.get("by", {}).values())


def _listed(value: Any) -> list[Any]:
    """A list as it is; anything else as a list that holds no number."""
    return value if type(value) is list else [None]
