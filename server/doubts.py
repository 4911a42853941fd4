"""Which parts of a scope hold a record that cannot be told, for want of a line that is lost."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from server.damage import open_damage
from server.models import LineRow, RecordRow
from server.replaying import sound_change
from sync.errors import ContentFault
from sync.log import Change
from sync.store import Scope

__all__ = ["in_doubt"]


def in_doubt(connection: Connection, scope: Scope, broken: Iterable[str], types: Collection[str]) -> list[str]:
    """The parts of a scope with a record of which something waits, or that is ``broken`` and cannot be made anew; all of them where it
    cannot be known which they are.
    """
    parts: set[str] = set()
    records = [*_records(connection, scope.stream), *((record, None) for record in broken)]
    for record, change in records:
        told = set(_where(connection, record, change))
        if not told:
            return [f"{unit}/{code}/{kind}" for unit in scope.units for code in types for kind in (0, 1)]
        parts |= {f"{unit}/{code}/{kind}" for unit, code in told for kind in (0, 1)}
    return sorted(part for part in parts if part.partition("/")[0] in scope.units)


def _records(connection: Connection, stream: str) -> Iterator[tuple[str, Change | None]]:
    """The records of which something waits; with a change of theirs, where somebody brought it and it cannot be put back yet."""
    for row in open_damage(connection, stream):
        if row.record:
            yield row.record, None
        elif row.body is not None and (change := _read(row.body)) is not None:
            yield change.record, change


def _read(body: bytes) -> Change | None:
    try:
        return Change.parse(body)
    except ContentFault:
        return None


def _where(connection: Connection, record: str, change: Change | None) -> Iterable[tuple[str, str]]:
    """The units in which a record is or may have been, with its type."""
    if change is not None:
        yield change.unit, change.type
    lines: list[Any] = list(connection.execute(select(LineRow.body, LineRow.digest).where(LineRow.record == record)).all())
    for one in (sound_change(row.body, row.digest) for row in lines):
        if one is not None:
            yield one.unit, one.type
            yield from ((str(op.value), one.type) for op in one.operations if op.path == "unit" and isinstance(op.value, str))
    row = connection.execute(select(RecordRow.unit, RecordRow.type).where(RecordRow.id == record)).one_or_none()
    if row is not None:
        yield row.unit, row.type
