"""B21: a form that is sent twice, or again after the way back, makes one record; what was typed last stands."""

from __future__ import annotations

import html
import re
import threading

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from server import db
from server.models import RecordRow
from server.people import User
from server.records import open_record
from shared.ids import new_record_id
from tests.server.console.conftest import Visit, words
from tests.server.console.office import Office

NEW = "/records/new/communication_activity"
TYPED = {"held": ["title", "participants_total"], "title": "Tọa đàm ở chợ", "participants_total": "40", "go": "save"}
FRESH = re.compile(r'name="record" value="([^"]+)"')


def count(app: Flask) -> int:
    with app.app_context(), db.reading() as connection:
        return connection.scalar(select(func.count()).select_from(RecordRow)) or 0


def fresh(page: str) -> str:
    found = FRESH.search(page)
    assert found is not None
    return html.unescape(found[1])


def test_b21_a_second_tap_and_the_way_back_make_one_record(app: Flask, office: Office, visit: Visit) -> None:
    visitor, before = visit("lan"), count(app)
    record = fresh(visitor.get(NEW).text)
    first = visitor.post(NEW, {**TYPED, "record": record})
    second = visitor.post(NEW, {**TYPED, "record": record})
    assert first.headers["Location"] == second.headers["Location"] == f"/records/{record}"
    assert visitor.post(NEW, {**TYPED, "record": record, "participants_total": "45"}).status_code == 303
    assert count(app) == before + 1
    with app.app_context():
        opened = open_record(office.people["lan"], record)
    assert opened.values["participants_total"] == 45
    assert opened.questions == []
    told = words(visitor.get(f"/records/{record}/history?path=participants_total"))
    assert "45" in told
    assert "40" in told


def test_b21_sent_twice_at_once_it_is_one_record(app: Flask, office: Office, visit: Visit) -> None:
    visitor, before = visit("lan"), count(app)
    record = fresh(visitor.get(NEW).text)
    form = {**TYPED, "record": record, "csrf_token": visitor.csrf}
    cookie = visitor.client.get_cookie("sen")
    assert cookie is not None
    clients = [app.test_client() for _ in range(4)]
    for client in clients:
        client.set_cookie("sen", cookie.value)
    statuses: list[int] = []
    together = threading.Barrier(len(clients))

    def send(client: FlaskClient) -> None:
        together.wait()
        statuses.append(client.post(NEW, data=form).status_code)

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [303] * len(clients)
    assert count(app) == before + 1
    with app.app_context():
        assert open_record(office.people["lan"], record).questions == []


def test_b21_two_open_forms_are_two_records(app: Flask, visit: Visit) -> None:
    visitor, before = visit("lan"), count(app)
    for record in (fresh(visitor.get(NEW).text), fresh(visitor.get(NEW).text)):
        assert visitor.post(NEW, {**TYPED, "record": record}).status_code == 303
    assert count(app) == before + 2


def test_b21_a_form_does_not_go_on_where_somebody_else_has_written(app: Flask, office: Office, visit: Visit) -> None:
    lan, thu = visit("lan"), visit("thu")
    record = fresh(lan.get(NEW).text)
    lan.post(NEW, {**TYPED, "record": record})
    token = thu.token(f"/records/{record}/edit")
    assert thu.post(f"/records/{record}/edit", {"held": "participants_total", "participants_total": "50", "token": token, "go": "save"}).status_code == 303
    answer = lan.post(NEW, {**TYPED, "record": record, "participants_total": "60"})
    assert answer.status_code == 409
    with app.app_context():
        assert open_record(office.people["lan"], record).values["participants_total"] == 50


def test_b21_a_confidential_record_sent_twice_stays_one(app: Flask, office: Office, visit: Visit) -> None:
    visitor, path = visit("hoa"), "/records/new/gbv_case"
    record = fresh(visitor.get(path).text)
    form = {"held": ["code", "full_name"], "code": "HS-2022-07", "full_name": "Người không có thật", "record": record, "go": "save"}
    assert visitor.post(path, form).status_code == 303
    assert visitor.post(path, {**form, "full_name": "Người không có thật B"}).status_code == 303
    with app.app_context():
        opened = open_record(office.people["hoa"], record, why="Kiểm thử gửi hai lần")
    assert opened.values["full_name"] == "Người không có thật B"
    assert opened.questions == []


def test_b21_the_id_of_a_foreign_record_opens_nothing(app: Flask, office: Office, visit: Visit) -> None:
    for record in (office.records["talk"], office.records["report long_thuan"]):
        answer = visit("thuan").post(NEW, {**TYPED, "record": record})
        assert answer.status_code == 404, record
    before = count(app)
    assert visit("lan").post(NEW, {**TYPED, "record": "../not-an-id"}).status_code == 303
    assert visit("lan").post(NEW, {**TYPED, "record": new_record_id()}).status_code == 303
    assert count(app) == before + 2


def test_b21_rows_that_were_typed_come_back_when_the_form_is_drawn_from_what_was_kept(visit: Visit) -> None:
    """What the browser keeps of a form is drawn by the server as ``look``: same id, same rows, nothing saved."""
    visitor, record = visit("lan"), new_record_id()
    row = "AAAAAAAAAAA"
    kept = {"held": ["title", "speakers"], "title": "Gõ dở", "rows speakers": row, f"speakers/{row}/name": "Bà Bảy", "record": record, "go": "look"}
    answer = visitor.post(NEW, kept, htmx=True)
    assert answer.status_code == 200
    assert fresh(answer.text) == record
    for part in ('value="Gõ dở"', 'value="Bà Bảy"', f'name="rows speakers" value="{row}"'):
        assert part in answer.text
    assert visitor.get(f"/records/{record}").status_code == 404


def test_a_user_is_named_so_that_kept_text_is_given_to_nobody_else(visit: Visit, office: Office) -> None:
    user: User = office.people["lan"]
    assert f'data-me="{user.id}"' in visit("lan").get("/").text
