"""What is doubtful about a record beside the others of its unit: entered twice, a stock below zero, a period already reported."""

from __future__ import annotations

from typing import Any

import pytest

from shared.beside import Beside, Reported, alike, doubts_beside
from shared.catalogue import Catalogue, load_catalogue
from shared.validate import Problem

TALK = {"title": "Nói chuyện chuyên đề", "held_on": "2022-05-20", "form": "community_talk", "unit": "long_khanh_a"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def doubts(catalogue: Catalogue, code: str, values: dict[str, Any], beside: Beside) -> list[Problem]:
    found = list(doubts_beside(catalogue.types[code], "own", values, beside))
    assert all(one.level == "warning" and one.text("vi") != one.text("en") and "{" not in one.text("vi") for one in found)
    return found


@pytest.mark.parametrize(("other", "twice"), [
    ({}, True), ({"title": "nói chuyện  chuyên đề"}, True), ({"title": "Họp dân"}, False), ({"held_on": "2022-05-21"}, False),
    ({"form": "seminar"}, False), ({"form": None}, False), ({"title": object()}, False)])
def test_the_same_title_day_and_form_may_be_one_event(catalogue: Catalogue, other: dict[str, Any], twice: bool) -> None:
    found = doubts(catalogue, "communication_activity", TALK, Beside(others={"other": {**TALK, **other}}))
    assert [one.code for one in found] == (["possible_duplicate"] if twice else [])
    assert all("ngày 20/05/2022" in one.text("vi") for one in found)


def test_a_record_is_not_its_own_double_nor_one_that_says_nothing(catalogue: Catalogue) -> None:
    assert doubts(catalogue, "communication_activity", TALK, Beside(others={"own": TALK})) == []
    assert doubts(catalogue, "communication_activity", {"title": "A"}, Beside(others={"b": {"title": "A"}})) == []
    assert alike(catalogue.types["gbv_case"], {"code": "1"}, {"b": {"code": "1"}}) == []


@pytest.mark.parametrize(("kind", "quantity", "short"), [
    ("distributed", 60, ""), ("distributed", 61, "1"), ("written_off", 1_261, "1.201"), ("received", 5, ""), ("installed", 500, "")])
def test_a_stock_never_falls_below_zero_unasked(catalogue: Catalogue, kind: str, quantity: int, short: str) -> None:
    others = {
        "a": {"kind": "received", "material": "leaflet", "quantity": 100}, "b": {"kind": "distributed", "material": "leaflet", "quantity": 40},
        "c": {"kind": "received", "material": "handbook", "quantity": 999}, "d": {"kind": "installed", "material": "leaflet", "quantity": 7}}
    values = {"kind": kind, "material": "leaflet", "quantity": quantity, "moved_on": "2022-05-20"}
    found = doubts(catalogue, "material_movement", values, Beside(others=others))
    assert [one.path for one in found] == (["quantity"] if short else [])
    assert all(f"(thiếu {short})" in one.text("vi") for one in found)


@pytest.mark.parametrize(("day", "counted", "asked"), [
    ("2022-05-20", (), True), ("2021-11-15", (), True), ("2022-06-01", (), False), ("2022-05-20", ("own",), False)])
def test_a_day_in_a_reported_period_is_asked_about(catalogue: Catalogue, day: str, counted: tuple[str, ...], asked: bool) -> None:
    sent = Reported(period=catalogue.periods.get("2022-H1"), records=counted)
    found = doubts(catalogue, "communication_activity", {**TALK, "held_on": day}, Beside(others={}, reported=[sent]))
    assert [(one.code, one.path) for one in found] == ([("in_reported_period", "held_on")] if asked else [])
    assert all("phát sinh bổ sung kỳ trước" in one.text("vi") for one in found)
