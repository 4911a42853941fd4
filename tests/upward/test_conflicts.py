"""The province and the district change one record without having seen each other: asked on both sides, decided on either for both."""

from __future__ import annotations

from copy import copy

import pytest

from server import editing
from sync.paths import policy_of
from tests.support.province import DISTRICT, Level
from tests.upward.conftest import Pair
from tests.upward.test_faults import store_there

AIM = {"year": 2022, "indicator": "own", "own_text": "Tỷ lệ cán bộ nữ", "planned": 35.0, "unit_of_measure": "%"}


@pytest.fixture
def target(pair: Pair) -> str:
    """A target that the province gave, known on both sides; Hạnh of the district may write in it."""
    pair.district.add("hanh", f"collector@{DISTRICT}")
    with pair.province.inside():
        record = editing.write_values(pair.province.user("giao"), None, "target", DISTRICT, AIM)
    pair.move(pair.province, "giao", record, "submitted")
    pair.district.upward()
    return record


def settled(pair: Pair, record: str, path: str) -> tuple[object, object]:
    """The value on both sides, where nothing is asked and another exchange finds nothing."""
    done = pair.district.upward()
    assert (done.sent, done.received, done.unsent, done.aside) == (0, 0, 0, 0), done
    states = [level.state(record) for level in (pair.district, pair.province)]
    assert [state.open_paths() for state in states] == [[], []]
    below, above = (state.current(path) for state in states)
    assert below is not None and above is not None
    return below.value, above.value


def asked(level: Level, record: str, path: str) -> tuple[object, list[object]]:
    """The value that stands and the others that wait."""
    state = level.state(record)
    current = state.current(path)
    return None if current is None else current.value, [value.value for value in state.candidates(path)]


def differ(pair: Pair, target: str) -> None:
    """The province writes 40, the district 32, neither having seen the other's; then they exchange."""
    pair.edit(pair.province, "giao", target, planned=40.0)
    pair.edit(pair.district, "hanh", target, planned=32.0)
    pair.district.upward()


