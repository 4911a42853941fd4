"""After a restore: what tablets handed back of what this server had forgotten, and what nobody had."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from server.models import LineRow, LogRow, RecordRow
from server.people import Device
from server.projection import load_states
from sync.state import RecordState

__all__ = ["Returned", "Waiting", "lines_missing", "returned", "waiting", "was_restored"]


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What one tablet handed back: how many changes of others, in how many records."""

    device: str
    unit: str
    lines: int
    records: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A place of a record where a change that stands was written over one that nobody has told again yet."""

    record: str
    type: str
    unit: str
    path: str
    missing: int


def was_restored(connection: Connection) -> bool:
    """Whether any tablet ever handed something back."""
    return connection.scalar(select(LineRow.place).where(LineRow.witness != "").limit(1)) is not None


def returned(connection: Connection, units: Sequence[str]) -> list[Returned]:
    """What the tablets of these units handed back, the first one first."""
    counted = (func.count().label("lines"), func.count(LineRow.record.distinct()).label("records"))
    query = (
        select(Device.name, Device.unit, *counted)
        .join(Device, Device.id == LineRow.witness)
        .where(LineRow.witness != "", Device.unit.in_(units))
        .group_by(LineRow.witness, Device.name, Device.unit)
        .order_by(func.min(LineRow.place))
    )
    rows = connection.execute(query)
    return [Returned(device=row.name, unit=row.unit, lines=row.lines, records=row.records) for row in rows]


def waiting(connection: Connection, units: Sequence[str]) -> list[Waiting]:
    """Where values stand that wait for a change that has not come, in the records of these units."""
    told = select(RecordRow).where(RecordRow.unit.in_(units), RecordRow.registers.contains('"w":')).order_by(RecordRow.id)
    rows = connection.execute(told).all()
    return [one for state in load_states(connection, rows).values() for one in _of(state)]


def _of(state: RecordState) -> list[Waiting]:
    missing: dict[str, set[str]] = {}
    for path, value in state.values():
        if value.waits:
            missing.setdefault(path, set()).update(value.waits)
    return [Waiting(record=state.id, type=state.type, unit=state.unit, path=path, missing=len(names)) for path, names in missing.items()]


def lines_missing(connection: Connection) -> int:
    """How many numbers of all logs lie before lines that were handed back and were told by nobody."""
    rows = connection.execute(select(LogRow.id, LogRow.start, LogRow.number, LogRow.floating).order_by(LogRow.id, LogRow.start)).all()
    missing, log, known = 0, "", 0
    for row in rows:
        known = known if row.id == log else 0
        missing += max(0, row.start - known) if row.floating else 0
        log, known = row.id, max(known, row.number)
    return missing
