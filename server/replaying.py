"""A record made anew from its lines, in the order in which they came; and whether those lines are what they were."""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, select

from server.damage import lost_line
from server.misplaced import call_by_name
from server.models import Damage, LineRow
from shared.catalogue import Catalogue
from sync.errors import ContentFault
from sync.log import Change, name_of, parse_name
from sync.merge import Fallen, apply, learn
from sync.paths import sealed_heads
from sync.state import RecordState

if TYPE_CHECKING:
    from server.ledger import SqlLedger

UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What reading registers raises that are none."""

__all__ = ["UNREADABLE", "Replayed", "heads_of", "is_sound", "loaded", "lost_lines", "lost_of", "replay", "sound_change"]


class Replayed(NamedTuple):
    """A record's state, and the values that fell on the way."""

    state: RecordState
    fallen: Sequence[Fallen]


def is_sound(body: bytes | None, digest: bytes) -> bool:
    """Whether a line's bytes are those of its hash."""
    return body is not None and hashlib.sha256(body).digest() == digest


def sound_change(body: bytes | None, digest: bytes) -> Change | None:
    """The change of a line; None where its bytes are not those of its hash, or are none that can be read."""
    if body is None or not is_sound(body, digest):
        return None
    try:
        return Change.parse(body)
    except ContentFault:
        return None


def replay(ledger: "SqlLedger", record: str) -> Replayed | None:
    """Merge a record's lines anew; None where one of them is damaged or lost, or may be, or there is none."""
    waiting = select(Damage.key).where(Damage.healed_ms.is_(None), Damage.kind == "line", Damage.stream == ledger.stream)
    if ledger.connection.scalar(waiting.where(Damage.record.in_((record, ""))).limit(1)) is not None:
        return None
    before = {key: ledger.fallen.pop(key) for key in list(ledger.fallen) if key[0] == record}
    made = _replay(ledger, record)
    if made is None:
        ledger.fallen.update(before)
    return made


def _replay(ledger: "SqlLedger", record: str) -> Replayed | None:
    state: RecordState | None = None
    fallen: list[Fallen] = []
    for row in _lines(ledger.connection, record, set_aside=True):
        if row.verdict and (row.body is None or state is None):
            continue
        change = sound_change(row.body, row.digest)
        if change is None:
            return None
        if (change.log, change.number) != (row.log, row.number) and not call_by_name(ledger.connection, row, change, ledger.now_ms):
            return None
        name = name_of(change.log, change.number, row.digest)
        state = state or RecordState(record, change.type, [change.unit])
        judge = ledger.judge(state, change, row.place)
        if row.verdict:
            outcome = learn(state, name, {op.path: op.saw for op in change.operations}, number=row.place, judge=judge)
        else:
            outcome = apply(state, change, name, number=row.place, arrived_ms=row.arrived_ms, judge=judge)
        fallen += outcome.fallen
        ledger.fallen.update({(record, value.path, value.name): value for value in outcome.fallen})
    return None if state is None else Replayed(state, fallen)


def heads_of(catalogue: Catalogue, type_code: str) -> frozenset[str]:
    """The confidential fields of a type."""
    record_type = catalogue.all_types.get(type_code)
    return frozenset() if record_type is None else sealed_heads(record_type)


def loaded(row: Any, heads: frozenset[str]) -> RecordState | None:
    """The registers of a row with its type and its digests; None where they are damaged. ``heads``: the confidential fields of the type."""
    try:
        state = RecordState.load(json.loads(row.registers))
    except UNREADABLE:
        return None
    sealed = state.digest(heads, sealed=True) if heads else 0
    whole = state.id == row.id and state.digest(heads, sealed=False) == int.from_bytes(row.digest, "big")
    return state if whole and sealed == int.from_bytes(row.digest_sealed, "big") else None


def lost_lines(connection: Connection, record: str, unit: str) -> list[dict[str, Any]]:
    """The rows of damage for the lines of a record whose bytes are not those of their hashes."""
    return [
        lost_line(row.stream, row.place, row.log, row.number, row.segment, record=record, unit=unit)
        for row in _lines(connection, record)
        if not is_sound(row.body, row.digest)
    ]


def lost_of(connection: Connection, row: Any) -> list[dict[str, Any]]:
    """The same for a record's row; the one line in which a record stands may be gone altogether."""
    lost = lost_lines(connection, row.id, row.unit)
    if row.sole and not lost:
        name = parse_name(row.sole)
        return [lost_line(row.stream, row.touched, name.log, name.number, 0, record=row.id, unit=row.unit)]
    return lost


def _lines(connection: Connection, record: str, *, set_aside: bool = False) -> Sequence[Any]:
    lines = select(LineRow).where(LineRow.record == record).order_by(LineRow.place)
    return connection.execute(lines if set_aside else lines.where(LineRow.verdict == "")).all()
