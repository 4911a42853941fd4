"""The head of an HTTP request as this server takes it: what frames its body stands there once and is well spelled.

Two lengths, a length beside chunks, a folded or misspelled header are read in one way by a proxy and in another by a server; whoever
sends them may put a second request into somebody else's connection (RFC 9112 § 11.2). They are refused before the app is asked, and
so is a head without end. The answer is a problem in both languages, as all others are (``server.problems``).
"""

import contextlib
import json
import re
import ssl
from typing import Any

from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest

from server.problems import HTTP_CODES, again_s
from shared.messages import phrase

MOST_HEAD_BYTES = 64 * 1024
"""Bytes of a request line and its headers."""

ONCE = frozenset({b"content-length", b"transfer-encoding", b"host", b"content-type"})
EXCHANGE = b"/api/exchange"
FRAMING = frozenset({b"content-length", b"connection"})
"""Headers of an answer of the protocol: it says itself what it is, and each further one is a tenth of an exchange with nothing new."""

NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LENGTH = re.compile(rb"[0-9]{1,18}")

__all__ = ["MOST_HEAD_BYTES", "Connection", "problem_in_both"]


class _Lines:
    """The lines of a head, kept while they are read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.lines: list[bytes] = []

    def readline(self) -> bytes:
        line: bytes = self._file.readline()
        self.lines.append(line)
        return line


class _Answered(list[tuple[bytes, bytes]]):
    """The headers of an answer; cheroot's name is not added to them."""

    def append(self, pair: tuple[bytes, bytes]) -> None:
        if pair[0] != b"Server":
            super().append(pair)


class _Headers(HeaderReader):
    """Reads headers and raises ValueError for those that two readers could take for two things."""

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        heard = _Lines(rfile)
        headers = super().__call__(heard, hdict)
        seen = set[bytes]()
        for line in heard.lines[:-1]:
            name, _, value = line.partition(b":")
            name = name.lower()
            if not NAME.fullmatch(name) or b"\0" in value or (name in ONCE and name in seen):
                raise ValueError(name)
            if name == b"content-length" and not LENGTH.fullmatch(value.strip()):
                raise ValueError(name)
            if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                raise ValueError(name)
            seen.add(name)
        if {b"content-length", b"transfer-encoding"} <= seen:
            raise ValueError("two lengths")
        return headers


class _Request(HTTPRequest):
    """One request; what is wrong with its head is told as a problem, never in words of what was sent."""

    header_reader = _Headers()

    def send_headers(self) -> None:
        """Send the head of an answer; that of the protocol without what is meant for a browser."""
        if self.path == EXCHANGE and int(self.status[:3]) == 200:
            self.outheaders = [pair for pair in self.outheaders if pair[0].lower() in FRAMING]
        self.outheaders = _Answered(self.outheaders)
        super().send_headers()

    def respond(self) -> None:
        """Ask the app. Behind a body in chunks the connection ends: where its last chunk was is known only to who read it to the end."""
        if self.chunked_read:
            self.close_connection = True
        super().respond()

    def simple_response(self, status: Any, msg: Any = "") -> None:
        """Answer in the app's stead, and end the connection: what follows on it cannot be read."""
        number = int(str(status)[:3])
        if number in (501, 505):  # a version or an encoding that this server does not speak is the sender's fault
            number, status = 400, "400 Bad Request"
        body, headers = problem_in_both(HTTP_CODES.get(number, "bad_request" if number < 500 else "general_error"), number)
        told = "".join(f"{name}: {value}\r\n" for name, value in (*headers, ("Connection", "close")))
        self.close_connection = True
        with contextlib.suppress(OSError):  # the other side may be gone
            self.conn.wfile.write(f"HTTP/1.1 {status}\r\n{told}\r\n".encode("ascii") + body)


def problem_in_both(code: str, status: int) -> tuple[bytes, list[tuple[str, str]]]:
    """A problem (RFC 9457) in both languages, where the app is not there to say it in one: its body and its headers."""
    vi, en = phrase(code, "vi"), phrase(code, "en")
    errors = [{"path": "", "code": code, "vi": vi, "en": en}]
    body = json.dumps({"type": "about:blank", "title": vi, "status": status, "code": code, "errors": errors}).encode()
    again = [("Retry-After", str(again_s()))] if status == 503 else []
    return body, [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body))), *again]


class Connection(HTTPConnection):
    """A connection whose requests are framed strictly."""

    RequestHandlerClass = _Request
    _shaken = False

    def communicate(self) -> bool:
        """Read one request and answer it; whether there may be another. TLS's handshake is done here first, in a thread of its own."""
        if not self._shaken and isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except OSError:  # whoever knocks and speaks no TLS is not worth a word
                return False
        self._shaken = True
        return bool(super().communicate())  # type: ignore[no-untyped-call]