@pytest.mark.parametrize("who", ["province", "district"])
def test_u2_two_values_are_asked_on_both_sides_and_one_decision_settles_both(pair: Pair, target: str, who: str) -> None:
    differ(pair, target)
    assert asked(pair.province, target, "planned") == (40, [32])
    assert asked(pair.district, target, "planned") == (32, [40])
    if who == "province":
        pair.decide(pair.province, "giao", target, "planned", 40.0)
    else:
        pair.decide(pair.district, "hanh", target, "planned", 40.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (40, 40)


def test_a_third_value_is_decided(pair: Pair, target: str) -> None:
    differ(pair, target)
    pair.decide(pair.district, "hanh", target, "planned", 36.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (36, 36)


def test_u3_the_district_edits_on_without_deciding(pair: Pair, target: str) -> None:
    """Its later value goes up as a candidate: whoever did not answer the province's has not overwritten it."""
    pair.edit(pair.province, "giao", target, planned=40.0)
    pair.edit(pair.district, "hanh", target, planned=32.0)
    opened = pair.district.state(target)
    pair.district.upward()
    with pair.district.inside():  # a form that was opened before the question came
        names = opened.registers["planned"].values[0].origins
        editing.decide(pair.district.user("hanh"), target, "planned", 33.0, names)
    pair.district.upward()
    assert asked(pair.province, target, "planned") == (40, [33])
    assert asked(pair.district, target, "planned") == (33, [40])
    pair.decide(pair.province, "giao", target, "planned", 33.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (33, 33)


def test_u4_two_decide_differently_and_are_asked_again(pair: Pair, target: str) -> None:
    differ(pair, target)
    pair.decide(pair.province, "giao", target, "planned", 40.0)
    pair.decide(pair.district, "hanh", target, "planned", 32.0)
    pair.district.upward()
    assert asked(pair.province, target, "planned") == (40, [32])
    assert asked(pair.district, target, "planned") == (32, [40])
    pair.decide(pair.province, "giao", target, "planned", 32.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (32, 32)


def test_u4_a_decision_for_what_stood_meets_a_third_value(pair: Pair, target: str) -> None:
    """The district takes the province's 40 while the province, having seen both, goes on to 44: both sides ask again."""
    differ(pair, target)
    pair.decide(pair.province, "giao", target, "planned", 44.0)
    pair.decide(pair.district, "hanh", target, "planned", 40.0)
    pair.district.upward()
    assert asked(pair.province, target, "planned") == (44, [40])
    assert asked(pair.district, target, "planned") == (40, [44])
    pair.decide(pair.district, "hanh", target, "planned", 44.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (44, 44)


def test_the_same_value_on_both_sides_is_asked_of_nobody(pair: Pair, target: str) -> None:
    pair.edit(pair.province, "giao", target, planned=38.0)
    pair.edit(pair.district, "hanh", target, planned=38.0)
    pair.district.upward()
    assert settled(pair, target, "planned") == (38, 38)


def test_u5_two_texts_are_merged_line_by_line_and_both_sides_have_the_merged_one(pair: Pair, target: str) -> None:
    pair.edit(pair.district, "hanh", target, explanation="Một.\nHai.\nBa.\n")
    pair.district.upward()
    pair.edit(pair.province, "giao", target, explanation="Một, sửa ở tỉnh.\nHai.\nBa.\n")
    pair.edit(pair.district, "hanh", target, explanation="Một.\nHai.\nBa, sửa ở huyện.\n")
    pair.district.upward()
    merged = "Một, sửa ở tỉnh.\nHai.\nBa, sửa ở huyện.\n"
    assert settled(pair, target, "explanation") == (merged, merged)


def test_the_province_returns_a_report_while_the_district_corrects_its_text(pair: Pair) -> None:
    """Two places of one record: both stand, nothing is asked."""
    record = pair.report()
    pair.district.upward()
    pair.move(pair.province, "tinh", record, "returned", "Thiếu số liệu")
    pair.edit(pair.district, "hien", record, limits="Sửa trước khi biết là bị trả lại.")
    pair.district.upward()
    assert settled(pair, record, "state") == ("returned", "returned")
    assert settled(pair, record, "limits")[1] == "Sửa trước khi biết là bị trả lại."


def test_the_province_accepts_what_the_district_has_returned_to_itself(pair: Pair) -> None:
    """What the district's officers make of its own report is not told above; the province's answer is asked beside it."""
    record = pair.report()
    pair.district.upward()
    pair.move(pair.province, "tinh", record, "accepted")
    pair.move(pair.district, "hien", record, "returned", "Tự xem lại")
    pair.move(pair.district, "hien", record, "approved")
    pair.district.upward()
    assert asked(pair.province, record, "state") == ("accepted", ["approved"])
    assert asked(pair.district, record, "state") == ("approved", ["accepted"])
    pair.decide(pair.province, "tinh", record, "state", "accepted")
    pair.district.upward()
    assert settled(pair, record, "state") == ("accepted", "accepted")


def test_the_district_withdraws_what_the_province_has_changed_unseen(pair: Pair, target: str) -> None:
    pair.edit(pair.province, "giao", target, planned=44.0)
    with pair.district.inside():
        editing.withdraw(pair.district.user("hanh"), target)
    pair.district.upward()
    assert not pair.province.state(target).withdrawn and pair.province.state(target).open_paths() == ["@"]
    assert asked(pair.province, target, "planned")[0] == 44


def test_a_record_of_a_type_that_a_newer_catalogue_dropped_is_shown_by_its_own_policies(pair: Pair) -> None:
    with pair.district.inside():
        store = store_there()
        whole = store.catalogue
        target = whole.types["target"]
        types = {code: one for code, one in whole.types.items() if code != "target"}
        store.catalogue = copy(whole)
        vars(store.catalogue).update(types=types, former_types={**whole.former_types, "target": target})
        vars(store.catalogue).pop("all_types", None)  # it is reckoned anew
        told = {path: store._policy("target", path) for path in target.by_path}
    assert told == {path: policy_of(target, path) for path in target.by_path}
    assert set(told.values()) > {"ask"}
