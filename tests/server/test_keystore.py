"""The key store: opened by its master key alone, and holding nothing in the clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.keystore import KeyStore, wrap_bound
from shared.errors import SenError
from shared.ids import b64, new_record_id, unb64
from shared.sealing import BoxKeys, agree, derive, new_key, open_box, seal_box


def opened(folder: Path) -> KeyStore:
    return KeyStore(folder / "keys.sqlite3", folder / "secret" / "master.key")


def test_f26_the_identity_stays_and_moves_with_its_two_files(tmp_path: Path) -> None:
    first, again = opened(tmp_path), opened(tmp_path)
    assert first.identity == again.identity
    assert (first.run_key, first.cookie_secret) == (again.run_key, again.cookie_secret)
    assert opened(tmp_path / "other").identity.id != first.identity.id


def test_t10_the_store_without_its_master_key_opens_nothing(tmp_path: Path) -> None:
    store, case = opened(tmp_path), new_record_id()
    key = store.new_case_key(case)
    master = tmp_path / "secret" / "master.key"
    secrets = [key, store.run_key, store.cookie_secret, store.identity.box.private, unb64(master.read_text("ascii").strip())]
    for path in tmp_path.glob("keys.sqlite3*"):
        data = path.read_bytes()
        assert not [one for one in secrets if one in data or b64(one).encode() in data]
    text = master.read_text("ascii")
    master.unlink()
    with pytest.raises(SenError, match="master_key_missing"):
        opened(tmp_path)
    assert not master.exists(), "no new master key is made over an old store"
    for wrong in (b64(new_key()), "short", text[:-3]):
        master.write_text(wrong, "ascii")
        with pytest.raises(SenError, match="master_key_wrong"):
            opened(tmp_path)
    master.write_text(text, "ascii")
    assert opened(tmp_path).case_key(case) == key


def test_a_case_key_travels_in_wraps_and_only_the_first_counts(tmp_path: Path) -> None:
    store, officer, case, key = opened(tmp_path), BoxKeys.new(), new_record_id(), new_key()
    own = store.identity

    def wrapped(one: bytes) -> str:
        return b64(seal_box(own.box.public, one, wrap_bound(case)))

    assert store.keep_wraps([(case, own.id, wrapped(key)), (case, "somebody-el", "x")]) == 0
    assert store.keep_wraps([(case, own.id, wrapped(new_key()))]) == 0
    assert store.case_key(case) == key
    (row,) = store.wrap_for([case, new_record_id()], "officer-id-", officer.public)
    assert row[:2] == (case, "officer-id-")
    assert open_box(officer, unb64(row[2]), wrap_bound(case)) == key


@pytest.mark.parametrize("wrapped", ["", "!!", "AAAA", b64(b"x" * 92), "ế"])
def test_f42_a_wrap_that_cannot_be_opened_blocks_nothing(tmp_path: Path, wrapped: str) -> None:
    store, case, good, key = opened(tmp_path), new_record_id(), new_record_id(), new_key()
    rows = [(case, store.identity.id, wrapped), ("no uuid", store.identity.id, wrapped),
            (good, store.identity.id, b64(seal_box(store.identity.box.public, key, wrap_bound(good))))]  # fmt: skip
    assert store.keep_wraps(rows) == 2
    assert store.case_key(case) is None
    assert store.case_key(good) == key


def test_f25_an_erased_case_stays_erased(tmp_path: Path) -> None:
    store, case = opened(tmp_path), new_record_id()
    key = store.new_case_key(case)
    assert store.new_case_key(case) == key
    store.destroy_case_key(case, 7)
    for again in (store, opened(tmp_path)):
        assert again.case_key(case) is None
        again.keep_wraps([(case, again.identity.id, b64(seal_box(again.identity.box.public, key, wrap_bound(case))))])
        assert again.case_key(case) is None
        with pytest.raises(SenError, match="case_erased"):
            again.new_case_key(case)
        assert ("case", case, 7) in again.ended()


def test_the_mac_key_is_the_same_on_both_sides(tmp_path: Path) -> None:
    store, device = opened(tmp_path), BoxKeys.new()
    theirs = derive(agree(device.private, store.identity.box.public), b"sen-mac/1" + b"device-id--")
    assert store.mac_key("device-id--", device.public) == theirs
    assert store.mac_key("device-id-2", device.public) != theirs
