"""The bytes of files at a real server, from a device whose every byte is written here: right, wrong and hostile."""

from __future__ import annotations

import hashlib
import io
import random
from typing import Any, NamedTuple

import pytest
import requests
from PIL import Image

from shared.attachment import MOST_BYTES
from shared.ids import new_record_id
from shared.picture import shrink
from shared.sealing import SEALED_FILE_EXTRA, new_key, seal_file
from sync.files import CONTENT_TYPE, LARGEST_CHUNK, Ask, Get, Put, open_answer, seal_request
from tests.fieldday.office import Office
from tests.files.office import (
    UNIT,
)
from tests.support.device import Answered, HandDevice


@pytest.fixture(scope="module")
def lan(office: Office) -> HandDevice:
    """A device of the unit whose every byte the test writes."""
    return device_of(office, "Lan")


@pytest.fixture(scope="module")
def thu(office: Office) -> HandDevice:
    """The same in another unit of the district."""
    return device_of(office, "Thu")


def device_of(office: Office, name: str) -> HandDevice:
    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = requests.post(office.address + path, data=body, headers={"Content-Type": kind}, timeout=120)
        return Answered.of(answer)

    return HandDevice.enrol(post, office.codes[name])


class Said(NamedTuple):
    """What the server said of a request: the code of a refusal, or head and chunk."""

    code: str
    head: dict[str, Any]
    chunk: bytes = b""


def ask(device: HandDevice, asks: Ask | Put | Get) -> Said:
    request = seal_request(device.id, device.mac_key, asks)
    answer = device.post("/api/files", request, CONTENT_TYPE)
    if answer.status != 200:
        return Said(answer.problem["code"], answer.problem)
    head, chunk = open_answer(request, answer.body, device.mac_key)
    return Said("", dict(head), chunk)


def names(device: HandDevice, data: bytes, field: str = "photos", **more: Any) -> str:
    """Push a record that names a file; gives the file's hash."""
    digest = hashlib.sha256(data).hexdigest()
    value = {"name": "a.jpg", "size": len(data), "mime": "image/jpeg"}
    told = device.push([device.line([{"p": f"{field}/{digest}", "k": "add", "v": value}], **more)])
    assert "aside" not in told, told
    return digest


def put(device: HandDevice, digest: str, data: bytes, at: int = 0, size: int | None = None, length: int = LARGEST_CHUNK) -> Said:
    return ask(device, Put(digest, at, len(data) if size is None else size, data[at : at + length]))


def given(device: HandDevice, digest: str) -> bytes:
    """A file as the server gives it back, piece by piece."""
    back, size = b"", 1
    while len(back) < size:
        said = ask(device, Get(digest, len(back), 50_000))
        size = said.head["size"]
        assert said.head["at"] == len(back) and 0 < len(said.chunk) <= 50_000
        back += said.chunk
    return back


def bare(seed: int, size: tuple[int, int] = (900, 700)) -> bytes:
    noise = Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1]))
    out = io.BytesIO()
    noise.save(out, "JPEG")
    return shrink(out.getvalue())


def test_a_file_goes_chunk_by_chunk_and_comes_back(lan: HandDevice) -> None:
    data = bare(1)
    digest = names(lan, data)
    assert ask(lan, Ask((digest, "0" * 64))).head == {"files": {digest: [0, 0]}}, "what no line names does not exist"
    assert ask(lan, Get(digest, 0, 10)).code == "file_not_here"
    assert put(lan, digest, data, length=1000).head == {"held": 1000, "whole": 0}
    assert ask(lan, Ask((digest,))).head == {"files": {digest: [1000, 0]}}
    assert put(lan, digest, data, 1000).head["held"] == min(len(data), 1000 + LARGEST_CHUNK)
    held = ask(lan, Ask((digest,))).head["files"][digest][0]
    while held < len(data):
        held = put(lan, digest, data, held).head["held"]
    assert ask(lan, Ask((digest,))).head == {"files": {digest: [len(data), 1]}}
    assert given(lan, digest) == data and ask(lan, Get(digest, len(data), 9)).chunk == b"" and ask(lan, Get(digest, len(data) + 7, 9)).chunk == b""


