"""``sync.store.Ledger`` over SQL: one writing transaction on one stream.

The stream's row is the lock: numbers are given under it, without a gap, and a reader never passes a number that commits
later. Rows are written in batches, so the statements of a page do not grow with its records.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, text, update

from server.gate import Gate
from server.models import Blob, FallenValue, LineRow, LogRow, PastUnit, RecordRow, StreamRow
from server.parts import PartSums
from server.projection import load_states, project
from shared.ids import b64
from sync.clock import Time
from sync.errors import FrameFault
from sync.log import Change, LogHead, Operation, chain_next, chain_start, parse_name, stream_start, write_line
from sync.merge import Fallen, fresh
from sync.paths import policy_of, sealed_heads
from sync.policies import Judge, Known
from sync.state import RecordState, Value, digest_of_sole, join, past_of_names
from sync.store import Arrival, LogState

__all__ = ["OwnIdentity", "SqlLedger", "ensure_stream"]


class OwnIdentity(NamedTuple):
    """The server as a device with a log: its id, its public key, and the log that this process writes."""

    device: str
    key: bytes
    log: str


class Loaded(NamedTuple):
    """What stood in the tables of a record before this transaction."""

    digest: int
    digest_sealed: int
    units: tuple[str, ...]
    created_ms: int


_OPEN_STREAM = text("INSERT INTO stream (code, number, hash) VALUES (:code, 0, :hash) ON CONFLICT DO NOTHING")
"""Of two that open a stream at once the second finds the row of the first."""


def ensure_stream(connection: Connection, stream: str) -> None:
    """Open a stream that has no row yet; s(0) is bound to its code."""
    if connection.scalar(select(StreamRow.code).where(StreamRow.code == stream)) is None:
        connection.execute(_OPEN_STREAM, {"code": stream, "hash": stream_start(stream)})


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
        ensure_stream(connection, stream)
        lock = update(StreamRow).where(StreamRow.code == stream).values(number=StreamRow.number)
        row = connection.execute(lock.returning(StreamRow.number, StreamRow.hash)).one()
        self.number: int = row.number
        self.hash: bytes = row.hash
        self.logs: dict[str, LogState] = {}
        self.new_logs: set[str] = set()
        self.known_states: dict[str, RecordState] = {}
        self.loaded: dict[str, Loaded] = {}
        self.dirty: dict[str, RecordState] = {}
        self.fresh: dict[str, tuple[Arrival, int]] = {}
        self.latest: dict[str, frozenset[str]] = {}
        self.heads: dict[str, frozenset[str]] = {}
        self.lines: list[dict[str, Any]] = []
        self.line_names: dict[str, Arrival] = {}
        self.fallen: dict[tuple[str, str, str], Fallen] = {}
        self.new_fallen: list[tuple[str, Fallen]] = []
        self.policies: dict[tuple[str, str], str] = {}

    def head(self) -> LogHead:
        """The stream's last number and hash, with what this transaction has appended."""
        return LogHead(self.number, self.hash)

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

    def log(self, log: str) -> LogState | None:
        """How far this log was read."""
        if log not in self.logs:
            row = self.connection.execute(select(LogRow).where(LogRow.id == log)).one_or_none()
            if row is None:
                return None
            self.logs[log] = LogState(row.device, LogHead(row.number, row.hash))
        return self.logs[log]

    def open_log(self, log: str, device: str, start: bytes) -> None:
        """Take note of a new log."""
        self.logs[log] = LogState(device, LogHead(0, start))
        self.new_logs.add(log)

    def states(self, records: Sequence[str]) -> dict[str, RecordState]:
        """Load records with one query, and what fell in them with another."""
        wanted = [record for record in records if record not in self.known_states]
        if wanted:
            rows = self.connection.execute(select(RecordRow).where(RecordRow.id.in_(wanted))).all()
            states = load_states(self.connection, rows)
            for row in rows:
                state = self.known_states[row.id] = states[row.id]
                digests = int.from_bytes(row.digest, "big"), int.from_bytes(row.digest_sealed, "big")
                self.loaded[row.id] = Loaded(*digests, tuple(state.units), row.created_ms)
            if rows:
                fell = select(FallenValue).where(FallenValue.record.in_([row.id for row in rows]))
                for row in self.connection.execute(fell):
                    past, waits = json.loads(row.past)
                    past = {log: (last[0], last[1]) for log, last in past.items()}
                    self.fallen[row.record, row.path, row.name] = Fallen(row.path, row.name, past, tuple(waits))
        found = {record: self.state(record) for record in records}
        return {record: one for record, one in found.items() if one is not None}

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
        known = self.latest.get(type_code)
        if known is None:
            fields = self.gate.catalogue.types[type_code].fields.values()
            known = self.latest[type_code] = frozenset(field.code for field in fields if field.merge == "latest")
        return known

    def keep_fresh(self, arrival: Arrival, number: int) -> None:
        """Note a new record that one change made whole."""
        assert arrival.change is not None
        self.fresh[arrival.change.record] = (arrival, number)

    def refusal(self, change: Change, state: RecordState | None) -> str:
        """Why this change must be set aside, or ""."""
        return self.gate.refusal(change, state, self.writer)

    def judge(self, state: RecordState, change: Change) -> Judge:
        """The judge of this change on this record."""
        return _SqlJudge(self, state, change)

    def append(self, arrival: Arrival) -> int:
        """Number a line in the stream; the row is written at the next flush."""
        self.number += 1
        told = f"{self.number} {arrival.log} {arrival.number} {self.now_ms} {arrival.verdict} ".encode("ascii")
        self.hash = hashlib.sha256(self.hash + told + arrival.digest).digest()
        record = None if arrival.change is None else arrival.change.record
        self.lines.append(
            {
                "log": arrival.log, "number": arrival.number, "before": arrival.before, "digest": arrival.digest,
                "body": arrival.body, "record": record, "stream": self.stream, "place": self.number,
                "stream_hash": self.hash, "arrived_ms": self.now_ms, "verdict": arrival.verdict,
                "operations": 0 if arrival.change is None else len(arrival.change.operations),
            }
        )  # fmt: skip
        self.line_names[arrival.name] = arrival
        known = self.logs[arrival.log]
        self.logs[arrival.log] = LogState(known.device, LogHead(arrival.number, chain_next(arrival.before, arrival.digest)))
        return self.number

    def keep(self, state: RecordState, fallen: Sequence[Fallen]) -> None:
        """Note that a record changed."""
        self.dirty[state.id] = self.known_states[state.id] = state
        self.fresh.pop(state.id, None)
        for value in fallen:
            self.fallen[state.id, value.path, value.name] = value
            self.new_fallen.append((state.id, value))

    def own_line(self, record: RecordState, user: str, operations: Sequence[Operation]) -> Arrival:
        """Write the next line of the server's own log."""
        known = self.log(self.own.log)
        if known is None:
            self.open_log(self.own.log, self.own.device, chain_start(self.own.log, self.own.key))
            known = self.logs[self.own.log]
        change = Change(
            log=self.own.log, number=known.head.number + 1, time=Time(self.now_ms, 0), user=user or self.own.device,
            catalogue=self.gate.catalogue.version, record=record.id, type=record.type, unit=record.unit,
            operations=tuple(operations),
        )  # fmt: skip
        line = write_line(change)
        return Arrival(change.log, change.number, known.head.hash, line.body, line.hash, line.name, change, "")

    def flush(self) -> None:
        """Write what is noted, each table in one batch."""
        if not self.lines:
            return
        self._write_logs()
        self.connection.execute(insert(LineRow), self.lines)
        self._write_records()
        self._write_fallen()
        self.connection.execute(
            update(StreamRow).where(StreamRow.code == self.stream).values(number=self.number, hash=self.hash)
        )
        self.lines, self.line_names, self.dirty, self.fresh, self.new_fallen = [], {}, {}, {}, []

    def _write_logs(self) -> None:
        touched = {row["log"] for row in self.lines}
        for log in touched:
            state = self.logs[log]
            if log in self.new_logs:
                values = {"id": log, "device": state.device, "number": state.head.number, "hash": state.head.hash}
                self.connection.execute(insert(LogRow).values(values))
                self.new_logs.discard(log)
            else:
                row = update(LogRow).where(LogRow.id == log).values(number=state.head.number, hash=state.head.hash)
                self.connection.execute(row)

    def _write_records(self) -> None:
        new: list[dict[str, Any]] = []
        old: list[dict[str, Any]] = []
        past_units: list[dict[str, str]] = []
        parts = PartSums()
        for record, state in self.dirty.items():
            record_type = self.gate.catalogue.types[state.type]
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
                parts.add(unit, state.type, sealed=False, number=row["touched"], change=moved[0])
                if heads:
                    parts.add(unit, state.type, sealed=True, number=row["touched"], change=moved[1])
            if tuple(state.units) != was.units:
                past_units += [{"record": record, "unit": past} for past in state.units[:-1]]
            self.loaded[record] = Loaded(digest, digest_sealed, tuple(state.units), created_ms)
        self._write_fresh(parts)
        if new:
            self.connection.execute(insert(RecordRow), new)
        if old:
            names = [name for name in old[0] if name != "record_id"]
            statement = update(RecordRow).where(RecordRow.id == bindparam("record_id"))
            self.connection.execute(statement.values({name: bindparam(name) for name in names}), old)
        self._write_past_units(past_units)
        parts.write(self.connection)

    def _write_fresh(self, parts: PartSums) -> None:
        """Insert the records that one change made whole: who, where, which line and its digest; the rest is made later."""
        rows = []
        for record, (arrival, number) in self.fresh.items():
            change = arrival.change
            assert change is not None
            heads = self._heads(change.type)
            digest = digest_of_sole(change, arrival.name, heads, sealed=False)
            digest_sealed = digest_of_sole(change, arrival.name, heads, sealed=True) if heads else 0
            parts.add(change.unit, change.type, sealed=False, number=number, change=digest)
            if heads:
                parts.add(change.unit, change.type, sealed=True, number=number, change=digest_sealed)
            rows.append(
                {
                    "id": record, "stream": self.stream, "type": change.type, "unit": change.unit, "touched": number,
                    "withdrawn": False, "open_count": 0, "sole": arrival.name,
                    "created_ms": self.now_ms, "updated_ms": self.now_ms, "digest": digest.to_bytes(16, "big"),
                    "digest_sealed": digest_sealed.to_bytes(16, "big"),
                }
            )
            self.loaded[record] = Loaded(digest, digest_sealed, (change.unit,), self.now_ms)
        if rows:
            self.connection.execute(insert(RecordRow), rows)

    def _heads(self, type_code: str) -> frozenset[str]:
        known = self.heads.get(type_code)
        if known is None:
            known = self.heads[type_code] = sealed_heads(self.gate.catalogue.types[type_code])
        return known

    def _write_past_units(self, rows: Sequence[Mapping[str, str]]) -> None:
        for row in rows:
            there = select(PastUnit.unit).where(PastUnit.record == row["record"], PastUnit.unit == row["unit"])
            if self.connection.scalar(there) is None:
                self.connection.execute(insert(PastUnit).values(**row))

    def _write_fallen(self) -> None:
        rows = {}
        for record, value in self.new_fallen:
            rows[record, value.path, value.name] = json.dumps([value.past, value.waits], separators=(",", ":"))
        if not rows:
            return
        records = {record for record, _, _ in rows}
        told = select(FallenValue.record, FallenValue.path, FallenValue.name).where(FallenValue.record.in_(records))
        there = {tuple(row) for row in self.connection.execute(told)}
        new = [key for key in rows if key not in there]
        if new:
            values = [{"record": key[0], "path": key[1], "name": key[2], "past": rows[key]} for key in new]
            self.connection.execute(insert(FallenValue), values)


