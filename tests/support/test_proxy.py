"""The proxy against a real server: bytes pass whole, and each fault does what its name says."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.link import Fault, Link
from tests.support.proxy import Address, Proxy


@dataclass
class Echo:
    """A real HTTP server that answers each POST with its own body, and remembers what reached it."""

    address: Address = ("127.0.0.1", 0)
    bodies: list[bytes] = field(default_factory=list)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


@pytest.fixture
def echo() -> Iterator[Echo]:
    known = Echo()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:
                self.close_connection = True
                return
            known.bodies.append(body)
            known.arrived.release()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    known.address = ("127.0.0.1", server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def post(client: http.client.HTTPConnection, body: bytes) -> bytes:
    client.request("POST", "/", body)
    return client.getresponse().read()


def connect(proxy: Proxy) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(*proxy.address, timeout=60)


def test_a_clean_link_passes_everything_and_counts_it(echo: Echo) -> None:
    body = bytes(range(256)) * 4000
    with Proxy(echo.address) as proxy:
        client = connect(proxy)
        assert post(client, body) == body
        assert post(client, b"again") == b"again"
        client.close()
    assert proxy.counts.connections == 1
    assert proxy.counts.exchanges == 2
    assert proxy.counts.cuts == 0
    assert proxy.counts.bytes_up > len(body) < proxy.counts.bytes_down


def test_a_slow_link_passes_everything_in_order(echo: Echo) -> None:
    link = Link(name="slow", bytes_per_second=200_000, latency_s=0.01, segment_bytes=512, hold_share=0.05, hold_s=0.01)
    body = b"".join(n.to_bytes(4) for n in range(5000))
    with Proxy(echo.address, link) as proxy:
        assert post(connect(proxy), body) == body


@pytest.mark.parametrize("kind", ["cut_up", "reset"])
@pytest.mark.parametrize("at", [1, 40, 3000])
def test_f05_a_request_cut_at_byte_k_never_arrives_whole(echo: Echo, kind: str, at: int) -> None:
    with Proxy(echo.address, faults={0: Fault(kind=kind, at=at)}) as proxy:  # type: ignore[arg-type]
        with pytest.raises((http.client.HTTPException, OSError)):
            post(connect(proxy), b"x" * 10_000)
        assert proxy.counts.bytes_up == at
        assert proxy.counts.cuts == 1
        assert post(connect(proxy), b"next") == b"next"
    assert echo.bodies == [b"next"]


@pytest.mark.parametrize("kind", ["cut_up", "reset"])
def test_f05_a_request_of_k_bytes_is_not_cut_at_byte_k(echo: Echo, kind: str) -> None:
    with Proxy(echo.address) as proxy:
        post(connect(proxy), b"x")
        whole = proxy.counts.bytes_up
    with Proxy(echo.address, faults={0: Fault(kind=kind, at=whole)}) as proxy:  # type: ignore[arg-type]
        assert post(connect(proxy), b"y") == b"y"
        assert proxy.counts.cuts == 0
    with Proxy(echo.address, faults={0: Fault(kind=kind, at=whole - 1)}) as proxy:  # type: ignore[arg-type]
        with pytest.raises((http.client.HTTPException, OSError)):
            post(connect(proxy), b"z")
        assert proxy.counts.cuts == 1
    assert echo.bodies == [b"x", b"y"]


def test_f05_a_response_cut_at_byte_k_arrived_at_the_server_whole(echo: Echo) -> None:
    with Proxy(echo.address, faults={0: Fault(kind="cut_down", at=200)}) as proxy:
        with pytest.raises((http.client.HTTPException, OSError)):
            post(connect(proxy), b"y" * 5000)
        assert proxy.counts.bytes_down == 200
    assert echo.bodies == [b"y" * 5000]


def test_f02_a_dropped_response_leaves_the_request_done(echo: Echo) -> None:
    with Proxy(echo.address, faults={0: Fault(kind="drop_response")}) as proxy:
        with pytest.raises((http.client.HTTPException, OSError)):
            post(connect(proxy), b"done")
        assert proxy.counts.bytes_down == 0
        assert proxy.counts.cuts == 1
    assert echo.bodies == [b"done"]


def test_f03_a_duplicated_request_reaches_the_server_twice(echo: Echo) -> None:
    with Proxy(echo.address, faults={0: Fault(kind="duplicate")}) as proxy:
        assert post(connect(proxy), b"twice") == b"twice"
    assert echo.bodies == [b"twice", b"twice"]
    assert proxy.counts.duplicates == 1


def test_answers_are_held_until_the_end_of_the_block(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        answers: list[bytes] = []
        asking = threading.Thread(target=lambda: answers.append(post(connect(proxy), b"asked")))
        with proxy.holding():
            asking.start()
            assert proxy.held.wait(60)
            assert echo.bodies == [b"asked"]
            assert answers == [] and proxy.counts.bytes_down == 0
        asking.join(60)
        assert answers == [b"asked"]


def test_no_network_refuses_and_the_network_comes_back(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        proxy.offline = True
        with pytest.raises((http.client.HTTPException, OSError)):
            post(connect(proxy), b"lost")
        proxy.offline = False
        assert post(connect(proxy), b"found") == b"found"
    assert echo.bodies == [b"found"]
    assert proxy.counts.refused == 1


def test_no_network_cuts_the_connections_that_are_open(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        client = connect(proxy)
        assert post(client, b"one") == b"one"
        proxy.offline = True
        with pytest.raises((http.client.HTTPException, OSError)):
            client.request("POST", "/", b"two")
            client.getresponse()


def test_a_server_that_is_gone_is_a_refusal(echo: Echo) -> None:
    with Proxy(("127.0.0.1", 9)) as proxy, pytest.raises((http.client.HTTPException, OSError)):
        post(connect(proxy), b"nobody")


def test_a_fault_can_be_ordered_for_a_while(echo: Echo) -> None:
    with Proxy(echo.address) as proxy:
        assert post(connect(proxy), b"one") == b"one"
        with proxy.failing(Fault(kind="cut_up", at=3)):
            for _ in range(2):
                with pytest.raises((http.client.HTTPException, OSError)):
                    post(connect(proxy), b"two")
        assert post(connect(proxy), b"three") == b"three"
    assert echo.bodies == [b"one", b"three"]
