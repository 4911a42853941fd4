"""The catalogue's data against the papers that order it: every type with its fields, every word in both languages."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shared.catalogue import Catalogue, Field, RecordType, load_catalogue

COMMON = ("unit", "note", "attachments", "state")

ORDERED = {
    # The twelve that feed the half-year report.
    "communication_activity": "title held_on days place form topics audience campaign participants_total participants_female participants_children children_boys participants_male_boys organiser partners speakers/name speakers/organisation covid_format cost funding result photos part event_code digital_means school classes pupils estimated evidence_kind",
    "broadcast": "title published_on channel genre topics times minutes link reach hamlet_speakers author is_monthly_feature network",
    "material_movement": "moved_on kind material title quantity source receiver receiver_group place location message size hung_from hung_to unit_of_measure",
    "training": "title from_date to_date organiser organiser_level level audience attendees/name attendees/sex attendees/position attendees/organisation participants_total participants_female content cost part event_code hours days topics evidence_kind",
    "committee": "decision_no decided_on kind members/name members/sex members/position members/role members/phone regulation valid_to",
    "directive_document": "number issued_on kind summary signer topic file",
    "model": "kind name address location founded_on decision_no manager phone hotline members_total members_female capacity equipment funding status hamlet owner_kind meets_standard trained_on public_listing",
    "gbv_incident": "known_at happened_on hamlet violence setting victims/sex victims/age_group victims/pregnant_or_nursing victims/disability injury danger_now perpetrators/sex perpetrators/age_group perpetrators/relation perpetrators/alcohol_or_drugs perpetrators/criminal_case perpetrators/measures perpetrators/counselled perpetrators/counselled_on source told first_action verified verified_by verified_on district_ack_at district_ack_by district_reply household_seen_before handled form_of_report assigned_to assigned_at help_asked",
    "gbv_case": "incident code full_name birth_year sex id_number ethnicity disability pregnant address phone safe_contact household children/birth_year children/sex children/school guardian consent/what consent/given consent/on consent/by consent/withdrawn_on legal_ground risk/assessed_on risk/instrument risk/item risk/answer risk_level decree20 decree20_decision needs/need needs/priority needs/wanted needs/met needs/date wishes safety_plan case_state closed_reason closed_on birth_date_known is_child documents referrals/to referrals/on referrals/accepted referrals/result form_01_done form_02_done plan_done",
    "case_support": "case given_on service provider model nights amount legal_basis outcome victim_view follow_up_on",
    "difficulty": "raised_on area content proposal to answer answered_on answer_state",
    "periodic_report": "period figures corrections/figure corrections/value corrections/reason strengths limits causes_objective causes_subjective directions recommendations_district recommendations_department recommendations_other signer number place_date addressees estimate_year compare_previous zero_declared annexes",
    # The other sixteen.
    "inspection": "planned_on done_on inspected_unit enterprise workers_total workers_female form reason findings recommendations/text recommendations/responsible recommendations/due recommendations/done recommendations/done_on decision_no conclusion_no inspectors/name kind period_inspected many_female_workers",
    "coordination": "held_on bodies subject decisions/text decisions/responsible decisions/due decisions/done",
    "model_check": "model checked_on working helped_total helped_female helped_children quality needs next_step",
    "criterion_assessment": "assessed_on criterion_set items/met items/evidence conclusion confirmed_by",
    "contact_ban": "case asked_by asked_at victim_agrees decided_at decision_no from_at to_at supervisor refused_reason violated ended",
    "plan": "year number issued_on programme tasks/content tasks/responsible tasks/due tasks/cost tasks/status tasks/result file focal_person staff budget from_year to_year parent_plan",
    "target": "year indicator unit_of_measure baseline planned achieved explanation parent estimate_year completion assessment",
    "budget": "year lines/item lines/planned lines/allocated lines/spent lines/settled lines/source estimate_basis planned_total allocated_total spent_total settled_total",
    "mainstreaming": "document kind issued_on gender_issue measure reviewed_by result",
    "gender_statistics": "as_of party_committee_total party_committee_female party_standing_total party_secretaries_total council_deputies_total council_leaders_total council_leaders_female committee_leaders_total committee_leaders_female union_leaders_total cell_secretaries_total hamlet_heads_total officials_total part_time_staff_total new_party_members_total planned_officials_total appointed_officials_total trained_officials_total directors_total new_jobs_total vocational_trained_total poor_households_total poor_households_female loans_wanted_total loans_given_total births_total births_female child_marriages_total forced_marriages_total adolescent_births antenatal_total antenatal_four dropouts_total primary_finished_total lower_secondary_finished_total",
    "media_monitoring": "period items_total sample_note items_on_gender women_as_subject men_as_subject roles/women roles/men positions/women positions/men stereotypes challenges_stereotype reporters_total reporters_female editors_total editors_female gender_policy workplace_policy leaders_total leaders_female staff_total staff_female trained_total trained_female women_quoted quoted_total items_on_women",
    "exemplar": "kind name sex hamlet deed spread_by commended/level commended/decision_no",
    "village_convention": "hamlet approved_on reviewed_on discriminates clause fixed_on",
    "gender_commitment": "body informed_on signed_on",
    "enterprise": "name hamlet director_sex workers_total workers_female union many_female_workers",
    # What a server makes for the level above.
    "consolidated_figures": "period counted_to figures/figure figures/name figures/value figures/shown figures/measure",
    "review_15y": "results advantages difficulties causes lessons law_articles/article law_articles/problem law_articles/proposal law_articles/amendment directions law_fields/results law_fields/limits law_fields/proposals years/documents years/activities years/participants years/cases years/supported years/budget years/no_data",
}
"""Type → the fields that the letter and the laws order, `rows/field` for those of a row."""

REQUIRED = {
    "inspection": "",
    "coordination": "held_on subject",
    "model_check": "model checked_on working",
    "criterion_assessment": "assessed_on criterion_set",
    "contact_ban": "case asked_by asked_at victim_agrees",
    "plan": "year programme",
    "target": "year indicator planned",
    "budget": "year lines",
    "mainstreaming": "document",
    "gender_statistics": "as_of",
    "media_monitoring": "period items_total",
    "exemplar": "deed",
    "village_convention": "hamlet reviewed_on discriminates",
    "gender_commitment": "body",
    "enterprise": "name",
    "review_15y": "period results",
}
"""Of the sixteen: what a record cannot be submitted without."""

ENGLISH = re.compile(
    r"\b(the|and|of|with|other|draft|submitted|returned|report|record|case|support|female|male|total|unknown|none|date|number|name|pending|offline)\b",
    re.IGNORECASE,
)
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def fields_of(record_type: RecordType) -> Iterator[tuple[str, Field]]:
    """Every field and every field of a row, by path."""
    for code, field in record_type.fields.items():
        yield code, field
        for sub_code, sub in field.fields.items():
            yield f"{code}/{sub_code}", sub


def labels_of(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Every label of types, choices, flows, roles, units, instruments and targets: where, vi, en."""
    for record_type in catalogue.types.values():
        yield record_type.code, record_type.label.vi, record_type.label.en
        for path, field in fields_of(record_type):
            at = f"{record_type.code}.{path}"
            for label in (field.label, field.help, field.unit_of_measure):
                if label is not None:
                    yield at, label.vi, label.en
            yield from ((f"{at}={one.code}", one.label.vi, one.label.en) for one in field.choices)
        yield from ((f"{record_type.code}/{one.code}", one.label.vi, one.label.en) for one in record_type.sections)
        yield from ((f"{record_type.code}!{one.code}", one.message.vi, one.message.en) for one in record_type.rules)
    for flow in catalogue.flows.values():
        yield from ((f"{flow.code}:{state}", label.vi, label.en) for state, label in flow.states.items())
    for role in catalogue.roles.values():
        yield role.code, role.label.vi, role.label.en
    yield from pairs("instruments", catalogue.instruments)
    yield from pairs("targets", catalogue.targets)
    yield from pairs("indicators", catalogue.indicators)
    yield from pairs("series", catalogue.series)


