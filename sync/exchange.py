"""Both halves of one exchange: message in, message out.

A tablet says "here are my lines after n; which registers were touched after my cursor?", the server answers; the two
go on until both have nothing left. A request's lines are one page, committed whole; so is what an answer brings.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.ids import b64, unb64
from sync.accept import accept
from sync.clock import Time
from sync.cursor import LARGEST_NUMBER, Cursor
from sync.errors import FrameFault
from sync.log import LogHead
from sync.messages import (
    FIRST_PAGE,
    LARGEST_PAGE,
    PAGE_GROWTH,
    Opened,
    Run,
    open_message,
    read_rows,
    read_runs,
    seal_message,
    write_run,
)
from sync.page import PageWriter, read_states
from sync.store import Device, Page, Reader, Scope, Server, StoredLine, TabletStore, Touched

RAW_PER_PAGE_BYTE = 4
"""Lines compress to about a fifth; a page is filled by raw bytes, which are known before it is packed."""

RECORDS_A_QUERY = 200
SMALLEST_PAGE = 8 * 1024

__all__ = ["ServerHalf", "Step", "TabletHalf"]


class ServerHalf:
    """The server's half: one method, from a request to its answer."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def answer(self, data: bytes, *, now_ms: int) -> bytes:
        """Read a request, commit its lines, and write the answer.

        Raises:
            FrameFault: the request is refused and applied nothing.
        """
        devices: list[Device] = []

        def key_of(device: str) -> bytes:
            devices.append(self.server.device(device))
            return devices[0].mac_key

        opened = open_message(data, key_of)
        device = devices[0]
        read = dict(device.read)
        wanted = _Wanted.read(opened.head)
        own: Cursor | None = None
        if opened.head.get("runs"):
            own = self._accept(opened, device, wanted, read, now_ms)
        del opened, data  # a page's lines need not stand in memory beside the answer's
        with self.server.reading() as reader:
            head, lines = self._answer(reader, device, wanted, read, own)
        head = {"q": wanted.number, "at": [now_ms, 0], **head}
        documents = self.server.documents(device, wanted.versions) if wanted.page else {}
        if documents:
            head["docs"] = documents
        return seal_message(device.id, device.mac_key, head, lines)

    def _accept(
        self, opened: Opened, device: Device, wanted: "_Wanted", read: dict[str, LogHead], now_ms: int
    ) -> Cursor | None:
        """Commit a request's lines. Gives the reader's new cursor when all that came behind its old one are these very
        lines, undisputed: then it need be told nothing.
        """
        runs, rest = read_runs(opened.head, opened.lines)
        blobs, rest = read_rows(opened.head, "blobs", rest)
        wraps, rest = read_rows(opened.head, "wraps", rest)
        if rest:
            raise FrameFault("message_cut")
        stream = device.scope.stream
        with self.server.writing(stream, device.user, now_ms) as ledger:
            before = ledger.head()
            ledger.keep_sealed([(digest, _unpacked(data)) for digest, data in blobs], wraps)
            runs = [run for run in runs if not wanted.is_forgotten(run, device)]
            accepted = [accept(ledger, device, run, arrived_ms=now_ms) for run in runs]
            after = ledger.head()
        read |= {run.log: one.head for run, one in zip(runs, accepted, strict=True)}
        alone = after.number - before.number == sum(one.new for one in accepted) and all(one.plain for one in accepted)
        same_scope = wanted.versions.get("scope") == device.scope.version
        here = wanted.cursors.get(stream) == Cursor.at(before.number, before).token() and len(wanted.cursors) == 1
        return Cursor.at(after.number, after) if alone and here and same_scope else None

    def _answer(
        self, reader: Reader, device: Device, wanted: "_Wanted", read: Mapping[str, LogHead], own: Cursor | None
    ) -> tuple[dict[str, Any], list[bytes]]:
        head: dict[str, Any] = {}
        aside = []
        for log, (number, acknowledged, hash8) in wanted.heads.items():
            known = read.get(log, LogHead(0, b""))
            if acknowledged != known.number or (0 < known.number == number and b64(known.hash)[:8] != hash8):
                head.setdefault("read", {})[log] = [known.number, b64(known.hash)]
            if known.number > acknowledged:
                aside += [[log, at, code] for at, code in reader.set_aside(log, acknowledged)]
        if aside:
            head["aside"] = aside
        if not wanted.page:
            return head, []
        if wanted.versions.get("scope") != device.scope.version:
            head["scope"] = [device.scope.stream, list(device.scope.units), device.scope.cases, device.scope.version]
        if own is not None:
            settled = {log: last.number for log, last in read.items() if log in wanted.heads}
            return head | {"c": {device.scope.stream: own.token()}, "upto": settled}, []
        answer = _Pull(reader, device, wanted, self.server.run_key).answer()
        upto = {log: last.number for log, last in read.items() if log in wanted.heads} if answer.told else {}
        head |= answer.head | ({"upto": upto} if upto else {})
        return head, answer.lines


