"""The address of the sync protocol: one message in, one message out (docs/sync.md).

A message of a tablet goes past Flask's hooks, which are for pages: sessions, forms, headers for browsers and languages are nothing to it,
and were half of the server's work where nothing is new. Whatever is refused, and every request that is not exactly such a message, takes
Flask's way and is answered there.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.wsgi import get_input_stream

from server.api.wire import ApiBlueprint
from server.db import retrying
from server.editing import sql_server
from server.housekeeping import lines_came
from server.logbook import log_failure, log_request
from server.services import services
from server.visit import Visit
from sync.errors import FrameFault
from sync.messages import CONTENT_TYPE
from sync.server_half import ServerHalf

blueprint = ApiBlueprint("exchange", __name__, description="The sync protocol")
blueprints = (blueprint,)

PATH, ENDPOINT = "/api/exchange", "exchange.exchange"
FAILED = "sen.failed"
"""Where a request that failed on the short way carries its exception to Flask, which answers it."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

__all__ = ["ShortWay", "blueprints"]


MESSAGE = {"content": {CONTENT_TYPE: {"schema": {"type": "string", "contentMediaType": CONTENT_TYPE}}}}
"""A message, whose bytes docs/sync.md specifies; the sender is proved by the MAC in it, not by a session."""


@blueprint.post(PATH)
@blueprint.doc(
    security=[], requestBody={"required": True, "description": "what the tablet tells and asks", **MESSAGE},
    responses={"200": {"description": "what the server tells", **MESSAGE}},
)  # fmt: skip
def exchange() -> Response:
    """Exchange lines with a tablet."""
    failed = request.environ.get(FAILED)
    if failed is not None:
        raise failed
    if request.mimetype != CONTENT_TYPE:
        raise FrameFault("wrong_content_type", expected=CONTENT_TYPE)
    told = _Told(current_app._get_current_object(), request.get_data(cache=False))
    response = Response(told.answer, mimetype=CONTENT_TYPE)
    response.call_on_close(told.close)
    return response


class _Told:
    """A request's answer, within the app's context; ``close`` is called once it has left."""

    def __init__(self, app: Flask, data: bytes) -> None:
        self._app = app
        self._server = sql_server()
        self._now_ms = services().clock.now_ms()
        self._unsent: int | None = None
        self.answer = retrying(lambda: self._answered(data))  # told again, a request changes nothing
        self._device = data.split(b" ", 2)[1].decode("ascii")

    def _answered(self, data: bytes) -> bytes:
        with Visit(self._server) as visit:
            half = ServerHalf(visit)
            answer = half.answer(data, now_ms=self._now_ms)
        self._unsent = half.unsent
        return answer

    def __iter__(self) -> Iterator[bytes]:
        """The answer as WSGI takes it."""
        yield self.answer

    def close(self) -> None:
        """Note the contact, and that lines came. The answer has left: a disk that is full or away now cuts nobody's connection, and
        the contact is noted at the next.
        """
        with self._app.app_context():
            try:
                self._server.note_seen(self._device, self._now_ms, self._unsent)
            except Exception as error:
                log_failure(error, "contact_not_noted")
            lines_came()


class ShortWay:
    """The app as WSGI, with a way for messages of tablets beside Flask's own.

    Args:
        flask: Flask's own way.
    """

    def __init__(self, app: Flask, flask: Wsgi) -> None:
        self._app = app
        self._flask = flask

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if not self._is_message(environ):
            return self._flask(environ, start_response)
        began = time.monotonic()
        try:
            with self._app.app_context():
                told = _Told(self._app, get_input_stream(environ).read())
        except Exception as error:
            environ[FAILED] = error
            return self._flask(environ, start_response)
        log_request("POST", ENDPOINT, 200, began)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(told.answer)))])
        return told

    def _is_message(self, environ: dict[str, Any]) -> bool:
        """Whether this is exactly a message, no larger than a body may be; anything else is Flask's to answer or to refuse."""
        return (
            environ["PATH_INFO"] == PATH
            and environ["REQUEST_METHOD"] == "POST"
            and environ.get("CONTENT_TYPE") == CONTENT_TYPE
            and not environ.get("QUERY_STRING")
            and not environ.get("SCRIPT_NAME")
            and "HTTP_TRANSFER_ENCODING" not in environ
            and 0 < _length(environ) <= self._app.config["MAX_CONTENT_LENGTH"]
        )


def _length(environ: dict[str, Any]) -> int:
    told = str(environ.get("CONTENT_LENGTH") or "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
