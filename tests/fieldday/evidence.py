"""What is really there at the end of a day: read by plain SQL out of the server's database.

Knows the tables `record` and `line`, the written form of a record's registers, and the chain of a log. Imports nothing
of Sen.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(kw_only=True)
class Register:
    """What stands at one path: the current value first, then the open ones; sealed ones as their hashes."""

    values: list[Any]
    kinds: list[str]
    open: int
    sealed: bool

    @property
    def first_open(self) -> bool:
        """Whether no value is current: all that stand are questions."""
        return self.open == len(self.values)


@dataclass(kw_only=True)
class Stored:
    """One record as the server holds it. Paths: `title`, `topics/gbv`, `speakers/ROW/name`, `@`."""

    id: str
    type: str
    unit: str
    withdrawn: bool
    registers: dict[str, Register]

    def values(self, path: str) -> list[Any]:
        """The values in force at a path."""
        return self.registers[path].values if path in self.registers else []

    def below(self, name: str) -> Iterator[tuple[list[str], Register]]:
        """The registers of a set or of rows: (the path's segments behind the name, the register)."""
        for path, register in self.registers.items():
            head, *rest = path.split("/")
            if head == name and rest:
                yield rest, register


@dataclass(kw_only=True)
class Evidence:
    """Everything that the comparison looks at."""

    records: dict[str, Stored] = field(default_factory=dict)
    told: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """(record, path) → every value that any accepted line ever wrote there."""
    lines: int = 0
    set_aside: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Sentences about chains that do not verify and numbers that are missing."""


def connect(url: str) -> Any:
    """Open the server's database for reading: a path of an SQLite file, or a postgresql:// address."""
    if "://" in url and not url.startswith("sqlite"):
        import psycopg

        return psycopg.connect("postgresql://" + url.split("://", 1)[1])
    path = Path(url.removeprefix("sqlite:///"))
    return sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True)


def gather(url: str) -> Evidence:
    """Read everything out of a server's database."""
    told = Evidence()
    connection = connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT log, number, before, digest, body, stream, place, verdict FROM line ORDER BY stream, place"
        )
        lines = cursor.fetchall()
        cursor.execute("SELECT log, number FROM review WHERE name <> ''")
        _lines(told, lines, {(log, number) for log, number in cursor.fetchall()})
        bodies = {(log, number, _name_hash(digest)): body for log, number, _, digest, body, *_ in lines}
        cursor.execute("SELECT id, type, unit, withdrawn, registers, sole FROM record")
        for id, type, unit, withdrawn, registers, sole in cursor.fetchall():
            if registers is None:
                # A record that one line made is not written out a second time: its registers are that line's.
                log, number, hash = sole.split(".")
                made = dict(_one_line(json.loads(bytes(bodies[log, int(number), hash]))))
            else:
                made = dict(_registers(json.loads(registers)))
            told.records[id] = Stored(id=id, type=type, unit=unit, withdrawn=bool(withdrawn), registers=made)
    finally:
        connection.close()
    return told


def _name_hash(digest: bytes) -> str:
    """What stands of a line's hash in its name."""
    return base64.urlsafe_b64encode(bytes(digest)[:6]).decode("ascii")


def _registers(body: Mapping[str, Any]) -> Iterator[tuple[str, Register]]:
    """Read `{path: [touched, [origins, value, rest?]…]}`; rest holds "q" where open, "k" the kind, "b" a blob's hash."""
    for path, entry in body["f"].items():
        rests = [value[2] if len(value) > 2 else {} for value in entry[1:]]
        values = [rest.get("b", value[1]) for value, rest in zip(entry[1:], rests, strict=True)]
        order = sorted(range(len(values)), key=lambda n: bool(rests[n].get("q")))
        yield (
            path,
            Register(
                values=[values[n] for n in order],
                kinds=[rests[n].get("k", "set") for n in order],
                open=sum(bool(rest.get("q")) for rest in rests),
                sealed=any("b" in rest for rest in rests),
            ),
        )


def _one_line(change: Mapping[str, Any]) -> Iterator[tuple[str, Register]]:
    """The registers of a record that one change made: each operation's value stands alone."""
    for operation in change["o"]:
        value = operation.get("b", operation.get("v"))
        yield (
            operation["p"],
            Register(values=[value], kinds=[operation.get("k", "set")], open=0, sealed="b" in operation),
        )


def _lines(told: Evidence, rows: Sequence[Sequence[Any]], taken_up: Set[tuple[str, int]]) -> None:
    """Check every line's place, and gather what the accepted ones told; one that was taken up later is told by another line.

    Where a tablet was copied or put back, two lines of a log bear one number: each follows one that is there.
    """
    ends: set[tuple[str, int, bytes]] = set()
    begins: dict[str, bytes] = {}
    places: dict[str, int] = {}
    for log, number, before, digest, body, stream, place, verdict in sorted(rows, key=lambda r: (r[0], r[1])):
        before, digest = bytes(before), bytes(digest)
        told.lines += 1
        follows = begins.setdefault(log, before) == before if number == 1 else (log, number - 1, before) in ends
        if not follows:
            told.broken.append(f"log {log}: line {number} does not follow")
        if body is not None and hashlib.sha256(bytes(body)).digest() != digest:
            told.broken.append(f"log {log}: line {number} is not what its hash says")
        ends.add((log, number, hashlib.sha256(before + digest).digest()))
        places[stream] = max(places.get(stream, 0), place)
        if verdict and (log, number) in taken_up:
            continue
        if verdict:
            told.set_aside.append(f"{log}.{number}: {verdict}")
        elif body is not None:
            change = json.loads(bytes(body))
            for operation in change["o"]:
                told.told.setdefault((change["r"], operation["p"]), []).append(operation.get("b", operation.get("v")))
    for stream, last in places.items():
        count = sum(row[5] == stream for row in rows)
        if count != last:
            told.broken.append(f"stream {stream}: {count} lines, numbered to {last}")
