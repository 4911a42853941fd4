"""An office with people and records in every state that the console shows: written through the server's own code, all invented."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from server import editing, reporting
from server.db import transaction
from server.people import Device, User, add_user, give_role
from server.records import open_record
from server.services import services
from shared.ids import new_id
from shared.sealing import BoxKeys

PASSWORD = "sen hồng bên sông Tiền"
SECRET = "NGUYỄN THỊ ĐÁNH DẤU"
"""The planted name of a survivor who does not exist."""

PERIOD = "2022-H1"
DAY_MS = 86_400_000

PEOPLE = (
    ("huyen", "Phạm Thị Chuyên Viên", "district_officer@hong_ngu"), ("lanhdao", "Võ Văn Lãnh Đạo", "district_lead@hong_ngu"),
    ("quantri", "Hồ Quản Trị", "admin@hong_ngu"), ("xem", "Lê Người Xem", "viewer@hong_ngu"),
    ("lan", "Nguyễn Thị Mẫu", "collector@long_khanh_a"), ("thu", "Trần Văn Thử", "collector@long_khanh_a"),
    ("sep", "Đặng Thị Lãnh Đạo Xã", "unit_lead@long_khanh_a"), ("hoa", "Bùi Thị Quản Lý", "case_worker@long_khanh_a"),
    ("thuan", "Cao Văn Thuận", "collector@long_thuan"), ("thuansep", "Mai Thị Thuận", "unit_lead@long_thuan"),
    ("phunu", "Đỗ Thị Hội", "collector@hoi_lhpn"), ("truyenthanh", "Quách Văn Phát Thanh", "collector@tt_vh_tt_tt"),
)  # fmt: skip


@dataclass
class Office:
    """What stands in the office: people by login, records by a name of the tests."""

    app: Flask
    people: dict[str, User] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)

    def write(self, who: str, type_code: str, unit: str, values: Mapping[str, Any], *, submit: bool = True) -> str:
        """A record as the form would save it."""
        saved = editing.save(self.people[who], None, type_code, unit, None, values, submit=submit)
        assert saved.written and saved.submitted == submit, [(one.path, one.code) for one in saved.problems]
        return saved.record


def activity(title: str, day: str, total: int, female: int, **more: Any) -> dict[str, Any]:
    """The values of a communication activity."""
    return {
        "title": title, "held_on": day, "form": "community_talk", "topics": ["gbv", "law"], "participants_total": total,
        "participants_female": female, "part": "lead", **more,
    }  # fmt: skip


def furnish(app: Flask, *, password: str | None = None) -> Office:
    """People, records, a question, incidents, a case, reports in several states, two tablets."""
    office = Office(app)
    with app.app_context():
        office.people = transaction(lambda session: _people(session, password))
        _records(office)
        _question(office)
        _violence(office)
        _reports(office)
        transaction(lambda session: _tablets(session, office))
    return office


def _people(session: Session, password: str | None) -> dict[str, User]:
    held, found = services(), {}
    for login, name, role in PEOPLE:
        user = add_user(session, login=login, name=name, password=password, now_ms=held.clock.now_ms(), demo=True)
        code, _, unit = role.partition("@")
        give_role(session, held.catalogue, user, code, unit)
        found[login] = user
    return found


def _records(office: Office) -> None:
    write = office.write
    office.records["talk"] = write("lan", "communication_activity", "long_khanh_a", activity(
        "Nói chuyện chuyên đề phòng, chống bạo lực gia đình tại ấp Long Thới", "2022-05-28", 48, 30, place="Nhà văn hóa ấp Long Thới",
        result="Người dân nắm được quyền và nơi cần báo tin khi có bạo lực."))  # fmt: skip
    write("lan", "communication_activity", "long_khanh_a", activity("Hội nghị phụ nữ khởi nghiệp", "2022-03-08", 120, 95))
    office.records["draft"] = write("lan", "communication_activity", "long_khanh_a", {"title": "Tọa đàm nam giới chia sẻ việc nhà"}, submit=False)
    write("thuan", "communication_activity", "long_thuan", activity("Truyền thông Luật Bình đẳng giới", "2022-04-12", 64, 33))
    write("lan", "broadcast", "long_khanh_a", {"title": "Chuyên mục Gia đình hạnh phúc", "published_on": "2022-05-10", "channel": "commune_radio", "times": 6})
    office.records["difficulty"] = write("lan", "difficulty", "long_khanh_a", {
        "raised_on": "2022-05-20", "content": "Thiếu kinh phí in tờ gấp tuyên truyền.", "to": ["district"]}, submit=False)


def _question(office: Office) -> None:
    """Two people opened the same form; each wrote another number."""
    talk = office.records["talk"]
    opened = open_record(office.people["lan"], talk)
    token = editing.pack_snapshot(opened.snapshot)
    for who, total in (("lan", 52), ("thu", 55)):
        saved = editing.save(office.people[who], talk, "communication_activity", "long_khanh_a", token, {"participants_total": total})
        assert saved.written


def _violence(office: Office) -> None:
    values = {
        "known_at": "2022-05-30T05:20+07:00", "violence": ["physical"], "danger_now": True, "injury": "light",
        "victims": [{"id": new_id(), "sex": "female", "age_group": "age_25_39"}], "told": ["police", "commune"],
        "first_action": "Đã đưa đến nơi tạm lánh, báo Công an xã.",
    }  # fmt: skip
    office.records["incident"] = office.write("lan", "gbv_incident", "long_khanh_a", values)
    office.records["case"] = office.write("hoa", "gbv_case", "long_khanh_a", {
        "code": "HS-2022-01", "opened_on": "2022-05-30", "incident": office.records["incident"], "full_name": SECRET, "sex": "female",
        "safe_contact": f"Chỉ gọi {SECRET} buổi sáng", "legal_ground": "emergency", "is_child": False,
        "needs": [{"id": new_id(), "need": "safety", "priority": "now"}]}, submit=False)


def _reports(office: Office) -> None:
    people = office.people
    for who, unit, to in (("thuan", "long_thuan", "submitted"), ("lan", "long_khanh_a", "draft")):
        texts = {"strengths": "Các ấp chủ động, đủ số cuộc truyền thông.", "limits": "Thiếu kinh phí.", "directions": "Tiếp tục truyền thông."}
        values = {"period": PERIOD, "kind": "half_year", "zero_declared": ["gbv_case"], **texts}
        record = office.records[f"report {unit}"] = office.write(who, "periodic_report", unit, values, submit=False)
        if to == "submitted":
            period = services().catalogue.periods.get(PERIOD)
            editing.move(people["thuansep"], record, "state", "approved")
            reporting.freeze(reporting.reports_of([unit], period)[unit], period)
            editing.move(people["thuan"], record, "state", "submitted")


def _tablets(session: Session, office: Office) -> None:
    now_ms = services().clock.now_ms()
    for number, (who, unit, days) in enumerate((("lan", "long_khanh_a", 0), ("thuan", "long_thuan", 9))):
        session.add(Device(
            id=new_id(), user=office.people[who].id, unit=unit, name=f"Máy mẫu {number + 1}", sign=BoxKeys.new().public, box=BoxKeys.new().public,
            officer_box=BoxKeys.new().public, enrolled_ms=now_ms - 90 * DAY_MS, seen_ms=now_ms - days * DAY_MS - 1_000_000))  # fmt: skip
