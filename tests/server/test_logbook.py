"""The log: allow-listed, so that a value that somebody entered is in no line of it, whoever logs."""

from __future__ import annotations

import json
import logging

import pytest
from flask import Flask

from server.logbook import ALLOWED, REDACTED, Lines, log_event, log_failure, start_log

PLANTED = "NGUYỄN-THỊ-ĐÁNH-DẤU"


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> object:
    """Call it to get the lines logged so far."""
    before = logging.getLogger().handlers[:]
    start_log("debug")
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    logging.getLogger().handlers[:] = before


def test_t15_what_is_not_on_the_list_is_not_told(lines) -> None:  # type: ignore[no-untyped-def]
    log_event("something", user="abc", title=PLANTED, code=PLANTED.__class__)
    (line,) = lines()
    assert line["user"] == "abc"
    assert line["title"] == REDACTED
    assert line["code"] == REDACTED


def test_t15_a_library_that_logs_a_value_is_silenced(lines) -> None:  # type: ignore[no-untyped-def]
    logging.getLogger("some.library").warning("the name is %s", PLANTED)
    try:
        raise ValueError(PLANTED)
    except ValueError as error:
        logging.getLogger("other").exception("failed for %s", PLANTED)
        log_failure(error, "general_error")
    told = lines()
    assert len(told) == 3
    assert PLANTED not in str(told)
    assert told[1]["error"] == told[2]["error"] == "ValueError"
    assert "test_t15" in told[2]["at"][0]


def test_t15_a_request_is_told_by_its_endpoint_never_by_its_address(lines, app: Flask) -> None:  # type: ignore[no-untyped-def]
    client = app.test_client()
    client.get(f"/api/catalogue/types/{PLANTED}?q={PLANTED}")
    client.post("/api/enrol", json={"name": PLANTED})
    told = lines()
    assert [line["endpoint"] for line in told if line.get("event") == "request"] == ["catalogue.record_type", "enrol.enrol"]
    assert PLANTED not in str(told)
    for line in told:
        assert set(line) - {"time", "level"} <= ALLOWED


def test_a_record_without_facts_has_no_words() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, PLANTED, (), None)
    assert PLANTED not in Lines().format(record)
