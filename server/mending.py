"""What a server's tables hold twice, made anew where it was damaged: a record's row from its lines, the parts' digests from the records.

Looked at when a tablet's digest differs from the server's, before the tablet is told so: a part that would be told wrong would be taken
over; and by the rounds over everything (``server.rounds``). Lines themselves are what everything is made from: where one of them is lost,
tablets are asked for it (``server.restoring``), and nothing is made from the rest until it is back.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from server.chains import lines_are_there
from server.damage import found, made_anew
from server.ledger import Loaded, SqlLedger
from server.models import Damage, FallenValue, LineRow, PartRow, PastUnit, RecordRow
from server.parts import MODULUS
from server.replaying import heads_of, loaded, lost_lines, replay
from shared.catalogue import Catalogue
from sync.store import Scope

__all__ = ["make_anew", "mend", "recount", "wrong_sums"]


def mend(ledger: SqlLedger, scope: Scope) -> tuple[bool, list[str]]:
    """Make anew what is damaged of a scope, in a writing transaction on its stream; tells whether anything was, and which records
    cannot be.
    """
    broken = [*_without_a_row(ledger), *_unreadable(ledger, scope)]
    left = [record for record in broken if not make_anew(ledger, record)]
    return recount(ledger, scope.units) or len(left) < len(broken), left


def make_anew(ledger: SqlLedger, record: str) -> bool:
    """Write a record's row anew from its lines, and sum its parts; where a line is lost that is noted, and nothing is made."""
    row = ledger.connection.execute(select(RecordRow.created_ms, RecordRow.unit).where(RecordRow.id == record)).one_or_none()
    made = replay(ledger, record)
    if made is None and _is_of_no_line(ledger, record):
        return _let_go(ledger, record, "" if row is None else row.unit)
    if made is None:
        ledger.lost += found(ledger.connection, lost_lines(ledger.connection, record, "" if row is None else row.unit), ledger.now_ms)
        return False
    if row is not None:
        ledger.loaded[record] = Loaded(0, 0, (), row.created_ms)  # its row is written over
    ledger.connection.execute(delete(PastUnit).where(PastUnit.record == record))
    ledger.keep(made.state, made.fallen)
    ledger.rewrite()
    recount(ledger, made.state.units)
    arrived = select(func.min(LineRow.arrived_ms).label("first"), func.max(LineRow.arrived_ms).label("last"))
    times = ledger.connection.execute(arrived.where(LineRow.record == record, LineRow.verdict == "")).one()
    written = update(RecordRow).where(RecordRow.id == record)
    ledger.connection.execute(written.values(created_ms=times.first, updated_ms=times.last))
    made_anew(ledger.connection, "record", record, ledger.stream, ledger.now_ms, record=record, unit=made.state.unit)
    return True


def _is_of_no_line(ledger: SqlLedger, record: str) -> bool:
    """Whether a row is about no record: no line, and none that is lost, tells of one of that id."""
    if ledger.connection.scalar(select(LineRow.place).where(LineRow.record == record).limit(1)) is not None:
        return False
    waits = select(Damage.key).where(Damage.healed_ms.is_(None), Damage.kind == "line", Damage.stream == ledger.stream).limit(1)
    return ledger.connection.scalar(waits) is None and lines_are_there(ledger.connection, ledger.stream, ledger.number)


def _let_go(ledger: SqlLedger, record: str, unit: str) -> bool:
    """Drop such a row: its id was changed, and the record that it was has another one."""
    for table in (PastUnit, FallenValue):
        ledger.connection.execute(delete(table).where(table.record == record))
    dropped = ledger.connection.execute(delete(RecordRow).where(RecordRow.id == record)).rowcount
    recount(ledger, [unit])
    made_anew(ledger.connection, "record", record, ledger.stream, ledger.now_ms, unit=unit)
    return bool(dropped)


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
    """Sum the digests of the records in each part of some units, and write the heads that were others; tells whether one was."""
    differing = wrong_sums(ledger.connection, ledger.gate.catalogue, units)
    for (unit, code, sealed), true in differing.items():
        here = (PartRow.unit == unit, PartRow.type == code, PartRow.sealed.is_(sealed))
        ledger.connection.execute(delete(PartRow).where(*here))
        if true is not None:
            row = {"unit": unit, "type": code, "sealed": sealed, "number": true[0], "digest": true[1].to_bytes(16, "big")}
            ledger.connection.execute(insert(PartRow), [row])
    return bool(differing)


Sums = dict[tuple[str, str, bool], tuple[int, int]]


def wrong_sums(
    connection: Connection, catalogue: Catalogue, units: Iterable[str]
) -> dict[tuple[str, str, bool], tuple[int, int] | None]:  # fmt: skip
    """The parts of some units whose heads are not those of their records: (unit, type, sealed) → last number and sum; None where there
    is no record.
    """
    sums, some = Sums(), tuple(units)
    columns = (RecordRow.type, RecordRow.touched, RecordRow.digest, RecordRow.digest_sealed)
    present = select(RecordRow.unit, *columns).where(RecordRow.unit.in_(some))
    past = select(PastUnit.unit, *columns).join(RecordRow, RecordRow.id == PastUnit.record).where(PastUnit.unit.in_(some))
    for query in (present, past.where(RecordRow.unit != PastUnit.unit)):
        for unit, code, touched, digest, sealed in connection.execute(query):
            for kind, one in ((False, digest), (True, sealed)) if code in catalogue.sealed_types else ((False, digest),):
                last, total = sums.get((unit, code, kind), (0, 0))
                sums[unit, code, kind] = max(last, touched), (total + int.from_bytes(one, "big")) % MODULUS
    rows = connection.execute(select(PartRow).where(PartRow.unit.in_(some))).all()
    there = {(row.unit, row.type, row.sealed): (row.number, int.from_bytes(row.digest, "big")) for row in rows}
    return {key: sums.get(key) for key in {*sums, *there} if sums.get(key) != there.get(key)}
