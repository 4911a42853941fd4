"""The tree of units: order, dates of validity, what took over from whom."""

from __future__ import annotations

from datetime import date

import pytest

from shared.catalogue import Catalogue
from shared.units import UnitTree
from tests.support.tiny import TINY

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


@pytest.fixture(scope="module")
def units() -> UnitTree:
    return Catalogue.from_texts(TINY).units


def codes(found: object) -> list[str]:
    return [unit.code for unit in found]  # type: ignore[attr-defined]


def test_order_is_that_of_the_administration(units: UnitTree) -> None:
    everything = ["province", "district", "town", "a_commune", "hamlet", "b_commune", "new_commune", "ward"]
    assert codes(units.ordered()) == everything
    assert codes(units.ordered({"ward", "b_commune", "a_commune"})) == ["a_commune", "b_commune", "ward"]
    assert codes(units.subtree("district")) == ["district", "town", "a_commune", "hamlet", "b_commune"]
    assert codes(units.children("province", AFTER)) == ["new_commune", "ward"]


def test_ancestors_and_streams(units: UnitTree) -> None:
    assert codes(units.ancestors("hamlet")) == ["a_commune", "district", "province"]
    assert [units.stream_of(code) for code in ("hamlet", "district", "ward", "province")] == ["district", "district", "province", "province"]


def test_who_reports(units: UnitTree) -> None:
    assert codes(units.reporting("district", BEFORE)) == ["a_commune", "b_commune"] and units.reporting("district", AFTER) == []


@pytest.mark.parametrize(("code", "day", "there"), [("town", BEFORE, True), ("town", AFTER, False), ("ward", BEFORE, False),
                                                    ("ward", AFTER, True), ("province", AFTER, True)])  # fmt: skip
def test_a_unit_has_its_first_and_last_day(units: UnitTree, code: str, day: date, there: bool) -> None:
    assert units[code].exists_on(day) is there and units[code].exists_on(None)
    assert (code in units.at(day)) is there


def test_the_tree_of_a_day_has_no_hole(units: UnitTree) -> None:
    later = units.at(AFTER)
    assert codes(later.ordered()) == ["province", "new_commune", "ward"]
    texts = {**TINY, "units.yaml": TINY["units.yaml"].replace("kind: hamlet, name: {vi: Ấp, en: Hamlet}, sort: 1, to: 2025-06-30",
                                                              "kind: hamlet, name: {vi: Ấp, en: Hamlet}, sort: 1")}  # fmt: skip
    orphaned = Catalogue.from_texts(texts).units.at(AFTER)
    assert codes(orphaned.ancestors("hamlet")) == ["province"]


def test_what_took_over_sees_what_was_before(units: UnitTree) -> None:
    assert units.visible("ward") == {"ward", "town", "a_commune", "b_commune", "hamlet"}
    assert units.visible("new_commune") == {"new_commune", "a_commune", "hamlet"}
    assert units.visible("b_commune") == {"b_commune"} and units.visible("district") == set(codes(units.subtree("district")))
    assert units.visible("province") == set(units)


def test_heirs(units: UnitTree) -> None:
    assert codes(units.heirs("a_commune", BEFORE)) == ["a_commune"]
    assert codes(units.heirs("a_commune", AFTER)) == ["new_commune", "ward"]
    assert units.heirs("hamlet", AFTER) == []


def test_letterhead_and_signer(units: UnitTree) -> None:
    head, signer = units["district"].letterhead, units["district"].signer
    assert head is not None and head.lines == ("ỦY BAN NHÂN DÂN", "HUYỆN") and head.bold == (True, True)
    assert signer is not None and signer.title == "CHỦ TỊCH" and units["town"].letterhead is None
    assert units["b_commune"].population is None and len(units) == 8
