"""From a request to a whole, format-free report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from server.reports.annexes import annexes_of
from server.reports.document import BODY, Document, FigureLine, Head, HeadLine, Paragraph, Signature
from server.reports.outline import DISTRICT, UNIT, OutlineError, read_outline
from server.reports.prose import Context, runs_of, section_paragraphs
from server.reports.request import COMMUNE_KINDS, ReportRequest, district_of, facts_of, month_text
from shared.figure_text import figure_text, rounded
from shared.figures import Figure, Figures
from shared.indicator_plan import plan_of
from shared.suppression import suppress
from shared.text import clean

if TYPE_CHECKING:
    from shared.catalogue import Catalogue

BLANK_NUMBER: Final = "      "
"""Six spaces, for the registry to write the number into (domain-details A8)."""


def build_report(catalogue: Catalogue, request: ReportRequest) -> Document:
    """The report as a frozen document. Raises OutlineError for an unknown outline or a figure that it does not know.

    A unit's report shows the unit's own figures: an event in which it took part counts there, whoever led it. A published
    report shows figures as `shared.suppression` leaves them, those of the period before as well.
    """
    request = _own(request) if request.scope == UNIT else request
    request = _published(catalogue, request) if request.published else request
    outline = read_outline(catalogue.reports, request.outline)
    indicators = plan_of(catalogue).indicators
    for reference in outline.references():
        if reference.split(".")[0] not in indicators:
            raise OutlineError(f"{request.outline}: no such figure: {reference}")
    facts = facts_of(catalogue, request)
    index = {record["id"]: record for record in request.records}
    context = Context(catalogue=catalogue, outline=outline, request=request, indicators=indicators, facts=facts, records=index)
    facts["basis"] = _basis(context)
    head = _head(catalogue, request)
    subject = tuple(_words(context, line) for line in outline.subject)
    return Document(
        code=request.outline,
        period=request.period.code,
        made_on=request.today,
        demo=any(getattr(catalogue.units[unit], "demo", False) for unit in (request.issuer, *request.units)),
        head=head,
        title=outline.title,
        subject=subject,
        addressees=_addressees(context),
        body=(Paragraph(runs=runs_of(context, outline.opening[request.scope])),
              *section_paragraphs(context),
              Paragraph(runs=runs_of(context, outline.closing[request.scope]), style=BODY)),
        recipients=_recipients(context),
        signature=_signature(catalogue, request),
        annexes=annexes_of(context, _belongs_to(catalogue, request, head)),
        figures=tuple(_figure_lines(context)),
    )


def official_date(place: str, day: date) -> str:
    """«Hồng Ngự, ngày 01 tháng 6 năm 2022»: days below 10 and months 1 and 2 bear a leading zero (NĐ 30/2020)."""
    return f"{place}, ngày {day.day:02d} tháng {month_text(day.month)} năm {day.year}"


def _own(request: ReportRequest) -> ReportRequest:
    previous = request.previous and request.previous.unit_only(request.issuer)
    return replace(request, figures=request.figures.unit_only(request.issuer), previous=previous)


def _published(catalogue: Catalogue, request: ReportRequest) -> ReportRequest:
    indicators = plan_of(catalogue).indicators

    def hidden(figures: Figures | None) -> Figures | None:
        return figures if figures is None or figures.published else suppress(figures, indicators)

    figures = hidden(request.figures)
    assert figures is not None
    return replace(request, figures=figures, previous=hidden(request.previous))


def _words(context: Context, template: str) -> str:
    return "".join(run.text for run in runs_of(context, template))


def _basis(context: Context) -> str:
    day = context.request.period.ends
    for entry in context.outline.basis:
        starts, ends = entry.get("from"), entry.get("to")
        if entry["scope"] == context.request.scope and (starts is None or _date(starts) <= day) and (
                ends is None or day <= _date(ends)):
            return _words(context, entry["vi"])
    raise OutlineError(f"{context.outline.code}: no basis for {context.request.scope}")


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _head(catalogue: Catalogue, request: ReportRequest) -> Head:
    """Letterhead, number and place as the issuing unit's data say; a People's Committee has no superior line (A8)."""
    unit = catalogue.units[request.issuer]
    number = clean(str(request.report.get("number") or "")).strip() or BLANK_NUMBER
    if "/" not in number:
        number = f"{number}/{unit.symbol or 'BC'}"
    place = unit.short if unit.kind in COMMUNE_KINDS | {"district"} else catalogue.units[
        district_of(catalogue, request.issuer)].short
    said = clean(str(request.report.get("place_date") or "")).strip()
    head = unit.letterhead
    lines = tuple(zip(head.lines, head.bold, strict=True)) if head else ((unit.name.vi.upper(), True),)
    return Head(
        lines=tuple(HeadLine(text=text, bold=bold) for text, bold in lines), number=number,
        place_date=said or official_date(place, request.today), family=head.family if head else "state")


def _signature(catalogue: Catalogue, request: ReportRequest) -> Signature:
    signer = catalogue.units[request.issuer].signer
    authority = (*signer.authority, signer.title) if signer else ()
    return Signature(authority=authority, name=clean(str(request.report.get("signer") or "")).strip())


def _addressees(context: Context) -> tuple[str, ...]:
    rows = context.request.report.get("addressees")
    named = [clean(row["name"]).strip() for row in rows if isinstance(row.get("name"), str)] if isinstance(rows, list) else []
    return tuple(named) or tuple(_words(context, line) for line in context.outline.addressees[context.request.scope])


def _recipients(context: Context) -> tuple[str, ...]:
    kind = context.catalogue.units[context.request.issuer].kind
    if context.request.scope == DISTRICT or kind == "district":
        group = "district"
    else:
        group = "commune" if kind in COMMUNE_KINDS else "organisation" if kind == "organisation" else "department"
    return tuple(_words(context, line) for line in context.outline.recipients[group])


def _belongs_to(catalogue: Catalogue, request: ReportRequest, head: Head) -> str:
    """«(Kèm theo Báo cáo số …/BC-UBND ngày … của …)»; what the registry has still to write stays blank."""
    facts = facts_of(catalogue, request)
    day = request.today
    return (f"(Kèm theo Báo cáo số {head.number} ngày {day.day:02d} tháng {month_text(day.month)} năm {day.year} "
            f"của {facts['issuer']})")


def _figure_lines(context: Context) -> Iterator[FigureLine]:
    """Every figure of the catalogue, over all units and, in a consolidated report, by unit.

    By unit, counts of cases stand as they may stand beside totals that are shown.
    """
    figures, previous = context.request.figures, context.request.previous
    for code in context.indicators:
        yield _figure_line(context, code, "", figures.of(code), previous.of(code) if previous else Figure())
    if context.request.scope != DISTRICT:
        return
    by_unit = figures if figures.published else suppress(figures, context.indicators, totals_shown=True)
    for unit in context.request.units:
        for code in context.indicators:
            figure = by_unit.share(code, unit)
            if figure.value is not None or figure.suppressed:
                yield _figure_line(context, code, unit, figure, Figure())


def _figure_line(context: Context, code: str, unit: str, figure: Figure, previous: Figure) -> FigureLine:
    indicator = context.indicators[code]
    return FigureLine(
        reference=code, label=indicator.label["vi"], unit=str(context.catalogue.units[unit].name.vi) if unit else "",
        unit_of_measure=indicator.unit["vi"], value=rounded(figure, indicator), printed=figure_text(figure, indicator),
        decimals=indicator.decimals, previous=rounded(previous, indicator), records=figure.records, late=figure.late,
        corrected=figure.corrected)
