"""All that is wrong with a record at once, by path, in both languages; drafts may lack; what is hidden is not asked for."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import Catalogue
from shared.validate import Problem, complete, is_shown, validate, zero_declarations
from tests.support.tiny import TINY

TODAY = date(2022, 5, 30)
ROW, OTHER = "AAAAAAAAAAA", "BBBBBBBBBBB"

MEETING: dict[str, Any] = {
    "unit": "a_commune", "title": "Họp ấp", "held_on": "2022-05-04", "total": 60, "women": 40, "mask": True, "hamlets": 2, "main_topic": "gbv",
}  # fmt: skip


class Sealed(NamedTuple):
    """As a view shows a confidential value that it may not open."""

    blob: str


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.from_texts(TINY)


def judge(catalogue: Catalogue, changes: dict[str, Any], *, code: str = "meeting", stage: str = "submit") -> list[Problem]:
    values = {**(MEETING if code == "meeting" else {"unit": "a_commune"}), **changes}
    return validate(
        catalogue.types[code], {k: v for k, v in values.items() if v is not None}, stage=stage, today=TODAY, catalogue=catalogue
    )  # fmt: skip


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    for one in problems:
        assert one.level in ("error", "warning")
        assert one.text("vi") and one.text("en") and "{" not in one.text("vi") + one.text("en")
    return [(one.path, one.code) for one in problems]


def test_a_whole_record_is_right(catalogue: Catalogue) -> None:
    assert judge(catalogue, {}) == []


WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    # what is changed, what is told
    ({"title": None}, [("title", "required")]),
    ({"title": ""}, [("title", "required")]),
    ({"title": 5}, [("title", "wrong_kind")]),
    ({"title": "x" * 41}, [("title", "too_long")]),
    ({"title": "a\x00"}, [("title", "bad_text")]),
    ({"total": -1, "women": None}, [("total", "too_small")]),
    ({"total": 100_001, "women": 1, "link": "https://a.vn"}, [("total", "too_large"), ("total", "many")]),
    ({"total": 0, "women": 0}, []),
    ({"total": True}, [("total", "wrong_kind")]),
    ({"total": float("nan")}, [("total", "wrong_kind")]),
    ({"total": 2**63}, [("total", "wrong_kind")]),
    ({"total": 10**5_000}, [("total", "wrong_kind")]),
    ({"total": "1.000"}, [("total", "wrong_kind")]),
    ({"women": 61}, [("women", "women_le_total")]),
    ({"total": 301}, [("total", "many")]),
    ({"total": 501}, [("link", "required"), ("total", "many")]),
    ({"held_on": "31/02/2022"}, [("held_on", "not_a_date")]),
    ({"held_on": "2022-02-31"}, [("held_on", "not_a_date")]),
    ({"held_on": "2022-05-31"}, [("held_on", "after_today")]),
    ({"held_on": "0001-01-01", "mask": None, "main_topic": None}, [("held_on", "unlikely_date"), ("held_on", "form_not_in_force")]),
    ({"held_on": "9999-12-31", "mask": None}, [("held_on", "unlikely_date"), ("unit", "unit_not_in_force")]),
    ({"topics": ["law", "sport"]}, [("topics", "not_chosen")]),
    ({"topics": ["law", "law"]}, [("topics", "twice")]),
    ({"topics": ["law", "gbv", "covid"]}, [("topics", "too_many")]),
    ({"main_topic": "sport"}, [("main_topic", "not_chosen")]),
    ({"link": "trang nhà"}, [("link", "not_a_url")]),
    ({"unit": "nowhere"}, [("unit", "unknown_unit")]),
    ({"unit": None}, [("unit", "required")]),
    ({"state": "gone"}, [("state", "unknown_state")]),
    ({"guests": [{"id": ROW, "name": "An"}]}, []),
    ({"guests": [{"id": ROW}]}, [(f"guests/{ROW}/name", "required")]),
    ({"guests": [{"id": ROW, "name": "x" * 21}, {"id": OTHER, "name": 3, "paid": -1}]},
     [(f"guests/{ROW}/name", "too_long"), (f"guests/{OTHER}/name", "wrong_kind"), (f"guests/{OTHER}/paid", "too_small")]),
    ({"guests": [{"id": ROW, "name": "An", "paid": 101}]}, [(f"guests/{ROW}/why", "required")]),
    ({"guests": [{"id": ROW, "name": "An", "paid": 100}]}, []),
    ({"guests": "An"}, [("guests", "wrong_kind")]),
    ({"guests": [{"name": "An"}]}, [("guests", "wrong_kind")]),
    ({"guests": [{"id": ROW, "name": "A"}, {"id": ROW, "name": "B"}]}, [("guests", "twice")]),
    ({"answers": [{"id": "R01", "yes": True}, {"id": "R09", "yes": False}]}, [("answers/R09", "not_chosen")]),
    ({"answers": [{"id": "R01"}]}, [("answers/R01/yes", "required")]),
    ({"no_such_field": 1}, []),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_b08_what_is_wrong_is_told_at_its_path(
    catalogue: Catalogue, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert told(judge(catalogue, changes)) == expected


def test_everything_is_told_at_once_errors_first(catalogue: Catalogue) -> None:
    problems = judge(
        catalogue, {"school": None, "main_topic": "law", "held_on": "2023-01-01", "total": 301, "women": 302, "topics": ["x"], "guests": [{"id": ROW}]}
    )  # fmt: skip
    assert told(problems) == [
        ("held_on", "after_today"), ("topics", "not_chosen"), ("school", "required"), (f"guests/{ROW}/name", "required"),
        ("women", "women_le_total"), ("total", "many"),
    ]  # fmt: skip
    assert [one.level for one in problems] == ["error"] * 5 + ["warning"]


def test_a_draft_may_lack_but_is_told_what_is_wrong(catalogue: Catalogue) -> None:
    assert validate(catalogue.types["meeting"], {}, today=TODAY, catalogue=catalogue) == []
    assert told(judge(catalogue, {"title": None, "total": 301, "women": 302, "guests": [{"id": ROW}]}, stage="draft")) == [
        ("women", "women_le_total")
    ]
    with pytest.raises(ValueError, match="sent"):
        judge(catalogue, {}, stage="sent")


def test_b08_a_rule_names_its_numbers_as_written_here(catalogue: Catalogue) -> None:
    (rule,) = judge(catalogue, {"total": 299, "women": 300})
    assert rule.text("vi") == "Số nữ (300) nhiều hơn tổng (299) về Bạo lực."
    assert rule.text("en") == "More women (300) than people (299) on Violence."
    (many,) = judge(catalogue, {"total": 1_000, "link": "https://a.vn"})
    assert many.text("vi") == "Có đúng 1.000 người không?"


SHOWN: list[tuple[str, dict[str, Any], bool]] = [
    ("school", {"main_topic": "law"}, True),
    ("school", {"main_topic": "gbv"}, False),
    ("school", {"main_topic": None}, False),
    ("mask", {}, True),
    ("mask", {"held_on": "2020-03-01"}, True),
    ("mask", {"held_on": "2020-02-29"}, False),
    ("mask", {"held_on": None}, True),
    ("hamlets", {}, True),
    ("hamlets", {"unit": "town"}, False),
    ("hamlets", {"unit": None}, True),
]


@pytest.mark.parametrize(("name", "changes", "shown"), SHOWN)
def test_what_is_not_shown_is_neither_needed_nor_judged(catalogue: Catalogue, name: str, changes: dict[str, Any], shown: bool) -> None:
    meeting = catalogue.types["meeting"]
    values = {key: value for key, value in {**MEETING, **changes}.items() if value is not None}
    assert is_shown(meeting, name, values, today=TODAY, catalogue=catalogue) is shown
    asked = (name, "required") in told(judge(catalogue, {**changes, name: None}))
    assert asked is shown
    if name == "hamlets":
        assert ((name, "too_large") in told(judge(catalogue, {**changes, name: 1_001}))) is shown


def test_a_field_of_a_row_is_shown_by_its_own_row(catalogue: Catalogue) -> None:
    meeting = catalogue.types["meeting"]
    for paid, shown in ((101, True), (99, False)):
        assert is_shown(meeting, "guests/why", MEETING, today=TODAY, catalogue=catalogue, row={"paid": paid}) is shown


def test_a_choice_is_judged_by_the_records_own_day(catalogue: Catalogue) -> None:
    assert told(judge(catalogue, {"main_topic": "gbv", "held_on": "2021-12-31"})) == [("main_topic", "choice_not_in_force")]
    assert told(judge(catalogue, {"topics": ["covid", "gbv"], "held_on": "2022-01-01"})) == []
    assert judge(catalogue, {"main_topic": "gbv", "held_on": None}, stage="draft") == []


def test_form_and_unit_are_asked_about(catalogue: Catalogue) -> None:
    (problem,) = judge(catalogue, {"unit": "district"})
    assert (problem.path, problem.code, problem.level) == ("unit", "form_not_for_unit", "warning")
    (problem,) = judge(catalogue, {"unit": "ward"})
    assert (problem.path, problem.code, problem.level) == ("unit", "unit_not_in_force", "warning")
    assert "Phường" in problem.text("vi") and "Ward" in problem.text("en")
    assert told(judge(catalogue, {"held_on": "2009-01-01", "mask": None, "main_topic": None})) == [("held_on", "form_not_in_force")]


def test_a_rule_stands_where_it_can_be_seen(catalogue: Catalogue) -> None:
    """Its first field is hidden: the next; none is shown: it is silent."""
    texts = {**TINY, "record_types/meeting.yaml": TINY["record_types/meeting.yaml"].replace(
        "fields: [women, total]", "fields: [school, women]").replace("check: \"women <= total\"", "check: \"women <= total and empty(school)\"")}
    other = Catalogue.from_texts(texts)
    assert told(judge(other, {"women": 61, "main_topic": "gbv"})) == [("women", "women_le_total")]
    alone = Catalogue.from_texts({**texts, "record_types/meeting.yaml": texts["record_types/meeting.yaml"].replace(
        "fields: [school, women]", "fields: [school]")})
    assert told(judge(alone, {"women": 61, "main_topic": "gbv"})) == []


def test_computed_fields_follow_each_other_and_are_never_taken_from_outside(catalogue: Catalogue) -> None:
    meeting = catalogue.types["meeting"]
    given_values = {**MEETING, "men": 999, "guests": [{"id": ROW, "paid": 100}, {"id": OTHER, "paid": 250}]}
    full = complete(meeting, given_values, catalogue, TODAY)
    assert (full["men"], full["share"], full["paid_total"]) == (20, pytest.approx(100 / 3), 350)
    assert given_values["men"] == 999
    assert "men" not in complete(meeting, {"total": 5, "men": 3}, catalogue, TODAY)
    assert "share" not in complete(meeting, {"total": 0, "women": 0}, catalogue, TODAY)


def test_a_computed_field_of_a_row_sees_its_row_and_the_record(catalogue: Catalogue) -> None:
    text = TINY["record_types/meeting.yaml"].replace(
        "      why:", '      part: {kind: decimal, label: {vi: Phần, en: Part}, computed: "paid / paid_sum"}\n      why:'
    ).replace("  paid_total:", '  paid_sum: {kind: money, label: {vi: Cộng, en: Sum}, computed: "total * 2"}\n  paid_total:')  # fmt: skip
    other = Catalogue.from_texts({**TINY, "record_types/meeting.yaml": text})
    full = complete(other.types["meeting"], {"total": 5, "guests": [{"id": ROW, "paid": 5}, {"id": OTHER}, "x"]}, other, TODAY)
    assert full["guests"] == [{"id": ROW, "paid": 5, "part": 0.5}, {"id": OTHER}, "x"]


def test_sealed_values_count_as_given_and_rules_about_them_are_silent(catalogue: Catalogue) -> None:
    sealed = {"opened_on": "2022-05-04", "name": Sealed("x"), "age": Sealed("y"), "children": [{"id": ROW, "age": Sealed("z")}]}
    assert judge(catalogue, sealed, code="victim") == []
    assert told(judge(catalogue, {"opened_on": "2022-05-04", "name": None}, code="victim")) == [("name", "required")]
    assert told(judge(catalogue, {**sealed, "age": 9, "children": None}, code="victim")) == [("age", "adult")]


def test_no_confidential_value_is_ever_told(catalogue: Catalogue) -> None:
    planted = "Nguyễn Thị Mẫu"
    problems = judge(
        catalogue, {"opened_on": planted, "name": [planted], "age": planted, "note": 5, "children": [{"id": ROW, "age": planted}]}, code="victim"
    )  # fmt: skip
    assert len(problems) >= 5 and planted not in repr(problems) + "".join(one.text("vi") + one.text("en") for one in problems)


def test_blank_is_not_zero(catalogue: Catalogue) -> None:
    asked = catalogue.choices["topic"]
    problems = zero_declarations(["law", "covid"], {"covid": 2}, asked)
    assert [(one.path, one.code, one.level) for one in problems] == [
        ("zero_declared/gbv", "zero_undeclared", "warning"), ("zero_declared/covid", "zero_contradicted", "error"),
    ]  # fmt: skip
    assert "Bạo lực" in problems[0].text("vi") and "COVID-19" in problems[1].text("en") and "2" in problems[1].text("en")
    assert zero_declarations(["law", "gbv", "covid"], {}, asked) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates().map(date.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "paid"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_values_make_validation_fail(data: st.DataObject) -> None:
    catalogue = Catalogue.from_texts(TINY)
    for record_type in catalogue.types.values():
        values = data.draw(st.dictionaries(st.sampled_from([*record_type.fields]), anything))
        for stage in ("draft", "submit"):
            for problem in validate(record_type, values, stage=stage, today=TODAY, catalogue=catalogue):
                assert problem.text("vi") and problem.text("en")
