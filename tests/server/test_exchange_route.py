"""`POST /api/exchange` with what it must refuse or set aside: the code, what to do in both languages, nothing changed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import AuditEntry
from server.db import db, reading, transaction
from server.enrolment import make_code, revoke
from server.models import LineRow, RecordRow
from server.people import Device, User, disable_user
from server.records import history, open_record, plain_records, search
from server.services import services
from shared.ids import b64, new_record_id
from shared.messages import codes
from sync.accept import HELD
from sync.log import line_hash, name_of
from sync.merge import fresh
from sync.messages import CONTENT_TYPE, read_rows, read_runs
from sync.page import read_states
from sync.server_half import ServerHalf
from sync.state import RecordState
from tests.server.conftest import AddUser
from tests.support.device import TALK, Answered, HandDevice, Post, knock
from tests.support.marks import NAME, found_in
from tests.support.tables import dump_of
from tests.support.wrong import FRAMES, GOOD, LINES, pushed

HOUR_MS = 3_600_000


class Office(NamedTuple):
    """The app with one enrolled device; `output` is all that it answered and logged since the last look."""

    app: Flask
    device: HandDevice
    user: User
    post: Post
    output: Callable[[], str]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables."""
        with self.app.app_context():
            return dump_of(db.engine)


@pytest.fixture
def office(app: Flask, add_person: AddUser, capfd: pytest.CaptureFixture[str]) -> Office:
    user = add_person("lan", "collector@long_khanh_a", "case_worker@long_khanh_a")
    client, answers = app.test_client(), list[str]()
    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = client.post(path, data=body, content_type=kind)
        answers.append(answer.get_data().decode("utf-8", "replace"))
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    def output() -> str:
        told = "".join([*answers, *capfd.readouterr()])
        answers.clear()
        return told

    return Office(app, HandDevice.enrol(post, code_of(app, user)), user, post, output)


def code_of(app: Flask, user: User, *, hours: int = 72, age_ms: int = 0) -> str:
    """An enrolment code of a person that was made so long ago."""
    with app.app_context():
        now_ms = services().clock.now_ms() - age_ms

        def work(session: Session) -> str:
            person = session.get_one(User, user.id)
            return make_code(session, services().catalogue, user=person, unit="long_khanh_a", made_by=None, now_ms=now_ms, hours=hours)

        return transaction(work)


# --- frames: refused, nothing changed -----------------------------------------------------------------------------------


def refuses(office: Office, answer: Answered, status: int, code: str, vi: str, en: str) -> None:
    """The answer is this problem, says what to do in both languages, and neither it nor the log names anybody."""
    told = answer.problem
    assert (answer.status, told["status"], told["code"]) == (status, status, code)
    (error,) = told["errors"]
    assert vi in error["vi"] and en in error["en"], error
    assert told["title"] == error["vi"] and "–" not in error["vi"], "every fact of the sentence was told"
    output = office.output()
    assert not found_in(output.encode(), [NAME])
    assert "Traceback" not in output


@pytest.mark.parametrize("what", FRAMES)
def test_b01_b02_b03_a_wrong_frame_changes_nothing(office: Office, what: str) -> None:
    make, status, code, vi, en = FRAMES[what]
    before = office.dump()
    refuses(office, office.device.send(make(office.device)), status, code, vi, en)
    assert office.dump() == before
    assert "aside" not in office.device.push([office.device.line(GOOD)]), "the next right message is accepted"


def test_b10_another_content_type_is_refused(office: Office) -> None:
    before = office.dump()
    answer = office.post("/api/exchange", pushed(office.device), "text/html")
    refuses(office, answer, 415, "wrong_content_type", CONTENT_TYPE, CONTENT_TYPE)
    assert office.dump() == before


def test_b03_a_body_beyond_what_the_server_takes_is_refused(office: Office) -> None:
    before = office.dump()
    refuses(office, office.device.send(NAME.encode() * 1_000_000), 413, "body_too_large", "Chia nhỏ", "smaller parts")
    assert office.dump() == before


def _end_device(session: Session, office: Office) -> None:
    revoke(session, services().keys, session.get_one(Device, office.device.id), by="", now_ms=1)


