"""The table of kinds: each row's check on the wire, its widget, its policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.field import Field
from shared.kinds import KINDS, LARGEST_INT, MOST_ITEMS, check_value, longest
from shared.labels import Label

CASE = "01890a5d-ac96-774b-bcce-b302099a8057"


def field(kind: str, **more: Any) -> Field:
    return Field(code="f", kind=kind, label=Label("Trường", "Field"), merge=KINDS[kind].merges[0], **more)


GOOD: dict[str, list[Any]] = {
    "text": ["Nói chuyện", "a\tb", "😀", "x" * 1_000],
    "long": ["một\nhai", "x" * 20_000],
    "int": [0, -5, LARGEST_INT],
    "money": [2_500_000],
    "decimal": [0.5, 3, -0.0, 1e14],
    "date": ["2022-05-04", "2024-02-29"],
    "datetime": ["2022-05-04T14:05+07:00", "2022-05-04T14:05:09+07:00", "2022-05-04T14:05:09.123456+07:00"],
    "choice": ["law"],
    "choices": [["gbv", "law"], []],
    "bool": [True, False],
    "unit": ["long_khanh_a"],
    "ref": [CASE],
    "period": ["2022-H1"],
    "rows": [[{"id": "AAAAAAAAAAA", "name": "x"}], []],
    "geo": [[10.8, 105.3], [0, -180]],
    "photos": [[{"sha256": "0" * 64, "name": "a.jpg", "size": 1, "mime": "image/jpeg"}]],
    "files": [[]],
    "url": ["https://dongthap.gov.vn/tin?id=1", "", "HTTP://a.vn"],
    "flow": ["draft"],
    "figures": [{}],
}

EVERYWHERE_BAD = [object(), (1,), {1}, b"x"]

BAD: list[tuple[str, Any, str]] = [
    ("text", 5, "wrong_kind"), ("text", None, "wrong_kind"), ("text", ["a"], "wrong_kind"), ("text", "x" * 1_001, "too_long"),
    ("text", "a\x00b", "bad_text"), ("text", "a\ud800", "bad_text"), ("text", "a\x1bb", "bad_text"), ("long", "a\rb", "bad_text"),
    ("long", "x" * 20_001, "too_long"),
    ("int", True, "wrong_kind"), ("int", 1.0, "wrong_kind"), ("int", "1.000", "wrong_kind"), ("int", LARGEST_INT + 1, "wrong_kind"),
    ("int", 2**63, "wrong_kind"), ("int", 10**5_000, "wrong_kind"), ("int", float("nan"), "wrong_kind"),
    ("money", -(2**53), "wrong_kind"),
    ("decimal", float("nan"), "wrong_kind"), ("decimal", float("inf"), "wrong_kind"), ("decimal", float("-inf"), "wrong_kind"),
    ("decimal", 1e400, "wrong_kind"), ("decimal", 10**400, "wrong_kind"), ("decimal", False, "wrong_kind"), ("decimal", "1,5", "wrong_kind"),
    ("date", "31/02/2022", "not_a_date"), ("date", "2023-02-29", "not_a_date"), ("date", "2022-02-31", "not_a_date"),
    ("date", "20220504", "not_a_date"), ("date", "2022-W18-3", "not_a_date"), ("date", "2022-W18-31", "not_a_date"),
    ("date", "0000-01-01", "not_a_date"), ("date", 44685, "not_a_date"), ("date", "22-05-04", "not_a_date"),
    ("date", "2022-05-04T00:00", "not_a_date"), ("date", "２０２２-05-04", "not_a_date"),
    ("datetime", "2022-05-04T14:05", "not_a_date"), ("datetime", "2022-05-04", "not_a_date"), ("datetime", 0, "not_a_date"),
    ("datetime", "2022-05-04 14:05+07:00", "not_a_date"), ("datetime", "2022-13-04T14:05+07:00", "not_a_date"),
    ("datetime", "20220504T140500.00+07:00", "not_a_date"), ("datetime", "2022-05-04T25:05+07:00", "not_a_date"),
    ("choice", "", "wrong_kind"), ("choice", "x" * 81, "wrong_kind"), ("choice", 1, "wrong_kind"), ("choice", "a\nb", "wrong_kind"),
    ("choices", "law", "wrong_kind"), ("choices", [1], "wrong_kind"), ("choices", [[]], "wrong_kind"), ("choices", ["a", "a"], "twice"),
    ("choices", [str(number) for number in range(MOST_ITEMS + 1)], "too_many"),
    ("bool", 1, "wrong_kind"), ("bool", "true", "wrong_kind"),
    ("ref", "1", "wrong_kind"), ("ref", CASE.upper(), "wrong_kind"), ("ref", CASE.replace("-7", "-4"), "wrong_kind"),
    ("rows", {}, "wrong_kind"), ("rows", [{}], "wrong_kind"), ("rows", [{"id": 1}], "wrong_kind"), ("rows", [{"id": "a"}] * 2, "twice"),
    ("rows", [None], "wrong_kind"),
    ("geo", [91, 0], "wrong_kind"), ("geo", [0, 181], "wrong_kind"), ("geo", [0], "wrong_kind"), ("geo", ["1", "2"], "wrong_kind"),
    ("geo", [float("nan"), 0], "wrong_kind"), ("geo", [True, 0], "wrong_kind"), ("geo", [10**400, 0], "wrong_kind"),
    ("files", [{"name": "a"}], "wrong_kind"), ("photos", [{"sha256": "a"}, {"sha256": "a"}], "twice"),
    ("url", "javascript:alert(1)", "not_a_url"), ("url", "dongthap.gov.vn", "not_a_url"), ("url", "http://a b", "not_a_url"),
    ("figures", [], "wrong_kind"),
]  # fmt: skip


def str_of(value: Any) -> str:
    """A test's id; values are not told, some have thousands of digits."""
    return value if isinstance(value, str) and value.isidentifier() else "value"


