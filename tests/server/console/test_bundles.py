"""Bundles between real tablets and the console, on either database: months by files alone, mixed with the network; and what is refused."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import mobile.enrolment
from mobile.clock import Clock
from mobile.keys import DeviceKeys
from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server import bundles, db
from server.audit import AuditEntry
from server.enrolment import make_code
from server.models import LineRow
from server.people import Device, EnrolmentCode, User
from server.services import services
from shared.ids import b64, unb64
from sync.again import entry_of
from sync.messages import CONTENT_TYPE
from sync.over_file import SIZES, Sender, write_bundle
from tests.mobile.test_forms import talk
from tests.server.console.conftest import Visit, Visitor, words
from tests.server.console.office import Office

PIN = "280822"
DAY_MS = 86_400_000

Enrol = Callable[[str], Tablet]


@pytest.fixture
def enrol(app: Flask, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enrol]:
    """`enrol("lan")`: that person's tablet, enrolled with the app itself."""
    opened: list[Tablet] = []
    client = app.test_client()
    monkeypatch.setattr(mobile.enrolment, "post_json", lambda address, path, body: client.post(path, json=body).json)

    def one(login: str) -> Tablet:
        with app.app_context():
            held, user = services(), office.people[login]
            now_ms = held.clock.now_ms()
            code = db.transaction(lambda session: make_code(
                session, held.catalogue, user=session.get_one(User, user.id), unit="long_khanh_a", made_by=None, now_ms=now_ms, hours=24))  # fmt: skip
        tablet = Tablet(tmp_path / f"tablet-{login}", Clock(services(app).clock.today()), cheap_pin=True)
        opened.append(tablet)
        EnrolPresenter(tablet).enrol(address="http://127.0.0.1:1", code=code, pin=PIN, name=f"Máy của {login}")
        tablet.syncer._post = lambda address, data: client.post("/api/exchange", data=data, content_type=CONTENT_TYPE).data
        return tablet

    yield one
    for tablet in opened:
        tablet.close()


def bring(visitor: Visitor, files: list[Path]) -> TestResponse:
    """Choose files on the page and send them."""
    return visitor.post("/bundles", {"files": [(io.BytesIO(file.read_bytes()), file.name) for file in files]})


def written(tablet: Tablet, folder: Path, *, largest: int = SIZES[-1]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / name for name in tablet.bundles.write(folder, largest=largest).files]


def fetched(visitor: Visitor, page: TestResponse, folder: Path) -> list[Path]:
    """Download the answer that stands first on a page."""
    links = re.findall(r'href="(/bundles/([\w-]{22})/\d+)"', page.text)
    found = []
    folder.mkdir(parents=True, exist_ok=True)
    for link, id in links:
        if id == links[0][1]:
            answer = visitor.get(link)
            assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
            name = re.search(r"filename=(\S+)", answer.headers["Content-Disposition"])
            assert name is not None
            found.append(folder / name[1])
            found[-1].write_bytes(answer.data)
    return found


def record_talk(tablet: Tablet, **values: Any) -> str:
    record = talk(FormPresenter(tablet), **values)
    tablet.forms.close_all()
    return record


def edit(tablet: Tablet, record: str, **values: Any) -> None:
    form = FormPresenter(tablet).open(record)
    for path, value in values.items():
        form.set(path, value)
    form.leave()


def lines(app: Flask) -> int:
    with app.app_context(), db.reading() as connection:
        return len(connection.execute(select(LineRow.place)).all())


