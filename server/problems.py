"""The one place that turns an exception into an answer: problem+json (RFC 9457), a page, or an htmx fragment.

A person gets a sentence in both languages with the next step; nobody gets a stack trace or a value that was sent.
"""

import random
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from server.db import code_of
from server.language import lang
from server.logbook import log_failure
from shared.errors import SenError
from shared.messages import codes, phrase, status_of

SIGN_IN = "session.sign_in"
"""The endpoint of the console's sign-in page."""

AGAIN_S = (5, 20)
"""Who is told to come again comes after so many seconds, drawn between these two: not all in one moment."""

HTTP_CODES = {
    400: "bad_request", 401: "sign_in_first", 403: "no_access", 404: "not_found", 405: "bad_method", 406: "bad_request",
    408: "request_timeout", 411: "bad_request", 413: "body_too_large", 414: "bad_request", 415: "bad_content_type",
    422: "bad_input", 429: "too_often", 431: "bad_request", 503: "server_busy",
}  # fmt: skip

MARSHMALLOW_CODES = {
    "Missing data for required field.": "required",
    "Field may not be null.": "required",
    "Unknown field.": "unknown_field",
}
"""Marshmallow's own sentences that have a code of ours; a schema of ours gives codes itself."""

__all__ = ["HTTP_CODES", "Problem", "again_s", "answer_problems", "problem_of"]


def again_s() -> int:
    """Seconds after which who was refused may come again (RFC 9110, section 10.2.3)."""
    return random.randint(*AGAIN_S)


class Problem:
    """What an exception tells a person: HTTP status, code, facts of its sentence, and what is wrong at which path."""

    def __init__(self, code: str, status: int, facts: Mapping[str, Any] | None = None, errors: Any = ()) -> None:
        self.code = code
        self.status = status
        self.facts = dict(facts or {})
        self.errors: list[dict[str, str]] = list(errors)

    def text(self, language: str) -> str:
        """The sentence."""
        return phrase(self.code, language, **self.facts)

    def body(self) -> dict[str, Any]:
        """The members of the problem details; the facts that the code's sentences name stand among them (RFC 9457 § 3.2)."""
        vi, en = self.text("vi"), self.text("en")
        errors = self.errors or [{"path": "", "code": self.code, "vi": vi, "en": en}]
        facts = {name: fact for name, fact in self.facts.items() if type(fact) in (str, int)}
        return facts | {
            "type": "about:blank", "title": vi if lang() == "vi" else en, "status": self.status, "code": self.code, "errors": errors,
        }  # fmt: skip


def problem_of(error: BaseException) -> Problem:
    """Judge an exception; what nobody foresaw is a general error of ours."""
    if isinstance(error, SenError):
        return Problem(error.code, error.status, error.context)
    if isinstance(error, ValidationError):
        return Problem("bad_input", 422, errors=_errors(error.messages))
    if isinstance(error, DBAPIError):
        code = code_of(error) or "general_error"
        return Problem(code, status_of(code))
    if isinstance(error, CSRFError):
        return Problem("csrf_failed", 400)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        told = getattr(error, "data", None)
        if isinstance(told, dict) and told.get("messages"):
            return Problem("bad_input", 422, errors=_errors(told["messages"]))
        return Problem(HTTP_CODES.get(error.code, "bad_request"), error.code)
    return Problem("general_error", 500)


def _errors(messages: Any, path: str = "") -> list[dict[str, str]]:
    """Flatten marshmallow's messages, which are codes of ours or else tell of a wrong kind; never their values."""
    if isinstance(messages, Mapping):
        skipped = ("json", "_schema")
        return [
            row
            for key, value in messages.items()
            for row in _errors(value, path if key in skipped else f"{path}/{key}" if path else str(key))
        ]
    rows = []
    for message in messages if isinstance(messages, list) else [messages]:
        told = MARSHMALLOW_CODES.get(message, message) if isinstance(message, str) else ""
        code = told if told in codes() else "wrong_kind"
        rows.append({"path": path, "code": code, "vi": phrase(code, "vi"), "en": phrase(code, "en")})
    return rows


def answer_problems(app: Flask) -> None:
    """Answer every exception of an app from here."""
    app.register_error_handler(Exception, _answer)


def _answer(error: Exception) -> Any:
    if isinstance(error, HTTPException) and (error.code is None or 300 <= error.code < 400):
        return error
    problem = problem_of(error)
    if problem.status >= 500:
        log_failure(error, problem.code)
    response = _written(problem)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
    if problem.status in (429, 503) and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = str(problem.facts.get("wait_s", again_s()))
    response.headers["Cache-Control"] = "no-store"
    return response


def _written(problem: Problem) -> Response:
    if request.path.startswith("/api/"):
        response = jsonify(problem.body())
        response.content_type = "application/problem+json"
        response.status_code = problem.status
        return response
    fragment = request.headers.get("HX-Request") == "true"
    if problem.code == "sign_in_first" and SIGN_IN in current_app.view_functions:
        return _to_sign_in(fragment)
    page = render_template("_problem.html" if fragment else "problem.html", problem=problem, language=lang())
    return Response(page, status=problem.status, mimetype="text/html")


def _to_sign_in(fragment: bool) -> Response:
    """Lead to the sign-in page, and back afterwards where that is a page to read."""
    if fragment:
        return Response("", 401, headers={"HX-Redirect": url_for(SIGN_IN)})
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    answer: Any = redirect(url_for(SIGN_IN, next=back))
    return answer  # type: ignore[no-any-return]
