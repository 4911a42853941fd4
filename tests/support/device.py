"""A device whose every byte the test writes: it enrols with real keys and speaks ``docs/sync.md``, right or wrong.

It knows no store and no form: it is the hostile or broken tablet, and the stranger's client.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.ids import b64, new_id, new_record_id, unb64
from shared.sealing import BoxKeys, agree, derive
from sync.log import chain_next, chain_start, line_hash
from sync.messages import CONTENT_TYPE, Opened, open_message, seal_message

TALK = "communication_activity"
NOON_MS = 1_653_883_200_000


class Answered(NamedTuple):
    """An HTTP answer: status, content type, body."""

    status: int
    kind: str
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem details in it."""
        told = json.loads(self.body)
        assert self.kind == "application/problem+json" and isinstance(told, dict), self
        return told

    @classmethod
    def of(cls, answer: requests.Response) -> Self:
        """What came over a network; an exchange's answer names no kind."""
        return cls(answer.status_code, answer.headers.get("Content-Type", "").split(";")[0], answer.content)


Post = Callable[[str, bytes, str], Answered]
"""Posts to a path: path, body, content type."""


def knock(post: Post, code: str, name: str = "Máy thử (dữ liệu mẫu)") -> tuple[Answered, bytes, BoxKeys]:
    """Ask for enrolment with new keys: the answer, the device's public signing key, its X25519 pair."""
    sign = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    box = BoxKeys.new()
    body = {"code": code, "device_sign": b64(sign), "device_box": b64(box.public), "officer_box": b64(BoxKeys.new().public), "name": name}
    return post("/api/enrol", json.dumps(body).encode(), "application/json"), sign, box


class HandDevice:
    """An enrolled device with one log."""

    def __init__(self, post: Post, sign: bytes, box: BoxKeys, told: Mapping[str, Any]) -> None:
        self.post = post
        self.id: str = told["device"]
        self.user: str = told["user"]["id"]
        self.unit: str = told["unit"]
        self.catalogue: str = told["catalogue"]
        self.mac_key = derive(agree(box.private, unb64(told["server"]["box"])), b"sen-mac/1" + self.id.encode())
        self.log = new_id()
        self.head = chain_start(self.log, sign)
        self.number = 0
        self.requests = 0

    @classmethod
    def enrol(cls, post: Post, code: str) -> Self:
        """Enrol with a code."""
        answer, sign, box = knock(post, code)
        assert answer.status == 200, answer
        return cls(post, sign, box, json.loads(answer.body))

    def line(self, operations: Sequence[Mapping[str, Any]], *, offset: int = 1, **members: Any) -> bytes:
        """A line of the log's next number (or `offset` behind the head); `members` stand in the place of its own."""
        body = {
            "n": self.number + offset, "l": self.log, "t": [NOON_MS, self.number + offset], "u": self.user, "c": self.catalogue,
            "r": new_record_id(), "y": TALK, "g": self.unit, "o": list(operations), **members,
        }  # fmt: skip
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")

    def request(self, lines: Sequence[bytes] = (), *, first: int | None = None, before: bytes | None = None, **members: Any) -> bytes:
        """A message that pushes lines behind the head; `members` stand in its head."""
        self.requests += 1
        head: dict[str, Any] = {"q": self.requests, "at": [NOON_MS, 0], "page": 0}
        if lines:
            chain = self.head if before is None else before
            head["runs"] = [[self.log, self.number + 1 if first is None else first, b64(chain), len(lines)]]
            last = chain
            for line in lines:
                last = chain_next(last, line_hash(line))
            head["h"] = {self.log: [self.number + len(lines), self.number, b64(last)[:8]]}
        return seal_message(self.id, self.mac_key, head | members, lines)

    def packed(self, payload: bytes) -> bytes:
        """A message of this payload as it is, under the device's MAC (docs/sync.md § 5)."""
        mac = b64(hmac.digest(self.mac_key, payload, "sha256")[:16])
        return f"sen1 {self.id} {mac}\n".encode() + payload

    def send(self, message: bytes) -> Answered:
        """Post a message as it is."""
        return self.post("/api/exchange", message, CONTENT_TYPE)

    def opened(self, answer: Answered) -> Opened:
        """What an answer of the protocol says."""
        assert answer.status == 200, answer
        return open_message(answer.body, lambda device: self.mac_key)

    def push(self, lines: Sequence[bytes]) -> Mapping[str, Any]:
        """Push lines behind the head and go on behind them; gives the answer's head."""
        head = self.opened(self.send(self.request(lines))).head
        for line in lines:
            self.head = chain_next(self.head, line_hash(line))
        self.number += len(lines)
        return head