def test_hostile_orders_of_chunks_end_with_the_right_bytes_or_none(lan: HandDevice) -> None:
    data = bare(2, (300, 300))
    digest, size = names(lan, data), len(data)
    assert put(lan, digest, data, 500).head == {"held": 0, "whole": 0}, "nothing is kept behind a gap"
    assert put(lan, digest, data, length=700).head["held"] == 700
    assert put(lan, digest, data, length=700).head["held"] == 700, "told again, nothing changes"
    assert put(lan, digest, data, 100, length=200).head["held"] == 700, "what is there is passed over"
    assert put(lan, digest, data, 600, length=300).head["held"] == 900, "of what overlaps the new part counts"
    assert put(lan, digest, data, 1000, length=300).head["held"] == 900
    assert put(lan, digest, data, 900, size=size + 5, length=10).head["held"] == 0, "another size, not from the start"
    assert ask(lan, Ask((digest,))).head["files"][digest] == [900, 0]
    assert put(lan, digest, data, size=size + 5, length=10).head["held"] == 10, "another size from the start begins anew"
    assert put(lan, digest, data, length=size).head == {"held": size, "whole": 1}
    assert put(lan, digest, data[::-1]).head == {"held": size, "whole": 1}, "what is whole stays as it is"
    assert given(lan, digest) == data


def test_what_is_not_what_its_hash_says_is_dropped_whole(lan: HandDevice) -> None:
    data = bare(3, (200, 200))
    digest = names(lan, data)
    assert put(lan, digest, data[:-1] + b"\0").code == "file_wrong_hash"
    assert ask(lan, Ask((digest,))).head["files"][digest] == [0, 0]
    assert put(lan, digest, data).head["whole"] == 1


