"""What a server's tables hold twice, made anew where it was damaged: a record's row from its lines, the parts' digests from the records.

Looked at when a tablet's digest differs from the server's, before the tablet is told so: a part that would be told wrong would be taken
over; and by the rounds over everything (``server.rounds``). Lines themselves are what everything is made from: where one of them is lost,
tablets are asked for it (``server.restoring``), and nothing is made from the rest until it is back.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, exists, func, or_, select, update

from server.damage import found, made_anew
from server.ledger import Loaded, SqlLedger
from server.models import LineRow, PartRow, PastUnit, RecordRow
from server.parts import MODULUS, PartSums
from server.replaying import heads_of, loaded, lost_lines, replay
from shared.catalogue import Catalogue
from sync.store import Scope

__all__ = ["lines_are_there", "make_anew", "mend", "recount", "wrong_sums"]


def lines_are_there(connection: Connection, stream: str, number: int) -> bool:
    """Whether a stream has as many lines as its number says."""
    return connection.scalar(select(func.count()).select_from(LineRow).where(LineRow.stream == stream)) == number


def mend(ledger: SqlLedger, scope: Scope) -> bool:
    """Make anew what is damaged of a scope, in a writing transaction on its stream; tells whether anything was."""
    broken = [*_without_a_row(ledger), *_unreadable(ledger, scope)]
    made = [record for record in broken if make_anew(ledger, record)]
    return recount(ledger, scope.units) or bool(made)


def make_anew(ledger: SqlLedger, record: str) -> bool:
    """Write a record's row anew from its lines, and sum its parts; where a line is lost that is noted, and nothing is made."""
    row = ledger.connection.execute(select(RecordRow.created_ms, RecordRow.unit).where(RecordRow.id == record)).one_or_none()
    made = replay(ledger, record)
    if made is None:
        ledger.lost += found(ledger.connection, lost_lines(ledger.connection, record, "" if row is None else row.unit), ledger.now_ms)
        return False
    if row is not None:
        ledger.loaded[record] = Loaded(0, 0, (), row.created_ms)  # its row is written over
    ledger.keep(made.state, made.fallen)
    ledger.rewrite()
    recount(ledger, made.state.units)
    arrived = select(func.min(LineRow.arrived_ms).label("first"), func.max(LineRow.arrived_ms).label("last"))
    times = ledger.connection.execute(arrived.where(LineRow.record == record, LineRow.verdict == "")).one()
    written = update(RecordRow).where(RecordRow.id == record)
    ledger.connection.execute(written.values(created_ms=times.first, updated_ms=times.last))
    made_anew(ledger.connection, "record", record, ledger.stream, ledger.now_ms, record=record, unit=made.state.unit)
    return True


def _without_a_row(ledger: SqlLedger) -> list[str]:
    """The records of a stream of which there are lines that count, and no row."""
    row = exists().where(RecordRow.id == LineRow.record)
    query = select(LineRow.record).where(LineRow.stream == ledger.stream, LineRow.verdict == "", LineRow.record.is_not(None), ~row)
    return [str(record) for record in ledger.connection.scalars(query.distinct())]


def _here(scope: Scope) -> Any:
    """Whether a record is, or ever was, in a unit of a scope."""
    moved = select(PastUnit.record).where(PastUnit.unit.in_(scope.units))
    return or_(RecordRow.unit.in_(scope.units), RecordRow.id.in_(moved))


def _unreadable(ledger: SqlLedger, scope: Scope) -> Iterator[str]:
    """The records whose registers are none, or others than their digests say."""
    columns = (RecordRow.id, RecordRow.type, RecordRow.registers, RecordRow.digest, RecordRow.digest_sealed)
    for row in ledger.connection.execute(select(*columns).where(_here(scope), RecordRow.registers.is_not(None))).all():
        if loaded(row, heads_of(ledger.gate.catalogue, row.type)) is None:
            yield row.id


def recount(ledger: SqlLedger, units: Iterable[str]) -> bool:
    """Sum the digests of the records in each part of some units, and write the sums that were others; tells whether one was."""
    moved = PartSums()
    differing = wrong_sums(ledger.connection, ledger.gate.catalogue, units)
    for (unit, code, sealed), (number, change) in differing.items():
        moved.add(unit, code, sealed=sealed, number=number, change=change)
    moved.write(ledger.connection)
    return bool(differing)


def wrong_sums(connection: Connection, catalogue: Catalogue, units: Iterable[str]) -> dict[tuple[str, str, bool], tuple[int, int]]:
    """The parts of some units whose sum is not that of their records: (unit, type, sealed) → last number, what it lacks."""
    sums, some = dict[tuple[str, str, bool], tuple[int, int]](), tuple(units)
    columns = (RecordRow.type, RecordRow.touched, RecordRow.digest, RecordRow.digest_sealed)
    present = select(RecordRow.unit, *columns).where(RecordRow.unit.in_(some))
    past = select(PastUnit.unit, *columns).join(RecordRow, RecordRow.id == PastUnit.record).where(PastUnit.unit.in_(some))
    for query in (present, past.where(RecordRow.unit != PastUnit.unit)):
        for unit, code, touched, digest, sealed in connection.execute(query):
            for kind, one in ((False, digest), (True, sealed)) if code in catalogue.sealed_types else ((False, digest),):
                last, total = sums.get((unit, code, kind), (0, 0))
                sums[unit, code, kind] = max(last, touched), total + int.from_bytes(one, "big")
    rows = connection.execute(select(PartRow).where(PartRow.unit.in_(some))).all()
    there = {(row.unit, row.type, row.sealed): int.from_bytes(row.digest, "big") for row in rows}
    keys = [key for key in {*sums, *there} if sums.get(key, (0, 0))[1] % MODULUS != there.get(key, 0)]
    return {key: (sums.get(key, (0, 0))[0], sums.get(key, (0, 0))[1] - there.get(key, 0)) for key in keys}
