"""A message of a tablet goes past Flask's hooks; what it is answered, refused and logged is the same as by Flask's way."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any, NamedTuple

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from server.logbook import start_log
from sync.messages import CONTENT_TYPE
from tests.server.conftest import AddUser
from tests.server.test_exchange_route import code_of
from tests.support.device import Answered, HandDevice
from tests.support.wrong import FRAMES, GOOD

WAYS = {"short": "", "Flask's": "?by=flask"}
"""A query, which no tablet sends, leads through Flask."""


class Served(NamedTuple):
    """The app with an enrolled device, and how often Flask's hooks ran."""

    app: Flask
    device: HandDevice
    hooks: Counter[str]


@pytest.fixture
def served(app: Flask, add_person: AddUser) -> Served:
    hooks = Counter[str]()
    app.before_request_funcs[None].append(lambda: hooks.update(["before"]))
    client = app.test_client()

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = client.post(path, data=body, content_type=kind)
        return Answered(answer.status_code, answer.mimetype, answer.get_data())

    device = HandDevice.enrol(post, code_of(app, add_person("lan", "collector@long_khanh_a")))
    hooks.clear()
    return Served(app, device, hooks)


def by(served: Served, query: str, body: bytes) -> Answered:
    """What a message is answered by one way."""
    answer = served.app.test_client().post(f"/api/exchange{query}", data=body, content_type=CONTENT_TYPE)
    return Answered(answer.status_code, answer.mimetype, answer.get_data())


def test_a_message_asks_none_of_flasks_hooks_and_is_answered_alike(served: Served) -> None:
    served.device.push([served.device.line(GOOD)])
    assert not served.hooks
    message = served.device.request()
    heads = [served.device.opened(by(served, query, message)).head for query in WAYS.values()]
    assert heads[0] == heads[1] | {"at": heads[0]["at"]}
    assert served.hooks == {"before": 1}


@pytest.mark.parametrize("what", FRAMES)
def test_a_refusal_is_the_same_by_both_ways(served: Served, what: str) -> None:
    message = FRAMES[what][0](served.device)
    short, flask = (by(served, query, message) for query in WAYS.values())
    assert short == flask and short.status >= 400
    assert served.hooks == {"before": 2}, "Flask answers what is refused"


def test_a_message_larger_than_a_body_may_be_is_not_read(served: Served) -> None:
    body = served.device.request()
    served.app.config["MAX_CONTENT_LENGTH"] = len(body) - 1
    for query in WAYS.values():
        answer = by(served, query, body)
        assert (answer.status, answer.problem["code"]) == (413, "body_too_large")


def test_a_body_that_ends_before_its_length_is_refused(served: Served) -> None:
    body, started = served.device.request(), list[str]()
    environ = served.app.test_request_context("/api/exchange", method="POST", data=body, content_type=CONTENT_TYPE).request.environ
    environ["CONTENT_LENGTH"] = str(len(body) + 1)
    told = b"".join(served.app(environ, lambda status, _: started.append(status)))
    assert started == ["400 BAD REQUEST"] and json.loads(told)["code"] == "bad_request"


def test_t15_both_ways_log_one_line_alike(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    before, raises = logging.getLogger().handlers[:], logging.raiseExceptions
    start_log("info")
    capfd.readouterr()
    message = served.device.request()
    for query in WAYS.values():
        by(served, query, message)
    by(served, "", message[:-1])
    logging.getLogger().handlers[:], logging.raiseExceptions = before, raises
    lines: list[dict[str, Any]] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = [{name: line[name] for name in ("event", "method", "endpoint", "status")} for line in lines if line.get("event") == "request"]
    assert told[0] == told[1] == {"event": "request", "method": "POST", "endpoint": "exchange.exchange", "status": 200}
    assert told[2]["status"] >= 400 and told[2]["endpoint"] == "exchange.exchange"


def test_an_exchange_with_nothing_new_is_one_transaction(served: Served) -> None:
    message = served.device.request(page=10)
    by(served, "", message)
    begun = list[object]()

    def begin(connection: object) -> None:
        begun.append(connection)

    event.listen(Engine, "begin", begin)
    try:
        by(served, "", message)
    finally:
        event.remove(Engine, "begin", begin)
    assert len(begun) == 1
