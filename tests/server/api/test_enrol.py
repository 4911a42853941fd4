"""`POST /api/enrol` as a tablet meets it: the answer, and a problem for everything else."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db import db
from server.people import Device
from server.services import services
from shared.ids import b64, unb64
from shared.messages import codes
from shared.sealing import BoxKeys, agree, derive
from tests.server.conftest import AddUser
from tests.server.test_enrolment import HOUR_MS, code_for, new_request

PLANTED = "NGUYỄN-THỊ-ĐÁNH-DẤU"


def body_of(code: str, /, **other: Any) -> dict[str, Any]:
    request = new_request(code)
    told = {"code": code, "device_sign": b64(request.sign), "device_box": b64(request.box), "officer_box": b64(request.officer_box)}
    return {**told, "name": "Máy xã Long Khánh A"} | other


def devices(app: Flask) -> int:
    with app.app_context(), Session(db.engine) as session:
        return session.scalar(select(func.count()).select_from(Device)) or 0


def test_a_tablet_is_enrolled(app: Flask, client: FlaskClient, add_person: AddUser) -> None:
    lan = add_person("lan", "collector@long_khanh_a", name="Lê Thị Lan")
    box = BoxKeys.new()
    with app.app_context():
        body = body_of(code_for(lan, now_ms=services().clock.now_ms()), device_box=b64(box.public))
    answer = client.post("/api/enrol", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert set(told) == {"device", "server", "user", "unit", "stream", "catalogue", "certificate"}
    assert told["user"] == {"id": lan.id, "name": "Lê Thị Lan", "roles": ["collector"]}
    assert (told["unit"], told["stream"]) == ("long_khanh_a", "hong_ngu")
    with app.app_context():
        mac = derive(agree(box.private, unb64(told["server"]["box"])), b"sen-mac/1" + told["device"].encode())
        assert services().keys.mac_key(told["device"], box.public) == mac
        assert told["catalogue"] == services().catalogue.version
    again = client.post("/api/enrol", json=body).get_json()
    with app.app_context():
        opened = [services().keys.certified(one.pop("certificate")) for one in (told, again)]
    assert again == told and opened[0] == opened[1], "a lost answer is told again"
    assert devices(app) == 1


def problem(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    told = answer.get_json()
    assert told["code"] == code
    assert told["status"] == status
    for error in told["errors"]:
        assert set(error) == {"path", "code", "vi", "en"}
        assert error["vi"] != error["en"]
        assert error["code"] in codes()
    assert PLANTED not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(("state", "status", "code"), [("wrong", 404, "code_wrong"), ("used", 409, "code_used"), ("expired", 410, "code_expired")])
def test_f51_a_wrong_used_or_expired_code(app: Flask, client: FlaskClient, add_person: AddUser, state: str, status: int, code: str) -> None:
    lan = add_person("lan", "collector@long_khanh_a")
    with app.app_context():
        now_ms = services().clock.now_ms()
        real = code_for(lan, now_ms=now_ms - (100 * HOUR_MS if state == "expired" else 0))
    if state == "used":
        assert client.post("/api/enrol", json=body_of(real)).status_code == 200
    before = devices(app)
    problem(client.post("/api/enrol", json=body_of("WRONG" if state == "wrong" else real, name=PLANTED)), status, code)
    assert devices(app) == before


@pytest.mark.parametrize(("change", "path"), [
    ({"device_sign": PLANTED}, "device_sign"), ({"device_box": "AAAA"}, "device_box"), ({"officer_box": 5}, "officer_box"), ({"name": ""}, "name"), ({}, "name"),
    ({"name": PLANTED * 20}, "name"), ({"code": None}, "code"), ({"code": [PLANTED]}, "code"), ({"unknown": PLANTED}, "unknown"),
])  # fmt: skip
def test_every_wrong_member_is_told_by_its_path(app: Flask, client: FlaskClient, change: dict[str, Any], path: str) -> None:
    body = body_of("AAAA-BBBB-CCCC", **change)
    if not change:
        del body[path]
    answer = client.post("/api/enrol", json=body)
    problem(answer, 422, "bad_input")
    (error,) = answer.get_json()["errors"]
    assert error["path"] == path
    if not change or None in change.values():
        assert error["code"] == "required"
    assert devices(app) == 0


@pytest.mark.parametrize(("data", "kind", "status", "code"), [
    (b"{", "application/json", 400, "bad_json"), (b"", "application/json", 400, "bad_json"), (b'{"code": NaN}', "application/json", 400, "bad_json"),
    (b'{"code": "a", "code": "b"}', "application/json", 400, "bad_json"), (b"\xef\xbb\xbf{}", "application/json", 400, "bad_json"),
    (b'{"code": "\xff"}', "application/json", 400, "bad_json"), (b'{"code": "\\ud800"}', "application/json", 400, "bad_json"),
    (b'{"code": "\\u0000"}', "application/json", 400, "bad_json"), (b"[" * 100_000, "application/json", 400, "bad_json"),
    (b'{"a": 99999999999999999999}', "application/json", 400, "bad_json"), (b"{} {}", "application/json", 400, "bad_json"),
    (b"3", "application/json", 422, "bad_input"), (b"[]", "application/json", 422, "bad_input"),
    (b"{}", "text/html", 415, "bad_content_type"), (b"x" * (17 << 20), "application/json", 413, "body_too_large"),
], ids=lambda value: value[:24] if isinstance(value, bytes) else None)  # fmt: skip
def test_b01_b02_b03_b04_what_is_no_json(app: Flask, client: FlaskClient, data: bytes, kind: str, status: int, code: str) -> None:
    problem(client.post("/api/enrol", data=data, content_type=kind), status, code)
    assert devices(app) == 0


def test_f51_guessing_is_slowed(app: Flask, client: FlaskClient) -> None:
    answers = [client.post("/api/enrol", json=body_of("AAAA-BBBB-CCCC")) for _ in range(12)]
    assert [answer.status_code for answer in answers[:10]] == [404] * 10
    problem(answers[11], 429, "too_often")
    assert int(answers[11].headers["Retry-After"]) > 0


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/enrol", 405), ("PUT", "/api/enrol", 405), ("GET", "/api/nothing", 404), ("TRACE", "/api/enrol", 405)])
def test_b10_other_methods_and_addresses(client: FlaskClient, method: str, path: str, status: int) -> None:
    problem(client.open(path, method=method), status, {405: "bad_method", 404: "not_found"}[status])
