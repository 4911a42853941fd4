"""JSON as it may come over the wire, and the two flask-smorest classes that read it so.

Refused: what is not UTF-8, a BOM, NaN and infinities, a key twice, more than one value, nesting deeper than 32, integers past
64 bits. Python's ``json`` takes most of these.
"""

import http
import json
from typing import Any

import flask_smorest
from flask import Flask, Request
from flask.json.provider import DefaultJSONProvider
from flask_smorest.utils import prepare_response
from marshmallow import Schema, fields
from webargs.flaskparser import FlaskParser

from shared.errors import SenError

DEEPEST = 32
LARGEST_INT = 2**63 - 1

__all__ = ["Api", "ApiBlueprint", "StrictJSON", "read_json"]


def read_json(data: bytes | str) -> Any:
    """Read one JSON value. Raises SenError("bad_json")."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if _depth(text) > DEEPEST:
            raise ValueError("too deep")
        return json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_int, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise SenError("bad_json") from error


def _depth(text: str) -> int:
    """The deepest nesting, brackets within strings included; an upper bound that costs one pass."""
    deepest = depth = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("not finite")
    return value


def _int(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > LARGEST_INT:
        raise ValueError("too large")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key twice")
    for key in members:
        key.encode("utf-8")  # half a surrogate pair raises
    for value in members.values():
        if isinstance(value, str):
            value.encode("utf-8")
            if "\0" in value:
                raise ValueError("NUL")
    return members


class StrictJSON(DefaultJSONProvider):
    """The app's JSON: strict in, Vietnamese letters as they are out."""

    ensure_ascii = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read one JSON value strictly."""
        return read_json(s)


class _Parser(FlaskParser):
    """Reads bodies by ``read_json``."""

    DEFAULT_VALIDATION_STATUS = 422

    def _raw_load_json(self, req: Request) -> Any:
        if not req.is_json:
            raise SenError("bad_content_type")
        return read_json(req.get_data(cache=True))


class ApiBlueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint of the API."""

    ARGUMENTS_PARSER = _Parser()


class FaultSchema(Schema):
    """What is wrong at one place of what was sent."""

    path = fields.String(required=True, metadata={"description": "names joined by /; empty for the whole"})
    code = fields.String(required=True)
    vi = fields.String(required=True)
    en = fields.String(required=True)


class ProblemSchema(Schema):
    """An error (RFC 9457): its stable code, and a sentence in both languages that says what to do."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    errors = fields.List(fields.Nested(FaultSchema), required=True)


PROBLEM = "application/problem+json"

SPEC: dict[str, Any] = {
    "info": {"description": "Enrol a tablet, exchange lines, read the catalogue and the people. Each error is a problem (RFC 9457)."},
    "components": {"securitySchemes": {
        "session": {"type": "apiKey", "in": "cookie", "name": "sen", "description": "the console's session, from /sign-in"},
    }},
    "security": [{"session": []}],
}  # fmt: skip
"""What the description says beside the routes; a route that asks for no session says so itself."""


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API; its errors are answered by ``server.problems`` like all others."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        super().__init__(app, spec_kwargs=SPEC)

    def _register_responses(self) -> None:
        """Every error as a problem, whatever its status."""
        named = {status.name: status.phrase for status in http.HTTPStatus if status >= http.HTTPStatus.BAD_REQUEST}
        for name, words in {**named, self.DEFAULT_ERROR_RESPONSE_NAME: "An error"}.items():
            response = {"description": words, "schema": self.ERROR_SCHEMA}
            prepare_response(response, self.spec, PROBLEM)
            self.spec.components.response(name, response, lazy=True)

    def _register_error_handlers(self) -> None:
        """None of its own."""
