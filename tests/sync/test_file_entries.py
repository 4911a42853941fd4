"""Files in bundles, entry by entry: what is written is read, what is no entry is refused, and no bundle holds more than some megabytes."""

from __future__ import annotations

import hashlib

import pytest

from sync.errors import FrameFault
from sync.file_entries import (
    ASKED,
    FILE,
    GROUP_BYTES,
    TOLD,
    Asked,
    Told,
    in_groups,
    read_asked,
    read_file,
    read_told,
    write_asked,
    write_file,
    write_told,
)

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def test_what_is_written_is_read() -> None:
    data = b"a photo"
    digest = hashlib.sha256(data).hexdigest()
    entry = write_file(digest, data)
    assert entry.kind == FILE and read_file(entry.body) == (digest, data)
    for asked in (Asked((A, B), (C,), (A,)), Asked(()), Asked((), (), (B,))):
        entry = write_asked(asked)
        assert entry.kind == ASKED and read_asked(entry.body) == asked
    for told in (Told({A: "", B: "file_not_fit"}, (C,)), Told({})):
        entry = write_told(told)
        assert entry.kind == TOLD and read_told(entry.body) == told


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'{"files": 1}', b'{"files": ["x"]}', b'{"files": [1]}', b'{"wish": ["' + b"A" * 64 + b'"]}', b"[" * 100_000, b"\xff",
])  # fmt: skip
def test_what_is_no_entry_is_refused(body: bytes) -> None:
    with pytest.raises(FrameFault, match="bundle_damaged"):
        read_asked(body)


@pytest.mark.parametrize("body", [b"{}", b'{"files": []}', b'{"files": {"x": ""}}', b'{"files": {"' + A.encode() + b'": 1}}', b"null"])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(FrameFault, match="bundle_damaged"):
        read_told(body)


def test_a_file_without_bytes_is_refused() -> None:
    with pytest.raises(FrameFault, match="bundle_damaged"):
        read_file(b"\0" * 32)


def test_a_bundle_holds_some_megabytes_and_one_file_at_least() -> None:
    sizes = [GROUP_BYTES // 2, GROUP_BYTES // 2, 1, GROUP_BYTES * 2, 5, 6]
    files = [(f"{number:064x}", bytes(size)) for number, size in enumerate(sizes)]
    groups = list(in_groups(iter(files)))
    assert [one for group in groups for one in group] == files, "none is left out, in their order"
    assert [[len(data) for _, data in group] for group in groups] == [sizes[:2], [1], [GROUP_BYTES * 2], [5, 6]]
    assert list(in_groups([])) == []
