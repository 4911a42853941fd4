"""From a record's registers to the columns that lists, search and figures read: all without confidential values.

The columns of new records are made behind the push that brought them, never on its way: ``bring_up`` makes what is missing, after an
answer has left and before a list is read.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from server import db
from server.models import LineRow, RecordRow
from server.replaying import UNREADABLE, is_sound
from shared.catalogue import Catalogue, RecordType
from shared.text import fold
from sync.log import Change, name_of
from sync.merge import FRESH_KINDS, fresh
from sync.state import RecordState
from sync.view import Sealed, plain

PROJECTED = ("current", "folded", "dated", "state")
"""The columns that a new record lacks at first."""

SEARCHED_KINDS = frozenset({"text", "long"})

BATCH = 500

STATE_COLUMNS = (RecordRow.id, RecordRow.type, RecordRow.unit, RecordRow.registers, RecordRow.sole, RecordRow.touched)
"""What ``load_states`` reads."""

__all__ = ["STATE_COLUMNS", "bring_up", "load_states", "open_values", "project"]


def load_states(connection: Connection, rows: Sequence[Any]) -> dict[str, RecordState]:
    """The registers of records, from rows with ``STATE_COLUMNS``.

    A record that stands in one line is made from that line: one query for all of them. One that is damaged has no registers.
    """
    states = {row.id: _load(row) for row in rows}
    soles = {row.id: row for row in rows if row.registers is None}
    if soles:
        lines = select(LineRow.record, LineRow.log, LineRow.number, LineRow.digest, LineRow.body)
        for line in connection.execute(lines.where(LineRow.record.in_(soles), LineRow.verdict == "")):
            row = soles[line.record]
            if is_sound(line.body, line.digest) and name_of(line.log, line.number, line.digest) == row.sole:
                states[row.id] = fresh(Change.parse(line.body), row.sole, number=row.touched)
    return states


def _load(row: Any) -> RecordState:
    """The registers of a row; none where they stand elsewhere or cannot be read."""
    try:
        return RecordState(row.id, row.type, [row.unit]) if row.registers is None else RecordState.load(json.loads(row.registers))
    except UNREADABLE:
        return RecordState(row.id, row.type, [row.unit])


def bring_up(catalogue: Catalogue) -> int:
    """Make the columns of the records that have none yet, in transactions of their own; gives how many."""
    made = 0
    pending = select(*STATE_COLUMNS).where(RecordRow.current.is_(None)).order_by(RecordRow.touched).limit(BATCH)
    with db.reading() as connection:
        waiting = connection.execute(pending.limit(1)).first() is not None
    while waiting:
        waiting = (count := db.retrying(lambda: _bring_up_batch(catalogue, pending))) == BATCH
        made += count
    return made


def _bring_up_batch(catalogue: Catalogue, pending: Any) -> int:
    with db.writing() as connection:
        rows = connection.execute(pending).all()
        states = load_states(connection, rows)
        columns = []
        for record, state in states.items():
            row = project(state, catalogue.all_types[state.type])
            columns.append({"record_id": record, **{name: row[name] for name in PROJECTED}})
        if columns:
            statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"))
            connection.execute(statement.values({name: bindparam(name) for name in PROJECTED}), columns)
    return len(rows)


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
    """The columns of ``RecordRow`` that follow from a record's registers; what was judged of it is forgotten."""
    values = open_values(state, record_type)
    texts = [
        value
        for code, value in values.items()
        if isinstance(value, str) and (field := record_type.fields.get(code)) and field.kind in SEARCHED_KINDS
    ]
    sole = _sole(state)
    dated = values.get(record_type.date) if record_type.date else None
    return {
        "type": state.type,
        "unit": state.unit,
        "touched": state.touched,
        "registers": None if sole else json.dumps(state.dump(), ensure_ascii=False, separators=(",", ":")),
        "current": json.dumps(values, ensure_ascii=False, separators=(",", ":")),
        "folded": fold(" ".join(texts)),
        "dated": dated[:10] if isinstance(dated, str) else None,
        "state": values.get("state"),
        "faults": None,
        "withdrawn": state.withdrawn,
        "open_count": len(state.open_paths()),
        "sole": sole,
    }


def _sole(state: RecordState) -> str | None:
    """The name of the one change that made the whole record, as ``sync.merge.fresh`` would make it again; else None."""
    names: set[str] = set()
    for _, value in state.values():
        names.update(value.origins)
        if len(names) > 1 or value.open or value.past or value.kind not in FRESH_KINDS or value.time != (0, 0):
            return None
    return names.pop() if len(state.units) == 1 and names else None
