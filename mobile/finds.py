"""What of the rows that were carved out of a harmed database proves itself, and which version of it is taken.

A line, a draft and a document open under the row key, and say themselves which they are; a sealed value has its hash, a note its sum. Of
lines all are taken, from whichever version of a page; one that was written again in another log (``mobile.gaps``) only once. Of what is
written over, the newest is taken; a draft that is found in older versions of its page alone was given up or written down, unless its
page is harmed.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

from mobile import seals
from mobile.carving import INT, LONG, Pages, Shape
from mobile.gaps import LOST, LOST_AT, is_log, readable
from mobile.heads import Lost, Told
from mobile.keys import RowKey
from mobile.mending import MENDED
from mobile.notes import proven_note
from mobile.renames import RENAMED
from mobile.separation import BECOME, COPY
from shared.errors import SenError
from shared.ids import RECORD_ID, b64
from sync.errors import ContentFault
from sync.log import Change, line_hash, name_of, parse_name

DRAFTS_LOST: Final = "drafts_lost"
"""The note of drafts that this storage has lost: when it was found (ms), and how many."""

NOTES: Final = (LOST, LOST_AT, seals.LOST, RENAMED, MENDED, COPY, BECOME, DRAFTS_LOST, "scope", "time", "answers")
"""The notes that are taken along."""

DOCUMENTS: Final = ("catalogue", "catalogue/good", "people")

_TEXT: Final = rb"[\x0d-\x7f]"
_LOG_ID, _HASH, _RECORD, _DIGEST = b"\x23", b"\x4c", b"\x55", b"\x63"
"""A text of 11 bytes, a blob of 32, a text of 36 (a record's id), a text of 43 (a hash in base64url)."""


def _named(names: Sequence[str], *more: tuple[bytes, type]) -> Shape:
    """Rows that begin with one of these texts."""
    shapes = [Shape.of((re.escape(bytes([13 + 2 * len(name)])), str), *more, after=re.escape(name.encode("ascii"))) for name in names]
    return reduce(or_, shapes)


_SHAPES: Final[dict[str, Shape]] = {
    "line": Shape.of(
        (_TEXT, str), (INT, int), (_TEXT, str), (_HASH, bytes), (LONG, bytes), (INT, int), (INT, int), (_TEXT, str), tree=True,
    ),
    "log": Shape.of((_LOG_ID, str), (rb"[\x08\x09]", int), (INT, int), (_HASH, bytes), (INT, int), (rb"[\x08\x09]", int)),
    "draft": Shape.of((_RECORD, str), (INT, int), (LONG, bytes)),
    "blob": Shape.of((_DIGEST, str), (LONG, bytes), tree=True),
    "wrap": Shape.of((_RECORD, str), (_TEXT, str), (LONG, str)),
    "note": _named(NOTES, (LONG, str)),
    "document": _named(DOCUMENTS, (LONG, str), (LONG, bytes)),
}  # fmt: skip

Age = tuple[int, int]
"""The source and the place of a page among the versions: what is greater is newer."""

__all__ = ["DRAFTS_LOST", "Draft", "Found", "Line", "search"]


class Line(NamedTuple):
    """A line that proved itself, as it stands in ``own_line``, and when it was last seen."""

    change: Change
    hash: bytes
    row: tuple[Any, ...]
    age: Age

    @property
    def words(self) -> tuple[object, ...]:
        """What it says, in whichever log."""
        change = self.change
        told = [(op.kind, op.path, repr(op.value), op.blob) for op in change.operations]
        return (change.time, change.user, change.record, *told)


class Draft(NamedTuple):
    """A draft as it stands in its table, and whether that is the last that is known of it."""

    row: tuple[str, int, bytes]
    age: Age
    lasts: bool
    replaced: bool


@dataclass(kw_only=True)
class Found:
    """What proved itself."""

    lines: dict[tuple[str, int], Line] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    """Log → the number of the last row of it whose line is harmed."""
    urgent: dict[str, int] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    harmed: set[str] = field(default_factory=set)
    """The records whose draft does not open as it was last."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    wraps: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    documents: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)

    def wrote(self) -> dict[str, int]:
        """Record → when (ms, by the tablet's clock then) its last line was made."""
        made: dict[str, int] = {}
        for line in self.lines.values():
            made[line.change.record] = max(made.get(line.change.record, 0), line.row[6])
        return made

    def drafts_left(self) -> list[tuple[str, int, bytes]]:
        """The drafts that are not in the log: what its page had last, whatever the clock said; of others those that are later than it."""
        wrote = self.wrote()
        return [
            one.row for record, one in self.drafts.items()
            if one.lasts or record in self.harmed or (not one.replaced and one.row[1] > wrote.get(record, -1))
        ]  # fmt: skip

    def drafts_lost(self) -> int:
        """How many drafts are lost, or are there only as they were some time before."""
        return sum(record not in self.drafts or not self.drafts[record].lasts for record in self.harmed)

    def lost(self) -> Lost:
        """The lines that are known to be lost behind the last of their log that is here, and those that were lost before."""
        before = json.loads(self.notes.get(LOST) or "{}").items()
        lost: Lost = {log: (have, number, told) for log, (have, number, told) in before if not self._all_here(log, have, number)}
        last: dict[str, int] = {}
        for log, number in self.lines:
            last[log] = max(last.get(log, 0), number)
        for log, end in self.ends.items():
            have = last.get(log, 0)
            if have < end:
                was = lost.get(log, (have, end, False))
                lost[log] = (min(have, was[0]), max(end, was[1]), was[2])
        return lost

    def _all_here(self, log: str, have: int, number: int) -> bool:
        return number - have == sum(have < one <= number for of, one in self.lines if of == log)


def search(sources: Sequence[Pages], rows: RowKey, told: Told, *, since: int = 0) -> Found:
    """Look for rows in these files, the oldest first; ``since``: from which version of the last one's pages on.

    ``told``: the logs that are written now; a line that stands in one of them and in an older one is taken from there.
    """
    search = _Search(rows)
    for source, pages in enumerate(sources):
        search.look(source, pages, last=source == len(sources) - 1, since=since)
    return search.end(told)


class _Search:
    """One search: rows that were seen before are not proven again."""

    def __init__(self, rows: RowKey) -> None:
        self.rows = rows
        self.found = Found()
        self._proven: dict[bytes, tuple[str, bytes, Change] | None] = {}
        self._drafts: dict[tuple[str, bytes], str | None] = {}
        self._named: dict[str, bytes] = {}
        self._age: Age = (0, 0)
        self._lasts = self._replaced = False

    def look(self, source: int, pages: Pages, *, last: bool, since: int) -> None:
        """Take what is in a file and its log."""
        takers: dict[str, Callable[..., None]] = {
            "line": self._line, "log": self._log, "draft": self._draft, "blob": self._blob, "wrap": self._wrap, "note": self._note,
            "document": self._document,
        }  # fmt: skip
        for kind, take in takers.items():
            for index, row in pages.rows(_SHAPES[kind], since=since):
                self._age, self._lasts, self._replaced = (source, index), last and pages.is_last(index), pages.is_replaced(index)
                take(*row)

    def end(self, told: Told) -> Found:
        """What was found, each line once."""
        found, first = self.found, dict[tuple[object, ...], tuple[str, int]]()
        for key, line in sorted(found.lines.items(), key=lambda one: (one[0][0] in told, one[1].age), reverse=True):
            if first.setdefault(line.words, key) != key:
                del found.lines[key]
        named = {op.blob for line in found.lines.values() for op in line.change.operations}
        found.blobs |= {digest: data for digest, data in self._named.items() if digest in named}
        return found

    def _line(self, log: str, number: int, name: str, before: bytes, body: bytes, size: int, made: int, aside: str) -> None:
        if body not in self._proven:
            self._proven[body] = proven_line(self.rows, body)
        one = self._proven[body]
        if one is not None:
            name, line, change = one
            aside = aside if aside.isascii() else ""
            row = (change.log, change.number, name, before, body, len(line), made, aside)
            held = self.found.lines.get((change.log, change.number))
            if held is None or held.age < self._age:
                self.found.lines[change.log, change.number] = Line(change, line_hash(line), row, self._age)
            return
        with suppress(ContentFault):
            said = parse_name(name)
            if self._lasts and is_log(log) and (said.log, said.number) == (log, number):
                self.found.ends[log] = max(self.found.ends.get(log, 0), number)

    def _log(self, log: str, urgent: int, number: int, chain: bytes, read: int, closed: int) -> None:
        if is_log(log):
            self.found.urgent[log] = urgent

    def _draft(self, record: str, saved: int, body: bytes) -> None:
        if (record, body) not in self._drafts:
            self._drafts[record, body] = _record_of(self.rows, record, body)
        proven = self._drafts[record, body]
        if proven is not None:
            one = Draft((proven, saved, body), self._age, self._lasts, self._replaced)
            held = self.found.drafts.get(proven)
            if held is None or (held.lasts, held.age) < (one.lasts, one.age):
                self.found.drafts[proven] = one
        elif self._lasts and RECORD_ID.fullmatch(record):
            self.found.harmed.add(record)

    def _blob(self, digest: str, data: bytes) -> None:
        true = b64(hashlib.sha256(data).digest())
        (self.found.blobs if true == digest else self._named)[true] = data

    def _wrap(self, key_id: str, recipient: str, wrapped: str) -> None:
        if seals.whole(key_id, recipient, wrapped) is not None:
            self.found.wraps[key_id, recipient] = wrapped

    def _note(self, name: str, kept: str) -> None:
        value = proven_note(name, kept)
        if value is not None:
            self.found.notes[name] = value

    def _document(self, name: str, version: str, body: bytes) -> None:
        with suppress(SenError, ValueError):
            said = json.loads(self.rows.open(body, f"document {name}"))
            self.found.documents[name] = (name, str(said["version"]), body)


def proven_line(rows: RowKey, body: bytes) -> tuple[str, bytes, Change] | None:
    """An own line by itself, whatever its row says beside it: its name, the line, its change; None where it is harmed."""
    line = rows.unproven(body)
    try:
        change = Change.parse(line)
    except ContentFault:
        return None
    name = name_of(change.log, change.number, line_hash(line))
    return (name, line, change) if readable(rows, name, body) == line else None


def _record_of(rows: RowKey, record: str, body: bytes) -> str | None:
    """The record under which a draft opens: the one that it bears, or, where a bit of that is another, the one that it bore."""
    spelt = record.encode("utf-8", "surrogateescape")
    flipped = (spelt[:at] + bytes([spelt[at] ^ 1 << bit]) + spelt[at + 1 :] for at in range(len(spelt)) for bit in range(8))
    for one in (spelt, *flipped):
        name = one.decode("ascii", "replace")
        with suppress(SenError):
            if RECORD_ID.fullmatch(name):
                rows.open(body, f"draft {name}")
                return name
    return None
