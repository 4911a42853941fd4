"""A round over everything that the tables hold, some rows at a time: begun when a server process starts, and again without end.

Lines are read in the order of their streams and looked at in both chains; records against their digests, their lines and their columns;
sealed values against their hashes; then the sums of the parts. What follows from something else is made anew at once; what does not is
asked back from tablets (``server.healing``). Each slice is one short reading transaction; only what is found is written.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, select, update

from server import db
from server.chains import after, after_line, follows
from server.damage import blob_key, healed, lost_blob, lost_line, made_anew
from server.db import insert_missing
from server.file_damage import look_at_files
from server.file_names import FileName, names_lost
from server.gaps import empty_numbers
from server.heads import log_names, stream_codes
from server.mending import recount, wrong_sums
from server.models import Blob, Damage, LineRow, LogRow, PartRow, RecordRow, StreamRow
from server.replaying import is_sound
from server.restoring import settle
from server.round_of_records import anew, change_in, look_at_records
from shared.ids import b64
from sync.log import Change, chain_next, stream_start
from sync.messages import blobs_named
from sync.store import Scope

if TYPE_CHECKING:
    from server.healing import Healing
    from server.ledger import SqlLedger

SLICE, BLOBS, LOGS = 500, 50, 20
"""Lines, sealed values and logs of one reading transaction."""

UNKNOWN = b""

WRITTEN = ("log", "number", "before", "record", "operations", "stream_hash")
"""The columns of a line that follow from what else is there."""

__all__ = ["SLICE", "Round", "Standing"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far the round of this process is: rows looked at in it, what it looks at, when the last whole one ended and what it read."""

    rows: int = 0
    table: str = ""
    ended_ms: int | None = None
    whole: int = 0
    found: int = 0
    """How much damage this process has found in all."""


class Round:
    """The round of one process; ``step`` looks at one slice."""

    def __init__(self, healing: "Healing") -> None:
        self.healing = healing
        self.server = healing.server
        self.standing = Standing()
        self._steps: Iterator[tuple[str, int, int]] | None = None

    def step(self) -> bool:
        """Look at the next slice; False where the round ended with it."""
        if self._steps is None:
            self.standing = Standing(ended_ms=self.standing.ended_ms, whole=self.standing.whole, found=self.standing.found)
            self._steps = self._round()
        told = next(self._steps, None)
        was = self.standing
        if told is None:
            self._steps = None
            now_ms = self.server.services.clock.now_ms()
            self.standing = Standing(rows=0, ended_ms=now_ms, whole=was.rows, found=was.found)
            return False
        table, rows, found = told
        self.standing = Standing(
            rows=was.rows + rows, table=table, ended_ms=was.ended_ms, whole=was.whole, found=was.found + found,
        )  # fmt: skip
        return True

    def _round(self) -> Iterator[tuple[str, int, int]]:
        self.healing.refresh()
        with db.reading() as connection:
            streams = sorted({*connection.scalars(select(StreamRow.code)), *_lost_streams(connection)})
        for stream in streams:
            yield "stream", 1, self.healing.stream_row(stream)
        with db.reading() as connection:
            streams = list(connection.scalars(select(StreamRow.code).order_by(StreamRow.code)))
        yield from _logs(self)
        for stream in streams:
            yield from _Lines(self, stream).slices()
        yield from look_at_records(self)
        yield from _blobs(self)
        yield from look_at_files(self)
        for stream in streams:
            yield from _sums(self, stream)


def _lost_streams(connection: Connection) -> list[str]:
    """The streams that have lines from the first on, and no row."""
    first = ((stream, select(LineRow).where(LineRow.stream == stream, LineRow.place == 1)) for stream in stream_codes(connection))
    lines = ((stream, connection.execute(query).one_or_none()) for stream, query in first)
    return [stream for stream, line in lines if line is not None and follows(connection, line)]


def _logs(one: "Round") -> Iterator[tuple[str, int, int]]:
    """The rows of the logs, before anything is judged by them."""
    with db.reading() as connection:
        names = log_names(connection)
    for start in range(0, len(names), LOGS):
        some = names[start : start + LOGS]
        yield "log", len(some), one.healing.mend_logs(some)