class _Wanted(NamedTuple):
    """What a request asks for."""

    number: int
    heads: Mapping[str, Sequence[Any]]
    cursors: Mapping[str, str]
    past: Sequence[str]
    versions: Mapping[str, str]
    digest: str | None
    page: int

    def is_forgotten(self, run: Run, device: Device) -> bool:
        """Whether a run begins behind lines that this server said to have read and has not, because it was restored.

        It is left aside, not refused: the answer says how far the log is read, and the tablet tells it from there.
        """
        known = device.read.get(run.log, LogHead(0, b"")).number
        acknowledged = self.heads[run.log][1] if run.log in self.heads else 0
        return known < acknowledged and run.first == acknowledged + 1

    @classmethod
    def read(cls, head: Mapping[str, Any]) -> "_Wanted":
        """Check the members of a request's head. Raises FrameFault("bad_head")."""
        number, page = head.get("q", 0), head.get("page", 0)
        heads, cursors, versions = head.get("h", {}), head.get("c", {}), head.get("v", {})
        past, digest = head.get("past", []), head.get("d")
        good = type(number) is int and type(page) is int and all(isinstance(body, dict) for body in (heads, cursors, versions))
        good = good and isinstance(past, list) and (digest is None or isinstance(digest, str))
        good = good and all(isinstance(body, list) and [type(item) for item in body] == [int, int, str] for body in heads.values())
        good = good and all(0 <= item <= LARGEST_NUMBER for body in heads.values() for item in body[:2])
        good = good and all(place.count("/") in (0, 2) for place in cursors)
        if not good or any(type(token) is not str for token in (*cursors.values(), *past)):
            raise FrameFault("bad_head")
        return cls(number, heads, cursors, past, versions, digest, max(0, min(page, LARGEST_PAGE)))


class _Told(NamedTuple):
    head: dict[str, Any]
    lines: list[bytes]
    told: bool


