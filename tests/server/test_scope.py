"""What a tablet may hold changes while it is away: rights widen and narrow, an officer is moved, a commune is merged. Nothing is lost.

Real tablets with their stores on disk, at the real app on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from mobile import enrolment
from mobile.clock import Clock
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.clock import VIETNAM
from server.db import db, reading, transaction
from server.enrolment import make_code
from server.models import LineRow
from server.people import User, end_role, give_role
from server.records import open_record, plain_records
from server.review import take_up, waiting
from server.services import services
from shared.errors import SenError
from sync import files
from sync.messages import CONTENT_TYPE
from tests.mobile.test_forms import NAME, case, talk
from tests.server.conftest import AddUser

PIN = "280822"
HERE, THERE = "long_khanh_a", "long_thuan"

Enrol = Callable[..., Tablet]


@pytest.fixture
def enrol(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Enrol]:
    """`enrol(user, unit)`: a person's tablet of a unit, unlocked, joined with the app by a call."""
    client, opened = app.test_client(), list[Tablet]()

    def post_json(address: str, path: str, body: Any) -> Any:
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json

    def posted(path: str, kind: str, data: bytes) -> bytes:
        answer = client.post(path, data=data, content_type=kind)
        assert answer.status_code == 200, answer.text
        return answer.get_data()

    def post(address: str, data: bytes) -> bytes:
        return posted("/api/exchange", CONTENT_TYPE, data)

    def post_file(address: str, data: bytes) -> bytes:
        return posted("/api/files", files.CONTENT_TYPE, data)

    monkeypatch.setattr(enrolment, "post_json", post_json)

    def one(user: User, unit: str) -> Tablet:
        with app.app_context():
            held = services()

            def code_of(session: Session) -> str:
                person = session.get_one(User, user.id)
                return make_code(session, held.catalogue, user=person, unit=unit, made_by=None, now_ms=held.clock.now_ms(), hours=1)

            code, now_ms = transaction(code_of), held.clock.now_ms
        tablet = Tablet(tmp_path / f"tablet {len(opened)}", Clock(source=now_ms), cheap_pin=True)
        opened.append(tablet)
        enrolment.enrol(tablet, enrolment.Request(address="http://127.0.0.1:1", code=code, pin=PIN))
        tablet.syncer._post, tablet.carrier._post = post, post_file
        tablet.syncer.sync()
        return tablet

    yield one
    for tablet in opened:
        tablet.close()


def roles(app: Flask, user: User, *wanted: str) -> None:
    """Let a person hold these roles, `collector@long_khanh_a`, and no others."""
    with app.app_context():
        held = services()

        def work(session: Session) -> None:
            person = session.get_one(User, user.id)
            for role in person.roles_on(held.clock.today()):
                end_role(session, held.keys, person, role, held.clock.now_ms())
            for one in wanted:
                code, _, unit = one.partition("@")
                give_role(session, held.catalogue, person, code, unit)

        transaction(work)


def at_day(app: Flask, day: datetime) -> None:
    """Set the server's clock."""
    with app.app_context():
        clock = services().clock
        clock.forward((day - clock.now()).total_seconds())


def on_disk(tablet: Tablet) -> bytes:
    """Every byte of a tablet's folder."""
    return b"".join(path.read_bytes() for path in sorted(tablet.profile.folder.rglob("*")) if path.is_file())


def rows_of(tablet: Tablet, record: str) -> list[bytes]:
    """The sealed bytes that a tablet holds of a record of somebody else: its state, its lines, its sealed values."""
    with tablet.store.database.reading() as connection:
        rows = connection.execute("SELECT body FROM record WHERE id = ? AND length(body) > 0", (record,)).fetchall()
        rows += connection.execute("SELECT body FROM held_line WHERE record = ?", (record,)).fetchall()
    state = tablet.store.told([record])[record]
    blobs = [tablet.store.blob(value.blob) for _, value in state.values() if value.blob is not None]
    return [bytes(row[0]) for row in rows] + [blob for blob in blobs if blob is not None]


def written(tablet: Tablet, **values: object) -> str:
    """A record that was written and left."""
    record = talk(FormPresenter(tablet), **values)
    tablet.forms.close_all()
    return record


