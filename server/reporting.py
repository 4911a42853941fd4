"""Periodic reports at the district: what each unit sent, returning, accepting, consolidating, and the documents.

A report's figures are frozen with it; a report that is still being written shows what the records say now. Accepting a report accepts the
records that it counted, in one act; a record can still be returned singly.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from server import db, editing
from server.access import units_visible
from server.clock import VIETNAM
from server.models import LineRow, RecordRow
from server.people import User
from server.projection import bring_up
from server.records import plain_records
from server.replaying import sound_change
from server.reports import Document, ReportRequest, build_report, merge_narratives
from server.services import services
from shared.beside import Beside, Reported
from shared.catalogue import RecordType
from shared.corrections import apply_corrections
from shared.errors import SenError
from shared.figures import Figures
from shared.indicator_plan import plan_of
from shared.indicators import CountedReport, compute
from shared.periods import Period
from shared.suppression import suppress

REPORT = "periodic_report"
SENT = frozenset({"submitted", "accepted", "consolidated"})

__all__ = [
    "UnitReport", "accept", "beside", "consolidate", "document", "figures_of", "give_back", "report_of", "reporting_units", "reports_of",
    "running_period",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class UnitReport:
    """A unit's report of a period. ``sent`` is the local date of its last sending, ``state`` "" where there is no report."""

    unit: str
    record: str | None
    state: str
    values: Mapping[str, Any]
    sent: date | None
    sent_ms: int | None
    days_late: int

    @property
    def frozen(self) -> Figures | None:
        """The figures that were frozen with it, if they were."""
        raw = self.values.get("figures")
        return Figures.from_plain(raw) if isinstance(raw, dict) and raw.get("own") else None


def running_period() -> Period:
    """The half-year or year whose report is due next."""
    held = services()
    return held.catalogue.periods.due_after(held.clock.today())


def reporting_units(district: str, period: Period) -> list[str]:
    """The units below a district that owe it reports of a period, in administrative order."""
    return [unit.code for unit in services().catalogue.units.reporting(district, period.ends)]


def _consolidates(unit: str) -> bool:
    """Whether a unit's own report is put together from those of the units below it."""
    return services().catalogue.units[unit].kind in ("district", "province")


def reports_of(units: Sequence[str], period: Period) -> dict[str, UnitReport]:
    """Each unit's report of a period; a unit without one has an empty one."""
    held = services()
    bring_up(held.catalogue)
    query = select(RecordRow.id, RecordRow.unit, RecordRow.state, RecordRow.current, RecordRow.updated_ms)
    query = query.where(RecordRow.type == REPORT, RecordRow.unit.in_(units), RecordRow.withdrawn.is_(False))
    found: dict[str, Any] = {}
    with db.reading() as connection:
        for row in connection.execute(query.order_by(RecordRow.updated_ms)):
            if json.loads(row.current).get("period") == period.code:
                found[row.unit] = row
        sent = _sent_times(connection, [row.id for row in found.values() if row.state in SENT])
    today = held.clock.today()
    return {unit: _unit_report(unit, found.get(unit), sent, period, today) for unit in units}


def _unit_report(unit: str, row: Any, sent: Mapping[str, int], period: Period, today: date) -> UnitReport:
    if row is None:
        return UnitReport(
            unit=unit, record=None, state="", values={}, sent=None, sent_ms=None, days_late=period.days_late(None, today)
        )  # fmt: skip
    sent_ms = sent.get(row.id)
    day = None if sent_ms is None else datetime.fromtimestamp(sent_ms / 1000, VIETNAM).date()
    return UnitReport(
        unit=unit, record=row.id, state=row.state or "draft", values=json.loads(row.current), sent=day, sent_ms=sent_ms,
        days_late=period.days_late(day, today),
    )  # fmt: skip


