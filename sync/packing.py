"""A message's payload, packed: Zstandard (RFC 8878); short ones deflate (RFC 1951) with a dictionary that both sides know.

Zstandard at level 3 takes a seventh of gzip's time and a tenth fewer bytes; a day's work is packed harder, for a slow link. gzip is read
too: it is what a small client in another language has at hand.
"""

import sys
import zlib
from collections.abc import Iterable
from typing import Protocol

from sync.errors import FrameFault

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALL = 512
"""Payloads below this many bytes are packed with ``DICTIONARY``: a frame of its own would make most of them longer."""

BY_DICTIONARY = b"\x01"
"""Stands before a payload that is packed with the dictionary: raw deflate (RFC 1951)."""

ZSTANDARD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
"""How the payloads of the other two begin."""

DICTIONARY = (
    b'"names":{"texts":{"docs":{"catalogue":{"version":"people":{"version":"scope":["unit":"wipe":1"forked":["want":{"parts":{"lost":1'
    b'"handing":1"held":{"past":["blobs":"wraps":"pasts":"told":"aside":[["more":1"upto":{"read":{"page":0'
    b'{"n":1,"l":"","t":[17,0],"u":"","c":"","r":"01-7-8-9-","y":"","g":"","o":[{"p":"","v":"},{"p":"","v":,"s":["."]'
    b'"runs":[["",1,""],["page":65536,{"q":1,"at":[17,0]}{"q":1,"h":{"":[1,1,""]},"page":1441792,"c":{"":"AAAAAAAAAA"},'
    b'"v":{"catalogue":"","people":"","scope":""},"d":""}'
)
"""What short messages say again and again; both sides know it, so that it does not travel. What is most frequent stands last."""

LEVEL = 3
HARD_LEVEL = 12
"""A day's work takes 2 ms with it instead of one half, and a twentieth fewer bytes."""

PACK_BYTES = 64 * 1024
"""So much is packed at once; what is no longer is packed hard."""

WINDOW_LOG = 23
"""A reader keeps at most 8 MiB (RFC 8878, section 3.1.1.1.2) of what it has unpacked, whatever a frame asks for."""

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""What a message may unpack to; counted while it is unpacked."""

__all__ = ["BY_DICTIONARY", "DICTIONARY", "GZIP", "MAX_PAYLOAD_BYTES", "ZSTANDARD", "pack", "unpack", "zstd"]


class _Unpacker(Protocol):
    """What both libraries give."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def pack(head: bytes, lines: Iterable[bytes]) -> bytes:
    """Join lines, packed where there is much; a long page is packed as it goes and never stands in memory twice."""
    packer: zstd.ZstdCompressor | None = None
    packed, pending, size = list[bytes](), [head], len(head)
    for line in lines:
        pending.append(line)
        size += len(line) + 1
        if size > PACK_BYTES:
            packer = packer or zstd.ZstdCompressor(LEVEL)
            packed.append(packer.compress(b"\n".join(pending)))
            pending, size = [b""], 0
    rest = b"\n".join(pending)
    if packer is not None:
        return b"".join([*packed, packer.compress(rest, packer.FLUSH_FRAME)])
    if len(rest) < SMALL:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -12, 4, zdict=DICTIONARY)
        return min(rest, b"".join([BY_DICTIONARY, deflate.compress(rest), deflate.flush()]), key=len)
    return zstd.compress(rest, HARD_LEVEL)


def unpack(payload: bytes) -> bytes:
    """The payload as it was before it was packed.

    Raises:
        FrameFault: ``broken_packing``; ``message_too_large`` past ``MAX_PAYLOAD_BYTES``.
    """
    if payload.startswith(ZSTANDARD):
        return _by_zstandard(payload)
    if payload.startswith(BY_DICTIONARY):
        return _by_deflate(zlib.decompressobj(-15, zdict=DICTIONARY), payload[1:])
    if payload.startswith(GZIP):
        return _by_deflate(zlib.decompressobj(31), payload)
    return payload


def _by_zstandard(packed: bytes) -> bytes:
    unpacker = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})
    try:
        body = unpacker.decompress(packed, MAX_PAYLOAD_BYTES)
    except zstd.ZstdError as error:
        raise FrameFault("broken_packing") from error
    if not unpacker.eof and not unpacker.needs_input:
        raise FrameFault("message_too_large", limit=MAX_PAYLOAD_BYTES)
    return _whole(unpacker, body)


def _by_deflate(unpacker: "zlib._Decompress", packed: bytes) -> bytes:
    try:
        body = unpacker.decompress(packed, MAX_PAYLOAD_BYTES)
    except zlib.error as error:
        raise FrameFault("broken_packing") from error
    if unpacker.unconsumed_tail:
        raise FrameFault("message_too_large", limit=MAX_PAYLOAD_BYTES)
    return _whole(unpacker, body)


def _whole(unpacker: _Unpacker, body: bytes) -> bytes:
    if not unpacker.eof or unpacker.unused_data:
        raise FrameFault("broken_packing")
    return body
