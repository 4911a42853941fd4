"""From a record's registers to the columns that lists, search and figures read: all without confidential values."""

import json
from typing import Any

from shared.catalogue import RecordType
from shared.text import fold
from sync.state import RecordState
from sync.view import Sealed, plain

SEARCHED_KINDS = frozenset({"text", "long"})

__all__ = ["open_values", "project"]


def open_values(state: RecordState, record_type: RecordType) -> dict[str, Any]:
    """The plain values of a record without those that are sealed: they are left out, not masked."""
    return {code: _open(value) for code, value in plain(state, record_type).items() if not isinstance(value, Sealed)}


def _open(value: Any) -> Any:
    if isinstance(value, list):
        return [_open(item) for item in value]
    if isinstance(value, dict):
        return {code: _open(item) for code, item in value.items() if not isinstance(item, Sealed)}
    return value


def project(state: RecordState, record_type: RecordType) -> dict[str, Any]:
    """The columns of ``RecordRow`` that follow from a record's registers."""
    values = open_values(state, record_type)
    texts = [
        value
        for code, value in values.items()
        if isinstance(value, str) and (field := record_type.fields.get(code)) and field.kind in SEARCHED_KINDS
    ]
    dated = values.get(record_type.date) if record_type.date else None
    return {
        "type": state.type,
        "unit": state.unit,
        "touched": state.touched,
        "registers": json.dumps(state.dump(), ensure_ascii=False, separators=(",", ":")),
        "current": json.dumps(values, ensure_ascii=False, separators=(",", ":")),
        "folded": fold(" ".join(texts)),
        "dated": dated[:10] if isinstance(dated, str) else None,
        "state": values.get("state"),
        "withdrawn": state.withdrawn,
        "open_count": len(state.open_paths()),
        "sole": _sole(state),
    }


def _sole(state: RecordState) -> str | None:
    """The name of the one change that holds every value of the record, undisputed; None once there are several."""
    names = {name for _, value in state.values() for name in value.origins}
    if len(names) != 1 or len(state.units) > 1 or any(value.open or value.blob or value.waits for _, value in state.values()):
        return None
    return names.pop()
