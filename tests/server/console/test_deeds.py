"""What people do at the console beside writing: sign in, decide, acknowledge, return, accept, consolidate, administer."""

from __future__ import annotations

import io
import re

import docx
import openpyxl
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from server import db
from server.people import Device, EnrolmentCode, User, give_role, set_password
from server.records import open_record
from server.services import services
from tests.server.console.conftest import TOKEN, Visit, Visitor, words
from tests.server.console.office import PASSWORD, PERIOD, Office

REPORT = f"/reports/{PERIOD}/long_thuan"


def password_of(app: Flask, user: User, password: str) -> None:
    with app.app_context():
        db.transaction(lambda session: set_password(session, session.get_one(User, user.id), password))


def test_signing_in_and_out(app: Flask, office: Office, client: FlaskClient) -> None:
    password_of(app, office.people["huyen"], PASSWORD)
    visitor = Visitor(client)
    answer = visitor.get("/records")
    assert answer.headers["Location"] == "/sign-in?next=/records"
    page = visitor.get(answer.headers["Location"])
    assert TOKEN.search(page.text)
    wrong = visitor.post("/sign-in", {"login": "huyen", "password": "sai", "next": "/records"})
    assert wrong.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng" in words(wrong)
    assert 'value="huyen"' in wrong.text
    right = visitor.post("/sign-in", {"login": "HUYEN", "password": PASSWORD, "next": "//elsewhere.example"})
    assert right.headers["Location"] == "/"
    assert "Phạm Thị Chuyên Viên" in words(visitor.get("/"))
    assert visitor.get("/session/token").mimetype == "text/plain"
    assert visitor.post("/sign-out").headers["Location"] == "/sign-in"
    assert visitor.get("/").status_code == 302
    fragment = visitor.get("/records/of/broadcast", htmx=True)
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (401, "/sign-in")


def question(visitor: Visitor, record: str) -> tuple[str, str]:
    """The path and the seen names of a record's question, as the page carries them."""
    page = visitor.get(f"/records/{record}").text
    path, seen = re.search(r'name="path" value="([^"]+)"', page), re.search(r'name="seen" value="([^"]+)"', page)
    assert path is not None
    assert seen is not None
    return path[1], seen[1]


