"""Reporting periods: a yearly pattern of coverage and deadline, as data, made into the periods of any year.

``2022-H1`` is the half-year that the letter orders by 01/06/2022. A deadline belongs to the period; a unit can have an extension.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from shared.labels import Label
from shared.messages import fill
from shared.yaml_source import Source, fault

FIRST_YEAR = 2000
LAST_YEAR = 2100

__all__ = ["Period", "Periods", "Standing"]


class Standing(NamedTuple):
    """How a report stands to its deadline.

    ``state`` is ``on_time``, ``late`` (handed in after it), ``overdue`` (not handed in, and it has passed), ``waiting`` (not yet due) or
    ``no_deadline``; ``days`` how many days late or overdue, or how many are left.
    """

    state: str
    days: int


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
        standing = self.standing(handed_in, today, extension)
        return standing.days if standing.state in ("late", "overdue") else 0

    def standing(self, handed_in: date | None, today: date, extension: date | None = None) -> Standing:
        """How a unit's report stands.

        Args:
            handed_in: the day of the first submission, None while there is none.
            extension: the unit's own later deadline.
        """
        due = extension or self.due
        if due is None:
            return Standing("no_deadline", 0)
        days = ((handed_in or today) - due).days
        if handed_in is not None:
            return Standing("late", days) if days > 0 else Standing("on_time", 0)
        return Standing("overdue", days) if days > 0 else Standing("waiting", -days)


class Periods:
    """The pattern, and the periods that it makes."""

    def __init__(self, pattern: Sequence[Source]) -> None:
        """Read the rows of ``periods.yaml``, each of the right shape. Raises CatalogueError where one ends before it starts."""
        self.pattern = {row["code"]: row for row in pattern}
        for row in pattern:
            if _day(row["covers"]["to"], FIRST_YEAR) < _day(row["covers"]["from"], FIRST_YEAR):
                raise fault("catalogue_order", row, "covers")

    def knows(self, code: str) -> bool:
        """Whether there is a period of this code."""
        year, _, pattern = code.partition("-")
        if not (year.isascii() and year.isdigit() and len(year) == 4) or pattern not in self.pattern:
            return False
        return FIRST_YEAR <= int(year) <= LAST_YEAR and int(year) in self.pattern[pattern].get("years", (int(year),))

    def get(self, code: str) -> Period:
        """The period of a code such as ``2022-H1``. Raises KeyError."""
        if not self.knows(code):
            raise KeyError(code)
        year, _, pattern = code.partition("-")
        return self.make(pattern, int(year))

    def make(self, pattern: str, year: int) -> Period:
        """The period that a row of the pattern makes in a year."""
        row = self.pattern[pattern]
        return Period(
            code=f"{year}-{pattern}", kind=row["kind"], year=year,
            label=Label(fill(row["label"]["vi"], {"year": year}), fill(row["label"]["en"], {"year": year})),
            starts=_day(row["covers"]["from"], year), ends=_day(row["covers"]["to"], year),
            due=_day(row["due"], year) if row.get("due") else None, internal=bool(row.get("internal")),
            source=row.get("source") or "", previous=f"{year - 1}-{pattern}",
        )  # fmt: skip

    def of(self, day: date, kind: str | None = None) -> list[Period]:
        """The periods that cover a day, the one that ends first standing first."""
        found = [
            self.make(code, year)
            for code, row in self.pattern.items()
            if kind is None or row["kind"] == kind
            for year in row.get("years") or _years(row, day)
        ]
        return sorted((period for period in found if period.covers(day)), key=lambda period: (period.ends, period.code))

    def due_after(self, day: date, kinds: Sequence[str] = ("half_year", "year")) -> Period:
        """The period of these kinds whose report is due next, on or after a day. Raises ValueError where no such kind has a deadline."""
        found = [
            self.make(code, year)
            for code, row in self.pattern.items()
            if row["kind"] in kinds
            for year in row.get("years") or range(day.year - 1, day.year + 3)
        ]
        return min((period for period in found if period.due and period.due >= day), key=lambda period: period.due or day)


def _years(row: Source, day: date) -> range:
    """The years whose period can cover a day."""
    return range(day.year - row["covers"]["to"][0], day.year - row["covers"]["from"][0] + 1)


def _day(parts: Sequence[int], year: int) -> date:
    """``[years from the named one, month, day]``; a day past the month's last is its last."""
    offset, month, day = parts
    return date(year + offset, month, min(day, monthrange(year + offset, month)[1]))