class _SqlJudge:
    """What the merge asks about one change on one record."""

    def __init__(self, ledger: SqlLedger, state: RecordState, change: Change) -> None:
        self.ledger = ledger
        self.state = state
        self.change = change
        self.record_type = ledger.gate.catalogue.types.get(state.type)

    def policy(self, path: str) -> str:
        if self.record_type is None:
            return "ask"
        if "/" in path:
            return policy_of(self.record_type, path)
        known = self.ledger.policies.get((self.record_type.code, path))
        if known is None:
            known = self.ledger.policies[self.record_type.code, path] = policy_of(self.record_type, path)
        return known

    def known(self, path: str, name: str) -> Known | None:
        fell = self.ledger.fallen.get((self.state.id, path, name))
        if fell is not None:
            return Known(fell.past, fell.waits)
        line = self._line(name)
        if line is None:
            return None
        change, verdict = line
        if not verdict or change is None:
            return Known({}, ())
        saw = next((op.saw for op in change.operations if op.path == path), ())
        pasts, waits = [past_of_names(saw)], list[str]()
        for other in saw:
            known = self._in_force(path, other) or self.known(path, other)
            pasts.append({} if known is None else known.past)
            waits += [other] if known is None else known.waits
        return Known(join(*pasts), tuple(dict.fromkeys(waits)))

    def _in_force(self, path: str, name: str) -> Known | None:
        register = self.state.registers.get(path)
        values = [] if register is None else [value for value in register.values if name in value.origins]
        return Known(values[0].past, values[0].waits) if values else None

    def _line(self, name: str) -> tuple[Change | None, str] | None:
        arrival = self.ledger.line_names.get(name)
        if arrival is not None:
            return (None if arrival.body is None else arrival.change), arrival.verdict
        log, number, hash8 = parse_name(name)
        columns = select(LineRow.body, LineRow.digest, LineRow.verdict, LineRow.record)
        row = self.ledger.connection.execute(columns.where(LineRow.log == log, LineRow.number == number)).one_or_none()
        if row is None or b64(row.digest[:6]) != hash8:
            return None
        return (Change.parse(row.body) if row.record and row.body else None), row.verdict

    def content(self, path: str, name: str) -> Any:
        line = self._line(name)
        if line is None or line[0] is None:
            return None
        return next((op.value for op in line[0].operations if op.path == path), None)

    def equal(self, path: str, one: Value, other: Value) -> bool:
        return one.value == other.value and one.blob == other.blob

    def may_go(self, path: str, start: Any, to: Any) -> bool:
        if self.record_type is None:
            return False
        field = self.record_type.fields.get(path)
        flow = self.record_type.flow if field is None or path == "state" else str(field.flow)
        return self.ledger.gate.rights.may_go(self.change.user, self.state.unit, flow, start, to)

