"""Writing at the console: every kind of field of every record type, errors at their fields, nothing typed is lost."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select

from server import db
from server.audit import AuditEntry
from server.models import RecordRow
from server.records import open_record, state_of
from server.services import services
from shared.catalogue import load_catalogue
from shared.field import Field
from sync.view import plain
from tests.server.console.conftest import Visit, words
from tests.server.console.office import SECRET, Office

TYPES = load_catalogue().types
TYPED = {
    "text": "Họp tổ phụ nữ", "long": "Dòng một\nDòng hai", "int": "12", "money": "1.500.000", "decimal": "1,5", "date": "20/05/2022",
    "datetime": "20/05/2022 07:30", "bool": "1", "unit": "long_khanh_a", "period": "2022-H1", "geo": "10.81, 105.31", "url": "https://dongthap.gov.vn",
}  # fmt: skip
PLAIN: dict[str, Any] = {
    "text": "Họp tổ phụ nữ", "long": "Dòng một\nDòng hai", "int": 12, "money": 1_500_000, "decimal": 1.5, "date": "2022-05-20",
    "datetime": "2022-05-20T07:30+07:00", "bool": True, "unit": "long_khanh_a", "period": "2022-H1", "geo": [10.81, 105.31], "url": "https://dongthap.gov.vn",
}  # fmt: skip
ROW = "AAAAAAAAAAA"


def typed(one: Field) -> Any:
    return [one.choices[0].code] if one.kind == "choices" else one.choices[0].code if one.kind == "choice" else TYPED.get(one.kind)


def wanted(one: Field) -> Any:
    return typed(one) if one.kind in ("choice", "choices") else PLAIN.get(one.kind)


def sent(code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A whole form of a type as a browser sends it, and the plain values that must come of it."""
    form: dict[str, Any] = {"held": [], "go": "save"}
    values: dict[str, Any] = {}
    for name, one in TYPES[code].fields.items():
        if one.computed is not None or one.kind in ("flow", "figures", "ref", "files", "photos") or name == "unit":
            continue
        form["held"].append(name)
        if one.kind != "rows":
            form[name], values[name] = typed(one), wanted(one)
            continue
        row_id = load_catalogue().instruments[one.rows_from]["items"][0]["code"] if one.rows_from else ROW
        form[f"rows {name}"] = [row_id]
        subs = {sub: field for sub, field in one.fields.items() if field.computed is None and typed(field) is not None}
        form |= {f"{name}/{row_id}/{sub}": typed(field) for sub, field in subs.items()}
        values[name] = [{"id": row_id} | {sub: wanted(field) for sub, field in subs.items()}]
    return form, values


def test_every_field_of_every_record_type_is_kept_as_it_was_typed(app: Flask, office: Office, visit: Visit) -> None:
    """One office for all types; its clock goes on for those that begin later."""
    visitor = visit("hoa")
    for code, record_type in sorted(TYPES.items(), key=lambda pair: pair[1].valid_from or date.min):
        form, values = sent(code)
        if record_type.valid_from is not None:
            with app.app_context():
                clock = services().clock
                clock.forward(max(0, (record_type.valid_from - clock.today()).days) * 86_400)
        if record_type.sealed_by not in (None, "self"):
            form["held"].append("case")
            form["case"] = values["case"] = office.records["case"]
        visitor.get("/records")
        answer = visitor.post(f"/records/new/{code}", form)
        if record_type.by_server or (record_type.unit_kinds and "commune" not in record_type.unit_kinds):
            assert answer.status_code == 403, code
            continue
        assert answer.status_code == 303, (code, words(answer)[:2000])
        record = answer.headers["Location"].rpartition("/")[2]
        with app.app_context():
            opened = open_record(office.people["hoa"], record, why="Kiểm thử biểu mẫu")
            assert {name: value for name, value in opened.values.items() if name not in ("unit", "state")} == values, code
        assert visitor.get(f"/records/{record}").status_code == 200
        assert visitor.get(f"/records/{record}/edit?check=1").status_code == 200


