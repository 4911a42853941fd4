"""The audit trail: a chain that shows what was changed, taken out or cut off."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from server import audit
from server.audit import AuditEntry, AuditHead, note_reading
from server.db import db, transaction
from shared.ids import new_record_id


def read_some(count: int) -> None:
    for number in range(count):
        note_reading(user="user-id-abc", record=new_record_id(), fields=("victim_name", "address"), why=f"Lý do {number}", at_ms=number)


def broken() -> int | None:
    with Session(db.engine) as session:
        return audit.broken_at(session)


def test_p09_a_reading_is_written_with_who_what_and_why(app: Flask) -> None:
    with app.app_context():
        record = new_record_id()
        assert note_reading(user="user-id-abc", record=record, fields=("b", "a"), why="Hỗ trợ\0", at_ms=5) == 1
        with Session(db.engine) as session:
            row = session.scalars(select(AuditEntry)).one()
            assert (row.user, row.action, row.subject, row.fields, row.why, row.at_ms) == (
                "user-id-abc", "read", record, '["a", "b"]', "Hỗ trợ", 5,
            )  # fmt: skip
            assert audit.audit_head(session) == (1, row.hash)
        assert broken() is None


@pytest.mark.parametrize(("change", "at"), [
    (update(AuditEntry).where(AuditEntry.number == 3).values(why="khác"), 3),
    (update(AuditEntry).where(AuditEntry.number == 3).values(user="another-one"), 3),
    (delete(AuditEntry).where(AuditEntry.number == 2), 2),
    (delete(AuditEntry).where(AuditEntry.number == 5), 5),
    (update(AuditHead).values(number=4), 6),
])  # fmt: skip
def test_p09_t11_an_entry_changed_or_removed_by_sql_is_found(app: Flask, change: object, at: int) -> None:
    with app.app_context():
        read_some(5)
        assert broken() is None
        transaction(lambda session: session.execute(change))  # type: ignore[call-overload]
        assert broken() == at


def test_entries_of_many_at_once_have_numbers_without_a_gap(app: Flask) -> None:
    def work() -> None:
        with app.app_context():
            read_some(5)

    with app.app_context():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Session(db.engine) as session:
            assert list(session.scalars(select(AuditEntry.number).order_by(AuditEntry.number))) == list(range(1, 21))
        assert broken() is None


def test_a_transaction_that_fails_leaves_no_entry(app: Flask) -> None:
    def work(session: Session) -> None:
        audit.note(session, user="u", action="read", subject="x", at_ms=1)
        raise ZeroDivisionError

    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            transaction(work)
        with Session(db.engine) as session:
            assert audit.audit_head(session)[0] == 0
