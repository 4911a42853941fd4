"""A place in a stream: up to which number a reader has pulled, and the head at which it read.

To a tablet it is an opaque token. The hash of the head tells a stream that was restored from a backup, even when it has
passed the old numbers meanwhile.
"""

from typing import NamedTuple

from shared.ids import b64, unb64
from sync.errors import FrameFault
from sync.log import LogHead
from sync.messages import LARGEST_NUMBER

_NUMBER_BYTES, HASH_BYTES = 7, 8

__all__ = ["HASH_BYTES", "Cursor"]


class Cursor(NamedTuple):
    """``number``: the records touched last up to there are told; ``floor``: all that was touched up to there is held;
    ``head`` and ``hash``: the stream's head at the reading.

    The two differ in the middle of a pull: a record that was touched again further on is told there, and then with
    all its registers that were touched since the pull began.
    """

    number: int
    floor: int
    head: int
    hash: bytes

    @classmethod
    def at(cls, number: int, head: LogHead, *, floor: int | None = None) -> "Cursor":
        """The cursor of a page that ends at ``number`` and was read at this head; ``floor`` where more pages follow."""
        return cls(number, number if floor is None else floor, head.number, head.hash[:HASH_BYTES])

    def token(self) -> str:
        """The opaque text that a tablet keeps: the three numbers, or the one that they are all, and the hash."""
        numbers = self[:1] if self.number == self.floor == self.head else self[:3]
        return b64(b"".join([*(number.to_bytes(_NUMBER_BYTES, "big") for number in numbers), self.hash]))

    @classmethod
    def read(cls, token: str) -> "Cursor":
        """Read a token; raises FrameFault("bad_cursor")."""
        try:
            data = unb64(token)
        except ValueError as error:
            raise FrameFault("bad_cursor") from error
        told, digest = data[:-HASH_BYTES], data[-HASH_BYTES:]
        numbers = [int.from_bytes(told[at : at + _NUMBER_BYTES], "big") for at in range(0, len(told), _NUMBER_BYTES)]
        if len(told) not in (_NUMBER_BYTES, 3 * _NUMBER_BYTES) or max(numbers) > LARGEST_NUMBER:
            raise FrameFault("bad_cursor")
        number, floor, head = numbers if len(numbers) > 1 else numbers * 3
        return cls(number, floor, head, digest)
