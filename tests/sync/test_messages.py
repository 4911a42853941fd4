"""The envelope and its frame: what is not whole or not genuine is refused and applies nothing."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from sync.errors import FrameFault
from sync.messages import (
    Run,
    open_message,
    read_rows,
    read_runs,
    run_mac,
    seal_message,
    write_run,
)
from sync.packing import BY_DICTIONARY, DICTIONARY, ZSTANDARD, unpack, zstd

KEY = b"k" * 32
DEVICE = "AAAAAAAAAAA"


def sealed(head: dict[str, object], *lines: bytes) -> bytes:
    return seal_message(DEVICE, KEY, head, lines)


def code_of(data: bytes) -> str:
    with pytest.raises(FrameFault) as fault:
        open_message(data, lambda device: KEY)
    assert fault.value.text("vi") != fault.value.code and fault.value.text("en") != fault.value.text("vi")
    return fault.value.code


def with_payload(payload: bytes) -> bytes:
    """A message with any payload under a right MAC."""
    from sync.messages import _mac

    return b"sen1 %s %s\n%s" % (DEVICE.encode(), _mac(KEY, payload), payload)


@pytest.mark.parametrize("size", [1, 5_000])
def test_a_message_comes_back_as_it_was(size: int) -> None:
    lines = [("ế" * size).encode(), b"{}"]
    opened = open_message(sealed({"q": 1}, *lines), lambda device: KEY)
    assert (opened.device, opened.head, list(opened.lines)) == (DEVICE, {"q": 1}, lines)


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_long_payload_is_packed(size: int) -> None:
    message = sealed({"q": 1}, b"a" * size, b"{}")
    assert len(message) < 500 and message.split(b"\n", 1)[1].startswith(ZSTANDARD)
    assert [len(line) for line in open_message(message, lambda device: KEY).lines] == [size, 2]


def test_gzip_is_read_too() -> None:
    assert list(open_message(with_payload(gzip.compress(b'{"q":1}\nline')), lambda device: KEY).lines) == [b"line"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_message"),
        (b"<html>wifi</html>\n", "not_a_message"),
        (b"sen9 AAAAAAAAAAA x\n{}", "update_server"),
        (b"sen0 AAAAAAAAAAA x\n{}", "update_app"),
        (b"sen1 AAAAAAAAAAA wrong\n{}", "wrong_mac"),
    ],
)
def test_f08_what_is_no_message(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_b10_broken_packing() -> None:
    packed = gzip.compress(b'{"q":1}' + b"a" * 5_000)
    assert code_of(with_payload(packed[:-9])) == "broken_packing"
    assert code_of(with_payload(packed[:20] + b"\0\0\0\0" + packed[24:])) == "broken_packing"
    assert code_of(with_payload(packed + b"more")) == "broken_packing"


def test_b10_broken_zstandard() -> None:
    packed = zstd.compress(b'{"q":1}' + b"a" * 5_000)
    for end in range(4, len(packed)):
        assert code_of(with_payload(packed[:end])) == "broken_packing"
    assert code_of(with_payload(packed[:4] + b"\xff\xff\xff" + packed[7:])) == "broken_packing"
    assert code_of(with_payload(packed + b"more")) == "broken_packing"


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_b03_a_bomb_is_counted_while_it_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    assert code_of(with_payload(pack(b"0" * (65 * 1024 * 1024)))) == "message_too_large"


def test_b03_a_frame_that_asks_for_a_wide_window_is_refused() -> None:
    wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    packed = wide.compress(bytes(20 << 20)) + wide.compress(b"end", wide.FLUSH_FRAME)
    assert code_of(with_payload(packed)) == "broken_packing"


def test_a_short_payload_is_packed_with_the_dictionary_and_cut_or_changed_is_refused() -> None:
    message = sealed({"q": 7, "c": {"hong_ngu": "AAAAAAAAAJY"}, "page": 1441792}, b"line")
    payload = message.split(b"\n", 1)[1]
    assert payload[:1] == BY_DICTIONARY and len(payload) < 45
    assert code_of(with_payload(payload[:-4])) == "broken_packing"
    assert code_of(with_payload(payload + b"more")) == "broken_packing"
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=DICTIONARY)
    assert code_of(with_payload(BY_DICTIONARY + bomb.compress(bytes(65 << 20)) + bomb.flush())) == "message_too_large"


def test_an_answer_names_no_device() -> None:
    answer = seal_message("", KEY, {"q": 1})
    assert answer.startswith(b"sen1 ") and answer.count(b" ") == 1
    assert open_message(answer, lambda device: KEY if not device else b"").head == {"q": 1}


@pytest.mark.parametrize("head", [b"[]", b"1", b"{", b"\xff"])
def test_b02_a_head_that_is_no_object(head: bytes) -> None:
    assert code_of(with_payload(head)) == "bad_head"


def test_every_bit_of_an_envelope_counts() -> None:
    data = sealed({"q": 1}, b"line")
    for index in range(len(data)):
        changed = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
        with pytest.raises(FrameFault):
            open_message(changed, lambda device: KEY if device == DEVICE else b"other")


def test_runs_are_read_as_written() -> None:
    run = Run("LLLLLLLLLLL", 3, b"b" * 32, [b"{}", b'{"n":4}'], [[5, 2]], b"m" * 16)
    runs, rest = read_runs({"runs": [write_run(run)]}, [*run.lines, b"behind"])
    assert runs == [run] and list(rest) == [b"behind"]


@pytest.mark.parametrize(
    "announced", [[["LLLLLLLLLLL", 1, "", 3]], [["short", 1, "", 1]], [["LLLLLLLLLLL", 0, "", 1]], [["LLLLLLLLLLL", 1, "=", 1]], [7], 7, [[1, 2, 3, 4]]]
)
def test_announcements_that_do_not_fit(announced: object) -> None:
    with pytest.raises(FrameFault):
        read_runs({"runs": announced}, [b"{}"])


def test_rows_that_are_missing() -> None:
    with pytest.raises(FrameFault):
        read_rows({"blobs": 2}, "blobs", [b"[]"])
    with pytest.raises(FrameFault):
        read_rows({"blobs": 1}, "blobs", [b"{"])


def test_the_proof_of_a_run_holds_each_of_its_parts() -> None:
    run = Run("LLLLLLLLLLL", 3, b"b" * 32, [b"{}"], [[5, 1]])
    others = [
        replace(run, first=4), replace(run, before=b"c" * 32), replace(run, lines=[b"{ }"]), replace(run, arrivals=[[6, 1]]), replace(run, log="KKKKKKKKKKK"),
    ]  # fmt: skip
    proofs = {run_mac(KEY, one) for one in (run, *others)} | {run_mac(b"other", run)}
    assert len(proofs) == 7


def test_a_line_that_is_not_sent_stands_as_its_hash() -> None:
    from shared.ids import b64
    from sync.log import line_hash

    whole = Run("LLLLLLLLLLL", 1, b"b" * 32, [b'{"n":1}', b'{"n":2}'])
    thinned = replace(whole, lines=[b64(line_hash(b'{"n":1}')).encode(), b'{"n":2}'])
    assert thinned.end() == whole.end()


def test_json_is_compact() -> None:
    assert unpack(sealed({"q": 1, "c": {}}).split(b"\n", 1)[1]) == b'{"q":1,"c":{}}'
