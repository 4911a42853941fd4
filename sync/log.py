"""A change, its verbatim line, and the hash chain of the log that holds it.

A log is written by one device and numbered from 1. ``h(0) = SHA-256("sen-log/1" ‖ log id ‖ device
key)`` and ``h(n) = SHA-256(h(n-1) ‖ SHA-256(line n))``: the chain needs the hash of a line only, so
a line may be replaced by its hash and the chain still verifies. Lines are kept byte for byte; no
canonical form is needed, in any language.
"""

import hashlib
import json
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, NamedTuple

import msgspec

from shared.ids import RECORD_ID, SHORT_ID
from sync.clock import Time
from sync.errors import ContentFault

MAX_LINE_BYTES = 256 * 1024
"""A longer line is refused on the tablet before it is written, and travels as its hash alone."""

MAX_OPERATIONS = 2_000
MAX_DEPTH = 32
LONGEST_PATH = 200
BLOB_LETTERS = 43
HASH_BYTES = 32
NAME_HASH_BYTES = 6
LATEST_MS = 1 << 47
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
MAX_DIGITS = 15
"""Of a line's number in a name: what every database and every JSON reader holds exactly."""

LONGEST_KIND = 20
"""Letters in the kind of an operation. Which kinds there are, the server's gate says; who reads a line keeps one that it does not know."""

RECORD_STANDING = "@"
"""The register that says whether a record stands or is withdrawn; a row's is ``field/row/@``."""

__all__ = [
    "HASH_BYTES",
    "MAX_LINE_BYTES",
    "RECORD_STANDING",
    "Change",
    "Line",
    "LogHead",
    "Name",
    "Operation",
    "chain_next",
    "chain_start",
    "line_hash",
    "name_of",
    "parse_name",
    "stream_start",
    "write_line",
]


class Name(NamedTuple):
    """The name of a change: log, number, and the first bytes of its line's hash.

    The hash is part of it because, after a tablet *and* a server went back to older copies, one
    number can mean two lines.
    """

    log: str
    number: int
    hash8: str

    def __str__(self) -> str:
        return f"{self.log}.{self.number}.{self.hash8}"


class Operation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One operation on one register of a record; ``saw`` names the origins of what the writer's
    screen showed there. ``blob`` is the hash of a sealed value and stands in place of ``value``.
    """

    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_KIND)] = msgspec.field(default="set", name="k")
    path: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_PATH)] = msgspec.field(default="", name="p")
    value: Any = msgspec.field(default=None, name="v")
    blob: Annotated[str, msgspec.Meta(min_length=BLOB_LETTERS, max_length=BLOB_LETTERS)] | None = msgspec.field(default=None, name="b")
    saw: tuple[str, ...] = msgspec.field(default=(), name="s")
    why: str | None = None


class LogHead(NamedTuple):
    """The last line of a log that somebody has: its number and the chain's hash there."""

    number: int
    hash: bytes


def line_hash(line: bytes) -> bytes:
    """SHA-256 of a line as it was written."""
    return hashlib.sha256(line).digest()


def chain_start(log: str, device_key: bytes) -> bytes:
    """h(0) of a log: bound to its id and to the device's public signing key (32 bytes)."""
    return hashlib.sha256(b"sen-log/1" + log.encode("ascii") + device_key).digest()


def chain_next(before: bytes, hash_of_line: bytes) -> bytes:
    """h(n) from h(n-1) and the hash of line n."""
    return hashlib.sha256(before + hash_of_line).digest()


def stream_start(stream: str) -> bytes:
    """s(0) of a stream."""
    return hashlib.sha256(b"sen-stream/1" + stream.encode("utf-8")).digest()


def split(hashes: bytes) -> list[bytes]:
    """The hashes of lines that stand behind each other."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def name_of(log: str, number: int, hash_of_line: bytes) -> str:
    """The written form of a change's name."""
    return f"{log}.{number}.{b2a_base64(hash_of_line[:NAME_HASH_BYTES], newline=False).translate(_URL_SAFE).decode()}"


