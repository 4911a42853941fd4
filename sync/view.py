"""What a record's registers say to a person or a form: plain values, and what a screen has seen.

Plain values are those of the catalogue: a set is a sorted list of codes, rows are a list of mappings in
their order, each with its ``id``; a sealed value appears as ``Sealed`` and is opened elsewhere.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.catalogue import Field, RecordType
from shared.retyped import in_kind
from shared.text import clean
from sync.log import RECORD_STANDING, Operation
from sync.state import RecordState, Value

SET_KINDS = frozenset({"choices", "files", "photos"})

__all__ = ["Sealed", "Shown", "Snapshot", "content", "has_place", "plain", "renewed", "shown", "snapshot", "spelled"]

Shown = dict[str, tuple[str, ...]]
"""Path → names of the changes whose values a screen shows there, open candidates included."""


class Sealed(NamedTuple):
    """A confidential value that this view may not read: the hash of its sealed bytes."""

    blob: str


class Snapshot(NamedTuple):
    """What a form showed when it was opened; its difference is taken against this and nothing newer.

    ``places`` are the places of the rows, by ``field/ROW``; a field that is a list now has one ("") where a single answer from before
    still stands beside the list.
    """

    values: dict[str, Any]
    seen: Shown
    places: dict[str, str]

    @classmethod
    def empty(cls) -> "Snapshot":
        """What the form of a new record shows: nothing."""
        return cls({}, {}, {})


def snapshot(state: RecordState, record_type: RecordType) -> Snapshot:
    """Take what a form that opens this record shows."""
    places = {}
    for path, value in state.values():
        if value.kind in ("insert", "move") and not value.open:
            places[path] = str(value.value)
        elif value.value is not None and not value.open and _was_single(record_type.by_path.get(path)):
            places[path] = ""
    return Snapshot(plain(state, record_type), shown(state), places)


def _was_single(field: Field | None) -> bool:
    """Whether a field is a list now: what stands at its own path was written when it was one value."""
    return field is not None and (field.kind in SET_KINDS or field.kind == "rows")


def shown(state: RecordState) -> Shown:
    """What a screen that shows this state has seen, by path."""
    return {
        path: tuple(dict.fromkeys(name for value in register.values for name in value.origins))
        for path, register in state.registers.items()
    }


def plain(state: RecordState, record_type: RecordType) -> dict[str, Any]:
    """Give the current values of a record by field, as the forms, the rules and the reports use them.

    A renamed field is given under its present name. What was written while a field was of another kind is given in the present one
    where it can be read so, else as it was written; so is a field that the catalogue no longer has («trường cũ»), under its path.
    """
    values: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for path in state.registers:
        head, _, rest = path.partition("/")
        if head == RECORD_STANDING:
            continue
        if rest:
            groups.setdefault(head, {})[rest] = path
            continue
        value = state.current(path)
        field = record_type.by_path.get(head)
        if value is not None:
            values[head if field is None else field.code] = content(value) if field is None else in_kind(field, content(value))
    for head, paths in groups.items():
        field = record_type.by_path.get(head)
        kinds = () if field is None else (field, *field.earlier)
        name = head if field is None else field.code
        spread = next((one for one in kinds if one.kind in SET_KINDS or one.kind == "rows"), None)
        if spread is not None and spread.kind in SET_KINDS:
            held: list[Any] = _elements(state, paths, files=spread.kind != "choices")
        else:
            held = _rows(state, head, paths, spread)
        single = values.get(name)
        if field is not None and field.kind == "choices" and isinstance(single, list):
            held = sorted({*held, *single})  # somebody's old form answered once more, unseen
        if spread is field or single is None:
            values[name] = held
    return values


def renewed(values: Mapping[str, Any], record_type: RecordType) -> dict[str, Any]:
    """Plain values that a form showed or held under an earlier catalogue, as the present one has them: its names, its kinds.

    What it has no place for stays under the name that it had.
    """
    told = {}
    for name, value in values.items():
        code = record_type.renamed(name)
        field = record_type.kept_fields().get(code)
        told[code] = value if field is None else _renewed(field, value)
    return told


def has_place(values: Mapping[str, Any], record_type: RecordType) -> bool:
    """Whether a catalogue has a place for all of these plain values; not so that of a server that was set back, for newer forms."""
    return all(record_type.renamed(name) in record_type.kept_fields() for name in values)


def _renewed(field: Field, value: Any) -> Any:
    if field.kind != "rows" or not isinstance(value, list):
        return in_kind(field, value)
    codes = {name: sub for sub in field.fields.values() for name in (*sub.was, sub.code)}
    rows = [{codes[name].code if name in codes else name: item for name, item in row.items()} for row in value]
    return [{name: in_kind(codes[name], item) if name in codes else item for name, item in row.items()} for row in rows]


def content(told: Value | Operation) -> Any:
    """What a value in force or an operation says, as it is shown and compared."""
    return spelled(told.value) if told.blob is None else Sealed(told.blob)


def spelled(value: Any) -> Any:
    """A text as it is shown, searched and compared: NFC, whatever its writer's keyboard made; the line keeps its bytes."""
    return clean(value) if type(value) is str else value


def _elements(state: RecordState, paths: Mapping[str, str], *, files: bool) -> list[Any]:
    present = []
    for element in sorted(paths):
        adds = [value for value in state.registers[paths[element]].values if value.kind == "add"]
        if adds:
            present.append(_file(element, min(adds, key=lambda value: value.origins)) if files else element)
    return present


def _file(digest: str, value: Value) -> dict[str, Any]:
    if value.blob is not None:
        return {"sha256": digest, "sealed": Sealed(value.blob)}
    return {"sha256": digest, **{key: spelled(item) for key, item in (value.value or {}).items()}}


def _rows(state: RecordState, head: str, paths: Mapping[str, str], field: Field | None) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    sets: dict[tuple[str, str], dict[str, str]] = {}
    for rest, path in paths.items():
        row, _, inner = rest.partition("/")
        body = rows.setdefault(row, {"id": row})
        name, _, element = inner.partition("/")
        if element:
            sets.setdefault((row, name), {})[element] = path
        elif name and name != RECORD_STANDING:
            value = state.current(path)
            sub = None if field is None else field.inner(name)
            if value is not None:
                body[name if sub is None else sub.code] = content(value) if sub is None else in_kind(sub, content(value))
    for (row, name), elements in sets.items():
        sub = None if field is None else field.inner(name)
        rows[row][name if sub is None else sub.code] = _elements(state, elements, files=sub is not None and sub.kind != "choices")

    def order(row: str) -> tuple[str, str]:
        place = state.current(f"{head}/{row}")
        return (str(place.value) if place is not None else "", row)

    return [rows[row] for row in sorted(rows, key=order) if not state.row_deleted(f"{head}/{row}")]
