"""The server's half of an exchange: from a request to its answer.

A request's lines are one page, committed whole; then the answer tells what the tablet lacks of what the server holds.
"""

import base64
import hmac
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from shared.ids import b64
from sync.accept import Accepted, accept
from sync.copies import Read, marks_after
from sync.cursor import Cursor
from sync.errors import ContentFault, FrameFault
from sync.handback import HandBack
from sync.lineage import Segment
from sync.log import Change
from sync.mended import read_lost, read_mended, write_lost
from sync.messages import (
    Opened,
    Run,
    blobs_named,
    open_message,
    read_pasts,
    read_rows,
    read_runs,
    run_mac,
    seal_message,
)
from sync.page import Own
from sync.pull import Pull, Wanted
from sync.standing import Stand, in_doubt, stand_of, told_again, told_read
from sync.store import Device, Ledger, Reader, Server
from sync.versions import APP, APPS_FROM, UPDATE, VERSION, marked

__all__ = ["ServerHalf"]


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
        came = {digest for digest, _ in sealed}
        named = {digest: change for run in runs for digest, change in _sealed_in(run) if digest not in came}
        if named:
            self.server.seek(stream, named)
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
                asks = not self.wanted.handing and any(self.server.wants(self.device))
                told = Pull(reader, self.device, self.wanted, self._own(), self.server.run_key, asks=asks).answer()
                head |= told.head | ({"upto": self._upto()} if told.told else {})
                lines = told.lines
        if self.wanted.page and not self.wanted.handing and not (self.wanted.late and head.get("more")):
            lost = write_lost(self.server.wants(self.device))
            head |= {"mend": lost} if lost else {}
        documents = self.server.documents(self.device, self.wanted.versions) if self.wanted.page else {}
        return head | ({"docs": documents} if documents else {}), lines

    def _own(self) -> dict[str, Own]:
        """The lines that the tablet surely wrote itself: it is not told them. One that is told for nothing is harmless, one that is
        left out is lost to it.
        """
        if self.wanted.whole:
            return {}
        stands = [(log, claim[0], self.stands[log]) for log, claim in self.wanted.heads.items()]
        return {log: stand.own(number, self.segments.get(log, ())) if stand.sure else {} for log, number, stand in stands}

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
        lost = {} if self.wanted.handing else write_lost(self.server.wants(self.device))
        head |= {"mend": lost} if lost else {}
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


def _sealed_in(run: Run) -> Iterator[tuple[str, Change]]:
    """The sealed values that the lines of a run name, with what names them; a line that cannot be read names none."""
    for line in run.lines:
        if named := blobs_named(line):
            with suppress(ContentFault):
                change = Change.parse(line)
                yield from ((digest, change) for digest in named)


def _unpacked(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise FrameFault("bad_head") from error
