"""Both halves of one exchange: message in, message out.

A tablet says "here are my lines after n; which registers were touched after my cursor?", the server answers; the two
go on until both have nothing left. A request's lines are one page, committed whole; so is what an answer brings.
"""

import base64
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.ids import b64, unb64
from sync.accept import Accepted, accept
from sync.answer import page_of
from sync.clock import Time
from sync.copies import Read, marks_after
from sync.cursor import Cursor
from sync.errors import FrameFault
from sync.handback import HandBack
from sync.lineage import Segment
from sync.mended import Bringing, read_lost, read_mended, write_lost
from sync.messages import (
    RAW_PER_PAGE_BYTE,
    Opened,
    Run,
    open_message,
    read_pasts,
    read_rows,
    read_runs,
    run_mac,
    seal_message,
)
from sync.pacing import Pacing
from sync.pull import Pull, Wanted, short_digest
from sync.request import pack_request
from sync.standing import Stand, in_doubt, stand_of, told_again, told_read
from sync.store import Device, Ledger, Page, Reader, Server, TabletStore
from sync.versions import APP, APPS_FROM, SERVER, SERVERS_FROM, UPDATE, VERSION, marked, who_updates

MOST_HEALS = 3
"""How often the parts are filled again in one exchange: who cannot read the newest catalogue may never reckon as the server does."""

HANDED_IN = ("read", "aside", "forked")
"""The members of an answer that tell what became of the tablet's own lines; they are the same in every version."""

__all__ = ["ServerHalf", "Step", "TabletHalf"]


class ServerHalf:
    """The server's half: one method, from a request to its answer.

    Args:
        version: what it speaks.
        apps_from: the oldest app that is told what is new; an older one hands in its lines all the same.
    """

    def __init__(self, server: Server, *, version: int = VERSION, apps_from: int = APPS_FROM) -> None:
        self.server = server
        self.version = version
        self.apps_from = apps_from
        self.unsent: int | None = None
        """Lines that the tablet still held when it was answered; None where it asked for no pull: an urgent exchange tells of one log."""

    def answer(self, data: bytes, *, now_ms: int, before: Read | None = None) -> bytes:
        """Read a request, commit its lines, and write the answer.

        Args:
            before: of a bundle's question, what was read of the device's logs before the bundle; None where it shows no mark.

        Raises:
            FrameFault: the request is refused and applied nothing.
        """
        devices: list[Device] = []

        def key_of(device: str) -> bytes:
            devices.append(self.server.device(device))
            return devices[0].mac_key

        opened = open_message(data, key_of)
        wanted = Wanted.read(opened.head)
        if self.server.mend_logs([log for log, claim in wanted.heads.items() if in_doubt(claim, devices[0].read.get(log, ()))]):
            devices[0] = self.server.device(devices[0].id)
        work = _Answering(self.server, devices[0], wanted, now_ms, served=wanted.version >= self.apps_from, before=before)
        if opened.head.get("runs") or "mended" in opened.head:
            work.accept(opened)
        del opened, data  # a page's lines need not stand in memory beside the answer's
        head, lines = work.answer()
        head |= {} if work.served else {UPDATE: APP}
        if work.wanted.page:
            self.unsent = sum(max(0, claim[0] - work.stands[log].head.number) for log, claim in work.wanted.heads.items())
        head = {"q": work.wanted.number, "at": [now_ms, 0], **head}
        if work.wanted.late:
            head["from"] = [work.wanted.versions.get("scope", ""), dict(work.wanted.cursors)]
            head["asked"] = {log: [number, hash8] for log, (number, _, hash8) in work.wanted.heads.items() if number}
        return seal_message("", work.device.mac_key, marked(head, self.version), lines)


