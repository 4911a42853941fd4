"""The page, fonts and paragraphs of an official document in Word (Nghị định 30/2020/NĐ-CP, Phụ lục I; domain-details A8).

Sizes in points, lengths in centimetres. Only what Word needs to be told lives here; what is said comes from the document.
"""

from __future__ import annotations

import re
from typing import Any, Final

from docx.document import Document as WordDocument
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import Section
from docx.shared import Cm, Length, Pt, RGBColor
from docx.table import Table as WordTable
from docx.table import _Cell as WordCell
from docx.text.paragraph import Paragraph as WordParagraph
from docx.text.run import Run as WordRun

FONT: Final = "Times New Roman"
BODY_SIZE: Final = 14
SHORT_SIDE, LONG_SIDE = Cm(21.0), Cm(29.7)
MARGIN_TOP, MARGIN_BOTTOM, MARGIN_LEFT, MARGIN_RIGHT = Cm(2.0), Cm(2.0), Cm(3.0), Cm(2.0)
FIRST_LINE: Final = Cm(1.27)
LINE_SPACING: Final = 1.15
SPACE_AFTER: Final = Pt(6)
PAGE_NUMBER_SIZE: Final = 13

CENTRE = WD_ALIGN_PARAGRAPH.CENTER
JUSTIFY = WD_ALIGN_PARAGRAPH.JUSTIFY
LEFT = WD_ALIGN_PARAGRAPH.LEFT
RIGHT = WD_ALIGN_PARAGRAPH.RIGHT

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def safe(text: str) -> str:
    """The text without what XML cannot hold (control characters, lone surrogates, U+FFFE, U+FFFF)."""
    return _FORBIDDEN.sub("", text)


def set_up(word: WordDocument) -> None:
    """Fonts and styles of the whole document: Times New Roman, black, Vietnamese; headings as an official text has them."""
    defaults = word.styles.element.find(qn("w:docDefaults"))
    if defaults is not None:
        fonts = defaults.find(f".//{qn('w:rFonts')}")
        if fonts is not None:
            _set_fonts(fonts)
        for language in defaults.iter(qn("w:lang")):
            language.set(qn("w:val"), "vi-VN")
    for name in ("Normal", "Heading 1", "Heading 2", "Title", "Header"):
        style = word.styles[name]
        properties = style.element.get_or_add_rPr()
        _set_fonts(properties.get_or_add_rFonts())
        style.font.size = Pt(BODY_SIZE)
        style.font.color.rgb = RGBColor(0, 0, 0)
        style.font.bold = name in ("Heading 1", "Heading 2", "Title")
        style.font.italic = False
        for border in style.element.iter(qn("w:pBdr")):
            border.getparent().remove(border)
        layout = style.paragraph_format
        layout.space_before = Pt(0)
        layout.space_after = Pt(0)
    for name in ("Heading 1", "Heading 2"):
        layout = word.styles[name].paragraph_format
        layout.space_before, layout.space_after = Pt(6), SPACE_AFTER
        layout.first_line_indent = FIRST_LINE
        layout.keep_with_next = True
        layout.alignment = LEFT
        layout.line_spacing = LINE_SPACING


def _set_fonts(fonts: Any) -> None:
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), FONT)


def set_page(section: Section, *, landscape: bool) -> None:
    """A4, the decree's margins, the page number centred in the top margin from the second page on, counted from 1."""
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (LONG_SIDE, SHORT_SIDE) if landscape else (SHORT_SIDE, LONG_SIDE)
    section.top_margin, section.bottom_margin = MARGIN_TOP, MARGIN_BOTTOM
    section.left_margin, section.right_margin = MARGIN_LEFT, MARGIN_RIGHT
    section.header_distance, section.footer_distance = Cm(1.0), Cm(1.0)
    section.different_first_page_header_footer = True
    numbering = section._sectPr.find(qn("w:pgNumType"))
    if numbering is None:
        numbering = OxmlElement("w:pgNumType")
        section._sectPr.append(numbering)
    numbering.set(qn("w:start"), "1")


def page_number(section: Section) -> None:
    """The field PAGE in the section's header."""
    section.header.is_linked_to_previous = False
    section.first_page_header.is_linked_to_previous = False
    paragraph = section.header.paragraphs[0]
    paragraph.alignment = CENTRE
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = paragraph.add_run()
        run.font.size = Pt(PAGE_NUMBER_SIZE)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.set(qn("xml:space"), "preserve")
            mark.text = text
        run._r.append(mark)