def parse_name(text: str) -> Name:
    """Read a name; raises ContentFault("bad_name") on anything else."""
    log, _, rest = text.partition(".")
    number, _, hash8 = rest.partition(".")
    if len(log) != 11 or len(hash8) != 8 or not number.isascii() or not number.isdigit() or len(number) > MAX_DIGITS:
        raise ContentFault("bad_name")
    return Name(log, int(number), hash8)


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who changed what in one record, and when; its members stand in a line under one letter each."""

    number: int = msgspec.field(name="n")
    log: str = msgspec.field(name="l")
    time: Time = msgspec.field(name="t")
    user: str = msgspec.field(name="u")
    catalogue: str = msgspec.field(name="c")
    record: str = msgspec.field(name="r")
    type: str = msgspec.field(name="y")
    unit: str = msgspec.field(name="g")
    operations: tuple[Operation, ...] = msgspec.field(name="o")

    def encode(self) -> bytes:
        """Write the line of this change. Raises ContentFault("line_too_long") past 256 KiB, or "bad_value"."""
        for op in self.operations:
            if type(op.value) not in _PLAIN:
                _check_value(op.value, 0)
        try:
            line = _encode(self)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ContentFault("bad_value") from error
        if len(line) > MAX_LINE_BYTES:
            raise ContentFault("line_too_long")
        return line

    @classmethod
    def parse(cls, line: bytes) -> "Change":
        """Read a line; raises ContentFault with the code of the first thing wrong in it.

        JSON as RFC 8259 has it and nothing more: no NaN, no key twice, no lone surrogate. What reads back as the very bytes that ``encode``
        writes can hold none of that; only other writers' lines are looked at key by key.
        """
        if len(line) > MAX_LINE_BYTES:
            raise ContentFault("line_too_long")
        try:
            change = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            change = _read_slowly(line)
        else:
            if (b"\\" in line and b"\\u" in line) or _encode(change) != line:  # one letter is looked for three times as fast as two
                change = _read_slowly(line)
        if not (RECORD_ID.fullmatch(change.record) and _is_short(change.log)):
            raise ContentFault("bad_id")
        if not 0 < len(change.operations) <= MAX_OPERATIONS or not 0 <= change.time.ms < LATEST_MS:
            raise ContentFault("bad_line")
        for op in change.operations:
            if not op.path:
                raise ContentFault("bad_line")
            if op.saw:
                for name in op.saw:
                    parse_name(name)
            if type(op.value) not in _PLAIN:
                _check_value(op.value, 0)
            if op.kind in _ALONE and len(change.operations) > 1:
                raise ContentFault("deletion_not_alone")
        return change


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Change).decode


@lru_cache(maxsize=256)
def _is_short(log: str) -> bool:
    return SHORT_ID.fullmatch(log) is not None


_ALONE = frozenset({"withdraw", "delete"})

_PLAIN = frozenset({str, int, bool, type(None)})
"""Types of values that need no further look; most operations of a new record set one of these."""


def _read_slowly(line: bytes) -> Change:
    """Read a line that another writer wrote, or find the first thing that is wrong in it."""
    body = _strict_json(line)
    if type(body) is not dict:
        raise ContentFault("not_an_object")
    try:
        told = {**body, "o": [_operation(one) for one in body["o"]]}
    except (KeyError, TypeError, AttributeError) as error:
        raise ContentFault("bad_line") from error
    try:
        return msgspec.convert(told, Change)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ContentFault("bad_line") from error


def _operation(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """An operation whose members are of the right kind. Raises ContentFault."""
    kind, path, blob, saw, why = body.get("k", "set"), body["p"], body.get("b"), body.get("s", ()), body.get("why")
    if type(kind) is not str or not 0 < len(kind) <= LONGEST_KIND:
        raise ContentFault("unknown_operation")
    if type(path) is not str or not 0 < len(path) <= LONGEST_PATH:
        raise ContentFault("bad_path")
    if blob is not None and (type(blob) is not str or len(blob) != BLOB_LETTERS):
        raise ContentFault("bad_blob_hash")
    if saw and (type(saw) is not list or any(type(name) is not str for name in saw)):
        raise ContentFault("bad_name")
    if why is not None and type(why) is not str:
        raise ContentFault("bad_line")
    if type(body.get("v")) not in _PLAIN:
        _check_value(body["v"], 0)
    return {**body, "s": saw or ()}


def _refuse_constant(text: str) -> Any:
    raise ContentFault("not_a_number")


def _refuse_twice(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key in body:
            raise ContentFault("key_twice")
        body[key] = value
    return body


_decode_strictly = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice).decode


def _strict_json(line: bytes) -> Any:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContentFault("not_utf8") from error
    try:
        body = _decode_strictly(text)
    except RecursionError as error:
        raise ContentFault("too_deep") from error
    except ContentFault:
        raise
    except ValueError as error:
        raise ContentFault("not_json") from error
    if "\\u" in text and _ESCAPED_TROUBLE.search(text):
        _check_text(body)
    return body


_ESCAPED_TROUBLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""Only an escape can bring NUL or half a surrogate pair: raw ones are no UTF-8 and no JSON."""


def _check_text(body: Any) -> None:
    if type(body) is str:
        if "\0" in body or any("\ud800" <= letter <= "\udfff" for letter in body):
            raise ContentFault("bad_text")
    elif type(body) is dict:
        for key, item in body.items():
            _check_text(key)
            _check_text(item)
    elif type(body) is list:
        for item in body:
            _check_text(item)


def _check_value(value: Any, depth: int) -> None:
    if type(value) is float and not isfinite(value):
        raise ContentFault("not_a_number")
    if type(value) is dict or type(value) is list:
        if depth > MAX_DEPTH:
            raise ContentFault("too_deep")
        for item in value.values() if type(value) is dict else value:
            _check_value(item, depth + 1)


class Line(NamedTuple):
    """A change as it stands in its log: the bytes, the number, SHA-256 of the bytes, the name."""

    body: bytes
    number: int
    hash: bytes
    name: str
    change: Change


def write_line(change: Change) -> Line:
    """Encode a change into the line that its log keeps."""
    body = change.encode()
    digest = line_hash(body)
    return Line(body, change.number, digest, name_of(change.log, change.number, digest), change)