def test_f47_a_tablet_syncs_for_months_by_files_alone(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    a, b, visitor = enrol("lan"), enrol("thu"), visit("huyen")
    record = record_talk(a)
    page = bring(visitor, written(a, tmp_path / "1"))
    told = words(page)
    assert "Đã nhập: Máy của lan Nguyễn Thị Mẫu, Xã Long Khánh A, ghi trên máy lúc 30/05/2022" in told
    assert "1 thay đổi mới" in told and "Tải tệp trả lời" in told
    found = a.bundles.read(fetched(visitor, page, tmp_path / "2"))
    assert found.kept[0].read == 1 and found.kept[0].received > 3 and not found.kept[0].again
    b.syncer.sync()
    edit(a, record, participants_total=72)
    edit(b, record, participants_total=68)
    b.syncer.sync()
    page = bring(visitor, written(a, tmp_path / "3"))
    a.bundles.read(fetched(visitor, page, tmp_path / "4"))
    conflict = ConflictPresenter(a)
    conflict.show(record)
    assert {card.value for card in conflict.cards()} == {"72", "68"}
    conflict.write(75)
    page = bring(visitor, written(a, tmp_path / "5"))
    a.bundles.read(fetched(visitor, page, tmp_path / "6"))
    b.syncer.sync()
    for tablet in (a, b):
        state = tablet.store.show(record)
        assert state is not None and state.registers["participants_total"].values[0].value == 75 and state.open_paths() == []
    assert a.store.digest() == b.store.digest() and a.store.unsent_count() == 0
    assert "75" in words(visitor.get(f"/records/{record}"))
    a.syncer.sync()
    assert a.syncer.received == 0 and a.syncer.trips == 1


def test_f47_parts_in_several_goes_and_a_request_twice(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    for number in range(25):
        record_talk(tablet, result=f"{number} " + "".join(chr(0x4E00 + (number * 7919 + k * 104729) % 20000) for k in range(300)))
    parts = written(tablet, tmp_path / "1", largest=SIZES[0])
    assert len(parts) > 3
    before = lines(app)
    told = words(bring(visitor, [parts[-1], parts[0]]))
    missing = ", ".join(str(number) for number in range(2, len(parts)))
    assert f"Còn thiếu phần Máy Cán bộ Đã có Còn thiếu Máy của lan Nguyễn Thị Mẫu 2 phần {missing}" in told
    assert lines(app) == before
    page = bring(visitor, [*parts[2:], parts[1], parts[1]])
    assert "25 thay đổi mới" in words(page) and "Còn thiếu phần" not in words(page)
    assert lines(app) == before + 25
    again = words(bring(visitor, parts))
    assert "0 thay đổi mới, 25 đã có từ trước" in again
    assert lines(app) == before + 25
    assert "Tệp trả lời còn tải được" in again
    tablet.bundles.read(fetched(visitor, page, tmp_path / "2"))
    assert tablet.store.unsent_count() == 0


def test_b19_damaged_and_foreign_files_are_refused_each_by_its_name(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    record_talk(tablet)
    (good,) = written(tablet, tmp_path / "1")
    answer = fetched(visitor, bring(visitor, [good]), tmp_path / "2")
    record_talk(tablet)
    (file,) = written(tablet, tmp_path / "3")
    data, before = file.read_bytes(), lines(app)
    for name, changed, words_of in (
        ("a.senb", data[:3000] + bytes([data[3000] ^ 1]) + data[3001:], "bị hỏng"), ("b.senb", data[:-1], "bị hỏng"),
        ("c.senb", data + bytes(SIZES[-1]), "bị hỏng"), ("d.jpg", b"\xff\xd8\xff" * 3000, "không phải tệp đồng bộ"),
        ("e.senb", b"SENB\x02" + data[5:], "phiên bản mới hơn"), ("f.senb", answer[0].read_bytes(), "máy chủ hoặc máy bảng khác"),
    ):  # fmt: skip
        path = tmp_path / name
        path.write_bytes(changed)
        page = bring(visitor, [path])
        assert page.status_code == 422 and name in words(page) and words_of in words(page), name
    assert lines(app) == before
    assert not list((services(app).places.var / "bundles" / "in").glob("*"))
    renamed = file.rename(tmp_path / "tai ve (2).bin")
    assert "1 thay đổi mới" in words(bring(visitor, [renamed]))


def test_m50_f38_what_a_revoked_tablet_brings_by_files_is_held_and_no_file_wipes_it(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    with app.app_context():
        def revoke(session: Any) -> None:
            session.get_one(Device, tablet.who.device).revoked_ms = 1

        db.transaction(revoke)
    page = bring(visitor, written(tablet, tmp_path / "1"))
    assert page.status_code == 200
    with app.app_context(), db.reading() as connection:
        held = select(LineRow.verdict).where(LineRow.verdict != "")
        assert set(connection.scalars(held)) == {"device_revoked"}
    tablet.bundles.read(fetched(visitor, page, tmp_path / "2"))
    assert tablet.enrolled and tablet.store.set_aside()[0][1] == "device_revoked" and tablet.store.records() == []
    assert tablet.store.unsent_count() == 0
    tablet.syncer.sync()
    assert not tablet.enrolled, "the next exchange on a network does"


def bundles_of(app: Flask) -> list[Path]:
    return list((services(app).places.var / "bundles" / "out").glob("*"))


def test_t05_files_of_other_units_are_nobodys_business(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path, add_person: Any, sign_in: Any) -> None:
    tablet = enrol("lan")
    record_talk(tablet)
    files = written(tablet, tmp_path / "1")
    stranger = Visitor(sign_in(add_person("khac", "district_officer@long_khanh_b")))
    page = bring(stranger, files)
    assert page.status_code == 422 and "thuộc đơn vị khác" in words(page) and not bundles_of(app)
    page = bring(visit("huyen"), files)
    link = re.search(r'href="(/bundles/[\w-]{22}/1)"', page.text)
    assert link is not None
    assert stranger.get(link[1]).status_code == 404 and "Máy của lan" not in words(stranger.get("/bundles"))
    for path in (link[1][:-1] + "2", link[1][:-1] + "0", "/bundles/../1", "/bundles/" + "A" * 22 + "/1", link[1] + "x"):
        assert visit("huyen").get(path).status_code == 404, path
    for login in ("lan", "sep", "xem"):
        assert visit(login).get("/bundles").status_code == 403
    assert visit("quantri").get(link[1]).status_code == 200


def test_p08_nothing_that_lies_at_the_server_can_be_read(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    for number in range(25):
        record_talk(tablet, result="ĐÁNH DẤU BÍ MẬT" * 20 + str(number))
    parts = written(tablet, tmp_path / "1", largest=SIZES[0])
    bring(visitor, parts[:-1] if len(parts) > 1 else parts)
    bring(visitor, written(enrol("thu"), tmp_path / "2"))
    kept = [path for path in (services(app).places.var / "bundles").rglob("*") if path.is_file()]
    assert kept and all("ĐÁNH DẤU".encode() not in path.read_bytes() for path in kept)


def test_the_import_stands_in_the_audit_and_old_answers_go(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    bring(visitor, written(tablet, tmp_path / "1"))
    with app.app_context(), db.reading() as connection:
        noted = connection.execute(select(AuditEntry.user, AuditEntry.subject).where(AuditEntry.action == "bundle")).one()
        assert noted.subject == tablet.who.device
    (folder,) = bundles_of(app)
    told = json.loads((folder / bundles.TOLD).read_bytes())
    told["read_ms"] -= (bundles.KEPT_DAYS + 1) * DAY_MS
    (folder / bundles.TOLD).write_text(json.dumps(told))
    assert "Tệp trả lời còn tải được" in words(visitor.get("/bundles"))
    bring(visitor, written(tablet, tmp_path / "2"))
    assert folder not in bundles_of(app) and len(bundles_of(app)) == 1


def test_no_file_is_said(visit: Visit) -> None:
    answer = visit("huyen").post("/bundles", {})
    assert answer.status_code == 422 and "Chưa chọn tệp nào" in words(answer)


def test_f47_a_part_that_the_disk_damaged_while_it_waited_must_come_again(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    for number in range(25):
        record_talk(tablet, result=f"{number} " + "".join(chr(0x4E00 + (number * 7919 + k * 104729) % 20000) for k in range(300)))
    parts = written(tablet, tmp_path / "1", largest=SIZES[0])
    bring(visitor, parts[:-1])
    (first,) = (services(app).places.var / "bundles" / "in").glob("*/1.senb")
    first.write_bytes(b"?" * 4096)
    assert "phần 1" in words(bring(visitor, parts[-1:]))
    assert "25 thay đổi mới" in words(bring(visitor, parts[:1]))


def forget(app: Flask, tablet: Tablet) -> None:
    """As a backup from before the tablet's enrolment."""

    def work(session: Session) -> None:
        code = session.scalars(select(EnrolmentCode).where(EnrolmentCode.device == tablet.who.device)).one()
        code.device, code.used_ms = None, None
        session.flush()
        session.delete(session.get_one(Device, tablet.who.device))

    with app.app_context():
        db.transaction(work)


def knows(app: Flask, tablet: Tablet) -> bool:
    with app.app_context(), db.reading() as connection:
        return connection.scalar(select(Device.id).where(Device.id == tablet.who.device)) is not None


def test_m80_f47_a_forgotten_tablet_is_known_again_by_its_bundle(
    app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path, add_person: Any, sign_in: Any
) -> None:
    tablet, visitor = enrol("lan"), visit("huyen")
    for number in range(25):
        record_talk(tablet, result=f"{number} " + "".join(chr(0x4E00 + (number * 7919 + k * 104729) % 20000) for k in range(300)))
    forget(app, tablet)
    parts = written(tablet, tmp_path / "1", largest=SIZES[0])
    for who, files in ((visitor, parts[1:]), (Visitor(sign_in(add_person("khac", "district_officer@long_khanh_b"))), parts)):
        page = bring(who, files)
        assert page.status_code == 422 and "chưa biết máy đã ghi tệp này" in words(page) and not knows(app, tablet)
    page = bring(visitor, parts[::-1])
    assert "25 thay đổi mới" in words(page) and knows(app, tablet)
    tablet.bundles.read(fetched(visitor, page, tmp_path / "2"))
    assert tablet.store.unsent_count() == 0
    assert "Máy của lan" in words(visitor.get("/recovery"))


def test_t08_a_certificate_in_a_bundle_proves_nothing_for_another_tablet(app: Flask, visit: Visit, enrol: Enrol, tmp_path: Path) -> None:
    lan, thu, visitor = enrol("lan"), enrol("thu"), visit("huyen")
    record_talk(lan)
    for tablet in (lan, thu):
        forget(app, tablet)
    mine, theirs = DeviceKeys.load(lan.hardware), thu.who
    assert mine is not None and lan.profile.enrolled is not None
    right = lan.profile.enrolled
    for certificate in (theirs.certificate, b64(unb64(right.certificate)[:-3]), "no certificate", ""):
        lan.profile.enrolled = replace(right, certificate=certificate)
        page = bring(visitor, written(lan, tmp_path / "1"))
        assert page.status_code == 422 and "chưa biết máy" in words(page)
    (forged,) = write_bundle(Sender.of(theirs.device, mine.sign), unb64(theirs.server_box), [], before=entry_of(theirs.certificate))
    (tmp_path / "x.senb").write_bytes(forged)
    assert bring(visitor, [tmp_path / "x.senb"]).status_code == 422
    assert not knows(app, lan) and not knows(app, thu)


def test_a_certificate_adds_nothing_to_a_small_bundle(enrol: Enrol, tmp_path: Path) -> None:
    tablet = enrol("lan")
    record_talk(tablet)
    (file,) = written(tablet, tmp_path / "1")
    assert file.stat().st_size == SIZES[0] and 0 < len(entry_of(tablet.who.certificate)[0].body) < 700
