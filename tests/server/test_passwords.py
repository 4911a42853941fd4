"""Passwords: long enough, hashed by argon2id, with a growing wait."""

from __future__ import annotations

import pytest

from server.passwords import LONGEST, LONGEST_WAIT_S, check_password, hash_password, verify_password, wait_s
from shared.errors import SenError


@pytest.mark.parametrize(("password", "code"), [
    ("ngắn quá", "password_short"), ("aaaaaaaaaaaaaaaaaa", "password_simple"), ("đây là LAN.tran 2022", "password_simple"),
    ("x" * (LONGEST + 1), "too_long"),
])  # fmt: skip
def test_a_weak_password_is_refused(password: str, code: str) -> None:
    with pytest.raises(SenError) as told:
        check_password(password, "lan.tran")
    assert told.value.code == code


def test_t09_a_hash_is_argon2id_and_opens_for_its_password_alone() -> None:
    check_password("sen hồng bên sông Tiền", "lan")
    hashed = hash_password("sen hồng bên sông Tiền")
    assert hashed.startswith("$argon2id$")
    assert verify_password(hashed, "sen hồng bên sông Tiền")
    assert not verify_password(hashed, "sen hồng bên sông tiền")
    assert not verify_password(None, "a password that nobody has")
    assert not verify_password("broken", "x")


def test_the_wait_grows_and_ends_growing() -> None:
    waits = [wait_s(wrong) for wrong in range(1000)]
    assert waits[:5] == [0] * 5
    assert waits[5:9] == [2, 4, 8, 16]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
