"""Sealing: what was sealed opens with its key in its place, and every other attempt is one and the same error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SenError
from shared.ids import new_record_id
from shared.sealing import (
    KEY_BYTES,
    BoxKeys,
    agree,
    derive,
    key_from_pin,
    key_id_of,
    new_key,
    new_salt,
    open_box,
    open_bytes,
    open_value,
    seal_box,
    seal_bytes,
    seal_value,
)  # fmt: skip

CASE, RECORD, OTHER = "01890a5d-ac96-774b-bcce-b302099a8057", new_record_id(), new_record_id()
KEY = new_key()
NAME = "Nguyễn Thị Mẫu"


def refused(attempt: Callable[[], Any]) -> tuple[str, str, str]:
    """The error of an attempt, as far as anybody can tell errors apart."""
    with pytest.raises(SenError) as told:
        attempt()
    assert told.value.__cause__ is None and told.value.context == {}
    return told.value.code, told.value.text("vi"), told.value.text("en")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_what_is_sealed_opens_unchanged(value: Any) -> None:
    assert open_value(KEY, seal_value(KEY, CASE, RECORD, "full_name", value), RECORD, "full_name") == value


def test_a_blob_shows_nothing_but_the_id_of_its_key() -> None:
    blob = seal_value(KEY, CASE, RECORD, "full_name", NAME)
    assert blob[:1] == b"\x01" and key_id_of(blob) == CASE
    assert NAME.encode() not in blob and RECORD.encode() not in blob and b"full_name" not in blob


def test_the_same_value_never_gives_the_same_blob() -> None:
    blobs = {seal_value(KEY, CASE, RECORD, "full_name", NAME) for _ in range(500)}
    assert len(blobs) == len({blob[17:29] for blob in blobs}) == 500


def test_every_failure_is_one_and_the_same_error() -> None:
    blob = seal_value(KEY, CASE, RECORD, "full_name", NAME)
    head = blob[:17]
    no_json = head + seal_bytes(KEY, b"NaN", head + f"{RECORD}|full_name".encode())
    no_utf8 = head + seal_bytes(KEY, b"\xff", head + f"{RECORD}|full_name".encode())
    too_deep = head + seal_bytes(KEY, b"[" * 100_000, head + f"{RECORD}|full_name".encode())
    attempts: list[Callable[[], Any]] = [
        lambda: open_value(new_key(), blob, RECORD, "full_name"),
        lambda: open_value(KEY[:16], blob, RECORD, "full_name"),
        lambda: open_value(b"short", blob, RECORD, "full_name"),
        lambda: open_value(KEY, blob, OTHER, "full_name"),
        lambda: open_value(KEY, blob, RECORD, "phone"),
        lambda: open_value(KEY, blob[:1] + b"\0" * 16 + blob[17:], RECORD, "full_name"),
        lambda: open_value(KEY, b"", RECORD, "full_name"),
        lambda: open_value(KEY, b"\x01", RECORD, "full_name"),
        lambda: open_value(KEY, b"\x02" + blob[1:], RECORD, "full_name"),
        lambda: key_id_of(b"\x01" + b"\0" * 28),
        lambda: open_value(KEY, no_json, RECORD, "full_name"),
        lambda: open_value(KEY, no_utf8, RECORD, "full_name"),
        lambda: open_value(KEY, too_deep, RECORD, "full_name"),
        lambda: open_bytes(KEY, b"", b""),
        lambda: open_box(BoxKeys.new(), b"", b""),
        lambda: open_box(BoxKeys.new(), b"\0" * 100, b""),
        lambda: agree(KEY, b"\0" * 32),
        lambda: agree(KEY, b"short"),
    ]
    assert {refused(attempt) for attempt in attempts} == {refused(attempts[0])}


def test_a_flip_of_any_bit_and_any_cut_is_refused() -> None:
    blob = seal_value(KEY, CASE, RECORD, "full_name", "x")
    for place in range(len(blob)):
        spoilt = bytearray(blob)
        spoilt[place] ^= 1
        refused(lambda spoilt=spoilt: open_value(KEY, bytes(spoilt), RECORD, "full_name"))  # type: ignore[misc]
        refused(lambda place=place: open_value(KEY, blob[:place], RECORD, "full_name"))  # type: ignore[misc]


def test_what_no_json_can_hold_is_not_sealed() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            seal_value(KEY, CASE, RECORD, "full_name", value)
    with pytest.raises(ValueError, match="UUID"):
        seal_value(KEY, "not an id", RECORD, "full_name", "x")


def test_a_wrapped_key_opens_for_its_holder_alone() -> None:
    server, officer = BoxKeys.new(), BoxKeys.new()
    wrapped = seal_box(server.public, KEY, b"case")
    assert open_box(server, wrapped, b"case") == KEY and KEY not in wrapped
    assert seal_box(server.public, KEY, b"case") != wrapped
    assert refused(lambda: open_box(officer, wrapped, b"case")) == refused(lambda: open_box(server, wrapped, b"other"))
    for place in range(len(wrapped)):
        for bit in (0x01, 0x80):
            spoilt = wrapped[:place] + bytes([wrapped[place] ^ bit]) + wrapped[place + 1 :]
            refused(lambda spoilt=spoilt: open_box(server, spoilt, b"case"))  # type: ignore[misc]


def test_pairs_agree_and_keys_are_for_one_use() -> None:
    one, two = BoxKeys.new(), BoxKeys.new()
    assert agree(one.private, two.public) == agree(two.private, one.public)
    assert BoxKeys.from_private(one.private) == one and len(one.public) == KEY_BYTES
    secret = agree(one.private, two.public)
    assert derive(secret, b"mac") != derive(secret, b"wrap") and len(derive(secret, b"mac")) == KEY_BYTES


def test_x25519_and_hkdf_are_those_of_the_rfcs() -> None:
    """RFC 7748 § 6.1; RFC 5869 A.3 has no salt and no info, of which these are the first 32 bytes."""
    alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    bob = BoxKeys.from_private(bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    assert agree(bob.private, alice).hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert bob.public.hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert derive(b"\x0b" * 22, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_a_key_from_a_pin_needs_pin_salt_and_cost() -> None:
    salt = new_salt()
    key = key_from_pin("246810", salt, memory_kib=64, passes=1)
    assert key == key_from_pin("246810", salt, memory_kib=64, passes=1) and len(key) == KEY_BYTES
    others = {
        key_from_pin("246811", salt, memory_kib=64, passes=1), key_from_pin("246810", new_salt(), memory_kib=64, passes=1),
        key_from_pin("246810", salt, memory_kib=128, passes=1), key_from_pin("246810", salt, memory_kib=64, passes=2),
    }  # fmt: skip
    assert key not in others and len(others) == 4
    assert len(key_from_pin("246810", salt)) == KEY_BYTES
