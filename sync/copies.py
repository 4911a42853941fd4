"""Whether a device is used in two places: a tablet whose storage was copied, as its server can know it.

A copy and a tablet that was put back to an older copy look alike at first: two lines of a log bear one number. The tablet closes its logs
and has a *mark* from then on (the id of its open log), which it shows in every request. A tablet that was put back shows its new mark
and never an older one again. Where an older mark comes back, at the very place where it was left, two storages live: what
came behind it is the copy, and is asked to become a device of its own.

A bundle may have been written long before it is read, by a storage that is no more. Its mark counts only where its cursor shows that its
writer has heard an answer made after the newest mark came: such a storage lived when the other one did. Only who shows a mark is told
that it is a copy, and only a storage whose mark it is heeds it; so a copy that is told so lives too.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.ids import b64
from sync.cursor import HASH_BYTES, Cursor
from sync.lineage import Segment, attached

if TYPE_CHECKING:
    from sync.pull import Wanted
    from sync.store import Device, Reader

NO_MARK = ""
"""What a tablet shows that never closed its logs."""

LONGEST_MARK = 11

Read = Mapping[str, Sequence[Segment]]
"""The segments of a device's logs that were read."""

__all__ = ["LONGEST_MARK", "NO_MARK", "Marks", "copy_proof", "ends_where_read", "marks_after", "stands_where_left"]


class Marks(NamedTuple):
    """The marks that a device showed.

    ``order`` are those of the storage that goes on, the last one living; ``copies`` those that were found to be copies, until
    each is a device of its own. ``since``: the stream and its number when the last of ``order`` came; None where that was not kept.
    """

    order: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    since: tuple[str, int] | None = None

    def heard(self, mark: str, *, left_here: bool) -> "Marks":
        """The marks after a request.

        Args:
            left_here: its logs stand just where this server read them last, so that it is no older copy put back once more.
        """
        order = self.order or ((NO_MARK,) if mark else ())
        if mark in self.copies or not order or order[-1] == mark:
            return self._replace(order=order)
        if mark not in order:
            return self._replace(order=(*order, mark))
        if not left_here:
            return self
        place = order.index(mark) + 1
        return self._replace(order=order[:place], copies=(*self.copies, *order[place:]))

    def without(self, mark: str) -> "Marks":
        """The marks after a copy has become a device of its own."""
        order, copies = (tuple(one for one in marks if one != mark) for marks in (self.order, self.copies))
        return self._replace(order=order, copies=copies)

    def dump(self) -> str | None:
        """As one text for a table; None for a device that never closed its logs."""
        return json.dumps([self.order, self.copies, *(self.since or ())], separators=(",", ":")) if self.order else None

    @classmethod
    def load(cls, text: str | None) -> "Marks":
        """Undo ``dump``."""
        if text is None:
            return cls()
        order, copies, *since = json.loads(text)
        return cls(tuple(order), tuple(copies), (since[0], since[1]) if since else None)


def copy_proof(device: str, mark: str, sign: bytes, box: bytes) -> bytes:
    """What a copy signs with the key that it shares with its original, to become a device of its own with these public keys."""
    return b"sen-copy/1" + device.encode("ascii", "replace") + b"|" + mark.encode("ascii", "replace") + b"|" + sign + box


def marks_after(device: "Device", wanted: "Wanted", begins: Mapping[str, bytes], before: Read | None, reader: "Reader") -> Marks:
    """What is known, after a request, of a device's being used in two places.

    Args:
        begins: as for ``stands_where_left``.
        before: of a bundle, what was read of the device's logs before it; None of a request by the network.
    """
    known, stream = device.marks, device.scope.stream
    if before is None:
        left_here = not wanted.past and stands_where_left(wanted.heads, begins, device.read)  # with `past` come ended logs too
    elif not known.order:
        left_here = False
    elif known.since is None or known.since[0] != stream:
        return known._replace(since=(stream, reader.head(stream).number))
    elif not _has_heard_since(known.since[1], wanted.cursors.get(stream), stream, reader):
        return known
    else:
        left_here = ends_where_read(wanted.heads, before, device.read)
    marks = known.heard(wanted.mark, left_here=left_here)
    return marks if marks.order[-1:] == known.order[-1:] else marks._replace(since=(stream, reader.head(stream).number))


def _has_heard_since(number: int, token: str | None, stream: str, reader: "Reader") -> bool:
    """Whether a cursor is of an answer that was made when the stream had gone on behind a number."""
    cursor = Cursor.read(token) if token else None
    if cursor is None or cursor.head <= number:
        return False
    head = reader.head(stream)
    there = head.hash if cursor.head == head.number else reader.hash_at(stream, cursor.head)
    return there is not None and there[:HASH_BYTES] == cursor.hash


def ends_where_read(claims: Mapping[str, Sequence[Any]], before: Read, after: Read) -> bool:
    """Whether the logs that a bundle names end where the server's reading of them ends, in segments that it knew before the bundle: what
    the bundle told went on behind what was read.

    Args:
        claims: as for ``stands_where_left``.
    """
    known = 0
    for log, (number, _, hash8) in claims.items():
        if log not in before:
            continue
        ids = {one.id for one in before[log]}
        if (number, hash8) not in [(one.head.number, b64(one.head.hash)[:8]) for one in attached(after.get(log, ())) if one.id in ids]:
            return False
        known += 1
    return known > 0


def stands_where_left(claims: Mapping[str, Sequence[Any]], begins: Mapping[str, bytes], read: Read) -> bool:
    """Whether a request's logs stand at ends of what was read of them before it.

    Args:
        claims: ``h`` of the request: for each log number of the last line, how far it takes the server to have read, first 8 letters of
            the last hash.
        begins: for each log of which the request tells lines, the hash before the first of them.
        read: the segments of the device's logs before the request.
    """
    known = 0
    for log, (number, acknowledged, hash8) in claims.items():
        if not acknowledged:
            continue
        ends = [one.head.hash for one in attached(read.get(log, ())) if one.head.number == acknowledged]
        here = b64(begins[log])[:8] if log in begins else hash8 if number == acknowledged else None
        if here not in [b64(end)[:8] for end in ends]:
            return False
        known += 1
    return known > 0
