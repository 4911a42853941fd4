"""Every code speaks both languages, says whose fault it is, and formatting never raises or tells what it should not."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from shared.errors import SenError
from shared.messages import DIRECTORY, FAULTS, GENERAL, codes, facts_in, facts_of, fill, phrase
from shared.yaml_source import read_yaml

FILES = sorted(path.name for path in DIRECTORY.glob("messages*.yaml"))


class Hostile:
    """A fact whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_sorted_and_has_no_code_twice(name: str) -> None:
    table = read_yaml(name, (DIRECTORY / name).read_text("utf-8"))
    assert list(table) == sorted(table)


def test_no_code_stands_in_two_files() -> None:
    told = [code for name in FILES for code in yaml.safe_load((DIRECTORY / name).read_text("utf-8"))]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_vi_and_en_and_known_keys(code: str) -> None:
    row = codes()[code]
    assert set(row) <= {"vi", "en", "status", "fault"}
    assert isinstance(row["vi"], str) and row["vi"].strip() and isinstance(row["en"], str) and row["en"].strip()
    assert facts_in(row["vi"]) == facts_in(row["en"])
    assert not re.sub(r"\{[a-z_][a-z0-9_]*\}", "", row["vi"] + row["en"]).count("{")
    assert row.get("fault", "user") in FAULTS and 400 <= row.get("status", 400) < 600


def test_an_error_knows_its_table_row() -> None:
    error = SenError("log_gap", expected=12)
    assert (error.code, error.status, error.fault, error.context) == ("log_gap", 409, "peer", {"expected": 12})
    assert "12" in error.text("vi") and "12" in error.text("en") and error.text("vi") != error.text("en")
    assert str(error) == "log_gap"


def test_only_named_facts_are_kept() -> None:
    error = SenError("log_gap", expected=1, victim="Nguyễn Thị Mẫu")
    assert error.context == {"expected": 1} and "Mẫu" not in repr(vars(error))
    assert SenError("no such code", secret="Mẫu").context == {}


@pytest.mark.parametrize("facts", [{}, {"limit": None}, {"limit": Hostile()}, {"limit": "{limit.__class__}"}, {"other": 1}])
@pytest.mark.parametrize("lang", ["vi", "en", "fr", ""])
def test_a_sentence_is_always_given(facts: dict[str, Any], lang: str) -> None:
    for code in ("too_long", "no such code", ""):
        assert phrase(code, lang, **facts)
        assert SenError(code, **facts).text(lang)


def test_an_unknown_code_gives_the_general_sentence() -> None:
    assert phrase("no such code") == codes()[GENERAL]["vi"]


def test_b17_what_a_fact_says_is_text_and_nothing_more() -> None:
    assert fill("{a} và {b}", {"a": "{b}", "b": "%s {0.__class__}"}) == "{b} và %s {0.__class__}"
    assert fill("{missing} {", {}) == "– {"
    assert facts_of("too_long") == {"limit"}
