"""From the blocks of an outline to paragraphs: sentences with figures in them, narratives, lists of records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from server.reports.document import BODY, HEADING, ITEM, SUBHEADING, Paragraph, Run, Source
from server.reports.narratives import merged_lines
from server.reports.outline import DISTRICT, PLACEHOLDER, REFERENCE, Block, Clause, Outline, figure_of
from server.reports.request import ReportRequest, body_name, day_text
from shared.figure_text import amount_text, figure_text, rounded
from shared.figures import Figure
from shared.indicator import Indicator
from shared.rules import compile_expression
from shared.text import clean

if TYPE_CHECKING:
    from shared.catalogue import Catalogue, RecordType

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_FIGURE_NAME: Final = re.compile(r"(prev_)?(I\d+[A-Z]*(?:_\w+)?)")
_BULLET: Final = re.compile(r"^\s*[-–+•*]\s*")


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the words of one report are made from. `records` is {id: record}; `facts` are `request.facts_of`."""

    catalogue: Catalogue
    outline: Outline
    request: ReportRequest
    indicators: Mapping[str, Indicator]
    facts: Mapping[str, str | int]
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def figure(self, reference: str, *, previous: bool = False) -> Figure:
        """The report's own figure, or the one of the period before."""
        figures = self.request.previous if previous else self.request.figures
        return figures.of(reference) if figures else Figure()

    def indicator(self, reference: str) -> Indicator:
        """The indicator that a reference belongs to."""
        return self.indicators[reference.split(".")[0]]

    def holds(self, condition: str) -> bool:
        """Whether the condition holds. A blank figure satisfies nothing; a hidden one counts as «some»."""
        if not condition:
            return True
        names = frozenset(_WORD.findall(condition))
        values: dict[str, Any] = {}
        for name in names:
            if match := _FIGURE_NAME.fullmatch(name):
                figure = self.figure(figure_of(match[2]), previous=bool(match[1]))
                values[name] = 1 if figure.suppressed else figure.value
            elif name in self.facts:
                values[name] = self.facts[name]
        return bool(compile_expression(condition, names).evaluate(values, self.request.today))

    def stands(self, block: Block | Clause) -> bool:
        """Whether the block or clause is for this report's scope and period, and its condition holds."""
        period_kind = getattr(block, "period_kind", "")
        return (block.scope in ("", self.request.scope) and period_kind in ("", self.request.period.kind)
                and self.holds(block.when))


def section_paragraphs(context: Context) -> Iterator[Paragraph]:
    """All sections in order. Where nothing at all stands below a heading, the outline's `nothing_said` does."""
    for section in context.outline.sections:
        yield Paragraph(runs=(Run(text=section.heading, bold=True),), style=HEADING)
        blank = True
        pending = False
        for block in section.blocks:
            if not context.stands(block):
                continue
            made = list(block_paragraphs(context, block))
            if block.kind == "subheading":
                if pending:
                    yield _nothing(context)
                pending, blank = True, False
            elif made:
                pending = blank = False
            yield from made
        if pending or blank:
            yield _nothing(context)


def block_paragraphs(context: Context, block: Block) -> Iterator[Paragraph]:
    """The paragraphs of one block, none where it has nothing to say."""
    if block.kind == "subheading":
        yield Paragraph(runs=runs_of(context, block.text, bold=True), style=SUBHEADING)
    elif block.kind == "narrative":
        yield from _narrative(context, block)
    elif block.kind == "list":
        yield from _list(context, block)
    else:
        runs = _sentence(context, block)
        if runs:
            yield Paragraph(runs=runs)


def runs_of(context: Context, template: str, *, bold: bool = False) -> tuple[Run, ...]:
    """A text with its placeholders filled: words as words, figures as runs that know their records."""
    runs: list[Run] = []
    place = 0
    for match in PLACEHOLDER.finditer(template):
        if match.start() > place:
            runs.append(Run(text=template[place:match.start()], bold=bold))
        runs.append(_filled(context, match[1] or "", match[2], bold=bold))
        place = match.end()
    if place < len(template):
        runs.append(Run(text=template[place:], bold=bold))
    return tuple(runs)


def _filled(context: Context, form: str, name: str, *, bold: bool) -> Run:
    if not REFERENCE.fullmatch(name):
        fact = context.facts[name]
        text = str(fact) if isinstance(fact, str) or name.endswith("year") else amount_text(fact, prose=True)
        return Run(text=text, bold=bold)
    figure = context.figure(name, previous=form == "prev")
    indicator = context.indicator(name)
    source = None if form == "prev" else Source(reference=name, records=figure.records, late=figure.late)
    if form == "change":
        return Run(text=_change(context, name, indicator), source=source, bold=bold)
    text = figure_text(figure, indicator, prose=True)
    return Run(text=f"{text} đồng" if form == "money" else text, source=source, bold=bold)


def _change(context: Context, name: str, indicator: Indicator) -> str:
    """«tăng 12 cuộc», «giảm 03 cuộc», «không đổi»: from the numbers as printed."""
    now = rounded(context.figure(name), indicator)
    before = rounded(context.figure(name, previous=True), indicator)
    if now is None or before is None:
        return "chưa so sánh được"
    step = now - before
    if not step:
        return "không đổi"
    amount = amount_text(abs(step), decimals=indicator.decimals, prose=True)
    return f"{'tăng' if step > 0 else 'giảm'} {amount} {indicator.unit['vi']}"


