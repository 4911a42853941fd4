"""A report as plain paragraphs and tables: what it says, without how it looks.

Every number keeps the reference of its figure and the ids of the records behind it, so that a page can lead from the
number to its records. DOCX, XLSX and the console's page are three forms of the same document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

HEADING: Final = "heading"          # I. TÌNH HÌNH CHUNG
SUBHEADING: Final = "subheading"    # 1. Ban hành văn bản
BODY: Final = "body"
ITEM: Final = "item"                # a line of a list: "- ..."
NOTE: Final = "note"                # below a table

TEXT: Final = "text"
NUMBER: Final = "number"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a printed number comes from: the figure's reference, the unit ("" = all of the report's), its records."""

    reference: str
    unit: str = ""
    records: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A piece of a paragraph: plain text, or a number as printed together with its source."""

    text: str
    source: Source | None = None
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """One paragraph; `style` is one of this module's five."""

    runs: tuple[Run, ...]
    style: str = BODY

    @property
    def text(self) -> str:
        """The paragraph's words."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: the text as printed, and the number where it is one.

    `value` None with kind NUMBER is a number that is not there: blank («-»), hidden («< 5»), without a base.
    """

    text: str
    kind: str = TEXT
    value: int | float | None = None
    decimals: int = 0
    source: Source | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row; `level` indents its label (0–2), `strong` sets a total or a heading off."""

    cells: tuple[Cell, ...]
    strong: bool = False
    level: int = 0


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its heading, its share of the width, and whether numbers stand in it."""

    heading: str
    width: float
    numeric: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its columns, rows and the notes below it. `code` names it («III») and its sheet."""

    code: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Annex:
    """An annex: «Phụ lục III», its title, the line that ties it to the report, its tables; `marking` is framed above it."""

    number: str
    title: str
    belongs_to: str
    tables: tuple[Table, ...]
    landscape: bool = True
    marking: str = ""


@dataclass(frozen=True, kw_only=True)
class HeadLine:
    """One line of the issuing body's block."""

    text: str
    bold: bool


@dataclass(frozen=True, kw_only=True)
class Head:
    """The head of an official document (NĐ 30/2020, domain-details A8). `family` is state or organisation."""

    lines: tuple[HeadLine, ...]
    number: str
    place_date: str
    family: str = "state"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who signs: the authority lines in order (TM. …, KT. …, office) and the name, "" to be filled in."""

    authority: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class FigureLine:
    """One figure for the sheet of figures: what it is, of whom, and the records behind it."""

    reference: str
    label: str
    unit: str
    unit_of_measure: str
    value: int | float | None
    printed: str
    decimals: int
    previous: int | float | None
    records: tuple[str, ...]
    late: tuple[str, ...] = ()
    corrected: bool = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report. `addressees` are the lines below «Kính gửi:», `recipients` those below «Nơi nhận:»."""

    code: str
    period: str
    made_on: date
    demo: bool
    head: Head
    title: str
    subject: tuple[str, ...]
    addressees: tuple[str, ...]
    body: tuple[Paragraph, ...]
    recipients: tuple[str, ...]
    signature: Signature
    annexes: tuple[Annex, ...]
    figures: tuple[FigureLine, ...]

    def tables(self) -> Iterator[Table]:
        """Every table of every annex, in order."""
        for annex in self.annexes:
            yield from annex.tables

    def sources(self) -> Iterator[Source]:
        """The source of every number printed in the body and the tables."""
        for paragraph in self.body:
            yield from (run.source for run in paragraph.runs if run.source is not None)
        for table in self.tables():
            for row in table.rows:
                yield from (cell.source for cell in row.cells if cell.source is not None)
