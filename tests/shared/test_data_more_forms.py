"""The sixteen forms beside the half-year report's twelve: the least that is enough, each rule by an example, what is computed."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from shared.catalogue import Catalogue, load_catalogue
from shared.validate import complete, validate

TODAY = date(2022, 5, 30)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


ID = "01890a5d-ac96-774b-bcce-b302099a8057"
SHORTEST: dict[str, dict[str, Any]] = {
    "inspection": {"inspected_unit": "long_khanh_a", "done_on": "2022-04-01"},
    "coordination": {"held_on": "2022-04-01", "subject": "Họp Ban Vì sự tiến bộ của phụ nữ"},
    "model_check": {"model": ID, "checked_on": "2022-04-01", "working": True},
    "criterion_assessment": {"assessed_on": "2022-04-01", "criterion_set": "NTM-2021"},
    "contact_ban": {"case": ID, "asked_by": "survivor", "asked_at": "2022-04-01T07:00+07:00", "victim_agrees": True},
    "plan": {"year": 2022, "programme": "annual"},
    "target": {"year": 2022, "indicator": "NQ28-3.2a", "planned": 80},
    "budget": {"year": 2022, "lines": [{"id": "AAAAAAAAAAA", "item": "communication", "planned": 5_000_000}]},
    "mainstreaming": {"document": "Nghị quyết phát triển kinh tế – xã hội năm 2022"},
    "gender_statistics": {"as_of": "2022-05-30"},
    "media_monitoring": {"period": "2022-H1", "items_total": 120},
    "exemplar": {"deed": "Chia sẻ việc nhà, vận động hàng xóm."},
    "village_convention": {"hamlet": "thuong_thoi_tien_thuong", "reviewed_on": "2022-04-01", "discriminates": False},
    "gender_commitment": {"body": "Đảng ủy xã", "signed_on": "2022-04-01"},
    "enterprise": {"name": "Hợp tác xã mẫu"},
    "review_15y": {"period": "2022-R15", "results": "Kết quả."},
}
"""The least that each of the sixteen can be submitted with (warnings may ask)."""


def errors(catalogue: Catalogue, code: str, values: dict[str, Any]) -> list[tuple[str, str]]:
    found = validate(catalogue.types[code], {"unit": "long_khanh_a", **values}, stage="submit", today=TODAY, catalogue=catalogue)
    return [(one.path, one.code) for one in found if one.level == "error"]


@pytest.mark.parametrize("code", SHORTEST)
def test_the_shortest_record_has_no_error(catalogue: Catalogue, code: str) -> None:
    assert errors(catalogue, code, SHORTEST[code]) == []


@pytest.mark.parametrize("code", SHORTEST)
def test_a_draft_may_lack_everything(catalogue: Catalogue, code: str) -> None:
    assert validate(catalogue.types[code], {"unit": "long_khanh_a"}, stage="draft", today=TODAY, catalogue=catalogue) == []


@pytest.mark.parametrize(
    ("code", "values", "path"),
    [
        ("inspection", {"done_on": "2022-04-01"}, "inspected_unit"),
        ("inspection", {"inspected_unit": "long_khanh_a"}, "done_on"),
        ("target", {"year": 2022, "indicator": "own", "planned": 1}, "own_text"),
        ("village_convention", {**SHORTEST["village_convention"], "discriminates": True}, "clause"),
        ("gender_commitment", {"body": "Đảng ủy xã"}, "informed_on"),
        ("contact_ban", {**SHORTEST["contact_ban"], "granted": "refused", "decided_at": "2022-04-01T08:00+07:00"}, "refused_reason"),
        ("budget", {"year": 2022, "lines": []}, "lines"),
    ],
)
def test_what_an_answer_makes_required(catalogue: Catalogue, code: str, values: dict[str, Any], path: str) -> None:
    assert errors(catalogue, code, values) == [(path, "required")]


BROKEN = [
    ("inspection", "done_has_findings", {"done_on": "2022-04-01"}),
    ("inspection", "women_reason_agrees", {"reason": ["many_female_workers"], "enterprise": "A", "workers_total": 90, "workers_female": 20}),
    ("coordination", "somebody_else", {"held_on": "2022-04-01"}),
    ("model_check", "idle_model", {"working": False, "next_step": "keep"}),
    ("model_check", "helped_while_idle", {"working": False, "helped_total": 2}),
    ("criterion_assessment", "declared_agrees", {"declared": "met", "criterion_set": "NTM-2021", "items": [{"met": False}]}),
    ("criterion_assessment", "all_answered", {"criterion_set": "NTM-2021", "items": [{"met": True}]}),
    ("contact_ban", "decided_in_time", {"asked_at": "2023-08-01T07:00+07:00", "decided_at": "2023-08-01T19:01+07:00"}),
    ("contact_ban", "decided_after_asked", {"asked_at": "2023-08-01T07:00+07:00", "decided_at": "2023-08-01T06:00+07:00"}),
    ("contact_ban", "at_most_days", {"from_at": "2023-08-01T07:00+07:00", "to_at": "2023-08-04T07:01+07:00"}),
    ("contact_ban", "ends_after_it_begins", {"from_at": "2023-08-01T07:00+07:00", "to_at": "2023-08-01T07:00+07:00"}),
    ("contact_ban", "begins_when_decided", {"decided_at": "2023-08-01T07:00+07:00", "from_at": "2023-08-01T06:00+07:00"}),
    ("contact_ban", "agreement", {"granted": "granted", "asked_by": "body", "victim_agrees": False}),
    ("contact_ban", "decided_has_outcome", {"decided_at": "2023-08-01T07:00+07:00", "granted": "pending"}),
    ("plan", "years_in_order", {"from_year": 2025, "to_year": 2021}),
    ("plan", "year_within", {"year": 2020, "from_year": 2021, "to_year": 2025}),
    ("plan", "issued_has_number", {"issued_on": "2022-02-01"}),
    ("plan", "not_yet_issued", {"year": 2022}),
    ("target", "own_has_measure", {"indicator": "own"}),
    ("target", "percent_at_most_100", {"unit_of_measure": "%", "planned": 101}),
    ("target", "result_percent_at_most_100", {"unit_of_measure": "%", "achieved": 101}),
    ("target", "not_met_explained", {"planned": 80, "achieved": 70}),
    ("budget", "spent_within_allocated", {"lines": [{"allocated": 5, "spent": 6}]}),
    ("budget", "settled_within_spent", {"lines": [{"spent": 5, "settled": 6}]}),
    ("mainstreaming", "not_yet_issued", {"document": "Nghị quyết"}),
    ("mainstreaming", "issue_named", {"document": "Nghị quyết"}),
    ("gender_statistics", "loans_given_le_wanted", {"loans_given_female": 3, "loans_wanted_female": 2}),
    ("gender_statistics", "standing_le_committee", {"party_standing_total": 16, "party_committee_total": 15}),
    ("media_monitoring", "staff_adds_up", {"staff_total": 3, "reporters_total": 2, "editors_total": 2}),
    ("media_monitoring", "sample_described", {"items_total": 20}),
    ("exemplar", "date_given", {"deed": "Việc làm"}),
    ("village_convention", "reviewed_after_approved", {"reviewed_on": "2022-01-01", "approved_on": "2022-02-01"}),
    ("village_convention", "fixed_after_reviewed", {"fixed_on": "2022-01-01", "reviewed_on": "2022-02-01"}),
    ("gender_commitment", "signed_after_informed", {"signed_on": "2022-01-01", "informed_on": "2022-02-01"}),
    ("gender_commitment", "signed_but_not_informed", {"signed_on": "2022-01-01"}),
    ("review_15y", "proposals_given", {"results": "Kết quả"}),
    ("review_15y", "years_given", {"results": "Kết quả"}),
]
"""Values that break a rule of the sixteen; rules of the form `a <= b` are broken by their form."""


def broken(catalogue: Catalogue, code: str, rule_code: str, values: dict[str, Any]) -> bool:
    """Whether the rule applies to the values and does not hold."""
    record_type = catalogue.types[code]
    rule = next(one for one in record_type.rules if one.code == rule_code)
    known = complete(record_type, values, catalogue, TODAY)
    if rule.when is not None and not rule.when.evaluate(known, TODAY, catalogue.value_of_series):
        return False
    return rule.check.evaluate(known, TODAY, catalogue.value_of_series) is False


@pytest.mark.parametrize(("code", "rule", "values"), BROKEN)
def test_a_rule_is_broken_by_its_example(catalogue: Catalogue, code: str, rule: str, values: dict[str, Any]) -> None:
    assert broken(catalogue, code, rule, values)


def test_every_rule_of_the_sixteen_has_an_example_or_is_a_pair(catalogue: Catalogue) -> None:
    told = {(code, rule) for code, rule, _ in BROKEN}
    for code in SHORTEST:
        for rule in catalogue.types[code].rules:
            pair = re.fullmatch(r"([a-z_]\w*) <= ([a-z_]\w*)", rule.check.text)
            if pair:
                small, large = pair.groups()
                assert broken(catalogue, code, rule.code, {small: 3, large: 2}), (code, rule.code)
                assert not broken(catalogue, code, rule.code, {small: 2, large: 2}), (code, rule.code)
                assert not broken(catalogue, code, rule.code, {small: 2}), (code, rule.code)
            else:
                assert (code, rule.code) in told, (code, rule.code)


ANSWERED = [{"met": True}] * 5


@pytest.mark.parametrize(
    ("code", "field", "values", "expected"),
    [
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2016", "items": ANSWERED}, "met"),
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2016", "items": ANSWERED[:4]}, "incomplete"),
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2016", "items": [*ANSWERED[:4], {"met": False}]}, "not_met"),
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2021", "items": ANSWERED}, "incomplete"),
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2021", "items": ANSWERED, "items_children": ANSWERED[:2]}, "met"),
        ("criterion_assessment", "conclusion", {"criterion_set": "NTM-2016", "items": ANSWERED, "items_children": [{"met": False}]}, "met"),
        ("criterion_assessment", "met_total", {"criterion_set": "NTM-2021", "items": ANSWERED, "items_children": ANSWERED[:2]}, 7),
        ("target", "assessment", {"planned": 80, "achieved": 80}, "met"),
        ("target", "assessment", {"planned": 80, "achieved": 90}, "exceeded"),
        ("target", "assessment", {"planned": 80, "achieved": 70}, "not_met"),
        ("target", "assessment", {"planned": 80}, "not_assessed"),
        ("target", "assessment", {"planned": 111, "achieved": 108, "direction": "at_most"}, "exceeded"),
        ("target", "assessment", {"planned": 111, "achieved": 113, "direction": "at_most"}, "not_met"),
        ("target", "completion", {"planned": 80, "achieved": 60}, 75),
        ("target", "completion", {"planned": 0, "achieved": 60}, None),
        ("enterprise", "many_female_workers", {"workers_total": 20, "workers_female": 10}, True),
        ("enterprise", "many_female_workers", {"workers_total": 18, "workers_female": 9}, False),
        ("enterprise", "many_female_workers", {"workers_total": 300, "workers_female": 99}, False),
        ("enterprise", "many_female_workers", {"workers_total": 330, "workers_female": 100}, True),
        ("enterprise", "many_female_workers", {"workers_total": 9000, "workers_female": 1000}, True),
        ("enterprise", "many_female_workers", {"workers_total": 20}, None),
        ("gender_statistics", "leaders_share", {"council_leaders_total": 2, "council_leaders_female": 1, "committee_leaders_total": 3, "committee_leaders_female": 1}, 40),
        ("gender_statistics", "commune_woman_leader", {"party_secretaries_female": 0, "council_leaders_female": 1, "committee_leaders_female": 0}, True),
        ("gender_statistics", "sex_ratio_at_birth", {"births_total": 213, "births_female": 100}, 113),
        ("gender_statistics", "party_committee_share", {"party_committee_total": 0, "party_committee_female": 0}, None),
        ("media_monitoring", "men_as_subject", {"subjects_total": 50, "women_as_subject": 20}, 30),
        ("budget", "settled_total", {"lines": [{"settled": 5}, {"settled": 6}, {}]}, 11),
        ("plan", "tasks_done", {"tasks": [{"status": "done"}, {"status": "doing"}]}, 1),
        ("review_15y", "participants_total", {"years": [{"participants": 5}, {"no_data": True}]}, 5),
    ],
)
def test_what_is_computed(catalogue: Catalogue, code: str, field: str, values: dict[str, Any], expected: Any) -> None:
    assert complete(catalogue.types[code], values, catalogue, TODAY).get(field) == expected
