"""A place in a stream: up to which number a reader has pulled, and the head at which it read.

To a tablet it is an opaque token. The hash of the head tells a stream that was restored from a backup, even when it has
passed the old numbers meanwhile.
"""

import struct
from typing import NamedTuple

from shared.ids import b64, unb64
from sync.errors import FrameFault
from sync.log import LogHead

_LAYOUT = struct.Struct(">QQ16s")

__all__ = ["Cursor"]


class Cursor(NamedTuple):
    """``number``: all that was touched up to there is held; ``head`` and ``hash``: the stream's head at the reading."""

    number: int
    head: int
    hash: bytes

    @classmethod
    def at(cls, number: int, head: LogHead) -> "Cursor":
        """The cursor of a page that ends at ``number`` and was read at this head."""
        return cls(number, head.number, head.hash[:16])

    def token(self) -> str:
        """The opaque text that a tablet keeps."""
        return b64(_LAYOUT.pack(*self))

    @classmethod
    def read(cls, token: str) -> "Cursor":
        """Read a token; raises FrameFault("bad_cursor")."""
        try:
            return cls(*_LAYOUT.unpack(unb64(token)))
        except (ValueError, struct.error) as error:
            raise FrameFault("bad_cursor") from error
