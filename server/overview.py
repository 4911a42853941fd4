"""«Hôm nay»: what the district must do today, in five counts and one table by unit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from server import db
from server.access import units_visible
from server.models import RecordRow
from server.people import Device, User
from server.projection import bring_up
from server.reporting import UnitReport, figures_of, reporting_units, reports_of
from server.services import services
from shared.figures import Figures
from shared.periods import Period

SILENT_DAYS = 7
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
INCIDENT = "gbv_incident"

__all__ = ["Incident", "Overview", "UnitRow", "incidents", "overview"]


@dataclass(frozen=True, kw_only=True)
class Incident:
    """An urgent incident: ``arrived_ms`` when the server got it, ``left_ms`` until its deadline (negative past it), 12 hours
    by law or 24 by our own rule.
    """

    record: str
    unit: str
    known_at: str
    arrived_ms: int
    hours: int
    left_ms: int | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class UnitRow:
    """One unit of the table. ``seen_ms`` is the last contact of any of its tablets; None where it has none or never called."""

    unit: str
    report: UnitReport
    waiting: int
    questions: int
    has_tablet: bool
    seen_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Overview:
    """The page: ``figures`` are those of the table, by unit and in all."""

    period: Period
    rows: list[UnitRow]
    figures: Figures
    incidents: list[Incident]
    waiting: int
    questions: int
    silent: list[str]

    @property
    def accepted(self) -> int:
        """How many reports were accepted."""
        return sum(row.report.state in ("accepted", "consolidated") for row in self.rows)


def overview(user: User, district: str, period: Period) -> Overview:
    """All that the page shows, for the units that the person may read."""
    visible = units_visible(user)
    units = [unit for unit in reporting_units(district, period) if unit in visible]
    reports = reports_of(units, period)
    with db.reading() as connection:
        waiting = _counts(connection, units, RecordRow.state == "submitted")
        asked = _counts(connection, units, RecordRow.open_count > 0)
        last = select(Device.unit, func.max(Device.seen_ms)).where(Device.unit.in_(units), Device.revoked_ms.is_(None))
        seen = {row[0]: row[1] for row in connection.execute(last.group_by(Device.unit))}
    rows = [
        UnitRow(
            unit=unit, report=reports[unit], waiting=waiting.get(unit, 0), questions=asked.get(unit, 0), has_tablet=unit in seen,
            seen_ms=seen.get(unit),
        )
        for unit in units
    ]
    now_ms = services().clock.now_ms()
    silent = [row.unit for row in rows if row.has_tablet and (row.seen_ms is None or now_ms - row.seen_ms > SILENT_DAYS * DAY_MS)]
    return Overview(
        period=period, rows=rows, figures=figures_of(units, period, published=True), incidents=incidents(user),
        waiting=sum(row.report.state == "submitted" for row in rows), questions=sum(asked.values()), silent=silent,
    )  # fmt: skip


def _counts(connection: Any, units: Sequence[str], condition: Any) -> dict[str, int]:
    catalogue = services().catalogue
    above = {unit.code: code for code in units for unit in catalogue.units.subtree(code)}
    query = select(RecordRow.unit, func.count()).where(RecordRow.unit.in_(above), RecordRow.withdrawn.is_(False), condition)
    counts: dict[str, int] = {}
    for unit, count in connection.execute(query.group_by(RecordRow.unit)):
        counts[above[unit]] = counts.get(above[unit], 0) + count
    return counts


def incidents(user: User, *, closed: bool = False) -> list[Incident]:
    """The urgent incidents that the person may read, those without receipt first, by the time that is left.

    Args:
        closed: also those that were acknowledged.
    """
    held = services()
    bring_up(held.catalogue)
    query = select(RecordRow.id, RecordRow.unit, RecordRow.current, RecordRow.created_ms).where(
        RecordRow.type == INCIDENT, RecordRow.unit.in_(units_visible(user)), RecordRow.withdrawn.is_(False)
    )
    found = []
    with db.reading() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        values = json.loads(row.current)
        hours = _hours(values)
        known = values.get("known_at")
        left = None
        if known:
            left = int(datetime.fromisoformat(known).timestamp() * 1000) + hours * HOUR_MS - held.clock.now_ms()
        acknowledged = values.get("district_ack_at")
        if closed or not acknowledged:
            found.append(
                Incident(
                    record=row.id, unit=row.unit, known_at=known or "", arrived_ms=row.created_ms, hours=hours, left_ms=left,
                    acknowledged_at=acknowledged,
                    acknowledged_by=values.get("district_ack_by"), values=values,
                )
            )
    return sorted(found, key=_urgency)


def _urgency(one: Incident) -> tuple[bool, int]:
    left = one.left_ms or 0
    return (one.acknowledged_at is not None, -left if one.acknowledged_at else left)


def _hours(values: Mapping[str, Any]) -> int:
    """The hours allowed, computed as the catalogue says."""
    held = services()
    expression = held.catalogue.types[INCIDENT].computed.get("hours_allowed")
    told = None if expression is None else expression.evaluate(values, held.clock.today(), held.catalogue.value_of_series)
    return int(told or 24)
