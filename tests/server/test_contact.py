"""What the server notes of a contact, once the answer has left: when it was, and what the tablet still held."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import event

from server.db import db
from server.people import Device
from server.services import services
from shared.ids import b64
from sync.log import chain_next, line_hash
from sync.messages import CONTENT_TYPE
from tests.server.conftest import AddUser
from tests.server.test_exchange_route import GOOD, code_of
from tests.support.device import Answered, HandDevice, Post


def test_what_a_tablet_still_holds_is_told_with_its_last_contact(app: Flask, add_person: AddUser) -> None:
    """The tablet tells how far its logs go; a request that asks for no pull (an urgent one) says nothing of the other log."""

    post = poster(app)
    device = HandDevice.enrol(post, code_of(app, add_person("lan", "collector@long_khanh_a")))
    other, line = "AAAAAAAAAAA", device.line(GOOD)

    def unsent() -> int | None:
        with app.app_context():
            return db.session.get_one(Device, device.id).unsent

    def send(message: bytes) -> None:
        assert post("/api/exchange", message, CONTENT_TYPE).status == 200

    send(device.request([line], h={device.log: [4, 0, ""], other: [2, 0, ""]}, page=65536))
    assert unsent() == 5
    device.head, device.number = chain_next(device.head, line_hash(line)), 1
    send(device.request(h={other: [2, 0, ""]}))
    assert unsent() == 5
    send(device.request(h={device.log: [1, 1, b64(device.head)[:8]], other: [0, 0, ""]}, page=65536))
    assert unsent() == 0


MINUTE_MS = 60_000
BEGIN_MS = 1_653_872_400_000
"""30/05/2022, 8 o'clock in Việt Nam."""

DAY = [0, 1, 5, 9, 10, 11, 19, 20, 25, 29, 31, 32, 60, 69, 70, -30, -25, -21, -20]
"""Minutes at which a tablet asks; at the end the server's clock was set back."""

NOTED = [0, 10, 20, 31, 60, 70, -30, -20]
"""Those of them at which the contact is written: ten minutes lie between two."""


def test_l01_a_contact_is_noted_once_in_ten_minutes_for_each_tablet_and_nothing_else_is_written(
    app: Flask, add_person: AddUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanges with nothing new, by the server's own clock: exactly these write, each one row in one commit."""
    devices = [HandDevice.enrol(poster(app), code_of(app, add_person(f"lan{n}", "collector@long_khanh_a"))) for n in range(2)]
    clock, written = SimpleNamespace(ms=BEGIN_MS), list[tuple[str, int]]()

    def statement(connection: object, cursor: object, text: str, *rest: object) -> None:
        if not text.lstrip().startswith(("SELECT", "BEGIN")):
            written.append((" ".join(text.split()[:2]), (clock.ms - BEGIN_MS) // MINUTE_MS))

    def ask(one: HandDevice, held: dict[str, object]) -> dict[str, object]:
        head = one.opened(one.send(one.request(page=65536, **held))).head
        if held["c"]:
            assert not {"scope", "docs", "runs", "told", "parts"} & head.keys(), "nothing is new"
            return held
        return {"c": head["c"], "v": {"scope": head["scope"][3], **{name: told["version"] for name, told in head["docs"].items()}}}

    with app.app_context():
        monkeypatch.setattr(services().clock, "now_ms", lambda: clock.ms)
        event.listen(db.engine, "before_cursor_execute", statement)
        held = [dict[str, object](c={}, v={}) for _ in devices]
        for minute in DAY:
            clock.ms = BEGIN_MS + minute * MINUTE_MS
            held = [ask(one, told) for one, told in zip(devices, held, strict=True)]
    assert written == [("UPDATE device", minute) for minute in NOTED for _ in devices]


def poster(app: Flask) -> Post:
    """The contact is noted when the answer has left: it is read to its end and closed."""

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = app.test_client().post(path, data=body, content_type=kind, buffered=True)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    return post