def test_f37_a_narrower_scope_is_gone_from_the_disk_with_its_keys(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    lan, hoa = (add_person(one, f"collector@{HERE}", f"case_worker@{HERE}") for one in ("lan", "hoa"))
    a, b = enrol(lan, HERE), enrol(hoa, HERE)
    plain_record, sealed_record = written(a), case(FormPresenter(a))
    a.forms.close_all()
    a.syncer.sync()
    b.syncer.sync()
    held = rows_of(b, plain_record), rows_of(b, sealed_record)
    assert all(held) and all(row in on_disk(b) for rows in held for row in rows), "the probe finds what is there"
    assert b.store.wrap(sealed_record, hoa.id)
    roles(app, hoa, f"collector@{HERE}")
    b.syncer.sync()
    disk = on_disk(b)
    assert not any(row in disk for row in held[1]), "the case is gone, from the write-ahead log too"
    assert b.store.wrap(sealed_record, hoa.id) is None and b.index.entry(sealed_record) is None
    assert b.store.show(plain_record) is not None and NAME.encode() not in disk
    roles(app, hoa, f"collector@{THERE}")
    b.syncer.sync()
    assert not any(row in on_disk(b) for row in held[0]) and b.store.records() == [] and b.index.entry(plain_record) is None
    roles(app, hoa, f"collector@{HERE}", f"case_worker@{HERE}")
    b.syncer.sync()
    assert set(b.store.records()) == {plain_record, sealed_record}, "widened: the older records arrive"
    assert b.store.wrap(sealed_record, hoa.id)


def test_m59_the_right_to_cases_goes_and_comes_back(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    lan = add_person("lan", f"collector@{HERE}", f"case_worker@{HERE}")
    tablet = enrol(lan, HERE)
    record = case(FormPresenter(tablet))
    tablet.forms.close_all()
    state = tablet.store.show(record)
    assert state is not None
    sealed = {value.blob for _, value in state.values() if value.blob is not None}
    tablet.syncer.sync()
    assert sealed and all(tablet.store.blob(one) for one in sealed)
    roles(app, lan, f"collector@{HERE}")
    tablet.syncer.sync()
    assert tablet.store.show(record) is None and not any(tablet.store.blob(one) for one in sealed)
    roles(app, lan, f"collector@{HERE}", f"case_worker@{HERE}")
    tablet.syncer.sync()
    assert tablet.store.show(record) is not None
    assert all(tablet.store.blob(one) for one in sealed) and tablet.store.wrap(record, lan.id)


def test_f37_the_files_of_what_left_are_gone(app: Flask, add_person: AddUser, enrol: Enrol, tmp_path: Path) -> None:
    lan = add_person("lan", f"collector@{HERE}", f"collector@{THERE}")
    tablet = enrol(lan, HERE)
    form = FormPresenter(tablet)
    record = talk(form)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 mot")
    form.attach("attachments", [tmp_path / "a.pdf"])
    tablet.forms.close_all()
    tablet.syncer.sync()
    (digest,) = (one["sha256"] for one in FormPresenter(tablet).open(record).value("attachments"))
    tablet.forms.close_all()
    tablet.carrier.carry()
    assert tablet.files.has(digest) and not tablet.files.waiting()
    roles(app, lan, f"collector@{THERE}")
    tablet.syncer.sync()
    assert not tablet.files.has(digest)


def test_f37_an_unsent_file_of_what_left_goes_once_it_is_sent(app: Flask, add_person: AddUser, enrol: Enrol, tmp_path: Path) -> None:
    lan = add_person("lan", f"collector@{HERE}", f"collector@{THERE}")
    tablet = enrol(lan, HERE)
    form = FormPresenter(tablet)
    talk(form)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 hai")
    form.attach("attachments", [tmp_path / "a.pdf"])
    tablet.forms.close_all()
    tablet.syncer.sync()
    (digest,) = tablet.files.waiting()
    roles(app, lan, f"collector@{THERE}")
    tablet.syncer.sync()
    assert tablet.files.has(digest), "the server does not have it yet"
    tablet.carrier.carry()
    assert not tablet.files.has(digest)


def test_m52_f37_unsent_work_is_delivered_when_the_right_is_gone_and_waits_for_the_district(
    app: Flask, add_person: AddUser, enrol: Enrol
) -> None:
    lan, huyen = add_person("lan", f"collector@{HERE}"), add_person("huyen", "district_officer@hong_ngu")
    tablet = enrol(lan, HERE)
    record = written(tablet, title="Ghi trước khi chuyển (dữ liệu mẫu)")
    roles(app, lan, f"collector@{THERE}")
    tablet.syncer.sync()
    assert tablet.store.unsent_count() == 0 and tablet.store.set_aside()[0][1] == "no_right"
    assert tablet.store.show(record) is None, "it left the tablet once it had arrived"
    with app.app_context(), reading() as connection:
        assert connection.scalars(select(LineRow.verdict)).all() == ["no_right"]
    with app.test_request_context():
        person = db.session.get_one(User, huyen.id)
        (held,) = waiting(person)
        assert held.title == "Ghi trước khi chuyển (dữ liệu mẫu)" and held.unit == HERE
        take_up(person, held.device, record)
        assert open_record(person, record).values["participants_total"] == 60


def test_m52_f37_an_officer_who_was_moved_goes_on_in_the_new_unit(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    lan, thuan = add_person("lan", f"collector@{HERE}"), add_person("thuan", f"collector@{THERE}")
    a, b = enrol(lan, HERE), enrol(thuan, THERE)
    old, theirs = written(a), written(b)
    for tablet in (a, b):
        tablet.syncer.sync()
    roles(app, lan, f"collector@{THERE}")
    a.syncer.sync()
    assert a.who.unit == THERE and a.store.records() == [theirs]
    new = written(a)
    a.syncer.sync()
    b.syncer.sync()
    state = b.store.show(new)
    assert state is not None and state.unit == THERE and a.store.set_aside() == []
    a.close()
    again = Tablet(a.profile.folder, Clock(source=a.clock.now_ms), cheap_pin=True)
    assert again.who.unit == THERE
    again.close()
    with app.test_request_context():
        huyen = db.session.get_one(User, thuan.id)
        assert {one["id"] for one in plain_records([HERE])} == {old} and {one["id"] for one in plain_records([THERE])} == {theirs, new}
        with pytest.raises(SenError, match="not_found"):
            open_record(huyen, old)


def test_m53_f36_a_commune_that_was_merged_while_a_tablet_was_away(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    """Thường Thới Hậu B ended on 31/12/2019 and went into Thường Lạc."""
    ended, heir = "thuong_thoi_hau_b", "thuong_lac"
    at_day(app, datetime(2019, 12, 30, 8, tzinfo=VIETNAM))
    hau, lac = add_person("hau", f"collector@{ended}"), add_person("lac", f"collector@{heir}")
    huyen = add_person("huyen", "district_officer@hong_ngu")
    a, b = enrol(hau, ended), enrol(lac, heir)
    before = written(a, title="Trước khi sáp nhập (dữ liệu mẫu)", held_on="2019-12-28")
    a.syncer.sync()
    away = written(a, title="Ghi khi ngoại tuyến (dữ liệu mẫu)", held_on="2019-12-29")
    b.syncer.sync()
    assert b.store.records() == [], "another commune's, until then"
    at_day(app, datetime(2020, 1, 2, 8, tzinfo=VIETNAM))
    b.syncer.sync()
    assert b.store.records() == [before], "offered to the successor"
    roles(app, hau, f"collector@{heir}")
    a.syncer.sync()
    b.syncer.sync()
    assert a.store.set_aside() == [] and set(b.store.records()) == {before, away} == set(a.store.records())
    assert {b.store.show(one).unit for one in (before, away)} == {ended}, "it stays under its unit by date"  # type: ignore[union-attr]
    assert a.who.unit == heir
    new = written(a, title="Sau khi sáp nhập (dữ liệu mẫu)", held_on="2020-01-02")
    a.syncer.sync()
    b.syncer.sync()
    assert b.store.show(new).unit == heir  # type: ignore[union-attr]
    with app.test_request_context():
        person, units = db.session.get_one(User, huyen.id), services().catalogue.units
        found = plain_records(sorted(units.visible("hong_ngu")))
        assert sorted(one["id"] for one in found) == sorted([before, away, new]), "neither lost nor twice"
        assert sum(one["values"]["participants_total"] for one in found) == 180
        assert open_record(person, before).row.unit == ended
        mine = plain_records(sorted(units.visible(heir)))
        assert len(mine) == 3, "the successor's own view holds the history"
    assert a.store.digest() == b.store.digest()


def test_f36_no_tablet_is_enrolled_where_its_person_has_no_role(app: Flask, add_person: AddUser, enrol: Enrol) -> None:
    lan = add_person("lan", f"collector@{HERE}")
    with pytest.raises(SenError, match="no_role_here"):
        enrol(lan, THERE)
