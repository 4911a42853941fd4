"""What a record's registers say to a person or a form: plain values, and what a screen has seen.

Plain values are those of the catalogue: a set is a sorted list of codes, rows are a list of mappings in
their order, each with its ``id``; a sealed value appears as ``Sealed`` and is opened elsewhere.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.catalogue import RecordType
from shared.text import clean
from sync.log import RECORD_STANDING, Operation
from sync.state import RecordState, Value

SET_KINDS = frozenset({"choices", "files", "photos"})

__all__ = ["Sealed", "Shown", "Snapshot", "content", "plain", "shown", "snapshot", "spelled"]

Shown = dict[str, tuple[str, ...]]
"""Path → names of the changes whose values a screen shows there, open candidates included."""


class Sealed(NamedTuple):
    """A confidential value that this view may not read: the hash of its sealed bytes."""

    blob: str


class Snapshot(NamedTuple):
    """What a form showed when it was opened; its difference is taken against this and nothing newer.

    ``places`` are the places of the rows, by ``field/ROW``.
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
    return Snapshot(plain(state, record_type), shown(state), places)


def shown(state: RecordState) -> Shown:
    """What a screen that shows this state has seen, by path."""
    return {
        path: tuple(dict.fromkeys(name for value in register.values for name in value.origins))
        for path, register in state.registers.items()
    }


def plain(state: RecordState, record_type: RecordType) -> dict[str, Any]:
    """Give the current values of a record by field, as the forms, the rules and the reports use them.

    A field that the catalogue no longer has is given as it was written («trường cũ»).
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
        if value is not None:
            values[head] = content(value)
    for head, paths in groups.items():
        field = record_type.fields.get(head)
        if field is not None and field.kind in SET_KINDS:
            values[head] = _elements(state, paths, files=field.kind != "choices")
        else:
            values[head] = _rows(state, head, paths, {} if field is None else field.fields)
    return values


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


def _rows(state: RecordState, head: str, paths: Mapping[str, str], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
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
            if value is not None:
                body[name] = content(value)
    for (row, name), elements in sets.items():
        field = fields.get(name)
        rows[row][name] = _elements(state, elements, files=field is not None and field.kind != "choices")

    def order(row: str) -> tuple[str, str]:
        place = state.current(f"{head}/{row}")
        return (str(place.value) if place is not None else "", row)

    return [rows[row] for row in sorted(rows, key=order) if not state.row_deleted(f"{head}/{row}")]
