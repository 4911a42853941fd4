"""A stranger's client of Sen, written from docs/sync.md alone: it enrols, pushes, pulls, checks, decides and hands back.

It imports nothing of Sen. What it holds is in memory: its own logs, the runs that it pulled, and of every record the values
in force as they were told (`told`). It never merges; `screen` lays its own unsettled changes on top.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.stranger import wire
from tests.stranger.wire import Held, Registers, b64, dumped, sha256, stands, unb64

MEDIA_TYPE = "application/vnd.sen"
PAGE_BYTES, PUSHED_LINES, SILENCE_S = 64 << 10, 500, 60
DOUBTS = 3
"""How often the digests may differ in one exchange: others write while a part is filled."""


class Refused(Exception):
    """The server's answer is a problem (RFC 9457) with this `code`."""


class Broken(Exception):
    """An answer does not hold what docs/sync.md says of it."""


@dataclass
class Log:
    """One of the own logs: its lines, and h(0), h(1), …; `read` is how far the server is known to have read."""

    id: str
    heads: list[bytes]
    lines: list[bytes] = field(default_factory=list)
    read: int = 0


class Run(NamedTuple):
    """Lines (or their hashes) of one log: as announced, [log, first, h before, count] and, pulled, arrivals and proof."""

    announced: list[Any]
    rows: list[bytes]

    def named(self) -> Iterator[tuple[str, bytes | None, bytes]]:
        """Each line's name, the line (None where only its hash is there), and h after it."""
        head = unb64(self.announced[2])
        for number, row in enumerate(self.rows, self.announced[1]):
            digest = sha256(row) if row[:1] == b"{" else unb64(row.decode())
            head = wire.chain_next(head, digest)
            yield wire.name_of(self.announced[0], number, digest), row if row[:1] == b"{" else None, head


class Device:
    """An enrolled device: its keys, who it is, and one request at a time."""

    def __init__(self, address: str, code: str, name: str) -> None:
        self.address, self.web = address, requests.Session()
        self.sign, self.box, self.officer = Ed25519PrivateKey.generate(), X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self.public_key, box, officer = (key.public_key().public_bytes_raw() for key in (self.sign, self.box, self.officer))
        asked = {"code": code, "device_sign": b64(self.public_key), "device_box": b64(box), "officer_box": b64(officer), "name": name}
        told = json.loads(self.post("/api/enrol", dumped(asked), "application/json"))
        self.id, self.user, self.server, self.stream, self.catalogue = (told[one] for one in ("device", "user", "server", "stream", "catalogue"))
        self.mac_key = wire.mac_key(self.box, unb64(self.server["box"]), self.id)

    def post(self, path: str, body: bytes, kind: str) -> bytes:
        answer = self.web.post(self.address + path, data=body, headers={"Content-Type": kind}, timeout=SILENCE_S)
        if answer.status_code != 200:
            raise Refused(answer.json()["code"])
        return answer.content

    def send(self, payload: bytes) -> bytes:
        """The payload of the answer to a payload, both under the MAC."""
        packed = wire.packed(payload)
        body = f"sen1 {self.id} {wire.mac(self.mac_key, packed)}\n".encode() + packed
        first, _, payload = self.post("/api/exchange", body, MEDIA_TYPE).partition(b"\n")
        if first != f"sen1 {wire.mac(self.mac_key, payload)}".encode():
            raise Broken("the MAC of the answer")
        return wire.unpacked(payload)


