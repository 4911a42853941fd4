"""A furnished office on either database, and visitors who see its pages as a browser without scripts does."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from server.people import User
from tests.server.console.office import Office, furnish

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
FORM_TOKEN = re.compile(r'name="token" value="([^"]*)"')


class Visitor:
    """A person at the console: reads pages, sends forms with their token; an answer's words are unescaped."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.csrf = ""

    def get(self, path: str, *, htmx: bool = False) -> TestResponse:
        answer = self.client.get(path, headers={"HX-Request": "true"} if htmx else {})
        if found := TOKEN.search(answer.text if answer.mimetype == "text/html" else ""):
            self.csrf = html.unescape(found[1])
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, *, htmx: bool = False) -> TestResponse:
        if not self.csrf:
            self.csrf = self.client.get("/session/token").text
        headers = {"HX-Request": "true"} if htmx else {}
        return self.client.post(path, data={"csrf_token": self.csrf, **(data or {})}, headers=headers)

    def token(self, path: str) -> str:
        """What a form showed, as its page carries it."""
        found = FORM_TOKEN.search(self.get(path).text)
        assert found is not None
        return html.unescape(found[1])


Visit = Callable[[str], Visitor]


@pytest.fixture
def office(app: Flask) -> Office:
    """The furnished office."""
    return furnish(app)


@pytest.fixture
def visit(office: Office, sign_in: Callable[[User], FlaskClient]) -> Visit:
    """`visit("huyen")`: that person's browser, signed in."""
    return lambda login: Visitor(sign_in(office.people[login]))


def words(answer: TestResponse) -> str:
    """What an answer says, without tags and with single blanks."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
