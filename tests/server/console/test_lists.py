"""What lists say: titles, days and figures in a person's words; and how many questions a page asks of the database."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from server import editing
from server.db import db
from server.records import open_record
from shared.ids import new_id
from tests.server.console.conftest import Visit, words
from tests.server.console.office import Office, activity

UUID = re.compile(r">[^<]*\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-")

RECORDS: dict[str, dict[str, Any]] = {
    "gender_statistics": {"as_of": "2022-05-25", "officials_total": 13, "officials_female": 8},
    "village_convention": {"hamlet": "long_khanh_a_long_phuoc", "reviewed_on": "2022-04-14", "discriminates": False},
    "budget": {"year": 2022, "lines": [{"id": "AAAAAAAAAAA", "item": "communication", "planned": 1_500_000}, {"id": "BBBBBBBBBBB", "item": "training", "planned": 500_000}]},
    "target": {"year": 2021},
    "periodic_report": {"period": "2021-Y", "kind": "year"},
}  # fmt: skip
SAID = {
    "gender_statistics": "Ngày chốt số liệu 25/05/2022", "village_convention": "Ấp Long Phước", "budget": "2.000.000 đồng", "target": "2021",
    "periodic_report": "Báo cáo năm 2021",
}  # fmt: skip


def rows_of(text: str) -> str:
    found = re.search(r"<tbody>(.*?)</tbody>", text, re.S)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


@pytest.mark.parametrize("code", RECORDS)
def test_a_row_is_told_in_words_not_in_codes(office: Office, visit: Visit, app: Flask, code: str) -> None:
    with app.app_context():
        office.write("lan", code, "long_khanh_a", RECORDS[code], submit=False)
    assert SAID[code] in rows_of(visit("lan").get(f"/records/of/{code}").text)


def test_a_check_bears_the_name_of_its_model_never_an_id(office: Office, visit: Visit, app: Flask) -> None:
    with app.app_context():
        model = office.write("lan", "model", "long_khanh_a", {"kind": "club_men", "name": "CLB Nam giới ấp Long Thạnh"}, submit=False)
        check = office.write("lan", "model_check", "long_khanh_a", {"model": model, "checked_on": "2022-05-24", "working": True}, submit=False)
    visitor = visit("huyen")
    for path in ("/records/of/model_check", f"/records/{check}"):
        text = visitor.get(path).text
        assert "CLB Nam giới ấp Long Thạnh" in text
        assert not UUID.search(text), path


def test_money_is_said_once(office: Office, visit: Visit, app: Flask) -> None:
    with app.app_context():
        record = office.write("lan", "communication_activity", "long_khanh_a", activity("Hội thi", "2022-05-02", 40, 20, cost=950_000))
    told = words(visit("lan").get(f"/records/{record}"))
    assert "950.000 đồng" in told
    assert "đồng đồng" not in told


def test_only_what_was_written_opens_a_folded_section(visit: Visit, office: Office) -> None:
    visitor = visit("lan")
    folded = re.findall(r'<details class="box" id="section-(\w+)">', visitor.get("/records/new/communication_activity").text)
    assert folded == ["more", "organisation"]
    assert 'id="section-more" open' in visitor.get(f"/records/{office.records['talk']}/edit").text


def statements(app: Flask, act: Callable[[], object]) -> int:
    told: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN", "SET ")):
            told.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(told)


def more_records(office: Office, count: int) -> None:
    """Activities, incidents and questions, so many of each."""
    for number in range(count):
        record = office.write("lan", "communication_activity", "long_khanh_a", activity(f"Buổi nói chuyện {number}", "2022-05-02", 40, 20))
        token = editing.pack_snapshot(open_record(office.people["lan"], record).snapshot)
        for who, total in (("lan", 41), ("thu", 42)):
            editing.save(office.people[who], record, "communication_activity", "long_khanh_a", token, {"participants_total": total})
        office.write("lan", "gbv_incident", "long_khanh_a", {
            "known_at": "2022-05-30T05:20+07:00", "violence": ["physical"], "danger_now": False,
            "victims": [{"id": new_id(), "sex": "female", "age_group": "age_25_39"}]})  # fmt: skip
        model = office.write("lan", "model", "long_khanh_a", {"kind": "club_men", "name": f"CLB {number}"}, submit=False)
        office.write("lan", "model_check", "long_khanh_a", {"model": model, "checked_on": "2022-05-24", "working": True}, submit=False)


PATHS = ("/", "/records", "/records/of/communication_activity", "/records/of/model_check", "/incidents", "/questions", "/reports", "/search?q=buoi", "/figures/2022-H1/I02", "/needs")


def test_a_page_asks_as_much_of_the_database_for_many_records_as_for_few(app: Flask, office: Office, visit: Visit) -> None:
    visitor = visit("huyen")
    with app.app_context():
        more_records(office, 3)
    for path in PATHS:
        assert visitor.get(path).status_code == 200
    few = {path: statements(app, lambda path=path: visitor.get(path)) for path in PATHS}  # type: ignore[misc]
    with app.app_context():
        more_records(office, 20)
    for path in PATHS:
        visitor.get(path)
    many = {path: statements(app, lambda path=path: visitor.get(path)) for path in PATHS}  # type: ignore[misc]
    assert many == few


def test_many_alike_are_decided_at_once(app: Flask, office: Office, visit: Visit) -> None:
    visitor = visit("huyen")
    with app.app_context():
        more_records(office, 3)
    text = visitor.get("/questions").text
    assert "4 chỗ giống nhau" in text
    items = re.findall(r'name="item" value="([^"]+)"', text)
    form = {"item": [*items, "unknown path"], "who": office.people["thu"].id, "why": "Theo danh sách ký nhận"}
    assert visit("lanhdao").post("/questions/decide", form).status_code in (303, 403)
    answer = visitor.post("/questions/decide", form)
    assert answer.status_code == 303
    told = words(visitor.get("/questions"))
    assert "Không có chỗ nào hai người ghi khác nhau" in told
    with app.app_context():
        assert open_record(office.people["lan"], items[0].split(" ")[0]).values["participants_total"] in (42, 55)


def test_many_alike_change_nothing_where_the_question_has_changed(app: Flask, office: Office, visit: Visit) -> None:
    visitor = visit("huyen")
    with app.app_context():
        more_records(office, 2)
    items = re.findall(r'name="item" value="([^"]+)"', visitor.get("/questions").text)
    stale = [" ".join(one.split(" ")[:3]) for one in items]
    assert visitor.post("/questions/decide", {"item": stale, "who": office.people["thu"].id}).status_code == 303
    assert "3 chỗ giống nhau" in words(visitor.get("/questions"))


def test_many_are_returned_for_one_reason(app: Flask, office: Office, visit: Visit) -> None:
    with app.app_context():
        more_records(office, 2)
    officer, path = visit("huyen"), "/records/of/gbv_incident"
    chosen = re.findall(r'name="record" value="([^"]+)"', officer.get(f"{path}?state=submitted").text)
    assert len(chosen) >= 2
    assert officer.post(f"{path}/move", {"record": chosen, "to": "returned"}).status_code == 422
    assert officer.post(f"{path}/move", {"record": chosen, "to": "draft", "why": "x"}).status_code in (404, 409, 422)
    assert officer.post(f"{path}/move", {"record": chosen[:2], "to": "returned", "why": "Bổ sung nơi đã báo tin"}).status_code == 303
    told = words(officer.get(f"{path}?state=returned"))
    assert "2 bản ghi" in told
    assert "Bổ sung nơi đã báo tin" in words(visit("lan").get(f"/records/{chosen[0]}/history?path=state"))
    assert visit("lan").post(f"{path}/move", {"record": chosen, "to": "accepted"}).status_code == 403
