"""The workbook, opened again: real numbers, text that stays text, a sheet of figures with their records."""

from __future__ import annotations

import dataclasses
import io
from functools import cache

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from server.reports import Document, write_xlsx
from server.reports.document import NUMBER, Cell, Row, Table
from server.reports.xlsx import FIGURES_SHEET
from tests.server.report_case import district_report, unit_report


@cache
def written(district: bool = False) -> bytes:
    return write_xlsx(district_report() if district else unit_report())


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def sheet_of(content: bytes, name: str) -> Worksheet:
    sheet = opened(content)[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def header(sheet: Worksheet, first: str) -> int:
    return next(row for row in range(1, 12) if sheet.cell(row, 1).value == first)


@pytest.mark.parametrize("district", [False, True])
def test_a_sheet_a_table_and_one_of_figures(district: bool) -> None:
    document = district_report() if district else unit_report()
    assert opened(written(district)).sheetnames == [*(f"Phụ lục {table.code}" for table in document.tables()), FIGURES_SHEET]


@pytest.mark.parametrize("district", [False, True])
def test_every_cell_agrees_with_the_document_and_numbers_are_numbers(district: bool) -> None:
    document = district_report() if district else unit_report()
    for table in document.tables():
        sheet = sheet_of(written(district), f"Phụ lục {table.code}")
        top = header(sheet, table.columns[0].heading)
        for offset, row in enumerate(table.rows, 1):
            for place, cell in enumerate(row.cells, 1):
                found = sheet.cell(top + offset, place)
                if cell.kind == NUMBER and cell.value is not None:
                    assert found.value == cell.value
                    assert found.data_type == "n"
                    assert found.number_format == (f"#,##0.{'0' * cell.decimals}" if cell.decimals else "#,##0")
                else:
                    assert (found.value or "") == cell.text
                    assert found.data_type != "f"


def test_header_is_frozen_and_repeated() -> None:
    sheet = sheet_of(written(district=True), "Phụ lục III")
    top = header(sheet, "TT")
    assert sheet.freeze_panes == f"C{top + 1}"
    assert sheet.print_title_rows == f"${top}:${top}"
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.page_setup.paperSize == 9


def test_sheet_of_figures_lists_the_records_behind_each() -> None:
    document = unit_report()
    sheet = sheet_of(written(), FIGURES_SHEET)
    assert sheet.max_row == len(document.figures) + 1
    for row, line in enumerate(document.figures, 2):
        assert sheet.cell(row, 1).value == line.reference
        value = sheet.cell(row, 5).value
        assert value == line.value if line.value is not None else value == line.printed
        ids = " ".join(str(sheet.cell(row, place).value) for place in range(10, sheet.max_column + 1) if sheet.cell(row, place).value)
        assert tuple(ids.split()) == line.records
        assert sheet.cell(row, 8).value == len(line.records)


def test_long_lists_of_records_go_on_in_the_next_cell() -> None:
    document = unit_report()
    many = tuple(f"record-{number:08d}" for number in range(5_000))
    line = dataclasses.replace(document.figures[0], records=many)
    sheet = sheet_of(write_xlsx(dataclasses.replace(document, figures=(line,))), FIGURES_SHEET)
    found = " ".join(str(sheet.cell(2, place).value) for place in range(10, sheet.max_column + 1) if sheet.cell(2, place).value)
    assert tuple(found.split()) == many


BEGINNINGS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠a", "http://a.b/c", "00123", "1e5", "{=1}",
              "mailto:a@b.c", "internal:A1", "TRUE", "#N/A"]


def with_cells(texts: list[str]) -> Document:
    document = unit_report()
    annex = next(one for one in document.annexes if one.number == "Phụ lục III")
    table = annex.tables[0]
    rows = tuple(Row(cells=(Cell(text=text), *(Cell(text="x"),) * (len(table.columns) - 1))) for text in texts)
    changed: Table = dataclasses.replace(table, rows=rows)
    return dataclasses.replace(document, annexes=(dataclasses.replace(annex, tables=(changed,)),))


def test_b16_text_stays_text_whatever_it_begins_with() -> None:
    content = write_xlsx(with_cells(BEGINNINGS))
    sheet = sheet_of(content, "Phụ lục III")
    top = header(sheet, "TT")
    for offset, text in enumerate(BEGINNINGS, 1):
        cell = sheet.cell(top + offset, 1)
        assert cell.data_type == "s", text
        assert str(cell.value).replace("_x000D_", "\r") == text
        assert cell.hyperlink is None


def test_b16_negative_numbers_stay_numbers() -> None:
    document = with_cells(["x"])
    annex = document.annexes[0]
    row = annex.tables[0].rows[0]
    fewer = dataclasses.replace(row, cells=(*row.cells[:-1], Cell(text="-12,5", kind=NUMBER, value=-12.5, decimals=1)))
    table = dataclasses.replace(annex.tables[0], rows=(fewer,))
    content = write_xlsx(dataclasses.replace(document, annexes=(dataclasses.replace(annex, tables=(table,)),)))
    sheet = sheet_of(content, "Phụ lục III")
    cell = sheet.cell(header(sheet, "TT") + 1, len(row.cells))
    assert (cell.value, cell.data_type) == (-12.5, "n")


def test_b04_odd_letters_do_not_break_the_file() -> None:
    content = write_xlsx(with_cells(["a\x00b\x0bc\ud800d\ufffe", "👩\u200d👧"]))
    sheet = sheet_of(content, "Phụ lục III")
    top = header(sheet, "TT")
    assert [sheet.cell(top + offset, 1).value for offset in (1, 2)] == ["abcd", "👩\u200d👧"]


def test_t13_file_names_nobody() -> None:
    properties = opened(written()).properties
    assert not properties.creator
    assert not properties.lastModifiedBy
    assert properties.created is not None
    assert properties.created.date() == unit_report().made_on
