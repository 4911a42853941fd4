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
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from json.scanner import make_scanner
from math import isfinite
from typing import Any, NamedTuple

from shared.ids import RECORD_ID, SHORT_ID
from sync.clock import Time
from sync.errors import ContentFault

MAX_LINE_BYTES = 256 * 1024
"""A longer line is refused on the tablet before it is written, and travels as its hash alone."""

MAX_OPERATIONS = 2_000
MAX_DEPTH = 32
LONGEST_PATH = 200
HASH_BYTES = 32
NAME_HASH_BYTES = 6
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


class Operation(NamedTuple):
    """One operation on one register of a record; ``saw`` names the origins of what the writer's
    screen showed there. ``blob`` is the hash of a sealed value and stands in place of ``value``.
    """

    kind: str
    path: str
    value: Any
    blob: str | None
    saw: tuple[str, ...]
    why: str | None


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


class Change(NamedTuple):
    """Who changed what in one record, and when. Valid from birth: ``parse`` and ``make`` check it."""

    log: str
    number: int
    time: Time
    user: str
    catalogue: str
    record: str
    type: str
    unit: str
    operations: tuple[Operation, ...]

    def encode(self) -> bytes:
        """Write the line of this change. Raises ContentFault("line_too_long") past 256 KiB."""
        body = {
            "n": self.number, "l": self.log, "t": list(self.time), "u": self.user, "c": self.catalogue,
            "r": self.record, "y": self.type, "g": self.unit,
            "o": [_operation_as_json(op) for op in self.operations],
        }  # fmt: skip
        try:
            line = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
        except (ValueError, UnicodeEncodeError) as error:
            raise ContentFault("bad_value") from error
        if len(line) > MAX_LINE_BYTES:
            raise ContentFault("line_too_long")
        return line

    @classmethod
    def parse(cls, line: bytes) -> "Change":
        """Read a line; raises ContentFault with the code of the first thing wrong in it."""
        body = _strict_json(line)
        if type(body) is not dict:
            raise ContentFault("not_an_object")
        try:
            ms, counter = body["t"][0], body["t"][1]
            log, number, record, operations = body["l"], body["n"], body["r"], _operations(body["o"])
            user, catalogue, type_code, unit = body["u"], body["c"], body["y"], body["g"]
            fit = type(number) is type(ms) is type(counter) is int and type(record) is str
            fit = fit and _are_texts(log, user, catalogue, type_code, unit)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ContentFault("bad_line") from error
        if not fit:
            raise ContentFault("bad_line")
        if not (RECORD_ID.fullmatch(record) and _is_short(log)):
            raise ContentFault("bad_id")
        if not 0 < len(operations) <= MAX_OPERATIONS or not 0 <= ms < 1 << 47:
            raise ContentFault("bad_line")
        change: Change = _made(Change, (log, number, Time(ms, counter), user, catalogue, record, type_code, unit, operations))
        return change


@lru_cache(maxsize=256)
def _are_texts(*members: Any) -> bool:
    """Whether what a device's lines have in common are texts: the same in thousands of lines."""
    return all(type(member) is str for member in members)


@lru_cache(maxsize=256)
def _is_short(log: str) -> bool:
    return SHORT_ID.fullmatch(log) is not None


def _operation_as_json(op: Operation) -> dict[str, Any]:
    body: dict[str, Any] = {} if op.kind == "set" else {"k": op.kind}
    body["p"] = op.path
    if op.blob is not None:
        body["b"] = op.blob
    elif op.kind not in ("delete", "withdraw", "remove"):
        body["v"] = op.value
    if op.saw:
        body["s"] = list(op.saw)
    if op.why:
        body["why"] = op.why
    return body


def _operations(bodies: Sequence[Mapping[str, Any]]) -> tuple[Operation, ...]:
    """Read a line's operations: those that say a path and a plain value, or an element added, without a detour."""
    made, plain = [], True
    for body in bodies:
        size, path = len(body), body["p"]
        if type(path) is str and 0 < len(path) <= LONGEST_PATH and "v" in body:
            value = body["v"]
            if size == 2 and type(value) in _PLAIN:
                made.append(_made(Operation, ("set", path, value, None, (), None)))
                continue
            if size == 3 and value is None and body.get("k") == "add":
                made.append(_made(Operation, ("add", path, None, None, (), None)))
                continue
        plain = False
        made.append(_operation(body))
    if not plain and len(made) > 1 and any(op.kind in ("withdraw", "delete") for op in made):
        raise ContentFault("deletion_not_alone")
    return tuple(made)


def _operation(body: Mapping[str, Any]) -> Operation:
    get = body.get
    saw: Sequence[str] = get("s", ())
    op = Operation(get("k", "set"), body["p"], get("v"), get("b"), tuple(saw), get("why"))
    if type(op.kind) is not str or not 0 < len(op.kind) <= LONGEST_KIND:
        raise ContentFault("unknown_operation")
    if type(op.path) is not str or not 0 < len(op.path) <= LONGEST_PATH:
        raise ContentFault("bad_path")
    if op.blob is not None and (type(op.blob) is not str or len(op.blob) != 43):
        raise ContentFault("bad_blob_hash")
    if saw and (type(saw) is not list or any(type(name) is not str for name in saw)):
        raise ContentFault("bad_name")
    for name in saw:
        parse_name(name)
    if op.why is not None and type(op.why) is not str:
        raise ContentFault("bad_line")
    if op.value is not None and type(op.value) is not str:
        _check_value(op.value, 0)
    return op


_made: Callable[..., Any] = tuple.__new__
"""Makes a named tuple without the detour over its keyword arguments: a page of lines has tens of thousands."""

_PLAIN = frozenset({str, int, bool, type(None)})
"""Types of values that need no further look; most operations of a new record set one of these."""


def _refuse_constant(text: str) -> Any:
    raise ContentFault("not_a_number")


def _refuse_twice(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for key, value in pairs:
        if key in body:
            raise ContentFault("key_twice")
        body[key] = value
    return body


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_decode, _scan = _decoder.decode, make_scanner(_decoder)  # type: ignore[arg-type]
_decode_strictly = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice).decode


def _strict_json(line: bytes) -> Any:
    """Parse JSON as RFC 8259 has it and nothing more: no NaN, no key twice, no lone surrogate.

    A text with just as many ``":`` as its values have keys cannot have held a key twice; only other writers'
    lines, and texts that hold those two characters, pay for the slow way of looking.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ContentFault("line_too_long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ContentFault("not_utf8") from error
    try:
        body = _read(text)
        if line.count(b'":') != _keys(body):
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


def _read(text: str) -> Any:
    """One JSON value; only blanks around it cost a second look."""
    try:
        body, end = _scan(text, 0)
    except StopIteration:
        end = -1
    return body if end == len(text) else _decode(text)


def _keys(body: Any) -> int:
    """How many keys a line and its operations have; -1 for what is no line. Keys deeper down send it the slow way."""
    try:
        return len(body) + sum(map(len, body["o"]))
    except (KeyError, TypeError):
        return -1


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
