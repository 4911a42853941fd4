"""``sync.store.Reader`` over SQL: what a pull reads, all of it in one transaction."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Connection, and_, bindparam, func, or_, select, text

from server.misplaced import is_named
from server.models import WAITS, Blob, LineRow, LogRow, RecordRow, StreamRow, segment_of
from server.replaying import heads_of, loaded
from server.touched import Kinds, touched_behind
from shared.catalogue import Catalogue
from shared.ids import b64
from sync.lineage import Segment, attached, past_names
from sync.log import LogHead, name_of, parse_name, stream_start
from sync.lost import Compared
from sync.state import RecordState
from sync.store import Device, KnownLine, PartHead, Scope, StoredLine, Touched

_SAME = LineRow.__table__.alias("same")
_BEHIND = select(_SAME.c.place).where(_SAME.c.stream == StreamRow.code, _SAME.c.place >= StreamRow.number)
_LAST = _BEHIND.order_by(_SAME.c.place.desc()).limit(1).scalar_subquery()
_HEAD = (
    select(StreamRow.number, StreamRow.hash, LineRow.place, LineRow.stream_hash)
    .outerjoin(LineRow, and_(LineRow.stream == StreamRow.code, LineRow.place == _LAST))
    .where(StreamRow.code == bindparam("stream"))
)
"""What every exchange asks, with the last line: built once, since building a statement costs more than SQLite takes to answer it."""


@lru_cache(maxsize=256)
def _parts(units: int, hidden: int, mark: str) -> str:
    """The statement for the parts of so many units but for so many types; made by hand, as ``server.touched`` does."""
    types = f" AND type NOT IN ({', '.join([mark] * hidden)})" if hidden else ""
    return f"SELECT unit, type, sealed, number, digest FROM part WHERE unit IN ({', '.join([mark] * units)}){types}"


__all__ = ["SqlReader"]


class Care(Protocol):
    """Who is told of what is damaged; each in a transaction of its own."""

    def made_anew(self, record: str) -> RecordState | None:
        """The registers of a record whose row is damaged, from its lines; None where one of these is lost."""

    def lines_are_lost(self, names: Mapping[str, str]) -> None:
        """These lines are damaged or gone: name → record."""

    def blobs_are_lost(self, hashes: Mapping[str, str]) -> None:
        """These sealed values are damaged or gone: hash → record."""

    def gives_up(self, digest: str) -> bool:
        """Whether a sealed value is lost for so long that its record is told without it."""

    def head(self, stream: str, head: LogHead) -> LogHead:
        """What a stream's head is where its last line does not say what its row says."""

    def left_out(self, device: Device) -> None:
        """This device was not told a record that is damaged."""

    def owes_what_was_left_out(self, device: Device) -> bool:
        """Whether all that this device was not told is whole again; true once."""


