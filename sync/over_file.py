"""Messages as files: sealed to the receiver, signed by the sender, padded, in parts that may come in any order.

Bytes in, bytes out; where files stand is for others to know. A part is whole in itself: it is signed and sealed alone, so that each is
judged when it comes, and a damaged one is named by its number. Nothing of a part is opened before its signature holds, but for the one
small box that tells whose it is. ``docs/sync.md`` specifies every byte.

    head        magic "SENB", version, receiver's key id (8), bundle id (16), number of the part, how many parts    37 bytes
    box         sealed to the receiver: content key (32), sender (11), true length of the piece (4)                 107 bytes
    piece       AES-256-GCM under the content key, padded with zeros so that the part has one of six sizes
    signature   Ed25519 of the sender over everything before it                                                     64 bytes
"""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from shared.errors import SenError
from shared.ids import b64
from shared.sealing import (
    KEY_BYTES,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    BoxKeys,
    new_key,
    new_salt,
    open_box,
    open_bytes,
    seal_box,
    seal_bytes,
    sign,
    verify,
)
from sync.errors import FrameFault

MAGIC: Final = b"SENB"
VERSION: Final = 1
SUFFIX: Final = ".senb"

SIZES: Final = tuple(4 * 1024 * 4**step for step in range(6))
"""The sizes of parts in bytes, 4 KiB to 4 MiB: all that a size tells of what is inside. A chat app takes the largest."""

MOST_PARTS: Final = 4096
"""Of one bundle: 16 GiB; a head that says more is not believed."""

_HEAD: Final = struct.Struct(">4sB8s16sII")
_INSIDE: Final = struct.Struct(f">{KEY_BYTES}s11sI")
_ENTRY: Final = struct.Struct(">cI")
_MESSAGE: Final = b"m"

_TAG_BYTES: Final = 16
_BOX_BYTES: Final = KEY_BYTES + NONCE_BYTES + _INSIDE.size + _TAG_BYTES
_AROUND: Final = _HEAD.size + _BOX_BYTES + NONCE_BYTES + _TAG_BYTES + SIGNATURE_BYTES

__all__ = [
    "SIZES", "SUFFIX", "Entry", "Gathering", "Head", "Part", "Sender", "file_name", "key_mark", "open_part", "read_head", "unproved",
    "write_bundle",
]  # fmt: skip


class Sender(NamedTuple):
    """Who writes a bundle: the id of a device or server, and what signs with its Ed25519 key."""

    id: str
    sign: Callable[[bytes], bytes]

    @classmethod
    def of(cls, id: str, private: bytes) -> "Sender":
        """The sender with a private key at hand."""
        return cls(id, lambda data: sign(private, data))


class Entry(NamedTuple):
    """A piece of a bundle's content that is no message: a letter that says what it is, and its bytes."""

    kind: bytes
    body: bytes


class Head(NamedTuple):
    """What anybody can read of a part: for which key it is, of which bundle it is a part, which one, of how many."""

    receiver: bytes
    bundle: str
    number: int
    parts: int


class Part(NamedTuple):
    """A part whose signature held: its head, who sent it, and its piece of the content."""

    head: Head
    sender: str
    piece: bytes


