"""What one answer tells of a stream: the registers touched behind the reader's cursor, as far as a page goes."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.ids import b64
from sync.copies import LONGEST_MARK, NO_MARK
from sync.cursor import HASH_BYTES, Cursor
from sync.errors import FrameFault
from sync.messages import LARGEST_NUMBER, LARGEST_PAGE, RAW_PER_PAGE_BYTE, Run, blobs_named, write_row, write_run
from sync.page import Own, PageWriter
from sync.store import Device, Reader, StoredLine, Touched
from sync.versions import version_in

RECORDS_A_QUERY = 500

__all__ = ["Pull", "Told", "Wanted", "short_digest"]


def short_digest(digest: int) -> str:
    """How a request tells the digest of all that is held: its first 66 bits."""
    return b64(digest.to_bytes(16, "big"))[:11]


class Wanted(NamedTuple):
    """What a request asks for."""

    number: int
    heads: Mapping[str, Sequence[Any]]
    cursors: Mapping[str, str]
    past: Sequence[str]
    versions: Mapping[str, str]
    digest: str | None
    page: int
    held: Mapping[str, str]
    handing: bool
    late: bool
    version: int
    mark: str
    whole: bool
    """The reader's own lines are told like anybody's: its storage has lost some."""

    def is_forgotten(self, run: Run) -> bool:
        """Whether a run begins just behind what this server once said to have read; where it has not, it was restored.

        Such a run is left aside, not refused: the answer says how far the log is read, and the tablet tells it from there.
        """
        acknowledged = self.heads[run.log][1] if run.log in self.heads else 0
        return 0 < acknowledged == run.first - 1

    @classmethod
    def read(cls, head: Mapping[str, Any]) -> "Wanted":
        """Check the members of a request's head. Raises FrameFault("bad_head")."""
        number, page = head.get("q", 0), head.get("page", 0)
        heads, cursors, versions = head.get("h", {}), head.get("c", {}), head.get("v", {})
        past, digest, held, mark = head.get("past", []), head.get("d"), head.get("held", {}), head.get("mark", NO_MARK)
        good = type(number) is int and type(page) is int and all(isinstance(body, dict) for body in (heads, cursors, versions, held))
        good = good and isinstance(past, list) and (digest is None or isinstance(digest, str)) and isinstance(mark, str)
        good = good and all(isinstance(body, list) and [type(item) for item in body] == [int, int, str] for body in heads.values())
        good = good and all(0 <= item <= LARGEST_NUMBER for body in heads.values() for item in body[:2])
        good = good and len(mark) <= LONGEST_MARK and all(place.count("/") in (0, 2) for place in cursors)
        if not good or any(type(token) is not str for token in (*cursors.values(), *past, *held.values())):
            raise FrameFault("bad_head")
        handing, late, whole = bool(head.get("handing")), bool(head.get("late")), bool(head.get("whole"))
        page = max(0, min(page, LARGEST_PAGE))
        return cls(number, heads, cursors, past, versions, digest, page, held, handing, late, version_in(head), mark, whole)


class Told(NamedTuple):
    """The members of an answer's head, the lines behind it, and whether the reader is told something."""

    head: dict[str, Any]
    lines: list[bytes]
    told: bool


