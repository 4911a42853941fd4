"""Lines of which nothing is left: which places of a stream and which numbers of which logs are empty.

A place tells no log and a log tells no place; what is known is their order. Lines that came together stand together, so the empty
numbers of the logs, in the order of the lines before them, are paired with the empty places. Only a line that fits into both chains is
ever put back (``server.restoring``), so a pairing that is wrong does no harm but to the words on a page.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select

from server.damage import lost_line
from server.models import LineRow, LogRow, RecordRow, StreamRow
from sync.log import parse_name

__all__ = ["empty_numbers", "empty_places", "gaps"]

MOST = 100_000
"""Empty places that are noted of one stream: a table that lost more is a case for the backup."""


class _Empty(NamedTuple):
    log: str
    number: int
    segment: int
    after: int
    """The place of the line before it in its log."""


def gaps(connection: Connection, stream: str) -> list[dict[str, Any]]:
    """The rows of damage for the empty places of a stream."""
    last = connection.scalar(select(StreamRow.number).where(StreamRow.code == stream)) or 0
    places = list(empty_places(connection, stream, last))
    if not places:
        return []
    empty = sorted(empty_numbers(connection, stream), key=lambda one: (one.after, one.log, one.number))
    rows = []
    for index, place in enumerate(places):
        one = empty[index] if index < len(empty) else _Empty("", 0, 0, 0)
        record, unit = _whose(connection, one) if one.log else ("", "")
        rows.append(lost_line(stream, place, one.log, one.number, one.segment, record=record, unit=unit))
    return rows


def empty_places(connection: Connection, stream: str, last: int) -> Iterator[int]:
    """The numbers up to the last that no line has."""
    before = 0
    rows = connection.execute(
        select(LineRow.place).where(LineRow.stream == stream).order_by(LineRow.place).execution_options(yield_per=5000)
    )
    told = 0
    for place in [*rows.scalars(), last + 1]:
        for empty in range(max(before + 1, 1), min(place, last + 1)):
            told += 1
            if told > MOST:
                return
            yield empty
        before = place


def empty_numbers(connection: Connection, stream: str) -> Iterator[_Empty]:
    """The numbers of the logs of a stream that no line has, with the place of the line before."""
    counted = func.count(LineRow.number).label("lines")
    lines = LineRow.log == LogRow.id, LineRow.segment == LogRow.segment
    query = select(LogRow.id, LogRow.segment, LogRow.start, LogRow.number, counted).outerjoin(LineRow, lines[0] & lines[1])
    query = query.group_by(LogRow.id, LogRow.segment, LogRow.start, LogRow.number).having(counted < LogRow.number - LogRow.start)
    for row in connection.execute(query).all():
        there = select(LineRow.number, LineRow.place, LineRow.stream).where(LineRow.log == row.id, LineRow.segment == row.segment)
        numbers = {one.number: one for one in connection.execute(there)}
        if numbers and all(one.stream != stream for one in numbers.values()):
            continue
        place = 0
        for number in range(row.start + 1, min(row.number, row.start + row.lines + MOST) + 1):
            if number in numbers:
                place = numbers[number].place if numbers[number].stream == stream else place
            else:
                yield _Empty(row.id, number, row.segment, place)


def _whose(connection: Connection, one: _Empty) -> tuple[str, str]:
    """The record and the unit of a line that is gone, where a record still names it."""
    begin = f"{one.log}.{one.number}."
    query = select(RecordRow.id, RecordRow.unit, RecordRow.sole, RecordRow.registers)
    named = query.where(or_(RecordRow.sole.startswith(begin, autoescape=True), RecordRow.registers.contains(begin, autoescape=True)))
    rows = connection.execute(named).all()
    for row in rows:
        if row.sole and parse_name(row.sole).number == one.number:
            return row.id, row.unit
    return (rows[0].id, rows[0].unit) if len(rows) == 1 else ("", "")
