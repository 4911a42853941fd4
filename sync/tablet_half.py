"""The tablet's half of an exchange: from what it holds to a request, and from an answer to what it holds then.

A tablet says "here are my lines after n; which registers were touched after my cursor?", the server answers (``sync.server_half``); the
two go on until both have nothing left. What an answer brings is one page, kept whole.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.ids import b64, unb64
from sync.answer import page_of
from sync.clock import Time
from sync.errors import FrameFault
from sync.mended import Bringing
from sync.messages import (
    RAW_PER_PAGE_BYTE,
    Opened,
    Run,
    open_message,
)
from sync.pacing import Pacing
from sync.pull import short_digest
from sync.request import pack_request
from sync.store import Device
from sync.tablet_store import Page, TabletStore
from sync.versions import SERVER, SERVERS_FROM, VERSION, marked, who_updates

MOST_HEALS = 3
"""How often the parts are filled again in one exchange: who cannot read the newest catalogue may never reckon as the server does."""

HANDED_IN = ("read", "aside", "forked")
"""The members of an answer that tell what became of the tablet's own lines; they are the same in every version."""

__all__ = ["Step", "TabletHalf", "past_cursors"]


class Step(NamedTuple):
    """What an answer did: whether there is more to exchange, and what a person should be told.

    ``wipe``: this tablet was revoked, and the server has read everything that it holds. ``update``: who must be updated, ``app``
    or ``server``, before this tablet gets anything again; "" where both are in the window. ``copied``: it is a copy of a tablet that
    goes on, and is to become a device of its own. ``unread``: of so many lines this exchange could not read what a newer app wrote.
    """

    more: bool
    received: int
    set_aside: int
    wipe: bool = False
    update: str = ""
    copied: bool = False
    unread: int = 0


def past_cursors(store: TabletStore) -> list[str]:
    """What is shown to a server that does not know the newest token; where no pull of this scope ended yet, the token that there is."""
    stream = store.device().scope.stream
    return store.past_cursors(stream) or [token for place, token in store.cursors().items() if place == stream]


