"""What the server notes of a contact, once the answer has left: when it was, and what the tablet still held."""

from __future__ import annotations

from flask import Flask

from server.db import db
from server.people import Device
from shared.ids import b64
from sync.log import chain_next, line_hash
from sync.messages import CONTENT_TYPE
from tests.server.conftest import AddUser
from tests.server.test_exchange_route import GOOD, code_of
from tests.support.device import Answered, HandDevice


def test_what_a_tablet_still_holds_is_told_with_its_last_contact(app: Flask, add_person: AddUser) -> None:
    """The tablet tells how far its logs go; a request that asks for no pull (an urgent one) says nothing of the other log."""

    def post(path: str, body: bytes, kind: str) -> Answered:
        """The contact is noted when the answer has left: it is read to its end and closed."""
        answer = app.test_client().post(path, data=body, content_type=kind, buffered=True)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

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
