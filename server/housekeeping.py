"""What a server does when nobody waits for it: put pushed records into columns once the pushing has paused, and once a day drop the
files that no record has held for a month.
"""

import threading
import time

from flask import Flask, current_app

from server.editing import sql_server
from server.files import collect
from server.logbook import log_failure
from server.projection import bring_up
from server.services import services

PAUSE_S = 1.0
"""Seconds without a push after which the columns are made: a tablet that is still sending is not slowed."""

COLLECT_EVERY_S = 24 * 3600
"""Seconds between two looks for files that are in no record."""

__all__ = ["Housekeeper", "lines_came"]


class Housekeeper:
    """One thread of a server process; ``pushed`` wakes it. Lists make what is missing themselves, so it may always be late."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._last = 0.0
        self._collected: float | None = None
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def pushed(self) -> None:
        """Take note that lines came."""
        self._last = time.monotonic()
        self._woken.set()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._ended.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while self._woken.wait() and not self._ended.is_set():
            left = self._last + PAUSE_S - time.monotonic()
            if left > 0:
                self._ended.wait(left)
                continue
            self._woken.clear()
            try:
                with self._app.app_context():
                    bring_up(services().catalogue)
                    self._collect()
            except Exception as error:  # the next list makes the columns; a server must not end for it
                log_failure(error, "housekeeping")

    def _collect(self) -> None:
        now = time.monotonic()
        if self._collected is None or now - self._collected >= COLLECT_EVERY_S:
            self._collected = now
            collect(services().clock.now_ms())


def lines_came() -> None:
    """Wake this app's housekeeper, where it has one, if lines came since the last time."""
    housekeeper, server = current_app.extensions.get("sen-housekeeper"), sql_server()
    if housekeeper is not None and server.pushed:
        server.pushed.clear()
        housekeeper.pushed()
