"""The part of a round (``server.rounds``) that looks at records: against their digests, their lines and their columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from server import db
from server.judging import judgement
from server.logbook import log_event
from server.mending import make_anew
from server.models import JUDGED, LineRow, PastUnit, RecordRow
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


LOOKED_AT = (*PROJECTED, "faults")
"""The columns of lists and figures, and what was judged."""

RECORD_COLUMNS = (
    *STATE_COLUMNS, RecordRow.stream, RecordRow.digest, RecordRow.digest_sealed, RecordRow.withdrawn, RecordRow.open_count,
    RecordRow.created_ms, *(getattr(RecordRow, name) for name in LOOKED_AT),
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
            pasts = _pasts(connection, [row.id for row in rows])
            stand = _stand(connection, [row.id for row in rows])
        broken: dict[str, set[str]] = {}
        columns: list[dict[str, Any]] = []
        for row in rows:
            state, heads, lines = states[row.id], heads_of(catalogue, row.type), stand.get(row.id, _NOWHERE)
            if not lines.streams:
                broken.setdefault(row.stream, set()).add(row.id)  # no line is about it: they are lost, or its id was changed
            if not state.registers and row.registers is None:
                if lines.places and row.sole not in lines.places:
                    broken.setdefault(min(lines.streams), set()).add(row.id)
                continue  # its line is lost, which the lines' own round has found
            if row.stream not in lines.streams or not lines.fit(row) or not agrees(row, state, heads, told.get(row.id, {})):
                broken.setdefault(row.stream if row.stream in lines.streams else min(lines.streams, default=row.stream), set()).add(row.id)
            elif row.current is not None and row.type in catalogue.all_types:
                now = project(state, catalogue.all_types[row.type])
                if row.faults is not None and row.state in JUDGED:
                    now["faults"] = judgement(state, catalogue.all_types[row.type], catalogue, one.server.services.clock.today())
                if any(now[name] != getattr(row, name) for name in LOOKED_AT):
                    columns.append({"record_id": row.id, "at_touched": row.touched, **{name: now[name] for name in LOOKED_AT}})
        _write_columns(columns)
        for stream, records in _other_pasts(rows, states, pasts).items():
            broken.setdefault(stream, set()).update(records)
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


class _Stand(NamedTuple):
    """Where the lines of a record stand: in which streams, under which names at which place, and when the first one came."""

    streams: set[str]
    places: dict[str, int]
    first_ms: int

    def fit(self, row: Any) -> bool:
        """Whether a record's row stands where its lines do."""
        return row.created_ms == self.first_ms and (row.sole is None or self.places.get(row.sole) == row.touched)


_NOWHERE = _Stand(set(), {}, 0)


def _stand(connection: Connection, records: Sequence[str]) -> dict[str, _Stand]:
    found: dict[str, _Stand] = {}
    columns = select(LineRow.record, LineRow.stream, LineRow.place, LineRow.log, LineRow.number, LineRow.digest, LineRow.arrived_ms)
    for row in connection.execute(columns.where(LineRow.record.in_(records), LineRow.verdict == "")):
        one = found.get(row.record, _Stand(set(), {}, row.arrived_ms))
        one.streams.add(row.stream)
        one.places[name_of(row.log, row.number, row.digest)] = row.place
        found[row.record] = one._replace(first_ms=min(one.first_ms, row.arrived_ms))
    return found


def agrees(row: Any, state: RecordState, heads: frozenset[str], told: Mapping[tuple[str, str], Any]) -> bool:
    """Whether a record is what its digests and its lines say."""
    if row.registers is None:
        sealed = state.digest(heads, sealed=True) if heads else 0
        kept = int.from_bytes(row.digest, "big"), int.from_bytes(row.digest_sealed, "big")
        whole = (state.digest(heads, sealed=False), sealed) == kept and (state.type, state.unit) == (row.type, row.unit)
        return whole and not row.withdrawn and not row.open_count
    if (row.sole, row.withdrawn, row.open_count) != (None, state.withdrawn, len(state.open_paths())):
        return False
    if loaded(row, heads) is None or (state.type, state.unit, state.touched) != (row.type, row.unit, row.touched):
        return False
    for path, value in state.values():
        lines = [told[origin, path] for origin in value.origins if (origin, path) in told]
        if lines and (value.kind, value.value, value.blob) not in lines:  # several who wrote the same may have done it in several ways
            return False
    return True


def _pasts(connection: Connection, records: Sequence[str]) -> dict[str, set[tuple[str, int]]]:
    """The units in which records were before, as their rows say, each with its number."""
    found: dict[str, set[tuple[str, int]]] = {}
    for row in connection.execute(select(PastUnit).where(PastUnit.record.in_(records))):
        found.setdefault(row.record, set()).add((row.unit, row.touched))
    return found


def _other_pasts(
    rows: Sequence[Any], states: Mapping[str, RecordState], pasts: Mapping[str, set[tuple[str, int]]]
) -> dict[str, set[str]]:  # fmt: skip
    """By stream the records whose rows of units before are not what their registers say."""
    wrong: dict[str, set[str]] = {}
    for row in rows:
        if pasts.get(row.id, set()) != {(unit, row.touched) for unit in states[row.id].units[:-1]}:
            wrong.setdefault(row.stream, set()).add(row.id)
    return wrong


def _write_columns(columns: Sequence[Mapping[str, Any]]) -> None:
    """Lists and figures read columns: what stands there otherwise than in the registers is written anew, where nobody wrote meanwhile."""
    if columns:
        statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"), RecordRow.touched == bindparam("at_touched"))
        with db.writing() as connection:
            connection.execute(statement.values({name: bindparam(name) for name in LOOKED_AT}), list(columns))
        log_event("columns_renewed", count=len(columns))
