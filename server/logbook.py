"""What a server logs: lines of named facts, allow-listed. What is not on the list prints as «…», whoever logs it.

A log never holds a value that somebody entered, a name, an address with its query, or the message of an exception: an exception
is told by its type and the places in the code that it came through.
"""

import json
import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

from flask import Flask, Response, g, request
from flask_login import current_user

ALLOWED = frozenset(
    {
        "event", "method", "endpoint", "status", "ms", "user", "device", "code", "error", "at", "pid", "port", "bytes", "count",
        "version", "unit",
    }
)
"""The facts that may be logged: codes, ids without meaning, counts and names of our own code."""

REDACTED = "…"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_log = logging.getLogger("sen")

__all__ = ["ALLOWED", "REDACTED", "Lines", "log_event", "log_failure", "log_request", "log_requests", "start_log"]


class Lines(logging.Formatter):
    """Writes one JSON object a record, in ASCII; a record of any other library is told by its logger's name and level only."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        facts = getattr(record, "facts", None)
        line: dict[str, Any] = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)), "level": record.levelname.lower()}
        if isinstance(facts, dict):
            line |= {name: value if name in ALLOWED else REDACTED for name, value in facts.items()}
        else:
            line |= {"logger": record.name, "message": REDACTED}
            if record.exc_info and record.exc_info[1] is not None:
                line |= {"error": type(record.exc_info[1]).__name__, "at": _places(record.exc_info[2])}
        return json.dumps(line, default=lambda _: REDACTED)


def start_log(level: str = "info") -> None:
    """Send all logging of the process to standard error, through the list."""
    logging.raiseExceptions = False  # what cannot be written is not told with its arguments
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(LEVELS.get(level, logging.INFO))


def log_event(event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Log that something happened."""
    _log.log(level, event, extra={"facts": {"event": event, **facts}})


def log_failure(error: BaseException, code: str) -> None:
    """Log an error of ours: its type and where it came from, never its message."""
    log_event("failure", level=logging.ERROR, code=code, error=type(error).__name__, at=_places(error.__traceback__))


def _places(trace: TracebackType | None) -> list[str]:
    return [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace)[-12:]]


def log_requests(app: Flask) -> None:
    """Log one line a request: its endpoint, never its address."""

    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        user = getattr(current_user, "id", None) if "_login_user" in g else None
        log_request(request.method, request.endpoint, response.status_code, g.get("began", time.monotonic()), user=user)
        return response


def log_request(method: str, endpoint: str | None, status: int, began_s: float, *, user: str | None = None) -> None:
    """Log one request that was answered; ``began_s`` is when it began by the monotonic clock."""
    if _log.isEnabledFor(logging.INFO):
        ms = round((time.monotonic() - began_s) * 1000)
        facts: dict[str, Any] = {"method": method, "endpoint": endpoint, "status": status, "ms": ms, "user": user}
        log_event("request", **{name: value for name, value in facts.items() if value is not None})