class Pull:
    """What one answer tells of a stream: the registers touched behind the reader's cursor, as far as a page goes."""

    def __init__(
        self, reader: Reader, device: Device, wanted: Wanted, own: Mapping[str, Own], run_key: bytes, *, asks: bool = False
    ) -> None:  # fmt: skip
        self.reader = reader
        self.asks = asks
        """The reader has still to be asked for what the server lost."""
        self.device = device
        self.wanted = wanted
        self.own = own
        self.run_key = run_key
        self.stream = device.scope.stream
        self.head = reader.head(self.stream)
        self.left_out: set[str] = set()
        """Records of which something is damaged here: they are told once it is mended."""

    def answer(self) -> Told:
        """What the reader is told now."""
        token = self.wanted.cursors.get(self.stream)
        cursor = self._shared(token)
        if cursor is None:
            return Told({"lost": 1}, [], False)
        restored = token is not None and cursor.token() != token
        head = self._handing_back() if restored or not self.wanted.late else {}
        if self.wanted.versions.get("scope") != self.device.scope.version:
            if head or self.wanted.handing or self.asks:  # what it may no longer hold is handed back before it is dropped
                return Told(head | (self._from_here(cursor) if restored else {}), [], False)
            scope = self.device.scope
            head["scope"] = [scope.stream, list(scope.units), scope.cases, scope.version]
            head |= {"unit": scope.home} if scope.home else {}
            token, cursor = None, _ORIGIN
        told = self._told(token, cursor)
        return told._replace(head=head | told.head)

    def still_wanted(self) -> dict[str, Any]:
        """What a restored server wants of a tablet that gets nothing any more: its older cursors, then the logs to hand back."""
        token = self.wanted.cursors.get(self.stream)
        cursor = self._shared(token)
        if cursor is None:
            return {"lost": 1}
        head = self._handing_back()
        return head | (self._from_here(cursor) if head and token and cursor.token() != token else {})

    def _from_here(self, cursor: Cursor) -> dict[str, Any]:
        """A token that this server knows, for a reader that shows only older ones, before it is told anything. Without it the reader would
        ask again, and be asked, for ever, for what nobody has. In a bundle no page follows: what is handed back comes in the next one.
        """
        told = {"c": {self.stream: Cursor.at(cursor.number, self.head, floor=cursor.floor).token()}}
        return told if self.wanted.late else told | {"more": 1}

    def _handing_back(self) -> dict[str, Any]:
        """Which logs a tablet that noticed a restored server should hand back: log → behind which number."""
        lacking = self.reader.lacking(self.stream, self.wanted.held) if self.wanted.held else {}
        return {"want": lacking} if lacking else {}

    def _told(self, token: str | None, cursor: Cursor) -> Told:
        refills = [part for part in self.wanted.cursors if "/" in part]
        parts = self.reader.parts(self.device.scope)
        if token and not refills and self.reader.owes_what_was_left_out(self.device):
            return Told({"parts": {part.part: b64(part.digest.to_bytes(16, "big")) for part in parts}}, [], True)
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
            if known is not None and known[:HASH_BYTES] == cursor.hash:
                return cursor
        return _ORIGIN if self.wanted.past else None

    def _quiet(self, cursor: Cursor, digest: int, parts: Sequence[Any]) -> Told:
        if self.wanted.digest is not None and self.wanted.digest != short_digest(digest):
            mended = self.reader.mended(self.device, self.wanted.digest)
            if mended is not None and not mended.parts:
                return self._nothing(cursor)
            parts, skip = (parts, ()) if mended is None else mended
            digest = sum(part.digest for part in parts) % (1 << 128)
            if self.wanted.digest != short_digest(digest):
                told = {"parts": {part.part: b64(part.digest.to_bytes(16, "big")) for part in parts}}
                return Told(told | ({"skip": list(skip)} if skip else {}), [], True)
        return self._nothing(cursor)

    def _nothing(self, cursor: Cursor) -> Told:
        end = Cursor.at(self.head.number, self.head)
        known = end == cursor and cursor == Cursor.read(self.wanted.cursors[self.stream])  # not only an older one, from before a restore
        return Told({}, [], False) if known else Told({"c": {self.stream: end.token()}}, [], True)

    def _page(self, part: str, cursor: Cursor) -> Told:
        scope = self.device.scope
        anew = cursor.floor == 0 and self.stream in self.wanted.cursors  # the right may have gone and come
        writer = PageWriter(cursor.floor, {} if part else self.own, anew=anew, sealed=anew and scope.cases)
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
        unsound = self.reader.unsound_blobs(writer.blobs, blobs) if scope.cases and writer.blobs else set()
        if unsound:
            self._leave_out(unsound)
            return self._page(part, cursor)
        wraps = self.reader.wraps([state for state, _ in writer.records], self.device) if blobs else []
        head: dict[str, Any] = {"c": {part or self.stream: end.token()}}
        head |= {"more": 1} if more else {}
        head |= {"runs": [write_run(run) for run in runs]} if runs else {}
        for member, rows in (("blobs", blobs), ("wraps", wraps), ("told", verdicts), ("pasts", writer.pasts)):
            head |= {member: len(rows)} if rows else {}
        lines = [line for run in runs for line in run.lines]
        lines += [write_row([digest, base64.b64encode(data).decode("ascii")]) for digest, data in blobs]
        lines += [*(write_row(wrap) for wrap in wraps), *verdicts, *(write_row(past) for past in writer.pasts)]
        return Told(head, lines, True)

    def _leave_out(self, records: set[str]) -> None:
        if records:
            self.left_out |= records
            self.reader.left_out(self.device)

    def _fill(self, writer: PageWriter, records: Sequence[Touched], after: int, position: int) -> int:
        lines: dict[str, list[StoredLine]] = {}
        there = self.reader.lines(records, after)
        self._leave_out(self.reader.unsound(records, there, after))
        for line in there:
            lines.setdefault(line.record, []).append(line)
        named = [blob for some in lines.values() for line in some for blob in blobs_named(line.body)] if self.device.scope.cases else []
        writer.sizes |= self.reader.blob_sizes(named) if named else {}
        for record in records:
            if writer.bytes >= self.wanted.page * RAW_PER_PAGE_BYTE:
                return position
            if record.id not in self.left_out:
                writer.add(record, lines.get(record.id, []))
            position = record.touched
        return position


_ORIGIN = Cursor(0, 0, 0, bytes(HASH_BYTES))
