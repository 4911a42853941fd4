"""``sync.store.Ledger`` over SQL: one writing transaction on one stream.

The stream's row is the lock: numbers are given under it, without a gap, and a reader never passes a number that commits
later. Rows are written in batches, so the statements of a page do not grow with its records.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, text, update

from server.damage import found
from server.db import insert_rows
from server.fallen import read_fallen, write_fallen
from server.gate import Gate
from server.heads import mend_logs, mend_stream
from server.judge import SqlJudge
from server.logs import Logs
from server.models import Blob, LineRow, RecordRow, StreamRow
from server.own_identity import OwnIdentity
from server.parts import PartSums
from server.projection import load_states, project
from server.reader import SqlReader
from server.replaying import lost_of, replay
from shared.ids import b64
from sync.clock import Time
from sync.cursor import HASH_BYTES as CURSOR_BYTES
from sync.cursor import Cursor
from sync.errors import FrameFault
from sync.lineage import Segment
from sync.log import Change, LogHead, Operation, chain_next, chain_start, stream_start, write_line
from sync.merge import Fallen, fresh
from sync.paths import sealed_heads
from sync.policies import Judge
from sync.state import RecordState, digest_of_sole
from sync.store import Arrival, KnownLine, LogState, Scope

__all__ = ["OwnIdentity", "SqlLedger"]


LINE_COLUMNS = (
    "log", "number", "segment", "before", "digest", "body", "record", "stream", "place", "stream_hash", "arrived_ms", "verdict",
    "operations", "witness",
)  # fmt: skip
"""Of ``LineRow``, in the order in which ``SqlLedger.append`` gives them."""

FRESH_COLUMNS = (
    "id", "stream", "type", "unit", "touched", "withdrawn", "open_count", "sole", "created_ms", "updated_ms", "digest", "digest_sealed",
)  # fmt: skip
"""Of ``RecordRow``, in the order in which a new record gives them; the other columns are made behind the push."""


class Loaded(NamedTuple):
    """What stood in the tables of a record before this transaction."""

    digest: int
    digest_sealed: int
    units: tuple[str, ...]
    created_ms: int


_LISTED: Any = bindparam("records", expanding=True)
_RECORDS = select(RecordRow).where(RecordRow.id.in_(_LISTED))
"""Built once: a list in a statement costs a look at each of its members."""

_OPEN_STREAM = text("INSERT INTO stream (code, number, hash, segments) VALUES (:code, 0, :hash, 0) ON CONFLICT DO NOTHING")
"""Of two that open a stream at once the second finds the row of the first."""

_LOCKED = update(StreamRow).where(StreamRow.code == bindparam("stream")).values(number=StreamRow.number)
_LAST = select(LineRow.place).where(LineRow.stream == bindparam("stream"), LineRow.place > 0).order_by(LineRow.place.desc()).limit(1)
_LOCK = _LOCKED.returning(
    StreamRow.number, StreamRow.hash, StreamRow.segments,
    _LAST.scalar_subquery().label("place"), _LAST.with_only_columns(LineRow.stream_hash).scalar_subquery().label("stream_hash"),
)  # fmt: skip
"""Takes a stream's row, which others that write there wait for, and tells of its last line."""

_PAST_UNIT = text(
    "INSERT INTO past_unit (record, unit, touched) VALUES (:record, :unit, :touched)"
    " ON CONFLICT (record, unit) DO UPDATE SET touched = excluded.touched"
)


