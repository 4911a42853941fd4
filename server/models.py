"""The tables of the stream: logs, lines, records with their registers, parts, sealed values.

Everything here can be told again from the lines; nothing here is edited but by the merge. Confidential values stand in
``blob`` as sealed bytes, never in ``line`` or ``record``.
"""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db import db
from sync.lineage import Segment
from sync.log import LogHead

__all__ = [
    "WAITS", "Blob", "CatalogueRow", "Damage", "FallenValue", "LineRow", "LogRow", "PartRow", "PastUnit", "RecordRow", "Review",
    "StreamRow",
    "segment_of",
]  # fmt: skip


class StreamRow(db.Model):  # type: ignore[name-defined,misc]
    """One district's stream: its last number and s(k) there. Its row is the lock that numbers are given under."""

    __tablename__ = "stream"
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    segments: Mapped[int] = mapped_column(default=0)
    """How many further segments logs have: 0 where no log was ever forked or handed back."""


class LogRow(db.Model):  # type: ignore[name-defined,misc]
    """A segment of a device's log and how far it was read; nearly every log is one (``sync.lineage``).

    ``hash`` is h(number); ``start`` and ``start_hash`` are where the segment begins, behind a line of ``parent``;
    ``floating`` while that line is not known; ``fork`` where another line follows there too. ``device`` is "" until a log that was
    handed back is told by its own tablet.
    """

    __tablename__ = "log"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True, default=0)
    device: Mapped[str] = mapped_column(String(11), index=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    parent: Mapped[int | None]
    floating: Mapped[bool] = mapped_column(default=False)
    fork: Mapped[bool] = mapped_column(default=False)
    start: Mapped[int] = mapped_column(BigInteger, default=0)
    start_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


def segment_of(row: Any) -> Segment:
    """A row of ``log``, or of a query with its columns, as the protocol has it."""
    start, head = LogHead(row.start, row.start_hash), LogHead(row.number, row.hash)
    return Segment(row.segment, row.parent, row.floating, row.fork, start, head)


class LineRow(db.Model):  # type: ignore[name-defined,misc]
    """A line as it was written, where it stands in its stream, and the verdict on it ("" or why it is set aside).

    ``operations`` counts the line's operations, so that a pull need not read it to tell that all of them stand.
    ``before`` is h(number - 1) of its log, ``stream_hash`` is s(place). ``body`` is null where only the hash came. ``witness`` is
    the device that handed the line back after this server was restored; "" where its own tablet told it.
    """

    __tablename__ = "line"
    log: Mapped[str] = mapped_column(String(11), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True, default=0)
    before: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    record: Mapped[str | None] = mapped_column(String(36))
    stream: Mapped[str] = mapped_column(ForeignKey("stream.code"))
    place: Mapped[int] = mapped_column(BigInteger)
    stream_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    arrived_ms: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str] = mapped_column(String(40), default="")
    operations: Mapped[int] = mapped_column(default=0)
    witness: Mapped[str] = mapped_column(String(11), default="")
    __table_args__ = (
        Index("ix_line_place", "stream", "place", unique=True),
        Index("ix_line_record", "record", "place"),
        Index("ix_line_verdict", "log", "number", sqlite_where=verdict != "", postgresql_where=verdict != ""),
        Index("ix_line_witness", "stream", "place", sqlite_where=witness != "", postgresql_where=witness != ""),
    )


