"""The part of a round (``server.rounds``) that looks at records: against their digests, their lines and their columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, select, update

from server import db
from server.logbook import log_event
from server.mending import make_anew
from server.models import LineRow, RecordRow
from server.projection import PROJECTED, STATE_COLUMNS, load_states, project
from server.replaying import heads_of, is_sound, loaded
from sync.errors import ContentFault
from sync.log import Change, name_of
from sync.state import RecordState

if TYPE_CHECKING:
    from server.rounds import Round

SLICE = 100
"""Records of one reading transaction: some thirty milliseconds' work."""

__all__ = ["RECORD_COLUMNS", "agrees", "anew", "change_in", "look_at_records", "values_told"]


def change_in(body: bytes | None) -> Change | None:
    """The change of a line; None where there is none to be read."""
    try:
        return None if body is None else Change.parse(body)
    except ContentFault:
        return None


def anew(one: "Round", stream: str, records: Iterable[str]) -> int:
    """Make records of a stream anew from their lines; gives of how many."""
    wanted = sorted(records)
    if not wanted:
        return 0
    with one.server.writing(stream, "", one.server.services.clock.now_ms()) as ledger:
        made = sum(make_anew(ledger, record) for record in wanted)
    one.healing.refresh()
    return made


RECORD_COLUMNS = (
    *STATE_COLUMNS, RecordRow.stream, RecordRow.digest, RecordRow.digest_sealed, *(getattr(RecordRow, name) for name in PROJECTED),
)  # fmt: skip
"""What of a record is looked at."""


def look_at_records(one: "Round") -> Iterator[tuple[str, int, int]]:
    """The records, by their ids."""
    after = ""
    catalogue = one.server.services.catalogue
    while True:
        with db.reading() as connection:
            rows = connection.execute(select(*RECORD_COLUMNS).where(RecordRow.id > after).order_by(RecordRow.id).limit(SLICE)).all()
            states = load_states(connection, rows)
            told = values_told(connection, [row.id for row in rows])
        broken: dict[str, set[str]] = {}
        columns: list[dict[str, Any]] = []
        for row in rows:
            state, heads = states[row.id], heads_of(catalogue, row.type)
            if not state.registers and row.registers is None:
                continue  # its line is lost, which the lines' own round has found
            if not agrees(row, state, heads, told.get(row.id, {})):
                broken.setdefault(row.stream, set()).add(row.id)
            elif row.current is not None and row.type in catalogue.all_types:
                now = project(state, catalogue.all_types[row.type])
                if any(now[name] != getattr(row, name) for name in PROJECTED):
                    columns.append({"record_id": row.id, "at_touched": row.touched, **{name: now[name] for name in PROJECTED}})
        _write_columns(columns)
        found = sum(anew(one, stream, records) for stream, records in broken.items()) + len(columns)
        if len(rows) < SLICE:
            yield "record", len(rows), found
            return
        after = rows[-1].id
        yield "record", len(rows), found


def values_told(connection: Connection, records: Sequence[str]) -> dict[str, dict[tuple[str, str], Any]]:
    """Of each of these records what its lines say: (name, path) → value and sealed value."""
    told: dict[str, dict[tuple[str, str], Any]] = {}
    columns = select(LineRow.record, LineRow.log, LineRow.number, LineRow.digest, LineRow.body)
    for row in connection.execute(columns.where(LineRow.record.in_(records), LineRow.verdict == "")):
        change = change_in(row.body) if is_sound(row.body, row.digest) else None
        name = name_of(row.log, row.number, row.digest)
        for op in () if change is None else change.operations:
            told.setdefault(row.record, {})[name, op.path] = (op.kind, op.value, op.blob)
    return told


def agrees(row: Any, state: RecordState, heads: frozenset[str], told: Mapping[tuple[str, str], Any]) -> bool:
    """Whether a record is what its digests and its lines say."""
    if row.registers is None:
        sealed = state.digest(heads, sealed=True) if heads else 0
        kept = int.from_bytes(row.digest, "big"), int.from_bytes(row.digest_sealed, "big")
        return (state.digest(heads, sealed=False), sealed) == kept and state.unit == row.unit
    if loaded(row, heads) is None or (state.type, state.unit, state.touched) != (row.type, row.unit, row.touched):
        return False
    for path, value in state.values():
        lines = [told[origin, path] for origin in value.origins if (origin, path) in told]
        if lines and (value.kind, value.value, value.blob) not in lines:  # several who wrote the same may have done it in several ways
            return False
    return True


def _write_columns(columns: Sequence[Mapping[str, Any]]) -> None:
    """Lists and figures read columns: what stands there otherwise than in the registers is written anew, where nobody wrote meanwhile."""
    if columns:
        statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"), RecordRow.touched == bindparam("at_touched"))
        with db.writing() as connection:
            connection.execute(statement.values({name: bindparam(name) for name in PROJECTED}), list(columns))
        log_event("columns_renewed", count=len(columns))