def test_errors_stand_at_their_fields_and_what_was_typed_is_saved(app: Flask, visit: Visit) -> None:
    visitor = visit("lan")
    form = {"held": ["title", "held_on", "participants_total", "participants_female"], "title": "Tọa đàm", "held_on": "20/05/2022",
            "participants_total": "40", "participants_female": "60", "go": "submit"}  # fmt: skip
    visitor.get("/records/new/communication_activity")
    answer = visitor.post("/records/new/communication_activity", form, htmx=True)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    told = words(answer)
    assert "Còn 3 chỗ phải sửa trước khi gửi" in told
    place = re.search(r'id="at-participants_female".*?</div></div>', answer.text, re.S)
    assert place is not None
    assert "nhiều hơn tổng số lượt người dự" in place[0]
    assert "Cần điền mục này trước khi gửi" in re.search(r'id="at-topics".*?</fieldset>', answer.text, re.S)[0]  # type: ignore[index]
    record = answer.headers["HX-Replace-Url"].split("/")[2]
    again = visitor.get(f"/records/{record}/edit?check=1")
    assert 'value="60"' in again.text
    assert "nhiều hơn tổng số" in again.text
    without_scripts = visitor.post("/records/new/communication_activity", form)
    assert without_scripts.status_code == 303
    assert without_scripts.headers["Location"].endswith("/edit?check=1")


def test_what_cannot_be_stored_comes_back_as_it_was_typed(app: Flask, visit: Visit) -> None:
    visitor = visit("lan")
    visitor.get("/records/new/communication_activity")
    answer = visitor.post("/records/new/communication_activity", {
        "held": ["title", "held_on", "participants_total"], "title": "Tọa đàm <b>mới</b>", "held_on": "ngày mai", "participants_total": "bốn mươi", "go": "save"})  # fmt: skip
    assert answer.status_code == 422
    for part in ('value="ngày mai"', 'value="bốn mươi"', "Tọa đàm &lt;b&gt;mới&lt;/b&gt;", "Không phải ngày hợp lệ"):
        assert part in answer.text
    with app.app_context(), db.reading() as connection:
        assert connection.scalar(select(RecordRow.id).where(RecordRow.folded.contains("moi"))) is None


def test_an_event_entered_twice_is_asked_about_and_its_pages_lead_to_each_other(app: Flask, office: Office, visit: Visit) -> None:
    visitor = visit("lan")
    talk = {"held": ["title", "held_on", "form", "topics", "participants_total", "participants_female"], "held_on": "28/05/2022",
            "title": "nói chuyện chuyên đề phòng, chống bạo lực gia đình tại ấp Long Thới", "form": "community_talk", "topics": ["law"],
            "participants_total": "48", "participants_female": "30", "go": "submit"}  # fmt: skip
    visitor.get("/records/new/communication_activity")
    asked = visitor.post("/records/new/communication_activity", talk, htmx=True)
    assert "Có thể trùng với «Nói chuyện chuyên đề phòng, chống bạo lực gia đình tại ấp Long Thới» ngày 28/05/2022" in words(asked)
    record = asked.headers["HX-Replace-Url"].split("/")[2]
    assert f'href="/records/{office.records["talk"]}"' in visitor.get(f"/records/{record}").text
    page = visitor.get(f"/records/{office.records['talk']}")
    assert "Có thể trùng với" in words(page)
    assert f'href="/records/{record}"' in page.text
    assert "Có thể trùng với" not in words(visitor.get(f"/records/{office.records['draft']}"))


def test_a_warning_asks_and_is_kept_with_its_reason(app: Flask, office: Office, visit: Visit) -> None:
    visitor = visit("lan")
    incident = {"held": ["known_at", "violence", "danger_now", "victims"], "known_at": "30/05/2022 06:00", "violence": "physical", "danger_now": "1",
                "rows victims": [ROW], f"victims/{ROW}/sex": "female", f"victims/{ROW}/age_group": "age_25_39"}  # fmt: skip
    visitor.get("/records/new/gbv_incident")
    answer = visitor.post("/records/new/gbv_incident", {**incident, "go": "submit"}, htmx=True)
    codes = re.findall(r'name="keep (\w+)"', answer.text)
    assert {"danger_12_hours", "danger_told"} <= set(codes)
    record = answer.headers["HX-Replace-Url"].split("/")[2]
    token = visitor.token(f"/records/{record}/edit?check=1")
    kept = {f"keep {code}": "Đang trên đường đến" for code in codes}
    answer = visitor.post(f"/records/{record}/edit", {**incident, **kept, "token": token, "go": "submit"}, htmx=True)
    assert answer.headers["HX-Redirect"] == f"/records/{record}"
    with app.app_context():
        assert open_record(office.people["lan"], record).values["state"] == "submitted"
    assert "Đang trên đường đến" in words(visitor.get(f"/records/{record}/history?path=state"))