class _Pull:
    """What one answer tells of a stream: the registers touched behind the reader's cursor, as far as a page goes."""

    def __init__(self, reader: Reader, device: Device, wanted: _Wanted, run_key: bytes) -> None:
        self.reader = reader
        self.device = device
        self.wanted = wanted
        self.run_key = run_key
        self.stream = device.scope.stream
        self.head = reader.head(self.stream)

    def answer(self) -> _Told:
        token = self.wanted.cursors.get(self.stream)
        if self.wanted.versions.get("scope") != self.device.scope.version:
            token = None
        cursor = self._shared(token)
        if cursor is None:
            return _Told({"lost": 1}, [], False)
        refills = [part for part in self.wanted.cursors if "/" in part]
        parts = self.reader.parts(self.device.scope)
        if token and not refills and all(part.number <= cursor.number for part in parts):
            return self._quiet(cursor, sum(part.digest for part in parts) % (1 << 128), parts)
        if refills and all(part.number <= cursor.number for part in parts):
            part = refills[0]
            return self._page(part, Cursor.read(self.wanted.cursors[part]) if self.wanted.cursors[part] else _ORIGIN)
        return self._page("", cursor)

    def _shared(self, token: str | None) -> Cursor | None:
        """The newest cursor that this stream knows; None asks the tablet for its older ones."""
        if not token:
            return _ORIGIN
        for candidate in (token, *self.wanted.past):
            cursor = Cursor.read(candidate)
            known = self.head.hash if cursor.head == self.head.number else self.reader.hash_at(self.stream, cursor.head)
            if known is not None and known[:16] == cursor.hash:
                return cursor
        return _ORIGIN if self.wanted.past else None

    def _quiet(self, cursor: Cursor, digest: int, parts: Sequence[Any]) -> _Told:
        if self.wanted.digest is not None and self.wanted.digest != b64(digest.to_bytes(16, "big")):
            return _Told({"parts": {part.part: b64(part.digest.to_bytes(16, "big")) for part in parts}}, [], True)
        end = Cursor.at(self.head.number, self.head)
        return _Told({}, [], False) if end == cursor else _Told({"c": {self.stream: end.token()}}, [], True)

    def _page(self, part: str, cursor: Cursor) -> _Told:
        scope, own = self.device.scope, set(self.device.read) | set(self.wanted.heads)
        writer = PageWriter(cursor.floor, () if part else own)
        position, more = cursor.number, True
        while more and writer.bytes < self.wanted.page * RAW_PER_PAGE_BYTE:
            records = self.reader.changed(scope, position, RECORDS_A_QUERY, part=part)
            more = len(records) == RECORDS_A_QUERY
            position = self._fill(writer, records, cursor.floor, position)
            more = more or (bool(records) and position < records[-1].touched)
        end = Cursor.at(position, self.head, floor=cursor.floor) if more else Cursor.at(self.head.number, self.head)
        runs = writer.runs(self.run_key)
        verdicts = writer.verdicts()
        blobs = self.reader.blobs(list(writer.blobs)) if scope.cases else []
        wraps = self.reader.wraps([state for state, _ in writer.records], self.device) if blobs else []
        head: dict[str, Any] = {"c": {part or self.stream: end.token()}}
        head |= {"more": 1} if more else {}
        head |= {"runs": [write_run(run) for run in runs]} if runs else {}
        for member, rows in (("blobs", blobs), ("wraps", wraps), ("told", verdicts)):
            head |= {member: len(rows)} if rows else {}
        lines = [line for run in runs for line in run.lines]
        lines += [_row([digest, base64.b64encode(data).decode("ascii")]) for digest, data in blobs]
        return _Told(head, [*lines, *(_row(wrap) for wrap in wraps), *verdicts], True)

    def _fill(self, writer: PageWriter, records: Sequence[Touched], after: int, position: int) -> int:
        lines: dict[str, list[StoredLine]] = {}
        for line in self.reader.lines(records, after):
            lines.setdefault(line.record, []).append(line)
        for record in records:
            if writer.bytes >= self.wanted.page * RAW_PER_PAGE_BYTE:
                return position
            writer.add(record, lines.get(record.id, []))
            position = record.touched
        return position


_ORIGIN = Cursor(0, 0, 0, b"\0" * 16)


class Step(NamedTuple):
    """What an answer did: whether there is more to exchange, and what a person should be told."""

    more: bool
    received: int
    set_aside: int


