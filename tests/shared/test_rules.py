"""The language of rules: what it can say, what "unknown" means in it, and that nothing else can be said (B20)."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules import FUNCTIONS, MAX_DEPTH, MAX_LENGTH, RuleFault, compile_expression, is_plain

TODAY = date(2022, 5, 30)
NAMES = ("a", "b", "c", "rows", "set", "day", "born", "at", "text")


class Sealed(NamedTuple):
    """As a view shows a confidential value that it may not open."""

    blob: str


VALUES: dict[str, Any] = {
    "a": 3, "b": 5, "set": ["gbv", "law"], "day": "2022-05-04", "born": "2010-05-05", "at": "2022-05-04T14:05+07:00", "text": "",
    "rows": [{"id": "1", "n": 2, "s": "f", "on": "2022-01-01"}, {"id": "2", "n": 3, "s": "m", "on": "2022-03-01"},
             {"id": "3", "s": "f", "on": "2022-03-01"}],
}  # fmt: skip


def value(text: str, values: dict[str, Any] = VALUES) -> Any:
    series = {"standard": 360_000}
    return compile_expression(text, NAMES).evaluate(values, TODAY, lambda name, on: series.get(name) if on else None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a + b * 2 - 1", 12), ("b / 2", 2.5), ("-a", -3), ("(a + b) / 4", 2.0),
        ("a < b", True), ("a <= 3 < b", True), ("a == 4", False), ("a != 4", True), ("a >= 3 and not b > 9", True), ("a > 9 or b > 4", True),
        ("a in [1, 3]", True), ("a not in (1, 3)", False), ('"gbv" in set', True), ("a if b > 4 else b", 3),
        ("if_(a > 9, 1, 2)", 2), ("min(a, b)", 3), ("max(a, b, 9)", 9),
        ("empty(text)", True), ("empty(c)", True), ("empty(a)", False), ("empty(rows)", False),
        ("today()", "2022-05-30"), ("days(day, today())", 26), ("year(day)", 2022), ('hours(at, "2022-05-05T02:05+07:00")', 12.0),
        ("age_months(born, day)", 143), ('age_months("2010-05-04", day)', 144), ('age_months("2010-05-04", day) / 12 < 16', True),
        ("count(rows)", 3), ("count(c)", 0), ('total(rows, "n")', 5), ('count_where(rows, "s", "f")', 2), ('count_where(rows, "s", ["f", "m"])', 3),
        ('count(rows_where(rows, "s", "m"))', 1), ('count(latest(rows, "on"))', 2), ('count(latest(c, "on"))', 0),
        ('has(set, "law")', True), ('has(c, "law")', False), ('series("standard", day) * 10', 3_600_000), ("True", True), ("None", None),
    ],
)  # fmt: skip
def test_what_can_be_said(text: str, told: Any) -> None:
    assert value(text) == told


def test_every_function_is_told_of_above() -> None:
    source = " ".join(test_what_can_be_said.pytestmark[0].args[1][number][0] for number in range(len(test_what_can_be_said.pytestmark[0].args[1])))
    assert all(f"{name}(" in source for name in (*FUNCTIONS, "today", "series"))


@pytest.mark.parametrize(
    "text", ["c < 3", "c == c", "c + 1", "a < c", "days(c, day)", "year(c)", 'series("standard", c)', "min(a, c)", "not (c > 1)", 'year("x")',
             'days(day, "2022-13-40")', 'hours(day, "x")', 'total(set, "n")', "a / (b - 5)", "text + 1", "a * 1000000 * 1000000 * 1000000",
             'total(rows, "s")', "a < set"],
)  # fmt: skip
def test_what_is_unknown_makes_the_whole_unknown(text: str) -> None:
    assert value(text) is None


def test_unknown_is_asked_about_with_empty_and_with_none() -> None:
    assert value("c == None") is True and value("a != None") is True
    assert value("c in [1, 2]") is False and value("not c") is True and value("a in c") is False


@pytest.mark.parametrize(
    ("text", "told"),
    [("empty(a)", False), ("a > 1", None), ("a + 1", None), ("a in [1]", None), ("not a", None), ("if_(a, 1, 2)", None), ("has(a, 1)", None),
     ('count_where(rows, "n", 1)', None), ('total(rows, "n")', None), ('count(latest(rows, "n"))', None), ("count(rows)", 1), ("b > 1", True)],
)  # fmt: skip
def test_a_sealed_value_is_there_and_unknown(text: str, told: Any) -> None:
    assert value(text, {"a": Sealed("x"), "b": 2, "rows": [{"id": "1", "n": Sealed("y")}]}) == told
    assert not is_plain(Sealed("x"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a.__class__", "rule_not_allowed"), ("a ** 9 ** 9", "rule_not_allowed"), ("[x for x in rows]", "rule_not_allowed"),
        ("(lambda: 1)()", "rule_not_allowed"), ("rows[0]", "rule_not_allowed"), ('f"{a}"', "rule_not_allowed"), ("a << 99", "rule_not_allowed"),
        ("a // 2", "rule_not_allowed"), ("a % 2", "rule_not_allowed"), ("~a", "rule_not_allowed"), ('b"x"', "rule_not_allowed"),
        ("1j", "rule_not_allowed"), ("...", "rule_not_allowed"), ("(a := 1)", "rule_not_allowed"), ("{a: 1}", "rule_not_allowed"),
        ("a is b", "rule_not_allowed"), ("*rows", "rule_syntax"), ("count(*rows)", "rule_not_allowed"), ("await a", "rule_not_allowed"),
        ("open('x')", "rule_not_allowed"), ("__import__('os')", "rule_not_allowed"), ("eval('1')", "rule_not_allowed"),
        ("days(start=a)", "rule_not_allowed"), ("rows.append(1)", "rule_not_allowed"), ("days(a)", "rule_arguments"), ("today(1)", "rule_arguments"),
        ("empty()", "rule_arguments"), ("min()", "rule_arguments"), ("a / 0", "rule_division_by_zero"), ("a / 0.0", "rule_division_by_zero"),
        ("d > 1", "rule_unknown_name"), ("empty", "rule_unknown_name"), ("", "rule_syntax"), ("a >", "rule_syntax"), ("a = 1", "rule_syntax"),
        ("a; b", "rule_syntax"), ("a\x00", "rule_syntax"), ("9" * 1_999 + "+", "rule_syntax"), ("a + " * 600 + "a", "rule_too_long"),
        ("(" * 300 + "a" + ")" * 300, "rule_syntax"), ("not " * (MAX_DEPTH + 2) + "a", "rule_too_deep"), ("-" * 900 + "a", "rule_too_deep"),
        ("a" * (MAX_LENGTH + 1), "rule_too_long"),
    ],
)  # fmt: skip
def test_b20_what_cannot_be_said(text: str, code: str) -> None:
    with pytest.raises(RuleFault) as told:
        compile_expression(text, NAMES)
    assert told.value.code == code


def test_an_expression_knows_its_names() -> None:
    assert compile_expression("a > 1 and empty(rows)", NAMES).names == {"a", "rows"}


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.lists(st.integers() | st.text(max_size=3), max_size=3)


@given(st.dictionaries(st.sampled_from(NAMES), anything | st.lists(st.dictionaries(st.sampled_from(["id", "n"]), anything), max_size=3)))
def test_no_values_make_an_expression_fail(values: dict[str, Any]) -> None:
    for text in (
        "a + b > c", 'total(rows, "n") / a', "days(day, born)", 'has(set, a) or count_where(rows, "n", b) > 1', "hours(at, text)", "min(a, b)",
        'count(latest(rows, "n"))', "a * b * c", "age_months(born, day)",
    ):  # fmt: skip
        value(text, values)
