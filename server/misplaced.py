"""Lines whose stream, place, log or number was changed by a disk: they fit into a hole of a stream, or say themselves what they are."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, or_, select, update

from server.chains import after_line, is_exact, lines_are_there, stream_hash
from server.damage import made_anew
from server.gaps import empty_places
from server.models import LineRow, StreamRow
from sync.errors import ContentFault
from sync.log import Change

MOST = 100
"""Holes, and lines that may fit into them, that are tried."""

__all__ = ["call_by_name", "is_named", "move_back"]


def move_back(connection: Connection, stream: str, now_ms: int) -> int:
    """Put such lines back into the holes of a stream; gives how many. The caller holds the stream's row."""
    number = connection.scalar(select(StreamRow.number).where(StreamRow.code == stream)) or 0
    if lines_are_there(connection, stream, number) and not _strangers(connection):
        return 0
    lines, moved = _candidates(connection, stream), 0
    for place in islice(empty_places(connection, stream, number), MOST):
        before = stream_hash(connection, stream, place - 1)
        fitting = None if before is None or not is_exact(connection, stream, place - 1) else _fitting(lines, before, place)
        if fitting is None:
            continue
        lines.remove(fitting)
        here = (LineRow.log == fitting.log, LineRow.number == fitting.number, LineRow.segment == fitting.segment)
        connection.execute(update(LineRow).where(*here).values(stream=stream, place=place))
        made_anew(connection, "line", f"{stream} {place}", stream, now_ms, record=fitting.record or "")
        moved += 1
    return moved


def is_named(body: bytes, log: str, number: int) -> bool:
    """Whether a line stands under the log and number that it says; one that says none may stand anywhere."""
    if body.startswith(b'{"n":%d,"l":"%s"' % (number, log.encode())):  # as this app writes it
        return True
    try:
        change = Change.parse(body)
    except ContentFault:
        return True
    return (change.log, change.number) == (log, number)


def call_by_name(connection: Connection, line: Any, change: Change, now_ms: int) -> bool:
    """Put a line of a stream under the log and number that its sound bytes say; False where another one stands there."""
    here = (LineRow.log == change.log, LineRow.number == change.number, LineRow.segment == line.segment)
    if connection.scalar(select(LineRow.place).where(*here)) is not None:
        return False
    which = (LineRow.stream == line.stream, LineRow.place == line.place)
    connection.execute(update(LineRow).where(*which).values(log=change.log, number=change.number))
    made_anew(connection, "line", f"{line.stream} {line.place}", line.stream, now_ms, record=line.record or "")
    return True


def _fitting(lines: Sequence[Any], before: bytes, place: int) -> Any:
    told = ((one, after_line(before, place, one, one.digest, arrived_ms=one.arrived_ms, verdict=one.verdict)) for one in lines)
    return next((one for one, chain in told if chain == one.stream_hash), None)


def _strangers(connection: Connection) -> list[Any]:
    """Lines of streams that there are not."""
    known = list(connection.scalars(select(StreamRow.code)))
    return list(connection.execute(select(LineRow).where(LineRow.stream.not_in(known)).limit(MOST)).all())


def _candidates(connection: Connection, stream: str) -> list[Any]:
    """Lines that may stand in another place than theirs: of no stream, and those behind a hole."""
    places = connection.scalars(select(LineRow.place).where(LineRow.stream == stream).order_by(LineRow.place)).all()
    alone = [place for before, place in zip((0, *places), places, strict=False) if place != before + 1][:MOST]
    of_it = connection.execute(select(LineRow).where(LineRow.stream == stream, or_(LineRow.place.in_(alone), LineRow.place < 1)))
    return [*_strangers(connection), *of_it.all()]