def test_a_form_is_drawn_anew_without_being_saved(app: Flask, visit: Visit) -> None:
    visitor, path = visit("lan"), "/records/new/communication_activity"
    page = visitor.get(path)
    assert 'id="at-school"' not in page.text
    answer = visitor.post(path, {"held": ["form", "title"], "form": "school_session", "title": "Sinh hoạt dưới cờ", "go": "look"}, htmx=True)
    assert 'id="at-school"' in answer.text
    assert 'value="Sinh hoạt dưới cờ"' in answer.text
    answer = visitor.post(path, {"held": ["speakers"], "rows speakers": [ROW], f"speakers/{ROW}/name": "Bà Sáu", "go": "add speakers"}, htmx=True)
    assert len(re.findall(r'name="rows speakers"', answer.text)) == 2
    assert 'value="Bà Sáu"' in answer.text
    with app.app_context(), db.reading() as connection:
        assert connection.scalar(select(RecordRow.id).where(RecordRow.folded.contains("duoi co"))) is None


def test_m19_who_did_not_see_a_value_does_not_overwrite_it(app: Flask, office: Office, visit: Visit) -> None:
    lan, thu, record = visit("lan"), visit("thu"), office.records["draft"]
    token_lan, token_thu = lan.token(f"/records/{record}/edit"), thu.token(f"/records/{record}/edit")
    for visitor, token, title in ((lan, token_lan, "Tọa đàm A"), (thu, token_thu, "Tọa đàm B")):
        answer = visitor.post(f"/records/{record}/edit", {"held": ["title"], "title": title, "token": token, "go": "save"})
        assert answer.status_code == 303
    with app.app_context(), db.reading() as connection:
        state = state_of(connection, record)
        assert {value.value for value in state.registers["title"].values} == {"Tọa đàm A", "Tọa đàm B"}
    assert "Tọa đàm B" in words(lan.get("/questions"))


