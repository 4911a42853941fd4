"""Wrong messages and wrong lines of an enrolled device, each with what it is answered: code and words in both languages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

from sync.messages import seal_message
from sync.packing import unpack, zstd
from tests.support.device import HandDevice
from tests.support.marks import NAME

GOOD = [{"p": "unit", "v": "long_khanh_a"}, {"p": "title", "v": "Truyền thông (dữ liệu mẫu)"}, {"p": "held_on", "v": "2022-05-20"}]


def _repack(message: bytes, device: HandDevice, change: Callable[[bytes], bytes]) -> bytes:
    """A message whose payload was changed by who knows the key: only what is inside is wrong."""
    return device.packed(change(message.split(b"\n", 1)[1]))


def pushed(device: HandDevice, count: int = 3, **options: Any) -> bytes:
    lines = [device.line([*GOOD, {"p": "note", "v": f"{NAME} {'x' * 300}"}], offset=number) for number in range(1, count + 1)]
    return device.request(lines, **options)


def _broken_zstandard(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: payload[:4] + b"\xff\xff\xff" + payload[7:])


def _cut_zstandard(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: payload[:-9])


def _broken_gzip(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: gzip.compress(unpack(payload))[:60] + b"\xff\xff\xff" + b"x" * 60)


def _cut_message(device: HandDevice) -> bytes:
    message = pushed(device)
    return message[: len(message) // 2]


def _lines_missing(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: gzip.compress(unpack(payload).rsplit(b"\n", 1)[0]))


def _broken_head(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: b'{"q": 1, "runs": [' + NAME.encode())


def _deep_head(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: b'{"q":' + b"[" * 200_000)


def _huge_line(device: HandDevice) -> bytes:
    return device.request([device.line([{"p": "note", "v": NAME + "a" * 20_000_000}])])


def _gzip_bomb(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: gzip.compress(b"a" * (80 << 20)))


def _zstandard_bomb(device: HandDevice) -> bytes:
    return _repack(pushed(device), device, lambda payload: zstd.compress(b"a" * (80 << 20)))


def _alien(device: HandDevice) -> bytes:
    return seal_message("AAAAAAAAAAA", device.mac_key, {"q": 1, "name": NAME})


def _wrong_blob(device: HandDevice) -> bytes:
    line = device.line([{"p": "alias", "b": "A" * 43}], y="gbv_case")
    run = [device.log, 1, "A" * 43, 1]
    head = {"q": 1, "page": 0, "runs": [run], "blobs": 1}
    return seal_message(device.id, device.mac_key, head, [line, json.dumps(["A" * 43, "AAAA"]).encode()])


FRAMES: Mapping[str, tuple[Callable[[HandDevice], bytes], int, str, str, str]] = {
    "broken Zstandard": (_broken_zstandard, 400, "broken_packing", "Đồng bộ lại", "Sync again"),
    "broken gzip": (_broken_gzip, 400, "broken_packing", "Đồng bộ lại", "Sync again"),
    "Zstandard cut short": (_cut_zstandard, 400, "broken_packing", "Đồng bộ lại", "Sync again"),
    "body cut short": (_cut_message, 401, "wrong_mac", "đồng bộ lại", "sync again"),
    "lines missing": (_lines_missing, 400, "message_cut", "Đồng bộ lại", "Sync again"),
    "broken JSON": (_broken_head, 400, "bad_head", "cập nhật ứng dụng", "Update the app"),
    "a deep nest": (_deep_head, 400, "bad_head", "cập nhật ứng dụng", "Update the app"),
    "a 20 MB line": (_huge_line, 413, "message_too_large", "Cập nhật ứng dụng", "Update the app"),
    "a bomb of gzip": (_gzip_bomb, 413, "message_too_large", "Cập nhật ứng dụng", "Update the app"),
    "a bomb of Zstandard": (_zstandard_bomb, 413, "message_too_large", "Cập nhật ứng dụng", "Update the app"),
    "a chain that does not follow": (lambda d: pushed(d, before=b"x" * 32), 409, "wrong_chain", "Đồng bộ lại", "Sync again"),
    "a number that skips": (lambda d: pushed(d, first=4), 409, "log_gap", "chờ số 1", "expects number 1"),
    "a sealed value that is not that of its hash": (_wrong_blob, 400, "wrong_blob", "Đồng bộ lại", "Sync again"),
    "no message at all": (lambda d: b"<html>" + NAME.encode(), 400, "not_a_message", "Kiểm tra địa chỉ", "Check the server's address"),
    "another version": (lambda d: b"sen2 x y\n" + NAME.encode(), 409, "update_server", "cập nhật máy chủ", "Ask the administrator to update"),
    "an unknown device": (_alien, 401, "unknown_device", "Đăng ký lại", "Enrol again"),
    "nothing": (lambda d: b"", 400, "not_a_message", "Kiểm tra địa chỉ", "Check the server's address"),
}  # fmt: skip


def _bytes(device: HandDevice, old: bytes, new: bytes, **members: Any) -> bytes:
    """A right line, the second of its run, with bytes in the place of others."""
    line = device.line([{"p": "note", "v": "#"}], offset=2, **members)
    assert line.count(old) == 1
    return line.replace(old, new)


def _value(path: str, value: Any, **members: Any) -> Callable[[HandDevice], bytes]:
    return lambda device: device.line([{"p": "title", "v": NAME}, {"p": path, "v": value}], offset=2, **members)


MARK = NAME.encode()
LINES: Mapping[str, tuple[Callable[[HandDevice], bytes], str, str, str]] = {
    "broken JSON": (lambda d: b"{" + MARK, "not_json", "ghi lại", "enter it again"),
    "no object": (lambda d: b"[1]", "not_an_object", "ghi lại", "enter it again"),
    "a deep nest": (lambda d: _bytes(d, b'"#"', b"[" * 100_000 + b"]" * 100_000), "too_deep", "ghi lại", "enter it again"),
    "a nest of 40": (lambda d: _bytes(d, b'"#"', b"[" * 40 + b"]" * 40), "too_deep", "ghi lại", "enter it again"),
    "NaN": (lambda d: _bytes(d, b'"#"', b"NaN"), "not_a_number", "Nhập lại", "Enter it again"),
    "infinity": (lambda d: _bytes(d, b'"#"', b"-Infinity"), "not_a_number", "Nhập lại", "Enter it again"),
    "invalid UTF-8": (lambda d: _bytes(d, b'"#"', b'"' + MARK + b'\xff"'), "not_utf8", "ghi lại", "enter it again"),
    "half a surrogate pair": (lambda d: _bytes(d, b'"#"', b'"\\ud800"'), "bad_text", "Gõ lại", "Type it again"),
    "NUL": (lambda d: _bytes(d, b'"#"', b'"\\u0000"'), "bad_text", "Gõ lại", "Type it again"),
    "a key twice": (lambda d: _bytes(d, b'{"n":', b'{"n":2,"n":'), "key_twice", "ghi lại", "enter it again"),
    "a line of 300 KB": (_value("note", "a" * 300_000), "line_too_long", "Rút ngắn", "Shorten it"),
    "an unknown type": (_value("title", NAME, y="no_such_type"), "unknown_type", "báo cho huyện", "tell the district"),
    "an unknown field": (_value("no_such_field", NAME), "unknown_field", "báo cho huyện", "tell the district"),
    "an unknown unit": (_value("title", NAME, g="atlantis"), "unknown_unit", "Chọn đơn vị khác", "Choose another"),
    "a text where a number belongs": (_value("participants_total", NAME), "wrong_kind", "Nhập lại", "Enter it again"),
    "a number where a text belongs": (_value("title", 5), "wrong_kind", "Nhập lại", "Enter it again"),
    "true where a number belongs": (_value("participants_total", True), "wrong_kind", "Nhập lại", "Enter it again"),
    "31/02": (_value("held_on", "2022-02-31"), "not_a_date", "ngày/tháng/năm", "day/month/year"),
    "a text for a file": (
        lambda d: d.line([{"k": "add", "p": "attachments/" + "a" * 64, "v": NAME}], offset=2), "wrong_kind", "Nhập lại", "Enter it again",
    ),
    "confidential in the clear": (
        lambda d: d.line([{"p": "full_name", "v": NAME}], offset=2, y="gbv_case"), "not_sealed", "ghi lại", "enter it again",
    ),
}  # fmt: skip
