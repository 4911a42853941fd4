"""What goes on behind the window: the exchange whenever there is a network, the files behind it, and long work that a screen asked for.

The only module with threads. It knows no window: results go back through a callback that the application gives («post»), which puts
them into the window's own thread.
"""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from shared.errors import SenError

if TYPE_CHECKING:
    from mobile.tablet import Tablet

AFTER_CHANGE_S: Final = 4
"""Seconds from a change to the exchange that sends it: several go together."""
EVERY_S: Final = 60
FIRST_WAIT_S: Final = 20
LONGEST_WAIT_S: Final = 60
"""Seconds between tries while there is no network: one that comes back is soon used, and a try without one costs nothing."""
URGENT_FIRST_S: Final = 2
URGENT_LONGEST_S: Final = 30
"""The same while something urgent has no receipt of the server."""

Post = Callable[[Callable[[], None]], None]

__all__ = ["Background", "pause_s"]


def pause_s(failures: int, *, urgent: bool, chance: float) -> float:
    """Seconds until the next try after so many failures in a row: doubled after each, up to a longest.

    ``chance`` (0 to 1) takes up to half of it away: tablets that lost one network together do not come back in one moment.
    """
    first, longest = (URGENT_FIRST_S, URGENT_LONGEST_S) if urgent else (FIRST_WAIT_S, LONGEST_WAIT_S)
    return float(min(longest, first * 2 ** min(failures - 1, 16))) * (1 - chance / 2)


class Background:
    """The sync thread of a tablet, and its workers."""

    def __init__(self, tablet: "Tablet") -> None:
        self._tablet = tablet
        self._wake = threading.Condition()
        self._urgent = False
        self._changed = False
        self._ending = False
        self._thread: threading.Thread | None = None
        self._workers: ThreadPoolExecutor | None = None
        self._chance = random.Random().random
        self._post: Post = lambda work: work()
        self._news: Callable[[], None] = lambda: None

    def start(self, post: Post, news: Callable[[], None] = lambda: None) -> None:
        """Begin to exchange by itself; ``news`` is posted after each exchange that was tried."""
        self._post, self._news = post, news
        self._tablet.wrote_urgent = self.changed
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
            self._thread.start()

    def changed(self, urgent: bool = False) -> None:
        """Take note that something is to be sent; what is urgent goes out at once."""
        with self._wake:
            self._changed = True
            self._urgent = self._urgent or urgent
            self._wake.notify_all()

    def work(self, job: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do something long; ``then`` gets its result, or the SenError that it raised, through ``post``."""
        if self._workers is None:
            self._workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="work")
        self._workers.submit(self._work, job, then)

    def _work(self, job: Callable[[], Any], then: Callable[[Any], None]) -> None:
        try:
            result = job()
        except SenError as error:
            result = error
        except Exception:
            result = SenError("general_error")
        self._post(lambda: then(result))

    def stop(self) -> None:
        """End; an exchange that is under way ends with its present round trip."""
        with self._wake:
            self._ending = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=2)
            self._thread = None
        if self._workers is not None:
            self._workers.shutdown(wait=True, cancel_futures=True)
            self._workers = None

    def _run(self) -> None:
        wait, failures = 0.0, 0
        while True:
            self._sleep(wait)
            if self._ending:
                return
            ready = self._tablet.enrolled and not self._tablet.profile.settings.offline
            done = self._try() if ready else True
            failures = 0 if done else failures + 1
            wait = EVERY_S if done else pause_s(failures, urgent=self._urgent_waits(), chance=self._chance())
            if ready:
                self._post(self._news)

    def _urgent_waits(self) -> bool:
        try:
            return self._tablet.store.urgent_waits()
        except SenError:
            return False

    def _sleep(self, wait: float) -> None:
        """Wait for the next exchange; what is urgent ends the waiting at once."""
        with self._wake:
            if wait and not (self._changed or self._ending):
                self._wake.wait(wait)
            if self._changed and not self._urgent and not self._ending:
                self._wake.wait(AFTER_CHANGE_S)
            self._urgent = self._changed = False

    def _try(self) -> bool:
        try:
            self._tablet.syncer.sync()
            self._tablet.carrier.carry(stop=lambda: self._changed or self._ending)
        except SenError:
            return False
        return True
