"""The worked example of docs/sync.md, value by value, against the functions of the client that was written from that page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.stranger import wire
from tests.stranger.wire import Held, b64, sha256, stands, unb64
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "sync.md").read_text("utf-8").partition("## 14. A worked")[2]


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)\n```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    example: dict[str, Any] = json.loads(block("json"))
    return example


def private(told: dict[str, Any], member: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(unb64(told[member]))


def test_the_line_its_name_and_its_chain(told: dict[str, Any]) -> None:
    line, key = told["line"].encode(), Ed25519PrivateKey.from_private_bytes(unb64(told["device_sign_private"]))
    assert b64(key.public_key().public_bytes_raw()) == told["device_sign"]
    assert b64(sha256(line)) == told["line_hash"] and wire.name_of(told["log"], 1, sha256(line)) == told["name"]
    start = wire.chain_start(told["log"], unb64(told["device_sign"]))
    assert [b64(start), b64(wire.chain_next(start, sha256(line)))] == told["h"]
    assert told["request_h"] == {told["log"]: [1, 0, told["h"][1][:8]]} and told["request_run"] == [told["log"], 1, told["h"][0], 1]


def test_the_stream(told: dict[str, Any]) -> None:
    start = wire.stream_start(told["stream"])
    after = wire.stream_next(start, 1, told["log"], 1, told["arrival"], "", unb64(told["line_hash"]))
    assert [b64(start), b64(after)] == told["s"]


def test_the_mac(told: dict[str, Any]) -> None:
    key = wire.mac_key(private(told, "device_box_private"), unb64(told["server_box"]), told["device"])
    assert b64(key) == told["mac_key"]
    assert told["first_line"] == f"sen1 {told['device']} {wire.mac(key, told['payload'].encode())}"
    assert told["first_line_of_answer"] == f"sen1 {wire.mac(key, told['payload'].encode())}"


def test_the_dictionary(told: dict[str, Any]) -> None:
    assert block("dictionary").replace("\n", "").encode() == wire.DICTIONARY
    packed = unb64(told["payload_packed"])
    assert wire.unpacked(packed) == wire.unpacked(wire.packed(told["payload"].encode())) == told["payload"].encode()


def test_the_digests(told: dict[str, Any]) -> None:
    line = json.loads(told["line"])
    registers = stands(told["name"], line)
    path, name = told["candidate"]
    registers[path].append(Held("a", name, {"p": path, "v": 60}))
    digest = wire.record_digest(line["r"], registers)
    assert wire.written_digest([digest]) == told["record_digest"] == b64(sha256(block("text").encode())[:16])
    assert wire.written_digest([digest, digest]) == told["part_digest_of_two_such"]


def test_the_sealed_value_and_the_wrapped_key(told: dict[str, Any]) -> None:
    case, path, key, nonce = told["case"], told["path"], unb64(told["case_key"]), unb64(told["nonce"])
    blob, officer = wire.seal(key, case, case, path, told["value"], nonce), private(told, "officer_box_private")
    assert b64(blob) == told["blob"] and b64(sha256(blob)) == told["b"] and wire.case_of(blob) == case
    assert wire.unseal(key, blob, case, path) == told["value"]
    public = officer.public_key().public_bytes_raw()
    assert b64(wire.wrap(private(told, "ephemeral_private"), public, case, key, nonce)) == told["wrap"]
    assert wire.unwrap(officer, case, unb64(told["wrap"])) == key
