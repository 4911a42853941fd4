"""One place answers every error: problem+json, a page or a fragment; in both languages, without a value or a trace."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, default_exceptions

from server import access
from server.access import ANYBODY, ENDPOINTS, Rule
from server.problems import HTTP_CODES, MARSHMALLOW_CODES, problem_of
from shared.errors import SenError
from shared.messages import codes

PLANTED = "NGUYỄN-THỊ-ĐÁNH-DẤU"
ROOT = Path(__file__).parents[2]


def told_codes() -> set[str]:
    """Every code that the server's own modules raise by name."""
    found = set()
    for path in (ROOT / "server").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            raises = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("SenError", "FrameFault")
            if raises and isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def test_p15_every_code_that_the_server_raises_has_its_sentences() -> None:
    assert len(told_codes()) > 40
    for code in told_codes() | set(HTTP_CODES.values()) | set(MARSHMALLOW_CODES.values()):
        assert code in codes(), code
        assert codes()[code]["vi"] != codes()[code]["en"]


def failing(app: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str) -> FlaskClient:
    """A client of an app with a route that fails."""

    def fail() -> str:
        raise error

    app.add_url_rule(path, "failing", fail)
    monkeypatch.setattr(access, "ENDPOINTS", {**ENDPOINTS, "failing": Rule(who=ANYBODY)})
    return app.test_client()


ERRORS: list[Exception] = [
    ValueError(PLANTED), SenError("code_used", name=PLANTED), ValidationError({"a": {"b": [PLANTED]}}), ValidationError([PLANTED]),
    *(kind() for status, kind in default_exceptions.items() if status >= 400),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_b17_no_error_tells_a_value_or_a_trace(app: Flask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception) -> None:
    client = failing(app, monkeypatch, error, "/api/failing")
    answer = client.get("/api/failing")
    assert answer.content_type == "application/problem+json"
    told = answer.get_json()
    assert {"code", "status", "title", "errors"} <= set(told)
    assert told["status"] == answer.status_code == problem_of(error).status
    out = answer.text + "".join(capfd.readouterr())
    assert PLANTED not in out
    assert "Traceback" not in out
    assert "File " not in out


def test_a_page_is_asked_for_and_a_page_is_told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = failing(app, monkeypatch, SenError("database_busy"), "/failing")
    page = client.get("/failing")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert page.mimetype == "text/html"
    for sentence in (codes()["database_busy"]["vi"], codes()["database_busy"]["en"]):
        assert sentence in page.text
    fragment = client.get("/failing", headers={"HX-Request": "true"})
    assert fragment.status_code == 503
    assert "<html" not in fragment.text
    assert fragment.text.strip() in page.text


def test_t09_every_answer_bears_the_security_headers(app: Flask, client: FlaskClient) -> None:
    for path in ("/api/me", "/nothing", "/api/openapi.json"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_http_errors_without_a_row_are_bad_requests() -> None:
    class Odd(HTTPException):
        code = 418

    assert problem_of(Odd()).code == "bad_request"
    assert problem_of(RuntimeError(PLANTED)).code == "general_error"


def test_the_title_follows_the_language(app: Flask, client: FlaskClient) -> None:
    assert client.get("/api/me").get_json()["title"] == codes()["sign_in_first"]["vi"]
    with client.session_transaction() as session:
        session["lang"] = "en"
    assert client.get("/api/me").get_json()["title"] == codes()["sign_in_first"]["en"]