def _end_person(session: Session, office: Office) -> None:
    disable_user(session, services().keys, session.get_one(User, office.user.id), now_ms=1)


@pytest.mark.parametrize("end", [_end_device, _end_person])
def test_p10_f38_what_a_revoked_tablet_brings_is_held_and_it_gets_nothing(office: Office, end: Callable[[Session, Office], None]) -> None:
    device = office.device
    device.push([device.line([*GOOD, {"p": "note", "v": NAME}])])
    with office.app.app_context():
        transaction(lambda session: end(session, office))
    before, lines = office.dump(), [device.line([*GOOD, {"p": "note", "v": NAME}]), device.line([{"p": "full_name", "v": NAME}], offset=2, y="gbv_case")]
    answer = device.opened(device.send(device.request(lines, page=65536, c={}, v={})))
    head = answer.head
    assert head["aside"] == [[device.log, 2, HELD], [device.log, 3, "not_sealed"]] and head["wipe"] == 1
    assert not answer.lines and not {"c", "scope", "docs", "runs", "told"} & set(head), "nothing is pulled"
    assert "Liên hệ" in codes()[HELD]["vi"] and "Contact" in codes()[HELD]["en"]
    after = office.dump()
    assert after["record"] == before["record"] and after["part"] == before["part"], "nothing is merged"
    with office.app.app_context(), reading() as connection:
        kept = connection.execute(select(LineRow.body, LineRow.verdict).order_by(LineRow.place)).all()
        assert [tuple(row) for row in kept[1:]] == [(lines[0], HELD), (None, "not_sealed")]
        assert connection.scalar(select(Device.wiped_ms)) is not None
        audited = connection.scalars(select(AuditEntry.action)).all()
        assert audited[-1] == "wipe"
    again = device.opened(device.send(device.request(lines, page=65536, c={}, v={}))).head
    assert again["wipe"] == 1, "a lost answer is told again"
    with office.app.app_context(), reading() as connection:
        assert connection.scalars(select(AuditEntry.action)).all() == audited, "noted once"
    assert not found_in(office.output().encode(), [NAME])


@pytest.mark.parametrize(("state", "status", "code"), [("wrong", 404, "code_wrong"), ("used", 409, "code_used"), ("expired", 410, "code_expired")])
def test_f51_a_wrong_used_or_expired_code_changes_nothing(office: Office, state: str, status: int, code: str) -> None:
    real = code_of(office.app, office.user, age_ms=100 * HOUR_MS if state == "expired" else 0)
    if state == "used":
        HandDevice.enrol(office.post, real)
    before = office.dump()
    wrong = state == "wrong"
    answer, _, _ = knock(office.post, "AAAA-BBBB-CCCC" if wrong else real, NAME)
    vi, en = ("nhập lại", "enter it again") if wrong else ("Xin huyện cấp mã mới", "Ask the district for a new one")
    refuses(office, answer, status, code, vi, en)
    assert office.dump() == before


# --- lines: set aside, the rest accepted --------------------------------------------------------------------------------


@pytest.mark.parametrize("what", LINES)
def test_p06_f42_b01_b02_b11_a_wrong_line_is_set_aside_and_the_rest_accepted(office: Office, what: str) -> None:
    make, code, vi, en = LINES[what]
    device = office.device
    before, wrong = office.dump(), make(device)
    records = [new_record_id(), new_record_id()]
    head = device.push([device.line(GOOD, r=records[0]), wrong, device.line(GOOD, offset=3, r=records[1])])
    assert head["aside"] == [[device.log, 2, code]]
    assert vi in codes()[code]["vi"] and en in codes()[code]["en"]
    output = office.output()
    assert not found_in(output.encode(), [NAME]) and "Traceback" not in output
    after = office.dump()
    assert {row[0] for row in after["record"]} == set(records), "of the wrong line nothing is shown, searched or counted"
    assert {name for name in after if after[name] != before[name]} <= {"line", "log", "stream", "record", "part"}
    with office.app.app_context(), reading() as connection:
        kept = connection.execute(select(LineRow.body, LineRow.verdict).where(LineRow.number == 2)).one()
        assert kept.verdict == code
        assert kept.body == (None if code in ("not_sealed",) else wrong), "its bytes are kept, a confidential value is not"