class _Lines:
    """The lines of one stream."""

    def __init__(self, one: Round, stream: str) -> None:
        self.round = one
        self.stream = stream
        self.rowless: set[str] = set()
        """Records with lines that count, and no row."""
        self.starts: dict[tuple[str, int], tuple[int, bytes]] = {}
        self.logs: dict[tuple[str, int], tuple[int, bytes]] = {}
        """Of each segment how far it was read, and its chain there."""
        self.empty: list[tuple[str, int]] | None = None
        """Numbers of logs that no line has."""

    def slices(self) -> Iterator[tuple[str, int, int]]:
        """Slice by slice: the table, how many rows, how much damage."""
        at, chain, empty = 0, stream_start(self.stream), False
        while True:
            with db.reading() as connection:
                query = select(LineRow).where(LineRow.stream == self.stream, LineRow.place > at).order_by(LineRow.place)
                rows = connection.execute(query.limit(SLICE + 1)).all()
                inexact = self._inexact(connection)
                gone = self._without_blobs(connection, rows[:SLICE])
                names = names_lost(connection, rows[:SLICE])
                self._note_rowless(connection, rows[:SLICE])
                self._note_starts(connection, {row.log for row in rows})
            if names:
                with db.writing() as connection:
                    insert_missing(connection, FileName, names)
            lost: list[dict[str, Any]] = []
            mended: list[dict[str, Any]] = []
            for index, row in enumerate(rows[:SLICE]):
                empty = empty or row.place != at + 1
                behind = rows[index + 1] if index + 1 < len(rows) else None
                before = UNKNOWN if row.place != at + 1 or at in inexact else chain
                wrong, right = self._one(row, before, behind)
                lost += [lost_line(self.stream, row.place, row.log, row.number, row.segment, record=row.record or "")] if wrong else []
                mended += [right] if right else []
                at, chain = row.place, right.get("to_stream_hash", row.stream_hash) if right else row.stream_hash
            found = self._heal(lost, mended, gone)
            if len(rows) <= SLICE:
                break
            yield "line", SLICE, found
        ends, heads = self._ends(at)
        found += heads
        if empty or not ends:
            found += self.round.healing.look_for_gaps(self.stream)
        found += anew(self.round, self.stream, self.rowless)
        if self.round.healing.book:
            with self.round.server.writing(self.stream, "", self.round.server.services.clock.now_ms()) as ledger:
                settle(ledger)  # what is whole again by another way waits no more
            self.round.healing.refresh()
        yield "line", len(rows), found

    def _note_starts(self, connection: Connection, logs: set[str]) -> None:
        wanted = sorted(logs - {log for log, _ in self.starts})
        query = select(LogRow.id, LogRow.segment, LogRow.start, LogRow.start_hash).where(LogRow.id.in_(wanted))
        self.starts |= {(row.id, row.segment): (row.start, row.start_hash) for row in connection.execute(query)} if wanted else {}

    def _note_rowless(self, connection: Connection, rows: Sequence[Any]) -> None:
        records = {row.record for row in rows if row.record and not row.verdict}
        there = set(connection.scalars(select(RecordRow.id).where(RecordRow.id.in_(records))))
        self.rowless |= records - there

    def _inexact(self, connection: Connection) -> set[int]:
        query = select(Damage.place).where(Damage.stream == self.stream, Damage.exact.is_(False), Damage.kind == "line")
        return set(connection.scalars(query))

    def _one(self, row: Any, before: bytes, behind: Any) -> tuple[bool, dict[str, Any]]:
        """Whether a line is damaged beyond what this server can mend, and the columns to be written of one that it can."""
        digest, right = row.digest, dict[str, Any]()
        change = change_in(row.body)
        if row.body is not None and not is_sound(row.body, digest):
            return True, {}
        log, own = row.log, row.number
        told = after_line(before, row.place, row, digest, arrived_ms=row.arrived_ms, verdict=row.verdict)
        if before != UNKNOWN and told != row.stream_hash and (name := self._name(row, change, before)) is not None:
            told, (log, own) = row.stream_hash, name
            right |= {"to_log": log, "to_number": own}
        if before != UNKNOWN and told != row.stream_hash:
            if behind is None or behind.place != row.place + 1 or _leads(row.stream_hash, behind) or not _leads(told, behind):
                return True, {}
            right["to_stream_hash"] = told
        number, chain = self.logs.get((log, row.segment), (0, UNKNOWN))
        if chain != UNKNOWN and number == own - 1 and row.before != chain:
            right["to_before"] = chain
        if chain == UNKNOWN and own == self.starts.get((log, row.segment), (-1, UNKNOWN))[0] + 1:
            start = self.starts[log, row.segment][1]
            right |= {"to_before": start} if row.before != start else {}
        self.logs[log, row.segment] = own, chain_next(right.get("to_before", row.before), digest)
        if change is not None and not row.verdict and (change.record, len(change.operations)) != (row.record, row.operations):
            right |= {"to_record": change.record, "to_operations": len(change.operations)}
        if not right:
            return False, {}
        kept = {f"to_{name}": getattr(row, name) for name in WRITTEN}
        return False, {**kept, **right, "at": row.place}

    def _name(self, row: Any, change: Change | None, before: bytes) -> tuple[str, int] | None:
        """The log and number of a line that stands under others: they are in its bytes, or nobody has them, and the chain proves them."""
        if self.empty is None:
            with db.reading() as connection:
                self.empty = [(one.log, one.number) for one in islice(empty_numbers(connection, self.stream), SLICE)]
        names = [*([] if change is None else [(change.log, change.number)]), *self.empty]
        for log, number in names:
            told = after(before, row.place, log, number, row.digest, arrived_ms=row.arrived_ms, verdict=row.verdict)
            if told == row.stream_hash:
                return log, number
        return None

    def _without_blobs(self, connection: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """The sealed values that sound lines name and that are not here."""
        named = {blob: row.record for row in rows if row.body and not row.verdict for blob in blobs_named(row.body)}
        there: set[str] = set()
        for start in range(0, len(named), 500):
            there |= set(connection.scalars(select(Blob.hash).where(Blob.hash.in_(list(named)[start : start + 500]))))
        units = _units(connection, {record for blob, record in named.items() if blob not in there})
        return [lost_blob(blob, self.stream, units.get(one, ""), record=one) for blob, one in named.items() if blob not in there]

    def _heal(self, lost: list[dict[str, Any]], mended: Sequence[Mapping[str, Any]], blobs: Sequence[Mapping[str, Any]]) -> int:
        healing = self.round.healing
        if not (lost or mended or blobs):
            return 0
        with db.reading() as connection:
            units = _units(connection, {row["record"] for row in lost})
        found = healing.note([*({**row, "unit": units.get(row["record"], "")} for row in lost), *blobs])
        if lost or mended:
            with self.round.server.writing(self.stream, "", self.round.server.services.clock.now_ms()) as ledger:
                self._write(ledger, mended)
                _with_own_bytes(ledger, lost)
                settle(ledger)
            healing.refresh()
        return found + len(mended)

    def _write(self, ledger: "SqlLedger", mended: Sequence[Mapping[str, Any]]) -> None:
        statement = update(LineRow).where(LineRow.stream == self.stream, LineRow.place == bindparam("at"))
        if mended:
            ledger.connection.execute(statement.values({name: bindparam(f"to_{name}") for name in WRITTEN}), list(mended))
        for row in mended:
            made_anew(ledger.connection, "line", f"{self.stream} {row['at']}", self.stream, ledger.now_ms, record=row["to_record"] or "")

    def _ends(self, at: int) -> tuple[bool, int]:
        """Whether the stream ends where its row says, and how many rows of it and of its logs were wrong: they are written anew."""
        wrong = self.round.healing.stream_row(self.stream)
        wrong += self.round.healing.mend_logs(sorted({log for log, _ in self.logs}))
        with db.reading() as connection:
            number = connection.scalar(select(StreamRow.number).where(StreamRow.code == self.stream)) or 0
        return number <= at, wrong


def _leads(chain: bytes, behind: Any) -> bool:
    told = after_line(chain, behind.place, behind, behind.digest, arrived_ms=behind.arrived_ms, verdict=behind.verdict)
    return bool(told == behind.stream_hash)


def _units(connection: Connection, records: set[str]) -> dict[str, str]:
    wanted = [one for one in records if one]
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 500):
        query = select(RecordRow.id, RecordRow.unit).where(RecordRow.id.in_(wanted[start : start + 500]))
        found |= {row.id: row.unit for row in connection.execute(query)}
    return found