class _Answering:
    """One request on its way to its answer."""

    def __init__(
        self, server: Server, device: Device, wanted: Wanted, now_ms: int, *, served: bool, before: Read | None
    ) -> None:  # fmt: skip
        self.server = server
        self.device = device
        self.wanted = wanted
        self.served = served
        self.before = before
        self.now_ms = now_ms
        self.segments: dict[str, Sequence[Segment]] = dict(device.read)
        self.stands: dict[str, Stand] = {}
        self.tells_on = False
        """The tablet has still to tell lines that were read from it before: it is told nothing until it is through."""
        self.begins: dict[str, bytes] = {}
        """Of each own log that lines came of: the hash before the first of them."""
        self.left_aside: set[str] = set()
        self.cursor: Cursor | None = None
        """The reader's new cursor, when all that came behind its old one are the lines that it told just now, undisputed."""

    def accept(self, opened: Opened) -> None:
        """Commit a request's lines, all or none."""
        runs, rest = read_runs(opened.head, opened.lines)
        mended, rest = read_mended(opened.head, rest)
        blobs, rest = read_rows(opened.head, "blobs", rest)
        wraps, rest = read_rows(opened.head, "wraps", rest)
        pasts, rest = read_pasts(opened.head, rest)
        if rest:
            raise FrameFault("message_cut")
        sealed, stream = [(digest, _unpacked(data)) for digest, data in blobs], self.device.scope.stream
        if "mended" in opened.head:
            sought = read_lost(opened.head["sought"]) if "sought" in opened.head else None
            self.server.mend(self.device, mended, sealed, through=not self.wanted.handing, now_ms=self.now_ms, sought=sought)
        if not runs:
            return
        with self.server.writing(stream, self.device.user, self.now_ms) as ledger:
            before = ledger.head()
            here = self._lacks_nothing(ledger)
            ledger.keep_sealed(sealed, wraps)
            accepted = [self.own_run(ledger, run) for run in runs if not run.mac]
            proven = [run for run in runs if run.mac and hmac.compare_digest(run_mac(self.server.run_key, run), run.mac)]
            if proven:
                HandBack(ledger, self.device.id, pasts).read(proven, now_ms=self.now_ms)
            after = ledger.head()
        done = [one for one in accepted if one is not None]
        alone = after.number - before.number == sum(one.new for one in done) and all(one.plain for one in done)
        self.cursor = Cursor.at(after.number, after) if alone and here else None

    def _lacks_nothing(self, ledger: Ledger) -> bool:
        """Whether the reader holds all of its scope that the stream has before this request's lines."""
        cursors, scope = self.wanted.cursors, self.device.scope
        token = cursors.get(scope.stream)
        if not self.wanted.page or not token or len(cursors) != 1 or self.wanted.versions.get("scope") != scope.version:
            return False
        return ledger.lacks_nothing(scope, Cursor.read(token))

    def own_run(self, ledger: Ledger, run: Run) -> Accepted | None:
        """Read a run of the tablet's own; None where it is left aside. Raises FrameFault."""
        try:
            one = accept(ledger, self.device, run, arrived_ms=self.now_ms)
        except FrameFault as fault:
            if fault.code in ("log_gap", "wrong_chain") and self.wanted.is_forgotten(run):
                self.left_aside.add(run.log)
                return None
            raise
        self.begins.setdefault(run.log, run.before)
        number, _, hash8 = self.wanted.heads.get(run.log, (0, 0, ""))
        if one.head.number == number and b64(one.head.hash)[:8] != hash8:
            raise FrameFault("wrong_chain")
        state = ledger.log(run.log)
        assert state is not None
        self.segments[run.log] = state.segments
        stand = Stand(one.head, one.segment)
        further = told_again(stand, self.wanted.heads.get(run.log, (0, 0, "")), state.segments)
        self.stands[run.log], self.tells_on = further or stand, self.tells_on or further is None
        return one

    def answer(self) -> tuple[dict[str, Any], list[bytes]]:
        """The members of the answer's head, and the lines behind it."""
        with self.server.reading() as reader:
            head = self._read(reader) | self._copied(reader)
            lines: list[bytes] = []
            if self.device.revoked:
                return head | self._last_word(reader), lines
            if self.tells_on or not self.served:
                return head, lines
            if self.wanted.page and self.cursor is not None:
                head |= {"c": {self.device.scope.stream: self.cursor.token()}, "upto": self._upto()}
            elif self.wanted.page:
                own = {log: self.stands[log].own(claim[0], self.segments.get(log, ())) for log, claim in self.wanted.heads.items()}
                told = Pull(reader, self.device, self.wanted, own, self.server.run_key).answer()
                head |= told.head | ({"upto": self._upto()} if told.told else {})
                lines = told.lines
        if self.wanted.page and not self.wanted.handing and not (self.wanted.late and head.get("more")):
            lost = write_lost(self.server.wants(self.device))
            head |= {"mend": lost} if lost else {}
        documents = self.server.documents(self.device, self.wanted.versions) if self.wanted.page else {}
        return head | ({"docs": documents} if documents else {}), lines

    def _read(self, reader: Reader) -> dict[str, Any]:
        """How far the tablet's logs are read, which lines were set aside, which logs were forked."""
        aside, forked = [], []
        for log, claim in self.wanted.heads.items():
            segments = self.segments.get(log, ())
            if log not in self.stands:
                said = (claim[0], claim[0], claim[2]) if self.wanted.late else claim  # a bundle tells all its lines before it asks
                self.stands[log] = stand_of(log, said, self.device, segments, reader)
            stand = self.stands[log]
            if stand.head.number > claim[1]:
                own = stand.own(claim[0], segments)
                rows = reader.set_aside(log, claim[1])
                aside += [[log, number, code] for number, code, segment in rows if number <= own.get(segment, 0)]
            on = stand.own(claim[0], segments) if self.wanted.late else [one.id for one in segments]
            forked += [log] if any(one.fork and one.id in on for one in segments) else []
        told = {"read": told_read(self.wanted.heads, self.stands, self.left_aside), "aside": aside, "forked": forked}
        return {member: body for member, body in told.items() if body}

    def _copied(self, reader: Reader) -> dict[str, Any]:
        """What a copy is told whose original goes on: that it is to become a device of its own. In a bundle it is named by its mark, for
        others can read the answer too.
        """
        wanted, device = self.wanted, self.device
        if not (wanted.mark or device.marks.order) or not wanted.page or device.revoked or (wanted.late and self.before is None):
            return {}
        marks = marks_after(device, wanted, self.begins, self.before, reader)
        if marks != device.marks:
            self.server.note_marks(device, marks)
        return {"copied": wanted.mark if wanted.late else 1} if wanted.mark in marks.copies else {}

    def _last_word(self, reader: Reader) -> dict[str, Any]:
        """What a revoked device is told: what a restored server still wants of it; then, once all is read, that it is to wipe itself.

        An urgent exchange (it asks for no pull) does not tell of all logs, and ends nothing; nor does a bundle, whose answer may
        never come.
        """
        if not self.wanted.page or self.wanted.late:
            return {}
        head = Pull(reader, self.device, self.wanted, {}, self.server.run_key).still_wanted()
        if head or self.wanted.handing or not self._all_read():
            return head
        self.server.told_to_wipe(self.device, self.now_ms)
        return {"wipe": 1}

    def _all_read(self) -> bool:
        """Whether every log that the tablet names, which are all that have lines, is here to the very last line that it says."""
        heads = [(self.stands[log].head, number, hash8) for log, (number, _, hash8) in self.wanted.heads.items()]
        return all(head.number == number and b64(head.hash)[:8] == hash8 for head, number, hash8 in heads)

    def _upto(self) -> dict[str, int]:
        return {log: min(self.stands[log].head.number, claim[0]) for log, claim in self.wanted.heads.items()}