def pairs(at: str, node: Any) -> Iterator[tuple[str, str, str]]:
    """Every mapping with vi or en below a raw node."""
    if isinstance(node, dict):
        if "vi" in node or "en" in node:
            yield f"{at}.{node.get('code', '')}", node.get("vi", ""), node.get("en", "")
        for key, value in node.items():
            yield from pairs(f"{at}.{key}", value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from pairs(at, value)


def test_every_label_is_nfc_and_says_something(catalogue: Catalogue) -> None:
    wrong = [
        (at, text)
        for at, vi, en in labels_of(catalogue)
        for text in (vi, en)
        if not isinstance(text, str) or not text.strip() or text != text.strip() or unicodedata.normalize("NFC", text) != text
    ]
    assert wrong == []


def test_vietnamese_labels_hold_no_english(catalogue: Catalogue) -> None:
    assert [(at, vi) for at, vi, _ in labels_of(catalogue) if ENGLISH.search(PLACEHOLDER.sub("", vi))] == []


def test_the_types_are_those_that_are_ordered(catalogue: Catalogue) -> None:
    assert set(catalogue.types) == set(ORDERED)


@pytest.mark.parametrize("code", ORDERED)
def test_a_type_has_the_fields_that_are_ordered(catalogue: Catalogue, code: str) -> None:
    present = {path for path, _ in fields_of(catalogue.types[code])}
    assert {*ORDERED[code].split(), *COMMON} - present == set()


@pytest.mark.parametrize("code", REQUIRED)
def test_a_type_requires_what_is_starred_and_no_more(catalogue: Catalogue, code: str) -> None:
    required = {name for name, field in catalogue.types[code].fields.items() if field.required and name not in COMMON}
    assert required == set(REQUIRED[code].split())


def test_rule_messages_name_only_fields_and_nothing_confidential(catalogue: Catalogue) -> None:
    wrong = []
    for record_type in catalogue.types.values():
        for rule in record_type.rules:
            named = {*PLACEHOLDER.findall(rule.message.vi), *PLACEHOLDER.findall(rule.message.en)}
            wrong += [(record_type.code, rule.code, name) for name in named - set(record_type.fields)]
            wrong += [(record_type.code, rule.code, name) for name in named & set(record_type.fields) if record_type.fields[name].confidential]
    assert wrong == []


def test_a_rule_says_the_same_numbers_in_both_languages(catalogue: Catalogue) -> None:
    wrong = [
        (record_type.code, rule.code)
        for record_type in catalogue.types.values()
        for rule in record_type.rules
        if set(PLACEHOLDER.findall(rule.message.vi)) != set(PLACEHOLDER.findall(rule.message.en))
    ]
    assert wrong == []


def test_every_choice_list_is_used(catalogue: Catalogue) -> None:
    used = {field.choices_name for record_type in catalogue.types.values() for _, field in fields_of(record_type)}
    assert set(catalogue.choices) - used == set()


def test_a_form_begins_with_few_answers_and_folds_the_rest(catalogue: Catalogue) -> None:
    for record_type in catalogue.types.values():
        first = record_type.sections[0]
        assert not first.folded, record_type.code
        asked = {name for name, field in record_type.fields.items() if field.required and not field.computed and name != "unit"}
        folded = {name for section in record_type.sections if section.folded for name in section.fields}
        assert asked & folded == set(), record_type.code


def test_targets_are_those_of_the_four_decisions(catalogue: Catalogue) -> None:
    targets = {row["code"]: row for row in catalogue.targets}
    assert Counter(code.split("-")[0] for code in targets) == {"NQ28": 23, "QD2232": 2, "QD1790": 5, "QD45": 6}
    assert Counter(row["level"] for code, row in targets.items() if code.startswith("NQ28")) == {"commune": 7, "district": 5, "province": 11}
    known = {row["code"] for row in catalogue.indicators}
    for code, row in targets.items():
        assert row["dir"] in (">=", "<=", "<", "="), code
        assert row["source"] and isinstance(row["verified"], bool) and isinstance(row["from"], date), code
        assert row.get("t2025") or row.get("t2030"), code
        assert row.get("indicator") is None or row["indicator"] in known, code
        assert bool(row.get("goal")) is code.startswith("NQ28"), code
    assert targets["NQ28-6.3"]["judged_from"] == date(2025, 1, 1)
    assert {row.get("optional", False) for code, row in targets.items() if code.startswith("QD45")} == {True}


def test_goals_of_the_strategy_are_six(catalogue: Catalogue) -> None:
    assert len({row["goal"]["vi"] for row in catalogue.targets if row["code"].startswith("NQ28")}) == 6


def test_a_target_record_offers_every_target_in_the_same_words(catalogue: Catalogue) -> None:
    offered = {one.code: (one.label.vi, one.label.en) for one in catalogue.choices["national_target"] if one.code != "own"}
    assert offered == {row["code"]: (row["label"]["vi"], row["label"]["en"]) for row in catalogue.targets}


def test_criterion_items_and_the_sets_they_belong_to(catalogue: Catalogue) -> None:
    first, second = catalogue.instruments["NTM-2016"], catalogue.instruments["NTM-2021"]
    assert [item["code"] for item in first["items"]] == ["18.6-1", "18.6-2", "18.6-3", "18.6-4", "18.6-5"]
    assert [item["code"] for item in second["items"]] == ["18.5-6", "18.5-7"]
    assert first["to"] < second["from"]
    assert {item["auto"] for item in [*first["items"], *second["items"]]} <= set(catalogue.types)
    choices = {one.code: one for one in catalogue.types["criterion_assessment"].fields["criterion_set"].choices}
    for code, instrument in (("NTM-2016", first), ("NTM-2021", second)):
        assert (choices[code].valid_from, choices[code].valid_to) == (instrument["from"], instrument["to"])
    assert catalogue.types["criterion_assessment"].unit_kinds == ("commune",)


def test_media_indicators_stand_on_fields(catalogue: Catalogue) -> None:
    fields = catalogue.types["media_monitoring"].fields
    items = catalogue.instruments["media_indicators"]["items"]
    assert len(items) == 12
    for item in items:
        named = [item[key] for key in ("num", "den", "field", "rows") if key in item]
        assert named and set(named) <= set(fields), item["code"]
    assert catalogue.types["media_monitoring"].unit_kinds == ("media",)


def test_statistics_are_pairs_that_say_whether_they_are_a_stock_or_a_flow(catalogue: Catalogue) -> None:
    record_type = catalogue.types["gender_statistics"]
    totals = {name.removesuffix("_total") for name in record_type.fields if name.endswith("_total")} - {"antenatal"}
    females = {name.removesuffix("_female") for name in record_type.fields if name.endswith("_female")}
    assert totals == females
    rules = {rule.code for rule in record_type.rules}
    assert {f"{name}_female_le_total" for name in totals} <= rules
    for name, field in record_type.fields.items():
        if field.kind == "int":
            assert field.help is not None and ("ngày chốt" in field.help.vi or "trong kỳ" in field.help.vi), name


def test_a_contact_ban_shows_nothing_but_that_it_is_and_when(catalogue: Catalogue) -> None:
    record_type = catalogue.types["contact_ban"]
    open_fields = {name for name, field in record_type.fields.items() if not field.confidential}
    assert open_fields == {"case", "asked_at", "decided_at", "granted", "unit", "state"}
    assert {sub.sensitivity for sub in record_type.fields["violated"].fields.values()} == {"confidential"}
    assert record_type.sealed_by == "case"
    assert record_type.valid_from == date(2023, 7, 1)
