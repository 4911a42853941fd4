"""What waits for the district: lines of a revoked tablet and lines without a right, taken up or left at the console."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from server import db
from server.audit import AuditEntry
from server.enrolment import make_code, revoke
from server.models import LogRow
from server.people import Device, User
from server.records import history, open_record
from server.services import services
from server.verify import verify
from shared.ids import b64, new_id, new_record_id
from sync.copies import Marks
from sync.log import line_hash, name_of
from tests.server.console.conftest import Visit, words
from tests.server.console.office import SECRET, Office
from tests.support.device import NOON_MS, Answered, HandDevice
from tests.support.wrong import GOOD

TITLE = "Buổi nói chuyện cuối cùng (dữ liệu mẫu)"


@pytest.fixture
def device(app: Flask, office: Office, client: FlaskClient) -> HandDevice:
    """Lan's tablet."""

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = client.post(path, data=body, content_type=kind)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    with app.app_context():
        lan, held = office.people["lan"], services()

        def work(session: Any) -> str:
            person = session.get_one(User, lan.id)
            return make_code(session, held.catalogue, user=person, unit="long_khanh_a", made_by=None, now_ms=held.clock.now_ms(), hours=1)

        code = db.transaction(work)
    return HandDevice.enrol(post, code)


def revoked(app: Flask, device: HandDevice) -> None:
    with app.app_context():
        db.transaction(lambda session: revoke(session, services().keys, session.get_one(Device, device.id), by="", now_ms=NOON_MS))


def two_lines(device: HandDevice, record: str) -> list[bytes]:
    """A record that is made, and a second edit on top of the first, both unsent."""
    made = device.line([*GOOD[:1], {"p": "title", "v": TITLE}, {"p": "held_on", "v": "2022-05-29"}, {"p": "participants_total", "v": 40}], r=record)
    seen = name_of(device.log, device.number + 1, line_hash(made))
    return [made, device.line([{"p": "participants_total", "v": 44, "s": [seen]}], offset=2, r=record)]


def acts(app: Flask) -> list[str]:
    with app.app_context(), db.reading() as connection:
        return list(connection.scalars(select(AuditEntry.action).order_by(AuditEntry.number)))


