"""The heads of streams and of logs, against the lines that they tell of.

A head follows from lines: where it is not what its last line says, and the chain leads to that line, the head is what a disk changed or
lost, and is made anew. A database that was put back to another day is whole in itself, heads and lines: nothing here touches it. Lines
that are gone behind the last one are told from a head that is too high by its hash: it leads to none that is here.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from server.chains import follows, is_exact, lines_are_there, stream_hash
from server.damage import made_anew
from server.models import LineRow, LogRow, StreamRow
from server.own_identity import OwnIdentity
from server.people import Device
from sync.log import LogHead, chain_next, chain_start, stream_start

MOST_MISSING = 100_000
"""Lines behind the last one that a head may be ahead by; one that is further ahead was changed."""

MOST_LOOKED = 50
"""Of lines that stand behind a head, how many are looked at for the last one that the chain leads to."""

__all__ = ["log_names", "logs_hold", "mend_logs", "mend_stream", "stream_codes", "stream_holds"]


# --- streams


def stream_codes(connection: Connection) -> list[str]:
    """The streams of which there are lines."""
    return list(_stepwise(connection, LineRow.stream))


def _stepwise(connection: Connection, column: Any) -> Iterable[Any]:
    """The different values of an indexed column, each found by a look into the index."""
    value = connection.scalar(select(func.min(column)))
    while value is not None:
        yield value
        value = connection.scalar(select(func.min(column)).where(column > value))


def stream_holds(connection: Connection, stream: str) -> bool:
    """Whether a stream's row is what its lines say; nothing is written."""
    row = connection.execute(select(StreamRow).where(StreamRow.code == stream)).one_or_none()
    if row is None or is_called_wrong(connection, stream):
        return False
    return _true_head(connection, stream, LogHead(row.number, row.hash)) is None and row.segments == _segments_begun(connection, stream)


def is_called_wrong(connection: Connection, stream: str) -> bool:
    """Whether a stream's row without a line is that of another stream, of which the code was changed."""
    row = connection.execute(select(StreamRow).where(StreamRow.code == stream)).one_or_none()
    if row is None or not row.number or connection.scalar(select(LineRow.place).where(LineRow.stream == stream).limit(1)) is not None:
        return False
    return any(stream_hash(connection, other, row.number) == row.hash for other in stream_codes(connection))


def drop_stream(connection: Connection, stream: str, now_ms: int) -> None:
    """Let such a row go: the other stream has one of its own again."""
    connection.execute(delete(StreamRow).where(StreamRow.code == stream))
    made_anew(connection, "head", stream, stream, now_ms)


def mend_stream(connection: Connection, stream: str, now_ms: int) -> LogHead | None:
    """Write a stream's head anew where it is not what its lines say; gives it then. The caller holds the stream's row."""
    row = connection.execute(select(StreamRow).where(StreamRow.code == stream)).one()
    head = _true_head(connection, stream, LogHead(row.number, row.hash))
    segments = _segments_begun(connection, stream)
    if head is None and row.segments == segments:
        return None
    told = head or LogHead(row.number, row.hash)
    values = {"number": told.number, "hash": told.hash, "segments": segments}
    connection.execute(update(StreamRow).where(StreamRow.code == stream).values(**values))
    made_anew(connection, "head", stream, stream, now_ms)
    return told


def _true_head(connection: Connection, stream: str, head: LogHead) -> LogHead | None:
    """What a head must be; None where it is that, or lines behind the last one are lost."""
    lines = select(LineRow).where(LineRow.stream == stream).order_by(LineRow.place.desc())
    last = connection.execute(lines.limit(1)).one_or_none()
    if last is None:
        start = LogHead(0, stream_start(stream))
        return start if head.hash == start.hash and head.number else None
    if head == (last.place, last.stream_hash):
        return None
    if head.number > last.place:
        flipped = head.hash == last.stream_hash or head.number - last.place > MOST_MISSING
        return LogHead(last.place, last.stream_hash) if flipped and follows(connection, last) else None
    behind = connection.execute(lines.where(LineRow.place >= head.number).limit(MOST_LOOKED)).all()
    true = next((one for one in behind if follows(connection, one)), None)
    if true is None or head == (true.place, true.stream_hash) or not is_exact(connection, stream, true.place):
        return None
    return LogHead(true.place, true.stream_hash)


def _segments_begun(connection: Connection, stream: str) -> int:
    """How many further segments began in a stream."""
    further = connection.execute(select(LogRow.id, LogRow.segment).where(LogRow.segment > 0)).all()
    return sum(
        connection.scalar(
            select(LineRow.stream).where(LineRow.log == row.id, LineRow.segment == row.segment).order_by(LineRow.number).limit(1)
        ) == stream
        for row in further
    )  # fmt: skip


# --- logs


def log_names(connection: Connection) -> list[str]:
    """The logs of which there are rows or lines."""
    return sorted({*connection.scalars(select(LogRow.id).distinct()), *_stepwise(connection, LineRow.log)})


