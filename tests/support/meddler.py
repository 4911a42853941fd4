"""A proxy that changes HTTP itself, as an office's proxy or a telephone network does: headers, codings, old answers out of a cache."""

from __future__ import annotations

import gzip
import http.client
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

Headers = dict[str, str]
HOPS = ("connection", "keep-alive", "transfer-encoding", "content-length", "host")


class Message(NamedTuple):
    """A request or an answer on its way: status (0 of a request), headers, body."""

    status: int
    headers: Headers
    body: bytes


Change = Callable[[Message], Message]


class Meddler:
    """What it does with what passes; ``asked`` and ``answered`` change one message each. ``coding``: send bodies up in chunks."""

    def __init__(self) -> None:
        self.asked: Change = lambda message: message
        self.answered: Change = lambda message: message
        self.chunked = False
        self.passed = 0
        self.url = ""


def without(*names: str) -> Change:
    """Strip these headers."""
    return lambda message: message._replace(headers={name: value for name, value in message.headers.items() if name.lower() not in names})


def with_more(more: Mapping[str, str]) -> Change:
    """Add headers."""
    return lambda message: message._replace(headers={**message.headers, **more})


def packed_again(message: Message) -> Message:
    """Pack the body with gzip, and say so."""
    return message._replace(headers={**message.headers, "Content-Encoding": "gzip"}, body=gzip.compress(message.body))


def from_cache() -> Change:
    """Answer everything with the first answer that passed."""
    kept: list[Message] = []

    def answer(message: Message) -> Message:
        kept.append(message)
        return kept[0]

    return answer


@contextmanager
def meddler(upstream: tuple[str, int]) -> Iterator[Meddler]:
    """Pass requests to a server, changed as its ``Meddler`` says."""
    told = Meddler()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = told.asked(Message(0, dict(self.headers.items()), body))
            answer = told.answered(_passed(upstream, self.path, asked, chunked=told.chunked))
            told.passed += 1
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in HOPS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def _passed(upstream: tuple[str, int], path: str, asked: Message, *, chunked: bool) -> Message:
    line = http.client.HTTPConnection(*upstream, timeout=60)
    try:
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in HOPS}
        body = (asked.body[at : at + 100] for at in range(0, len(asked.body), 100)) if chunked else asked.body
        line.request("POST", path, body=body, headers=headers, encode_chunked=chunked)
        answer = line.getresponse()
        return Message(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        line.close()