def _sentence(context: Context, block: Block) -> tuple[Run, ...]:
    said = [clause for clause in block.clauses if context.stands(clause)]
    if not said:
        other = next((clause for clause in block.otherwise if context.stands(clause)), None)
        return runs_of(context, other.vi) if other else ()
    template = block.start + block.join.join(clause.vi for clause in said) + block.end
    return _capital(runs_of(context, template.strip()))


def _capital(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    first = runs[0]
    text = first.text[:1].upper() + first.text[1:]
    return (Run(text=text, source=first.source, bold=first.bold, italic=first.italic), *runs[1:])


def _narrative(context: Context, block: Block) -> Iterator[Paragraph]:
    """What the unit wrote; in a consolidated report without a text of its own, what the units wrote, one by one."""
    field_of = context.catalogue.types["periodic_report"].fields.get(block.field)
    if field_of is None or field_of.confidential:
        return
    text = context.request.report.get(block.field)
    if isinstance(text, str) and text.strip():
        lines = clean(text).splitlines()
    elif context.request.scope == DISTRICT:
        lines = merged_lines(context.catalogue, block.field, context.request.units, context.request.narratives)
    else:
        lines = []
    lines = [line.strip() for line in lines if line.strip()]
    if lines and block.label:
        yield Paragraph(runs=(Run(text=f"{block.label}:", italic=True),))
    for line in lines:
        bullet = _BULLET.match(line)
        yield Paragraph(runs=(Run(text=line[bullet.end():] if bullet else line),), style=ITEM if bullet else BODY)


def _list(context: Context, block: Block) -> Iterator[Paragraph]:
    """A line for each record behind a figure, by date, then by unit in administrative order."""
    figure = context.figure(block.figure)
    rank = {unit: place for place, unit in enumerate(context.request.units)}
    found = [context.records[one] for one in figure.records if one in context.records]
    record_type = context.catalogue.types[context.indicator(block.figure).type]
    dated = record_type.date or ""
    found.sort(key=lambda one: (str(one["values"].get(dated, "")), rank.get(one["unit"], len(rank)), one["id"]))
    unit = context.indicator(block.figure).unit["vi"]
    for record in found[:block.most]:
        source = Source(reference=block.figure, unit=record["unit"], records=(record["id"],))
        yield Paragraph(runs=(Run(text=_line(context, block.line, record, record_type), source=source),), style=ITEM)
    if len(found) > block.most:
        yield Paragraph(runs=(Run(text=f"Và {amount_text(len(found) - block.most, prose=True)} {unit} khác."),), style=ITEM)


def _line(context: Context, template: str, record: Mapping[str, Any], record_type: RecordType) -> str:
    """A record as one line. A field that is confidential or not there leaves nothing."""
    def shown(match: re.Match[str]) -> str:
        name = match[2]
        if name == "by_unit":
            return "" if context.request.scope != DISTRICT else f" của {body_name(context.catalogue, record['unit'])}"
        return field_text(context, record_type, name, record["values"])

    text = re.sub(r"\s+", " ", PLACEHOLDER.sub(shown, template)).strip(" ;,")
    text = text.replace("()", "").replace(" ,", ",")
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def field_text(context: Context, record_type: RecordType, name: str, values: Mapping[str, Any]) -> str:
    """A plain value as words in a report; "" for what is unknown, confidential or sealed."""
    field_of = record_type.fields.get(name)
    if field_of is None or field_of.confidential:
        return ""
    value = value_of(context, record_type, name, values)
    if isinstance(value, bool) or value is None:
        return ""
    if field_of.kind == "date" and isinstance(value, str):
        return day_text(date.fromisoformat(value[:10]))
    if field_of.kind == "unit" and isinstance(value, str):
        return str(context.catalogue.units[value].name.vi) if value in context.catalogue.units else ""
    if field_of.kind == "flow" and isinstance(value, str):
        label = context.catalogue.flows[field_of.flow or record_type.flow].states.get(value)
        return label.vi if label else ""
    if isinstance(value, str) and field_of.choices:
        choice = field_of.choice(value)
        return choice.label.vi if choice else ""
    if isinstance(value, list) and field_of.choices:
        return "; ".join(choice.label.vi for choice in field_of.choices if choice.code in value)
    if isinstance(value, int | float):
        return amount_text(value, decimals=0 if isinstance(value, int) else 1, prose=True)
    return clean(value).replace("\n", " ").strip() if isinstance(value, str) else ""


def value_of(context: Context, record_type: RecordType, name: str, values: Mapping[str, Any]) -> Any:
    """A field's plain value, reckoned where it is a computed one; None where the form does not ask for it."""
    condition = record_type.shown.get(name)
    if condition is not None and not condition.evaluate(values, context.request.today, context.catalogue.value_of_series):
        return None
    computed = record_type.computed.get(name)
    return computed.evaluate(values, context.request.today, context.catalogue.value_of_series) if computed else values.get(name)


def _nothing(context: Context) -> Paragraph:
    return Paragraph(runs=(Run(text=context.outline.nothing_said),))