def test_a_question_is_decided_with_one_of_the_values(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("huyen"), office.records["talk"]
    told = words(visitor.get("/questions"))
    for part in ("Đang dùng 52 Nguyễn Thị Mẫu · ghi tại máy tính", "Người kia ghi 55 Trần Văn Thử", "Giữ 52", "Dùng 55", "Giá trị khác"):
        assert part in told
    path, seen = question(visitor, record)
    answer = visitor.post(f"/records/{record}/decide", {"path": path, "seen": seen, "go": "1", "why": "Đếm lại theo danh sách"})
    assert answer.headers["Location"] == "/questions"
    told = words(visitor.get("/questions"))
    assert "Đã ghi quyết định" in told
    assert "Không có chỗ nào hai người ghi khác nhau" in told
    with app.app_context():
        assert open_record(office.people["huyen"], record).values["participants_total"] == 55
    history = words(visitor.get(f"/records/{record}/history?path=participants_total"))
    assert "Quyết định 55" in history
    assert "Lý do: Đếm lại theo danh sách" in history


def test_a_question_is_decided_with_a_third_value(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("thu"), office.records["talk"]
    path, seen = question(visitor, record)
    third = f"third {record} {path}"
    for typed, status in (("", 400), ("nhiều", 400), ("54", 303)):
        assert visitor.post(f"/records/{record}/decide", {"path": path, "seen": seen, "go": "third", third: typed}).status_code == status
    with app.app_context():
        assert open_record(office.people["thu"], record).values["participants_total"] == 54


def test_a_decision_on_what_has_changed_is_refused(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("huyen"), office.records["talk"]
    path, seen = question(visitor, record)
    for told in ({"path": path, "seen": seen.split()[0], "go": "0"}, {"path": "title", "seen": seen, "go": "0"}, {"path": path, "seen": seen, "go": "7"}):
        answer = visitor.post(f"/records/{record}/decide", told)
        assert answer.status_code == 400
        assert "Vừa có thay đổi ở mục này" in words(answer)
    assert visit("lanhdao").get("/questions").status_code == 200


def test_an_incident_is_acknowledged_and_answered(app: Flask, office: Office, visit: Visit) -> None:
    visitor, record = visit("huyen"), office.records["incident"]
    told = words(visitor.get("/incidents"))
    for part in ("còn 9 giờ", "hạn 12 giờ", "Thể chất", "Công an 113", "máy chủ nhận 30/05/2022 08:00"):
        assert part in told
    waiting = words(visit("lan").get("/incidents"))
    assert "Máy chủ đã nhận, chờ cấp trên tiếp nhận" in waiting
    assert visit("lan").post(f"/records/{record}/acknowledge", {"reply": "x"}).status_code == 403
    assert visitor.post(f"/records/{record}/acknowledge", {"reply": "Cử cán bộ xuống ngay."}).status_code == 303
    told = words(visit("lan").get("/incidents"))
    assert "Cấp trên đã tiếp nhận lúc 30/05/2022 08:00 (Phạm Thị Chuyên Viên)" in told
    assert "Cử cán bộ xuống ngay." in told
    assert "Vụ việc chưa tiếp nhận 0" in words(visitor.get("/"))
    with app.app_context():
        before = open_record(office.people["huyen"], record).values["district_ack_at"]
    visitor.post(f"/records/{record}/acknowledge", {"reply": "Báo lại trước 17 giờ."})
    with app.app_context():
        assert open_record(office.people["huyen"], record).values["district_ack_at"] == before
    assert visitor.post(f"/records/{office.records['talk']}/acknowledge", {}).status_code == 404


def test_a_report_is_returned_with_reasons_mended_and_accepted(app: Flask, office: Office, visit: Visit) -> None:
    officer, unit, head, record = visit("huyen"), visit("thuan"), visit("thuansep"), office.records["report long_thuan"]
    page = officer.get(REPORT)
    told = words(page)
    for part in ("Xã Long Thuận Đã gửi gửi lúc 30/05/2022 08:00", "Các ấp chủ động", "Phụ lục III", "Kỳ này Kỳ trước", "Tiếp nhận báo cáo"):
        assert part in told
    assert re.search(r'href="/figures/2022-H1/I0[12]\?unit=long_thuan">', page.text)
    empty = officer.post(f"{REPORT}/return", {"why": " "})
    assert empty.status_code == 422
    assert "Ghi lý do để đơn vị biết cần bổ sung gì" in words(empty)
    assert officer.post(f"{REPORT}/return", {"why": "Bổ sung số liệu tập huấn."}).status_code == 303
    assert "Trả lại để bổ sung: Bổ sung số liệu tập huấn." in words(unit.get(REPORT))
    assert officer.post(f"{REPORT}/accept").status_code == 409
    token = unit.token(f"/records/{record}/edit")
    unit.post(f"/records/{record}/edit", {"held": "limits", "limits": "Chưa mở lớp tập huấn.", "token": token, "go": "save"})
    assert unit.post(f"{REPORT}/move", {"to": "submitted"}).status_code == 409
    assert head.post(f"{REPORT}/move", {"to": "approved"}).status_code == 303
    assert unit.post(f"{REPORT}/move", {"to": "submitted"}).status_code == 303
    answer = officer.post(f"{REPORT}/accept")
    assert answer.status_code == 303
    assert "Đã tiếp nhận báo cáo và 1 bản ghi" in words(officer.get(REPORT))
    assert "Truyền thông Luật Bình đẳng giới" in words(officer.get("/records/of/communication_activity?state=accepted"))


def test_a_report_that_lacks_something_is_not_sent(office: Office, visit: Visit, app: Flask) -> None:
    unit = visit("phunu")
    page = unit.get(f"/reports/{PERIOD}/hoi_lhpn")
    new = re.search(r'href="(/records/new/periodic_report[^"]*)"', page.text)
    assert new is not None
    form = unit.get(new[1].replace("&amp;", "&"))
    assert '<option value="2022-H1" selected>' in form.text
    answer = unit.post("/records/new/periodic_report", {"held": ["period"], "period": PERIOD, "unit": "hoi_lhpn", "go": "save"})
    assert answer.status_code == 303
    page = unit.get(f"/reports/{PERIOD}/hoi_lhpn")
    assert "Kỳ này chưa có «Hoạt động truyền thông»" in words(page)
    with app.app_context():
        db.transaction(lambda session: give_role(session, services().catalogue, session.get_one(User, office.people["sep"].id), "unit_lead", "hoi_lhpn"))
        office.people["sep"] = db.db.session.get_one(User, office.people["sep"].id)
    wrong = visit("sep").post(f"/reports/{PERIOD}/hoi_lhpn/move", {"to": "approved"})
    assert wrong.status_code == 422
    assert "Loại báo cáo: Cần điền mục này trước khi gửi" in words(wrong)


def test_the_district_consolidates_and_downloads(app: Flask, office: Office, visit: Visit) -> None:
    officer, path = visit("huyen"), f"/reports/{PERIOD}/hong_ngu"
    officer.post(f"{REPORT}/accept")
    assert "Tổng hợp" in words(officer.get(path))
    assert officer.post(f"{path}/consolidate").status_code == 303
    told = words(officer.get(path))
    assert "Các ấp chủ động" in told
    assert "Tổng hợp lại" in told
    assert "Đã tổng hợp" in words(officer.get("/reports"))
    edit = re.search(r'href="(/records/[^"]+/edit)"', officer.get(path).text)
    assert edit is not None
    token = officer.token(edit[1])
    officer.post(edit[1], {"held": "directions", "directions": "Nhân rộng mô hình.", "token": token, "go": "save"})
    assert "Nhân rộng mô hình." in words(officer.get(path))
    word = officer.get(f"{path}/docx")
    assert word.headers["Content-Disposition"].startswith("attachment; filename=bao-cao-2022-H1-hong-ngu.docx")
    opened = docx.Document(io.BytesIO(word.data))
    text = "\n".join(paragraph.text for paragraph in opened.paragraphs)
    assert "Nhân rộng mô hình." in text
    assert "THƯƠNG BINH VÀ XÃ HỘI" in opened.tables[0].rows[0].cells[0].text     # the standing body reports; the committee not to itself
    assert "- Ủy ban nhân dân huyện Hồng Ngự;" in text
    book = openpyxl.load_workbook(io.BytesIO(officer.get(f"{path}/xlsx").data))
    assert len(book.sheetnames) > 2
    assert visit("lan").post(f"{path}/consolidate").status_code == 403
    assert visit("lan").get(f"{path}/docx").status_code == 404


def test_many_records_are_accepted_at_once(app: Flask, office: Office, visit: Visit) -> None:
    officer, path = visit("huyen"), "/records/of/communication_activity"
    page = officer.get(f"{path}?state=submitted")
    chosen = re.findall(r'name="record" value="([^"]+)"', page.text)
    assert len(chosen) == 3
    assert officer.post(f"{path}/move", {"record": chosen[:2], "to": "accepted"}).status_code == 303
    assert "Đã tiếp nhận 2 bản ghi." in words(officer.get(f"{path}?state=submitted"))
    assert 'name="record"' not in visit("lan").get(f"{path}?state=submitted").text


def test_a_record_is_returned_singly_and_a_difficulty_is_answered(app: Flask, office: Office, visit: Visit) -> None:
    officer = visit("huyen")
    talk, difficulty = office.records["talk"], office.records["difficulty"]
    assert officer.post(f"/records/{talk}/move", {"path": "state", "to": "returned", "why": ""}).status_code == 422
    assert officer.post(f"/records/{talk}/move", {"path": "state", "to": "returned", "why": "Thiếu ảnh."}).status_code == 303
    assert "Trả lại để bổ sung" in words(visit("lan").get(f"/records/{talk}"))
    assert officer.post(f"/records/{talk}/move", {"path": "state", "to": "submitted"}).status_code == 409
    told = words(officer.get(f"/records/{difficulty}"))
    assert "Đang xem xét" in told
    assert officer.post(f"/records/{difficulty}/move", {"path": "title", "to": "x"}).status_code == 409


def test_the_administrator_adds_people_and_gives_roles(app: Flask, office: Office, visit: Visit) -> None:
    admin = visit("quantri")
    person = {"login": "moi", "name": "Người Mới", "role": "collector", "unit": "long_khanh_b", "password": "mot hai ba bon nam"}
    short = admin.post("/admin/users", {**person, "password": "ngắn"})
    assert short.status_code == 422
    assert 'value="Người Mới"' in short.text
    assert "15 ký tự" in words(short)
    assert admin.post("/admin/users", person).status_code == 303
    assert admin.post("/admin/users", person).status_code == 409
    told = words(admin.get("/admin/users"))
    assert "Người Mới moi Công chức Văn hóa – Xã hội" in told
    with app.app_context():
        user = db.db.session.scalars(select(User).where(User.login == "moi")).one()
        user_id, role_id = user.id, user.roles[0].id
    assert admin.post(f"/admin/users/{user_id}/role", {"role": "unit_lead", "unit": "long_khanh_b", "until": "31/12/2022"}).status_code == 303
    assert "đến 31/12/2022" in words(admin.get("/admin/users"))
    assert admin.post(f"/admin/users/{user_id}/role/{role_id}/end").status_code == 303
    assert admin.post(f"/admin/users/{user_id}/password", {"password": "nam bon ba hai mot"}).status_code == 303
    assert admin.post(f"/admin/users/{user_id}/disable").status_code == 303
    assert "đã khóa" in words(admin.get("/admin/users"))
    assert admin.post(f"/admin/users/{office.people['quantri'].id}/disable").status_code == 403
    assert admin.post("/admin/users/unknown/disable").status_code == 404


def test_the_administrator_makes_a_code_and_revokes_a_tablet(app: Flask, office: Office, visit: Visit) -> None:
    admin = visit("quantri")
    admin.get("/admin/tablets")
    answer = admin.post("/admin/tablets", {"person": office.people["lan"].id, "unit": "long_khanh_a"})
    assert answer.status_code == 200
    code = re.search(r'class="code">([^<]+)<', answer.text)
    assert code is not None
    assert re.fullmatch(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", code[1])
    assert "<svg" in answer.text
    assert code[1] not in admin.get("/admin/tablets").text
    nobody = admin.post("/admin/tablets", {"person": office.people["lan"].id, "unit": "long_khanh_b"})
    assert nobody.status_code == 409
    with app.app_context():
        assert len(db.db.session.scalars(select(EnrolmentCode)).all()) == 1
        device = db.db.session.scalars(select(Device).where(Device.name == "Máy mẫu 2")).one().id
    assert admin.post(f"/admin/tablets/{device}/revoke").status_code == 303
    assert "Thu hồi 30/05/2022" in words(admin.get("/admin/tablets"))
    assert admin.post("/admin/tablets/unknown/revoke").status_code == 404
