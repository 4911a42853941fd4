"""The comparison of the console's pages with the server's tables bites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fieldday.evidence import Register, Stored
from tests.fieldday.pages import differing, words
from tests.fieldday.screen import Shown, Words

DATA = Path(__file__).parents[2] / "shared" / "data"
SHAPE = {
    "activity": {"title": "scalar", "people": "scalar", "form": "scalar"},
    "case": {"name": "sealed", "year": "scalar"},
}
LABELS: dict[str, dict[str, dict[str, str]]] = {
    "activity": {"title": {}, "people": {}, "form": {"talk": "Nói chuyện"}},
    "case": {"year": {}},
}
PAGE = {"title": [Words("Hội thi")], "people": [Words("1.041"), Words("43")], "form": [Words("Nói chuyện")]}


def stored(type: str = "activity", *, withdrawn: bool = False) -> Stored:
    held: dict[str, list[Any]] = {"title": ["Hội thi"], "people": [1041, 43], "form": ["talk"], "year": [1990]}
    registers = {
        name: Register(values=values, kinds=["set"] * len(values), open=len(values) - 1, sealed=False)
        for name, values in held.items()
    }
    return Stored(id="A", type=type, unit="u", withdrawn=withdrawn, registers=registers)


def found(page: Shown | None, record: Stored) -> list[str]:
    return list(differing(lambda id: page, [record], LABELS, SHAPE))


def test_a_page_that_shows_what_the_tables_hold_has_no_difference() -> None:
    assert found(PAGE, stored()) == []


@pytest.mark.parametrize(
    "changed",
    [{"title": [Words("Hội diễn")]}, {"people": [Words("1.041")]}, {"people": []}, {"form": [Words("Mít tinh")]}],
    ids=str,
)
def test_a_page_that_shows_something_else_is_told(changed: Shown) -> None:
    name = next(iter(changed))
    assert found(PAGE | changed, stored()) == [
        f"console: activity A, {name}: the page shows something else than the tables hold"
    ]


def test_a_page_of_a_withdrawn_record_and_none_of_a_standing_one_are_told() -> None:
    assert len(found(PAGE, stored(withdrawn=True))) == len(found(None, stored())) == 1
    assert found(None, stored(withdrawn=True)) == []


def test_what_is_sealed_is_not_asked_of_the_console() -> None:
    assert found(None, stored("case")) == []


def test_the_words_of_choices_are_read_from_the_catalogues_yaml() -> None:
    told = words(DATA)["communication_activity"]
    assert told["form"]["community_talk"]
    assert told["participants_total"] == {}
    assert "topics" not in told