def test_t05_a_line_of_another_unit_is_no_right(office: Office) -> None:
    head = office.device.push([office.device.line(GOOD, g="thuong_phuoc_1")])
    assert head["aside"] == [[office.device.log, 1, "no_right"]]
    assert "huyện" in codes()["no_right"]["vi"] and "district" in codes()["no_right"]["en"]


OTHERWISE_WRONG: Mapping[str, dict[str, Any]] = {
    "an unknown unit": {"g": "atlantis"}, "another unit": {"g": "thuong_phuoc_1"}, "somebody else's name": {"u": "AAAAAAAAAAA"},
    "an unknown field beside it": {"o": [{"p": "no_such_field", "v": 1}, {"p": "full_name", "v": NAME}]},
    "a wrong kind beside it": {"o": [{"p": "opened_on", "v": "x"}, {"p": "children_ages", "v": NAME}, {"p": "full_name", "v": NAME}]},
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERWISE_WRONG)
def test_t08_a_confidential_value_in_the_clear_is_not_kept_whatever_else_is_wrong(office: Office, what: str) -> None:
    device = office.device
    head = device.push([device.line([{"p": "full_name", "v": NAME}], **{"y": "gbv_case", **OTHERWISE_WRONG[what]})])
    assert head["aside"] == [[device.log, 1, "not_sealed"]]
    assert not found_in(repr(office.dump()).encode(), [NAME])


def test_t08_a_case_that_is_said_to_be_of_another_type_is_not_kept_in_the_clear(office: Office) -> None:
    device = office.device
    first = device.line([{"p": "code", "v": "HS-01"}], y="gbv_case")
    second = device.line([{"p": "full_name", "v": NAME}], offset=2, r=json.loads(first)["r"])
    assert device.push([first, second])["aside"] == [[device.log, 2, "not_sealed"]]
    assert not found_in(repr(office.dump()).encode(), [NAME])


def test_b05_the_same_text_in_nfd_is_no_question(office: Office, add_person: AddUser) -> None:
    """Two tablets write one title, one of them in NFD: it is one value; what is asked and told elsewhere is NFC."""
    one, other = office.device, HandDevice.enrol(office.post, code_of(office.app, office.user))
    title, record = "Hội nghị ở ấp Long Thạnh (dữ liệu mẫu)", new_record_id()
    loose = unicodedata.normalize("NFD", title)
    one.push([one.line([{"p": "unit", "v": "long_khanh_a"}, {"p": "title", "v": title}, {"p": "note", "v": "a"}], r=record)])
    other.push([other.line([{"p": "title", "v": loose}], r=record), other.line([{"p": "place", "v": loose}], offset=2, r=record)])
    with office.app.app_context():
        shown = open_record(office.user, record)
        assert [question.path for question in shown.questions] == []
        assert loose not in repr(history(office.user, record)) and title in repr(history(office.user, record))
    one.push([one.line([{"p": "place", "v": "Nhà văn hóa"}], r=record)])
    with office.app.app_context():
        (question,) = open_record(office.user, record).questions
        assert {answer.value for answer in question.answers} == {title, "Nhà văn hóa"}


def test_b05_nfd_is_kept_as_it_came_and_read_as_nfc(office: Office, add_person: AddUser) -> None:
    device, title = office.device, "Hội nghị ở ấp Long Thạnh (dữ liệu mẫu)"
    loose = unicodedata.normalize("NFD", title)
    assert loose != title
    file = {"k": "add", "p": "attachments/" + "a" * 64, "v": {"name": loose, "size": 1, "mime": "text/plain"}}
    row = [{"k": "insert", "p": "speakers/AAAAAAAAAAA", "v": "m"}, {"p": "speakers/AAAAAAAAAAA/organisation", "v": loose}]
    first = device.line([*GOOD, {"p": "note", "v": loose}, file, *row])
    seen = name_of(device.log, 1, line_hash(first))
    second = device.line([{"p": "title", "v": loose, "s": [seen]}], offset=2, r=json.loads(first)["r"])
    assert "aside" not in device.push([first, second])
    with office.app.app_context(), reading() as connection:
        assert [bytes(body) for body in connection.scalars(select(LineRow.body).order_by(LineRow.place))] == [first, second], "verbatim"
        (told,) = plain_records(["long_khanh_a"])
        assert told["values"]["title"] == told["values"]["note"] == title
        assert told["values"]["attachments"][0]["name"] == title == told["values"]["speakers"][0]["organisation"]
        clerk = add_person("huong", "district_officer@hong_ngu")
        (found,) = search(clerk, TALK, text="hoi nghi ap long thanh").rows
        assert found.title == title
        assert loose not in str(connection.execute(select(RecordRow.current, RecordRow.folded)).all())