def test_t09_a_forged_or_missing_token_changes_nothing(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("lan"), office.records["draft"]
    for token in ("", "eyJhIjoxfQ.forged"):
        answer = visitor.post(f"/records/{record}/edit", {"held": ["title"], "title": "Giả", "token": token, "go": "save"})
        assert answer.status_code == 409
        assert "Biểu mẫu này đã cũ" in words(answer)
    answer = visitor.client.post(f"/records/{record}/edit", data={"held": ["title"], "title": "Giả", "go": "save"})
    assert answer.status_code == 400
    with app.app_context():
        assert open_record(office.people["lan"], record).values["title"] == "Tọa đàm nam giới chia sẻ việc nhà"


def test_who_may_not_write_gets_no_form(visit: Visit, office: Office) -> None:
    for login in ("huyen", "lanhdao", "sep"):
        visitor = visit(login)
        assert visitor.get("/records/new/communication_activity").status_code == 403
        assert visitor.get(f"/records/{office.records['talk']}/edit").status_code == 403
    assert visit("lan").post("/records/new/communication_activity", {"unit": "long_thuan", "go": "save", "held": "title", "title": "x"}).status_code == 403


def test_t11_confidential_content_opens_with_a_reason_and_is_audited(app: Flask, office: Office, visit: Visit) -> None:
    visitor, case = visit("hoa"), office.records["case"]
    assert SECRET not in visitor.get(f"/records/{case}").text
    assert SECRET not in visitor.get(f"/records/{case}/edit").text
    assert visitor.post(f"/records/{case}/open", {"why": "  "}).status_code == 422
    answer = visitor.post(f"/records/{case}/open", {"why": "Chuẩn bị buổi thăm ngày 31/5"})
    assert SECRET in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    with app.app_context():
        entries = db.db.session.scalars(select(AuditEntry).where(AuditEntry.action == "read", AuditEntry.subject == case)).all()
        assert [entry.why for entry in entries] == ["Chuẩn bị buổi thăm ngày 31/5"]
        assert "full_name" in json.loads(entries[0].fields)
        assert entries[0].user == office.people["hoa"].id
    for login in ("lan", "huyen", "sep", "lanhdao"):
        assert visit(login).post(f"/records/{case}/open", {"why": "Tò mò"}).status_code == 404, login
        assert SECRET not in visit(login).get("/records/of/gbv_case").text


def test_confidential_content_is_edited_without_being_lost(app: Flask, office: Office, visit: Visit) -> None:
    visitor, case = visit("hoa"), office.records["case"]
    token = visitor.token(f"/records/{case}/edit")
    visitor.post(f"/records/{case}/edit", {"held": ["code"], "code": "HS-2022-09", "token": token, "go": "save"})
    page = visitor.post(f"/records/{case}/edit", {"go": "open", "why": "Sửa số điện thoại"})
    assert f'value="{SECRET}"' in page.text
    token = re.search(r'name="token" value="([^"]*)"', page.text)[1]  # type: ignore[index]
    answer = visitor.post(f"/records/{case}/edit", {
        "held": ["full_name", "phone"], "full_name": SECRET, "phone": "0900 000 000", "token": token, "confidential": "1", "go": "save"})  # fmt: skip
    assert answer.status_code == 303
    with app.app_context():
        values = open_record(office.people["hoa"], case, why="Kiểm tra").values
        assert (values["full_name"], values["phone"], values["code"]) == (SECRET, "0900 000 000", "HS-2022-09")
        with db.reading() as connection:
            state = state_of(connection, case)
        assert len(state.registers["full_name"].values[0].origins) == 1
        row = db.db.session.get_one(RecordRow, case)
        assert SECRET not in f"{row.registers}{row.current}{row.folded}"


def test_b12_b15_a_photo_loses_its_place_and_a_file_comes_back_whole(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("lan"), office.records["draft"]
    picture, out = Image.new("RGB", (40, 30), "teal"), io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "ấp Long Thới, nhà bà Mẫu"
    picture.save(out, "JPEG", exif=exif)
    token = visitor.token(f"/records/{record}/edit")
    answer = visitor.client.post(f"/records/{record}/edit", data={
        "csrf_token": visitor.csrf, "token": token, "held": ["photos", "attachments"], "go": "save",
        "new photos": (io.BytesIO(out.getvalue()), "ảnh.jpg"), "new attachments": (io.BytesIO(b"%PDF-1.4 mau"), "../../kế hoạch.pdf")})  # fmt: skip
    assert answer.status_code == 303
    with app.app_context():
        values = open_record(office.people["lan"], record).values
    photo, file = values["photos"][0], values["attachments"][0]
    assert file["name"] == "kế hoạch.pdf"
    told = visitor.get(f"/records/{record}/files/{photo['sha256']}")
    assert not Image.open(io.BytesIO(told.data)).getexif()
    assert visitor.get(f"/records/{record}/files/{file['sha256']}").data == b"%PDF-1.4 mau"
    assert visitor.get(f"/records/{record}/files/{'0' * 64}").status_code == 404
    assert visit("thuan").get(f"/records/{record}/files/{file['sha256']}").status_code == 404
    bad = visitor.client.post(f"/records/{record}/edit", data={
        "csrf_token": visitor.csrf, "token": visitor.token(f"/records/{record}/edit"), "held": "photos", "go": "save", "new photos": (io.BytesIO(b"not a picture"), "x.jpg")})  # fmt: skip
    assert bad.status_code in (400, 422)


def test_withdrawing_needs_a_reason(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("lan"), office.records["draft"]
    assert visitor.post(f"/records/{record}/withdraw", {"why": ""}).status_code == 422
    assert visitor.post(f"/records/{record}/withdraw", {"why": "Ghi trùng"}).status_code == 303
    assert "3 bản ghi" in words(visitor.get("/records/of/communication_activity")) or "2 bản ghi" in words(visitor.get("/records/of/communication_activity"))
    assert "Tọa đàm nam giới" in words(visitor.get("/records/of/communication_activity?state=withdrawn"))
    assert "Đã rút" in words(visitor.get(f"/records/{record}"))


def test_plain_values_agree_with_the_line_that_was_written(app: Flask, office: Office) -> None:
    with app.app_context(), db.reading() as connection:
        state = state_of(connection, office.records["talk"])
        assert plain(state, services().catalogue.types["communication_activity"])["topics"] == ["gbv", "law"]
