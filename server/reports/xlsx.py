"""A report's tables as a workbook: a sheet a table, real numbers, and a sheet of all figures with their records.

Text is always written as text, whatever it begins with («=», «+», «@», a tab …): no cell of a report is ever a formula
or a link.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from server.reports.document import NUMBER, Annex, Cell, Document, FigureLine, Table
from server.reports.docx_layout import safe

FIGURES_SHEET: Final = "Số liệu"
_FONT: Final = "Times New Roman"
_CELL_LIMIT: Final = 32_767
"""Letters that one cell of a workbook may hold; longer lists of records go on in the cells beside it."""

_NAME_LIMIT: Final = 31
_NOT_IN_NAMES: Final = re.compile(r"[\[\]:*?/\\']")
_CHARACTERS_A_CM: Final = 4.6
_FIGURE_COLUMNS: Final = (
    ("Mã", 8.0), ("Chỉ tiêu", 52.0), ("Đơn vị", 28.0), ("ĐVT", 14.0), ("Kỳ này", 14.0), ("Kỳ trước", 14.0),
    ("Đính chính", 11.0), ("Số bản ghi", 11.0), ("Bản ghi bổ sung kỳ trước", 24.0), ("Mã bản ghi", 60.0))


def write_xlsx(document: Document) -> bytes:
    """The document's tables as the bytes of an .xlsx file."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "nan_inf_to_errors": False})
    day = datetime(document.made_on.year, document.made_on.month, document.made_on.day, tzinfo=UTC).replace(tzinfo=None)
    book.set_properties({"title": safe(" ".join(document.subject)), "subject": document.period, "author": "", "created": day})
    formats = _Formats(book)
    taken: set[str] = set()
    for annex in document.annexes:
        for table in annex.tables:
            sheet = book.add_worksheet(_sheet_name(table.code, taken))
            _table(sheet, formats, document, annex, table)
    _figures(book.add_worksheet(_sheet_name(FIGURES_SHEET, taken)), formats, document)
    book.close()
    return buffer.getvalue()


class _Formats:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}

    def of(self, **wanted: Any) -> Format:
        """The format with these properties, in the report's font."""
        key = tuple(sorted(wanted.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"font_name": _FONT, "font_size": 12, "valign": "vcenter", **wanted})
        return self._made[key]

    def number(self, decimals: int, *, bold: bool) -> Format:
        """A number with thousands separated, as many decimals as the figure has."""
        return self.of(num_format=f"#,##0.{'0' * decimals}" if decimals else "#,##0", border=1, bold=bold)


def _sheet_name(code: str, taken: set[str]) -> str:
    name = code if code == FIGURES_SHEET else f"Phụ lục {code}"
    name = _NOT_IN_NAMES.sub(" ", safe(name))[:_NAME_LIMIT].strip() or "Bảng"
    number = 1
    unique = name
    while unique.casefold() in taken:
        number += 1
        unique = f"{name[:_NAME_LIMIT - 4]} ({number})"
    taken.add(unique.casefold())
    return unique


def _table(sheet: Worksheet, formats: _Formats, document: Document, annex: Annex, table: Table) -> None:
    last = len(table.columns) - 1
    top = [annex.number.upper(), annex.title, table.title, annex.belongs_to]
    if annex.marking:
        top.insert(0, annex.marking)
    for row, text in enumerate(top):
        sheet.merge_range(row, 0, row, last, "", formats.of(align="center"))
        bold = text != annex.belongs_to
        _text(sheet, row, 0, text, formats.of(align="center", bold=bold, italic=not bold))
    head = len(top) + 1
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, max(6.0, column.width * _CHARACTERS_A_CM))
        _text(sheet, head, place, column.heading, formats.of(bold=True, border=1, align="center", text_wrap=True, bg_color="#E7EFEE"))
    for offset, line in enumerate(table.rows, 1):
        for place, cell in enumerate(line.cells):
            _cell(sheet, head + offset, place, cell, formats, bold=line.strong, indent=line.level if not place else 0)
    for offset, note in enumerate(table.notes, head + len(table.rows) + 2):
        _text(sheet, offset, 0, f"Ghi chú: {note}", formats.of(italic=True))
    _page(sheet, head, annex.landscape)
    sheet.freeze_panes(head + 1, 2 if table.columns[0].heading == "TT" else 1)


def _cell(
    sheet: Worksheet, row: int, place: int, cell: Cell, formats: _Formats, *, bold: bool, indent: int
) -> None:
    if cell.kind == NUMBER and cell.value is not None:
        sheet.write_number(row, place, cell.value, formats.number(cell.decimals, bold=bold))
    else:
        align = "right" if cell.kind == NUMBER else "left"
        _text(sheet, row, place, cell.text, formats.of(border=1, bold=bold, align=align, indent=indent, text_wrap=True))


def _text(sheet: Worksheet, row: int, place: int, text: str, form: Format) -> None:
    """Text as text. An empty one is a blank cell, so that its format shows."""
    if text:
        sheet.write_string(row, place, safe(text)[:_CELL_LIMIT], form)
    else:
        sheet.write_blank(row, place, None, form)


def _figures(sheet: Worksheet, formats: _Formats, document: Document) -> None:
    """Every figure, over all units and by unit, with the ids of the records behind it."""
    for place, (heading, width) in enumerate(_FIGURE_COLUMNS):
        sheet.set_column(place, place, width)
        _text(sheet, 0, place, heading, formats.of(bold=True, border=1, align="center", text_wrap=True, bg_color="#E7EFEE"))
    for row, line in enumerate(document.figures, 1):
        _figure(sheet, row, line, formats)
    _page(sheet, 0, landscape=True)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, len(document.figures), len(_FIGURE_COLUMNS) - 1)


def _figure(sheet: Worksheet, row: int, line: FigureLine, formats: _Formats) -> None:
    text = formats.of(border=1)
    for place, words in enumerate((line.reference, line.label, line.unit or "Toàn bộ", line.unit_of_measure)):
        _text(sheet, row, place, words, text)
    number = formats.number(line.decimals, bold=False)
    if line.value is None:
        _text(sheet, row, 4, line.printed, formats.of(border=1, align="right"))
    else:
        sheet.write_number(row, 4, line.value, number)
    if line.previous is None:
        _text(sheet, row, 5, "-", formats.of(border=1, align="right"))
    else:
        sheet.write_number(row, 5, line.previous, number)
    _text(sheet, row, 6, "có" if line.corrected else "", text)
    sheet.write_number(row, 7, len(line.records), formats.number(0, bold=False))
    _text(sheet, row, 8, " ".join(line.late), text)
    for place, some in enumerate(_pieces(line.records), 9):
        _text(sheet, row, place, some, text)


def _pieces(records: tuple[str, ...]) -> list[str]:
    """The ids, separated by spaces, in pieces that fit a cell."""
    pieces: list[str] = [""]
    for one in records:
        longer = f"{pieces[-1]} {one}".strip()
        if len(longer) > _CELL_LIMIT:
            pieces.append(one)
        else:
            pieces[-1] = longer
    return pieces


def _page(sheet: Worksheet, head: int, landscape: bool) -> None:
    sheet.set_paper(9)
    if landscape:
        sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
