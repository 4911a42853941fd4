"""One exchange with the server, from this tablet's side: until both have nothing left, or until the network says no.

Knows no thread and no window; ``background`` calls it when there is a network, the screen «Đồng bộ» when a person asks.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mobile.bridging import bridge
from mobile.bulk import uncollected
from mobile.clock import moment_of
from mobile.file_rows import make_rows_anew
from mobile.keys import DeviceKeys
from mobile.remarks import compare_clocks, note_unread, note_update
from mobile.rescue import forget_damaged
from mobile.separation import asked, separate
from shared.errors import SenError
from sync.again import FORGOTTEN
from sync.clock import Time, observe
from sync.errors import FrameFault
from sync.over_http import post_certificate, post_message
from sync.request import FIRST_NUMBERS
from sync.tablet_half import Step, TabletHalf

if TYPE_CHECKING:
    from mobile.tablet import Tablet

MOST_TRIPS: Final = 10_000
MOST_CUTS: Final = 6
"""Broken round trips in a row, each with a smaller page, before the exchange is left for later."""

CUTS: Final = frozenset({"no_network", "network_cut", "message_cut", "broken_packing", "late_answer", "server_busy"})
"""What may be better at the next try."""

ANEW: Final = frozenset({"bad_cursor", "line_not_held"})
"""What is better when all is pulled anew: the storage damaged what says how far this tablet is, or a line that it is known to have."""

OUT_OF_CHAIN: Final = frozenset({"wrong_chain", "log_gap"})
"""What a server says of lines whose place in their log the storage damaged."""

__all__ = ["Syncer"]


class Syncer:
    """Exchanges for one tablet; one at a time.

    Args:
        post: sends a message to an address and gives the answer; the network, or a test.
    """

    def __init__(self, tablet: "Tablet", post: Callable[[str, bytes], bytes] = post_message) -> None:
        self._tablet = tablet
        self._post = post
        self._half = TabletHalf(tablet.store, first=secrets.randbelow(FIRST_NUMBERS))
        self._one = threading.Lock()
        self.busy = False
        self.last: SenError | None = None
        """Why the last exchange did not come to its end; None when it did."""
        self.finished_ms: int | None = None
        self.trips = 0
        """Round trips of the last exchange."""
        self.received = 0
        """Records that the last exchange brought."""

    def sync(self, *, urgent: bool = False) -> None:
        """Exchange until nothing is left. What is urgent leaves first, alone, in a round trip of its own; an urgent exchange ends there.

        Raises:
            SenError: ``switched_offline``, ``no_network``, ``network_cut``, or what the server says. What arrived is kept.
        """
        if self._tablet.profile.settings.offline:
            raise SenError("switched_offline")
        with self.alone():
            try:
                self.trips = self.received = 0
                self.look_over()
                whole = not self._tablet.store.outbox.held_back  # else nothing leaves before the server said what it has
                urgent = urgent and whole
                if not urgent and whole and self._tablet.store.urgent_waits():
                    self._exchange(urgent=True)
                if not urgent:
                    self._tablet.store.soundness.look()
                    self._tablet.store.seals.ask()
                if not urgent and asked(self._tablet):
                    separate(self._tablet)
                last = self._exchange(urgent=urgent)
                if last.copied:
                    separate(self._tablet)
                    last = self._exchange()
                self.last = None
                if not urgent:
                    forget_damaged(self._tablet.store)
                    self.finished_ms = self._tablet.clock.now_ms()
            except SenError as error:
                self.last = error
                raise
        if last.wipe:
            self._hand_in_files()
            self._tablet.told_to_wipe()

    def look_over(self) -> None:
        """Look whether what was entered here is whole, as far as the server may not have it, and mend what can be."""
        self._tablet.store.outbox.look()
        self.look_beside()

    def look_beside(self) -> None:
        """The same of what goes beside the lines: sealed values, case keys, rows of files. The lines were looked over with the store."""
        store = self._tablet.store
        store.seals.look()
        make_rows_anew(store, self._tablet.files)
        if self._tablet.unlocked:
            store.seals.wrap_anew(self._tablet.case_keys)

    def _hand_in_files(self) -> None:
        """Let this revoked tablet's photos follow its records before it wipes itself; what the server does not take goes with it."""
        try:
            self._tablet.carrier.carry()
        except SenError as error:
            self.last = error
            raise

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One exchange at a time, by whatever way; what it brought is taken up at its end."""
        with self._one:
            self.busy = True
            try:
                yield
            finally:
                self.busy = False
                self._tablet.pulled()

    @contextmanager
    def paused(self) -> Iterator[bool]:
        """Keep exchanges from beginning; False where one is under way, which is not waited for."""
        free = self._one.acquire(blocking=False)
        try:
            yield free
        finally:
            if free:
                self._one.release()

    def _exchange(self, *, urgent: bool = False) -> Step:
        """Exchange until nothing is left; gives the last step."""
        cuts, shown = 0, False
        while self.trips < MOST_TRIPS:
            now = self._tablet.clock.now_ms()
            request = self._half.request(urgent=urgent)
            try:
                answer = self._post(self._tablet.who.address, request)
                self.trips += 1
                with uncollected():
                    step = self._half.receive(answer)
            except SenError as error:
                self._half.cut()
                if error.code in OUT_OF_CHAIN and not self._tablet.store.outbox.refused:
                    self._tablet.store.outbox.refused = True
                    continue
                if error.code == FORGOTTEN and not shown:
                    shown = True
                    self._show_certificate()
                    continue
                cuts += 1
                if error.code in ANEW:
                    self._tablet.store.forget_cursors()
                if error.code not in CUTS | ANEW or error.code == "no_network" or cuts >= MOST_CUTS:
                    raise
                continue
            cuts = 0
            self.received += step.received
            note_update(self._tablet.store, step.update)
            self.observe(self._half.server_time, now)
            if not self._tablet.clock.moved:
                got, server = self._tablet.clock.now_ms(), self._half.server_time
                compare_clocks(self._tablet.store, sent_ms=now, got_ms=got, server_ms=server.ms)
            if self._half.lost:
                self._tablet.files.ask_again()
            bridged = not urgent and bridge(self._tablet.store.outbox)
            if urgent or not (step.more or bridged):
                if not urgent and not step.update:
                    note_unread(self._tablet.store, step.unread)
                return step
        raise FrameFault("exchange_endless")

    def _show_certificate(self) -> None:
        """Let a server that was restored from a backup older than this tablet's enrolment take it up again."""
        keys, who = DeviceKeys.load(self._tablet.hardware), self._tablet.who
        if keys is None:
            raise SenError("keys_damaged")
        post_certificate(who.address, who.certificate, keys.sign)

    def observe(self, heard: Time, now_ms: int) -> None:
        """Learn the server's time where this tablet's clock is behind it, so that later edits are later."""
        store = self._tablet.store
        last = store.last_time()
        if heard > max(last, Time(now_ms, 0)):
            time = observe(last, heard, now_ms)
            if time != last:
                store.set_note("time", f"{time.ms},{time.counter}")

    def words(self) -> str:
        """What goes on, for a person: sending, switched off, why not, or when it was last done."""
        say = self._tablet.say
        if self.busy:
            return say("sync_busy")
        if self._tablet.profile.settings.offline:
            return say("switched_offline")
        if self.last is not None:
            return self.last.text(self._tablet.language)
        return say("sync_never") if self.finished_ms is None else say("sync_done", time=f"{moment_of(self.finished_ms):%H:%M}")
