"""Lines: what may stand in one, and the chain that holds them."""

import hashlib
import json
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.ids import new_id, new_record_id
from shared.messages import codes
from sync.clock import Time
from sync.errors import ContentFault
from sync.log import (
    MAX_LINE_BYTES,
    Change,
    Operation,
    chain_next,
    chain_start,
    line_hash,
    name_of,
    parse_name,
    write_line,
)

GOOD = {
    "n": 1, "l": new_id(), "t": [1_653_883_200_000, 0], "u": "u", "c": "c", "r": new_record_id(), "y": "note", "g": "long_khanh_a",
    "o": [{"p": "title", "v": "Nói chuyện chuyên đề", "s": []}],
}  # fmt: skip


def line(**members: object) -> bytes:
    return json.dumps({**GOOD, **members}, ensure_ascii=False).encode()


def operation(**members: object) -> bytes:
    return line(o=[{"p": "title", "v": 1, **members}])


def test_a_change_comes_back_as_it_was_written() -> None:
    change = Change.parse(line())
    again = Change.parse(write_line(change).body)
    assert again == change and change.operations[0].value == "Nói chuyện chuyên đề"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"[]", "not_an_object"),
        (b"7", "not_an_object"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"{} {}", "not_json"),
        (b"\xff\xfe{}", "not_utf8"),
        (line().replace(b'"n": 1', b'"n": 1, "n": 1'), "key_twice"),
        (operation(v=float("nan")), "not_a_number"),
        (operation(v=float("inf")), "not_a_number"),
        (line().replace(b'"v": "N', b'"v": 1e400, "w": "N'), "not_a_number"),
        (operation(v="a").replace(b'"a"', b'"\\u0000"'), "bad_text"),
        (operation(v="a").replace(b'"a"', b'"\\ud800"'), "bad_text"),
        (operation(v="a").replace(b'"a"', b"[" * 50 + b"]" * 50), "too_deep"),
        (operation(v="a").replace(b'"a"', b"[" * 100_000 + b"]" * 100_000), "too_deep"),
        (line(n="1"), "bad_line"),
        (line(t=[1]), "bad_line"),
        (line(t=[-1, 0]), "bad_line"),
        (line(u=None), "bad_line"),
        (line(o=[]), "bad_line"),
        (line(o=7), "bad_line"),
        (line(r="1"), "bad_id"),
        (line(l="1"), "bad_id"),
        (operation(p=""), "bad_path"),
        (operation(p="x" * 201), "bad_path"),
        (operation(k=""), "unknown_operation"),
        (operation(k=7), "unknown_operation"),
        (operation(k="d" * 21), "unknown_operation"),
        (operation(b="short"), "bad_blob_hash"),
        (operation(s=["x"]), "bad_name"),
        (operation(s=[1]), "bad_name"),
        (line(o=[{"k": "withdraw", "p": "@"}, {"p": "title", "v": 1}]), "deletion_not_alone"),
        (operation(v="a" * MAX_LINE_BYTES), "line_too_long"),
    ],
)
def test_b01_b02_b03_b04_content_that_is_set_aside(body: bytes, code: str) -> None:
    with pytest.raises(ContentFault) as fault:
        Change.parse(body)
    assert fault.value.code == code
    assert codes()[code]["vi"] and codes()[code]["en"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.dictionaries(st.sampled_from(["k", "p", "v", "b", "s", "why", "x"]), VALUES | st.sampled_from(["set", "add", "withdraw", "title"]), max_size=5)
LINES = st.fixed_dictionaries(
    {}, optional={"o": st.lists(MEMBERS, max_size=3) | VALUES, "t": VALUES | st.just([1, 2, 3]), "n": VALUES, "y": VALUES, "r": VALUES, "l": VALUES, "x": VALUES}
)


def read(body: bytes) -> Change | str:
    """What a line says, or the code of what is wrong in it."""
    try:
        return Change.parse(body)
    except ContentFault as fault:
        return fault.code


@settings(max_examples=400, deadline=None)
@given(members=LINES, compact=st.booleans(), ascii=st.booleans(), twice=st.booleans())
def test_what_is_read_at_a_glance_is_what_is_read_key_by_key(members: dict[str, object], compact: bool, ascii: bool, twice: bool) -> None:
    text = json.dumps({**GOOD, **members}, ensure_ascii=ascii, separators=(",", ":") if compact else None)
    body = (text[:-1] + ', "y": "note"}' * twice if twice else text).encode("utf-8", "surrogatepass")
    at_a_glance = read(body)
    with patch("sync.log._decode", side_effect=msgspec.DecodeError):
        assert repr(read(body)) == repr(at_a_glance)


@pytest.mark.parametrize("value", [None, True, 7, -1.5, 10**15, "Nói “chuyện”\n\t", {"name": "a", "size": 1}, ["x", 2]])
def test_our_own_lines_are_read_at_a_glance(value: object) -> None:
    change = Change.parse(line(o=[{"p": "title", "v": value, "s": ["LLLLLLLLLLL.1.RBNvo1Wz"]}, {"k": "add", "p": "topics/gbv"}]))
    with patch("sync.log._read_slowly", side_effect=AssertionError):
        assert Change.parse(change.encode()) == change


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1: float("nan")}])
def test_the_writer_refuses_what_no_line_can_say(value: object) -> None:
    change = Change.parse(line())
    with pytest.raises(ContentFault):
        replace(change, operations=(Operation("set", "title", value, None, (), None),)).encode()


def test_an_unknown_member_is_kept_and_does_no_harm() -> None:
    assert Change.parse(line(later=[1, {"x": None}])).number == 1


def test_the_writer_refuses_what_is_too_long_before_it_is_written() -> None:
    change = Change.parse(line())
    long = Operation("set", "story", "a" * MAX_LINE_BYTES, None, (), None)
    too_long = Change(
        log=change.log, number=1, time=Time(0, 0), user="u", catalogue="c", record=change.record, type="note", unit="g", operations=(long,)
    )  # fmt: skip
    with pytest.raises(ContentFault, match="line_too_long"):
        too_long.encode()


def test_the_chain_is_as_specified() -> None:
    start = hashlib.sha256(b"sen-log/1" + b"LLLLLLLLLLL" + b"K" * 32).digest()
    assert chain_start("LLLLLLLLLLL", b"K" * 32) == start
    assert chain_next(start, line_hash(b"{}")) == hashlib.sha256(start + hashlib.sha256(b"{}").digest()).digest()


def test_a_name_says_log_number_and_hash() -> None:
    name = name_of("LLLLLLLLLLL", 12, line_hash(b"{}"))
    assert name == "LLLLLLLLLLL.12.RBNvo1Wz"
    assert str(parse_name(name)) == name
