"""Submitted records are judged behind the push that brought them; what is wrong is kept beside the record and told to the district.

Real tablets on their stores at the real app: a form lets nobody submit what is wrong, but two people's answers may meet.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from mobile.tablet import Tablet
from server.db import db, reading, writing
from server.housekeeping import Housekeeper, lines_came
from server.judging import FAULTLESS, judge
from server.models import RecordRow
from server.people import User
from tests.mobile.test_forms import NAME, case
from tests.server.conftest import AddUser
from tests.server.test_damage import edit, look, sync
from tests.server.test_scope import HERE, Enrol, enrol, written

__all__ = ["enrol"]

Signed = Callable[[User], FlaskClient]


def submit(tablet: Tablet, record: str) -> None:
    """Send a record in, as «Gửi» does."""
    presenter = SubmitPresenter(tablet)
    presenter.show(record)
    assert [one for one in presenter.findings() if not one.warning] == []
    presenter.submit()
    tablet.forms.close_all()


def kept(app: Flask, record: str) -> str | None:
    """The judgement that stands beside a record."""
    with app.app_context(), reading() as connection:
        return connection.execute(select(RecordRow.faults).where(RecordRow.id == record)).scalar_one()


def judged(app: Flask) -> int:
    """Judge what waits; gives how many records."""
    with app.app_context():
        return judge()


@pytest.fixture
def met(app: Flask, add_person: AddUser, enrol: Enrol) -> tuple[Tablet, str]:
    """One officer sends a record in while another, without a network, writes more women than there were people."""
    a, b = (enrol(add_person(one, f"collector@{HERE}"), HERE) for one in ("lan", "hoa"))
    record = written(a)
    sync(a, b)
    submit(a, record)
    edit(b, record, "participants_female", 70)
    sync(a)
    assert judged(app) == 1 and kept(app, record) == FAULTLESS
    sync(b, a)
    return b, record


def test_what_two_officers_made_wrong_is_found_told_and_mended(
    app: Flask, met: tuple[Tablet, str], add_person: AddUser, sign_in: Signed
) -> None:
    tablet, record = met
    district = sign_in(add_person("huyen", "district_officer@hong_ngu"))
    lists = "/records/of/communication_activity?state=faulty"
    assert kept(app, record) is None, "a judgement is forgotten with a change"
    assert "Không có bản ghi nào" in district.get(lists).text
    assert judged(app) == 1 and judged(app) == 0
    (fault,) = json.loads(kept(app, record) or "")
    assert (fault["path"], fault["code"]) == ("participants_female", "female_le_total")
    page = district.get(f"/records/{record}").text
    assert "Đã gửi mà còn thiếu, sai:" in page and fault["vi"] in page and "70" in fault["vi"]
    assert "1 chỗ thiếu, sai" in district.get(lists).text
    with district.session_transaction() as session:
        session["lang"] = "en"
    english = district.get(f"/records/{record}").text
    assert "Submitted, with something missing or wrong:" in english and fault["en"] in english and fault["vi"] not in english
    edit(tablet, record, "participants_female", 50)
    sync(tablet)
    assert judged(app) == 1 and kept(app, record) == FAULTLESS
    assert "something missing or wrong:" not in district.get(f"/records/{record}").text


def test_the_way_of_a_push_judges_nothing_and_drafts_are_not_judged(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    tablet = enrol(add_person("lan", f"collector@{HERE}"), HERE)
    draft, sent = written(tablet, title="Họp ấp (dữ liệu mẫu)", held_on="2022-05-24"), written(tablet)
    submit(tablet, sent)
    sync(tablet)
    assert kept(app, draft) is None and kept(app, sent) is None
    assert judged(app) == 1
    assert kept(app, draft) is None and kept(app, sent) == FAULTLESS


def test_a_case_is_judged_without_being_opened(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    tablet = enrol(add_person("lan", f"case_worker@{HERE}"), HERE)
    record = case(FormPresenter(tablet))
    submit(tablet, record)
    sync(tablet)
    assert judged(app) == 1
    told = kept(app, record) or ""
    assert not any(one["path"] in ("full_name", "safe_contact") for one in json.loads(told)), "what is sealed counts as given"
    assert NAME not in told


def test_f52_a_damaged_record_waits_and_a_damaged_judgement_is_made_anew(app: Flask, met: tuple[Tablet, str]) -> None:
    _, record = met
    judged(app)
    right = kept(app, record)
    for column, harm in (("registers", "{"), ("faults", None)):
        with app.app_context(), writing() as connection:
            connection.execute(update(RecordRow).where(RecordRow.id == record).values({column: harm}))
    assert judged(app) == 0 and kept(app, record) is None
    look(app)
    assert judged(app) == 1 and kept(app, record) == right
    with app.app_context(), writing() as connection:
        connection.execute(update(RecordRow).where(RecordRow.id == record).values(faults=FAULTLESS))
    look(app)
    assert kept(app, record) == right


def test_the_housekeeper_judges_what_came_before_it_began_and_after(app: Flask, met: tuple[Tablet, str]) -> None:
    tablet, record = met
    done = threading.Event()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE record SET faults"):
            done.set()

    with app.app_context():
        event.listen(db.engine, "after_cursor_execute", note)
        housekeeper = app.extensions["sen-housekeeper"] = Housekeeper(app)
    housekeeper.start()
    try:
        assert done.wait(60)
        done.clear()
        edit(tablet, record, "participants_female", 50)
        sync(tablet)
        with app.app_context():
            lines_came()  # as a server does once the answer has left
        assert done.wait(60)
    finally:
        housekeeper.stop()
    assert kept(app, record) == FAULTLESS
