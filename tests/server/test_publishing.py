"""A server that is started with another catalogue: it follows the one before, and everything that was written stays readable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.config import Config
from server.db import db, reading, transaction, writing
from server.models import CatalogueRow, LineRow
from server.people import User, add_user, give_role
from server.process import ready_app
from server.records import history, open_record, plain_records
from server.services import services
from shared.catalogue import CatalogueError
from shared.ids import new_record_id
from tests.server.test_exchange_route import code_of
from tests.support.device import TALK as TYPE
from tests.support.device import Answered, HandDevice, Post
from tests.support.texts import TALK, dropped, folder_of, renamed, retyped, shipped

WHOLE = [
    {"p": "title", "v": "Họp ấp (dữ liệu mẫu)"}, {"p": "held_on", "v": "2022-05-29"}, {"p": "participants_total", "v": 48},
    {"p": "event_code", "v": "SK-7"},
]  # fmt: skip


@pytest.fixture
def folder(config: Config, tmp_path: Path) -> Config:
    """The settings of a server whose catalogue stands in a folder of its own."""
    return replace(config, catalogue=folder_of(shipped(), tmp_path / "catalogue"))


@pytest.fixture
def apps() -> Iterator[list[Flask]]:
    """The apps that a test started; their databases are let go."""
    made: list[Flask] = []
    yield made
    for app in made:
        with app.app_context():
            db.engine.dispose()


def start(folder: Config, apps: list[Flask], texts: dict[str, str] | None = None) -> Flask:
    """Start the server again, with other files in its folder."""
    assert folder.catalogue is not None
    for path in folder.catalogue.rglob("*.yaml"):
        path.unlink()
    folder_of(texts or shipped(), folder.catalogue)
    apps.append(ready_app(folder))
    return apps[-1]


def device_on(app: Flask) -> tuple[HandDevice, User]:
    """A tablet of Long Khánh A, enrolled there, and its officer."""

    def work(session: Session) -> User:
        user = add_user(session, login="lan", name="Lan", password=None, now_ms=0, demo=True)
        for role in ("collector", "unit_lead"):
            give_role(session, services().catalogue, user, role, "long_khanh_a")
        return user

    with app.app_context():
        user = transaction(work)
    return HandDevice.enrol(post_to(app), code_of(app, user)), user


def post_to(app: Flask) -> Post:
    client = app.test_client()

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = client.post(path, data=body, content_type=kind)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    return post


def signed_in(app: Flask, user: User) -> FlaskClient:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = user.get_id(), True
    return client


def verdicts(app: Flask) -> list[str]:
    with app.app_context(), reading() as connection:
        return list(connection.scalars(select(LineRow.verdict).order_by(LineRow.place)))


def published(app: Flask) -> int:
    with app.app_context(), reading() as connection:
        return connection.scalar(select(func.count(CatalogueRow.number))) or 0


def test_what_did_not_change_is_not_published_again(folder: Config, apps: list[Flask]) -> None:
    first = start(folder, apps)
    again = start(folder, apps)
    assert published(again) == 1 and services(first).catalogue.version == services(again).catalogue.version
    changed = start(folder, apps, dropped())
    assert published(changed) == 2 and "event_code" in services(changed).catalogue.types[TYPE].former
    back = start(folder, apps, dropped())
    assert published(back) == 2 and services(back).catalogue.version == services(changed).catalogue.version


def test_f34_a_catalogue_that_cannot_follow_is_not_published(folder: Config, apps: list[Flask]) -> None:
    app = start(folder, apps)
    wrong = renamed()
    wrong[TALK] = wrong[TALK].replace("was: participants_total", "was: participants")
    with pytest.raises(CatalogueError) as told:
        start(folder, apps, wrong)
    assert told.value.code == "catalogue_rename_missing" and told.value.file == TALK
    assert wrong[TALK].split("\n")[told.value.line - 1].strip() == "was: participants"
    assert published(app) == 1


def test_an_admins_command_takes_what_was_published_and_publishes_nothing(folder: Config, apps: list[Flask]) -> None:
    changed = start(folder, apps, dropped())
    assert folder.catalogue is not None
    command = ready_app(replace(folder, catalogue=None), publishes=False)
    apps.append(command)
    assert services(command).catalogue.version == services(changed).catalogue.version and published(command) == 1


def test_m60_f33_a_rename_reaches_lists_figures_and_the_page(folder: Config, apps: list[Flask]) -> None:
    """Columns that were made before are made anew; what a tablet writes under the old name counts under the new one."""
    app = start(folder, apps)
    (device, lan), record = device_on(app), new_record_id()
    device.push([device.line(WHOLE, r=record)])
    with app.app_context():
        assert [one["values"]["participants_total"] for one in plain_records(["long_khanh_a"], types=[TYPE])] == [48]
    app = start(folder, apps, renamed())
    device.post = post_to(app)
    with app.app_context():
        assert [one["values"]["attendances_total"] for one in plain_records(["long_khanh_a"], types=[TYPE])] == [48]
    device.push([device.line([{"p": "participants_total", "v": 52}], r=record, offset=1)])
    assert verdicts(app) == ["", ""]
    with app.app_context():
        row = open_record(lan, record)
        assert [one.path for one in row.questions] == ["participants_total"], "who writes without having seen is asked about, in one place"
        assert {one.value for one in row.questions[0].answers} == {48, 52} and row.snapshot.values["attendances_total"] == 48


def test_m61_f33_lines_of_a_dropped_field_count_and_are_shown_with_its_label(folder: Config, apps: list[Flask]) -> None:
    app = start(folder, apps)
    (device, lan), record = device_on(app), new_record_id()
    app = start(folder, apps, dropped())
    device.post = post_to(app)
    device.push([device.line(WHOLE, r=record)])
    assert verdicts(app) == [""]
    client = signed_in(app, lan)
    page = client.get(f"/records/{record}").text
    assert "Trường cũ" in page and "Mã sự kiện chung" in page and "SK-7" in page
    past = client.get(f"/records/{record}/history").text
    assert "Mã sự kiện chung" in past and "SK-7" in past


def test_m62_f33_a_retyped_answer_that_cannot_be_read_is_shown_and_asked_again(folder: Config, apps: list[Flask]) -> None:
    app = start(folder, apps)
    (device, lan), record = device_on(app), new_record_id()
    device.push([device.line(WHOLE, r=record)])
    app = start(folder, apps, retyped())
    client = signed_in(app, lan)
    assert "SK-7" in client.get(f"/records/{record}").text
    assert "Câu trả lời cũ «SK-7» không đọc được" in client.get(f"/records/{record}/edit?check=1").text


def test_f35_what_an_older_server_could_not_read_counts_once_it_is_updated(folder: Config, apps: list[Flask]) -> None:
    """A tablet with newer forms than its server: kept, set aside, and taken up by the next server by itself, under the writer's name."""
    app = start(folder, apps, dropped())
    (device, lan), record, other = device_on(app), new_record_id(), new_record_id()
    device.push([device.line([*WHOLE[:3], {"p": "weather", "v": "mưa"}], r=record)])
    device.push([device.line([{"p": "weather", "v": "nắng", "s": []}], r=record)])
    device.push([device.line(WHOLE[:2], r=other)])
    assert verdicts(app) == ["unknown_field", "unknown_field", ""]
    later = dropped()
    later[TALK] = later[TALK].replace("fields:\n", "fields:\n  weather: {kind: text, label: {vi: Thời tiết, en: Weather}}\n", 1)
    later[TALK] = later[TALK].replace("fields: [title,", "fields: [title, weather,", 1)
    app = start(folder, apps, later)
    assert verdicts(app) == ["unknown_field", "unknown_field", "", "", ""]
    with app.app_context():
        held = open_record(lan, record)
        assert held.snapshot.values["title"] == WHOLE[0]["v"] and held.snapshot.values["weather"] in ("mưa", "nắng")
        told = history(lan, record)
        assert {one.user for one in told} == {device.user} and any("Máy chủ đã cập nhật" in (one.why or "") for one in told)
    app = start(folder, apps, later)
    assert len(verdicts(app)) == 5, "once"


