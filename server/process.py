"""One server process: it takes the database's lock and the port, brings the tables to this version, and serves until it is ended.

SQLite has one server process, named in the lock file; PostgreSQL may have many.
"""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from flask import Flask
from sqlalchemy import select

from server.app import create_app
from server.certificates import keep_missing, take_up_forgotten
from server.config import LOOPBACK, Config
from server.db import reading
from server.desk import MOST_WAITING, Desk, Listener, Tls
from server.endings import apply_ended
from server.framing import MOST_HEAD_BYTES, Connection
from server.housekeeping import Housekeeper, lines_came
from server.judged_again import judge_again
from server.known_people import settle_people
from server.logbook import log_event, log_failure
from server.people import User
from server.places import Places, held
from server.publishing import publish
from server.schema import upgrade
from server.upward.courier import Courier
from shared.errors import SenError

QUEUE = 128
"""Connections that may wait to be taken."""

SILENCE_S = 60
"""Seconds without a byte after which a connection is given up: there is no limit on the whole, links are slow."""

ENDING_S = 10

COLLECTOR = (50_000, 20, 50)
"""A page of lines makes many short-lived objects and no cycles: looking for cycles every 700 of them took a third of a push."""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""The names of settings of glibc's ``mallopt``."""

LARGE_BLOCK = 256 * 1024
"""A block of so many bytes (a page, packed or not) is given back to the system as soon as it is free."""

__all__ = ["serve", "server_lock"]


@contextlib.contextmanager
def server_lock(places: Places, address: str) -> Iterator[None]:
    """Hold the database as its one server; on PostgreSQL nothing is held. Raises SenError("second_server")."""
    if places.lock is None:
        yield
        return
    with held(places.lock, address=address):
        yield


def serve(config: Config, announce: Callable[[str, int], None]) -> None:
    """Serve until the process is told to end (Ctrl-C, SIGTERM).

    Args:
        announce: called with the address and the port once requests are taken.

    Raises:
        SenError: ``port_in_use``, ``second_server``, ``needs_tls``, ``demo_only_here``, or what ``create_app`` raises.
    """
    if config.host not in LOOPBACK and not config.https:
        raise SenError("needs_tls")
    _one_heap()  # before there are threads: each takes its memory where its first request finds it
    server = _listen(config)
    try:
        host, port = server.bind_addr[:2]
        address = f"{'https' if config.tls_certificate else 'http'}://{host}:{port}"
        with server_lock(Places(config), address):
            app = ready_app(config)
            _keep_demo_here(app, config)
            server.wsgi_app = Desk(app, config.threads, largest=app.config["MAX_CONTENT_LENGTH"])
            gc.freeze()
            gc.set_threshold(*COLLECTOR)
            housekeeper = app.extensions["sen-housekeeper"] = Housekeeper(app)
            app.teardown_request(lambda _: lines_came())
            housekeeper.start()
            courier = Courier(app, config.upward_minutes)
            courier.start()
            try:
                with _ended_by_signals():
                    announce(address, port)
                    log_event("started", pid=os.getpid(), port=port)
                    server.serve()
            finally:
                courier.stop()
                housekeeper.stop()
    finally:
        server.stop()
        log_event("ended", pid=os.getpid())


def _one_heap() -> None:
    """Let all threads take their memory from one place: else each thread that once met a large page keeps as much for itself.

    A setting of glibc; where there is another C library nothing is done.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def ready_app(config: Config, *, publishes: bool = True) -> Flask:
    """The app on a database that is at this version and knows of people, devices and endings what the key store does, and has the catalogue
    published.

    Args:
        publishes: whether the folder's catalogue takes effect here; else the one that was published last does.

    Raises:
        CatalogueError: the catalogue cannot follow the one that was published before.
    """
    app = create_app(config)
    upgrade(app)
    with app.app_context():
        settle_people()
        take_up_forgotten()
        keep_missing()
    apply_ended(app)
    publish(app, anew=publishes)
    if publishes:
        judge_again(app)
    return app


def _keep_demo_here(app: Flask, config: Config) -> None:
    """Refuse to serve a database with invented people, whose passwords are printed, to anybody beyond this machine."""
    if config.host in LOOPBACK and not config.behind_proxy:
        return
    with app.app_context(), reading() as connection:
        if connection.scalar(select(User.id).where(User.demo.is_(True)).limit(1)) is not None:
            raise SenError("demo_only_here")


def _listen(config: Config) -> Listener:
    """Take the port before anything else is touched; connections wait until the app is ready."""
    server = Listener(
        (config.host, config.port), _not_ready, numthreads=config.threads, max=max(config.connections, config.threads),
        accepted_queue_size=MOST_WAITING, accepted_queue_timeout=0, request_queue_size=QUEUE, timeout=SILENCE_S,
        shutdown_timeout=ENDING_S, server_name="Sen",
    )  # fmt: skip
    server.keep_alive_conn_limit = config.connections
    if config.tls_certificate is not None:
        server.ssl_adapter = Tls(str(config.tls_certificate), str(config.tls_key) if config.tls_key else None)
    server.error_log = _log_error  # type: ignore[method-assign,assignment]
    server.ConnectionClass = Connection
    server.max_request_header_size = MOST_HEAD_BYTES
    server.max_request_body_size = 0  # the app refuses by itself, and says why (server.guard)
    try:
        server.prepare()
    except OSError as error:  # cheroot tells the reason in words only
        raise SenError("port_in_use", port=config.port) from error
    return server


def _log_error(_message: str = "", level: int = logging.ERROR, traceback: bool = False) -> None:
    """Cheroot's log: that something happened, never its words, which may hold what was sent."""
    error = sys.exc_info()[1]
    if level >= logging.WARNING and error is not None:
        log_failure(error, "connection_failed")


def _not_ready(environ: object, start_response: Callable[..., object]) -> list[bytes]:
    start_response("503 Service Unavailable", [("Retry-After", "1"), ("Content-Length", "0")])
    return []


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the server by Ctrl-C and SIGTERM: what is being worked on is finished first."""
    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with contextlib.suppress(SystemExit):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
