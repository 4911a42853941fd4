"""Bundles as bytes: what a changed, cut, foreign or future file does, and what a finder learns from one."""

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import SenError
from shared.sealing import BoxKeys, open_bytes
from sync import over_file
from sync.errors import FrameFault
from sync.over_file import (
    SIZES,
    SUFFIX,
    Gathering,
    Head,
    Part,
    Sender,
    file_name,
    key_mark,
    open_part,
    read_head,
    write_bundle,
)
from tests.support.bundles import SigningKeys

RECEIVER = BoxKeys.new()
KEYS = SigningKeys.new()
SENDER = Sender.of("AAAAbbbb111", KEYS.private)
SMALL = SIZES[0]


def key_of(sender: str) -> bytes:
    if sender != SENDER.id:
        raise FrameFault("unknown_device")
    return KEYS.public


def written(*messages: bytes, largest: int = SIZES[-1]) -> list[bytes]:
    return write_bundle(SENDER, RECEIVER.public, messages, largest=largest)


def opened(data: bytes, keys: BoxKeys = RECEIVER) -> Part:
    return open_part(data, keys, key_of)


def refusal(deed: Callable[[], object]) -> SenError:
    with pytest.raises(SenError) as caught:
        deed()
    return caught.value


def code_of(deed: Callable[[], object]) -> str:
    return refusal(deed).code


def gathered(parts: list[bytes]) -> Gathering:
    gathering = Gathering()
    for part in parts:
        gathering.add(opened(part))
    return gathering


def test_what_was_written_is_read() -> None:
    messages = [b"one", b"", bytes(range(256)) * 100]
    gathering = gathered(written(*messages))
    assert gathering.messages() == messages and gathering.missing == [] and gathering.sender == SENDER.id


@pytest.mark.parametrize("seed", range(5))
def test_f47_parts_in_any_order_and_twice(seed: int) -> None:
    message = random.Random(seed).randbytes(5 * SMALL)
    parts = written(message, b"last", largest=SMALL)
    assert len(parts) == 6
    mixed = parts * 2
    random.Random(seed).shuffle(mixed)
    gathering = Gathering()
    new = [gathering.add(opened(part)) for part in mixed]
    assert sum(new) == len(parts)
    assert gathering.messages() == [message, b"last"]


def test_f47_missing_parts_are_named() -> None:
    parts = written(bytes(5 * SMALL), largest=SMALL)
    gathering = gathered([parts[4], parts[0], parts[2]])
    assert gathering.missing == [2, 4, 6]
    assert "2, 4, 6" in refusal(gathering.messages).text("vi")
    assert code_of(Gathering().messages) == "bundle_incomplete"


def test_f47_parts_of_two_bundles_do_not_mix() -> None:
    one, other = written(bytes(2 * SMALL), largest=SMALL), written(bytes(2 * SMALL), largest=SMALL)
    gathering = gathered(one[:1])
    assert code_of(lambda: gathering.add(opened(other[1]))) == "bundle_damaged"


def test_f47_a_bundle_for_another_is_refused_in_plain_words() -> None:
    with pytest.raises(FrameFault) as caught:
        opened(written(b"x")[0], BoxKeys.new())
    assert caught.value.code == "bundle_for_another"
    assert "khác" in caught.value.text("vi") and "another" in caught.value.text("en")


def test_b19_a_bit_changed_at_any_byte_is_refused_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = written(b"a message")[0]
    decrypted: list[int] = []

    def watched(key: bytes, sealed: bytes, bound: bytes) -> bytes:
        decrypted.append(len(sealed))
        return open_bytes(key, sealed, bound)

    monkeypatch.setattr(over_file, "open_bytes", watched)
    opened(whole)
    assert len(decrypted) == 1  # the watch sees what is opened
    bits = random.Random(1)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << bits.randrange(8)
        code = code_of(lambda changed=changed: opened(bytes(changed)))  # type: ignore[misc]
        wanted = {"not_a_bundle", "bundle_from_future"} if at < 5 else {"bundle_for_another"} if at < 13 else {"bundle_damaged"}
        assert code in wanted, (at, code)
    assert len(decrypted) == 1, "a piece was opened before its signature held"


def test_b19_a_file_cut_at_any_byte_or_longer_is_refused() -> None:
    whole = written(b"a message")[0]
    for length in range(len(whole)):
        code = code_of(lambda length=length: opened(whole[:length]))  # type: ignore[misc]
        assert code == ("not_a_bundle" if length < 5 else "bundle_damaged"), length
    assert code_of(lambda: opened(whole + b"\0")) == "bundle_damaged"
    assert code_of(lambda: opened(whole + bytes(3 * len(whole)))) == "bundle_damaged"


