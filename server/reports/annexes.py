"""The annexes' tables, from the outline's data: one builder for each kind of table.

units        a row a unit and a total; the columns are figures
parts        a row a part of a breakdown (by form, by part); the columns are figures broken down alike
pairs        a row a total and the women in it, with their share and the step from the period before
lines        a row a figure, this period and the one before; `each` gives a row a choice of a breakdown
records      a row a record behind a figure; the columns are its fields (`record_tables.py`)
submissions  a row a unit: when it sent its report, in time or late
estimates    a row a figure whose whole year the report estimates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Final

from server.reports.document import NUMBER, Annex, Cell, Column, Row, Source, Table
from server.reports.outline import DISTRICT, UNIT
from server.reports.prose import Context
from server.reports.record_tables import NUMBER_COLUMN, Spec, count_cell, records_table, table_of
from server.reports.request import day_text, punctuality
from shared.figure_text import amount_text, figure_text, rounded
from shared.figures import Figure, Figures
from shared.suppression import suppress
from shared.text import clean

_UNIT_WIDTH: Final = 5.4
_LABEL_WIDTH: Final = 7.5


def annexes_of(context: Context, belongs_to: str) -> tuple[Annex, ...]:
    """The annexes that stand in this report: those that its author chose, all where none was chosen.

    `belongs_to` is the line that ties them to it.
    """
    found: list[Annex] = []
    chosen = context.request.report.get("annexes") or ()
    for spec in context.outline.annexes:
        if not _fits(context, spec) or (chosen and spec.get("choice", chosen[0]) not in chosen):
            continue
        tables = [_TABLE[table["kind"]](context, table) for table in spec["tables"] if _fits(context, table)]
        tables = [table for table in tables if table.rows]
        marking = "" if context.request.published else spec.get("marking", "")
        if tables:
            found.append(Annex(number=spec["number"], title=spec["title"], belongs_to=belongs_to, tables=tuple(tables),
                               landscape=spec.get("landscape", True), marking=marking))
    return tuple(found)


def _fits(context: Context, spec: Spec) -> bool:
    request = context.request
    fits = spec.get("scope", request.scope) == request.scope and spec.get("period_kind", request.period.kind) == request.period.kind
    return fits and context.holds(spec.get("when", ""))


def _units(context: Context, spec: Spec) -> Table:
    figures = _figures(context, suppressed=spec.get("suppressed", False))
    columns = (NUMBER_COLUMN, Column(heading="Đơn vị", width=_UNIT_WIDTH), *_figure_columns(spec))
    rows: list[Row] = []
    for unit in context.request.units:
        cells = tuple(_figure_cell(context, column, figures.share(column["figure"], unit)
                                   if context.request.scope == DISTRICT else figures.of(column["figure"], unit), unit)
                      for column in spec["columns"])
        kind = context.catalogue.units[unit].kind
        if kind not in spec.get("always", (kind,)) and all(cell.text == "-" for cell in cells):
            continue
        rows.append(Row(cells=(count_cell(len(rows) + 1), Cell(text=str(context.catalogue.units[unit].name.vi)), *cells)))
    if context.request.scope == DISTRICT:
        totals = tuple(_figure_cell(context, column, figures.of(column["figure"])) for column in spec["columns"])
        rows.append(Row(cells=(Cell(text=""), Cell(text=spec["total"]), *totals), strong=True))
    return table_of(context, spec, columns, rows)


def _parts(context: Context, spec: Spec) -> Table:
    figures = context.request.figures
    indicator = context.indicator(spec["of"])
    breakdown = next(one for one in indicator.by if one.code == spec["breakdown"])
    fields = context.catalogue.types[indicator.type].fields
    choices = (fields[indicator.rows].fields if indicator.rows else fields)[breakdown.field].choices
    found = figures.of(spec["of"]).by.get(breakdown.code, {})
    columns = (NUMBER_COLUMN, Column(heading=spec["label"], width=_LABEL_WIDTH), *_figure_columns(spec))
    rows: list[Row] = []
    for choice in choices:
        if choice.code in found:
            parts = [{**column, "figure": f"{column['figure']}.{breakdown.code}.{choice.code}"} for column in spec["columns"]]
            cells = tuple(_figure_cell(context, part, figures.of(part["figure"])) for part in parts)
            rows.append(Row(cells=(count_cell(len(rows) + 1), Cell(text=choice.label.vi), *cells)))
    totals = tuple(_figure_cell(context, column, figures.of(column["figure"])) for column in spec["columns"])
    rows.append(Row(cells=(Cell(text=""), Cell(text=spec["total"]), *totals), strong=True))
    return table_of(context, spec, columns, rows)


def _pairs(context: Context, spec: Spec) -> Table:
    """A pair of which nothing is known has no row."""
    columns = (NUMBER_COLUMN, Column(heading=spec["label"], width=_LABEL_WIDTH), *_figure_columns(spec),
               Column(heading=spec["change"], width=2.4, numeric=True))
    rows: list[Row] = []
    for line in spec["lines"]:
        references = (line["total"], line["female"], line["share"])
        if context.figure(line["total"]).value is None:
            continue
        cells = tuple(_figure_cell(context, {**column, "figure": reference}, context.figure(reference))
                      for column, reference in zip(spec["columns"], references, strict=True))
        rows.append(Row(cells=(count_cell(len(rows) + 1), Cell(text=line["vi"]), *cells, _change_cell(context, line["female"]))))
    return table_of(context, spec, columns, rows)


def _lines(context: Context, spec: Spec) -> Table:
    columns = [Column(heading="Chỉ tiêu", width=8.2), Column(heading="ĐVT", width=2.2)]
    if spec.get("previous"):
        columns.append(Column(heading="Kỳ trước", width=2.2, numeric=True))
    columns.append(Column(heading="Kỳ này", width=2.2, numeric=True))
    if spec.get("change"):
        columns.append(Column(heading="Tăng, giảm", width=2.2, numeric=True))
    rows = [row for line in spec["lines"] for row in _line_rows(context, spec, line)]
    return table_of(context, spec, tuple(columns), rows)


def _line_rows(context: Context, spec: Spec, line: Spec) -> Iterator[Row]:
    level = line.get("level", 0)
    if each := line.get("each"):
        for code, label in _choices(context, each):
            yield _line_row(context, spec, label, f"{each}.{code}", level)
    elif "figure" in line:
        yield _line_row(context, spec, line["vi"], line["figure"], level)
    else:
        blanks = (Cell(text=""),) * (1 + bool(spec.get("previous")) + bool(spec.get("change")))
        yield Row(cells=(Cell(text=line["vi"]), Cell(text=line.get("unit", "")), *blanks), strong=True)


def _line_row(context: Context, spec: Spec, label: str, reference: str, level: int) -> Row:
    indicator = context.indicator(reference)
    now, before = context.figure(reference), context.figure(reference, previous=True)
    column = {"figure": reference}
    cells = [Cell(text=label), Cell(text=indicator.unit["vi"])]
    if spec.get("previous"):
        cells.append(_figure_cell(context, column, before, source=False))
    cells.append(_figure_cell(context, column, now))
    if spec.get("change"):
        cells.append(_change_cell(context, reference))
    return Row(cells=tuple(cells), level=level, strong=level == 0 and not spec.get("change"))


def _change_cell(context: Context, reference: str) -> Cell:
    """The step from the period before, with its sign, from the numbers as printed."""
    indicator = context.indicator(reference)
    new, old = rounded(context.figure(reference), indicator), rounded(context.figure(reference, previous=True), indicator)
    step = None if new is None or old is None else round(new - old, indicator.decimals)
    text = "-" if step is None else f"{'+' if step > 0 else ''}{amount_text(step, decimals=indicator.decimals)}"
    return Cell(text=text, kind=NUMBER, value=step, decimals=indicator.decimals)


def _choices(context: Context, each: str) -> Iterator[tuple[str, str]]:
    """(code, label) of the choices of a breakdown that are valid at the end of the period."""
    code, name = each.split(".")
    indicator = context.indicators[code]
    fields = context.catalogue.types[indicator.type].fields
    if indicator.rows:
        fields = fields[indicator.rows].fields
    breakdown = next(one for one in indicator.by if one.code == name)
    day = context.request.period.ends
    for choice in fields[breakdown.field].choices:
        if (choice.valid_from is None or choice.valid_from <= day) and (choice.valid_to is None or day <= choice.valid_to):
            yield choice.code, choice.label.vi


def _submissions(context: Context, spec: Spec) -> Table:
    columns = (NUMBER_COLUMN, Column(heading="Đơn vị", width=6.5), Column(heading="Hạn gửi", width=2.6),
               Column(heading="Ngày gửi", width=2.6), Column(heading="Tình trạng", width=4.2))
    rows: list[Row] = []
    for one in punctuality(context.request):
        if one.days_late is None:
            over = one.due is not None and context.request.today > one.due
            said = "Chưa gửi báo cáo" if over else "Chưa đến hạn"
        else:
            said = f"Gửi trễ {one.days_late} ngày" if one.days_late else "Đúng hạn"
        rows.append(Row(cells=(count_cell(len(rows) + 1), Cell(text=str(context.catalogue.units[one.unit].name.vi)),
                               Cell(text=_day(one.due)), Cell(text=_day(one.sent)), Cell(text=said))))
    return table_of(context, spec, columns, rows)


def _estimates(context: Context, spec: Spec) -> Table:
    columns = (Column(heading="Chỉ tiêu", width=8.6), Column(heading="ĐVT", width=2.4),
               Column(heading="Thực hiện", width=2.6, numeric=True), Column(heading="Ước cả năm", width=2.6, numeric=True))
    rows: list[Row] = []
    for line in context.request.report.get("estimate_year") or ():
        code, value = str(line.get("figure") or "").strip(), line.get("value")
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        decimals = 0 if value == int(value) else 1
        estimate = Cell(text=amount_text(value, decimals=decimals), kind=NUMBER, value=value, decimals=decimals)
        indicator = context.indicators.get(code)
        if indicator is None:
            rows.append(Row(cells=(Cell(text=clean(code)), Cell(text=""), Cell(text="-", kind=NUMBER), estimate)))
        else:
            done = _figure_cell(context, {"figure": code}, context.figure(code))
            rows.append(Row(cells=(Cell(text=indicator.label["vi"]), Cell(text=indicator.unit["vi"]), done, estimate)))
    return table_of(context, spec, columns, rows)


_TABLE: Final[Mapping[str, Callable[[Context, Spec], Table]]] = {
    "units": _units, "parts": _parts, "pairs": _pairs, "lines": _lines, "records": records_table,
    "submissions": _submissions, "estimates": _estimates}


def _figures(context: Context, *, suppressed: bool) -> Figures:
    """The figures of a table by unit. Where it is to be suppressed it stands beside totals that are shown in full."""
    figures = context.request.figures
    if not suppressed or figures.published or context.request.scope == UNIT:
        return figures
    return suppress(figures, context.indicators, totals_shown=True)


def _figure_columns(spec: Spec) -> tuple[Column, ...]:
    return tuple(Column(heading=column["heading"], width=column["width"], numeric=True) for column in spec["columns"])


def _figure_cell(context: Context, column: Spec, figure: Figure, unit: str = "", *, source: bool = True) -> Cell:
    indicator = context.indicator(column["figure"])
    scale = column.get("scale", 1)
    return Cell(
        text=figure_text(figure, indicator, scale=scale), kind=NUMBER, value=rounded(figure, indicator, scale=scale),
        decimals=indicator.decimals,
        source=Source(reference=column["figure"], unit=unit, records=figure.records, late=figure.late) if source else None)


def _day(day: date | None) -> str:
    return day_text(day) if day else "-"
