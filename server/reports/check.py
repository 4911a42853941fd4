"""The outlines of a catalogue are checked when a server starts: a mistake stops it, with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from server.reports.outline import PLACEHOLDER, REFERENCE, Outline, OutlineError, read_outline
from shared.indicator_plan import plan_of
from shared.yaml_source import CatalogueError

if TYPE_CHECKING:
    from shared.catalogue import Catalogue


def check_outlines(catalogue: Catalogue) -> None:
    """Check every outline. Raises CatalogueError for what cannot be read, a figure, a field or a breakdown that does not exist."""
    for code in catalogue.reports:
        try:
            outline = read_outline(catalogue.reports, code)
        except (OutlineError, TypeError, AttributeError) as error:
            raise _fault(catalogue, code, str(error), getattr(error, "word", "")) from error
        for word, why in _wrong(catalogue, outline):
            raise _fault(catalogue, code, f"{why}: {word}", word)


def _wrong(catalogue: Catalogue, outline: Outline) -> Iterator[tuple[str, str]]:
    """Pairs of the word that is wrong and why, in English."""
    indicators = plan_of(catalogue).indicators
    for reference in outline.references():
        base, *path = reference.split(".")
        if base not in indicators:
            yield reference, "no such figure"
        elif path and path[0] not in {one.code for one in indicators[base].by}:
            yield reference, "no such part of a figure"
    narratives = catalogue.types["periodic_report"].fields if "periodic_report" in catalogue.types else {}
    for name in outline.narratives():
        if name not in narratives:
            yield name, "no such field of the periodic report"
    for section in outline.sections:
        for block in section.blocks:
            if block.kind == "list":
                fields = catalogue.types[indicators[block.figure].type].fields
                yield from ((name, "no such field") for _, name in PLACEHOLDER.findall(block.line)
                            if name not in fields and name != "by_unit" and not REFERENCE.fullmatch(name))
    for annex in outline.annexes:
        for table in annex["tables"]:
            yield from _columns(catalogue, table) if table["kind"] == "records" else ()


def _columns(catalogue: Catalogue, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    own = plan_of(catalogue).indicators[table["figure"]].type
    for column in table["columns"]:
        other = column.get("sum_of", own)
        if other not in catalogue.types:
            yield other, "no such record type"
            continue
        fields = catalogue.types[other].fields
        for key in ("field", "or", "by"):
            name = column.get(key)
            if name is not None and name != "unit" and (name not in fields or fields[name].confidential):
                yield name, "no such field"


def _fault(catalogue: Catalogue, code: str, why: str, word: str) -> CatalogueError:
    """The mistake at the first line of the outline's file that holds the word."""
    file = f"reports/{code}.yaml"
    text = catalogue.texts[file]
    place = text.find(word) if word else -1
    line = 1 if place < 0 else text.count("\n", 0, place) + 1
    return CatalogueError("catalogue_report", file=file, line=line, name=code, why=why[:120])