class Step(NamedTuple):
    """What an answer did: whether there is more to exchange, and what a person should be told.

    ``wipe``: this tablet was revoked, and the server has read everything that it holds. ``update``: who must be updated, ``app``
    or ``server``, before this tablet gets anything again; "" where both are in the window. ``copied``: it is a copy of a tablet that
    goes on, and is to become a device of its own.
    """

    more: bool
    received: int
    set_aside: int
    wipe: bool = False
    update: str = ""
    copied: bool = False


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
        self.heals = 0
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
        logs = [log for log in self.store.own_logs() if log.urgent or not urgent or log.log in along]
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
        if self.lost:
            head |= {"past": self.store.past_cursors(device.scope.stream), "held": self.store.held_heads()}
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
            FrameFault: not the answer to the last request, or not whole; nothing of it is kept.
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
        if "parts" in head and self.heals < MOST_HEALS:
            self.heals += 1
            self.heal(head["parts"], head.get("skip", ()))
        page = self.read_page(opened)
        self.store.keep(page)
        self.bringing.asked_for(head)
        if self.handed:
            self.store.handed_back(self.handed)
        waiting = any(log.acknowledged < log.head.number for log in self.store.own_logs())
        refilling = any("/" in part for part in self.store.cursors())
        pulled = page.complete or ("parts" in head and not refilling)
        more = waiting or refilling or bool(self.bringing.asked) or self.store.owes() or self.lost or not pulled or page.scope is not None
        more = more or (bool(page.forked or page.read) and self.store.mark() != self.mark)  # the server is told it at once
        self.heals = self.heals if more else 0
        wipe, copied = bool(head.get("wipe")) and not more, bool(head.get("copied"))
        return Step(more, len(page.soles) + len(page.states), len(page.aside), wipe=wipe, copied=copied)

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
        return page_of(opened, self.store, lost=self.lost)


def _unpacked(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise FrameFault("bad_head") from error
