"""A wifi that asks to sign in answers in the server's place: the tablet says so, changes nothing, and follows it nowhere."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from sqlalchemy import create_engine

from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.files import open_answer
from sync.messages import CONTENT_TYPE
from sync.over_http import post_file, post_message
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import talk
from tests.support.tables import dump_of

PAGE = "<html><title>Đăng nhập wifi</title><form action='/login'></form></html>".encode()


class Portal(NamedTuple):
    """What it answers to everything: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes


HTML = {"Content-Type": "text/html; charset=utf-8"}
PORTALS = {
    "200 with a page": Portal(200, HTML, PAGE),
    "200 with a page, named as ours": Portal(200, {"Content-Type": CONTENT_TYPE}, PAGE),
    "200 with a page of no kind": Portal(200, {}, PAGE),
    "an empty 200": Portal(200, HTML, b""),
    "an empty 200, named as ours": Portal(200, {"Content-Type": CONTENT_TYPE}, b""),
    "302 to a page over http": Portal(302, {**HTML, "Location": "there"}, b""),
    "307, which would send the message on": Portal(307, {**HTML, "Location": "there"}, PAGE),
    "308, for ever": Portal(308, {"Location": "there"}, b""),
    "511": Portal(511, HTML, PAGE),
    "gzip of a page": Portal(200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(PAGE)),
    "gzip of a page, named as ours": Portal(200, {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}, gzip.compress(PAGE)),
    "gzip that says of itself nothing": Portal(200, {"Content-Type": CONTENT_TYPE}, gzip.compress(PAGE)),
    "511 with gzip": Portal(511, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(PAGE)),
}


@contextmanager
def serving(portal: Portal) -> Iterator[tuple[str, list[bytes]]]:
    """A real server that answers so; gives its address and the bodies that came. «there» in a header is this server's other page."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            came.append(self.path.encode() + b" " + self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self._answer()

        def do_GET(self) -> None:
            came.append(self.path.encode())
            self._answer()

        def _answer(self) -> None:
            self.send_response(portal.status)
            for name, value in portal.headers.items():
                self.send_header(name, value.replace("there", f"http://127.0.0.1:{server.server_port}/login"))
            self.send_header("Content-Length", str(len(portal.body)))
            self.end_headers()
            self.wfile.write(portal.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


def held(tablet: Tablet) -> object:
    """All rows of all tables of a tablet."""
    engine = create_engine(f"sqlite:///{tablet.store.database.path}")
    try:
        return dump_of(engine)
    finally:
        engine.dispose()


@pytest.mark.parametrize("name", PORTALS)
def test_f08_a_wifi_that_asks_to_sign_in_is_said_to_and_changes_nothing(make: Make, wire: Wire, name: str) -> None:
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    tablet.syncer.sync()
    record = talk(FormPresenter(tablet), title="Ghi ở quán có wifi (dữ liệu mẫu)")
    tablet.forms.close_all()
    before, heads, unsent = held(tablet), tablet.store.own_logs(), tablet.store.unsent_count()
    assert unsent > 0
    with serving(PORTALS[name]) as (address, came):
        tablet.syncer._post = lambda _, data: post_message(address, data)
        with pytest.raises(SenError) as told:
            tablet.syncer.sync()
        assert told.value.code == "not_a_message" and "wifi cần đăng nhập" in tablet.syncer.words()
        with pytest.raises(SenError, match="not_a_message"):
            open_answer(b"sen1 x y\n{}", post_file(address, b"sen1 x y\n{}"), b"k" * 32)
        assert [one.partition(b" ")[0] for one in came] == [b"/api/exchange", b"/api/files"], "asked once each, and sent nowhere else"
    assert held(tablet) == before and tablet.store.own_logs() == heads, "nothing changed"
    tablet.syncer._post = wire.post
    tablet.syncer.sync()
    assert tablet.store.unsent_count() == 0 and wire.server.values(record)["title"] == "Ghi ở quán có wifi (dữ liệu mẫu)"