class TabletHalf(Pacing):
    """The tablet's half: makes requests from the store and keeps what answers bring.

    The size of a page follows the link: call ``cut`` when an exchange failed on the way.

    Args:
        version: what it speaks.
        servers_from: the oldest server of which it keeps more than what that has read.
        first: its requests are numbered behind this; below ``FIRST_NUMBERS``, drawn anew by each process that speaks over a network.
    """

    def __init__(self, store: TabletStore, *, version: int = VERSION, servers_from: int = SERVERS_FROM, first: int = 0) -> None:
        super().__init__()
        self.store = store
        self.version = version
        self.servers_from = servers_from
        self.number = first
        self.lost = False
        self.whole = False
        self.heals = 0
        self.unread: set[str] = set()
        """The lines of this exchange that this app is too old to read: without them it never reckons as the server does."""
        self.mark = ""
        self.handed: Sequence[Run] = ()
        self.bringing = Bringing(store)
        self.server_time = Time(0, 0)

    def request(self, *, urgent: bool = False) -> bytes:
        """Write the next request; an urgent one carries the urgent log, and of the other what its records need to be whole, and
        asks for no pull.
        """
        device, self.number = self.store.device(), self.number + 1
        along = self.store.along() if urgent else {}
        logs = [log for log in self.store.own_logs(every=self.lost and not urgent) if log.urgent or not urgent or log.log in along]
        heads = {log.log: [log.head.number, log.acknowledged, b64(log.head.hash)[:8]] for log in logs if log.head.number}
        head: dict[str, Any] = {"q": self.number} | ({"h": heads} if heads else {})
        runs, budget = list[Run](), self.page * RAW_PER_PAGE_BYTE
        self.handed = []
        for log in logs:
            run = self.store.unsent(log.log, log.acknowledged, budget) if budget > 0 else None
            if run is not None and log.log in along:
                run = replace(run, lines=run.lines[: along[log.log] - log.acknowledged])
            if run is not None:
                runs.append(run)
                budget -= sum(len(line) for line in run.lines)
        if not urgent:
            self.handed, left = self.store.handing_back(budget) if budget > 0 else ([], self.store.owes())
            runs += self.handed
            head |= self._pull(device, runs)
        load = self.bringing.bring(0 if urgent else budget)
        head |= {"handing": 1} if not urgent and (left or self.bringing.brings_more()) else {}
        return pack_request(self.store, marked(head, self.version), runs, load)

    def _pull(self, device: Device, runs: Sequence[Run]) -> dict[str, Any]:
        head: dict[str, Any] = {"page": self.page, "c": self.store.cursors()}
        head["v"] = {**self.store.versions(), "scope": device.scope.version}
        self.mark = self.store.mark()
        head |= {"mark": self.mark} if self.mark else {}
        head |= {"whole": 1} if self.whole else {}
        if self.lost:
            head |= {"past": past_cursors(self.store), "held": self.store.held_heads()}
        if not runs and not any("/" in part for part in head["c"]):
            head["d"] = short_digest(self.store.digest())
        return head

    def open(self, data: bytes) -> Opened:
        """Open an answer to this tablet. Raises FrameFault."""
        device = self.store.device()

        def key_of(name: str) -> bytes:
            if name:  # a request of its own, thrown back
                raise FrameFault("wrong_mac")
            return device.mac_key

        return open_message(data, key_of, writer=SERVER)

    def receive(self, data: bytes) -> Step:
        """Keep what an answer brings.

        Raises:
            FrameFault: not the answer to the last request, or not whole; nothing of it is kept. ``line_not_held``: a line of its own was
                to make a record whole, and the storage has lost it; the next request asks for such lines too.
        """
        opened = self.open(data)
        head = opened.head
        if head.get("q") != self.number:
            raise FrameFault("late_answer")
        if "at" not in head:
            raise FrameFault("bad_head")
        self.grow()
        self.server_time = Time(*head["at"])
        self.lost = bool(head.get("lost"))
        update = who_updates(head, self.servers_from)
        if update:
            return self._handed_in(opened, update)
        if "parts" in head and self.heals < MOST_HEALS and not self.unread:
            self.heals += 1
            self.heal(head["parts"], head.get("skip", ()))
        try:
            page = self.read_page(opened)
        except FrameFault as fault:
            self.whole = self.whole or fault.code == "line_not_held"
            raise
        self.store.keep(page)
        self.bringing.asked_for(head)
        if self.handed:
            self.store.handed_back(self.handed)
        waiting = any(log.acknowledged < log.head.number for log in self.store.own_logs())
        refilling = any("/" in part for part in self.store.cursors())
        pulled = page.complete or ("parts" in head and not refilling)
        more = waiting or refilling or bool(self.bringing.asked) or self.store.owes() or self.lost or not pulled or page.scope is not None
        more = more or (bool(page.forked or page.read) and self.store.mark() != self.mark)  # the server is told it at once
        unread = len(self.unread)
        self.heals, self.whole, self.unread = (self.heals, self.whole, self.unread) if more else (0, False, set())
        wipe, copied = bool(head.get("wipe")) and not more, bool(head.get("copied"))
        return Step(more, len(page.soles) + len(page.states), len(page.aside), wipe=wipe, copied=copied, unread=unread)

    def _handed_in(self, opened: Opened, update: str) -> Step:
        """Where the sides are too far apart, learn what was read and nothing else: it goes on until everything is handed in."""
        self.lost = False
        page = self.read_page(opened._replace(head={key: opened.head[key] for key in HANDED_IN if key in opened.head}, lines=[]))
        self.store.keep(page._replace(complete=False))
        waiting = any(log.acknowledged < log.head.number for log in self.store.own_logs())
        return Step(waiting, 0, len(page.aside), wipe=bool(opened.head.get("wipe")) and not waiting, update=update)

    def heal(self, theirs: Mapping[str, str], skip: Collection[str] = ()) -> None:
        """Fill the parts again whose digests are not the server's; of those that it skips it has lost something itself."""
        self.store.recount()
        ours = self.store.part_digests()
        compared = {*theirs, *ours}.difference(skip)
        differing = [part for part in compared if unb64(theirs.get(part, "A" * 22)) != ours.get(part, 0).to_bytes(16, "big")]
        self.store.refill(sorted(differing))

    def read_page(self, opened: Opened) -> Page:
        """What an answer brings, ready to be kept. Raises FrameFault: it is not whole."""
        page = page_of(opened, self.store, lost=self.lost)
        self.unread.update(page.unread)
        return page
