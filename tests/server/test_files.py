"""What becomes of files on the server with time: kept while a record holds them, let go a month later, never under a push."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server import file_names, files
from server.db import reading, transaction
from server.enrolment import make_code
from server.files import KEPT_UNNAMED_MS, MOST_PARTS, FileChunk, FilePart, FileRow, collect
from server.people import Device, User
from server.services import services
from server.verify import verify
from shared.errors import SenError
from shared.ids import new_record_id
from sync.files import CONTENT_TYPE, Ask, Get, Put, open_answer, seal_request
from tests.server.conftest import AddUser
from tests.support.device import Answered, HandDevice

DAY_MS = 24 * 3600 * 1000
UNIT = "long_khanh_a"

Enrol = Callable[[], HandDevice]


@pytest.fixture
def device(app: Flask, client: FlaskClient, add_person: AddUser) -> HandDevice:
    """An enrolled device of a collector."""
    return enrolled(app, client, add_person("lan", f"collector@{UNIT}"))


def enrolled(app: Flask, client: FlaskClient, user: User) -> HandDevice:
    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = client.post(path, data=body, content_type=kind)
        return Answered(answer.status_code, answer.mimetype, answer.data)

    def work(session: Session) -> str:
        held = services()
        return make_code(session, held.catalogue, user=user, unit=UNIT, made_by=None, now_ms=held.clock.now_ms(), hours=1)

    with app.app_context():
        code = transaction(work)
    return HandDevice.enrol(post, code)


def now_of(app: Flask) -> int:
    with app.app_context():
        return services().clock.now_ms()


def document(number: int) -> bytes:
    return f"Biên bản {number} (dữ liệu mẫu)".encode()


def adds(data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"p": f"attachments/{digest}", "k": "add", "v": {"name": "a.txt", "size": len(data), "mime": "text/plain"}}


def put(device: HandDevice, data: bytes) -> str:
    """Send a file whole; the code of a refusal, or ""."""
    request = seal_request(device.id, device.mac_key, Put(hashlib.sha256(data).hexdigest(), 0, len(data), data))
    answer = device.post("/api/files", request, CONTENT_TYPE)
    if answer.status != 200:
        return str(answer.problem["code"])
    head, _ = open_answer(request, answer.body, device.mac_key)
    assert head == {"held": len(data), "whole": 1}
    return ""


def asked(device: HandDevice, *datas: bytes) -> list[tuple[int, int]]:
    hashes = tuple(hashlib.sha256(data).hexdigest() for data in datas)
    request = seal_request(device.id, device.mac_key, Ask(hashes))
    head, _ = open_answer(request, device.post("/api/files", request, CONTENT_TYPE).body, device.mac_key)
    return [tuple(head["files"][one]) for one in hashes]


def kept(app: Flask) -> set[str]:
    with app.app_context(), reading() as connection:
        return set(connection.scalars(select(FileRow.hash)))


def collected(app: Flask, at_ms: int) -> int:
    with app.app_context():
        return collect(at_ms)


def removes(name: str, data: bytes) -> dict[str, Any]:
    return {"p": f"attachments/{hashlib.sha256(data).hexdigest()}", "k": "remove", "s": [name]}


def name_of_last(device: HandDevice, line: bytes) -> str:
    from sync.log import line_hash, name_of

    return name_of(device.log, device.number, line_hash(line))


def record_with(device: HandDevice, data: bytes) -> tuple[str, str]:
    """A record that holds a file, and the name of its line."""
    record = new_record_id()
    line = device.line([adds(data)], r=record)
    assert "aside" not in device.push([line])
    return record, name_of_last(device, line)


def test_a_file_goes_a_month_after_the_last_record_let_it_go(app: Flask, device: HandDevice) -> None:
    first, second, start = document(1), document(2), now_of(app)
    record, name = record_with(device, first)
    record_with(device, second)
    assert put(device, first) == put(device, second) == ""
    assert collected(app, start + 400 * DAY_MS) == 0 and len(kept(app)) == 2, "what a record holds is kept for ever"
    assert "aside" not in device.push([device.line([removes(name, first)], r=record)])
    assert collected(app, start) == 0 and collected(app, start + KEPT_UNNAMED_MS - 1) == 0 and len(kept(app)) == 2
    assert collected(app, start + KEPT_UNNAMED_MS) == 1 and kept(app) == {hashlib.sha256(second).hexdigest()}
    assert asked(device, first, second) == [(0, 0), (len(second), 1)]
    with app.app_context(), reading() as connection:
        assert set(connection.scalars(select(FileChunk.hash))) == kept(app)


def test_a_file_that_is_named_again_in_time_begins_no_month(app: Flask, device: HandDevice) -> None:
    data, start = document(3), now_of(app)
    record, name = record_with(device, data)
    assert put(device, data) == ""
    device.push([device.line([removes(name, data)], r=record)])
    assert collected(app, start) == 0
    record_with(device, data)
    assert asked(device, data) == [(len(data), 1)]
    assert collected(app, start + 2 * KEPT_UNNAMED_MS) == 0 and len(kept(app)) == 1


def test_a_line_that_was_set_aside_keeps_a_file(app: Flask, device: HandDevice) -> None:
    data, start = document(4), now_of(app)
    record, name = record_with(device, data)
    assert put(device, data) == ""
    device.push([device.line([removes(name, data)], r=record)])
    told = device.push([device.line([adds(data)], y="no_such_type")])
    assert told["aside"]
    assert collected(app, start) == 0 and collected(app, start + 2 * KEPT_UNNAMED_MS) == 0 and len(kept(app)) == 1


@pytest.mark.parametrize("asks_first", [True, False])
def test_a_push_in_the_middle_of_the_collecting_loses_nothing(
    app: Flask, device: HandDevice, monkeypatch: pytest.MonkeyPatch, asks_first: bool
) -> None:  # fmt: skip
    """The line that names the file anew commits after the collector looked at the lines and before it deletes."""
    data, start = document(5), now_of(app)
    record, name = record_with(device, data)
    assert put(device, data) == ""
    device.push([device.line([removes(name, data)], r=record)])
    assert collected(app, start) == 0
    whole = list[list[tuple[int, int]]]()
    real = files._collect_batch

    def meanwhile(hashes: list[str], now_ms: int) -> int:
        def tablet() -> None:
            record_with(device, data)
            if asks_first:
                whole.append(asked(device, data))

        other = threading.Thread(target=tablet)
        other.start()
        other.join()
        return real(hashes, now_ms)

    monkeypatch.setattr(files, "_collect_batch", meanwhile)
    gone = collected(app, start + KEPT_UNNAMED_MS)
    if asks_first:
        assert whole == [[(len(data), 1)]] and gone == 0 and len(kept(app)) == 1, "what was told to be here stays"
    else:
        assert asked(device, data) == ([(0, 0)] if gone else [(len(data), 1)]), "what went is asked for again"
        assert put(device, data) == "" and len(kept(app)) == 1


def test_parts_that_nobody_goes_on_with_are_dropped_and_only_so_many_are_begun(app: Flask, device: HandDevice) -> None:
    datas = [document(number) for number in range(10, 10 + MOST_PARTS + 2)]
    for data in datas:
        record_with(device, data)
        request = seal_request(device.id, device.mac_key, Put(hashlib.sha256(data).hexdigest(), 0, len(data), data[:3]))
        assert device.post("/api/files", request, CONTENT_TYPE).status == 200
    with app.app_context(), reading() as connection:
        assert connection.scalar(select(func.count()).select_from(FilePart)) == MOST_PARTS
    assert asked(device, *datas).count((3, 0)) == MOST_PARTS
    collected(app, now_of(app) + KEPT_UNNAMED_MS + DAY_MS)
    assert asked(device, *datas) == [(0, 0)] * len(datas)
    with app.app_context(), reading() as connection:
        assert connection.scalar(select(func.count()).select_from(FileChunk)) == 0


def test_a_tablet_may_store_so_much(app: Flask, device: HandDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    data, other = b"%PDF-" + b"a" * 600_000, b"%PDF-" + b"b" * 600_000
    object.__setattr__(app.extensions["sen"].config, "file_quota_mb", 1)
    for one in (data, other):
        record_with(device, one)
    for at in range(0, len(data), 200_000):
        request = seal_request(device.id, device.mac_key, Put(hashlib.sha256(data).hexdigest(), at, len(data), data[at : at + 200_000]))
        assert device.post("/api/files", request, CONTENT_TYPE).status == 200
    request = seal_request(device.id, device.mac_key, Put(hashlib.sha256(other).hexdigest(), 0, len(other), other[:10]))
    told = device.post("/api/files", request, CONTENT_TYPE).problem
    assert told["code"] == "file_quota" and told["limit"] == 1


def test_a_server_that_ended_between_the_last_chunk_and_the_look_at_it_looks_when_asked(
    app: Flask, device: HandDevice, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    good, bad = document(30), document(31)
    for data in (good, bad):
        record_with(device, data)

    def dies(*_: object) -> None:
        raise SenError("server_busy")

    with monkeypatch.context() as patch:
        patch.setattr(files, "_finish", dies)
        for data, sent in ((good, good), (bad, bad[::-1])):
            request = seal_request(device.id, device.mac_key, Put(hashlib.sha256(data).hexdigest(), 0, len(data), sent))
            assert device.post("/api/files", request, CONTENT_TYPE).status == 503
    assert kept(app) == set()
    assert asked(device, good, bad) == [(len(good), 1), (0, 0)]


def test_many_lines_are_read_for_names_in_batches_and_once(app: Flask, device: HandDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_names, "BATCH", 3)
    datas = [document(number) for number in range(40, 50)]
    device.push([device.line([adds(data)], offset=at) for at, data in enumerate(datas, 1)])
    assert asked(device, *datas) == [(0, 0)] * 10
    monkeypatch.setattr(file_names, "_read_batch", None)
    assert asked(device, *datas) == [(0, 0)] * 10, "where nothing came, nothing is read or written"


def test_verify_names_a_file_that_is_not_its_hash(app: Flask, device: HandDevice) -> None:
    data = document(60)
    record_with(device, data)
    assert put(device, data) == ""
    with app.app_context():
        assert verify()[0] == []
        from server.db import writing

        with writing() as connection:
            connection.execute(FileChunk.__table__.update().values(data=data[::-1]))
        assert verify()[0] == [f"file {hashlib.sha256(data).hexdigest()}"]


def test_p10_a_revoked_tablet_gets_no_file_and_hands_in_its_own(app: Flask, client: FlaskClient, device: HandDevice, add_person: AddUser) -> None:
    other = enrolled(app, client, add_person("mai", f"collector@{UNIT}"))
    sent, unsent, foreign = document(70), document(71), document(72)
    for data in (sent, unsent):
        record_with(device, data)
    record_with(other, foreign)
    assert put(device, sent) == put(other, foreign) == ""
    with app.app_context():
        transaction(lambda session: session.execute(update(Device).where(Device.id == device.id).values(revoked_ms=1)))
    held = document(73)
    device.push([device.line([adds(held)])])
    digests = [hashlib.sha256(data).hexdigest() for data in (sent, unsent, foreign, held)]
    for digest in digests:
        answer = device.post("/api/files", seal_request(device.id, device.mac_key, Get(digest, 0, 10)), CONTENT_TYPE)
        assert answer.problem["code"] == "device_revoked"
    request = seal_request(device.id, device.mac_key, Ask(tuple(digests)))
    head, _ = open_answer(request, device.post("/api/files", request, CONTENT_TYPE).body, device.mac_key)
    assert head == {"files": {digests[0]: [len(sent), 1], digests[1]: [0, 0], digests[3]: [0, 0]}}, "of what others recorded it learns nothing"
    assert put(device, unsent) == put(device, held) == "" and put(device, foreign) == "not_found"
    assert collected(app, now_of(app) + 400 * DAY_MS) == 0 and kept(app) == set(digests)