def logs_hold(connection: Connection, logs: Iterable[str], own: OwnIdentity) -> bool:
    """Whether these logs are what their lines say; nothing is written."""
    return not any(_Log(connection, log, own).wrong() for log in logs)


def mend_logs(connection: Connection, logs: Iterable[str], own: OwnIdentity, now_ms: int) -> int:
    """Write the rows of logs anew that are not what their lines say; gives how many."""
    return sum(_Log(connection, log, own).mend(now_ms) for log in logs)


Row = dict[str, Any]


class _Log:
    """One log: its rows and its lines."""

    def __init__(self, connection: Connection, log: str, own: OwnIdentity) -> None:
        self.connection = connection
        self.log = log
        self.own = own
        rows = connection.execute(select(LogRow.__table__).where(LogRow.id == log).order_by(LogRow.segment))
        self.rows: dict[int, Row] = {row.segment: dict(row._mapping) for row in rows}
        self.stream = ""

    def wrong(self) -> bool:
        """Whether a row is not what the lines say."""
        return bool(self._strays() or self._told() != self.rows)

    def mend(self, now_ms: int) -> int:
        """Write what the lines say; gives how many rows and lines were others."""
        strays = self._strays()
        for line, segment in strays:
            here = (LineRow.log == self.log, LineRow.number == line.number, LineRow.segment == line.segment)
            self.connection.execute(update(LineRow).where(*here).values(segment=segment))
            made_anew(self.connection, "line", f"{line.stream} {line.place}", line.stream, now_ms, record=line.record or "")
        told = self._told()
        changed = [segment for segment in {*told, *self.rows} if told.get(segment) != self.rows.get(segment)]
        for segment in changed:
            self.connection.execute(delete(LogRow).where(LogRow.id == self.log, LogRow.segment == segment))
            if segment in told:
                self.connection.execute(insert(LogRow), [told[segment]])
            made_anew(self.connection, "head", f"{self.log} {segment}", self.stream, now_ms)
        return len(strays) + len(changed)

    # reading lines

    def _line(self, segment: int, number: int) -> Any:
        which = (LineRow.log == self.log, LineRow.number == number, LineRow.segment == segment)
        return self.connection.execute(select(LineRow).where(*which)).one_or_none()

    def _spans(self) -> dict[int, tuple[int, int]]:
        """Of each segment its first and its last number."""
        query = select(LineRow.segment, func.min(LineRow.number), func.max(LineRow.number)).where(LineRow.log == self.log)
        return {segment: (first, last) for segment, first, last in self.connection.execute(query.group_by(LineRow.segment))}

    def _leading(self, number: int, before: bytes, *, but: int) -> list[int]:
        """The segments, but for one, whose line of this number leads to a hash."""
        columns = select(LineRow.segment, LineRow.before, LineRow.digest)
        rows = self.connection.execute(columns.where(LineRow.log == self.log, LineRow.number == number, LineRow.segment != but))
        return [row.segment for row in rows if chain_next(row.before, row.digest) == before]

    # what lines say

    def _strays(self) -> list[tuple[Any, int]]:
        """Lines of a segment that has no row, which stand in a hole of another one: with that other's number."""
        found, spans = [], self._spans()
        for segment in spans.keys() - self.rows.keys():
            lines = select(LineRow).where(LineRow.log == self.log, LineRow.segment == segment).limit(2)
            alone = self.connection.execute(lines).all()
            others = {one: row for one, row in self.rows.items() if one in spans or one < segment}  # else it is the row that is wrong
            holes = [one for one, row in others.items() if len(alone) == 1 and self._is_hole(one, row, alone[0])]
            found += [(alone[0], holes[0])] if holes else []
        return found

    def _is_hole(self, segment: int, row: Row, line: Any) -> bool:
        if not row["start"] < line.number <= row["number"] or self._line(segment, line.number) is not None:
            return False
        if line.number == row["start"] + 1:
            return bool(row["start_hash"] == line.before)
        before = self._line(segment, line.number - 1)
        return before is not None and chain_next(before.before, before.digest) == line.before

    def _told(self) -> dict[int, Row]:
        """The rows as the lines tell them; what they leave open stays as it is."""
        spans = self._spans()
        told: dict[int, Row] = {}
        for segment in sorted({*spans, *self.rows}):
            row = self.rows.get(segment)
            if segment in spans:
                one = self._row(segment, row, *spans[segment])
                told |= {} if one is None else {segment: one}
            elif row is not None and not self._is_empty():
                told[segment] = row
        owner = self._owner(told)
        return {segment: row | {"device": owner(row["device"])} for segment, row in told.items()}

    def _is_empty(self) -> bool:
        """Whether a row without a line tells of none that may be lost."""
        streams = self.connection.execute(select(StreamRow.code, StreamRow.number)).all()
        return all(lines_are_there(self.connection, stream.code, stream.number) for stream in streams)

    def _row(self, segment: int, row: Row | None, first: int, last: int) -> Row | None:
        begin, end = self._line(segment, first), self._line(segment, last)
        self.stream = end.stream
        if row is None and not follows(self.connection, end):
            return None  # nothing proves that it is a line of this log
        start = self._start(segment, row, begin)
        head = self._head(segment, row, start, end)
        parents = self._leading(start.number, start.hash, but=segment) if start.number else []
        earlier = self._earlier(segment, start)
        blank = {"id": self.log, "segment": segment, "device": "", "parent": None, "floating": False, "fork": False}
        told = blank | (row or {}) | {"number": head.number, "hash": head.hash, "start": start.number, "start_hash": start.hash}
        return told | self._lineage(told, parents, earlier, known=row is not None)

    def _lineage(self, told: Row, parents: Sequence[int], earlier: bool | None, *, known: bool) -> Row:
        """Where a segment hangs: at the line before it, which may still have to come."""
        fork = told["fork"] if earlier is None else earlier
        if not told["start"]:
            return {"parent": None, "floating": False, "fork": fork}
        if told["parent"] is None and told["floating"] and known:
            return {"fork": fork}
        if parents:
            return {"parent": told["parent"] if told["parent"] in parents else parents[0], "floating": False, "fork": fork}
        if told["parent"] in self.rows and not told["floating"]:
            return {"fork": fork}  # the line before it may be lost
        return {"parent": None, "floating": True, "fork": fork}

    def _earlier(self, segment: int, start: LogHead) -> bool | None:
        """Whether another line came before the segment's first one in the same place of the log; None where that one is lost."""
        columns = select(LineRow.segment, LineRow.before, LineRow.arrived_ms, LineRow.stream, LineRow.place)
        rows = self.connection.execute(columns.where(LineRow.log == self.log, LineRow.number == start.number + 1)).all()
        own = next((row for row in rows if row.segment == segment), None)
        if own is None:
            return None
        others = [row for row in rows if row.segment != segment and row.before == start.hash]
        return any(
            row.place < own.place if row.stream == own.stream else row.arrived_ms < own.arrived_ms
            for row in others
        )  # fmt: skip

    def _start(self, segment: int, row: Row | None, begin: Any) -> LogHead:
        """Behind which line a segment begins."""
        said = LogHead(begin.number - 1, begin.before)
        if row is None:
            return said
        kept = LogHead(row["start"], row["start_hash"])
        if kept == said or kept.number < 0:
            return said
        if kept.number == said.number:
            return said if self._leads_on(segment, begin) and not self._is_begin(row) else kept
        lost = kept.number < said.number and kept.hash != said.hash and said.number - kept.number <= MOST_MISSING
        return kept if lost else said

    def _leads_on(self, segment: int, line: Any) -> bool:
        """Whether what follows a line, or the head, stands as the line says."""
        after = self._line(segment, line.number + 1)
        chain = chain_next(line.before, line.digest)
        return bool(chain == (self.rows[segment]["hash"] if after is None else after.before))

    def _is_begin(self, row: Row) -> bool:
        """Whether a row's first hash is that with which its device's log begins."""
        key = self._keys().get(row["device"])
        return not row["start"] and key is not None and chain_start(self.log, key) == row["start_hash"]

    def _head(self, segment: int, row: Row | None, start: LogHead, end: Any) -> LogHead:
        """How far a segment goes."""
        said = LogHead(end.number, chain_next(end.before, end.digest))
        if row is None:
            return said
        kept = LogHead(row["number"], row["hash"])
        if kept == said or not self._stands(segment, start, end):
            return kept
        if kept.number > said.number:
            lost = kept.hash != said.hash and kept.number - said.number <= MOST_MISSING and not self._is_empty()
            return kept if lost else said
        return said

    def _stands(self, segment: int, start: LogHead, line: Any) -> bool:
        """Whether a line is what its hash says, and follows the one before it in its log."""
        if line.body is not None and hashlib.sha256(line.body).digest() != line.digest:
            return False
        before = self._line(segment, line.number - 1)
        chain = start.hash if line.number == start.number + 1 else None if before is None else chain_next(before.before, before.digest)
        if chain is None or line.body is None:
            return follows(self.connection, line) and chain in (None, line.before)  # the stream's chain proves it
        return bool(chain == line.before)

    # whose it is

    def _owner(self, told: Mapping[int, Row]) -> Any:
        """Whose each row is, from whose it says to be."""
        keys = self._keys()
        begins = [row["start_hash"] for row in told.values() if not row["start"]]
        said = {row["device"] for row in told.values()} - {""}
        if not begins:
            return lambda device: device if device in keys or not device else ""
        if any(device in keys and chain_start(self.log, keys[device]) in begins for device in said):
            true = next(device for device in said if device in keys and chain_start(self.log, keys[device]) in begins)
        else:
            handed_back = any(not row["device"] for row in self.rows.values())
            true = None if handed_back else next((one for one, key in keys.items() if chain_start(self.log, key) in begins), None)
        return lambda device: device if true is None else true

    def _keys(self) -> dict[str, bytes]:
        if not hasattr(self, "_known_keys"):
            rows = self.connection.execute(select(Device.id, Device.sign))
            self._known_keys = {row.id: row.sign for row in rows} | {self.own.device: self.own.key}
        return self._known_keys