def _with_own_bytes(ledger: "SqlLedger", lost: Sequence[Mapping[str, Any]]) -> None:
    """A line of which another column was changed has its bytes still: they are tried as if somebody had brought them, and go if they do
    not fit.
    """
    for row in lost:
        here = select(LineRow).where(LineRow.stream == row["stream"], LineRow.place == row["place"])
        kept = ledger.connection.execute(here).one_or_none()
        if kept is not None and kept.body is not None:
            told = update(Damage).where(Damage.key == row["key"], Damage.healed_ms.is_(None), Damage.body.is_(None))
            ledger.connection.execute(told.values(body=kept.body, verdict=kept.verdict))


def _blobs(one: Round) -> Iterator[tuple[str, int, int]]:
    """The sealed values, by their hashes."""
    after = ""
    while True:
        with db.reading() as connection:
            rows = connection.execute(select(Blob).where(Blob.hash > after).order_by(Blob.hash).limit(BLOBS)).all()
        wrong = {row.hash: row.data for row in rows if b64(hashlib.sha256(row.data).digest()) != row.hash}
        lost = {digest: _blob_of(digest) for digest in wrong if not one.healing.book.knows(blob_key(digest))}
        _whole_again(one, {row.hash for row in rows} - set(wrong))
        renamed = sum(_rename_blob(one, digest, b64(hashlib.sha256(wrong[digest]).digest())) for digest, row in lost.items() if not row)
        yield "blob", len(rows), one.healing.note([row for row in lost.values() if row]) + renamed
        if len(rows) < BLOBS:
            return
        after = rows[-1].hash


