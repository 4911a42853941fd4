"""What a report is asked for, and the facts about issuer, period and punctuality that its sentences use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from server.reports.outline import DISTRICT, UNIT
from shared.figures import Figures

if TYPE_CHECKING:
    from shared.catalogue import Catalogue
    from shared.periods import Period

COMMUNE_KINDS: Final = frozenset(("commune", "town", "ward"))
_GOVERNED: Final = COMMUNE_KINDS | {"district", "province"}
_NAMES_SHOWN: Final = 12
_PERIOD_NAMES: Final = {
    "half_year": ("06 tháng đầu năm {year}", "06 tháng đầu năm {before}"),
    "year": ("năm {year}", "năm {before}"),
}


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """Everything that a report is made from.

    `issuer` is the unit whose letterhead the report bears, `units` those it covers; a report of one unit about itself is a
    unit's report, any other a consolidated one. `figures` are the period's figures (a frozen report passes its frozen
    ones), `previous` those of the period before. `report` are the plain values of the issuer's periodic report, `narratives`
    of the other units: {unit: values}. `sent` is {unit: date of sending, None = not sent}, `due` the deadlines that differ
    from the period's. `today` dates the report. `published` asks for the version with small counts of cases hidden.
    """

    outline: str
    issuer: str
    units: Sequence[str]
    period: Period
    figures: Figures
    today: date
    previous: Figures | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    narratives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    records: Sequence[Mapping[str, Any]] = ()
    sent: Mapping[str, date | None] = field(default_factory=dict)
    due: Mapping[str, date] = field(default_factory=dict)
    published: bool = False

    @property
    def scope(self) -> str:
        """"unit" or "district"."""
        return UNIT if tuple(self.units) == (self.issuer,) else DISTRICT

    def due_of(self, unit: str) -> date | None:
        """The unit's deadline."""
        return self.due.get(unit, self.period.due)


@dataclass(frozen=True, kw_only=True)
class Punctuality:
    """When a unit sent its report: `days_late` is 0 in time, more when late, None when not sent."""

    unit: str
    sent: date | None
    due: date | None

    @property
    def days_late(self) -> int | None:
        """Days after the deadline, 0 if in time, None if not sent."""
        if self.sent is None:
            return None
        return max(0, (self.sent - self.due).days) if self.due else 0


def punctuality(request: ReportRequest) -> tuple[Punctuality, ...]:
    """One entry a unit, in the request's order."""
    return tuple(Punctuality(unit=unit, sent=request.sent.get(unit), due=request.due_of(unit)) for unit in request.units)


def month_text(month: int) -> str:
    """A month as official documents write it: 1 and 2 bear a leading zero, no other does (NĐ 30/2020)."""
    return f"{month:02d}" if month < 3 else str(month)


def day_text(day: date) -> str:
    """A date inside an official text: «01/6/2022», «15/02/2022», «16/3/2022»."""
    return f"{day.day:02d}/{month_text(day.month)}/{day.year}"


def unit_name(catalogue: Catalogue, code: str) -> str:
    """The unit's name inside a sentence: «xã Long Khánh A», «Phòng Tư pháp»."""
    unit = catalogue.units[code]
    name = unit.name.vi.replace("–", "-")
    return name[:1].lower() + name[1:] if unit.kind in _GOVERNED else name


def body_name(catalogue: Catalogue, code: str) -> str:
    """The body that issues: «Ủy ban nhân dân xã Long Khánh A», «Phòng Tư pháp»."""
    governed = catalogue.units[code].kind in _GOVERNED
    return f"Ủy ban nhân dân {unit_name(catalogue, code)}" if governed else unit_name(catalogue, code)


def district_of(catalogue: Catalogue, code: str) -> str:
    """The unit's district (itself, where it is one); where there is none, the unit above it."""
    above = [catalogue.units[code], *catalogue.units.ancestors(code)]
    found = next((unit.code for unit in above if unit.kind == "district"), None)
    return found or catalogue.units[code].parent or code


def facts_of(catalogue: Catalogue, request: ReportRequest) -> dict[str, str | int]:
    """The words and counts, other than figures, that texts and conditions of an outline may use."""
    year = request.period.ends.year
    names = _PERIOD_NAMES.get(request.period.kind, ("{year}", "{before}"))
    kind = catalogue.units[request.issuer].kind
    late = [one for one in punctuality(request) if one.days_late]
    missing = [one for one in punctuality(request) if one.sent is None]
    return {
        "year": year,
        "next_year": year + 1,
        "today": day_text(request.today),
        "issuer": body_name(catalogue, request.issuer),
        "district": unit_name(catalogue, district_of(catalogue, request.issuer)),
        "own_kind": {"commune": "xã", "town": "thị trấn", "ward": "phường"}.get(kind, "đơn vị"),
        "period_name": names[0].format(year=year),
        "previous_name": names[1].format(before=year - 1),
        "reporting_units": len(request.units),
        "reported": len(request.units) - len(missing),
        "on_time": len(request.units) - len(missing) - len(late),
        "late_units": len(late),
        "late_names": _listed(catalogue, late),
        "missing_units": len(missing),
        "missing_names": _listed(catalogue, missing),
        "late_records": len({record for figure in request.figures.totals.values() for record in figure.late}),
    }


def _listed(catalogue: Catalogue, some: Sequence[Punctuality]) -> str:
    names = [unit_name(catalogue, one.unit) for one in some]
    if len(names) > _NAMES_SHOWN:
        return f"{', '.join(names[:_NAMES_SHOWN])} và {len(names) - _NAMES_SHOWN} đơn vị khác"
    return ", ".join(names)
