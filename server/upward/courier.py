"""Exchanges with the server above, until both have nothing left: when somebody says so, and every few minutes while the server runs."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Flask

from server.editing import sql_server
from server.logbook import log_event, log_failure
from server.places import held
from server.services import services
from server.upward.link import Link, read_link
from server.upward.look import Look
from server.upward.store import UpwardStore
from shared.errors import SenError
from shared.ids import unb64
from sync.again import FORGOTTEN
from sync.errors import FrameFault
from sync.over_http import post_certificate, post_message
from sync.request import FIRST_NUMBERS
from sync.tablet_half import TabletHalf

MOST_TRIPS: Final = 10_000
MOST_CUTS: Final = 6
"""Broken round trips in a row, each with a smaller page, before the exchange is left for later."""

CUTS: Final = frozenset({"network_cut", "message_cut", "broken_packing", "late_answer", "server_busy"})
"""What may be better at the next try."""

__all__ = ["Courier", "Done", "exchange"]


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an exchange came to. ``unsent``: lines that the server above is not known to have; ``aside``: those that it set aside."""

    trips: int
    sent: int
    received: int
    unsent: int
    aside: int
    revoked: bool


def exchange(post: Callable[[str, bytes], bytes] = post_message) -> Done:
    """Pull, look at both sides, tell, and look again, until nothing is left; in an app's context.

    Args:
        post: sends a message to an address and gives the answer.

    Raises:
        SenError: ``upward_not_enrolled``, ``upward_busy``, no network, or what the server above says. What arrived is kept.
    """
    held_here = services()
    link = read_link(held_here.keys)
    if link is None:
        raise SenError("upward_not_enrolled")
    try:
        with held(held_here.places.var / "upward.lock"):
            return _Exchange(link, post).run()
    except SenError as error:
        if error.code == "second_server":
            raise SenError("upward_busy") from error
        raise


class _Exchange:
    def __init__(self, link: Link, post: Callable[[str, bytes], bytes]) -> None:
        clock = services().clock
        self.link = link
        self.post = post
        self.now_ms = clock.now_ms
        self.store = UpwardStore(link, services().catalogue, clock.now_ms)
        self.look = Look(self.store, sql_server())
        self.half = TabletHalf(self.store, first=secrets.randbelow(FIRST_NUMBERS))
        self.trips = self.received = self.sent = 0
        self.revoked = False

    def run(self) -> Done:
        """Exchange and look by turns: what came may lead to something that goes."""
        self._exchange()
        while not self.revoked and (written := self.look.look()):
            self.sent += written
            self._exchange()
        return Done(
            trips=self.trips, sent=self.sent, received=self.received, unsent=self.store.unsent_count(), aside=len(self.store.set_aside()),
            revoked=self.revoked,
        )  # fmt: skip

    def _exchange(self) -> None:
        cuts, shown = 0, False
        while self.trips < MOST_TRIPS:
            request = self.half.request()
            try:
                answer = self.post(self.link.address, request)
                self.trips += 1
                step = self.half.receive(answer)
            except SenError as error:
                self.half.cut()
                if error.code == FORGOTTEN and not shown:
                    shown = True
                    post_certificate(self.link.address, self.link.certificate, unb64(self.link.sign))
                    continue
                cuts += 1
                if error.code not in CUTS or cuts >= MOST_CUTS:
                    raise
                continue
            cuts = 0
            self.received += step.received
            self.revoked = step.wipe
            if not step.more:
                return
        raise FrameFault("exchange_endless")


class Courier:
    """One thread of a server process that exchanges every ``minutes``; where this server is not enrolled it only waits."""

    def __init__(self, app: Flask, minutes: int) -> None:
        self._app = app
        self._pause_s = minutes * 60
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upward", daemon=True)

    def start(self) -> None:
        """Begin, unless it is switched off."""
        if self._pause_s:
            self._thread.start()

    def stop(self) -> None:
        """End; an exchange that is under way is left where it is, nothing of it can be lost."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._app.app_context():
                self._once()
            self._ended.wait(self._pause_s)

    def _once(self) -> None:
        try:
            if read_link(services().keys) is not None:
                done = exchange()
                log_event("upward", count=done.sent)
        except SenError as error:
            log_event("upward_failed", code=error.code)
        except Exception as error:  # the next time may be better; a server must not end for it
            log_failure(error, "upward")
