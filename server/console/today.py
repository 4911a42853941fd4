"""«Hôm nay»: what must I do? Five counts, and the running period's reports by unit in administrative order."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from server.access import READERS, roles_of
from server.console.report_page import report_state
from server.console.shell import district_of, me, page
from server.console.words import age_words, left_words, moment_words, unit_words, wait_words
from server.language import lang
from server.overview import SILENT_DAYS, Overview, UnitRow, overview
from server.reporting import figures_of, reporting_units, running_period
from server.services import services
from shared.figure_text import figure_text
from shared.figures import Figure, Figures
from shared.indicator_plan import plan_of
from shared.labels import date_text
from shared.periods import Period

FIGURES = ("I01", "I02", "I03", "I06", "I13", "I15N")
"""The figures of the table."""

blueprint = Blueprint("today", __name__)
blueprints = (blueprint,)

__all__ = ["blueprints", "figure_cells"]


@dataclass(frozen=True, kw_only=True)
class Count:
    """One of the five counts: its words, the number, what stands below it, where it leads."""

    label: str
    number: str
    below: str
    url: str
    danger: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A figure as printed; ``url`` leads to its records, "" where it is hidden or has none."""

    text: str
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A unit's line. ``late`` are days behind the deadline."""

    unit: str
    url: str
    state: str
    tone: str
    sent: str
    late: int
    figures: list[Cell]
    seen: str
    silent: bool


@dataclass(frozen=True, kw_only=True)
class Today:
    """The page. ``may_consolidate`` shows the one filled button."""

    day: str
    period: Period
    title: str
    counts: list[Count]
    heads: list[str]
    lines: list[Line]
    totals: list[Cell]
    total_words: str
    consolidate: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a viewer sees: figures of the period as they may be published."""

    day: str
    title: str
    heads: list[str]
    lines: list[tuple[str, list[Cell]]]
    totals: list[Cell]
    total_words: str


@blueprint.get("/")
def today() -> Response:
    """The page of the role that one has."""
    user = me()
    roles = roles_of(user)
    if roles & READERS:
        return _overview_page()
    if "admin" in roles:
        return redirect(url_for("tablets.tablets"))
    return _published_page()


def heads() -> list[str]:
    """The headings of the figures."""
    return [_("Cuộc truyền thông"), _("Lượt người dự"), _("Nữ (%)"), _("Tin, bài"), _("Vụ việc"), _("Được hỗ trợ")]


def figure_cells(figures: Figures, unit: str | None, *, links: bool = True) -> list[Cell]:
    """The table's figures of a unit (as they enter the total), or of all."""
    indicators = plan_of(services().catalogue).indicators
    cells = []
    for code in FIGURES:
        figure: Figure = figures.of(code) if unit is None else figures.share(code, unit)
        url = ""
        if links and not figure.suppressed and figure.value:
            url = url_for("figures.records", period=figures.period, code=code, unit=unit or None)
        text = figure_text(figure, indicators[code], lang=lang())
        cells.append(Cell(text="–" if text == "-" else text, url=url))
    return cells


def _overview_page() -> Response:
    user, held = me(), services()
    code = request.args.get("period", "")
    periods = held.catalogue.periods
    period = periods.get(code) if periods.knows(code) else running_period()
    district = district_of(user)
    told = overview(user, district, period)
    officer = "district_officer" in roles_of(user)
    context = Today(
        day=date_text(held.clock.today()), period=period, title=period.label.get(lang()), counts=list(_counts(told)), heads=heads(),
        lines=[_line(told, row) for row in told.rows], totals=figure_cells(told.figures, None),
        total_words=_total_words(told.accepted, len(told.rows)),
        consolidate=url_for("reports.report", period=period.code, unit=district) if officer else "",
    )  # fmt: skip
    return page("today/today.html", context)


def _total_words(count: int, all_units: int) -> str:
    return _("Tổng cộng (%(count)d/%(all)d đã tiếp nhận)", count=count, all=all_units)


def _published_page() -> Response:
    held = services()
    period = running_period()
    units = reporting_units(district_of(me()), period)
    figures = figures_of(units, period, published=True)
    lines = [(unit_words(unit), figure_cells(figures, unit, links=False)) for unit in units]
    context = Published(
        day=date_text(held.clock.today()), title=period.label.get(lang()), heads=heads(), lines=lines,
        totals=figure_cells(figures, None, links=False), total_words=_("Tổng cộng"),
    )  # fmt: skip
    return page("today/published.html", context)


def _line(told: Overview, row: UnitRow) -> Line:
    report = row.report
    words, tone = report_state(report)
    return Line(
        unit=unit_words(row.unit), url=url_for("reports.report", period=told.period.code, unit=row.unit), state=words, tone=tone,
        sent=moment_words(report.sent_ms) if report.sent_ms else _("chưa gửi") if report.record else "–", late=report.days_late,
        figures=figure_cells(told.figures, row.unit), seen=age_words(row.seen_ms) if row.has_tablet else _("không có máy"),
        silent=row.unit in told.silent,
    )  # fmt: skip


def _counts(told: Overview) -> Sequence[Count]:
    urgent = told.incidents
    sent = [row.report.sent_ms for row in told.rows if row.report.state == "submitted" and row.report.sent_ms]
    asked = sorted((row for row in told.rows if row.questions), key=lambda row: -row.questions)
    return [
        Count(
            label=_("Vụ việc chưa tiếp nhận"), number=str(len(urgent)), danger=bool(urgent), url=url_for("incidents.incidents"),
            below=left_words(urgent[0].left_ms) if urgent else _("không có vụ việc chờ"),
        ),
        Count(
            label=_("Báo cáo đã tiếp nhận"), number=f"{told.accepted} / {len(told.rows)}", url=url_for("reports.reports"),
            below=_due(told.period),
        ),
        Count(
            label=_("Chờ xem xét"), number=str(told.waiting), url=url_for("reports.reports", state="submitted"),
            below=_("lâu nhất: %(age)s", age=wait_words(min(sent))) if sent else _("không có báo cáo chờ"),
        ),
        Count(
            label=_("Hai người ghi khác nhau"), number=str(told.questions), url=url_for("questions.questions"),
            below=_("%(count)d ở %(unit)s", count=asked[0].questions, unit=_short(asked[0].unit)) if asked else _("không có"),
        ),
        Count(
            label=_("Máy im lặng quá %(days)d ngày", days=SILENT_DAYS), number=str(len(told.silent)), url=_silent_url(),
            below=", ".join(_short(unit) for unit in told.silent[:2]) or _("không có"),
        ),
    ]  # fmt: skip


def _silent_url() -> str:
    return url_for("tablets.tablets") if "admin" in roles_of(me()) else ""


def _short(unit: str) -> str:
    known = services().catalogue.units.get(unit)
    return unit if known is None else known.short or known.name.get(lang())


def _due(period: Period) -> str:
    if period.due is None:
        return ""
    days = (period.due - services().clock.today()).days
    day = date_text(period.due)[:5]
    if days < 0:
        return _("hạn %(day)s · quá %(days)d ngày", day=day, days=-days)
    return _("hạn %(day)s · còn %(left)s", day=day, left=ngettext("%(num)d ngày", "%(num)d ngày", days))
