"""What a server does when nobody waits for it: put pushed records into columns once the pushing has paused, judge those that were
submitted and fold SQLite's log into its file, once a day drop the files that no record has held for a month, and look over everything
that it holds, round after round (``server.rounds``).
"""

import threading
import time

from flask import Flask, current_app

from server.db import fold
from server.editing import sql_server
from server.files import collect
from server.judging import judge
from server.logbook import log_failure
from server.rounds import Round
from server.services import services

PAUSE_S = 1.0
"""Seconds without a push after which the columns are made: a tablet that is still sending is not slowed."""

COLLECT_EVERY_S = 24 * 3600
"""Seconds between two looks for files that are in no record."""

FIRST_ROUND_S = 1.0
"""Seconds after its start in which a process only answers."""

TURN_S = 30.0
SLICES_A_TURN = 10
"""Once the first round is whole, so many slices (five hundred lines, a hundred records) are looked at in each turn."""

THREADS = ("housekeeping", "rounds")
"""The names of its threads: what makes columns, and what looks over everything."""

__all__ = ["THREADS", "Housekeeper", "lines_came"]


class Housekeeper:
    """Two threads of a server process. ``pushed`` wakes the one that makes columns; lists make what is missing themselves, so it may
    always be late. The other one looks over the tables, with pauses as long as its work, and never while lines are pushed.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._last = 0.0
        self._collected: float | None = None
        self._thread = threading.Thread(target=self._run, name=THREADS[0], daemon=True)
        self._rounds = threading.Thread(target=self._go_round, name=THREADS[1], daemon=True)
        with app.app_context():
            self.round = Round(sql_server().healing)

    def start(self) -> None:
        """Begin, with what was left when the process before this ended."""
        self.pushed()
        self._thread.start()
        self._rounds.start()

    def pushed(self) -> None:
        """Take note that lines came."""
        self._last = time.monotonic()
        self._woken.set()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._ended.set()
        self._woken.set()
        self._thread.join()
        self._rounds.join()

    def _run(self) -> None:
        while self._woken.wait() and not self._ended.is_set():
            left = self._last + PAUSE_S - time.monotonic()
            if left > 0:
                self._ended.wait(left)
                continue
            self._woken.clear()
            try:
                with self._app.app_context():
                    judge()
                    fold()
                    self._collect()
            except Exception as error:  # the next list makes the columns; a server must not end for it
                log_failure(error, "housekeeping")

    def _go_round(self) -> None:
        pause, first, slices = FIRST_ROUND_S, True, 0
        while not self._ended.wait(pause):
            began = time.monotonic()
            if began - self._last < PAUSE_S:
                pause = PAUSE_S
                continue
            goes_on = self._look(begins=not slices)
            first, slices = first and goes_on, (slices + 1) % SLICES_A_TURN
            pause = time.monotonic() - began if first or slices else TURN_S

    def _look(self, *, begins: bool) -> bool:
        try:
            with self._app.app_context():
                if begins:
                    self.round.healing.refresh()  # another process may have found or healed something
                return self.round.step()
        except Exception as error:  # as above; the round begins anew
            log_failure(error, "rounds")
            self.round = Round(self.round.healing)
            return False

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
