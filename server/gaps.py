"""Lines of which nothing is left: which places of a stream and which numbers of which logs are empty.

A place tells no log and a log tells no place; what is known is their order. An empty number stands behind the line before it in its log
and in front of the one behind it; so each empty place is paired with the number that may stand there and must stand soonest. What was
noted before stays as it was paired. Several numbers may fit one place: then the bytes that come back and the chains tell more
(``server.restoring``).
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, or_, select

from server.damage import lost_line, open_damage
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
    until: int
    """The place of the line behind it there; the end of the stream where there is none."""


def gaps(connection: Connection, stream: str) -> list[dict[str, Any]]:
    """The rows of damage for the empty places of a stream."""
    last = connection.scalar(select(StreamRow.number).where(StreamRow.code == stream)) or 0
    noted = [row for row in open_damage(connection, stream) if row.kind == "line" and row.log]
    there, named = {row.place for row in noted}, {(row.log, row.segment, row.number) for row in noted}
    places = [place for place in empty_places(connection, stream, last) if place not in there]
    if not places:
        return []
    empty = [one for one in empty_numbers(connection, stream) if (one.log, one.segment, one.number) not in named]
    rows = []
    for place, one in _paired(places, empty):
        record, unit = _whose(connection, one) if one.log else ("", "")
        rows.append(lost_line(stream, place, one.log, one.number, one.segment, record=record, unit=unit))
    return rows


def _paired(places: Sequence[int], empty: Iterable[_Empty]) -> Iterator[tuple[int, _Empty]]:
    """Each empty place with a number that may stand there."""
    coming = sorted(empty, key=lambda one: one.after, reverse=True)
    fitting: list[tuple[int, int, str, int, _Empty]] = []
    for place in places:
        while coming and coming[-1].after < place:
            one = coming.pop()
            heapq.heappush(fitting, (one.until, one.after, one.log, one.number, one))
        yield place, heapq.heappop(fitting)[-1] if fitting else _Empty("", 0, 0, 0, 0)


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
    """The numbers of the logs of a stream that no line has, with the places of the lines around."""
    behind = (connection.scalar(select(StreamRow.number).where(StreamRow.code == stream)) or 0) + 1
    counted = func.count(LineRow.number).label("lines")
    lines = LineRow.log == LogRow.id, LineRow.segment == LogRow.segment
    query = select(LogRow.id, LogRow.segment, LogRow.start, LogRow.number, counted).outerjoin(LineRow, lines[0] & lines[1])
    query = query.group_by(LogRow.id, LogRow.segment, LogRow.start, LogRow.number).having(counted < LogRow.number - LogRow.start)
    for row in connection.execute(query).all():
        there = select(LineRow.number, LineRow.place, LineRow.stream).where(LineRow.log == row.id, LineRow.segment == row.segment)
        numbers = {one.number: one for one in connection.execute(there)}
        if numbers and all(one.stream != stream for one in numbers.values()):
            continue
        here = {number: one.place for number, one in numbers.items() if one.stream == stream}
        until = dict[int, int]()
        last = min(row.number, row.start + row.lines + MOST)
        for number in range(last, row.start, -1):
            until[number] = here.get(number, until.get(number + 1, behind))
        place = 0
        for number in range(row.start + 1, last + 1):
            place = here.get(number, place)
            if number not in numbers:
                yield _Empty(row.id, number, row.segment, place, until[number])


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
