"""Files in bundles: what stands beside the messages, where there is no network to carry chunks (docs/sync.md § 12).

A tablet's files go in bundles of their own, behind the one that holds its records, a few megabytes each: a part that is lost costs those
files alone, and no memory holds more of them. What one entry holds, by its kind:

    f    a file: its hash (32 bytes), then its bytes as they travel
    a    from a tablet: which files it brings or still has to bring, which it would like to have, which the server has had
    h    from the server: of these, which it has, which it does not take and why, and which it lacks
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sync.errors import FrameFault
from sync.files import is_hash
from sync.over_file import Entry

FILE: Final = b"f"
ASKED: Final = b"a"
TOLD: Final = b"h"

GROUP_BYTES: Final = 8 * 1024 * 1024
"""Files of about so many bytes go into one bundle."""

MOST_NAMED: Final = 100_000
_HASH_BYTES: Final = 32

__all__ = [
    "ASKED", "FILE", "TOLD", "Asked", "Told", "in_groups", "read_asked", "read_file", "read_object", "read_told", "write_asked",
    "write_file", "write_told",
]  # fmt: skip


class Asked(NamedTuple):
    """What a tablet says of files: those that it brings or has still to bring, those that it would like to have, and those that the
    server has had: a server that was restored says which of these it lacks.
    """

    files: tuple[str, ...]
    wished: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class Told(NamedTuple):
    """What the server says to an ``Asked``: hash → "" where it has the file, else why it is not taken; and what of ``held`` it lacks."""

    files: Mapping[str, str]
    lacking: tuple[str, ...] = ()


def write_file(digest: str, data: bytes) -> Entry:
    """A file as an entry."""
    return Entry(FILE, bytes.fromhex(digest) + data)


def read_file(body: bytes) -> tuple[str, bytes]:
    """Hash and bytes of a file; whether they fit each other is not looked at. Raises FrameFault("bundle_damaged")."""
    if len(body) <= _HASH_BYTES:
        raise FrameFault("bundle_damaged")
    return body[:_HASH_BYTES].hex(), body[_HASH_BYTES:]


def write_asked(asked: Asked) -> Entry:
    """What a tablet says of files, as an entry."""
    told = {"files": asked.files, "wish": asked.wished, "held": asked.held}
    return Entry(ASKED, _json({name: hashes for name, hashes in told.items() if hashes}))


def read_asked(body: bytes) -> Asked:
    """Read such an entry. Raises FrameFault("bundle_damaged")."""
    told = read_object(body)
    return Asked(*(_hashes(told.get(name, [])) for name in ("files", "wish", "held")))


def write_told(told: Told) -> Entry:
    """What the server says of files, as an entry."""
    return Entry(TOLD, _json({"files": dict(told.files)} | ({"lack": told.lacking} if told.lacking else {})))


def read_told(body: bytes) -> Told:
    """Read such an entry. Raises FrameFault("bundle_damaged")."""
    told = read_object(body)
    files = told.get("files")
    if not isinstance(files, dict) or not all(type(code) is str for code in files.values()):
        raise FrameFault("bundle_damaged")
    return Told(dict(zip(_hashes(list(files)), files.values(), strict=True)), _hashes(told.get("lack", [])))


def in_groups(files: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Files as they come, those of one bundle at a time; each group has one at least."""
    group, size = list[tuple[str, bytes]](), 0
    for digest, data in files:
        if group and size + len(data) > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append((digest, data))
        size += len(data)
    if group:
        yield group


def _json(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in an entry. Raises FrameFault("bundle_damaged")."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameFault("bundle_damaged") from error
    if not isinstance(told, dict):
        raise FrameFault("bundle_damaged")
    return told


def _hashes(told: Any) -> tuple[str, ...]:
    if not isinstance(told, list) or len(told) > MOST_NAMED or not all(is_hash(one) for one in told):
        raise FrameFault("bundle_damaged")
    return tuple(told)
