"""A report as a Word file, laid out as Nghị định 30/2020/NĐ-CP asks (domain.md § 6, domain-details A8).

No person in the file's properties, no thumbnail, and the same document gives the same bytes but for the ZIP's own dates.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import docx
from docx.document import Document as WordDocument
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.shared import Cm, Length
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph as WordParagraph

from server.reports import docx_layout as layout
from server.reports.document import HEADING, ITEM, NUMBER, SUBHEADING, Annex, Cell, Document, Head, Paragraph, Table

_NATION: Final = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
_MOTTO: Final = "Độc lập - Tự do - Hạnh phúc"
_HEAD_WIDTHS: Final = (Cm(6.4), Cm(9.6))
_HEAD_LETTERS: Final = 24
"""Capital letters of 13 pt that fit the left column of the head."""

_MOTTO_RULE: Final = Cm(6.2)
_ISSUER_RULE: Final = Cm(2.6)
_SUBJECT_RULE: Final = Cm(5.0)
_FOOT_WIDTHS: Final = (Cm(7.6), Cm(8.4))
_SIGNING_LINES: Final = 6
_DEMO: Final = "(Dữ liệu mẫu – không phải số liệu thật)"
_MARKING: Final = Cm(5.2)
_TABLE_SIZE: Final = 12.0
_WIDE_TABLE_SIZE: Final = 11.0
_WIDE: Final = 11
"""From this many columns on a table is set smaller, so that its headings do not break inside words."""


def write_docx(document: Document) -> bytes:
    """The document as the bytes of a .docx file."""
    word = docx.Document()
    layout.set_up(word)
    section = word.sections[0]
    layout.set_page(section, landscape=False)
    layout.page_number(section)
    word._body.clear_content()
    _head(word, document.head)
    _title(word, document)
    _addressees(word, document.addressees)
    for paragraph in document.body:
        made = _paragraph(word, paragraph)
    made.paragraph_format.keep_with_next = made.paragraph_format.keep_together = True
    _foot(word, document)
    for annex in document.annexes:
        _annex(word, annex)
    _properties(word, document)
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def _head(word: WordDocument, head: Head) -> None:
    """Two columns without borders: who issues and the number; the country, its motto, place and date."""
    left_width, right_width = _HEAD_WIDTHS
    table = layout.bare_table(word, _HEAD_WIDTHS, 2)
    left, right = table.rows[0].cells
    for place, line in enumerate(head.lines):
        paragraph = layout.first_paragraph(left) if not place else left.add_paragraph()
        layout.plain(paragraph, layout.CENTRE)
        for turn, piece in enumerate(_balanced(line.text)):
            if turn:
                paragraph.add_run().add_break()
            layout.write(paragraph, piece, size=13, bold=line.bold)
    layout.rule(left.add_paragraph(), left_width, _ISSUER_RULE)
    nation = layout.plain(layout.first_paragraph(right), layout.CENTRE)
    layout.write(nation, _NATION, size=12, bold=True)
    layout.write(layout.plain(right.add_paragraph(), layout.CENTRE), _MOTTO, size=13, bold=True)
    layout.rule(right.add_paragraph(), right_width, _MOTTO_RULE)
    number, place_date = table.rows[1].cells
    layout.write(layout.plain(layout.first_paragraph(number), layout.CENTRE, before=4), f"Số: {head.number}", size=13)
    layout.write(layout.plain(layout.first_paragraph(place_date), layout.CENTRE, before=4), head.place_date, size=13, italic=True)


def _balanced(text: str) -> tuple[str, ...]:
    """A line that is too long for its column as two of about the same length."""
    spaces = [place for place, letter in enumerate(text) if letter == " "]
    if len(text) <= _HEAD_LETTERS or not spaces:
        return (text,)
    middle = min(spaces, key=lambda place: abs(2 * place - len(text)))
    return text[:middle], text[middle + 1:]


def _title(word: WordDocument, document: Document) -> None:
    layout.write(layout.plain(word.add_paragraph(style="Title"), layout.CENTRE, before=18), document.title, bold=True)
    for line in document.subject:
        layout.write(layout.plain(word.add_paragraph(), layout.CENTRE), line, bold=True)
    layout.rule(word.add_paragraph(), Cm(16), _SUBJECT_RULE, after=6)
    if document.demo:
        layout.write(layout.plain(word.add_paragraph(), layout.CENTRE, after=6), _DEMO, size=12, italic=True)


def _addressees(word: WordDocument, addressees: Sequence[str]) -> None:
    """«Kính gửi:» with one addressee beside it, or several below it with dashes, semicolons and a full stop."""
    if not addressees:
        return
    if len(addressees) == 1:
        layout.write(layout.plain(word.add_paragraph(), layout.CENTRE, before=6, after=8), f"Kính gửi: {addressees[0]}.")
        return
    first = layout.plain(word.add_paragraph(), layout.LEFT, before=6)
    first.paragraph_format.left_indent = layout.FIRST_LINE
    layout.write(first, "Kính gửi:")
    for place, name in enumerate(addressees, 1):
        last = place == len(addressees)
        line = layout.plain(word.add_paragraph(), layout.LEFT, after=10 if last else 0)
        line.paragraph_format.left_indent = Cm(3.0)
        line.paragraph_format.first_line_indent = Cm(-0.4)
        layout.write(line, f"- {name}{'.' if last else ';'}")


def _paragraph(word: WordDocument, paragraph: Paragraph) -> WordParagraph:
    if paragraph.style in (HEADING, SUBHEADING):
        made = word.add_paragraph(style="Heading 1" if paragraph.style == HEADING else "Heading 2")
    else:
        made = layout.body(word.add_paragraph())
        if paragraph.style == ITEM:
            layout.write(made, "- ")
    for run in paragraph.runs:
        bold = run.bold or paragraph.style in (HEADING, SUBHEADING)
        layout.write(made, run.text, bold=bold, italic=run.italic)
    return made


def _foot(word: WordDocument, document: Document) -> None:
    """«Nơi nhận» at the left; at the right who signs, six empty lines for signature and seal, and the name."""
    gap = layout.plain(word.add_paragraph(), layout.LEFT)
    layout.write(gap, "", size=6)
    gap.paragraph_format.keep_with_next = True
    table = layout.bare_table(word, _FOOT_WIDTHS, 1)
    layout.keep_whole(table.rows[0])
    left, right = table.rows[0].cells
    layout.write(layout.plain(layout.first_paragraph(left), layout.LEFT), "Nơi nhận:", size=12, bold=True, italic=True)
    for place, name in enumerate(document.recipients, 1):
        ending = "." if place == len(document.recipients) else ";"
        line = layout.plain(left.add_paragraph(), layout.LEFT)
        layout.write(line, f"- {name.rstrip(';.')}{ending}", size=11)
    for place, line_text in enumerate(document.signature.authority):
        paragraph = layout.first_paragraph(right) if not place else right.add_paragraph()
        layout.write(layout.plain(paragraph, layout.CENTRE), line_text, bold=True)
    for _ in range(_SIGNING_LINES):
        layout.write(layout.plain(right.add_paragraph(), layout.CENTRE), "")
    layout.write(layout.plain(right.add_paragraph(), layout.CENTRE), document.signature.name, bold=True)


def _annex(word: WordDocument, annex: Annex) -> None:
    """An annex on pages of its own, numbered from 1."""
    section = word.add_section(WD_SECTION.NEW_PAGE)
    layout.set_page(section, landscape=annex.landscape)
    assert section.page_width is not None
    width = Length(section.page_width - layout.MARGIN_LEFT - layout.MARGIN_RIGHT)
    if annex.marking:
        marking = layout.plain(word.add_paragraph(), layout.CENTRE, after=6)
        layout.write(marking, annex.marking, size=13, bold=True)
        layout.frame(marking, width, _MARKING)
    layout.write(layout.plain(word.add_paragraph(style="Heading 1"), layout.CENTRE), annex.number, bold=True)
    layout.write(layout.plain(word.add_paragraph(), layout.CENTRE), annex.title, bold=True)
    layout.write(layout.plain(word.add_paragraph(), layout.CENTRE), annex.belongs_to, italic=True)
    layout.rule(word.add_paragraph(), width, _SUBJECT_RULE, after=8)
    for place, table in enumerate(annex.tables):
        _table(word, table, width, titled=len(annex.tables) > 1, first=not place)


def _table(word: WordDocument, table: Table, width: Length, *, titled: bool, first: bool) -> None:
    if titled:
        title = layout.plain(word.add_paragraph(), layout.LEFT, before=0 if first else 12, after=4)
        title.paragraph_format.keep_with_next = True
        layout.write(title, f"{table.title}", size=13, bold=True)
    size = _WIDE_TABLE_SIZE if len(table.columns) >= _WIDE else _TABLE_SIZE
    made = word.add_table(rows=1, cols=len(table.columns), style="Table Grid")
    made.autofit = False
    made.alignment = WD_TABLE_ALIGNMENT.CENTER
    layout.cell_margins(made, 70)
    layout.repeat_header(made.rows[0])
    layout.keep_whole(made.rows[0])
    for word_cell, column in zip(made.rows[0].cells, table.columns, strict=True):
        word_cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
        layout.write(layout.plain(layout.first_paragraph(word_cell), layout.CENTRE, before=2, after=2), column.heading,
                     size=size, bold=True)
    for row in table.rows:
        added = made.add_row()
        layout.keep_whole(added)
        for place, (word_cell, cell) in enumerate(zip(added.cells, row.cells, strict=True)):
            _cell(word_cell, cell, size, bold=row.strong, indent=row.level if not place else 0,
                  centred=table.columns[place].heading in ("TT", "ĐVT"))
    total = sum(column.width for column in table.columns)
    layout.set_widths(made, tuple(Length(int(width * column.width / total)) for column in table.columns))
    for note in table.notes:
        layout.write(layout.plain(word.add_paragraph(), layout.JUSTIFY, before=4), f"Ghi chú: {note}", size=11, italic=True)


def _cell(word_cell: WordCell, cell: Cell, size: float, *, bold: bool, indent: int, centred: bool) -> None:
    word_cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    alignment = layout.CENTRE if centred else layout.RIGHT if cell.kind == NUMBER else layout.LEFT
    paragraph = layout.plain(layout.first_paragraph(word_cell), alignment, before=1, after=1)
    if indent:
        paragraph.paragraph_format.left_indent = Cm(0.5 * indent)
    layout.write(paragraph, cell.text, size=size, bold=bold)


def _properties(word: WordDocument, document: Document) -> None:
    """The file's properties name the report, and nobody."""
    properties = word.core_properties
    day = datetime(document.made_on.year, document.made_on.month, document.made_on.day, tzinfo=UTC)
    properties.author = properties.last_modified_by = properties.comments = properties.keywords = properties.category = ""
    properties.title = layout.safe(f"{document.title}: {' '.join(document.subject)}")
    properties.subject = document.period
    properties.language = "vi-VN"
    properties.created = properties.modified = day
    properties.revision = 1
    package = word.part.package
    for key, relationship in list(package.rels.items()):
        if relationship.reltype == RELATIONSHIP_TYPE.THUMBNAIL:
            del package.rels[key]


