"""Identifiers that a device makes by itself."""

from __future__ import annotations

import pytest

from shared.ids import RECORD_ID, SHORT_ID, b64, new_id, new_record_id, unb64


def test_ids_have_their_form_and_do_not_repeat() -> None:
    short, records = [new_id() for _ in range(2_000)], [new_record_id() for _ in range(2_000)]
    assert all(SHORT_ID.fullmatch(one) for one in short) and len(set(short)) == 2_000
    assert all(RECORD_ID.fullmatch(one) for one in records) and len(set(records)) == 2_000
    assert records == sorted(records)


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe", b"abc", bytes(range(256))])
def test_base64url(data: bytes) -> None:
    text = b64(data)
    assert unb64(text) == data and not set(text) & set("+/=")


@pytest.mark.parametrize("text", ["YQ==", "a", "Y!", "+/aa", "ÿa", "YR", "YQ\n"])
def test_what_is_no_base64url(text: str) -> None:
    with pytest.raises(ValueError):
        unb64(text)