class Review(db.Model):  # type: ignore[name-defined,misc]
    """What somebody at the console did with a line that was set aside: took it up, with the change ``name`` of the console's log,
    or left it (``name`` is "").
    """

    __tablename__ = "review"
    log: Mapped[str] = mapped_column(String(11), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    user: Mapped[str] = mapped_column(String(11))
    at_ms: Mapped[int] = mapped_column(BigInteger)


WAITS = {"sqlite": "instr(registers, '\"w\":') > 0", "postgresql": "strpos(registers, '\"w\":') > 0"}
"""By the kind of database: whether a record may hold a value that waits for what its writer had seen (``sync.state.Value.waits``)."""


JUDGED = ("submitted", "accepted", "consolidated")
"""The states of a record that is judged: submitted, and not returned."""

UNJUDGED = f"faults IS NULL AND state IN ({', '.join(map(repr, JUDGED))})"


class RecordRow(db.Model):  # type: ignore[name-defined,misc]
    """A record: its registers (``sync.state``), and its current plain values for lists, search and figures.

    ``registers`` is null while the whole record stands in the one line that ``sole`` names; ``current`` and the columns
    behind it are null until they are made (``server.projection``), so that a push never waits for an index. ``current``
    holds no confidential value; ``folded`` is its text without tone marks; ``dated`` the local date that places it in a
    period; ``faults`` is what is wrong with a submitted record (``server.judging``), null until it was judged as it stands; ``digest``
    and ``digest_sealed`` are 16 bytes each.
    """

    __tablename__ = "record"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    stream: Mapped[str] = mapped_column(ForeignKey("stream.code"))
    type: Mapped[str] = mapped_column(String(40))
    unit: Mapped[str] = mapped_column(String(40))
    touched: Mapped[int] = mapped_column(BigInteger)
    registers: Mapped[str | None] = mapped_column(Text)
    current: Mapped[str | None] = mapped_column(Text)
    folded: Mapped[str | None] = mapped_column(Text)
    dated: Mapped[str | None] = mapped_column(String(10))
    state: Mapped[str | None] = mapped_column(String(40))
    faults: Mapped[str | None] = mapped_column(Text)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    open_count: Mapped[int] = mapped_column(default=0)
    sole: Mapped[str | None] = mapped_column(String(40))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    digest_sealed: Mapped[bytes] = mapped_column(LargeBinary(16))
    __table_args__ = (
        Index("ix_record_touched", "stream", "unit", "touched"),
        Index("ix_record_type", "type", "unit", "dated"),
        Index("ix_record_pending", "touched", sqlite_where=current.is_(None), postgresql_where=current.is_(None)),
        Index("ix_record_waiting", "stream", sqlite_where=text(WAITS["sqlite"]), postgresql_where=text(WAITS["postgresql"])),
        Index("ix_record_unjudged", "id", sqlite_where=text(UNJUDGED), postgresql_where=text(UNJUDGED)),
        Index("ix_record_open", "open_count", sqlite_where=open_count > 0, postgresql_where=open_count > 0),
    )


class PastUnit(db.Model):  # type: ignore[name-defined,misc]
    """A unit that a record was in before: its parts hold the record too. ``touched`` is the record's."""

    __tablename__ = "past_unit"
    record: Mapped[str] = mapped_column(ForeignKey("record.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(String(40), primary_key=True)
    touched: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_past_unit_touched", "unit", "touched"),)


class PartRow(db.Model):  # type: ignore[name-defined,misc]
    """The head of a part (unit, type, sealed or not): its last number and the sum of its records' digests."""

    __tablename__ = "part"
    unit: Mapped[str] = mapped_column(String(40), primary_key=True)
    type: Mapped[str] = mapped_column(String(40), primary_key=True)
    sealed: Mapped[bool] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))


class FallenValue(db.Model):  # type: ignore[name-defined,misc]
    """What a change that is no longer in force had seen at a path (JSON: past, and what it waits for)."""

    __tablename__ = "fallen"
    record: Mapped[str] = mapped_column(ForeignKey("record.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    past: Mapped[str] = mapped_column(Text)


class CatalogueRow(db.Model):  # type: ignore[name-defined,misc]
    """A catalogue that was published here, with what it carries of those before it (``texts``: zlib of JSON)."""

    __tablename__ = "catalogue"
    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(16))
    at_ms: Mapped[int] = mapped_column(BigInteger)
    texts: Mapped[bytes] = mapped_column(LargeBinary)


class Blob(db.Model):  # type: ignore[name-defined,misc]
    """A sealed value by the hash of its bytes (base64url); unreadable without its case key."""

    __tablename__ = "blob"
    hash: Mapped[str] = mapped_column(String(43), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Damage(db.Model):  # type: ignore[name-defined,misc]
    """What was found damaged or gone in these tables, and when it was healed by whom.

    ``key`` says what: ``line STREAM PLACE``, ``blob HASH``, ``record ID``, ``sums UNIT TYPE``. ``device`` is the tablet that
    brought it back; "" where this server made it anew by itself. Of a line ``log``, ``number`` and ``segment`` tell where it stands in
    its log; ``record`` and ``unit`` are "" where nothing here tells whose it was. ``body``, ``arrived_ms`` and ``verdict`` are what
    somebody brought and what cannot be put back before others come. ``exact``: its time of arrival is the one that the chain holds.
    """

    __tablename__ = "damage"
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    stream: Mapped[str] = mapped_column(String(40))
    place: Mapped[int] = mapped_column(BigInteger, default=0)
    log: Mapped[str] = mapped_column(String(11), default="")
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    segment: Mapped[int] = mapped_column(default=0)
    record: Mapped[str] = mapped_column(String(36), default="")
    unit: Mapped[str] = mapped_column(String(40), default="")
    found_ms: Mapped[int] = mapped_column(BigInteger)
    healed_ms: Mapped[int | None] = mapped_column(BigInteger)
    device: Mapped[str] = mapped_column(String(11), default="")
    exact: Mapped[bool] = mapped_column(default=True)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    arrived_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    verdict: Mapped[str] = mapped_column(String(40), default="")
    __table_args__ = (Index("ix_damage_open", "key", sqlite_where=healed_ms.is_(None), postgresql_where=healed_ms.is_(None)),)
