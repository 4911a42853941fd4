"""The logs of one writing transaction: their segments, what was opened and how far each has come (``sync.lineage``)."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from server.models import LineRow, LogRow, segment_of
from shared.ids import b64
from sync.lineage import NO_FORKS, Lineage, Segment
from sync.log import NAME_HASH_BYTES, LogHead, Name, chain_next
from sync.store import KnownLine, LogState

__all__ = ["Logs"]

_ENDS = {"last": LineRow.number, "before": LineRow.before, "digest": LineRow.digest}
_LAST = (
    select(LineRow.number)
    .where(LineRow.log == LogRow.id, LineRow.number >= LogRow.number, LineRow.segment == LogRow.segment)
    .order_by(LineRow.number.desc())
    .limit(1)
)
_LOG = (
    select(LogRow, *(_LAST.with_only_columns(column).scalar_subquery().label(name) for name, column in _ENDS.items()))
    .where(LogRow.id == bindparam("log"))
    .order_by(LogRow.segment)
)
"""The segments of a log, each with its last line."""


def _is_true(row: Any) -> bool:
    """Whether a segment's head is what its last line says."""
    return row.last is not None and (row.number, row.hash) == (row.last, chain_next(row.before, row.digest))


class Logs:
    """Reads logs as they are asked for, and writes what changed at the next flush.

    Args:
        further: how many further segments the logs of this stream have; 0 where no log was ever forked or handed back,
            so that nothing is read to know it.
        written: gives the segment of a line that is not flushed yet, by its name.
        mend: writes a log's rows anew where its lines say something else; tells whether any was (``server.heads``).
    """

    def __init__(
        self, connection: Connection, further: int, written: Callable[[str], int | None], mend: Callable[[str], int] = lambda log: 0
    ) -> None:  # fmt: skip
        self.connection = connection
        self.further = further
        self.written = written
        self.mend = mend
        self._states: dict[str, LogState] = {}
        self._new: set[tuple[str, int]] = set()
        self._moved: set[tuple[str, int]] = set()
        self._ahead: dict[tuple[str, int], LogHead] = {}
        """Heads that moved since they were last looked at: a page appends thousands of lines to one segment."""
        self._found: dict[Name, int | None] = {}
        self._forked: dict[str, Sequence[Segment]] = self._read_forked() if further else {}
        self.lineage = Lineage(self._forked, self._segment_of) if further else NO_FORKS

    def _read_forked(self) -> dict[str, Sequence[Segment]]:
        forked: dict[str, Sequence[Segment]] = {}
        several = select(LogRow.id).where(LogRow.segment > 0)
        for row in self.connection.execute(select(LogRow).where(LogRow.id.in_(several)).order_by(LogRow.id, LogRow.segment)):
            forked[row.id] = (*forked.get(row.id, ()), segment_of(row))
        return forked

    def get(self, log: str) -> LogState | None:
        """Whose a log is, and its segments; None when it is new."""
        self._catch_up()
        if log not in self._states:
            rows = self.connection.execute(_LOG, {"log": log}).all()
            if not all(_is_true(row) for row in rows) and self.mend(log):
                rows = self.connection.execute(_LOG, {"log": log}).all()
            if not rows:
                return None
            self._set(log, LogState(rows[0].device, tuple(segment_of(row) for row in rows)))
        return self._states[log]

    def open(self, log: str, device: str, segment: Segment) -> None:
        """Take note of a new segment."""
        known = self.get(log)
        self._new.add((log, segment.id))
        self._set(log, LogState(device, (*(() if known is None else known.segments), segment)))

    def adopt(self, log: str, device: str) -> None:
        """Take note whose a log is that was handed back."""
        state = self.get(log)
        if state is not None and state.device != device:
            self._states[log] = state._replace(device=device)
            self._moved |= {(log, segment.id) for segment in state.segments if (log, segment.id) not in self._new}

    def attach(self, log: str, index: int, parent: int) -> None:
        """What lies before a floating segment has come."""
        self._change(log, index, lambda segment: segment._replace(parent=parent, floating=False))

    def advance(self, log: str, index: int, head: LogHead) -> None:
        """A line was appended to a segment."""
        self._ahead[log, index] = head

    def _catch_up(self) -> None:
        moved, self._ahead = self._ahead, {}
        for (log, index), head in moved.items():
            self._change(log, index, lambda segment, head=head: segment._replace(head=head))  # type: ignore[misc]

    def _change(self, log: str, index: int, change: Callable[[Segment], Segment]) -> None:
        state = self._states[log]
        if (log, index) not in self._new:
            self._moved.add((log, index))
        self._set(log, state._replace(segments=tuple(change(one) if one.id == index else one for one in state.segments)))

    def _set(self, log: str, state: LogState) -> None:
        self._states[log] = state
        if len(state.segments) > 1:
            self._forked[log] = state.segments
            if self.lineage is NO_FORKS:
                self.lineage = Lineage(self._forked, self._segment_of)

    def known_lines(self, log: str, first: int, count: int) -> list[KnownLine]:
        """The stored lines of a log with one of these numbers, of all its segments."""
        columns = select(LineRow.number, LineRow.before, LineRow.digest, LineRow.segment)
        rows = self.connection.execute(columns.where(LineRow.log == log, LineRow.number >= first, LineRow.number < first + count))
        known = [KnownLine(row.number, row.before, row.digest, row.segment) for row in rows]
        return known if self._has_rows(log, known) or not self.mend(log) else self.known_lines(log, first, count)

    def _has_rows(self, log: str, lines: Sequence[KnownLine]) -> bool:
        """Whether the segments of these lines have rows; asked where nothing of the log is noted that was not written."""
        if not lines or any(one[0] == log for one in (*self._new, *self._moved, *self._ahead)):
            return True
        state = self.get(log)
        if state is not None and {line.segment for line in lines} <= {one.id for one in state.segments}:
            return True
        self._states.pop(log, None)
        return False

    def _segment_of(self, name: Name) -> int | None:
        found = self.written(str(name))
        if found is not None:
            return found
        if name not in self._found:
            lines = self.known_lines(name.log, name.number, 1)
            there = (line.segment for line in lines if b64(line.digest[:NAME_HASH_BYTES]) == name.hash8)
            self._found[name] = next(there, None)
        return self._found[name]

    def write(self) -> int:
        """Write what changed, in two statements at most; gives how many further segments there are now."""
        self._catch_up()
        new = [self._row(log, index) for log, index in sorted(self._new)]
        old = [self._row(log, index) for log, index in sorted(self._moved)]
        if new:
            self.connection.execute(insert(LogRow), new)
            self.further += sum(row["segment"] > 0 for row in new)
        if old:
            which = (LogRow.id == bindparam("at_log"), LogRow.segment == bindparam("at_segment"))
            names = ("device", "number", "hash", "parent", "floating")
            statement = update(LogRow).where(*which).values({name: bindparam(name) for name in names})
            rows = [{"at_log": row["id"], "at_segment": row["segment"], **{name: row[name] for name in names}} for row in old]
            self.connection.execute(statement, rows)
        self._new, self._moved, self._found = set(), set(), {}
        return self.further

    def _row(self, log: str, index: int) -> dict[str, Any]:
        state = self._states[log]
        one = next(segment for segment in state.segments if segment.id == index)
        return {
            "id": log, "segment": index, "device": state.device, "number": one.head.number, "hash": one.head.hash,
            "parent": one.parent, "floating": one.floating, "fork": one.fork, "start": one.start.number, "start_hash": one.start.hash,
        }  # fmt: skip