class Client:
    """An officer's tablet without a screen."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.clock, self.question, self.page_bytes = [0, 0], 0, PAGE_BYTES
        self.logs: list[Log] = []
        self.changes: dict[str, dict[str, Any]] = {}  # by name, own and pulled
        self.unsettled: list[str] = []
        self.runs: list[Run] = []
        self.heads: dict[tuple[str, int], bytes] = {}  # of others' logs: (log, n) → h(n)
        self.last: dict[str, str] = {}
        self.told: dict[str, Registers] = {}
        self.place: dict[str, tuple[list[str], str]] = {}  # record → (units it was ever in, type)
        self.blobs: dict[str, bytes] = {}
        self.keys: dict[str, bytes] = {}  # case → key
        self.wraps: dict[str, list[str]] = {}  # case → row, of the keys made here
        self.pasts: dict[tuple[str, str], list[str]] = {}
        self.aside: list[list[Any]] = []
        self.docs: dict[str, Any] = {}
        self.scope: list[Any] = []
        self.tokens: list[str] = []
        self.filling: dict[str, str] = {}
        self.filled: set[tuple[str, str]] = set()
        self.back: list[Run] = []
        self.lost = False
        self.open_logs()

    # Writing

    def open_logs(self) -> None:
        """Begin a log for what is urgent and one for everything else; older ones stay until they are read."""
        for _ in ("main", "urgent"):
            log = b64(os.urandom(8))
            self.logs.append(Log(log, [wire.chain_start(log, self.device.public_key)]))

    def tick(self, told: Iterable[int] = ()) -> list[int]:
        """The hybrid clock, moved on; it is never behind what another clock told."""
        milliseconds, counter = max(self.clock, list(told))
        self.clock = max([time.time_ns() // 1_000_000, 0], [milliseconds, counter + 1])
        return self.clock

    def screen(self, record: str) -> Registers:
        """A record as a tablet shows it: what was told, with the own unsettled changes on top."""
        shown = dict(self.told.get(record, {}))
        for name in self.unsettled:
            if self.changes[name]["r"] == record:
                shown |= stands(name, self.changes[name])
        return shown

    def operation(self, record: str, path: str, **members: Any) -> dict[str, Any]:
        """An operation, naming all that the screen shows at its path; a deletion all that it shows of what it deletes."""
        deletes = members.get("k") in ("withdraw", "delete")
        shown = self.screen(record).items()
        seen = {held.name for one, values in shown if (one.startswith(path[:-2]) if deletes else one == path) for held in values}
        return {"p": path} | members | ({"s": sorted(seen)} if seen else {})

    def sealed(self, record: str, path: str, value: Any, case: str, **members: Any) -> dict[str, Any]:
        """An operation with a confidential value under the key of a case, which is made here if none was told."""
        if case not in self.keys:
            self.keys[case] = os.urandom(32)
            wrapped = wire.wrap(X25519PrivateKey.generate(), unb64(self.device.server["box"]), case, self.keys[case], os.urandom(12))
            self.wraps[case] = [case, self.device.server["id"], b64(wrapped)]
        blob = wire.seal(self.keys[case], case, record, path, value, os.urandom(12))
        self.blobs[b64(sha256(blob))] = blob
        return self.operation(record, path, b=b64(sha256(blob)), **members)

    def opened(self, record: str, path: str) -> list[Any]:
        """The values that the screen shows at a path, confidential ones opened."""
        values = [held.operation for held in self.screen(record).get(path, ())]
        return [wire.unseal(self.keys[wire.case_of(self.blobs[one["b"]])], self.blobs[one["b"]], record, path) if "b" in one else one.get("v") for one in values]

    def write(self, record: str, kind: str, unit: str, operations: list[dict[str, Any]], urgent: bool = False) -> str:
        """Write a change to a record into a log; gives its name."""
        log = self.logs[-1 if urgent else -2]
        line = {"n": len(log.lines) + 1, "l": log.id, "t": self.tick(), "u": self.device.user["id"], "c": self.device.catalogue}
        line |= {"r": record, "y": kind, "g": unit, "o": operations}
        log.lines.append(dumped(line))
        log.heads.append(wire.chain_next(log.heads[-1], sha256(log.lines[-1])))
        name = wire.name_of(log.id, len(log.lines), sha256(log.lines[-1]))
        self.changes[name] = line
        self.unsettled.append(name)
        return name

    # One request, one answer

    def exchange(self) -> list[dict[str, Any]]:
        """Ask until nothing is left to tell or to be told; gives the heads of the answers."""
        answers = [self.ask()]
        while any(answers[-1].get(word) for word in ("more", "lost", "parts", "scope")) or self.back or any(log.read < len(log.lines) for log in self.logs):
            if sum("parts" in answer for answer in answers) > DOUBTS:
                raise Broken("the digests still differ after the parts were filled")
            answers.append(self.ask())
        return answers

    def ask(self) -> dict[str, Any]:
        """One request and its answer; where no answer comes, nothing is changed, and the same may be asked again."""
        self.question += 1
        own = [Run([log.id, log.read + 1, b64(log.heads[log.read]), len(log.lines[log.read :][:PUSHED_LINES])], log.lines[log.read :][:PUSHED_LINES]) for log in self.logs]
        runs = [run for run in own if run.rows] + self.back
        head: dict[str, Any] = {"q": self.question, "page": self.page_bytes, "runs": [run.announced for run in runs]}
        head["h"] = {log.id: [len(log.lines), log.read, b64(log.heads[-1])[:8]] for log in self.logs if log.lines}
        head["v"] = {name: doc["version"] for name, doc in self.docs.items()} | ({"scope": self.scope[3]} if self.scope else {})
        head["c"] = ({self.device.stream: self.tokens[-1]} if self.tokens else {}) | self.filling
        if self.lost:
            head |= {"past": self.tokens[-2::-1], "held": self.last}
        if not runs and not self.lost and not self.filling:
            head["d"] = wire.short_digest(self.parts().values())
        beside = self.beside(runs)
        head |= {member: len(rows) for member, rows in beside.items()}
        rows = [*(row for run in runs for row in run.rows), *(dumped(row) for rows in beside.values() for row in rows)]
        first, *answer = self.device.send(b"\n".join([dumped(head), *rows])).split(b"\n")
        told: dict[str, Any] = json.loads(first)
        if told["q"] != self.question:
            raise Broken("an answer to another question")
        self.back = []
        self.take(told, iter(answer))
        return told

    def beside(self, runs: list[Run]) -> dict[str, list[Any]]:
        """What travels beside the lines of a request: sealed values, keys made here, what the writers of handed-back lines had seen."""
        names = {name for run in runs for name, _, _ in run.named()}
        sealed = {one["b"] for name in names if name in self.changes for one in self.changes[name]["o"] if one.get("b") in self.blobs}
        cases = {wire.case_of(self.blobs[digest]) for digest in sealed} & self.wraps.keys()
        return {
            "blobs": [[digest, base64.b64encode(self.blobs[digest]).decode()] for digest in sealed],
            "wraps": [self.wraps[case] for case in cases],
            "pasts": [[name, path, seen] for (name, path), seen in self.pasts.items() if name in names],
        }

    def take(self, told: dict[str, Any], rows: Iterator[bytes]) -> None:
        """Take an answer: who has read what, then what it tells of the records, then where the next request goes on."""
        self.tick(told["at"])
        self.aside += told.get("aside", [])
        self.docs |= told.get("docs", {})
        self.lost = bool(told.get("lost"))
        self.read(told.get("read", {}))
        if told.get("forked"):
            self.open_logs()
        runs = [self.pulled(Run(announced, [next(rows) for _ in range(announced[3])])) for announced in told.get("runs", [])]
        blobs, wraps, verdicts, pasts = ([json.loads(next(rows)) for _ in range(told.get(one, 0))] for one in ("blobs", "wraps", "told", "pasts"))
        self.blobs |= {digest: base64.b64decode(blob) for digest, blob in blobs}
        self.keys |= {case: wire.unwrap(self.device.officer, case, unb64(wrapped)) for case, _, wrapped in wraps}
        self.pasts |= {(name, path): seen for name, path, seen in pasts}
        if any(b64(sha256(blob)) != digest for digest, blob in self.blobs.items()):
            raise Broken("a blob that is not what its hash says")
        records = self.tell(verdicts, runs)
        self.settle(records, told)
        self.follow(told, {(record, path) for record, registers in records.items() for path in registers})
        for log, number in told.get("want", {}).items():
            self.back += [run for run in self.runs if run.announced[0] == log and run.announced[1] + run.announced[3] > number + 1]

    def read(self, read: dict[str, list[Any]]) -> None:
        """Believe how far the server has read the own logs, where it has read what this client wrote."""
        for log in self.logs:
            number, head = read.get(log.id, [log.read, b64(log.heads[log.read])])
            if number > len(log.lines):
                self.open_logs()
            elif b64(log.heads[number]) != head:
                number = 0
            log.read = min(number, len(log.lines))

    def pulled(self, run: Run) -> Run:
        """Keep a run, once it is seen to follow what was pulled of its log before."""
        log, first, before, count, arrivals, _ = run.announced
        if self.heads.setdefault((log, first - 1), unb64(before)) != unb64(before) or sum(one for _, one in arrivals) != count:
            raise Broken(f"a run of {log} that does not follow")
        for number, (name, line, head) in enumerate(run.named(), first):
            if self.heads.setdefault((log, number), head) != head:
                raise Broken(f"two chains of {log}")
            self.last[log] = name
            if line is not None:
                self.changes[name] = json.loads(line)
        self.runs.append(run)
        return run

    def tell(self, rows: list[list[Any]], runs: list[Run]) -> dict[str, Registers]:
        """Replace what was held at every path told; gives the records."""
        page = [name for run in runs for name, _, _ in run.named()]
        silent, told = set(page), dict[str, Registers]()
        for record, lines, *_ in rows:
            for which, letters in lines:
                name = page[which] if isinstance(which, int) else which
                silent.discard(name)
                line = self.changes[name]
                marks = letters if isinstance(letters, dict) else {one["p"]: letter for one, letter in zip(line["o"], letters, strict=True)}
                for one in line["o"]:
                    if marks.get(one["p"], ".") != ".":
                        told.setdefault(record, {}).setdefault(one["p"], []).append(Held(marks[one["p"]], name, one))
        for name in [one for one in page if one in silent and one in self.changes]:
            line = self.changes[name]
            for path, values in stands(name, line).items():
                told.setdefault(line["r"], {}).setdefault(path, []).extend(values)
        units_of = {record: units[0] for record, _, *units in rows if units}
        for record, registers in told.items():
            line = self.changes[next(iter(registers.values()))[0].name]
            self.place[record] = (units_of.get(record) or [line["g"]], line["y"])
            self.told.setdefault(record, {}).update({path: sorted(values, key=lambda held: held[:2]) for path, values in registers.items()})
        return told

    def settle(self, records: dict[str, Registers], told: dict[str, Any]) -> None:
        """Own changes that arrived: told with their record, or, when the pull is complete, standing as they were written."""
        arrived = [name for name in self.unsettled if self.changes[name]["n"] <= told.get("upto", {}).get(self.changes[name]["l"], 0)]
        for name in arrived:
            line = self.changes[name]
            if line["r"] in records or not told.get("more"):
                self.unsettled.remove(name)
            if line["r"] not in records and not told.get("more") and [line["l"], line["n"]] not in [one[:2] for one in self.aside]:
                self.told.setdefault(line["r"], {}).update(stands(name, line))
                self.place.setdefault(line["r"], ([line["g"]], line["y"]))

    def follow(self, told: dict[str, Any], places: set[tuple[str, str]]) -> None:
        """Where the next request goes on: after this page, at another scope's beginning, or with parts that differ."""
        if "scope" in told:
            self.scope, self.tokens, self.filling = told["scope"], [], {}
            self.drop(one for one in self.told if not set(self.place[one][0]) & set(self.scope[1]))
            if not self.scope[2]:
                self.drop(one for one in self.told if self.sealed_type(self.place[one][1]))
        for cursor, token in told.get("c", {}).items():
            if cursor in self.filling:
                self.filled |= places
                self.filling[cursor] = token
                if not told.get("more"):
                    del self.filling[cursor]
                    self.clear(cursor)
            elif cursor == self.device.stream:
                self.tokens = [*self.tokens[: self.tokens.index(token) if token in self.tokens else None], token]
        own = self.parts()
        if "parts" in told:
            for part in own.keys() - told["parts"].keys():
                self.clear(part)
        self.filling |= {part: "" for part, digest in told.get("parts", {}).items() if digest != wire.written_digest([own.get(part, 0)])}

    def clear(self, part: str) -> None:
        """A part was filled: what was held of it and was not told is dropped."""
        for record in list(self.told):
            for path in self.halves(record).get(part, {}).keys() - {path for one, path in self.filled if one == record}:
                del self.told[record][path]
        self.filled = set()
        self.drop(record for record, registers in self.told.items() if not registers)

    def sealed_type(self, kind: str) -> bool:
        """Whether a type has confidential fields, by the catalogue that the server told."""
        return "\nsealed_by:" in self.docs["catalogue"]["texts"][f"record_types/{kind}.yaml"]

    def drop(self, records: Iterable[str]) -> None:
        """Let records go, except those of which something was not sent yet."""
        unsent = {self.changes[name]["r"] for name in self.unsettled}
        for record in [one for one in records if one not in unsent]:
            del self.told[record]

    def halves(self, record: str) -> dict[str, Registers]:
        """The registers of a record by part, of every unit it was ever in: the open ones, and the sealed ones where it has any."""
        units, kind = self.place[record]
        found: dict[str, Registers] = {}
        for path, values in self.told[record].items():
            for unit in set(units) & set(self.scope[1]):
                found.setdefault(f"{unit}/{kind}/{int('b' in values[0].operation)}", {})[path] = values
        return found

    def parts(self) -> dict[str, int]:
        """The digest of every part held."""
        sums: dict[str, int] = {}
        for record in self.told:
            for part, registers in self.halves(record).items():
                sums[part] = (sums.get(part, 0) + wire.record_digest(record, registers)) % wire.MODULUS
        return sums
