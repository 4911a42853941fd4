"""The comparison of a tablet's screens with the server's tables bites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fieldday.evidence import Evidence, Register, Stored
from tests.fieldday.replica import differences, units_below

SHAPE = {
    "activity": {
        "title": "scalar",
        "people": "scalar",
        "topics": "set",
        "speakers": "rows",
        "name": "sealed",
        "computed": "computed",
    }
}
UNITS = Path(__file__).parents[2] / "shared" / "data" / "units.yaml"


def register(*values: Any, kind: str = "set", open: int = 0, sealed: bool = False) -> Register:
    return Register(values=list(values), kinds=[kind] * len(values), open=open, sealed=sealed)


def stored() -> Stored:
    return Stored(
        id="A", type="activity", unit="u", withdrawn=False,
        registers={
            "title": register("Hội thi"), "people": register(41, 43, open=1), "topics/gbv": register(None, kind="add"),
            "speakers/r1": register("m", kind="insert"), "speakers/r1/name": register("Mai"), "speakers/r2": register("n", kind="insert"),
            "speakers/r2/name": register("Đào"), "speakers/r2/@": register(None, kind="delete"), "name": register("hash", sealed=True),
        },
    )  # fmt: skip


def screen(**changed: Any) -> dict[str, Any]:
    shown = {
        "title": ["Hội thi"], "people": [41, 43], "topics": [["gbv"]], "speakers": [[{"id": "r1", "name": "Mai"}]], "name": ["Trần"],
        "computed": [7],
    }  # fmt: skip
    return {"A": {"type": "activity", "unit": "u", "withdrawn": False, "shown": shown | changed}}


def found(dump: dict[str, Any]) -> list[str]:
    return list(differences("Lan", dump, Evidence(records={"A": stored()}), {"u"}, SHAPE))


def test_a_screen_that_shows_what_the_server_holds_has_no_difference() -> None:
    assert found(screen()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"title": ["Hội diễn"]},
        {"place": ["Hội trường"]},
        {"people": [43, 41]},
        {"people": [41]},
        {"topics": [["gbv", "law"]]},
        {"topics": []},
        {"speakers": [[]]},
        {"speakers": [[{"id": "r1", "name": "Mai"}, {"id": "r2", "name": "Đào"}]]},
    ],
    ids=str,
)
def test_a_screen_that_shows_something_else_is_told(changed: dict[str, Any]) -> None:
    assert found(screen(**changed)) == [f"Lan: activity A, {next(iter(changed))}: the screen differs from the server"]


def test_a_missing_record_a_foreign_one_and_a_withdrawal_on_one_side_are_told() -> None:
    assert found({}) == ["Lan: does not have activity A"]
    foreign = screen() | {"B": screen()["A"]}
    assert found(foreign) == ["Lan: has activity B, which is not on the server or not in its scope"]
    gone = screen()
    gone["A"]["withdrawn"] = True
    assert found(gone) == ["Lan: activity A is withdrawn on one side only"]


def test_a_unit_is_seen_with_its_hamlets_and_not_with_its_neighbours() -> None:
    below = units_below(UNITS, "long_khanh_a")
    assert "long_khanh_a" in below
    assert len(below) > 1
    assert "long_khanh_b" not in below
