"""Reporting periods: a yearly pattern of coverage and deadline, as data, made into the periods of any year.

``2022-H1`` is the half-year that the letter orders by 01/06/2022. A deadline belongs to the period; a unit can have an extension.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.labels import Label

__all__ = ["Period", "Periods"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """One period. ``starts`` and ``ends`` are its first and last day; ``internal`` marks a deadline that is not the letter's."""

    code: str
    kind: str
    year: int
    label: Label
    starts: date
    ends: date
    due: date | None
    internal: bool
    source: str
    previous: str

    def covers(self, day: date) -> bool:
        """Whether a day lies in the period."""
        return self.starts <= day <= self.ends

    def days_late(self, handed_in: date | None, today: date, extension: date | None = None) -> int:
        """How many days a report is late: 0 on time or not yet due; counted up to ``today`` while it is not handed in."""
        due = extension or self.due
        return 0 if due is None else max(0, ((handed_in or today) - due).days)


class Periods:
    """The pattern, and the periods that it makes."""

    def __init__(self, pattern: Sequence[Mapping[str, Any]]) -> None:
        self.pattern = {row["code"]: row for row in pattern}

    def get(self, code: str) -> Period:
        """The period of a code such as ``2022-H1``. Raises KeyError."""
        year, _, pattern = code.partition("-")
        if not (year.isdigit() and len(year) == 4) or pattern not in self.pattern:
            raise KeyError(code)
        return self.make(pattern, int(year))

    def make(self, pattern: str, year: int) -> Period:
        """The period that a row of the pattern makes in a year."""
        row = self.pattern[pattern]
        label = Label(row["label"]["vi"].format(year=year), row["label"]["en"].format(year=year))
        return Period(
            code=f"{year}-{pattern}", kind=row["kind"], year=year, label=label,
            starts=_day(row["covers"]["from"], year), ends=_day(row["covers"]["to"], year),
            due=_day(row["due"], year) if "due" in row else None, internal=bool(row.get("internal")),
            source=str(row.get("source", "")), previous=f"{year - 1}-{pattern}",
        )  # fmt: skip

    def of(self, day: date, kind: str | None = None) -> list[Period]:
        """The periods that cover a day, the one that ends first standing first."""
        found = [
            self.make(code, year)
            for code, row in self.pattern.items()
            if kind is None or row["kind"] == kind
            for year in row.get("years", range(day.year, day.year + 2))
        ]
        return sorted((period for period in found if period.covers(day)), key=lambda period: (period.ends, period.code))

    def due_after(self, day: date, kinds: Sequence[str] = ("half_year", "year")) -> Period:
        """The period of these kinds whose report is due next, on or after a day."""
        found = [
            self.make(code, year) for code, row in self.pattern.items() if row["kind"] in kinds for year in (day.year, day.year + 1)
        ]
        return min((period for period in found if period.due and period.due >= day), key=lambda period: period.due or day)


def _day(parts: Sequence[int], year: int) -> date:
    offset, month, day = parts
    if day == 31 and month in (4, 6, 9, 11):
        return date(year + offset, month + 1, 1) - timedelta(days=1)
    return date(year + offset, month, day)
