"""The twelve forms of the half-year report, judged as an officer would meet them: six answers are enough, and each rule speaks."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from shared.catalogue import Catalogue, load_catalogue
from shared.validate import Problem, complete, validate

TODAY = date(2022, 5, 30)
CASE = "01890a5d-ac96-774b-bcce-b302099a8057"

ENOUGH: dict[str, dict[str, Any]] = {
    "communication_activity": {
        "title": "Nói chuyện chuyên đề tại ấp", "held_on": "2022-05-04", "form": "community_talk", "topics": ["gbv"],
        "participants_total": 62, "participants_female": 40,
    },
    "broadcast": {"title": "Luật Bình đẳng giới", "published_on": "2022-05-04", "channel": "commune_radio"},
    "material_movement": {"moved_on": "2022-05-04", "kind": "received", "material": "leaflet", "quantity": 500},
    "training": {
        "title": "Tập huấn lồng ghép giới", "from_date": "2022-05-04", "to_date": "2022-05-05", "participants_total": 30,
        "participants_female": 18,
    },
    "committee": {"decision_no": "45/QĐ-UBND", "decided_on": "2022-03-01"},
    "directive_document": {"number": "12/KH-UBND", "issued_on": "2022-03-01", "summary": "Kế hoạch công tác bình đẳng giới năm 2022"},
    "model": {"kind": "club_family", "name": "CLB Gia đình phát triển bền vững ấp Long Phước"},
    "gbv_incident": {
        "known_at": "2022-05-04T14:05+07:00", "violence": ["psychological"], "danger_now": False,
        "victims": [{"id": "AAAAAAAAAAA", "sex": "female", "age_group": "age_25_39"}],
    },
    "gbv_case": {
        "opened_on": "2022-05-05", "full_name": "Người mẫu", "sex": "female", "safe_contact": "Gọi buổi sáng", "legal_ground": "duty",
        "needs": [{"id": "AAAAAAAAAAA", "need": "safety", "wanted": True, "met": False}],
    },
    "case_support": {"case": CASE, "given_on": "2022-05-06", "service": "medical", "provider": "health"},
    "difficulty": {"raised_on": "2022-05-04", "content": "Thiếu kinh phí tuyên truyền."},
    "periodic_report": {"period": "2022-H1", "kind": "half_year", "strengths": "Đạt kế hoạch.", "limits": "Kinh phí còn ít."},
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def judged(catalogue: Catalogue, code: str, changes: Mapping[str, Any], *, today: date = TODAY) -> list[Problem]:
    values = {"unit": "long_khanh_a", **ENOUGH[code], **changes}
    given = {name: value for name, value in values.items() if value is not None}
    return validate(catalogue.types[code], given, stage="submit", today=today, catalogue=catalogue)


@pytest.mark.parametrize("code", ENOUGH)
def test_the_shortest_record_can_be_submitted(catalogue: Catalogue, code: str) -> None:
    assert judged(catalogue, code, {}) == []


@pytest.mark.parametrize("code", ENOUGH)
def test_what_is_required_is_in_the_first_section(catalogue: Catalogue, code: str) -> None:
    record_type = catalogue.types[code]
    first = record_type.sections[0].fields
    assert not record_type.sections[0].folded
    assert [
        name for name, field in record_type.fields.items() if field.required and name != "unit" and name not in first
    ] == []


def test_an_activity_needs_six_answers(catalogue: Catalogue) -> None:
    needed = ENOUGH["communication_activity"]
    assert len(needed) == 6
    for name in needed:
        assert [(one.path, one.code) for one in judged(catalogue, "communication_activity", {name: None})] == [
            (name, "required")
        ]


BROKEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("communication_activity", {"participants_female": 63}, "error", "female_le_total"),
    ("communication_activity", {"participants_children": 63}, "error", "children_le_total"),
    ("communication_activity", {"participants_children": 5, "children_boys": 6}, "error", "boys_le_children"),
    ("communication_activity", {"participants_children": 40, "children_boys": 23}, "error", "boys_le_male"),
    ("communication_activity", {"participants_total": 0, "participants_female": 0}, "warning", "nobody_came"),
    ("communication_activity", {"participants_total": 3001}, "warning", "very_many"),
    ("communication_activity", {"campaign": "action_month"}, "warning", "month_dates"),
    ("communication_activity", {"funding": "none", "cost": 1}, "warning", "cost_without_funding"),
    ("communication_activity", {"form": "school_session", "pupils": 63}, "warning", "pupils_le_total"),
    ("broadcast", {"minutes": 61}, "warning", "long_broadcast"),
    ("broadcast", {"times": 201}, "warning", "many_times"),
    ("material_movement", {"kind": "installed", "hung_from": "2022-05-02", "hung_to": "2022-05-01"}, "error", "hung_order"),
    ("material_movement", {"kind": "distributed"}, "warning", "distributed_to_somebody"),
    ("training", {"participants_female": 31}, "error", "female_le_total"),
    ("training", {"to_date": "2022-05-03"}, "error", "dates_in_order"),
    ("training", {"attendees": [{"id": "AAAAAAAAAAA", "sex": "female"}]}, "warning", "list_matches_total"),
    ("training", {"attendees": [{"id": "AAAAAAAAAAA", "sex": "female"}]}, "warning", "list_matches_female"),
    (
        "committee",
        {"members": [{"id": "AAAAAAAAAAA", "sex": "female", "position": "Hội LHPN", "role": "member"}]},
        "warning",
        "one_head",
    ),
    ("committee", {"valid_to": "2022-02-01"}, "error", "valid_after_decision"),
    ("model", {"members_total": 5, "members_female": 6}, "error", "female_le_total"),
    ("model", {"status": "active"}, "warning", "active_has_decision"),
    ("model", {"kind": "trusted_address"}, "error", "required"),
    ("model", {"meets_standard": ["decision"]}, "warning", "decision_ticked"),
    ("gbv_incident", {"happened_on": "2022-05-05"}, "error", "happened_before_known"),
    (
        "gbv_incident",
        {"victims": [{"id": "AAAAAAAAAAA", "sex": "male", "age_group": "age_11_15"}]},
        "warning",
        "child_12_hours",
    ),
    ("gbv_incident", {"danger_now": True}, "warning", "danger_12_hours"),
    ("gbv_incident", {"danger_now": True, "told": ["health"]}, "warning", "danger_told"),
    ("gbv_incident", {"injury": "serious"}, "warning", "danger_12_hours"),
    ("gbv_incident", {"injury": "death", "told": ["commune"]}, "warning", "death_told"),
    ("gbv_incident", {"violence": ["sexual"]}, "warning", "no_mediation"),
    ("gbv_incident", {"violence": ["child_abuse"], "told": ["police"]}, "warning", "child_abuse_age"),
    ("gbv_incident", {"verified": "closed"}, "warning", "closed_handled"),
    ("gbv_case", {"legal_ground": "consent"}, "error", "consent_recorded"),
    ("gbv_case", {"is_child": True}, "warning", "child_has_guardian"),
    ("gbv_case", {"is_child": True}, "warning", "child_assessed"),
    ("gbv_case", {"is_child": True, "birth_year": 1990}, "warning", "child_age"),
    ("gbv_case", {"birth_year": 2012}, "warning", "child_not_marked"),
    (
        "gbv_case",
        {"birth_date_known": True, "birth_date": "1990-01-01", "birth_year": 1991},
        "error",
        "birth_year_agrees",
    ),
    (
        "gbv_case",
        {"safe_tonight": "no", "needs": [{"id": "AAAAAAAAAAA", "need": "legal"}]},
        "warning",
        "not_safe_tonight",
    ),
    ("gbv_case", {"decree20": ["community_care", "none"]}, "error", "decree20_none_alone"),
    (
        "gbv_case",
        {"case_state": "closed", "closed_on": "2022-05-01", "closed_reason": "safe"},
        "error",
        "closed_after_opened",
    ),
    (
        "gbv_case",
        {"case_state": "closed", "closed_on": "2022-05-20", "closed_reason": "safe"},
        "warning",
        "closed_with_unmet_needs",
    ),
    ("gbv_case", {"case_state": "closed"}, "error", "required"),
    ("case_support", {"legal_basis": "decree20"}, "error", "decree20_has_decision"),
    (
        "case_support",
        {"legal_basis": "decree20", "decision_no": "1/QĐ-UBND", "coefficient": 10, "months": 1, "amount": 3_600_001},
        "warning",
        "amount_within_rule",
    ),
    ("case_support", {"service": "safety", "nights": 0}, "warning", "sheltered_nights"),
    ("case_support", {"follow_up_on": "2022-05-05"}, "error", "follow_up_later"),
    ("difficulty", {"answered_on": "2022-05-03"}, "error", "answered_after_raised"),
    ("difficulty", {"answer_state": "answered"}, "error", "answer_has_text"),
    ("difficulty", {"to": ["other"]}, "error", "required"),
    ("periodic_report", {"strengths": None, "limits": None}, "warning", "limits_written"),
    ("periodic_report", {"kind": "year"}, "warning", "year_estimated"),
]


@pytest.mark.parametrize(
    ("code", "changes", "level", "rule"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_b08_each_rule_speaks_in_both_languages(
    catalogue: Catalogue, code: str, changes: dict[str, Any], level: str, rule: str
) -> None:
    told = [one for one in judged(catalogue, code, changes) if one.code == rule]
    assert [one.level for one in told][:1] == [level]
    for language in ("vi", "en"):
        assert told[0].text(language) and "{" not in told[0].text(language)


def test_every_rule_of_the_twelve_forms_is_broken_above(catalogue: Catalogue) -> None:
    broken = {(code, rule) for code, _, _, rule in BROKEN}
    assert {(code, rule.code) for code in ENOUGH for rule in catalogue.types[code].rules} <= broken


def test_action_month_dates_are_accepted(catalogue: Catalogue) -> None:
    for day in ("2021-11-15", "2021-12-15"):
        assert judged(catalogue, "communication_activity", {"campaign": "action_month", "held_on": day}) == []


def test_decree20_pending_or_within_the_standard_is_accepted(catalogue: Catalogue) -> None:
    assert judged(catalogue, "case_support", {"legal_basis": "decree20", "decision_pending": True}) == []
    paid = {"legal_basis": "decree20", "decision_no": "1/QĐ-UBND", "coefficient": 10, "months": 1, "amount": 3_600_000}
    assert judged(catalogue, "case_support", paid) == []


@pytest.mark.parametrize(
    ("day", "amount"),
    [("2021-07-01", 3_600_000), ("2024-06-30", 3_600_000), ("2024-07-01", 5_000_000), ("2026-07-01", 5_400_000)],
)
def test_ten_times_the_standard_level_of_the_day(catalogue: Catalogue, day: str, amount: int) -> None:
    values = {**ENOUGH["case_support"], "given_on": day, "coefficient": 10, "months": 1}
    assert complete(catalogue.types["case_support"], values, catalogue, TODAY)["entitled"] == amount


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        ({}, 24),
        ({"danger_now": None}, 24),
        ({"danger_now": True}, 12),
        ({"injury": "light"}, 24),
        ({"injury": "serious"}, 12),
        ({"injury": "death", "danger_now": None}, 12),
        ({"victims": [{"id": "a", "sex": "female", "age_group": "age_16_17"}]}, 24),
        ({"victims": [{"id": "a", "sex": "female", "age_group": "age_11_15"}]}, 12),
        ({"victims": [{"id": "a", "age_group": "age_60_plus"}, {"id": "b", "age_group": "age_0_5"}]}, 12),
    ],
)
def test_hours_allowed_for_an_incident(catalogue: Catalogue, changes: dict[str, Any], hours: int) -> None:
    values = {name: value for name, value in {**ENOUGH["gbv_incident"], **changes}.items() if value is not None}
    assert complete(catalogue.types["gbv_incident"], values, catalogue, TODAY)["hours_allowed"] == hours


def assessment(instrument: str, answers: Mapping[str, str], day: str = "2022-05-05") -> list[dict[str, str]]:
    return [
        {"id": f"{day}{item}", "assessed_on": day, "instrument": instrument, "item": item, "answer": answer}
        for item, answer in answers.items()
    ]


ADULT = [f"R{number:02}" for number in range(1, 16)]
ALL_NO = dict.fromkeys(ADULT, "no")
ALL_LOW = {**dict.fromkeys(("T1", "T2", "T3", "T4"), "low"), **dict.fromkeys(("T5", "T6", "T7", "T8"), "high")}
MILD = ("R01", "R06", "R07", "R08", "R10", "R11", "R12")


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        ([], None),
        (assessment("risk_adult", ALL_NO), "low"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD[:2], "yes")}), "low"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD[:3], "yes")}), "medium"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD[:6], "yes")}), "medium"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD, "yes")}), "high"),
        (assessment("risk_adult", {**ALL_NO, "R04": "yes"}), "high"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD[:4], "unknown")}), "low"),
        (assessment("risk_adult", {**ALL_NO, **dict.fromkeys(MILD[:5], "unknown")}), "not_enough"),
        (assessment("risk_adult", {**dict.fromkeys(ADULT, "unknown"), "R02": "yes"}), "high"),
        (assessment("risk_adult", {"R01": "no"}), "not_enough"),
        (assessment("risk_adult", {**ALL_NO, "R04": "yes"}) + assessment("risk_adult", ALL_NO, "2022-05-25"), "low"),
        (assessment("risk_child", ALL_LOW), "low"),
        (assessment("risk_child", {**ALL_LOW, "T2": "high"}), "medium"),
        (assessment("risk_child", {**ALL_LOW, "T5": "low"}), "medium"),
        (assessment("risk_child", {**ALL_LOW, "T2": "high", "T5": "low", "T6": "low"}), "high"),
        (assessment("risk_child", {**ALL_LOW, "T1": "high"}), "high"),
    ],
)
def test_risk_level(catalogue: Catalogue, rows: list[dict[str, str]], level: str | None) -> None:
    values = {**ENOUGH["gbv_case"], "risk": rows}
    assert complete(catalogue.types["gbv_case"], values, catalogue, TODAY).get("risk_level") == level


def test_risk_questions_stand_once_in_words(catalogue: Catalogue) -> None:
    """The choices of the risk rows say what the instruments say."""
    asked = {
        item["code"]: (item["vi"], item["en"])
        for code in ("risk_adult", "risk_child")
        for item in catalogue.instruments[code]["items"]
    }
    assert {choice.code: (choice.label.vi, choice.label.en) for choice in catalogue.choices["risk_item"]} == asked


def test_what_identifies_a_person_is_confidential(catalogue: Catalogue) -> None:
    case = catalogue.types["gbv_case"]
    sealed = {name for name, field in case.fields.items() if field.confidential}
    assert sealed == {
        "full_name", "birth_year", "birth_date", "birth_date_known", "sex", "id_number", "ethnicity", "disability", "pregnant", "address",
        "phone", "safe_contact", "household", "children", "guardian", "wishes", "safety_plan", "note", "attachments",
    }  # fmt: skip
    assert case.sealed_by == "self" and catalogue.types["case_support"].sealed_by == "case"
    support = {name for name, field in catalogue.types["case_support"].fields.items() if field.confidential}
    assert support == {"model", "outcome", "victim_view", "note", "attachments"}
    for code in ("needs", "consent", "risk"):
        assert case.fields[code].sensitivity != "confidential"


def test_an_incident_holds_no_identity(catalogue: Catalogue) -> None:
    incident = catalogue.types["gbv_incident"]
    names = set(incident.fields) | {sub for field in incident.fields.values() for sub in field.fields}
    assert incident.urgent
    assert not names & {"name", "full_name", "address", "phone", "id_number", "birth_year", "birth_date"}


def test_measures_follow_the_law_of_the_day(catalogue: Catalogue) -> None:
    measures = catalogue.types["gbv_incident"].fields["perpetrators"].fields["measures"].choices
    before = {one.code for one in measures if one.valid_on(date(2023, 6, 30))}
    after = {one.code for one in measures if one.valid_on(date(2023, 7, 1))}
    assert len(before) == 5 and len(after) == 11


def test_covid_question_ends_with_2022(catalogue: Catalogue) -> None:
    field = catalogue.types["communication_activity"].fields["covid_format"]
    assert field.valid_on(date(2022, 12, 31)) and not field.valid_on(date(2023, 1, 1))


def test_network_is_computed_from_the_channel(catalogue: Catalogue) -> None:
    broadcast = catalogue.types["broadcast"]
    for channel, expected in {
        "commune_radio": True,
        "zalo": True,
        "district_radio": False,
        "provincial_press": False,
    }.items():
        assert complete(broadcast, {"channel": channel}, catalogue, TODAY)["network"] is expected


def test_every_zero_declaration_is_a_record_type(catalogue: Catalogue) -> None:
    assert {one.code for one in catalogue.types["periodic_report"].fields["zero_declared"].choices} <= set(
        catalogue.types
    )


def test_the_letters_periods(catalogue: Catalogue) -> None:
    half, year = catalogue.periods.get("2022-H1"), catalogue.periods.get("2022-Y")
    assert (half.starts, half.ends, half.due) == (date(2021, 11, 15), date(2022, 5, 31), date(2022, 6, 1))
    assert (year.starts, year.ends, year.due) == (date(2021, 11, 15), date(2022, 11, 14), date(2022, 11, 15))
    following = catalogue.periods.get("2023-Y")
    assert (following.starts - year.ends).days == 1
    review = catalogue.periods.get("2022-R15")
    assert (review.starts, review.ends, review.due) == (date(2007, 7, 1), date(2022, 6, 30), None)