def test_m51_p10_f38_what_a_revoked_tablet_left_is_listed_and_taken_up(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    visitor, record = visit("huyen"), new_record_id()
    revoked(app, device)
    assert len(device.push(two_lines(device, record))["aside"]) == 2
    told = words(visitor.get("/review"))
    for part in ("Chờ xem lại 1", "Máy thử (dữ liệu mẫu)", "Nguyễn Thị Mẫu", TITLE, "2 thay đổi", "đã bị thu hồi"):
        assert part in told, part
    assert visitor.get(f"/records/{record}").status_code == 404, "nothing is merged yet"
    answer = visitor.post("/review", {"device": device.id, "record": record, "act": "take"})
    assert answer.headers["Location"] == "/review"
    told = words(visitor.get("/review"))
    assert "Đã nhận vào 2 thay đổi" in told and "Không có gì chờ xem lại" in told
    with app.app_context():
        opened = open_record(office.people["huyen"], record)
        assert opened.values["participants_total"] == 44 and not opened.questions, "the second edit knew the first"
        entries = history(office.people["huyen"], record, path="participants_total")
        people = {office.people["lan"].id: "lan", office.people["huyen"].id: "huyen"}
        assert [(people[one.user], one.value, one.verdict) for one in entries] == [
            ("lan", 40, "device_revoked"), ("lan", 44, "device_revoked"), ("huyen", 40, ""), ("huyen", 44, ""),
        ]  # fmt: skip
        assert "Nguyễn Thị Mẫu" in str(entries[-1].why)
        assert verify()[0] == []
    assert "take_up" in acts(app)
    assert visitor.post("/review", {"device": device.id, "record": record, "act": "take"}).status_code == 404, "once is enough"


def test_f38_what_is_left_is_counted_nowhere_and_stays_in_the_history(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    visitor, record = visit("huyen"), office.records["draft"]
    revoked(app, device)
    device.push([device.line([{"p": "participants_total", "v": 99}], r=record)])
    told = words(visitor.get("/review"))
    assert "Để lại" in told
    assert visitor.post("/review", {"device": device.id, "record": record, "act": "leave"}).status_code == 303
    assert "Không có gì chờ xem lại" in words(visitor.get("/review"))
    with app.app_context():
        assert open_record(office.people["huyen"], record).values.get("participants_total") is None
        assert history(office.people["huyen"], record)[-1].value == 99
    assert "leave_aside" in acts(app)


def test_f37_a_line_whose_right_was_gone_waits_for_the_district(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    """The tablet is in order; the officer had moved when it could send."""
    record = new_record_id()
    with app.app_context():
        db.transaction(lambda session: session.execute(text("UPDATE role_held SET unit = 'long_thuan' WHERE \"user\" = :id"), {"id": device.user}))
        db.transaction(lambda session: session.execute(text("UPDATE person SET stamp = 'AAAAAAAAAAA' WHERE id = :id"), {"id": device.user}))
    assert [row[2] for row in device.push(two_lines(device, record))["aside"]] == ["no_right", "no_right"]
    visitor = visit("huyen")
    assert "không còn quyền" in words(visitor.get("/review"))
    assert visitor.post("/review", {"device": device.id, "record": record, "act": "take"}).status_code == 303
    with app.app_context():
        assert open_record(office.people["huyen"], record).values["participants_total"] == 44


def test_m51_f38_a_conflict_is_asked_when_it_is_taken_up(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    record = office.records["talk"]
    revoked(app, device)
    device.push([device.line([{"p": "place", "v": "Trường tiểu học (dữ liệu mẫu)"}], r=record)])
    visit("huyen").post("/review", {"device": device.id, "record": record, "act": "take"})
    with app.app_context():
        asked = {one.path for one in open_record(office.people["huyen"], record).questions}
    assert "place" in asked, "the tablet had not seen what stood there"


def test_t06_the_list_never_tells_a_confidential_word(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    revoked(app, device)
    record = new_record_id()
    device.push([device.line([{"p": "code", "v": "HS-2022-77"}, {"p": "full_name", "v": SECRET}], y="gbv_case", r=record)])
    device.push([device.line([{"p": "opened_on", "v": "2022-05-29"}], y="gbv_case", r=record)])
    page = visit("huyen").get("/review")
    assert page.status_code == 200 and SECRET not in page.text
    assert "1 thay đổi" in words(page), "the line with the name in the clear is kept as its hash and cannot be taken up"


@pytest.mark.parametrize("login", ["quantri", "lan", "lanhdao", "xem"])
def test_t12_only_the_district_sees_to_it(app: Flask, office: Office, visit: Visit, device: HandDevice, login: str) -> None:
    record = new_record_id()
    revoked(app, device)
    device.push(two_lines(device, record))
    visitor = visit(login)
    assert visitor.get("/review").status_code == 403
    assert visitor.post("/review", {"device": device.id, "record": record, "act": "take"}).status_code == 403


def test_f21_f22_f38_the_page_of_tablets_tells_what_befell_one(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    first = device.line(GOOD, r=new_record_id())
    copied = device.number, device.head
    device.push([first])
    device.number, device.head = copied
    device.push([device.line(GOOD, r=new_record_id())])
    with app.app_context(), db.reading() as connection:
        assert connection.scalars(select(LogRow.fork).where(LogRow.device == device.id)).all() == [False, True]
    told = words(visit("quantri").get("/admin/tablets"))
    assert told.count("Đã phục hồi hoặc sao chép, 30/05/2022") == 1
    revoked(app, device)
    assert "Chưa liên lạc từ khi thu hồi" in words(visit("quantri").get("/admin/tablets"))
    device.opened(device.send(device.request(page=65536, c={}, v={}, h={device.log: [device.number, device.number, "x" * 8]})))
    assert "Chưa liên lạc" in words(visit("quantri").get("/admin/tablets")), "its last line is another one: not all is read"
    device.opened(device.send(device.request(page=65536, c={}, v={}, h={device.log: [device.number, device.number, b64(device.head)[:8]]})))
    assert "được lệnh xóa 30/05/2022" in words(visit("quantri").get("/admin/tablets"))


def test_f22_the_page_of_tablets_tells_of_a_copy(app: Flask, office: Office, visit: Visit, device: HandDevice) -> None:
    def work(session: Session, **values: object) -> None:
        original = session.get_one(Device, device.id)
        original.marks = Marks(("",), ("copy",)).dump() if not values else Marks(("",)).dump()
        if values:
            same = {name: getattr(original, name) for name in ("user", "unit", "box", "officer_box", "enrolled_ms")}
            session.add(Device(id=new_id(), name="Máy hai", sign=bytes(32), copy_of=device.id, **same))

    def page() -> str:
        return words(visit("quantri").get("/admin/tablets"))

    with app.app_context():
        name = db.transaction(lambda session: session.get_one(Device, device.id).name)
        db.transaction(work)
    assert "Đang dùng ở hai nơi" in page() and "thu hồi" in page()
    with app.app_context():
        db.transaction(lambda session: work(session, became=True))
    told = page()
    assert f"Bản sao của máy «{name}», nay là máy riêng" in told and "bản sao là máy «Máy hai»" in told and "hai nơi" not in told
