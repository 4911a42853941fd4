"""The Word file, opened again: the layout of Nghị định 30/2020/NĐ-CP, the words, the numbers, and nobody's name in its properties."""

from __future__ import annotations

import io
import zipfile
from functools import cache

import docx
import pytest
from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from server.reports import Document, build_report, write_docx
from server.reports.docx_layout import safe
from tests.server.report_case import NARRATIVE, catalogue, district_report, unit_report, unit_request


@cache
def written(district: bool = False) -> bytes:
    return write_docx(district_report() if district else unit_report())


def opened(content: bytes) -> WordDocument:
    return docx.Document(io.BytesIO(content))


def words(word: WordDocument) -> str:
    cells = [cell.text for table in word.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in word.paragraphs), *cells])


def test_page_is_a4_with_the_decrees_margins() -> None:
    section = opened(written()).sections[0]
    assert section.page_width is not None
    assert section.page_height is not None
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    for margin, low, high in ((section.top_margin, 20, 25), (section.bottom_margin, 20, 25), (section.left_margin, 30, 35),
                              (section.right_margin, 15, 20)):
        assert margin is not None
        assert low - 0.1 <= margin.mm <= high + 0.1


@pytest.mark.parametrize("district", [False, True])
def test_page_number_is_centred_above_and_not_on_the_first_page(district: bool) -> None:
    for section in opened(written(district)).sections:
        assert section.different_first_page_header_footer
        assert not section.first_page_header.paragraphs or not section.first_page_header.paragraphs[0].text
        header = section.header.paragraphs[0]
        assert "PAGE" in header._p.xml
        assert header.alignment == WD_ALIGN_PARAGRAPH.CENTER
        assert section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) == "1"
        assert not section.footer.paragraphs[0].text