class SqlReader:
    """One reading transaction; the caller begins and ends it."""

    def __init__(
        self, connection: Connection, catalogue: Catalogue, read_wraps: Callable[[Sequence[str], Device], Any] = lambda *_: [],
        mend: Callable[[Device, str], Compared | None] = lambda device, said: None, care: Care | None = None,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.catalogue = catalogue
        self.read_wraps = read_wraps
        self.mended = mend
        self.care = care
        self.heads: dict[str, frozenset[str]] = {}
        self.sealed_types = tuple(catalogue.sealed_types)
        self._heads: tuple[Scope, list[PartHead]] | None = None
        self._walk: tuple[tuple[str, str], int, Iterator[Touched]] | None = None
        """The pull at hand: of which scope and part, how far it was told, and what follows."""

    def head(self, stream: str) -> LogHead:
        """The last number of a stream and s(k) there."""
        row = self.connection.execute(_HEAD, {"stream": stream}).one_or_none()
        head = LogHead(0, stream_start(stream)) if row is None else LogHead(row.number, row.hash)
        if row is not None and head == (row.place or 0, row.stream_hash or stream_start(stream)):
            return head
        first = select(LineRow.place).where(LineRow.stream == stream, LineRow.place > 0).limit(1)
        if row is None and self.connection.scalar(first) is None:
            return head
        return head if self.care is None else self.care.head(stream, head)

    def hash_at(self, stream: str, number: int) -> bytes | None:
        """s(number), or None past the end."""
        if not number:
            return stream_start(stream)
        query = select(LineRow.stream_hash).where(LineRow.stream == stream, LineRow.place == number)
        return self.connection.scalar(query)

    def parts(self, scope: Scope) -> list[PartHead]:
        """The heads of the parts of a scope, in one query."""
        hidden = () if scope.cases else self.sealed_types
        statement = _parts(len(scope.units), len(hidden), "?" if self.connection.dialect.paramstyle == "qmark" else "%s")
        rows = self.connection.exec_driver_sql(statement, (*scope.units, *hidden)) if scope.units else ()
        heads = [
            PartHead(f"{unit}/{code}/{int(sealed)}", number, int.from_bytes(digest, "big"))
            for unit, code, sealed, number, digest in rows
        ]
        self._heads = (scope, heads)
        return heads

    def changed(self, scope: Scope, after: int, limit: int, *, part: str = "") -> list[Touched]:
        """Up to ``limit`` records touched after a number, in the order of their last touch."""
        key = (scope.version, part)
        if self._walk is None or self._walk[:2] != (key, after):
            self._walk = (key, after, self._touched(scope, after, part))
        walk = self._walk[2]
        records = list(islice(walk, limit))
        self._walk = (key, records[-1].touched, walk) if records else None
        return records

    def _touched(self, scope: Scope, after: int, part: str) -> Iterator[Touched]:
        hidden = () if scope.cases else self.sealed_types
        if part:
            unit, code, _ = part.split("/")
            units = [unit] if unit in scope.units and code not in hidden else []
            return touched_behind(self.connection, scope.stream, units, after, Kinds(code, ()), self._state)
        heads = self._heads if self._heads is not None and self._heads[0] == scope else (scope, self.parts(scope))
        units = sorted({head.part.partition("/")[0] for head in heads[1] if head.number > after})
        return touched_behind(self.connection, scope.stream, units, after, Kinds("", hidden), self._state)

    def _state(self, row: Any) -> RecordState | None:
        """The registers of a record that are those of its digests; None where they cannot be had."""
        if row.type not in self.heads:
            self.heads[row.type] = heads_of(self.catalogue, row.type)
        state = loaded(row, self.heads[row.type])
        if state is None and self.care is not None:
            state = self.care.made_anew(row.id)
        return state

    def lines(self, records: Sequence[Touched], after: int) -> list[StoredLine]:
        """The lines of these records that came after a number; of a record that changed its unit, all of them."""
        stayed = [record.id for record in records if not record.moved]
        moved = [record.id for record in records if record.moved]
        columns = select(
            LineRow.log, LineRow.number, LineRow.before, LineRow.body, LineRow.digest, LineRow.record, LineRow.place,
            LineRow.arrived_ms, LineRow.operations, LineRow.segment,
        ).where(LineRow.verdict == "")  # fmt: skip
        queries: list[Any] = []
        if stayed:
            queries.append(columns.where(LineRow.record.in_(stayed), LineRow.place > after))
        if moved:
            queries.append(columns.where(LineRow.record.in_(moved)))
        return [
            StoredLine(row[0], row[1], row[2], row[3], row[4], name_of(row[0], row[1], row[4]), row[5], row[6], row[7], row[8], row[9])
            for query in queries
            for row in self.connection.execute(query).all()
            if row[3] is not None and hashlib.sha256(row[3]).digest() == row[4] and is_named(row[3], row[0], row[1])
        ]  # fmt: skip

    def unsound(self, records: Sequence[Touched], lines: Sequence[StoredLine], after: int) -> set[str]:
        """The records of which a line that must be told, or their row, is damaged or gone."""
        there, absent = {line.name for line in lines}, dict[str, str]()
        out = {record.id for record in records if record.state is None and record.sole is None}
        for record in records:
            if record.state is None:
                if record.sole is not None and record.sole not in there:
                    absent[record.sole] = record.id
                continue
            for register in record.state.registers.values():
                if register.touched > after:
                    absent |= {name: record.id for value in register.values for name in value.origins if name not in there}
        if absent and after:
            before = self._there(list(absent))
            absent = {name: record for name, record in absent.items() if name not in before}
        if absent and self.care is not None:
            self.care.lines_are_lost(absent)
        return out | set(absent.values())

    def left_out(self, device: Device) -> None:
        """Note that this device was not told a record that is damaged."""
        if self.care is not None:
            self.care.left_out(device)

    def owes_what_was_left_out(self, device: Device) -> bool:
        """Whether all that this device was not told is whole again; true once."""
        return self.care is not None and self.care.owes_what_was_left_out(device)

    def _there(self, names: Collection[str]) -> set[str]:
        """Those of these lines that are here and what they were, whenever they came."""
        wanted = [parse_name(name) for name in names]
        found: set[str] = set()
        for start in range(0, len(wanted), 200):
            some = wanted[start : start + 200]
            at = or_(*(and_(LineRow.log == name.log, LineRow.number == name.number) for name in some))
            for row in self.connection.execute(select(LineRow.log, LineRow.number, LineRow.digest, LineRow.body).where(at)):
                if row.body is not None and hashlib.sha256(row.body).digest() == row.digest:
                    found.add(name_of(row.log, row.number, row.digest))
        return found

    def unsound_blobs(self, named: Mapping[str, str], told: Sequence[tuple[str, bytes]]) -> set[str]:
        """The records of which a sealed value is damaged or gone."""
        good = {digest for digest, _ in told}
        lost = {digest: record for digest, record in named.items() if digest not in good}
        if not lost or self.care is None:
            return set()
        self.care.blobs_are_lost(lost)
        return {record for digest, record in lost.items() if not self.care.gives_up(digest)}

    def set_aside(self, log: str, after: int) -> list[tuple[int, str, int]]:
        """The numbers of a log's lines behind ``after`` that were set aside, with the codes and the segments."""
        columns = select(LineRow.number, LineRow.verdict, LineRow.segment)
        query = columns.where(LineRow.log == log, LineRow.number > after, LineRow.verdict != "").order_by(LineRow.number)
        return [(row.number, row.verdict, row.segment) for row in self.connection.execute(query)]

    def chain(self, log: str, number: int) -> list[KnownLine]:
        """The lines of a log that follow this number, in all its segments."""
        columns = select(LineRow.number, LineRow.before, LineRow.digest, LineRow.segment)
        rows = self.connection.execute(columns.where(LineRow.log == log, LineRow.number == number + 1))
        return [KnownLine(row.number, row.before, row.digest, row.segment) for row in rows]

    def lacking(self, stream: str, held: Mapping[str, str]) -> dict[str, int]:
        """Of these logs, those that a tablet may know more of: log → behind which number.

        Args:
            held: log → the last lines that were pulled of it (``sync.lineage.ends_of``).
        """
        names = {log: [parse_name(name) for name in ends.split()] for log, ends in held.items()}
        segments: dict[str, list[Segment]] = {}
        for row in self.connection.execute(select(LogRow).where(LogRow.id.in_(names))):
            segments.setdefault(row.id, []).append(segment_of(row))
        there = self._there([name for ends in held.values() for name in ends.split()])
        waiting, lacking = self._waiting(stream), dict[str, int]()
        for log, ends in names.items():
            parts = segments.get(log, ())
            read = max((one.head.number for one in attached(parts)), default=0)
            for name in ends:
                if str(name) in there and read >= name.number:
                    known = read
                else:
                    known = min(read, name.number - 1) if len(parts) == 1 else 0
                known = min(known, waiting.get(log, known))
                if known < name.number:
                    lacking[log] = min(known, lacking.get(log, known))
        return lacking

    def _waiting(self, stream: str) -> dict[str, int]:
        """Where somebody may tell what values that wait had seen: log → number before the first of their changes there."""
        told = select(RecordRow.registers).where(RecordRow.stream == stream, text(WAITS[self.connection.dialect.name]))
        waiting: dict[str, int] = {}
        for body in self.connection.scalars(told):
            for _, value in RecordState.load(json.loads(str(body))).values():
                if value.waits:
                    for name in map(parse_name, (*value.origins, *value.waits, *past_names(value.past))):
                        waiting[name.log] = min(waiting.get(name.log, name.number - 1), name.number - 1)
        return waiting

    def blob_sizes(self, hashes: Sequence[str]) -> dict[str, int]:
        """The bytes of the sealed values of these hashes."""
        sizes: dict[str, int] = {}
        for start in range(0, len(hashes), 500):
            query = select(Blob.hash, func.length(Blob.data)).where(Blob.hash.in_(hashes[start : start + 500]))
            sizes |= {row[0]: row[1] for row in self.connection.execute(query)}
        return sizes

    def blobs(self, hashes: Sequence[str]) -> list[tuple[str, bytes]]:
        """The sealed values of these hashes, those that are what their hashes say."""
        found: list[tuple[str, bytes]] = []
        for start in range(0, len(hashes), 500):
            query = select(Blob.hash, Blob.data).where(Blob.hash.in_(hashes[start : start + 500]))
            rows = self.connection.execute(query)
            found += [(row.hash, row.data) for row in rows if b64(hashlib.sha256(row.data).digest()) == row.hash]
        return found

    def wraps(self, records: Sequence[RecordState], device: Device) -> list[tuple[str, str, str]]:
        """The case keys of these records, wrapped to a reader."""
        keys = set()
        for state in records:
            record_type = self.catalogue.all_types.get(state.type)
            if record_type is None or not record_type.sealed_by:
                continue
            case = None if record_type.sealed_by == "self" else state.current(record_type.path_of(record_type.sealed_by))
            keys.add(state.id if case is None else str(case.value))
        wraps: list[tuple[str, str, str]] = self.read_wraps(sorted(keys), device)
        return wraps
