"""The messages of an exchange as bytes: an envelope, a head, and lines.

``sen1 DEVICE MAC\\n`` (an answer: ``sen1 MAC\\n``) then the payload, packed. The MAC (HMAC-SHA256 of the device's key
over the payload as sent, 16 bytes) is checked before anything is unpacked. The payload is lines of UTF-8: the
head, a JSON object that announces how many of each follow; then verbatim change lines, run after run; then blobs,
key wraps and verdicts, one JSON array a line. ``docs/sync.md`` specifies every member.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from shared.ids import b64, unb64
from sync.errors import ContentFault, FrameFault
from sync.log import MAX_LINE_BYTES, chain_next, line_hash, parse_name
from sync.packing import pack, unpack

MAGIC = b"sen1"
CONTENT_TYPE = "application/vnd.sen"
MAC_BYTES = 16
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
FIRST_PAGE = 64 * 1024
PAGE_GROWTH = 22
LARGEST_PAGE = PAGE_GROWTH * FIRST_PAGE
"""A page is 64 KB of compressed lines at first, as large as it may be (1.4 MB) after the first success, 4 times smaller after a cut: ten
thousand records take three exchanges, a cut costs one page, and a tablet has room for the largest (tests/mobile/test_memory.py).
"""

RAW_PER_PAGE_BYTE = 4
"""Lines compress to about a fifth; a page is filled by raw bytes, which are known before it is packed."""

ROW_BYTES = 64
"""What the row of a sealed value has beside it that does not compress: its hash, here and in its line."""

LARGEST_NUMBER = 2**53 - 1
"""Of a line: what every database and every JSON reader holds exactly."""

TEXT_ROWS = {"blobs": 2, "wraps": 3}
"""Rows that are so many texts and nothing else: ``[hash, base64]``, ``[key id, recipient, wrapped key]``."""

__all__ = [
    "CONTENT_TYPE", "FIRST_PAGE", "LARGEST_NUMBER", "LARGEST_PAGE", "MAGIC", "MAX_MESSAGE_BYTES",
    "PAGE_GROWTH", "RAW_PER_PAGE_BYTE", "Opened", "Run", "blobs_named", "open_message", "read_pasts", "read_rows", "read_runs", "run_mac",
    "seal_message", "sealed_weight", "write_row", "write_run",
]  # fmt: skip


_BLOB = re.compile(rb'"b"\s*:\s*"([A-Za-z0-9_-]{43})"')


def blobs_named(line: bytes) -> list[str]:
    """The hashes of the sealed values that a line names, without reading it whole."""
    return [name.decode("ascii") for name in _BLOB.findall(line)]


def sealed_weight(size: int) -> int:
    """How many bytes of a page's lines a sealed value of this size stands for: unlike them it does not compress."""
    return RAW_PER_PAGE_BYTE * (size + ROW_BYTES)


@dataclass(frozen=True)
class Run:
    """Consecutive lines of one log; a line that the reader has, or may not read, stands as its hash.

    ``before`` is h(first - 1). ``arrivals`` are the server's times of arrival in milliseconds, as
    ``[[ms, how many lines], …]``, and ``mac`` the server's own proof of the run: both empty on a push.
    """

    log: str
    first: int
    before: bytes
    lines: Sequence[bytes]
    arrivals: Sequence[Sequence[int]] = ()
    mac: bytes = b""

    @cached_property
    def hashes(self) -> list[bytes]:
        """SHA-256 of each line, whether it stands here whole or as its hash."""
        return [hash_in_run(line) for line in self.lines]

    def end(self) -> bytes:
        """h(last), by the chain."""
        chain = self.before
        for digest in self.hashes:
            chain = chain_next(chain, digest)
        return chain


def hash_in_run(line: bytes) -> bytes:
    """The hash of a line of a run; a line that is not an object stands as its own hash in base64url."""
    if len(line) == 43 and not line.startswith(b"{"):
        return unb64(line.decode("ascii"))
    return line_hash(line)


class Opened(NamedTuple):
    """A message whose MAC was right: who sent it, its head, and the lines behind the head."""

    device: str
    head: Mapping[str, Any]
    lines: Sequence[bytes]


def seal_message(device: str, key: bytes, head: Mapping[str, Any], lines: Iterable[bytes] = ()) -> bytes:
    """Write a message of this device under its MAC key; an answer names no device ("")."""
    first = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    payload = pack(first, lines)
    sender = [device.encode("ascii")] if device else []
    return b"%s\n%s" % (b" ".join([MAGIC, *sender, _mac(key, payload)]), payload)