@pytest.mark.parametrize(("field", "data"), [
    ("photos", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("photos", b"\xff\xd8\xff\xe1\0\x0aExif\0\0\0\0\xff\xd9"),
    ("photos", bare(4, (60, 60)) + b"<script>alert(1)</script>"), ("photos", b"%PDF-1.4 mau"), ("attachments", b"<html><script>1</script>"),
    ("attachments", b"MZ\x90\0 a program"), ("attachments", b"PK\x03\x04" + b"\0" * 60),
], ids=["svg", "exif", "polyglot", "pdf", "html", "exe", "zip"])  # fmt: skip
def test_b14_the_server_looks_at_what_came_itself(lan: HandDevice, field: str, data: bytes) -> None:
    digest = names(lan, data, field)
    assert put(lan, digest, data).code == "file_not_fit"
    assert ask(lan, Get(digest, 0, 10)).code == "file_not_here"


def test_a_file_has_a_largest_size(lan: HandDevice) -> None:
    digest = names(lan, b"%PDF-large", "attachments")
    assert put(lan, digest, b"%PDF", size=MOST_BYTES + SEALED_FILE_EXTRA + 1).code == "file_too_large"


def test_t05_what_is_of_another_unit_does_not_exist(lan: HandDevice, thu: HandDevice) -> None:
    data = bare(5, (200, 200))
    digest = names(lan, data)
    assert put(lan, digest, data).head["whole"] == 1
    assert ask(thu, Ask((digest,))).head == {"files": {}}
    never = "1" * 64
    for asks, other in ((Get(digest, 0, 10), Get(never, 0, 10)), (Put(digest, 0, 4, b"abcd"), Put(never, 0, 4, b"abcd"))):
        assert ask(thu, asks) == ask(thu, other) and ask(thu, asks).code == "not_found"
    assert ask(thu, Ask((digest, never))).head == {"files": {}}


@pytest.mark.parametrize(("more", "field", "good"), [
    ({"g": UNIT}, "photos", True), ({"g": UNIT}, "attachments", True), ({"y": "no_such_type"}, "photos", True), ({}, "no_such_field", True),
    ({"g": UNIT}, "photos", False), ({"y": "no_such_type"}, "photos", False),
])  # fmt: skip
def test_the_file_of_a_line_that_was_set_aside_is_taken_from_its_writer_and_seen_by_nobody(
    lan: HandDevice, thu: HandDevice, more: dict[str, Any], field: str, good: bool
) -> None:  # fmt: skip
    seed = hashlib.sha256(f"{more} {field}".encode()).digest()[0]
    data = bare(200 + seed, (90, 80)) if good else b"MZ\x90\0 a program" + bytes([seed])
    digest = hashlib.sha256(data).hexdigest()
    value = {"name": "a.jpg", "size": len(data), "mime": "image/jpeg"}
    told = thu.push([thu.line([{"p": f"{field}/{digest}", "k": "add", "v": value}], **more)])
    assert told["aside"] and ask(thu, Ask((digest,))).head == {"files": {digest: [0, 0]}}
    assert ask(lan, Ask((digest,))).head == {"files": {}} and put(lan, digest, data).code == "not_found"
    assert put(thu, digest, data).code == ("" if good else "file_not_fit")
    assert ask(thu, Ask((digest,))).head == {"files": {digest: [len(data), 1] if good else [0, 0]}}
    assert ask(thu, Get(digest, 0, 10)).code == "not_found" == ask(lan, Get(digest, 0, 10)).code
    if good:
        assert names(thu, data, "attachments", g="long_thuan") == digest and given(thu, digest) == data, "mended, it is there already"


def test_the_file_of_a_line_that_was_not_kept_is_not_taken_in_the_clear(lan: HandDevice) -> None:
    case, key = new_record_id(), new_key()
    clear = bare(9, (100, 100))
    digest = hashlib.sha256(clear).hexdigest()
    line = lan.line([{"p": f"attachments/{digest}", "k": "add", "v": {"name": "a.jpg", "size": 9, "mime": "image/jpeg"}}], r=case, y="gbv_case")
    assert lan.push([line])["aside"] and ask(lan, Ask((digest,))).head == {"files": {}} and put(lan, digest, clear).code == "not_found"
    sealed = seal_file(key, case, clear)
    digest = hashlib.sha256(sealed).hexdigest()
    line = lan.line([{"p": f"attachments/{digest}", "k": "add", "b": "A" * 43}], r=case, y="gbv_case", g="long_thuan")
    assert lan.push([line])["aside"] and put(lan, digest, clear).code == "file_wrong_hash" and put(lan, digest, sealed).head["whole"] == 1


def test_a_device_garbles_nobody_elses_upload(office: Office, lan: HandDevice) -> None:
    data, other = bare(7, (300, 200)), device_of(office, "Mai")
    digest = names(lan, data)
    assert put(other, digest, b"\xff" * 1000, size=len(data), length=1000).head == {"held": 1000, "whole": 0}
    assert put(lan, digest, data, length=1000).head["held"] == 1000
    assert put(lan, digest, data, 1000).head == {"held": len(data), "whole": 1}
    assert put(other, digest, b"\xff" * 1000, size=len(data), length=1000).head == {"held": len(data), "whole": 1}
    assert given(other, digest) == data, "whoever sees the record sees its photo"


def test_who_is_not_the_device_is_refused(lan: HandDevice) -> None:
    right = seal_request(lan.id, lan.mac_key, Ask(()))
    for body, code in ((right + b"x", "wrong_mac"), (right.replace(lan.id.encode(), b"A" * 11), "unknown_device"), (b"hello", "not_a_message"), (b"", "not_a_message")):
        assert lan.post("/api/files", body, CONTENT_TYPE).problem["code"] == code
    assert lan.post("/api/files", right, "text/plain").problem["code"] == "wrong_content_type"


def test_a_confidential_file_is_sealed_for_its_case_or_not_taken(lan: HandDevice) -> None:
    case, key = new_record_id(), new_key()
    clear, foreign, right = bare(8, (100, 100)), seal_file(key, new_record_id(), bare(8, (100, 100))), seal_file(key, case, bare(8, (100, 100)))
    for data, code in ((clear, "file_not_fit"), (foreign, "file_not_fit"), (right, "")):
        digest = hashlib.sha256(data).hexdigest()
        operation = {"p": f"attachments/{digest}", "k": "add", "b": "A" * 43}
        assert "aside" not in lan.push([lan.line([operation], y="gbv_case", r=case)])
        assert put(lan, digest, data).code == code