def test_annexes_stand_on_pages_of_their_own_wide_ones_landscape() -> None:
    word = opened(written(district=True))
    tall, wide_page = WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE
    assert [section.orientation for section in word.sections] == [
        tall, wide_page, tall, wide_page, wide_page, tall, wide_page, wide_page, wide_page, tall]
    wide = word.sections[1]
    assert wide.page_width is not None
    assert wide.page_height is not None
    assert wide.page_width > wide.page_height
    titles = [paragraph.text for paragraph in word.paragraphs if paragraph.text.startswith("Phụ lục")]
    assert titles == [f"Phụ lục {number}" for number in ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")]
    ties = [paragraph for paragraph in word.paragraphs if paragraph.text.startswith("(Kèm theo Báo cáo số")]
    assert len(ties) == 9
    assert all(run.italic for tie in ties for run in tie.runs)


def test_everything_is_in_times_new_roman_and_black() -> None:
    word = opened(written(district=True))
    paragraphs = [*word.paragraphs, *(paragraph for table in word.tables for row in table.rows for cell in row.cells
                                      for paragraph in cell.paragraphs)]
    for paragraph in paragraphs:
        for run in paragraph.runs:
            assert run.font.name in ("Times New Roman", None)
            assert run._r.rPr is None or run._r.rPr.find(qn("w:color")) is None
    with zipfile.ZipFile(io.BytesIO(written())) as package:
        styles = package.read("word/styles.xml").decode()
    for name in ("Normal", "Heading1", "Heading2"):
        start = styles.index(f'w:styleId="{name}"')
        style = styles[start:styles.index("</w:style>", start)]
        assert 'w:ascii="Times New Roman"' in style
        assert "Theme=" not in style


def test_body_is_fourteen_justified_and_indented() -> None:
    word = opened(written())
    opening = next(paragraph for paragraph in word.paragraphs if paragraph.text.startswith("Thực hiện"))
    layout = opening.paragraph_format
    assert layout.first_line_indent is not None
    assert abs(layout.first_line_indent - Cm(1.27)) < 20_000
    assert layout.alignment == WD_ALIGN_PARAGRAPH.JUSTIFY
    assert layout.space_after == Pt(6)
    assert 1.0 <= float(layout.line_spacing or 0) <= 1.5
    assert {run.font.size for run in opening.runs} == {Pt(14)}


def test_head_has_two_columns_without_borders() -> None:
    head = opened(written()).tables[0]
    left, right = head.rows[0].cells
    assert left.text.split("\n")[:2] == ["ỦY BAN NHÂN DÂN", "XÃ LONG KHÁNH A"]
    assert all(run.bold for paragraph in left.paragraphs for run in paragraph.runs if run.text)
    assert right.text.split("\n")[:2] == ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"]
    assert head.rows[1].cells[0].text == "Số:       /BC-UBND"
    assert head.rows[1].cells[1].text == "Long Khánh A, ngày 30 tháng 5 năm 2022"
    assert all(run.italic for run in head.rows[1].cells[1].paragraphs[0].runs)
    assert head._tbl.tblPr.find(qn("w:tblBorders")) is None
    assert head.style is None or head.style.name != "Table Grid"
    for cell in (left, right):
        assert 'w:top w:val="single"' in cell.paragraphs[-1]._p.xml


def test_department_has_its_superior_above_it_not_bold() -> None:
    left = opened(written(district=True)).tables[0].rows[0].cells[0]
    assert left.text.split("\n") == ["ỦY BAN NHÂN DÂN", "HUYỆN HỒNG NGỰ", "PHÒNG LAO ĐỘNG -", "THƯƠNG BINH VÀ XÃ HỘI", ""]
    bold = {run.text: run.bold for paragraph in left.paragraphs for run in paragraph.runs if run.text.strip()}
    assert bold["HUYỆN HỒNG NGỰ"] is False
    assert bold["THƯƠNG BINH VÀ XÃ HỘI"] is True


def test_foot_leaves_six_lines_and_prints_who_signs() -> None:
    word = opened(written())
    foot = next(table for table in word.tables if table.rows[0].cells[0].text.startswith("Nơi nhận:"))
    left, right = foot.rows[0].cells
    first = left.paragraphs[0].runs[0]
    assert (first.bold, first.italic, first.font.size) == (True, True, Pt(12))
    assert {run.font.size for paragraph in left.paragraphs[1:] for run in paragraph.runs} == {Pt(11)}
    assert left.text.endswith("- Lưu: VT, VX.")
    assert right.text.split("\n") == ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", *[""] * 6, "Nguyễn Văn Mẫu"]


def test_headings_are_headings() -> None:
    word = opened(written())
    first = [paragraph.text for paragraph in word.paragraphs if paragraph.style is not None and paragraph.style.name == "Heading 1"]
    assert first[:2] == ["I. TÌNH HÌNH CHUNG", "II. CÔNG TÁC LÃNH ĐẠO, CHỈ ĐẠO, ĐIỀU HÀNH"]
    second = [paragraph.text for paragraph in word.paragraphs if paragraph.style is not None and paragraph.style.name == "Heading 2"]
    assert "1. Ban hành văn bản" in second


@pytest.mark.parametrize("district", [False, True])
def test_every_word_and_number_of_the_document_is_in_the_file(district: bool) -> None:
    document: Document = district_report() if district else unit_report()
    told = words(opened(written(district)))
    for paragraph in document.body:
        assert paragraph.text in told
    for table in document.tables():
        for row in table.rows:
            for cell in row.cells:
                assert cell.text in told
    grids = [table for table in opened(written(district)).tables if table.style is not None and table.style.name == "Table Grid"]
    assert [len(table.rows) - 1 for table in grids] == [len(table.rows) for table in document.tables()]
    for grid, table in zip(grids, document.tables(), strict=True):
        assert [cell.text for cell in grid.rows[-1].cells] == [cell.text for cell in table.rows[-1].cells]
        assert "w:tblHeader" in grid.rows[0]._tr.xml


def test_case_annex_is_marked_internal_in_a_frame() -> None:
    mark = next(paragraph for paragraph in opened(written()).paragraphs if paragraph.text == "LƯU HÀNH NỘI BỘ")
    assert "w:pBdr" in mark._p.xml
    assert "MẬT" not in words(opened(written()))


def test_invented_figures_are_marked() -> None:
    assert "Dữ liệu mẫu" in words(opened(written()))


def test_t13_b15_file_names_nobody() -> None:
    with zipfile.ZipFile(io.BytesIO(written())) as package:
        names = package.namelist()
        everything = b"".join(package.read(name) for name in names if name.startswith("docProps"))
    assert not [name for name in names if "thumbnail" in name]
    properties = opened(written()).core_properties
    assert (properties.author, properties.last_modified_by, properties.comments) == ("", "", "")
    assert properties.created is not None
    assert properties.created.date() == unit_report().made_on
    assert b"python-docx" not in everything
    assert "Nguyễn Văn Mẫu".encode() not in everything


def test_b04_b07_odd_letters_do_not_break_the_file() -> None:
    odd = "Đạt \x00kết\x0b quả \ud800tốt \ufffe👩\u200d👧 & <b> {{7*7}} \uffff"
    content = write_docx(build_report(catalogue(), unit_request(report={**NARRATIVE, "limits": odd, "signer": odd, "place_date": odd})))
    told = words(opened(content))
    assert "👩\u200d👧 & <b> {{7*7}}" in told
    assert safe("a\x00b\ud800c\ufffe") == "abc"