def test_every_kind_has_examples() -> None:
    assert set(GOOD) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_kind_takes_and_what_it_never_takes(kind: str) -> None:
    assert [check_value(field(kind), value) for value in GOOD[kind]] == [None] * len(GOOD[kind])
    assert all(check_value(field(kind), value) for value in EVERYWHERE_BAD)


def bad(*kinds: str) -> list[tuple[str, Any, str]]:
    return [row for row in BAD if row[0] in kinds]


@pytest.mark.parametrize(("kind", "value", "code"), bad("int", "money", "decimal"), ids=str_of)
def test_b01_what_is_no_number(kind: str, value: Any, code: str) -> None:
    assert check_value(field(kind), value) == code


@pytest.mark.parametrize(("kind", "value", "code"), bad("text", "long"), ids=str_of)
def test_b04_what_is_no_text(kind: str, value: Any, code: str) -> None:
    assert check_value(field(kind), value) == code


@pytest.mark.parametrize(("kind", "value", "code"), bad("date", "datetime"), ids=str_of)
def test_b09_what_is_no_date(kind: str, value: Any, code: str) -> None:
    assert check_value(field(kind), value) == code


@pytest.mark.parametrize(("kind", "value", "code"), bad(*(set(KINDS) - {"int", "money", "decimal", "text", "long", "date", "datetime"})), ids=str_of)
def test_what_no_other_kind_takes(kind: str, value: Any, code: str) -> None:
    assert check_value(field(kind), value) == code


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(anything)
def test_no_value_makes_a_check_fail(value: Any) -> None:
    for kind in KINDS:
        assert check_value(field(kind), value) in (
            None, "wrong_kind", "too_long", "bad_text", "not_a_date", "not_a_url", "too_many", "twice",
        )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_policies_and_widgets_are_known(kind: str) -> None:
    row = KINDS[kind]
    assert row.merges and set(row.merges) <= {"ask", "latest", "union", "rows", "text", "flow"} and row.widget.isidentifier()
    assert row.sealable is (kind != "choices")


def test_a_field_may_set_its_own_length() -> None:
    short = field("text", max_length=3)
    assert (longest(short), longest(field("url")), longest(field("text"))) == (3, 2_000, 1_000)
    assert check_value(short, "abcd") == "too_long" and check_value(replace(short, max_length=4), "abcd") is None
