"""Periodic reports: is it complete, is it right? A unit's text and figures with the period before; return, accept, consolidate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from server import editing, reporting
from server.access import roles_of, units_visible
from server.console.report_page import ReportPage, report_page, report_state
from server.console.shell import district_of, me, page
from server.console.words import moment_words, unit_words, wait_words
from server.language import lang
from server.reporting import REPORT, UnitReport
from server.reports import write_docx, write_xlsx
from server.services import services
from shared.errors import SenError
from shared.labels import date_text
from shared.periods import Period
from shared.text import fold
from shared.validate import validate

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = ("half_year", "year")
"""The periods that are reported on."""

FREEZES = frozenset({"approved", "submitted"})
"""Where a report's figures are frozen with it."""

YEARS_BACK = 2

blueprint = Blueprint("reports", __name__)
blueprints = (blueprint,)

__all__ = ["Line", "Reports", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A unit's report in the list."""

    unit: str
    url: str
    state: str
    tone: str
    sent: str
    wait: str
    late: int


@dataclass(frozen=True, kw_only=True)
class Reports:
    """The page of one period."""

    period: Period
    label: str
    due: str
    periods: list[tuple[str, str, bool]]
    states: list[tuple[str, str, bool]]
    lines: list[Line]
    district: str
    district_words: str


def _period(code: str) -> Period:
    periods = services().catalogue.periods
    if not periods.knows(code) or periods.get(code).kind not in KINDS:
        raise SenError("not_found")
    return periods.get(code)


def _periods(chosen: Period) -> Iterator[tuple[str, str, bool]]:
    held = services()
    running = reporting.running_period()
    for year in range(running.year, running.year - YEARS_BACK - 1, -1):
        for pattern, row in held.catalogue.periods.pattern.items():
            period = held.catalogue.periods.make(pattern, year)
            if row["kind"] in KINDS and period.starts <= held.clock.today():
                yield period.code, period.label.get(lang()), period.code == chosen.code


@blueprint.get("/reports")
def reports() -> AnyResponse:
    """The reports of a period, by unit in administrative order."""
    user = me()
    period = _period(request.args["period"]) if request.args.get("period") else reporting.running_period()
    state, district = request.args.get("state", ""), district_of(user)
    visible = units_visible(user)
    units = [unit for unit in reporting.reporting_units(district, period) if unit in visible]
    found = reporting.reports_of(units, period)
    kept = [one for one in found.values() if not state or one.state == state or (state == "missing" and not one.record)]
    flow = services().catalogue.flows[services().catalogue.types[REPORT].flow]
    states = [("", _("Tất cả"), not state), *((code, label.get(lang()), code == state) for code, label in flow.states.items())]
    context = Reports(
        period=period, label=period.label.get(lang()), due=date_text(period.due), periods=list(_periods(period)),
        states=[*states, ("missing", _("Chưa soạn"), state == "missing")], lines=[_line(one, period) for one in kept],
        district=url_for("reports.report", period=period.code, unit=district) if district in visible else "",
        district_words=unit_words(district),
    )  # fmt: skip
    return page("reports/reports.html", context)


def _line(one: UnitReport, period: Period) -> Line:
    words, tone = report_state(one)
    return Line(
        unit=unit_words(one.unit), url=url_for("reports.report", period=period.code, unit=one.unit), state=words, tone=tone,
        sent=moment_words(one.sent_ms), wait=wait_words(one.sent_ms) if one.state == "submitted" else "", late=one.days_late,
    )  # fmt: skip


@blueprint.get("/reports/<period>/<unit>")
def report(period: str, unit: str) -> AnyResponse:
    """One unit's report, or the district's over all its units."""
    return page("reports/report.html", _page(_period(period), unit))


def _page(period: Period, unit: str, wrong: Sequence[str] = ()) -> ReportPage:
    told = reporting.report_of(me(), unit, period)
    return report_page(me(), told, period, reporting.document(me(), unit, period), wrong)


@blueprint.post("/reports/<period>/<unit>/move")
def move(period: str, unit: str) -> AnyResponse:
    """A step of the unit's own: approve, send, take back. Figures are frozen with it."""
    chosen, to = _period(period), request.form.get("to", "")
    told = reporting.report_of(me(), unit, chosen)
    if told.record is None or to not in (FREEZES | {"draft"}):
        raise SenError("no_such_move")
    wrong = _wrong(told) if to in FREEZES else []
    if wrong:
        return page("reports/report.html", _page(chosen, unit, wrong), status=422)
    if to in FREEZES:
        reporting.freeze(told, chosen)
    editing.move(me(), told.record, "state", to)
    flash(_("Đã gửi báo cáo.") if to == "submitted" else _("Đã chuyển tình trạng."))
    return redirect(url_for("reports.report", period=period, unit=unit), 303)


def _wrong(told: UnitReport) -> list[str]:
    """What stops a report from being sent, in words."""
    held = services()
    record_type = held.catalogue.types[REPORT]
    found = validate(record_type, dict(told.values), stage="submit", today=held.clock.today(), catalogue=held.catalogue)
    errors = [one for one in found if one.level == "error"]
    return [f"{record_type.fields[one.path.split('/')[0]].label.get(lang())}: {one.text(lang())}" for one in errors]


@blueprint.post("/reports/<period>/<unit>/return")
def give_back(period: str, unit: str) -> AnyResponse:
    """Return a report with the reasons."""
    told = reporting.report_of(me(), unit, _period(period))
    if told.record is None:
        raise SenError("no_such_move")
    reporting.give_back(me(), told.record, request.form.get("why", ""))
    flash(_("Đã trả lại để bổ sung; đơn vị thấy lý do ở lần đồng bộ tới."))
    return redirect(url_for("reports.report", period=period, unit=unit), 303)


@blueprint.post("/reports/<period>/<unit>/accept")
def accept(period: str, unit: str) -> AnyResponse:
    """Accept a report, and with it the records that it counted."""
    told = reporting.report_of(me(), unit, _period(period))
    if told.record is None:
        raise SenError("no_such_move")
    count = reporting.accept(me(), told)
    flash(ngettext("Đã tiếp nhận báo cáo và %(num)d bản ghi.", "Đã tiếp nhận báo cáo và %(num)d bản ghi.", count))
    return redirect(url_for("reports.report", period=period, unit=unit), 303)


@blueprint.post("/reports/<period>/<unit>/consolidate")
def consolidate(period: str, unit: str) -> AnyResponse:
    """Make the district's report from those of its units; its text can be edited afterwards."""
    if "district_officer" not in roles_of(me()):
        raise SenError("no_right")
    reporting.consolidate(me(), unit, _period(period))
    flash(_("Đã tổng hợp. Lời văn ghép từ các đơn vị có thể sửa trước khi trình ký."))
    return redirect(url_for("reports.report", period=period, unit=unit), 303)


@blueprint.get("/reports/<period>/<unit>/docx")
def docx(period: str, unit: str) -> Response:
    """The report as a Word file."""
    return _download(write_docx(reporting.document(me(), unit, _period(period))), DOCX, period, unit, "docx")


@blueprint.get("/reports/<period>/<unit>/xlsx")
def xlsx(period: str, unit: str) -> Response:
    """The report's tables with real numbers."""
    return _download(write_xlsx(reporting.document(me(), unit, _period(period))), XLSX, period, unit, "xlsx")


def _download(data: bytes, mime: str, period: str, unit: str, suffix: str) -> Response:
    known = services().catalogue.units[unit]
    name = "-".join(["bao-cao", period, *fold(known.short or known.name.vi).split()])
    answer = Response(data, mimetype=mime)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{name}.{suffix}")
    answer.headers["Cache-Control"] = "no-store"
    return answer