def write(
    paragraph: WordParagraph, text: str, *, size: float = BODY_SIZE, bold: bool = False, italic: bool = False
) -> WordRun:
    """Append a run. Its fonts are set on the run too, so that pasted into another document it stays as it is."""
    run = paragraph.add_run(safe(text))
    run.font.size = Pt(size)
    run.font.bold, run.font.italic = bold, italic
    run.font.name = FONT
    _set_fonts(run._r.get_or_add_rPr().get_or_add_rFonts())
    return run


def plain(paragraph: WordParagraph, alignment: WD_ALIGN_PARAGRAPH, *, before: float = 0, after: float = 0) -> WordParagraph:
    """Single spacing, no indent: the paragraphs of heads, titles and tables."""
    layout = paragraph.paragraph_format
    layout.alignment = alignment
    layout.space_before, layout.space_after = Pt(before), Pt(after)
    layout.first_line_indent = Cm(0)
    layout.line_spacing_rule = WD_LINE_SPACING.SINGLE
    return paragraph


def body(paragraph: WordParagraph) -> WordParagraph:
    """Justified, first line 1.27 cm, 6 pt below."""
    layout = paragraph.paragraph_format
    layout.alignment = JUSTIFY
    layout.first_line_indent = FIRST_LINE
    layout.space_after = SPACE_AFTER
    layout.line_spacing = LINE_SPACING
    return paragraph


def rule(paragraph: WordParagraph, width: Length, length: Length, *, after: float = 0) -> None:
    """A thin centred rule of the given length in a column of the given width: the top border of an empty line."""
    plain(paragraph, CENTRE, before=2, after=after)
    layout = paragraph.paragraph_format
    side = Length(max(0, (width - length) // 2))
    layout.left_indent = layout.right_indent = side
    layout.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    layout.line_spacing = Pt(4)
    write(paragraph, "", size=2)
    properties = paragraph._p.get_or_add_pPr()
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    borders.append(top)
    _insert_ordered(properties, borders, ("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"))


def frame(paragraph: WordParagraph, width: Length, length: Length) -> None:
    """A box around a marking such as «LƯU HÀNH NỘI BỘ», at the left of a column of the given width."""
    paragraph.paragraph_format.right_indent = Length(max(0, width - length))
    borders = OxmlElement("w:pBdr")
    for side in ("top", "left", "bottom", "right"):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "8"), ("space", "3"), ("color", "000000")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    _insert_ordered(paragraph._p.get_or_add_pPr(), borders, ("w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr"))


def _insert_ordered(properties: Any, element: Any, followers: tuple[str, ...]) -> None:
    """Put the element before the first of those that the schema wants after it."""
    for name in followers:
        found = properties.find(qn(name))
        if found is not None:
            found.addprevious(element)
            return
    properties.append(element)


def bare_table(word: WordDocument, widths: tuple[Length, ...], rows: int) -> WordTable:
    """A table without borders and cell margins, of fixed column widths: the head and the foot of a document."""
    table: WordTable = word.add_table(rows=rows, cols=len(widths))
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    cell_margins(table, 0)
    set_widths(table, widths)
    return table


def set_widths(table: WordTable, widths: tuple[Length, ...]) -> None:
    """Fixed widths, in the grid and in every cell (LibreOffice reads the one, Word the other)."""
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width


def cell_margins(table: WordTable, sides: int) -> None:
    """Left and right cell margins in twentieths of a point."""
    properties = table._tbl.tblPr
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        one = OxmlElement(f"w:{side}")
        one.set(qn("w:w"), str(sides))
        one.set(qn("w:type"), "dxa")
        margins.append(one)
    look = properties.find(qn("w:tblLook"))
    if look is not None:
        look.addprevious(margins)
    else:
        properties.append(margins)


def repeat_header(row: Any) -> None:
    """Repeat a table's first row on every page, and never split a row between pages."""
    properties = row._tr.get_or_add_trPr()
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    properties.append(mark)


def keep_whole(row: Any) -> None:
    """Do not split the row between two pages."""
    properties = row._tr.get_or_add_trPr()
    mark = OxmlElement("w:cantSplit")
    mark.set(qn("w:val"), "true")
    properties.insert(0, mark)


def first_paragraph(cell: WordCell) -> WordParagraph:
    """The paragraph that a new cell already has."""
    paragraph: WordParagraph = cell.paragraphs[0]
    return paragraph
