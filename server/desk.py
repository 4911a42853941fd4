"""Many may be connected, few are worked for: a slow link holds a thread that sleeps, and never a place where work is done.

Each connection that says something has a thread of its own, up to a bound; a request takes one of the few places, and gives it back
while its body comes in. Who finds no place in time, or comes when all threads are taken, is told when to come again (RFC 9110,
sections 10.2.3 and 15.6.4), each another moment, so that they do not all come back together.
"""

import contextlib
import io
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cheroot.server import HTTPConnection
from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server

from server.framing import problem_in_both
from server.turns import Turns
from shared.errors import SenError

PATIENCE_S = 20
"""Seconds for which a request waits for a place."""

GROWTH = 8
"""Threads that are added at once where none is idle."""

MOST_WAITING = 128
"""Connections that may wait for a thread once there are no more threads to be had."""

REFUSED_S = 1
"""Seconds that a refusal may take to be written."""

BODIES_BYTES = 256 << 20
"""What all bodies that are coming in may take together: so much memory can be had by who sends and never ends."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

__all__ = ["Desk", "Listener", "Tls"]


class Desk:
    """An app as WSGI with so many places.

    Args:
        largest: bytes that one body may have; a longer one is the app's to refuse before it is read.
    """

    def __init__(self, app: Wsgi, places: int, *, largest: int) -> None:
        self._app = app
        self._largest = largest
        self._places = Turns(places)
        self._coming = 0
        self._counting = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, once there is a place."""
        if not self._places.take(PATIENCE_S):
            body, headers = problem_in_both("server_busy", 503)
            start_response("503 Service Unavailable", headers)
            return [body]
        try:
            environ["wsgi.input"] = _Body(self, environ)
            return self._app(environ, start_response)
        finally:
            self._places.give()

    @contextlib.contextmanager
    def away(self, size: int) -> Iterator[None]:
        """Give a place back while so many bytes come in. Raises SenError("server_busy") where too many are coming in already."""
        with self._counting:
            if self._coming + size > BODIES_BYTES:
                raise SenError("server_busy")
            self._coming += size
        self._places.give()
        try:
            yield
        finally:
            self._places.take()
            with self._counting:
                self._coming -= size

    def largest_of(self, environ: dict[str, Any]) -> int:
        """The bytes that a body may have: those that its head tells, and one more than may be where it tells none."""
        told = str(environ.get("CONTENT_LENGTH") or "")
        return min(int(told), self._largest) if told.isascii() and told.isdigit() and len(told) < 19 else self._largest + 1


class _Body:
    """A request's body; it comes in whole at the first word that the app asks of it."""

    def __init__(self, desk: Desk, environ: dict[str, Any]) -> None:
        self._desk = desk
        self._file = environ["wsgi.input"]
        self._size = desk.largest_of(environ)
        self._come: io.BytesIO | None = None

    def _whole(self) -> io.BytesIO:
        if self._come is None:
            with self._desk.away(self._size):
                self._come = io.BytesIO(self._file.read(self._size))
        return self._come

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all that are left."""
        return self._whole().read(size)

    def readline(self, size: int = -1) -> bytes:
        """The next line."""
        return self._whole().readline(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """All lines that are left."""
        return self._whole().readlines(hint)

    def __iter__(self) -> Iterator[bytes]:
        """The lines."""
        return iter(self._whole())


class Listener(Server):
    """Takes connections and finds a thread for each; who gets none is told to come again."""

    def process_conn(self, conn: HTTPConnection) -> None:
        """Give a connection that says something to a thread, with more threads where none is idle."""
        pool = self.requests
        idle = pool.idle
        if idle <= pool.qsize:
            self._grow()
        elif idle > pool.min + 2 * GROWTH:
            pool.shrink(GROWTH)
        try:
            pool.put(conn)
        except queue.Full:
            self._unservicable_conns.put(conn)  # type: ignore[attr-defined]  # cheroot's stubs leave it out

    def _grow(self) -> None:
        """As the pool does it itself, which would wait for ever, and nobody be heard any more, for a new thread that has ended already: it
        took the order to end that was meant for one of those that were too many a moment ago.
        """
        pool = self.requests
        begun = [pool._spawn_worker() for _ in range(min(GROWTH, max(pool.max - len(pool._threads), 0)))]
        for worker in begun:
            while not worker.ready and worker.is_alive():
                time.sleep(0.001)
        pool._threads.extend(begun)

    def _serve_unservicable(self) -> None:
        """Tell those whom nobody serves, one after the other, in a thread of its own."""
        while self.ready:
            conn = self._unservicable_conns.get()  # type: ignore[attr-defined]
            if not isinstance(conn, HTTPConnection):  # the end
                return
            with contextlib.suppress(OSError):
                conn.socket.settimeout(REFUSED_S)
                conn.RequestHandlerClass(self, conn).simple_response("503 Service Unavailable")
                conn.socket.shutdown(socket.SHUT_WR)
                conn.linger = True  # what it sent is not read: to end the connection outright could take the answer from it
                conn.close()
            del conn


class Tls(BuiltinSSLAdapter):
    """TLS whose handshake is the connection's own affair (``server.framing.Connection``): one that never ends it keeps nobody waiting."""

    def wrap(self, sock: Any) -> tuple[Any, dict[str, str]]:
        """The socket, and what the app is told of it."""
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {"wsgi.url_scheme": "https", "HTTPS": "on"}
