"""What a server's tables hold twice, made anew where it was damaged: a record's row from its lines, the parts' digests from the records.

Looked at when a tablet's digest differs from the server's, before the tablet is told so: a part that would be told wrong would be taken
over. Lines themselves are what everything is made from; ``server.verify`` tells where one of them is damaged.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, exists, or_, select

from server.ledger import Loaded, SqlLedger
from server.models import LineRow, PartRow, PastUnit, RecordRow
from server.parts import PartSums
from sync.log import Change, name_of
from sync.merge import apply
from sync.state import RecordState
from sync.store import Scope

__all__ = ["mend"]


def mend(ledger: SqlLedger, scope: Scope) -> bool:
    """Make anew what is damaged of a scope, in a writing transaction on its stream; tells whether anything was."""
    broken = [*_without_a_row(ledger), *_unreadable(ledger.connection, scope)]
    for record in broken:
        _from_lines(ledger, record)
    if broken:
        ledger.rewrite()
    return _recount(ledger, scope) or bool(broken)


def _without_a_row(ledger: SqlLedger) -> list[str]:
    """The records of a stream of which there are lines that count, and no row."""
    row = exists().where(RecordRow.id == LineRow.record)
    query = select(LineRow.record).where(LineRow.stream == ledger.stream, LineRow.verdict == "", LineRow.record.is_not(None), ~row)
    return [str(record) for record in ledger.connection.scalars(query.distinct())]


def _here(scope: Scope) -> Any:
    """Whether a record is, or ever was, in a unit of a scope."""
    moved = select(PastUnit.record).where(PastUnit.unit.in_(scope.units))
    return or_(RecordRow.unit.in_(scope.units), RecordRow.id.in_(moved))


def _unreadable(connection: Connection, scope: Scope) -> Iterator[str]:
    """The records whose registers are no registers."""
    for record, registers in connection.execute(select(RecordRow.id, RecordRow.registers).where(_here(scope))).all():
        if registers is not None:
            try:
                RecordState.load(json.loads(registers))
            except (ValueError, KeyError, TypeError, IndexError, AttributeError):
                yield record


def _from_lines(ledger: SqlLedger, record: str) -> None:
    """Merge a record's lines anew, in the order in which they came."""
    created_ms = ledger.connection.scalar(select(RecordRow.created_ms).where(RecordRow.id == record))
    if created_ms is not None:
        ledger.loaded[record] = Loaded(0, 0, (), created_ms)  # its row is written over
    lines = select(LineRow).where(LineRow.record == record, LineRow.verdict == "", LineRow.body.is_not(None)).order_by(LineRow.place)
    state: RecordState | None = None
    for row in ledger.connection.execute(lines).all():
        change, name = Change.parse(row.body), name_of(row.log, row.number, row.digest)
        state = state or RecordState(record, change.type, [change.unit])
        judge = ledger.judge(state, change)
        ledger.keep(state, apply(state, change, name, number=row.place, arrived_ms=row.arrived_ms, judge=judge).fallen)


def _recount(ledger: SqlLedger, scope: Scope) -> bool:
    """Sum the digests of the records in each part of a scope; tells whether a sum was another."""
    connection, sums = ledger.connection, dict[tuple[str, str, bool], tuple[int, int]]()
    columns = (RecordRow.type, RecordRow.touched, RecordRow.digest, RecordRow.digest_sealed)
    present = select(RecordRow.unit, *columns).where(RecordRow.unit.in_(scope.units))
    past = select(PastUnit.unit, *columns).join(RecordRow, RecordRow.id == PastUnit.record).where(PastUnit.unit.in_(scope.units))
    for query in (present, past.where(RecordRow.unit != PastUnit.unit)):
        for unit, code, touched, digest, sealed in connection.execute(query):
            for kind, one in ((False, digest), (True, sealed)) if code in ledger.gate.catalogue.sealed_types else ((False, digest),):
                last, total = sums.get((unit, code, kind), (0, 0))
                sums[unit, code, kind] = max(last, touched), total + int.from_bytes(one, "big")
    rows = connection.execute(select(PartRow).where(PartRow.unit.in_(scope.units))).all()
    there = {(row.unit, row.type, row.sealed): int.from_bytes(row.digest, "big") for row in rows}
    moved = PartSums()
    differing = [key for key in {*sums, *there} if sums.get(key, (0, 0))[1] % (1 << 128) != there.get(key, 0)]
    for key in differing:
        number, total = sums.get(key, (0, 0))
        moved.add(*key[:2], sealed=key[2], number=number, change=total - there.get(key, 0))
    moved.write(connection)
    return bool(differing)
