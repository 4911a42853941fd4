"""The audit trail: who read what confidential value and why, written before it is shown; and who changed whose rights.

Every entry holds the hash of the one before it, so that none can be taken out or changed unseen. Values are never in it.
"""

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, LargeBinary, String, Text, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.db import db, transaction
from shared.text import clean

START = hashlib.sha256(b"sen-audit/1").digest()
LONGEST_REASON = 500

__all__ = ["AuditEntry", "audit_head", "broken_at", "note", "note_reading"]


class AuditEntry(db.Model):  # type: ignore[name-defined,misc]
    """One entry. ``action`` is a word of our own, ``subject`` an id, ``fields`` codes of fields as JSON, ``why`` the person's words."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    user: Mapped[str] = mapped_column(String(11), index=True)
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(80), index=True)
    fields: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class AuditHead(db.Model):  # type: ignore[name-defined,misc]
    """The last entry's number and hash. Its one row is the lock under which entries are numbered."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


_OPEN = text("INSERT INTO audit_head (id, number, hash) VALUES (1, 0, :start) ON CONFLICT DO NOTHING")
"""The first entry's beginning; of two at once the second finds the row of the first."""


def _next(before: bytes, number: int, at_ms: int, *told: str) -> bytes:
    body = json.dumps([number, at_ms, *told], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before + body.encode("utf-8")).digest()


def note(session: Session, *, user: str, action: str, subject: str, at_ms: int, fields: Sequence[str] = (), why: str = "") -> int:
    """Write an entry in the present writing transaction; gives its number."""
    lock = update(AuditHead).where(AuditHead.id == 1).values(number=AuditHead.number + 1)
    lock_and_tell = lock.returning(AuditHead.number, AuditHead.hash)
    row = session.execute(lock_and_tell).one_or_none()
    if row is None:
        session.execute(_OPEN, {"start": START})
        row = session.execute(lock_and_tell).one()
    number, before = int(row.number), row.hash
    told = (user, action, subject, json.dumps(sorted(fields)), clean(why)[:LONGEST_REASON])
    digest = _next(before, number, at_ms, *told)
    values = dict(zip(("user", "action", "subject", "fields", "why"), told, strict=True))
    session.execute(insert(AuditEntry).values(number=number, at_ms=at_ms, hash=digest, **values))
    session.execute(update(AuditHead).where(AuditHead.id == 1).values(hash=digest))
    return number


def note_reading(*, user: str, record: str, fields: Sequence[str], why: str, at_ms: int) -> int:
    """Write that a person reads confidential values of a record; returns when it is on disk. Call it before showing them."""
    return transaction(
        lambda session: note(session, user=user, action="read", subject=record, fields=fields, why=why, at_ms=at_ms)
    )


def audit_head(session: Session) -> tuple[int, bytes]:
    """The last number and its hash."""
    row = session.execute(select(AuditHead.number, AuditHead.hash)).one_or_none()
    return (0, START) if row is None else (row.number, row.hash)


def broken_at(session: Session) -> int | None:
    """The number of the first entry that was changed, or of the first that is missing; None where the chain holds."""
    number, before = 0, START
    for row in session.scalars(select(AuditEntry).order_by(AuditEntry.number).execution_options(yield_per=1000)):
        number += 1
        told = (row.user, row.action, row.subject, row.fields, row.why)
        if row.number != number or row.hash != _next(before, number, row.at_ms, *told):
            return number
        before = row.hash
    return None if audit_head(session) == (number, before) else number + 1
