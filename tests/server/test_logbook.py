"""The log: allow-listed, so that a value that somebody entered is in no line of it, whoever logs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from server.logbook import ALLOWED, REDACTED, Lines, log_event, log_failure, start_log

Told = Callable[[], list[dict[str, Any]]]

PLANTED = "NGUYỄN-THỊ-ĐÁNH-DẤU"


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Told]:
    """Call it for the lines that were logged since `start_log`."""
    before, raises = logging.getLogger().handlers[:], logging.raiseExceptions

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capfd.readouterr().err.splitlines()]

    yield told
    logging.getLogger().handlers[:], logging.raiseExceptions = before, raises


def test_t15_what_is_not_on_the_list_is_not_told(lines: Told) -> None:
    start_log("debug")
    log_event("something", user="abc", title=PLANTED, code=PLANTED.__class__)
    (line,) = lines()
    assert line["user"] == "abc"
    assert line["title"] == REDACTED
    assert line["code"] == REDACTED


def test_t15_a_library_that_logs_a_value_is_silenced(lines: Told) -> None:
    start_log("debug")
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


def test_t15_a_request_is_told_by_its_endpoint_never_by_its_address(lines: Told, app: Flask) -> None:
    start_log("debug")
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
