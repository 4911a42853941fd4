"""The tables of what this server tells the server above it, and of what that one told.

They hold nothing but what crosses (``shared.upward``): own lines, the told state of each record with its mirror, the runs of others
that a restored server above may want back.
"""

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db import db

__all__ = ["UpwardLine", "UpwardLog", "UpwardNote", "UpwardPast", "UpwardRecord", "UpwardRun"]


class UpwardNote(db.Model):  # type: ignore[name-defined,misc]
    """A small named value in JSON: cursors, scope, versions, the clock."""

    __tablename__ = "upward_note"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class UpwardLog(db.Model):  # type: ignore[name-defined,misc]
    """A log that this server writes for the one above: its head, how far that one has read it, whether it is closed."""

    __tablename__ = "upward_log"
    id: Mapped[str] = mapped_column(String(11), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    chain: Mapped[bytes] = mapped_column(LargeBinary(32))
    acknowledged: Mapped[int] = mapped_column(BigInteger)
    closed: Mapped[bool] = mapped_column(default=False)


class UpwardLine(db.Model):  # type: ignore[name-defined,misc]
    """A line by its name: an own one (``before`` is h(number - 1)) or a pulled one. ``settled``: the told state holds it;
    ``aside``: why the server above set it aside, or "".
    """

    __tablename__ = "upward_line"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    log: Mapped[str] = mapped_column(String(11))
    number: Mapped[int] = mapped_column(BigInteger)
    record: Mapped[str] = mapped_column(String(36))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    own: Mapped[bool]
    before: Mapped[bytes] = mapped_column(LargeBinary(32), default=b"")
    settled: Mapped[bool] = mapped_column(default=True)
    aside: Mapped[str] = mapped_column(String(40), default="")
    __table_args__ = (
        Index("ix_upward_line_log", "log", "number"),
        Index("ix_upward_line_settled", "settled"),
    )


class UpwardRecord(db.Model):  # type: ignore[name-defined,misc]
    """A record up there: its told registers (JSON, or null while it is only told by us), their digest, its mirror (JSON, or null) and
    whether somebody touched it there since the mirror was last looked at.
    """

    __tablename__ = "upward_record"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    units: Mapped[str] = mapped_column(Text)
    told: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    mirror: Mapped[str | None] = mapped_column(Text)
    touched: Mapped[bool]


class UpwardRun(db.Model):  # type: ignore[name-defined,misc]
    """A pulled run with the proof of the server above, for the day on which that one is restored; ``owed`` while it wants it back."""

    __tablename__ = "upward_run"
    proof: Mapped[str] = mapped_column(String(22), primary_key=True)
    log: Mapped[str] = mapped_column(String(11), index=True)
    first: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int]
    before: Mapped[bytes] = mapped_column(LargeBinary(32))
    hashes: Mapped[bytes] = mapped_column(LargeBinary)
    arrivals: Mapped[str] = mapped_column(Text)
    owed: Mapped[bool] = mapped_column(default=False)


class UpwardPast(db.Model):  # type: ignore[name-defined,misc]
    """What the server above told of what a change had seen at a path (JSON: names)."""

    __tablename__ = "upward_past"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    path: Mapped[str] = mapped_column(String(200), primary_key=True)
    names: Mapped[str] = mapped_column(Text)
