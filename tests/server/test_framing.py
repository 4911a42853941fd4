"""Requests whose bytes are wrong before any route is asked, on real sockets of the real server: refused plainly, nothing changed."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.support.databases import DATABASES
from tests.support.device import HandDevice
from tests.support.marks import NAME, found_in
from tests.support.place import Place, goes_on, named, place_on
from tests.support.wrong import GOOD

MARK = NAME.encode()
KIND = b"Host: x\r\nContent-Type: application/vnd.sen\r\n"


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(request.param, tmp_path_factory.mktemp("framing")) as place:
        yield place


def post(headers: bytes, body: bytes) -> bytes:
    """A POST to the exchange with these headers of its own."""
    return b"POST /api/exchange HTTP/1.1\r\n" + KIND + headers + b"\r\n\r\n" + body


def chunks(*bodies: bytes) -> bytes:
    """A chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in bodies) + b"0\r\n\r\n"


def get(headers: bytes = b"Host: x", path: bytes = b"/api/me") -> bytes:
    """A GET with these headers."""
    return b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\nX-Name: " + MARK + b"\r\n\r\n"


SMUGGLED: Mapping[str, Callable[[bytes], bytes]] = {
    "two lengths": lambda m: post(b"Content-Length: %d\r\nContent-Length: %d" % (len(m), len(m) - 9), m),
    "one length twice": lambda m: post(b"Content-Length: %d\r\nContent-Length: %d" % (len(m), len(m)), m),
    "a list of lengths": lambda m: post(b"Content-Length: %d, %d" % (len(m), len(m)), m),
    "a length beside chunks": lambda m: post(b"Content-Length: 4\r\nTransfer-Encoding: chunked", chunks(m)),
    "chunks twice": lambda m: post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", chunks(m)),
    "chunks packed": lambda m: post(b"Transfer-Encoding: gzip, chunked", chunks(m)),
    "chunks misspelled": lambda m: post(b"Transfer-Encoding: xchunked", chunks(m)),
    "chunks that are none": lambda m: post(b"Transfer-Encoding: chunked", b"zz\r\n" + m),
    "chunks cut short": lambda m: post(b"Transfer-Encoding: chunked", chunks(m)[:-20]),
    "a length below zero": lambda m: post(b"Content-Length: -1", m),
    "a length with a sign": lambda m: post(b"Content-Length: +%d" % len(m), m),
    "a length in words": lambda m: post(b"Content-Length: many", m),
    "a blank before the colon": lambda m: post(b"Content-Length : %d" % len(m), m),
    "a folded header": lambda m: post(b"X: a\r\n b\r\nContent-Length: %d" % len(m), m),
    "NUL in a header": lambda m: post(b"X: a\0b\r\nContent-Length: %d" % len(m), m),
    "two hosts": lambda m: get(b"Host: x\r\nHost: y"),
    "a head without end": lambda m: get(b"Host: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, MARK * 40) for n in range(400)) + b"Z: z"),
    "an address without end": lambda m: get(path=b"/" + b"a" * 100_000),
    "a line that is none": lambda m: MARK + b"\r\n\r\n",
    "a version of the future": lambda m: b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "another server's address": lambda m: get(path=b"http://evil.example/api/me"),
}


@pytest.mark.parametrize("what", SMUGGLED)
def test_b10_what_two_readers_could_take_for_two_things_is_refused(place: Place, what: str) -> None:
    before = place.dump()
    answer = place.exchange(SMUGGLED[what](named(place.device)))
    head, _, body = answer.partition(b"\r\n\r\n")
    if answer or not what.endswith("without end"):  # what is not read to its end may lose its answer on the way
        assert head.split()[1] in (b"400", b"413", b"414"), head
        told = json.loads(body)
        (error,) = told["errors"]
        assert error["vi"] and error["en"] and error["vi"] != error["en"] and told["title"] in (error["vi"], error["en"])
        assert answer.count(b"HTTP/1.1 ") == 1, "one answer, and the connection ends"
    assert not found_in(answer, [NAME]) and b"Traceback" not in place.log()
    assert place.dump() == before
    place.nobody_is_named()
    goes_on(place)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "TRACE", "DELETE", "PATCH", "CONNECT", "OPTIONS", "FOO"])
@pytest.mark.parametrize("path", ["/api/exchange", "/api/enrol", "/api/me", "/sign-in", "/static/x", "/"])
def test_b10_another_method_shows_and_changes_nothing(place: Place, method: str, path: str) -> None:
    before = place.dump()
    answer = place.exchange(f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Name: {NAME}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"200", b"302", b"400", b"401", b"404", b"405"), head
    assert method != "HEAD" or body == b""
    assert not found_in(answer, [NAME]) and place.dump() == before
    place.nobody_is_named()


@pytest.mark.parametrize("path", [
    "/static/../../server.log", "/static/%2e%2e/%2e%2e/sen.sqlite3", "/static/..%5c..%5cmaster.key", "/static/%2fetc%2fpasswd", "/static/a%00b",
    "/records/%ff%fe%00/%zz", "/records/..%2f..%2fmaster.key/files/" + "a" * 64, "/reports/..%2f../x/docx", "//evil.example/", "/%c0%ae%c0%ae/",
])  # fmt: skip
def test_t09_no_address_leads_out_of_what_is_served(place: Place, path: str) -> None:
    answer = place.exchange(get(b"Host: x\r\nConnection: close", path.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] in (b"302", b"308", b"400", b"401", b"404"), head
    assert b"evil" not in head and b"SQLite format" not in body and b"root:" not in body


def test_f06_a_body_that_comes_in_pieces_holds_nobody_up_and_is_taken(place: Place) -> None:
    message = place.device.request([place.device.line(GOOD)])
    head = post(b"Content-Length: %d\r\nConnection: close" % len(message), b"")
    with socket.create_connection(place.office.place, timeout=60) as slow:
        slow.sendall(head + message[:40])
        goes_on(Place(place.office, second(place), place.folder, place.database))
        slow.sendall(message[40:])
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def second(place: Place) -> HandDevice:
    """Another device of the same office."""
    return HandDevice.enrol(place.device.post, place.code())


def test_a_chunked_body_is_a_body(place: Place) -> None:
    message = second(place).request([])
    answer = place.exchange(post(b"Transfer-Encoding: chunked\r\nConnection: close", chunks(message[:50], message[50:])))
    assert answer.startswith(b"HTTP/1.1 200")