def _rename_blob(one: Round, digest: str, true: str) -> int:
    """A sealed value stands under a name that no line has: it gets its own where that is missing, else it goes."""
    row = _blob_of(true)
    with db.writing() as connection:
        if row and connection.scalar(select(Blob.hash).where(Blob.hash == true)) is None:
            connection.execute(update(Blob).where(Blob.hash == digest).values(hash=true))
        else:
            connection.execute(delete(Blob).where(Blob.hash == digest))
        now_ms = one.server.services.clock.now_ms()
        made_anew(connection, "blob", true, row.get("stream", ""), now_ms, record=row.get("record", ""), unit=row.get("unit", ""))
    one.healing.refresh()
    return 1


def _whole_again(one: Round, good: set[str]) -> None:
    """Sealed values that waited and are here."""
    keys = [blob_key(digest) for digest in good if one.healing.book.knows(blob_key(digest))]
    if keys:
        with db.writing() as connection:
            healed(connection, keys, "", one.server.services.clock.now_ms())
        one.healing.refresh()


def _blob_of(digest: str) -> dict[str, Any]:
    """The row of damage of a sealed value: its record is looked for in all lines."""
    columns = select(LineRow.record, LineRow.stream, LineRow.body).where(LineRow.body.is_not(None))
    with db.reading() as connection:
        for row in connection.execute(columns.execution_options(yield_per=SLICE)):
            if row.record and digest in blobs_named(row.body):
                return lost_blob(digest, row.stream, _units(connection, {row.record}).get(row.record, ""), record=row.record)
    return {}


def _sums(one: Round, stream: str) -> Iterator[tuple[str, int, int]]:
    """The sums of the parts, unit by unit."""
    catalogue = one.server.services.catalogue
    with db.reading() as connection:
        units = set(connection.scalars(select(RecordRow.unit).where(RecordRow.stream == stream).distinct()))
        units |= set(connection.scalars(select(PartRow.unit).distinct())) - set(connection.scalars(select(RecordRow.unit).distinct()))
    for unit in sorted(units):
        with db.reading() as connection:
            wrong = wrong_sums(connection, catalogue, [unit])
        if wrong and not one.healing.book.waits(Scope(stream, (unit,), True, "")):
            with one.server.writing(stream, "", one.server.services.clock.now_ms()) as ledger:
                recount(ledger, [unit])
                made_anew(ledger.connection, "sums", unit, stream, ledger.now_ms, unit=unit)
        yield "part", 1, len(wrong)
