"""Whether a device is used in two places: a tablet whose storage was copied, as its server can know it.

A copy and a tablet that was put back to an older copy look alike at first: two lines of a log bear one number. The tablet closes its logs
and has a *mark* from then on (the id of its open log), which it shows in every request. A tablet that was put back shows its new mark
and never an older one again. Where an older mark comes back, at the very place where it was left, two storages live: what
came behind it is the copy, and is asked to become a device of its own.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.ids import b64
from sync.lineage import Segment, attached

NO_MARK = ""
"""What a tablet shows that never closed its logs."""

LONGEST_MARK = 11

__all__ = ["LONGEST_MARK", "NO_MARK", "Marks", "copy_proof", "stands_where_left"]


class Marks(NamedTuple):
    """The marks that a device showed.

    ``order`` are those of the storage that goes on, the last one living; ``copies`` those that were found to be copies, until
    each is a device of its own.
    """

    order: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

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
        return Marks(order[:place], (*self.copies, *order[place:]))

    def without(self, mark: str) -> "Marks":
        """The marks after a copy has become a device of its own."""
        return Marks(*(tuple(one for one in marks if one != mark) for marks in self))

    def dump(self) -> str | None:
        """As one text for a table; None for a device that never closed its logs."""
        return json.dumps([self.order, self.copies], separators=(",", ":")) if self.order else None

    @classmethod
    def load(cls, text: str | None) -> "Marks":
        """Undo ``dump``."""
        if text is None:
            return cls()
        order, copies = json.loads(text)
        return cls(tuple(order), tuple(copies))


def copy_proof(device: str, mark: str, sign: bytes, box: bytes) -> bytes:
    """What a copy signs with the key that it shares with its original, to become a device of its own with these public keys."""
    return b"sen-copy/1" + device.encode("ascii", "replace") + b"|" + mark.encode("ascii", "replace") + b"|" + sign + box


def stands_where_left(
    claims: Mapping[str, Sequence[Any]], begins: Mapping[str, bytes], read: Mapping[str, Sequence[Segment]]
) -> bool:
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