class TabletHalf:
    """The tablet's half: makes requests from the store and keeps what answers bring.

    The size of a page follows the link: call ``cut`` when an exchange failed on the way.
    """

    def __init__(self, store: TabletStore) -> None:
        self.store = store
        self.page = FIRST_PAGE
        self.number = 0
        self.lost = False
        self.server_time = Time(0, 0)

    def cut(self) -> None:
        """Take note that the link broke: the next page is smaller."""
        self.page = max(SMALLEST_PAGE, self.page // 4)

    def request(self, *, now: Time, urgent: bool = False) -> bytes:
        """Write the next request; an urgent one carries the urgent log alone and asks for no pull."""
        device, self.number = self.store.device(), self.number + 1
        logs = [log for log in self.store.own_logs() if log.urgent or not urgent]
        heads = {log.log: [log.head.number, log.acknowledged, b64(log.head.hash)[:8]] for log in logs}
        head: dict[str, Any] = {"q": self.number, "at": list(now), "h": heads}
        runs: list[Run] = []
        budget = self.page * RAW_PER_PAGE_BYTE
        for log in logs:
            run = self.store.unsent(log.log, log.acknowledged, budget) if budget > 0 else None
            if run is not None:
                runs.append(run)
                budget -= sum(len(line) for line in run.lines)
        if not urgent:
            head |= self._pull(device, runs)
        blobs = [pair for run in runs for pair in self.store.blobs_of(run)]
        wraps = [wrap for run in runs for wrap in self.store.wraps_of(run)]
        for member, rows in (("blobs", blobs), ("wraps", wraps)):
            head |= {member: len(rows)} if rows else {}
        head |= {"runs": [write_run(run) for run in runs]} if runs else {}
        lines = [line for run in runs for line in run.lines]
        lines += [_row([digest, base64.b64encode(data).decode("ascii")]) for digest, data in blobs]
        return seal_message(device.id, device.mac_key, head, [*lines, *(_row(list(wrap)) for wrap in wraps)])

    def _pull(self, device: Device, runs: Sequence[Run]) -> dict[str, Any]:
        head: dict[str, Any] = {"page": self.page, "c": self.store.cursors()}
        head["v"] = {**self.store.versions(), "scope": device.scope.version}
        if self.lost:
            head["past"] = self.store.past_cursors(device.scope.stream)
        if not runs and not any("/" in part for part in head["c"]):
            head["d"] = b64(self.store.digest().to_bytes(16, "big"))
        return head

    def receive(self, data: bytes) -> Step:
        """Keep what an answer brings.

        Raises:
            FrameFault: not the answer to the last request, or not whole; nothing of it is kept.
        """
        device = self.store.device()

        def key_of(name: str) -> bytes:
            if name != device.id:
                raise FrameFault("wrong_mac")
            return device.mac_key

        opened = open_message(data, key_of)
        head = opened.head
        if head.get("q") != self.number:
            raise FrameFault("late_answer")
        self.page = min(LARGEST_PAGE, self.page * PAGE_GROWTH)
        self.server_time = Time(*head["at"])
        self.lost = bool(head.get("lost"))
        if "parts" in head:
            self._heal(head["parts"])
        page = self._read(opened)
        self.store.keep(page)
        waiting = any(log.acknowledged < log.head.number for log in self.store.own_logs())
        refilling = any("/" in part for part in self.store.cursors())
        more = waiting or refilling or self.lost or not page.complete or page.scope is not None
        return Step(more, len(page.soles) + len(page.states), len(page.aside))

    def _heal(self, theirs: Mapping[str, str]) -> None:
        ours = self.store.part_digests()
        differing = [part for part in {*theirs, *ours} if unb64(theirs.get(part, "A" * 22)) != ours.get(part, 0).to_bytes(16, "big")]
        self.store.refill(sorted(differing))

    def _read(self, opened: Opened) -> Page:
        head = opened.head
        runs, rest = read_runs(head, opened.lines)
        blobs, rest = read_rows(head, "blobs", rest)
        wraps, rest = read_rows(head, "wraps", rest)
        verdicts, rest = read_rows(head, "told", rest)
        if rest:
            raise FrameFault("message_cut")
        scope = head.get("scope")
        told = read_states(runs, verdicts, self.store.line)
        return Page(
            soles=told.soles,
            states=list(told.states.values()),
            runs=runs,
            blobs=[(digest, base64.b64decode(data)) for digest, data in blobs],
            wraps=wraps,
            cursors=head.get("c", {}),
            read={log: LogHead(number, unb64(digest)) for log, (number, digest) in head.get("read", {}).items()},
            aside=[(log, number, code) for log, number, code in head.get("aside", [])],
            upto=head.get("upto", {}),
            scope=None if scope is None else Scope(scope[0], tuple(scope[1]), scope[2], scope[3]),
            documents=head.get("docs", {}),
            complete=not head.get("more") and "parts" not in head and not self.lost,
        )


def _unpacked(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise FrameFault("bad_head") from error


def _row(body: Sequence[Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