VISIT = """
code: study_visit
label: {vi: Tham quan học tập, en: Study visit}
group: management
letter: ["5"]
title: title
date: held_on
fields:
  title: {kind: text, label: {vi: Tên chuyến đi, en: Title}}
  held_on: {kind: date, label: {vi: Ngày đi, en: Date}}
sections:
  - {code: main, label: {vi: Chính, en: Main}, fields: [title, held_on]}
"""


def test_m64_records_of_a_dropped_type_stand_at_the_console_and_nobody_begins_a_new_one(folder: Config, apps: list[Flask]) -> None:
    app = start(folder, apps, shipped() | {"record_types/study_visit.yaml": VISIT})
    (device, lan), record = device_on(app), new_record_id()
    operations = [{"p": "title", "v": "Đi Tháp Mười (dữ liệu mẫu)"}, {"p": "held_on", "v": "2022-05-20"}]
    device.push([device.line(operations[:1], r=record, y="study_visit")])
    app = start(folder, apps)
    device.post = post_to(app)
    device.push([device.line(operations[1:], r=record, y="study_visit")])
    assert verdicts(app) == ["", ""]
    client = signed_in(app, lan)
    assert "Tham quan học tập" in client.get("/records").text
    listing = client.get("/records/of/study_visit").text
    assert "Đi Tháp Mười" in listing and "20/05/2022" in listing and "/records/new/study_visit" not in listing
    assert client.get("/records/new/study_visit").status_code == 403
    assert "Ngày đi" in client.get(f"/records/{record}").text


@pytest.mark.parametrize("lost", [False, True], ids=["keys-stay", "keys-lost"])
def test_p12_f33_a_restored_server_knows_the_forms_that_were_published_after_the_backup(folder: Config, apps: list[Flask], lost: bool) -> None:
    """A field was added and taken out again since; a tablet has answers in it. Only a server whose keys are older too does not know it."""
    first = start(folder, apps, dropped())
    device, _ = device_on(first)
    start(folder, apps, shipped())
    last = services(start(folder, apps, dropped())).catalogue.version
    with first.app_context():
        if lost:
            with services().keys._writing() as connection:
                connection.execute("DELETE FROM catalogue")
        with writing() as connection:  # as a backup from before it all
            connection.execute(delete(CatalogueRow).where(CatalogueRow.number > 1))
    again = start(folder, apps, dropped())
    assert (services(again).catalogue.version == last) is not lost
    device.post = post_to(again)
    device.push([device.line(WHOLE)])
    assert verdicts(again) == ["unknown_field" if lost else ""]
    assert published(again) == (1 if lost else 2)