def _sent_times(connection: Any, records: Sequence[str]) -> dict[str, int]:
    """When each of these reports was last sent: the arrival of the line that moved it to ``submitted``."""
    times: dict[str, int] = {}
    if not records:
        return times
    columns = select(LineRow.record, LineRow.body, LineRow.digest, LineRow.arrived_ms)
    query = columns.where(LineRow.record.in_(records), LineRow.verdict == "")
    for row in connection.execute(query.where(func.length(LineRow.body) > 0).order_by(LineRow.place)):
        change = sound_change(row.body, row.digest)
        if change is not None and any(op.kind == "go" and op.value == "submitted" for op in change.operations):
            times[row.record] = row.arrived_ms
    return times


def report_of(user: User, unit: str, period: Period) -> UnitReport:
    """One unit's report. Raises SenError("not_found") where the unit is not the person's to read."""
    if unit not in units_visible(user):
        raise SenError("not_found")
    return reports_of([unit], period)[unit]


def figures_of(units: Sequence[str], period: Period, *, published: bool = False, now: bool = False) -> Figures:
    """The figures of units over a period, from their records, with the corrections of their reports.

    Args:
        published: small counts of cases are hidden.
        now: what the records say now, drafts included, whatever was frozen.
    """
    catalogue = services().catalogue
    below = [unit.code for code in units for unit in catalogue.units.subtree(code)]
    records = plain_records(list(dict.fromkeys(below)))
    reports = reports_of(units, period)
    # A unit's own report says nothing of its own punctuality, which is not known before it has gone.
    sent = {unit: report.sent for unit, report in reports.items()} if len(units) > 1 else {}
    figures = compute(
        catalogue, records, units=list(units), period=period, earlier=_earlier(records, period), drafts=now, sent=sent
    )  # fmt: skip
    corrected = {unit: _corrections(report) for unit, report in reports.items()}
    figures = apply_corrections(catalogue, figures, {unit: values for unit, values in corrected.items() if values})
    if not published:
        return figures
    return suppress(figures, plan_of(catalogue).indicators)


def _corrections(report: UnitReport) -> dict[str, Any]:
    rows = report.values.get("corrections") or []
    return {row["figure"]: row["value"] for row in rows if row.get("figure") and row.get("value") is not None}


def _earlier(records: Sequence[Mapping[str, Any]], period: Period) -> list[CountedReport]:
    """The frozen reports before a period: what they counted does not count again, what came after them counts now."""
    periods = services().catalogue.periods
    found = []
    for record in records:
        raw = record["values"].get("figures")
        if record["type"] != REPORT or record["state"] not in SENT or not isinstance(raw, dict) or not raw.get("own"):
            continue
        if not periods.knows(record["values"].get("period", "")):
            continue
        covered = periods.get(record["values"]["period"])
        if covered.ends < period.starts:
            ids = frozenset(Figures.from_plain(raw).record_ids())
            starts, ends = covered.starts.isoformat(), covered.ends.isoformat()
            found.append(CountedReport(unit=record["unit"], starts=starts, ends=ends, records=ids))
    return found


def beside(record_type: RecordType, unit: str) -> Beside:
    """A unit's records of a type that stand, and the reports that it has sent."""
    periods, reported = services().catalogue.periods, []
    for record in plain_records([unit], types=[REPORT]):
        raw, code = record["values"].get("figures"), record["values"].get("period")
        if record["state"] in SENT and isinstance(code, str) and periods.knows(code):
            counted = Figures.from_plain(raw).record_ids() if isinstance(raw, dict) and raw.get("own") else ()
            reported.append(Reported(period=periods.get(code), records=frozenset(counted)))
    wanted = record_type.alike or record_type.stock
    others = {one["id"]: one["values"] for one in plain_records([unit], types=[record_type.code])} if wanted else {}
    return Beside(others=others, reported=reported)


