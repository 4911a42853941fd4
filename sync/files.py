"""The bytes of files: questions and chunks in an envelope of their own, behind the records (docs/sync.md § 12).

``senf1 DEVICE MAC\\n``, the head (a JSON object), ``\\n``, the chunk as it is. The MAC binds head and chunk; an answer's binds
the request's too, so that no answer can be shown for another question. Every request may be told again.
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from shared.ids import b64
from sync.errors import FrameFault
from sync.log import Operation
from sync.messages import MAC_BYTES

MAGIC: Final = b"senf1"
CONTENT_TYPE: Final = "application/vnd.sen.file"

FIRST_CHUNK: Final = 32 * 1024
SMALLEST_CHUNK: Final = 8 * 1024
LARGEST_CHUNK: Final = 256 * 1024
"""A chunk is 32 KB at first, twice as large after each that arrived, a quarter after a cut. A cut wastes one chunk at most."""

MOST_ASKED: Final = 200
"""Files that one question may name."""
MOST_HEAD: Final = 64 * 1024

FILE_HASH: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 2**40

__all__ = [
    "CONTENT_TYPE", "FILE_HASH", "FIRST_CHUNK", "LARGEST_CHUNK", "MOST_ASKED", "Ask", "ChunkSize", "Get", "Letter", "Put", "files_named",
    "is_hash", "open_answer", "open_request", "seal_answer", "seal_request",
]  # fmt: skip


class Ask(NamedTuple):
    """How much of these files the server has; what the device may not know of is left out of the answer."""

    files: tuple[str, ...]


class Put(NamedTuple):
    """A chunk of a file of ``size`` bytes, to stand at ``at``."""

    file: str
    at: int
    size: int
    chunk: bytes


class Get(NamedTuple):
    """Up to ``most`` bytes of a file from ``at``."""

    file: str
    at: int
    most: int


class Letter(NamedTuple):
    """A request whose MAC was right: whose it is, what it asks, and its MAC, which the answer binds."""

    device: str
    asks: Ask | Put | Get
    mac: bytes


class ChunkSize:
    """How large the next chunk is: it follows the link."""

    def __init__(self) -> None:
        self.bytes = FIRST_CHUNK

    def arrived(self) -> None:
        """Take note that a chunk went through."""
        self.bytes = min(LARGEST_CHUNK, self.bytes * 2)

    def cut(self) -> None:
        """Take note that the link broke."""
        self.bytes = max(SMALLEST_CHUNK, self.bytes // 4)


def files_named(operations: tuple[Operation, ...]) -> dict[str, str]:
    """Hash → path of the files that operations put into a record."""
    found = {}
    for op in operations:
        tail = op.path.rpartition("/")[2]
        if op.kind == "add" and len(tail) == 64 and FILE_HASH.fullmatch(tail):
            found[tail] = op.path
    return found


def seal_request(device: str, key: bytes, asks: Ask | Put | Get) -> bytes:
    """Write a request of this device under its MAC key."""
    head: dict[str, Any]
    if isinstance(asks, Ask):
        head = {"ask": list(asks.files)}
    elif isinstance(asks, Put):
        head = {"put": asks.file, "at": asks.at, "size": asks.size}
    else:
        head = {"get": asks.file, "at": asks.at, "most": asks.most}
    body = _body(head, asks.chunk if isinstance(asks, Put) else b"")
    return b"%s %s %s\n%s" % (MAGIC, device.encode("ascii"), _mac(key, b"sen-file/1\n", body), body)


def open_request(data: bytes, key_of: Callable[[str], bytes]) -> Letter:
    """Check and read a request.

    Args:
        key_of: gives the MAC key of a device, or raises the FrameFault that says why there is none.

    Raises:
        FrameFault: not our format, another version, a wrong MAC, a broken head, a chunk that is too large.
    """
    device, told, body = _envelope(data)
    if not hmac.compare_digest(_mac(key_of(device), b"sen-file/1\n", body), told):
        raise FrameFault("wrong_mac")
    head, chunk = _opened(body)
    return Letter(device, _asks(head, chunk), told)


def seal_answer(request: Letter, key: bytes, head: Mapping[str, Any], chunk: bytes = b"") -> bytes:
    """Write the answer to a request."""
    body = _body(head, chunk)
    mac = _mac(key, b"sen-file-answer/1\n" + request.mac + b"\n", body)
    return b"%s %s %s\n%s" % (MAGIC, request.device.encode("ascii"), mac, body)


def open_answer(request: bytes, data: bytes, key: bytes) -> tuple[Mapping[str, Any], bytes]:
    """Check and read the answer to a request that this device wrote; gives head and chunk. Raises FrameFault."""
    device, asked, _ = _envelope(request)
    answered, told, body = _envelope(data)
    if answered != device or not hmac.compare_digest(_mac(key, b"sen-file-answer/1\n" + asked + b"\n", body), told):
        raise FrameFault("wrong_mac")
    return _opened(body)


def _body(head: Mapping[str, Any], chunk: bytes) -> bytes:
    return json.dumps(head, separators=(",", ":")).encode("ascii") + b"\n" + chunk


def _mac(key: bytes, use: bytes, body: bytes) -> bytes:
    mac = hmac.new(key, use, "sha256")
    mac.update(body)
    return b64(mac.digest()[:MAC_BYTES]).encode("ascii")


def _envelope(data: bytes) -> tuple[str, bytes, bytes]:
    envelope, newline, body = data.partition(b"\n")
    parts = envelope.split(b" ")
    if not newline or len(parts) != 3 or not parts[0].startswith(b"senf"):
        raise FrameFault("not_a_message")
    if parts[0] != MAGIC:
        raise FrameFault("other_version")
    return parts[1].decode("ascii", "replace"), parts[2], body


def _opened(body: bytes) -> tuple[dict[str, Any], bytes]:
    told, newline, chunk = body.partition(b"\n")
    try:
        head = json.loads(told) if newline and len(told) <= MOST_HEAD else None
    except (ValueError, RecursionError) as error:
        raise FrameFault("bad_head") from error
    if not isinstance(head, dict):
        raise FrameFault("bad_head")
    return head, chunk


def _asks(head: Mapping[str, Any], chunk: bytes) -> Ask | Put | Get:
    if len(chunk) > LARGEST_CHUNK:
        raise FrameFault("message_too_large", limit=LARGEST_CHUNK)
    files = head.get("ask")
    if isinstance(files, list) and len(files) <= MOST_ASKED and all(is_hash(one) for one in files) and not chunk:
        return Ask(tuple(files))
    at, size, most = head.get("at"), head.get("size"), head.get("most")
    if is_hash(head.get("put")) and _is_count(at) and _is_count(size) and chunk and at + len(chunk) <= size:
        return Put(head["put"], at, size, chunk)
    if is_hash(head.get("get")) and _is_count(at) and _is_count(most) and most and not chunk:
        return Get(head["get"], at, min(most, LARGEST_CHUNK))
    raise FrameFault("bad_head")


def is_hash(value: Any) -> bool:
    """Whether something is the hash of a file as it is written."""
    return type(value) is str and FILE_HASH.fullmatch(value) is not None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _LARGEST
