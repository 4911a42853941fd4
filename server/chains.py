"""A stream's chain as its lines keep it: s(place) of one line, and whether a line stands where the one before it leads."""

import hashlib
from typing import Any

from sqlalchemy import Connection, func, select

from server.models import Damage, LineRow
from sync.log import stream_start

__all__ = ["after_line", "follows", "is_exact", "lines_are_there", "stream_hash"]


def after_line(before: bytes, place: int, row: Any, digest: bytes, *, arrived_ms: int, verdict: str) -> bytes:
    """s(place) behind s(place - 1): ``row`` has the line's log and number."""
    return after(before, place, row.log, row.number, digest, arrived_ms=arrived_ms, verdict=verdict)


def after(before: bytes, place: int, log: str, number: int, digest: bytes, *, arrived_ms: int, verdict: str) -> bytes:
    """The same for a log and a number."""
    told = f"{place} {log} {number} {arrived_ms} {verdict} ".encode()
    return hashlib.sha256(before + told + digest).digest()


def stream_hash(connection: Connection, stream: str, place: int) -> bytes | None:
    """s(place) as it is kept; None where there is no such line."""
    if place == 0:
        return stream_start(stream)
    found = connection.scalar(select(LineRow.stream_hash).where(LineRow.stream == stream, LineRow.place == place))
    return None if found is None else bytes(found)


def is_exact(connection: Connection, stream: str, place: int) -> bool:
    """Whether the line at a place has the time of arrival that the chain holds."""
    query = select(Damage.key).where(Damage.stream == stream, Damage.place == place, Damage.exact.is_(False), Damage.kind == "line")
    return connection.scalar(query) is None


def follows(connection: Connection, line: Any) -> bool:
    """Whether the line before it, which is here, leads to a line."""
    before = stream_hash(connection, line.stream, line.place - 1)
    if before is None:
        return False
    told = after_line(before, line.place, line, line.digest, arrived_ms=line.arrived_ms, verdict=line.verdict)
    return told == line.stream_hash or not is_exact(connection, line.stream, line.place - 1)


def lines_are_there(connection: Connection, stream: str, number: int) -> bool:
    """Whether a line stands in each place of a stream up to its number."""
    places = LineRow.stream == stream, LineRow.place >= 1, LineRow.place <= number
    return connection.scalar(select(func.count()).select_from(LineRow).where(*places)) == number
