"""The page of one report: its text with every number leading to its records, its figures beside the period before, and the deeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from server.console.record_page import move_words
from server.console.rights import may_write, moves, units_for_new
from server.console.words import moment_words, state_words, unit_words
from server.language import lang
from server.people import User
from server.records import history, plain_records
from server.reporting import REPORT, UnitReport, figures_of
from server.reports import Document
from server.reports.document import FigureLine, Run
from server.services import services
from shared.figure_text import amount_text, figure_text
from shared.indicator_plan import plan_of
from shared.periods import Period
from shared.validate import zero_declarations

OWN_MOVES = frozenset({"draft", "approved", "submitted"})
"""Steps of the unit itself; the others are the district's."""

__all__ = ["FigureRow", "ReportPage", "report_page", "report_state"]


@dataclass(frozen=True, kw_only=True)
class FigureRow:
    """A figure with the period before it; ``now`` what the records say since it was frozen, "" where that is the same."""

    label: str
    measure: str
    value: str
    previous: str
    url: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of a paragraph; ``url`` leads from a number to its records."""

    text: str
    url: str
    bold: bool
    italic: bool


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """The page. ``steps`` are the unit's own moves; ``wrong`` what stopped the last one; ``hints`` what may be missing."""

    period: Period
    label: str
    unit: str
    unit_words: str
    state: str
    tone: str
    sent: str
    late: int
    reason: str
    text: list[tuple[str, list[Piece]]]
    document: Document
    figures: list[FigureRow]
    steps: list[tuple[str, str]]
    may_return: bool
    may_accept: bool
    consolidated: bool
    may_consolidate: bool
    edit: str
    new: str
    record: str
    hints: list[str]
    wrong: Sequence[str]


def report_state(told: UnitReport) -> tuple[str, str]:
    """A report's state in words with the tone of its chip; one that is not sent in time is red."""
    if told.record is None:
        return _("Chưa soạn"), "danger" if told.days_late else ""
    words, tone = state_words(services().catalogue.types[REPORT], told.state)
    return words, "danger" if told.days_late and told.sent is None else tone


def report_page(user: User, told: UnitReport, period: Period, document: Document, wrong: Sequence[str] = ()) -> ReportPage:
    """The page of a unit's report."""
    held = services()
    record_type = held.catalogue.types[REPORT]
    words, tone = report_state(told)
    steps = moves(user, told.unit, record_type.flow, told.state) if told.record else []
    labels = held.catalogue.flows[record_type.flow].states
    open_to = {step.to for step in steps}
    above = held.catalogue.units[told.unit].kind in ("district", "province")
    writes = may_write(user, told.unit, record_type)
    new = told.unit in units_for_new(user, record_type) and not told.record
    return ReportPage(
        period=period, label=period.label.get(lang()), unit=told.unit, unit_words=unit_words(told.unit), state=words, tone=tone,
        sent=moment_words(told.sent_ms) if told.sent_ms else "", late=told.days_late, reason=_reason(user, told),
        text=[(paragraph.style, _pieces(document, paragraph.runs, told.unit)) for paragraph in document.body], document=document,
        figures=_figures(told, period, document),
        steps=[(one.to, move_words(one.to, labels[one.to].get(lang()))) for one in steps if one.to in OWN_MOVES],
        may_return="returned" in open_to, may_accept="accepted" in open_to and told.state == "submitted", consolidated=above,
        may_consolidate=above and writes,
        edit=url_for("writing.edit", record=told.record) if writes and told.record and told.state in ("draft", "returned") else "",
        new=url_for("writing.new", code=REPORT, period=period.code, kind=period.kind, unit=told.unit) if new else "",
        record=url_for("records.record", record=told.record) if told.record else "",
        hints=_hints(told, period) if writes and not above and told.state in ("", "draft", "returned") else [], wrong=wrong,
    )  # fmt: skip


def _reason(user: User, told: UnitReport) -> str:
    """Why a report was returned: the words of the last return."""
    if told.record is None or told.state != "returned":
        return ""
    reasons = [one.why for one in history(user, told.record, path="state") if one.value == "returned" and one.why]
    return (reasons[-1] if reasons else "") or str(told.values.get("return_reason") or "")


def _pieces(document: Document, runs: Sequence[Run], unit: str) -> list[Piece]:
    pieces = []
    for run in runs:
        source = run.source
        url = "" if source is None or not source.records else _url(document.period, source.reference, source.unit or unit)
        pieces.append(Piece(text=run.text, url=url, bold=run.bold, italic=run.italic))
    return pieces


def _url(period: str, reference: str, unit: str) -> str:
    above = services().catalogue.units[unit].kind in ("district", "province")
    return url_for("figures.records", period=period, code=reference.split(".")[0], unit=None if above else unit)


def _figures(told: UnitReport, period: Period, document: Document) -> list[FigureRow]:
    frozen = told.frozen if told.frozen is not None and told.unit in told.frozen.own else None
    now = figures_of([told.unit], period) if frozen else None
    indicators = plan_of(services().catalogue).indicators
    rows = []
    for one in document.figures:
        if one.unit or (one.value is None and one.previous is None and one.printed == "-"):
            continue
        changed = ""
        if now is not None and frozen is not None and now.of(one.reference).value != frozen.of(one.reference).value:
            changed = figure_text(now.of(one.reference), indicators[one.reference], lang=lang())
        rows.append(_figure(one, document, told.unit, changed))
    return rows


def _figure(one: FigureLine, document: Document, unit: str, now: str) -> FigureRow:
    indicator = plan_of(services().catalogue).indicators[one.reference]
    previous = "–" if one.previous is None else amount_text(one.previous, decimals=one.decimals, lang=lang())
    url = _url(document.period, one.reference, unit) if one.records else ""
    printed = "–" if one.printed == "-" else one.printed
    return FigureRow(
        label=indicator.label.get(lang(), one.label), measure=indicator.unit.get(lang(), ""), value=printed, previous=previous,
        url=url, now=now,
    )  # fmt: skip


def _hints(told: UnitReport, period: Period) -> list[str]:
    """What was neither recorded nor declared as nothing."""
    held = services()
    below = [unit.code for unit in held.catalogue.units.subtree(told.unit)]
    counts: dict[str, int] = {}
    for record in plain_records(below):
        day = held.catalogue.all_types[record["type"]].day_of(record["values"])
        if day is not None and period.covers(day):
            counts[record["type"]] = counts.get(record["type"], 0) + 1
    choices = held.catalogue.types[REPORT].fields["zero_declared"].choices
    return [one.text(lang()) for one in zero_declarations(told.values.get("zero_declared") or (), counts, choices)]