class SqlLedger:
    """One writing transaction; the caller begins and commits it."""

    def __init__(
        self, connection: Connection, stream: str, gate: Gate, own: OwnIdentity, *, writer: str, now_ms: int, keep_wraps: Any
    ) -> None:
        self.connection = connection
        self.stream = stream
        self.gate = gate
        self.own = own
        self.writer = writer
        self.now_ms = now_ms
        self.keep_wraps = keep_wraps
        row = connection.execute(_LOCK, {"stream": stream}).one_or_none()
        if row is None:
            connection.execute(_OPEN_STREAM, {"code": stream, "hash": stream_start(stream)})
            row = connection.execute(_LOCK, {"stream": stream}).one()
        head = LogHead(row.number, row.hash)
        if head != (row.place or 0, row.stream_hash or stream_start(stream)):  # of a row that a disk changed no number is given
            head = mend_stream(connection, stream, now_ms) or head
        self.number, self.hash = head
        self.first = self.number
        self.own_log = ""
        self.witness = ""
        self.lost = 0
        """How much damage was found on the way."""
        self.logs = Logs(connection, row.segments, self._segment_written, lambda log: mend_logs(connection, [log], own, now_ms))
        self.known_states: dict[str, RecordState] = {}
        self.loaded: dict[str, Loaded] = {}
        self.dirty: dict[str, RecordState] = {}
        self.learnt: dict[str, RecordState] = {}
        self.fresh: dict[str, tuple[Arrival, int]] = {}
        self.latest: dict[str, frozenset[str]] = {}
        self.heads: dict[str, frozenset[str]] = {}
        self.lines: list[tuple[Any, ...]] = []
        self.line_names: dict[str, Arrival] = {}
        self.fallen: dict[tuple[str, str, str], Fallen] = {}
        self.new_fallen: list[tuple[str, Fallen]] = []
        self.policies: dict[tuple[str, str], str] = {}
        self.parts = PartSums()

    def head(self) -> LogHead:
        """The stream's last number and hash, with what this transaction has appended."""
        return LogHead(self.number, self.hash)

    def lacks_nothing(self, scope: Scope, cursor: Cursor) -> bool:
        """Whether this stream knows a cursor and no part of a scope was touched behind it."""
        head = self.head()
        if Cursor.at(head.number, head) == cursor:
            return True
        reader = SqlReader(self.connection, self.gate.catalogue)
        known = reader.hash_at(self.stream, cursor.head)
        return known is not None and known[:CURSOR_BYTES] == cursor.hash and all(one.number <= cursor.number for one in reader.parts(scope))

    def keep_sealed(self, blobs: Sequence[tuple[str, bytes]], wraps: Sequence[Sequence[str]]) -> None:
        """Keep sealed values and wraps; raises FrameFault("wrong_blob") where the bytes are not those of the hash."""
        if any(b64(hashlib.sha256(data).digest()) != digest for digest, data in blobs):
            raise FrameFault("wrong_blob")
        if blobs:
            known = set(self.connection.scalars(select(Blob.hash).where(Blob.hash.in_([digest for digest, _ in blobs]))))
            rows = {digest: data for digest, data in blobs if digest not in known}
            if rows:
                self.connection.execute(insert(Blob), [{"hash": digest, "data": data} for digest, data in rows.items()])
        if wraps:
            self.keep_wraps(wraps)

    def _segment_written(self, name: str) -> int | None:
        arrival = self.line_names.get(name)
        return None if arrival is None else arrival.segment

    def log(self, log: str) -> LogState | None:
        """Whose a log is, and its segments."""
        return self.logs.get(log)

    def open_segment(self, log: str, device: str, segment: Segment) -> None:
        """Take note of a new segment of a log."""
        self.logs.open(log, device, segment)

    def attach(self, log: str, index: int, parent: int) -> None:
        """What lies before a floating segment has come."""
        self.logs.attach(log, index, parent)

    def adopt(self, log: str, device: str) -> None:
        """Take note whose a log is that was handed back."""
        self.logs.adopt(log, device)

    def witnessed_by(self, device: str) -> None:
        """The lines from here on are handed back by this device."""
        self.witness = device

    def known_lines(self, log: str, first: int, count: int) -> list[KnownLine]:
        """The stored lines of a log with one of these numbers."""
        return self.logs.known_lines(log, first, count)

    def states(self, records: Sequence[str]) -> dict[str, RecordState]:
        """Load records with one query, and what fell in them with another."""
        wanted = [record for record in records if record not in self.known_states]
        if wanted:
            rows = self.connection.execute(_RECORDS, {"records": wanted}).all()
            states = load_states(self.connection, rows)
            for row in rows:
                state = self.known_states[row.id] = states[row.id] if states[row.id].registers else self._unread(row, states[row.id])
                digests = int.from_bytes(row.digest, "big"), int.from_bytes(row.digest_sealed, "big")
                self.loaded[row.id] = Loaded(*digests, tuple(state.units), row.created_ms)
            if rows:
                fell, damaged = read_fallen(self.connection, [row.id for row in rows])
                self.fallen.update(fell)
                for record, made in ((one, replay(self, one)) for one in damaged):
                    self._fell(record, () if made is None else made.fallen)
        found = {record: self.state(record) for record in records}
        return {record: one for record, one in found.items() if one is not None}

    def _unread(self, row: Any, blank: RecordState) -> RecordState:
        """A record whose row or line cannot be read: from its lines, or blank, so that what comes now waits for what is lost."""
        made = replay(self, row.id)
        if made is None:
            self.lost += found(self.connection, lost_of(self.connection, row), self.now_ms)
        return blank if made is None else made.state

    def state(self, record: str) -> RecordState | None:
        """One record that was loaded, or that this transaction made."""
        known = self.known_states.get(record)
        if known is None and record in self.fresh:
            arrival, number = self.fresh[record]
            assert arrival.change is not None
            known = self.known_states[record] = fresh(arrival.change, arrival.name, number=number)
        return known

    def latest_fields(self, type_code: str) -> Collection[str]:
        """The fields of a type whose merge policy is ``latest``."""
        if type_code not in self.latest:
            fields = self.gate.catalogue.all_types[type_code].by_path.values()
            self.latest[type_code] = frozenset(field.path for field in fields if field.merge == "latest")
        return self.latest[type_code]

    def keep_fresh(self, arrival: Arrival, number: int) -> None:
        """Note a new record that one change made whole."""
        assert arrival.change is not None
        self.fresh[arrival.change.record] = (arrival, number)

    def refusal(self, change: Change, state: RecordState | None, *, proven: bool = False) -> str:
        """Why this change must be set aside, or ""."""
        return self.gate.refusal(change, state, "" if proven else self.writer)

    def judge(self, state: RecordState, change: Change, until: int = 0) -> Judge:
        """The judge of this change on this record; ``until``: its place, where it is merged anew."""
        return SqlJudge(self, state, change, until)

    def append(self, arrival: Arrival) -> int:
        """Number a line in the stream; the row is written at the next flush."""
        self.number += 1
        told = f"{self.number} {arrival.log} {arrival.number} {self.now_ms} {arrival.verdict} ".encode("ascii")
        self.hash = hashlib.sha256(self.hash + told + arrival.digest).digest()
        change = arrival.change
        record, operations = (None, 0) if change is None else (change.record, len(change.operations))
        self.lines.append(
            (
                arrival.log, arrival.number, arrival.segment, arrival.before, arrival.digest, arrival.body, record, self.stream,
                self.number, self.hash, self.now_ms, arrival.verdict, operations, self.witness,
            )
        )  # fmt: skip
        self.line_names[arrival.name] = arrival
        after = arrival.after or chain_next(arrival.before, arrival.digest)
        self.logs.advance(arrival.log, arrival.segment, LogHead(arrival.number, after))
        return self.number

    def keep(self, state: RecordState, fallen: Sequence[Fallen]) -> None:
        """Note that a record changed."""
        self.dirty[state.id] = self.known_states[state.id] = state
        self.fresh.pop(state.id, None)
        self._fell(state.id, fallen)

    def own_line(self, record: RecordState, user: str, operations: Sequence[Operation]) -> Arrival:
        """Write the next line of the server's own log."""
        log, head = self._own_head()
        change = Change(
            log=log, number=head.number + 1, time=Time(self.now_ms, 0), user=user or self.own.device,
            catalogue=self.gate.catalogue.version, record=record.id, type=record.type, unit=record.unit,
            operations=tuple(operations),
        )  # fmt: skip
        line = write_line(change)
        return Arrival(change.log, change.number, head.hash, line.body, line.hash, line.name, change, "")

    def learn(self, state: RecordState, fallen: Sequence[Fallen]) -> None:
        """Note what was learnt of pasts."""
        self.learnt[state.id] = state
        self._fell(state.id, fallen)

    def _fell(self, record: str, fallen: Sequence[Fallen]) -> None:
        self.fallen.update({(record, value.path, value.name): value for value in fallen})
        self.new_fallen += [(record, value) for value in fallen]

    def _own_head(self) -> tuple[str, LogHead]:
        """The log that this process writes here and its head; a new log where the database does not know it as it was left."""
        log, written = self.own.logs.get(self.stream, ("", None))
        known = self.log(log) if log else None
        if known is not None and (self.own_log == log or known.segments[0].head == written):
            self.own_log = log
            return log, known.segments[0].head
        self.own_log = self.own.new_log()
        head = LogHead(0, chain_start(self.own_log, self.own.key))
        self.own.logs[self.stream] = self.own_log, head
        self.open_segment(self.own_log, self.own.device, Segment(0, None, False, False, head, head))
        return self.own_log, head

    def spill(self) -> None:
        """Write the rows of what is noted, each table in one batch; the heads follow at the end."""
        if self.learnt:
            self._write_learnt()
        if not self.lines:
            return
        insert_rows(self.connection, LineRow, LINE_COLUMNS, self.lines)
        self._write_records()
        write_fallen(self.connection, self.new_fallen)
        self.lines, self.line_names, self.dirty, self.fresh, self.new_fallen = [], {}, {}, {}, []

    def flush(self) -> None:
        """Write everything that is noted: the rows, then the heads of logs, parts and the stream, which only the last line decides."""
        self.spill()
        segments = self.logs.write()
        self._write_parts()
        if self.number == self.first:
            return
        own = self.log(self.own_log) if self.own_log else None
        if own is not None:
            self.own.logs[self.stream] = self.own_log, own.segments[0].head
        self.connection.execute(
            update(StreamRow).where(StreamRow.code == self.stream).values(number=self.number, hash=self.hash, segments=segments)
        )

    def rewrite(self) -> None:
        """Write records that were made anew from lines that are here already; nothing else may have been noted."""
        self._write_records()
        write_fallen(self.connection, self.new_fallen)
        self._write_parts()

    def _write_parts(self) -> None:
        self.parts.write(self.connection)
        self.parts = PartSums()

    def _write_records(self) -> None:
        new: list[dict[str, Any]] = []
        old: list[dict[str, Any]] = []
        past_units: list[dict[str, Any]] = []
        for record, state in self.dirty.items():
            record_type = self.gate.catalogue.all_types[state.type]
            heads = self._heads(state.type)
            digest = state.digest(heads, sealed=False)
            digest_sealed = state.digest(heads, sealed=True) if heads else 0
            before = self.loaded.get(record)
            created_ms = self.now_ms if before is None else before.created_ms
            row = project(state, record_type) | {
                "stream": self.stream, "updated_ms": self.now_ms,
                "digest": digest.to_bytes(16, "big"), "digest_sealed": digest_sealed.to_bytes(16, "big"),
            }  # fmt: skip
            if before is None:
                new.append({"id": record, "created_ms": created_ms, **row})
            else:
                old.append({"record_id": record, **row})
            was = before or Loaded(0, 0, (), created_ms)
            for unit in state.units:
                known = unit in was.units
                moved = digest - (was.digest if known else 0), digest_sealed - (was.digest_sealed if known else 0)
                self.parts.add(unit, state.type, sealed=False, number=row["touched"], change=moved[0])
                if heads:
                    self.parts.add(unit, state.type, sealed=True, number=row["touched"], change=moved[1])
            past_units += [{"record": record, "unit": past, "touched": row["touched"]} for past in dict.fromkeys(state.units[:-1])]
            self.loaded[record] = Loaded(digest, digest_sealed, tuple(state.units), created_ms)
        self._write_fresh()
        if new:
            self.connection.execute(insert(RecordRow), new)
        if old:
            names = [name for name in old[0] if name != "record_id"]
            statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"))
            self.connection.execute(statement.values({name: bindparam(name) for name in names}), old)
        if past_units:
            self.connection.execute(_PAST_UNIT, past_units)

    def _write_fresh(self) -> None:
        """Insert the records that one change made whole: who, where, which line and its digest; the rest is made later."""
        rows, now_ms, sums = [], self.now_ms, dict[tuple[str, str], tuple[int, int, int]]()
        for record, (arrival, number) in self.fresh.items():
            change = arrival.change
            assert change is not None
            type_code, unit = change.type, change.unit
            heads = self._heads(type_code)
            digest = digest_of_sole(change, arrival.name, heads, sealed=False)
            digest_sealed = digest_of_sole(change, arrival.name, heads, sealed=True) if heads else 0
            _, total, total_sealed = sums.get((unit, type_code), (0, 0, 0))
            sums[unit, type_code] = number, total + digest, total_sealed + digest_sealed
            rows.append(
                (
                    record, self.stream, type_code, unit, number, False, 0, arrival.name, now_ms, now_ms,
                    digest.to_bytes(16, "big"), digest_sealed.to_bytes(16, "big"),
                )
            )  # fmt: skip
            self.loaded[record] = Loaded(digest, digest_sealed, (unit,), now_ms)
        insert_rows(self.connection, RecordRow, FRESH_COLUMNS, rows)
        for (unit, type_code), (number, total, total_sealed) in sums.items():
            self.parts.add(unit, type_code, sealed=False, number=number, change=total)
            if self._heads(type_code):
                self.parts.add(unit, type_code, sealed=True, number=number, change=total_sealed)

    def _heads(self, type_code: str) -> frozenset[str]:
        if type_code not in self.heads:
            self.heads[type_code] = sealed_heads(self.gate.catalogue.all_types[type_code])
        return self.heads[type_code]

    def _write_learnt(self) -> None:
        """Write registers of which only the pasts changed: neither their numbers nor any digest does."""
        for record, state in self.learnt.items():
            body = json.dumps(state.dump(), ensure_ascii=False, separators=(",", ":"))
            registers = update(RecordRow).where(RecordRow.id == record, RecordRow.registers.is_not(None)).values(registers=body)
            self.connection.execute(registers)
        write_fallen(self.connection, self.new_fallen)
        self.learnt, self.new_fallen = {}, []
