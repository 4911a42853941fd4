"""Needs: asked with a reason, granted by a second person who answers for the case, for some days; all of it audited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from server.access import may_see_confidential
from server.audit import AuditEntry
from server.db import db, transaction, writing
from server.models import RecordRow, StreamRow
from server.needs import LONGEST_DAYS, ask_need, end_need, grant_need, open_needs
from server.people import Grant, User
from server.services import services
from shared.errors import SenError
from shared.ids import new_record_id
from tests.server.conftest import AddUser

TODAY = date(2022, 5, 30)
REASON = "Thẩm định hồ sơ hỗ trợ khẩn cấp"


def default_of(column: Any) -> Any:
    """Something for a column that must not be null."""
    kind = column.type.python_type
    return {str: "{}", int: 0, bool: False, bytes: b"\0" * 16}[kind]


@pytest.fixture
def case(app: Flask) -> str:
    """The id of a case of Long Khánh A; its row alone, as the guard and the needs read it."""
    record = new_record_id()
    told = {"id": record, "stream": "hong_ngu", "type": "gbv_case", "unit": "long_khanh_a"}
    for column in RecordRow.__table__.columns:
        if column.name not in told and not column.nullable:
            told[column.name] = default_of(column)
    with app.app_context(), writing() as connection:
        connection.execute(insert(StreamRow).values(code="hong_ngu", number=0, hash=b"0"))
        connection.execute(insert(RecordRow).values(told))
    return record


Act = Callable[[Callable[[Session], Any]], Any]


@pytest.fixture
def act(app: Flask) -> Act:
    """Run something in a writing transaction of the app."""

    def run(work: Callable[[Session], Any]) -> Any:
        with app.app_context():
            return transaction(work)

    return run


def sees(app: Flask, user: User, case: str) -> bool:
    with app.app_context(), Session(db.engine) as session:
        return may_see_confidential(session, user, "long_khanh_a", "gbv_case", case)


def ask(act: Act, user: User, case: str, reason: str = REASON) -> Grant:
    return act(lambda session: ask_need(session, user, case, reason, now_ms=1))  # type: ignore[no-any-return]


def grant(act: Act, by: User, need: Grant, days: int = 7) -> None:
    act(lambda session: grant_need(session, by, session.get_one(Grant, need.id), since=TODAY, until=TODAY + timedelta(days=days), now_ms=2))


def test_t11_a_need_is_granted_by_a_second_person(app: Flask, act: Act, add_person: AddUser, case: str) -> None:
    officer, worker = add_person("huyen", "district_officer@hong_ngu"), add_person("hoa", "case_worker@long_khanh_a")
    need = ask(act, officer, case)
    assert not sees(app, officer, case)
    assert [one.id for one in act(lambda session: open_needs(session, worker))] == [need.id]
    assert act(lambda session: open_needs(session, officer)) == []
    with pytest.raises(SenError, match="grant_second_person"):
        grant(act, officer, need)
    grant(act, worker, need)
    assert sees(app, officer, case)
    assert not sees(app, officer, new_record_id())
    with pytest.raises(SenError, match="grant_not_open"):
        grant(act, worker, need)
    with app.app_context():
        act(lambda session: end_need(session, services().keys, worker, session.get_one(Grant, need.id), now_ms=3))
    assert not sees(app, officer, case)
    with app.app_context(), Session(db.engine) as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
        assert [entry.action for entry in entries] == ["need_ask", "need_grant", "need_end"]
        assert entries[0].why == REASON
        assert ("grant", need.id, 3) in services().keys.ended()


@pytest.mark.parametrize(("role", "fault"), [
    ("admin@hong_ngu", "not_found"), ("district_officer@hong_ngu", "grant_second_person"), ("case_worker@long_khanh_b", "not_found"),
    ("collector@long_khanh_a", "grant_second_person"), ("viewer@hong_ngu", "not_found"),
])  # fmt: skip
def test_t11_who_does_not_answer_for_the_case_grants_nothing(act: Act, add_person: AddUser, case: str, role: str, fault: str) -> None:
    need = ask(act, add_person("huyen", "district_officer@hong_ngu"), case)
    with pytest.raises(SenError, match=fault):
        grant(act, add_person("khac", role), need)


@pytest.mark.parametrize(("role", "fault"), [
    ("admin@hong_ngu", "not_found"), ("collector@long_khanh_a", "no_access"), ("collector@long_khanh_b", "not_found"), ("district_lead@hong_ngu", "no_access"),
])  # fmt: skip
def test_t05_who_may_not_ask(act: Act, add_person: AddUser, case: str, role: str, fault: str) -> None:
    with pytest.raises(SenError, match=fault):
        ask(act, add_person("khac", role), case)


@pytest.mark.parametrize("days", [-1, LONGEST_DAYS + 1])
def test_a_need_has_a_first_and_a_last_day(act: Act, add_person: AddUser, case: str, days: int) -> None:
    need = ask(act, add_person("huyen", "district_officer@hong_ngu"), case)
    with pytest.raises(SenError, match="grant_dates"):
        grant(act, add_person("sep", "unit_lead@long_khanh_a"), need, days)


@pytest.mark.parametrize("reason", ["", "xem", "x" * 501])
def test_a_need_has_a_reason(act: Act, add_person: AddUser, case: str, reason: str) -> None:
    with pytest.raises(SenError, match="grant_reason"):
        ask(act, add_person("huyen", "district_officer@hong_ngu"), case, reason)
