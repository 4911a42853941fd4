"""HTTP as it comes: captive portals, a busy or broken server, a cut; each a plain refusal, never data."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.errors import SenError
from sync import over_http
from sync.messages import CONTENT_TYPE
from sync.over_http import post_json, post_message

ANSWERS = {
    "good": (200, CONTENT_TYPE, b"sen1 x y\n{}"),
    "portal": (200, "text/html", b"<html>wifi</html>"),
    "redirect": (302, "text/html", b""),
    "empty": (200, CONTENT_TYPE + "x", b""),
    "busy": (503, "text/plain", b""),
    "problem": (401, "application/problem+json", b'{"code": "device_revoked"}'),
    "odd_problem": (400, "application/problem+json", b'{"code": "no such code"}'),
    "no_problem": (400, "application/problem+json", b"[]"),
    "json": (201, "application/json", b'{"device": "x"}'),
    "broken_json": (200, "application/json", b"{"),
}

BEHIND = "http://district.example"
"""A server that is reached through a proxy alone."""

paths: list[str] = []
"""What was asked for, as it stood in the request's line."""

bodies: list[int] = []
"""The bytes of each request's body."""

cookies: list[str | None] = []
"""What cookies each request brought."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        paths.append(self.path)
        word = self.path.removeprefix(BEHIND).split("/")[1]
        if word == "cut":
            self.connection.close()
            return
        cookies.append(self.headers["Cookie"])
        status, kind, body = ANSWERS[word]
        bodies.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "seen=1")
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_good_answer_is_given(address: str) -> None:
    assert post_message(f"{address}/good", b"x" * 100_000) == b"sen1 x y\n{}"
    assert post_json(f"{address}/json", "/api/enrol", {"code": "x"}) == {"device": "x"}


def test_what_a_network_in_between_would_have_kept_is_not_sent(address: str) -> None:
    cookies.clear()
    post_message(f"{address}/good", b"x")
    post_json(f"{address}/json", "/api/enrol", {})
    over_http._kept.ready.clear()  # an address that is new to the connection
    post_message(f"{address}/good", b"x")
    assert cookies == [None, None, None]


@pytest.mark.parametrize(
    "word, code",
    [
        ("portal", "not_a_message"), ("redirect", "not_a_message"), ("empty", "not_a_message"), ("busy", "server_busy"),
        ("problem", "device_revoked"), ("odd_problem", "general_error"), ("no_problem", "not_a_message"), ("cut", "network_cut"),
    ],
)  # fmt: skip
def test_f08_what_is_no_answer_of_sen_is_told_plainly(address: str, word: str, code: str) -> None:
    with pytest.raises(SenError) as refused:
        post_message(f"{address}/{word}", b"x")
    assert refused.value.code == code
    assert refused.value.text("vi") and refused.value.text("en")


def test_no_network_and_broken_json(address: str) -> None:
    with pytest.raises(SenError, match="no_network"):
        post_message("http://127.0.0.1:1", b"x")
    with pytest.raises(SenError, match="not_a_message"):
        post_json(f"{address}/broken_json", "/api/enrol", {})


def test_the_proxy_of_the_environment_is_asked_from_the_next_connection_on(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_http, "KEPT_S", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", address)
    assert post_message(f"{BEHIND}/good", b"x") == b"sen1 x y\n{}"
    assert paths[-1] == f"{BEHIND}/good/api/exchange"
    assert post_message(f"{address}/good", b"x") == b"sen1 x y\n{}"
    assert paths[-1] == "/good/api/exchange"


def test_round_trips_share_a_connection_and_each_has_its_own_body(address: str) -> None:
    for size in (1, 70_000, 3):
        assert post_message(f"{address}/good", b"y" * size) == b"sen1 x y\n{}"
    assert bodies[-3:] == [1, 70_000, 3]
    assert post_json(f"{address}/json", "/api/enrol", {"code": "đ"}) == {"device": "x"}
    assert bodies[-1] == len(json.dumps({"code": "đ"}))
