"""Every route of the API, as ``/api/openapi.json`` describes it, and every page, asked with whatever an address and a body can hold.

What comes back is an answer that the description names or a problem in both languages; never an error of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.app import limiter
from server.people import User
from server.services import services
from shared.ids import new_record_id
from shared.messages import codes
from tests.server.conftest import AddUser

SignIn = Callable[[User], FlaskClient]
ODD = ["x", "%", "..", "../..", "%00", "\u202e", "a" * 300, "'", '"', "-1", "0", "null", "2022-H1", "long_khanh_a", "hong_ngu", "9999-H9", new_record_id(), "{{7*7}}", "🌸", "\u0000"]
WORDS = st.sampled_from(ODD) | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=10
)
CHECK = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_answered(response: Any, described: set[int]) -> None:
    """A described answer, or a problem that says what to do."""
    assert response.status_code < 500, response
    if response.status_code >= 400 and response.content_type == "application/problem+json":
        told = response.get_json()
        assert told["status"] == response.status_code and told["code"] in codes()
        assert told["errors"] and all(error["vi"] and error["en"] for error in told["errors"])
    else:
        assert response.status_code in described, response


def routes(app: Flask) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each operation."""
    description = app.test_client().get("/api/openapi.json").get_json()
    return [(path, method, told) for path, methods in description["paths"].items() for method, told in methods.items() if method in ("get", "post", "put", "delete")]


@pytest.mark.parametrize("signed_in", [False, True], ids=["nobody", "administrator"])
def test_b01_b10_every_described_route_answers_as_it_says(
    app: Flask, add_person: AddUser, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, signed_in: bool
) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # else ten tries a minute are looked at
    client = sign_in(add_person("tri", "admin@hong_ngu")) if signed_in else app.test_client()
    operations = routes(app)
    assert len(operations) >= 6

    @CHECK
    @given(words=st.lists(WORDS, min_size=3, max_size=3), body=JSON | st.fixed_dictionaries({
        "code": JSON, "device_sign": JSON, "device_box": JSON, "officer_box": JSON, "name": JSON,
    }), kind=st.sampled_from(["application/json", "text/html", "application/vnd.sen", ""]))  # fmt: skip
    def ask(words: list[str], body: Any, kind: str) -> None:
        for path, method, told in operations:
            for word in words:
                head, opened, rest = path.partition("{")
                address = head + (quote(word.encode("utf-8", "surrogatepass"), safe="") + rest.partition("}")[2] if opened else "")
                described = {int(status) for status in told["responses"] if status.isdigit()}
                response = client.open(address, method=method.upper(), data=json.dumps(body), content_type=kind, query_string={"q": words[0]})
                is_answered(response, described | {200, 304, 308, 404})

    ask()


def test_b17_t09_every_page_takes_any_address_and_any_form(app: Flask, add_person: AddUser, sign_in: SignIn) -> None:
    client = sign_in(add_person("huyen", "district_officer@hong_ngu"))
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(("/api/", "/static/")) and "sign_out" not in rule.endpoint]
    with app.app_context():
        known = [*services().catalogue.types, *ODD]

    @CHECK
    @given(pick=st.lists(st.sampled_from(known), min_size=4, max_size=4), more=st.dictionaries(st.sampled_from(["q", "unit", "period", "state", "path", "page", "next", "csrf_token", "token", "why", "record", "go", "lang", "case"]), WORDS, max_size=5))
    def ask(pick: list[str], more: dict[str, str]) -> None:
        clean = {name: value.encode("utf-8", "replace").decode() for name, value in more.items()}
        for rule in rules:
            values = {name: pick[number % 4].replace("/", "-") for number, name in enumerate(sorted(rule.arguments))}
            address = rule.rule
            for name, value in values.items():
                address = address.replace(next(part for part in (f"<{name}>", f"<path:{name}>", f"<string:{name}>", f"<int:{name}>") if part in address), quote(value, safe=""))
            for method in ("GET", "POST"):
                response = client.open(address, method=method, **({"query_string": clean} if method == "GET" else {"data": clean}))
                assert response.status_code < 500, (method, address, clean)
                assert not response.headers.get("Location", "/").startswith(("//", "http://evil"))

    ask()
