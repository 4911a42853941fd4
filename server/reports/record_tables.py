"""Tables with a row a record: the records behind a figure, their fields as columns.

A column is a `field` of the record with its `heading` and `width`, and where it needs them:

or        another field, where the first says nothing
scope     unit or district: the column stands in that report only
numeric   the value is a number; `scale` divides it (1000: nghìn đồng)
yes, no   how a yes/no field reads
target    a key of the national target that the field names (`t2025`)
sum_of    with `by` and `field` of another type: the total over the records that name this one; 1–4 are never told
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server.reports.document import NUMBER, Cell, Column, Row, Source, Table
from server.reports.prose import Context, field_text, value_of
from shared.figure_text import amount_text
from shared.indicators import COUNTED_STATES
from shared.suppression import SMALLEST_SHOWN

Spec = Mapping[str, Any]

NUMBER_COLUMN: Final = Column(heading="TT", width=0.9)


def records_table(context: Context, spec: Spec) -> Table:
    """One row a record, by unit in administrative order, then by date. A confidential field has no place here: its cells stay empty."""
    figure = context.figure(spec["figure"])
    record_type = context.catalogue.types[context.indicator(spec["figure"]).type]
    wanted = [column for column in spec["columns"] if column.get("scope", context.request.scope) == context.request.scope]
    columns = (NUMBER_COLUMN, *(Column(heading=_heading(context, column), width=column["width"], numeric=column.get("numeric", False))
                                for column in wanted))
    rank = {unit: place for place, unit in enumerate(context.request.units)}
    found = sorted((context.records[one] for one in figure.records if one in context.records),
                   key=lambda one: (rank.get(one["unit"], len(rank)), str(one["values"].get(record_type.date or "", "")), one["id"]))
    rows = [Row(cells=(count_cell(place), *(_cell(context, column, record, record_type, spec["figure"]) for column in wanted)))
            for place, record in enumerate(found, 1)]
    return table_of(context, spec, columns, rows)


def table_of(context: Context, spec: Spec, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    """The table with the notes that stand in this report."""
    notes = tuple(note["vi"] for note in spec.get("notes", ()) if note.get("scope", context.request.scope) == context.request.scope)
    return Table(code=spec["code"], title=spec["title"], columns=columns, rows=tuple(rows), notes=notes)


def count_cell(number: int) -> Cell:
    """The cell of the column «TT»."""
    return Cell(text=str(number), kind=NUMBER, value=number)


def _heading(context: Context, column: Spec) -> str:
    return str(column["heading"]).format(year=context.facts["year"])


def _cell(context: Context, column: Spec, record: Mapping[str, Any], record_type: Any, reference: str) -> Cell:
    if column["field"] == "unit":
        return Cell(text=str(context.catalogue.units[record["unit"]].name.vi))
    if "sum_of" in column:
        return _helped(context, column, record["id"])
    source = Source(reference=reference, unit=record["unit"], records=(record["id"],))
    field_of, values = record_type.fields[column["field"]], record["values"]
    value = None if field_of.confidential else value_of(context, record_type, column["field"], values)
    if column.get("numeric"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Cell(text="-", kind=NUMBER)
        decimals = 0 if value == int(value) else 1
        amount = round(value / column.get("scale", 1), decimals)
        return Cell(text=amount_text(amount, decimals=decimals), kind=NUMBER, value=amount, decimals=decimals, source=source)
    if "target" in column:
        target = next((one for one in context.catalogue.targets if one["code"] == value), {})
        return Cell(text=str(target.get(column["target"], "")), kind=NUMBER)
    if isinstance(value, bool):
        return Cell(text=column.get("yes" if value else "no", ""))
    text = "" if value == column.get("but") else field_text(context, record_type, column["field"], values)
    return Cell(text=text or (field_text(context, record_type, column["or"], values) if "or" in column else ""))


def _helped(context: Context, column: Spec, model: str) -> Cell:
    """The total of a field over the period's records of another type that name this one."""
    period = context.request.period
    other = context.catalogue.types[column["sum_of"]]
    amounts = [record["values"].get(column["field"]) for record in context.records.values()
               if record["type"] == other.code and record["state"] in COUNTED_STATES and record["values"].get(column["by"]) == model
               and period.starts.isoformat() <= str(record["values"].get(other.date or "", ""))[:10] <= period.ends.isoformat()]
    known = [amount for amount in amounts if isinstance(amount, int)]
    if not known:
        return Cell(text="-", kind=NUMBER)
    total = sum(known)
    if 0 < total < SMALLEST_SHOWN:
        return Cell(text="< 5", kind=NUMBER)
    return Cell(text=amount_text(total), kind=NUMBER, value=total)
