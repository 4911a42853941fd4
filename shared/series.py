"""Dated series: amounts and time limits that laws change, with the source of each (``series.yaml``)."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date

from shared.labels import Label
from shared.yaml_source import Source, fault

__all__ = ["DatedValue", "Series", "read_series"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedValue:
    """A value in force from a day on. ``verified`` says whether its source was read."""

    starts: date
    value: float
    source: str
    verified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One series, its values in the order of their days."""

    code: str
    label: Label
    unit: Label
    values: tuple[DatedValue, ...]

    def on(self, day: date) -> float | None:
        """The value in force on a day; None before the first."""
        place = bisect_right(self.values, day, key=lambda one: one.starts)
        return self.values[place - 1].value if place else None


def read_series(code: str, row: Source) -> Series:
    """A series from its entry, already of the right shape. Raises CatalogueError where the days are not in order."""
    values: list[DatedValue] = []
    for one in row["values"]:
        if values and one["from"] <= values[-1].starts:
            raise fault("catalogue_order", one, "from")
        values.append(DatedValue(starts=one["from"], value=one["value"], source=one["source"], verified=bool(one.get("verified"))))
    return Series(code=code, label=Label.of(row["label"]), unit=Label.of(row["unit"]), values=tuple(values))