def test_b19_a_wrong_key_gives_one_error_whatever_is_inside() -> None:
    other = BoxKeys.new()
    told = set()
    for message in (b"x", bytes(SMALL), b"sen1 other"):
        forged = bytearray(written(message)[0])
        forged[5:13] = key_mark(other.public)
        told.add(refusal(lambda forged=forged: opened(bytes(forged), other)).text("vi"))  # type: ignore[misc]
    assert len(told) == 1


def test_b19_a_stranger_may_seal_but_not_sign() -> None:
    stranger = SigningKeys.new()
    claimed = write_bundle(Sender.of(SENDER.id, stranger.private), RECEIVER.public, [b"x"])
    assert code_of(lambda: opened(claimed[0])) == "bundle_damaged"
    named = write_bundle(Sender.of("zzzz0000111", stranger.private), RECEIVER.public, [b"x"])
    assert code_of(lambda: opened(named[0])) == "unknown_device"


def test_b19_a_version_from_the_future_says_to_update() -> None:
    whole = bytearray(written(b"x")[0])
    whole[4] = 2
    error = refusal(lambda: opened(bytes(whole)))
    assert error.code == "bundle_from_future" and "cập nhật" in error.text("vi").lower()


@pytest.mark.parametrize("data", [b"", b"SEN", b"PK\x03\x04", b"sen1 AAAA AAAA\n{}", bytes(4096), b"SENB\0" + bytes(4091)])
def test_b19_what_is_no_bundle_is_said_to_be_none(data: bytes) -> None:
    assert code_of(lambda: opened(data)) == "not_a_bundle"


def test_b19_a_bundle_in_a_zip_in_a_zip_is_no_bundle() -> None:
    data = written(b"x")[0]
    for _ in range(2):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("sen.senb", data)
        data = packed.getvalue()
        assert code_of(lambda data=data: opened(data)) == "not_a_bundle"  # type: ignore[misc]


def test_b19_an_announced_length_is_not_believed() -> None:
    for content in (b"m\0\0\0\xff" + b"short", b"m\0"):
        head = Head(b"", "", 1, 1)
        gathering = Gathering()
        gathering.add(Part(head, SENDER.id, content))
        assert code_of(gathering.messages) == "bundle_damaged"


def test_entries_of_a_later_kind_are_passed_over() -> None:
    gathering = Gathering()
    gathering.add(Part(Head(b"", "", 1, 1), SENDER.id, b"f\0\0\0\x02??" + b"m\0\0\0\x01x"))
    assert gathering.messages() == [b"x"]


def test_t10_names_and_sizes_say_nothing() -> None:
    for length in (0, 1, 3000, SMALL, 20_000, 300_000):
        for part in written(bytes(length)):
            assert len(part) in SIZES
            assert SENDER.id.encode() not in part
            head = read_head(part)
            assert file_name(head) == f"sen-{head.bundle[:6]}-{head.number}-{head.parts}{SUFFIX}"
    one, other = written(b"the same")[0], written(b"the same")[0]
    same = [at for at in range(13, SMALL - 7) if one[at : at + 8] == other[at : at + 8]]
    assert len(one) == len(other) and 29 in same and all(22 <= at <= 36 for at in same), "but for their numbers two bundles of one content have nothing in common"


def test_p08_no_word_of_the_content_stands_in_a_bundle() -> None:
    planted = "NGUYỄN THỊ ĐÁNH DẤU".encode()
    parts = written(planted * 50, largest=SMALL)
    assert all(planted not in part and planted[:8] not in part for part in parts)


def test_a_bundle_of_version_1_that_was_kept_is_read() -> None:
    folder = Path(__file__).parent / "data"
    keys = SigningKeys.of(bytes(range(32)))
    receiver = BoxKeys.from_private(bytes(range(32, 64)))
    gathering = Gathering()
    for name in ("bundle-1-of-2.senb", "bundle-2-of-2.senb"):
        gathering.add(open_part((folder / name).read_bytes(), receiver, lambda sender: keys.public))
    assert gathering.sender == "AAAAbbbb111"
    assert gathering.messages() == [b"the first message", bytes(range(256)) * 16]


def test_a_bundle_of_any_size_is_split_into_parts_that_a_chat_app_takes() -> None:
    messages = [random.Random(seed).randbytes(1_500_000) for seed in range(7)]
    parts = written(*messages)
    assert [len(part) for part in parts] == [SIZES[-1]] * 3
    parts.reverse()
    assert gathered(parts).messages() == messages