def test_t08_whatever_stands_at_whatever_path_breaks_nothing(office: Office) -> None:
    """Every field of every type, row fields too, gets every kind of value by every kind of operation; then all is read again."""
    device = office.device
    with office.app.app_context():
        types = dict(services().catalogue.types)
    values: list[Any] = ["x", "", 7, -1.5, True, None, ["a", "a"], [1], {"a": 1}, {"own": 5}, [{"id": "r"}], "2022-05-20", "9" * 70]
    lines, clear = list[bytes](), set[int]()
    for code, record_type in types.items():
        shared = new_record_id()
        for field in record_type.fields.values():
            paths = [field.code, f"{field.code}/{'a' * 64}", f"{field.code}/AAAAAAAAAAA/x", f"{field.code}/AAAAAAAAAAA/@", f"{field.code}//"]
            for path in [*paths, *(f"{field.code}/AAAAAAAAAAA/{sub}" for sub in field.fields)]:
                for number, value in enumerate(values):
                    kind = ("set", "add", "insert", "decide", "go", "remove", "move")[(number * 3 + len(lines)) % 7]
                    record = shared if number % 2 else new_record_id()
                    lines.append(device.line([{"k": kind, "p": path, "v": value}], offset=len(lines) + 1, y=code, r=record))
                    if field.confidential and value is not None and kind not in ("insert", "move", "remove"):
                        clear.add(len(lines))
    for start in range(0, len(lines), 2000):
        device.push(lines[start : start + 2000])
    with office.app.app_context(), reading() as connection:
        verdicts = {row.number: row.verdict for row in connection.execute(select(LineRow.number, LineRow.verdict))}
        assert len(verdicts) == len(lines)
        assert not [number for number in clear if verdicts[number] == ""], "no confidential value is taken in the clear"
        records = list(connection.execute(select(RecordRow.id, RecordRow.type, RecordRow.unit, RecordRow.state)))
        assert len({row.type for row in records}) == len(types)
        assert {row.unit for row in records} == {"long_khanh_a"} and {row.state for row in records} <= {None, "draft"}
        plain_records(["long_khanh_a"])
        case_worker = office.user
        for row in records:
            open_record(case_worker, row.id)
            history(case_worker, row.id)
    assert set(pulled(HandDevice.enrol(office.post, code_of(office.app, office.user)))) == {row.id for row in records}


def pulled(device: HandDevice) -> dict[str, RecordState]:
    """All that a fresh device is told, read as a tablet reads it."""
    told: dict[str, RecordState] = {}
    cursors: dict[str, str] = {}
    version = ""
    while True:
        opened = device.opened(device.send(device.request(page=1 << 20, v={"scope": version}, c=cursors)))
        cursors, version = opened.head.get("c", {}), opened.head.get("scope", [version])[-1]
        runs, rest = read_runs(opened.head, opened.lines)
        for member in ("blobs", "wraps"):
            _, rest = read_rows(opened.head, member, rest)
        page = read_states(runs, read_rows(opened.head, "told", rest)[0], lambda name: None)
        told |= {record: fresh(change, name, number=1) for record, (name, change) in page.soles.items()}
        told |= page.states
        if not opened.head.get("more"):
            return told


