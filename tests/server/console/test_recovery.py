"""The page of what came back after a restore: by the protocol's own halves, on the app's own database."""

from __future__ import annotations

import re

from flask import Flask
from sqlalchemy import delete, select, text, update

from server.db import transaction, writing
from server.editing import sql_server
from server.models import LineRow
from server.people import Device as DeviceRow
from server.projection import bring_up
from server.rounds import Round
from server.services import services
from server.verify import verify
from shared.ids import new_id, new_record_id
from shared.sealing import BoxKeys, new_key
from sync.server_half import ServerHalf
from sync.store import Device, Scope
from tests.server.console.conftest import Visit, words
from tests.server.console.office import Office
from tests.support.pair import NOON_MS
from tests.support.tablet import MemoryTablet

UNIT = "long_khanh_a"
ACTIVITY = "communication_activity"


def tablet(office: Office, login: str, name: str) -> MemoryTablet:
    """An enrolled tablet of a person."""
    user, sign, box, device = office.people[login], new_key(), BoxKeys.new().public, new_id()
    row = DeviceRow(id=device, user=user.id, unit=UNIT, name=name, sign=sign, box=box, officer_box=box, enrolled_ms=NOON_MS)
    transaction(lambda session: session.add(row))
    identity = Device(device, sign, services().keys.mac_key(device, box), user.id, Scope("hong_ngu", (), False, ""), {})
    return MemoryTablet(identity, services().catalogue)


def exchange(one: MemoryTablet) -> None:
    """Exchange until nothing is left."""
    half = ServerHalf(sql_server())
    while one.half.receive(half.answer(one.half.request(), now_ms=NOON_MS)).more:
        pass


def missing(told: str) -> int:
    """How many changes the page says that nobody handed back."""
    found = re.search(r"(\d+) thay đổi trước đó chưa máy nào gửi lại", told)
    assert found is not None
    return int(found[1])


def test_p12_what_tablets_hand_back_is_told_and_what_nobody_has(app: Flask, office: Office, visit: Visit) -> None:
    with app.app_context():
        writer, other = tablet(office, "lan", "Máy của Lan (dữ liệu mẫu)"), tablet(office, "thu", "Máy của Thử (dữ liệu mẫu)")
    record = new_record_id()
    clerk = visit("huyen")
    assert "Máy chủ chưa lần nào phải phục hồi" in words(clerk.get("/recovery"))
    writer.write(record, ACTIVITY, UNIT, {"title": "Tên đầu"}, now_ms=NOON_MS)
    writer.write(record, ACTIVITY, UNIT, {"title": "Tên sau"}, now_ms=NOON_MS)
    writer.write(record, ACTIVITY, UNIT, {"place": "Nhà văn hóa ấp"}, now_ms=NOON_MS)
    with app.app_context():
        exchange(writer)
        exchange(other)
        with writing() as connection:  # as a backup from before it all
            for table in ("fallen", "past_unit", "part", "line", "record", "log", "stream"):
                connection.execute(text(f"DELETE FROM {table}"))
        exchange(other)
    told = words(clerk.get("/recovery"))
    assert "Máy của Thử (dữ liệu mẫu) Xã Long Khánh A" in told
    before = missing(told)  # lines of the console that no tablet ever pulled, and the writer's first
    assert "Tên sau · Tên hoạt động · Xã Long Khánh A" in told
    assert "Phục hồi" in words(clerk.get("/"))
    with app.app_context():
        exchange(writer)
    told = words(clerk.get("/recovery"))
    assert missing(told) == before - 1
    assert "Tên sau" not in told


def test_f52_what_the_disk_lost_is_told_by_its_record_until_a_tablet_has_brought_it(app: Flask, office: Office, visit: Visit) -> None:
    with app.app_context():
        writer, other = tablet(office, "lan", "Máy của Lan (dữ liệu mẫu)"), tablet(office, "thu", "Máy của Thử (dữ liệu mẫu)")
    record, changed, clerk = new_record_id(), new_record_id(), visit("huyen")
    writer.write(record, ACTIVITY, UNIT, {"title": "Buổi nói chuyện ở ấp"}, now_ms=NOON_MS)
    writer.write(changed, ACTIVITY, UNIT, {"title": "Một bản ghi khác"}, now_ms=NOON_MS)
    with app.app_context():
        exchange(writer)
        exchange(other)
        bring_up(services().catalogue)
        with writing() as connection:
            connection.execute(delete(LineRow).where(LineRow.record == record))
            body = connection.execute(select(LineRow.body).where(LineRow.record == changed)).scalar_one()
            connection.execute(update(LineRow).where(LineRow.record == changed).values(body=body[1:]))
        look = Round(sql_server().healing)
        while look.step():
            pass
        faults, _ = verify()
        assert any(fault.startswith("waits: line hong_ngu ") and fault.endswith(f"record {record}") for fault in faults)
    told = words(clerk.get("/recovery"))
    assert "Buổi nói chuyện ở ấp Xã Long Khánh A thay đổi thứ" in told and "đang chờ" in told
    for address in (f"/records/{record}", f"/records/{changed}", "/questions", "/reports"):
        assert clerk.get(address).status_code == 200, address
    assert "Phục hồi" in words(clerk.get("/"))
    with app.app_context():
        exchange(other)
    told = words(clerk.get("/recovery"))
    assert "Buổi nói chuyện ở ấp Xã Long Khánh A thay đổi thứ" in told and "đang chờ" not in told
    assert "· Máy của Thử (dữ liệu mẫu)" in told and "Tất cả đã nguyên vẹn trở lại" in told
    with app.app_context():
        assert verify()[0] == []
