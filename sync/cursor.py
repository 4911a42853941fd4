"""A place in a stream: up to which number a reader has pulled, and the head at which it read.

To a tablet it is an opaque token. The hash of the head tells a stream that was restored from a backup, even when it has
passed the old numbers meanwhile.
"""

import struct
from typing import NamedTuple

from shared.ids import b64, unb64
from sync.errors import FrameFault
from sync.log import LogHead
from sync.messages import LARGEST_NUMBER

_LAYOUT = struct.Struct(">QQQ16s")

__all__ = ["Cursor"]


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
        return cls(number, number if floor is None else floor, head.number, head.hash[:16])

    def token(self) -> str:
        """The opaque text that a tablet keeps."""
        return b64(_LAYOUT.pack(*self))

    @classmethod
    def read(cls, token: str) -> "Cursor":
        """Read a token; raises FrameFault("bad_cursor")."""
        try:
            cursor = cls(*_LAYOUT.unpack(unb64(token)))
            if max(cursor[:-1]) > LARGEST_NUMBER:
                raise ValueError("number")
            return cursor
        except (ValueError, struct.error) as error:
            raise FrameFault("bad_cursor") from error
