"""The envelope of the bytes of files, byte by byte as docs/sync.md § 12 has it."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from shared.ids import b64
from sync.errors import FrameFault
from sync.files import (
    FIRST_CHUNK,
    LARGEST_CHUNK,
    MOST_ASKED,
    SMALLEST_CHUNK,
    Ask,
    ChunkSize,
    Get,
    Put,
    files_named,
    open_answer,
    open_request,
    seal_answer,
    seal_request,
)
from sync.log import Operation

DEVICE, KEY, FILE = "AAAAAAAAAAA", b"k" * 32, hashlib.sha256(b"x").hexdigest()


def by_hand(head: object, chunk: bytes = b"", magic: str = "senf1") -> bytes:
    """A request of any head under the right MAC."""
    body = (head if isinstance(head, bytes) else json.dumps(head).encode()) + b"\n" + chunk
    mac = b64(hmac.digest(KEY, b"sen-file/1\n" + body, "sha256")[:16])
    return f"{magic} {DEVICE} {mac}\n".encode() + body


def refusal(data: bytes) -> str:
    with pytest.raises(FrameFault) as fault:
        open_request(data, lambda device: KEY)
    return fault.value.code


@pytest.mark.parametrize("asks", [Ask((FILE, "0" * 64)), Ask(()), Put(FILE, 5, 20, b"a\nb\0\xff"), Get(FILE, 3, 70)])
def test_a_request_is_read_as_it_was_written(asks: Ask | Put | Get) -> None:
    letter = open_request(seal_request(DEVICE, KEY, asks), lambda device: KEY)
    assert (letter.device, letter.asks) == (DEVICE, asks)


def test_an_answer_belongs_to_its_question_alone() -> None:
    one, other = (seal_request(DEVICE, KEY, Get(FILE, at, 10)) for at in (0, 10))
    answer = seal_answer(open_request(one, lambda device: KEY), KEY, {"size": 20, "at": 0}, b"\n\n")
    assert open_answer(one, answer, KEY) == ({"size": 20, "at": 0}, b"\n\n")
    for request, data, key in ((other, answer, KEY), (one, answer, b"o" * 32), (one, answer + b"x", KEY), (one, one, KEY)):
        with pytest.raises(FrameFault, match="wrong_mac"):
            open_answer(request, data, key)


def test_the_mac_of_a_file_is_no_mac_of_an_exchange() -> None:
    body = json.dumps({"ask": []}).encode() + b"\n"
    mac = b64(hmac.digest(KEY, body, "sha256")[:16])
    assert refusal(f"senf1 {DEVICE} {mac}\n".encode() + body) == "wrong_mac"


def test_every_byte_of_a_request_is_bound() -> None:
    whole = seal_request(DEVICE, KEY, Put(FILE, 0, 4, b"abcd"))
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        key = {DEVICE: KEY}
        with pytest.raises(FrameFault):
            open_request(changed, lambda device, key=key: key.get(device, b"o" * 32))  # type: ignore[misc]


@pytest.mark.parametrize("head", [
    b"", b"[]", b"{", b"\xff", {}, {"ask": "x"}, {"ask": [1]}, {"ask": ["0" * 63]}, {"ask": [FILE.upper()]}, {"ask": [FILE] * (MOST_ASKED + 1)},
    {"put": FILE, "at": 0, "size": 4}, {"get": FILE, "at": -1, "most": 5}, {"get": FILE, "at": 0, "most": 0}, {"get": FILE, "at": True, "most": 1},
    {"get": FILE, "at": 0.0, "most": 1}, {"get": "../../etc/passwd", "at": 0, "most": 1}, {"get": FILE, "at": 2**40, "most": 1}, b"[" * 50_000,
    b'{"ask":"' + b"a" * 70_000 + b'"}',
], ids=range(19))  # fmt: skip
def test_heads_that_say_nothing_are_refused(head: object) -> None:
    assert refusal(by_hand(head)) == "bad_head"


@pytest.mark.parametrize(("head", "chunk", "code"), [
    ({"put": FILE, "at": 2, "size": 5}, b"abcd", "bad_head"), ({"put": FILE, "at": 0, "size": 10**9}, b"a" * (LARGEST_CHUNK + 1), "message_too_large"),
    ({"get": FILE, "at": 0, "most": 1}, b"a", "bad_head"), ({"ask": [FILE]}, b"a", "bad_head"), ({"put": FILE, "at": "0", "size": 5}, b"a", "bad_head"),
])  # fmt: skip
def test_chunks_that_do_not_fit_their_head_are_refused(head: object, chunk: bytes, code: str) -> None:
    assert refusal(by_hand(head, chunk)) == code


def test_other_envelopes_are_told_apart() -> None:
    assert refusal(by_hand({"ask": []}, magic="senf2")) == "other_version"
    assert refusal(by_hand({"ask": []}, magic="sen1")) == "not_a_message"
    assert refusal(b"senf1 x") == "not_a_message"


def test_a_chunk_follows_the_link() -> None:
    size = ChunkSize()
    assert size.bytes == FIRST_CHUNK
    for _ in range(9):
        size.arrived()
    assert size.bytes == LARGEST_CHUNK
    for _ in range(9):
        size.cut()
    assert size.bytes == SMALLEST_CHUNK


def operation(kind: str, path: str) -> Operation:
    return Operation(kind, path, "3" * 64, None, (), None)


def test_which_files_a_line_names() -> None:
    operations = (
        operation("add", f"photos/{FILE}"), operation("add", f"rows/AAAAAAAAAAA/photos/{'1' * 64}"), operation("remove", f"photos/{'2' * 64}"),
        operation("add", "topics/gbv"), operation("set", "title"),
    )  # fmt: skip
    assert files_named(operations) == {FILE: f"photos/{FILE}", "1" * 64: f"rows/AAAAAAAAAAA/photos/{'1' * 64}"}