def open_message(data: bytes, key_of: Callable[[str], bytes], *, writer: str = "app") -> Opened:
    """Check and unpack a message.

    Args:
        key_of: gives the MAC key of a device ("" in an answer), or raises the FrameFault that says why there is none.
        writer: which side wrote it, ``app`` or ``server``.

    Raises:
        FrameFault: not our format, a format of another time (``update_app``, ``update_server``), a wrong MAC, a broken packing, too large,
            or a broken head.
    """
    envelope, newline, payload = data.partition(b"\n")
    parts = envelope.split(b" ")
    if len(data) > MAX_MESSAGE_BYTES:
        raise FrameFault("message_too_large", limit=MAX_MESSAGE_BYTES)
    if not newline or len(parts) not in (2, 3) or not parts[0].startswith(b"sen"):
        raise FrameFault("not_a_message")
    if parts[0] != MAGIC:
        newer = parts[0][3:].isdigit() and int(parts[0][3:6]) > 1
        raise FrameFault("update_server" if newer == (writer == "app") else "update_app")
    device = parts[1].decode("ascii", "replace") if len(parts) > 2 else ""
    if not hmac.compare_digest(_mac(key_of(device), payload), parts[-1]):
        raise FrameFault("wrong_mac")
    lines = unpack(payload).split(b"\n")
    try:
        head = json.loads(lines[0])
    except (ValueError, RecursionError) as error:
        raise FrameFault("bad_head") from error
    if not isinstance(head, dict):
        raise FrameFault("bad_head")
    return Opened(device, head, lines[1:])


def _mac(key: bytes, payload: bytes) -> bytes:
    return b64(hmac.digest(key, payload, "sha256")[:MAC_BYTES]).encode("ascii")


def run_mac(key: bytes, run: Run) -> bytes:
    """The server's proof that it held these lines with these times of arrival; its key is outside the database."""
    told = json.dumps([run.log, run.first, run.arrivals], separators=(",", ":")).encode("ascii")
    proof = hashlib.sha256(b"".join([told, run.before, *run.hashes])).digest()
    return hmac.digest(key, proof, "sha256")[:MAC_BYTES]


def write_run(run: Run) -> list[Any]:
    """The announcement of a run in a head: ``[log, first, before, count]``, a pull's with arrivals and proof."""
    body: list[Any] = [run.log, run.first, b64(run.before), len(run.lines)]
    return [*body, run.arrivals, b64(run.mac)] if run.mac else body


def read_runs(head: Mapping[str, Any], lines: Sequence[bytes]) -> tuple[list[Run], Sequence[bytes]]:
    """Take the announced runs from the front of the lines; gives them and the lines behind.

    Raises:
        FrameFault: an announcement that is malformed or counts more lines than there are.
    """
    runs, at = [], 0
    try:
        for body in head.get("runs", []):
            log, first, before, count, *proof = body
            if type(log) is not str or len(log) != 11 or type(first) is not int or first < 1 or type(count) is not int:
                raise FrameFault("bad_head")
            if not 0 < count <= len(lines) - at:
                raise FrameFault("message_cut")
            if first + count > LARGEST_NUMBER:
                raise FrameFault("bad_head")
            chunk = lines[at : at + count]
            at += count
            arrivals, mac = (_read_arrivals(proof[0]), unb64(proof[1])) if proof else ((), b"")
            runs.append(Run(log, first, unb64(before), chunk, arrivals, mac))
    except (ValueError, TypeError, IndexError) as error:
        raise FrameFault("bad_head") from error
    if any(len(line) > 2 * MAX_LINE_BYTES for run in runs for line in run.lines):
        raise FrameFault("message_too_large", limit=2 * MAX_LINE_BYTES)
    return runs, lines[at:]


def _read_arrivals(body: Any) -> Sequence[Sequence[int]]:
    if any(type(part) is not int or not 0 <= part <= LARGEST_NUMBER for ms, count in body for part in (ms, count)):
        raise FrameFault("bad_head")
    return [[ms, count] for ms, count in body]


def read_pasts(head: Mapping[str, Any], lines: Sequence[bytes]) -> tuple[list[list[Any]], Sequence[bytes]]:
    """Take the announced rows ``[name, path, names seen]`` from the front of the lines. Raises FrameFault."""
    rows, rest = read_rows(head, "pasts", lines)
    for row in rows:
        if type(row) is not list or len(row) != 3 or type(row[1]) is not str or type(row[2]) is not list:
            raise FrameFault("bad_head")
        try:
            for name in (row[0], *row[2]):
                parse_name(name)
        except (ContentFault, AttributeError, TypeError) as error:
            raise FrameFault("bad_head") from error
    return rows, rest


def write_row(body: Sequence[Any]) -> bytes:
    """A row as a line: what ``read_rows`` reads."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def read_rows(head: Mapping[str, Any], member: str, lines: Sequence[bytes]) -> tuple[list[Any], Sequence[bytes]]:
    """Take as many JSON rows from the front of the lines as the head announces under ``member``."""
    count = head.get(member, 0)
    if type(count) is not int or not 0 <= count <= len(lines):
        raise FrameFault("message_cut")
    try:
        rows = [json.loads(line) for line in lines[:count]]
    except (ValueError, RecursionError) as error:
        raise FrameFault("bad_head") from error
    width = TEXT_ROWS.get(member)
    if width and any(type(row) is not list or len(row) != width or any(type(text) is not str for text in row) for row in rows):
        raise FrameFault("bad_head")
    return rows, lines[count:]