def key_mark(public: bytes) -> bytes:
    """The id of a public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public).digest()[:8]


def file_name(head: Head) -> str:
    """A name that tells nothing but which parts belong together. Readers look inside and take any name."""
    return f"sen-{head.bundle[:6]}-{head.number}-{head.parts}{SUFFIX}"


# writing


def write_bundle(
    sender: Sender, receiver: bytes, messages: Sequence[bytes], *, before: Sequence[Entry] = (), beside: Sequence[Entry] = (),
    largest: int = SIZES[-1],
) -> list[bytes]:  # fmt: skip
    """Write messages, and what stands before and behind them, as the parts of one bundle.

    Args:
        receiver: the X25519 public key of who shall read them.
        largest: how many bytes a part may have: one of ``SIZES``.
    """
    entries = [*before, *(Entry(_MESSAGE, message) for message in messages), *beside]
    content = b"".join(part for entry in entries for part in (_ENTRY.pack(entry.kind, len(entry.body)), entry.body))
    step = largest - _AROUND
    pieces = [content[start : start + step] for start in range(0, len(content), step)] or [b""]
    bundle = new_salt()
    return [
        _write_part(sender, receiver, _HEAD.pack(MAGIC, VERSION, key_mark(receiver), bundle, number, len(pieces)), piece)
        for number, piece in enumerate(pieces, 1)
    ]


def _write_part(sender: Sender, receiver: bytes, head: bytes, piece: bytes) -> bytes:
    size = next(size for size in SIZES if size >= len(piece) + _AROUND)
    key = new_key()
    box = seal_box(receiver, _INSIDE.pack(key, sender.id.encode("ascii"), len(piece)), _bound(head))
    sealed = seal_bytes(key, piece + bytes(size - _AROUND - len(piece)), _bound(head))
    signed = head + box + sealed
    return signed + sender.sign(signed)


def _bound(head: bytes) -> bytes:
    return b"sen-bundle/" + head


# reading


def read_head(data: bytes) -> Head:
    """What anybody can read of a part.

    Raises:
        FrameFault: ``not_a_bundle``, ``bundle_from_future``, ``bundle_damaged``.
    """
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + 1:
        raise FrameFault("not_a_bundle")
    if data[4] not in _READERS:
        raise FrameFault("bundle_from_future" if data[4] > VERSION else "not_a_bundle")
    if len(data) not in SIZES:
        raise FrameFault("bundle_damaged")
    _, _, receiver, bundle, number, parts = _HEAD.unpack_from(data)
    if not 1 <= number <= parts <= MOST_PARTS:
        raise FrameFault("bundle_damaged")
    return Head(receiver, b64(bundle), number, parts)


def open_part(data: bytes, keys: BoxKeys, key_of: Callable[[str], bytes]) -> Part:
    """Open one part; whatever version wrote it.

    Args:
        keys: the reader's own X25519 pair.
        key_of: gives the Ed25519 public key of a sender, or raises the SenError that says why there is none.

    Raises:
        FrameFault: ``not_a_bundle``, ``bundle_from_future``, ``bundle_for_another``, ``bundle_damaged``; the last is one and the same for
            whatever was changed.
    """
    head, opened = _opened(data, keys)
    public = key_of(opened.sender)
    try:
        verify(public, data[-SIGNATURE_BYTES:], data[:-SIGNATURE_BYTES])
    except SenError:
        raise FrameFault("bundle_damaged") from None
    return Part(head, opened.sender, opened.piece())


def unproved(data: bytes, keys: BoxKeys) -> tuple[str, Entry | None]:
    """Who is said to have sent a part, and the first entry of the bundle, where this part holds it whole.

    Nobody has proved either: this serves only to find a sender's public key, with which ``open_part`` proves it.

    Raises:
        FrameFault: as ``open_part``.
    """
    head, opened = _opened(data, keys)
    piece = opened.piece() if head.number == 1 else b""
    if len(piece) < _ENTRY.size:
        return opened.sender, None
    kind, length = _ENTRY.unpack_from(piece)
    body = piece[_ENTRY.size : _ENTRY.size + length]
    return opened.sender, Entry(kind, body) if len(body) == length else None


class _Opened(NamedTuple):
    """A part whose box is open and whose signature nobody has looked at; ``piece`` opens the rest or raises ``bundle_damaged``."""

    sender: str
    piece: Callable[[], bytes]


def _opened(data: bytes, keys: BoxKeys) -> tuple[Head, _Opened]:
    head = read_head(data)
    if head.receiver != key_mark(keys.public):
        raise FrameFault("bundle_for_another")
    return head, _READERS[data[4]](data, keys)


def _open_1(data: bytes, keys: BoxKeys) -> _Opened:
    bound, at = _bound(data[: _HEAD.size]), _HEAD.size + _BOX_BYTES
    try:
        key, sender, length = _INSIDE.unpack(open_box(keys, data[_HEAD.size : at], bound))
        name = sender.decode("ascii")
    except (SenError, ValueError, struct.error):
        raise FrameFault("bundle_damaged") from None

    def piece() -> bytes:
        try:
            opened = open_bytes(key, data[at:-SIGNATURE_BYTES], bound)
        except SenError:
            raise FrameFault("bundle_damaged") from None
        if length > len(opened):
            raise FrameFault("bundle_damaged")
        return opened[:length]

    return _Opened(name, piece)


_READERS: Final = {1: _open_1}
"""Version → its reader. A version that was ever written stays here."""


class Gathering:
    """The parts of one bundle that have come so far, in whatever order and however often."""

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}

    def add(self, part: Part) -> bool:
        """Take a part; False where it was there already. Raises FrameFault("bundle_damaged") for a part of another bundle."""
        first = next(iter(self._parts.values()), part)
        if (first.head.bundle, first.head.parts, first.sender) != (part.head.bundle, part.head.parts, part.sender):
            raise FrameFault("bundle_damaged")
        new = part.head.number not in self._parts
        self._parts.setdefault(part.head.number, part)
        return new

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that have not come."""
        count = next(iter(self._parts.values())).head.parts if self._parts else 0
        return [number for number in range(1, count + 1) if number not in self._parts]

    @property
    def came(self) -> int:
        """How many parts have come."""
        return len(self._parts)

    @property
    def sender(self) -> str:
        """Who sent it."""
        return next(iter(self._parts.values())).sender

    def messages(self) -> list[bytes]:
        """The messages inside, in their order. Raises FrameFault as ``entries``."""
        return [entry.body for entry in self.entries() if entry.kind == _MESSAGE]

    def entries(self) -> list[Entry]:
        """All that is inside, in its order; who reads it passes over what is of a kind that it does not know.

        Raises:
            FrameFault: ``bundle_incomplete`` with the missing numbers, ``bundle_damaged``.
        """
        if self.missing or not self._parts:
            raise FrameFault("bundle_incomplete", missing=", ".join(map(str, self.missing)))
        content = b"".join(self._parts[number].piece for number in sorted(self._parts))
        return list(_entries(content))


def _entries(content: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(content):
        if at + _ENTRY.size > len(content):
            raise FrameFault("bundle_damaged")
        kind, length = _ENTRY.unpack_from(content, at)
        at += _ENTRY.size
        if at + length > len(content):
            raise FrameFault("bundle_damaged")
        yield Entry(kind, content[at : at + length])
        at += length