NAMES = [f"AAAAAAAAAAA.{'9' * 5000}.AAAAAAAA", f"AAAAAAAAAAA.{'9' * 15}.AAAAAAAA", "AAAAAAAAAAA.7.AAAAAAAA", "x", "AAAAAAAAAAA.1.AAAAAAAA" * 9]
ODD: list[Any] = [None, 0, -1, 10**30, 1.5, True, "", "ab", "9" * 5000, [], [[]], ["ab"], [None], {}, {"a": 1}, {"0": 1}, [1, 2], {"AAAAAAAAAAA": [1, 10**30, "x"]}]


def test_t08_whatever_a_line_is_made_of_breaks_nothing(office: Office) -> None:
    device, lines = office.device, list[bytes]()

    def add(line: dict[str, Any]) -> None:
        lines.append(json.dumps({**line, "n": line["n"] or len(lines) + 1}, ensure_ascii=False).encode())

    right = {**json.loads(device.line(GOOD)), "n": 0}
    for member in ("t", "u", "c", "r", "y", "g", "o"):
        for value in ODD:
            add({**right, member: value})
    for member in ("p", "k", "v", "b", "s", "why"):
        for value in ODD:
            add({**right, "r": new_record_id(), "o": [{"p": "title", "v": "x", member: value}]})
    for name in NAMES:
        add({**right, "o": [{"p": "title", "v": "x", "s": [name]}]})
    add({**right, "y": "gbv_case", "r": new_record_id(), "o": [{"p": "full_name", "b": "A" * 43, "v": NAME}]})
    device.push(lines)
    with office.app.app_context(), reading() as connection:
        kept = connection.execute(select(LineRow.body, LineRow.verdict).order_by(LineRow.place)).all()
    assert len(kept) == len(lines)
    assert (kept[-1].verdict, kept[-1].body) == ("not_sealed", None), "a sealed value that also stands in the clear"
    assert {row.verdict for row in kept} <= set(codes()) | {""}


def test_t08_whatever_a_head_says_breaks_nothing(office: Office) -> None:
    """Each member of a request's head, and each row behind it, as anything: a problem or an answer, never an error of ours."""
    device, line = office.device, office.device.line(GOOD)
    run = [device.log, 1, b64(device.head), 1]
    heads = list[tuple[dict[str, Any], list[bytes]]]()
    for value in ODD:
        heads += [({"q": 1, "page": 9000, member: value}, []) for member in ("q", "at", "h", "runs", "blobs", "wraps", "page", "c", "v", "d", "past")]
        heads += [({"q": 1, "page": 9000, "c": {"hong_ngu": told, f"{told}/x/0": ""}}, []) for told in ("", "x", "A" * 43)]
        heads += [({"q": 1, "page": 9000, "v": {member: value}}, []) for member in ("scope", "catalogue", "people")]
        heads += [({"q": 1, "runs": [[*run[:at], value, *run[at + 1 :]]]}, [line]) for at in range(4)]
        for rows in ("blobs", "wraps"):
            told = [[*row[:at], value, *row[at + 1 :]] for row in (["A" * 43, "AAAA", "AAAA"][: 2 + (rows == "wraps")],) for at in range(len(row))]
            heads += [({"q": 1, "runs": [run], rows: 1}, [line, json.dumps(row).encode()]) for row in [*told, value]]
    for head, lines in heads:
        answer = device.send(device.packed(b"\n".join([json.dumps(head).encode(), *lines])))
        assert answer.status in (200, 400, 401, 403, 409, 413), (head, answer)
    assert "Traceback" not in office.output()


def test_m72_p13_an_app_that_is_too_old_hands_in_and_is_told_to_update(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of a later time, by its own address: the line counts, nothing is told but how far the log is read."""
    monkeypatch.setattr("server.api.exchange.ServerHalf", partial(ServerHalf, version=3, apps_from=2))
    head = office.device.opened(office.device.send(office.device.request([office.device.line(GOOD)], page=65536))).head
    assert head["update"] == "app" and head["p"] == 3 and head["read"][office.device.log][0] == 1
    assert not {"c", "docs", "scope", "told", "upto"} & head.keys()
    with office.app.app_context(), reading() as connection:
        assert list(connection.scalars(select(LineRow.verdict))) == [""]