def document(user: User, issuer: str, period: Period, *, published: bool = False) -> Document:
    """The document of a unit's report, or of the district's over all its units.

    Raises:
        SenError: ``not_found``.
    """
    held = services()
    if issuer not in units_visible(user):
        raise SenError("not_found")
    consolidated = _consolidates(issuer)
    units = reporting_units(issuer, period) if consolidated else [issuer]
    reports = reports_of([*units, issuer], period)
    own = reports[issuer]
    frozen = own.frozen if own.state in SENT else None
    previous = held.catalogue.periods.get(period.previous)
    below = [unit.code for code in units for unit in held.catalogue.units.subtree(code)]
    request = ReportRequest(
        outline=period.kind, issuer=_standing(issuer, period) if consolidated else issuer, units=units, period=period,
        figures=_leading(frozen, units, period), previous=figures_of(units, previous), today=held.clock.today(), report=own.values,
        narratives={unit: report.values for unit, report in reports.items() if unit != issuer and report.state in SENT},
        records=plain_records(below, types=_open_types()),
        sent={unit: report.sent for unit, report in reports.items() if unit in units}, published=published,
    )  # fmt: skip
    return build_report(held.catalogue, request)


def _leading(frozen: Figures | None, units: Sequence[str], period: Period) -> Figures:
    """The frozen figures, or those of now; a consolidated report froze no records, and its numbers lead to those of now."""
    if frozen is not None and frozen.record_ids():
        return frozen
    now = figures_of(units, period)
    return now if frozen is None else frozen.with_records_of(now)


def _standing(district: str, period: Period) -> str:
    """The body below the district that receives the units' reports and puts them together for it and for the province; the district
    itself where there is none: a committee does not report to itself.
    """
    tree = services().catalogue.units
    bodies = (unit for unit in tree.subtree(district) if unit.receives_reports_of and unit.exists_on(period.ends))
    return next((unit.code for unit in bodies if unit.code != district), district)


def _open_types() -> list[str]:
    catalogue = services().catalogue
    return [code for code in catalogue.types if code not in catalogue.sealed_types]


def give_back(user: User, record: str, why: str) -> None:
    """Return a report with the reason. Raises SenError("reason_needed"), ("no_such_move")."""
    if not why.strip():
        raise SenError("reason_needed")
    editing.move(user, record, "state", "returned", why=why)


def freeze(report: UnitReport, period: Period) -> None:
    """Freeze a unit's figures with its report, in the server's name: only machines write figures. A consolidated report's are those of
    its units, values alone. Raises SenError("not_found").
    """
    if report.record is None:
        raise SenError("not_found")
    above = _consolidates(report.unit)
    units = reporting_units(report.unit, period) if above else [report.unit]
    figures = figures_of(units, period).plain(records=not above)
    editing.write_values(None, report.record, REPORT, report.unit, {"figures": figures})


def accept(user: User, report: UnitReport) -> int:
    """Accept a report, and with it the records that it counted; gives how many records were accepted.

    Raises:
        SenError: ``not_found``, ``no_such_move``.
    """
    if report.record is None:
        raise SenError("not_found")
    editing.move(user, report.record, "state", "accepted")
    frozen = report.frozen
    counted = frozen.record_ids() if frozen is not None else ()
    with db.reading() as connection:
        query = select(RecordRow.id).where(RecordRow.id.in_(counted), RecordRow.state == "submitted", RecordRow.type != REPORT)
        waiting = list(connection.scalars(query)) if counted else []
    editing.move_all(user, report.unit, waiting, "state", "accepted")
    return len(waiting)


def consolidate(user: User, district: str, period: Period) -> str:
    """Make (or make again) the district's report from its units': narratives merged unit by unit, figures frozen.

    Gives the record's id; its text is then edited like any record's. Raises SenError("no_right").
    """
    held = services()
    units = reporting_units(district, period)
    reports = reports_of([*units, district], period)
    own = reports[district]
    sent = {unit: report.values for unit, report in reports.items() if unit in units and report.state in SENT}
    texts = merge_narratives(held.catalogue, period.kind, units, sent)
    values: dict[str, Any] = {name: text for name, text in texts.items() if not own.values.get(name)}
    values |= {"period": period.code, "kind": period.kind, "figures": figures_of(units, period).plain(records=False)}
    record = editing.write_values(user, own.record, REPORT, district, values)
    for unit in units:
        report = reports[unit]
        if report.state == "accepted" and report.record:
            editing.move(user, report.record, "state", "consolidated")
    return record
