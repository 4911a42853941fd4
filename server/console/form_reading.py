"""What a form sent as the plain values of its fields.

A form names each field that it shows as ``held``, so that an empty field is told from one that was not shown. A field's inputs bear
its path; the rows of a field stand in the order of the inputs ``ROWS field``. Buttons bear ``go``: ``save``, ``submit``, ``look`` or
a deed on rows (``add FIELD``, ``drop FIELD ROW``, ``up FIELD ROW``, ``down FIELD ROW``).
"""

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from server.console.inputs import INPUTS, read_one
from shared.field import Field
from shared.ids import SHORT_ID, new_id
from shared.kinds import MOST_ITEMS
from shared.record_type import RecordType
from sync.view import Sealed

HELD = "held"
ROWS = "rows "

__all__ = ["HELD", "ROWS", "apply_deed", "read_form", "without_empty_rows"]


def read_form(record_type: RecordType, form: MultiDict[str, str], base: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields that a form held, under their present names: the page may be older than the catalogue.

    Args:
        base: what the form showed: rows keep what it did not show of them (sealed values).
    """
    values: dict[str, Any] = {}
    for name in dict.fromkeys(form.getlist(HELD)):
        code = record_type.renamed(name)
        one = record_type.kept_fields().get(code)
        if one is None or one.computed is not None or one.kind in ("flow", "figures"):
            continue
        if one.kind == "rows":
            values[code] = _rows(one, form, base.get(code), name)
        elif one.kind in INPUTS:
            values[code] = read_one(one, form.getlist(name))
            if one.kind in ("files", "photos"):
                values[code] = _with_sealed(values[code], base.get(code))
    return values


def _with_sealed(kept: Any, base: Any) -> Any:
    """Files as the page names them, those that are sealed as they were."""
    known = {item["sha256"]: item for item in base or () if isinstance(item, dict)}
    return [known.get(item["sha256"], item) for item in kept or ()] or None


def _rows(one: Field, form: MultiDict[str, str], base: Any, path: str) -> list[dict[str, Any]]:
    before = {row["id"]: row for row in base or () if isinstance(row, dict)}
    rows = []
    for row_id in list(dict.fromkeys(form.getlist(ROWS + path)))[:MOST_ITEMS]:
        if not (SHORT_ID.fullmatch(row_id) or row_id in before or one.rows_from):
            continue
        row: dict[str, Any] = {"id": row_id}
        for code, sub in one.fields.items():
            name = f"{path}/{row_id}/{code}"
            was = before.get(row_id, {}).get(code)
            value = was if isinstance(was, Sealed) and name not in form else read_one(sub, form.getlist(name))
            if value is not None and sub.computed is None:
                row[code] = value
        rows.append(row)
    return rows


def without_empty_rows(record_type: RecordType, values: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The values without rows in which nothing was written; one that had been written before stays, emptied."""
    kept = dict(values)
    for code, value in values.items():
        if code in record_type.fields and record_type.fields[code].kind == "rows":
            known = {row["id"] for row in base.get(code) or () if isinstance(row, dict)}
            fixed = record_type.fields[code].rows_from is not None
            kept[code] = [row for row in value if len(row) > 1 or (fixed and row["id"] in known)] or None
    return kept


def apply_deed(record_type: RecordType, values: dict[str, Any], deed: str) -> None:
    """Do what a button on rows says; anything else does nothing."""
    verb, code, row_id = [*deed.split(" ", 2), "", ""][:3]
    one = record_type.fields.get(code)
    if one is None or one.kind != "rows" or one.rows_from:
        return
    rows: list[dict[str, Any]] = list(values.get(code) or [])
    place = next((index for index, row in enumerate(rows) if row["id"] == row_id), None)
    if verb == "add":
        rows.append({"id": new_id(), **{name: sub.default for name, sub in one.fields.items() if sub.default is not None}})
    elif place is not None and verb == "drop":
        rows.pop(place)
    elif place is not None and verb in ("up", "down"):
        to = max(0, place + (-1 if verb == "up" else 1))
        rows.insert(to, rows.pop(place))
    values[code] = rows
