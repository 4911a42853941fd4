"""Indicators: every figure against a recount in SQL, and the rules that a recount does not see."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from shared.catalogue import Catalogue, load_catalogue
from shared.corrections import apply_corrections, corrections_of
from shared.figure_text import figure_text, rounded
from shared.figures import BLANK, DECLARED, KNOWN, NO_BASE, Figure, Figures
from shared.indicator import check_indicators, read_indicator, read_indicators
from shared.indicator_plan import plan_of
from shared.indicators import CountedReport, compute
from tests.shared.recount import MEDIANS, POSTS, SQL, UNITS, ask, database
from tests.support.invented import Invention, Record

H1 = ("2021-11-15", "2022-05-31", 2022)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def units(catalogue: Catalogue) -> list[str]:
    return [unit.code for unit in catalogue.units.reporting("hong_ngu", date(2022, 5, 31))]


@pytest.fixture(scope="module")
def records(units: list[str]) -> list[Record]:
    invention = Invention()
    return [*invention.half_year(units, date(2021, 11, 15), date(2022, 5, 31)),
            *invention.half_year(units, date(2020, 11, 15), date(2021, 5, 31))]


@pytest.fixture(scope="module")
def sent(units: list[str]) -> dict[str, date | None]:
    """The day on which each unit sent its report: most in time, some late, the last three not at all."""
    days = [date(2022, 5, 31 - place) if place % 4 else date(2022, 6, 2) for place in range(len(units) - 3)]
    return dict(zip(units, [*days, None, None, None], strict=True))


@pytest.fixture(scope="module")
def figures(catalogue: Catalogue, records: list[Record], units: list[str], sent: dict[str, date | None]) -> Figures:
    return compute(catalogue, records, units=units, period=catalogue.periods.get("2022-H1"), sent=sent)


def one(kind: str, unit: str = "long_khanh_a", state: str = "accepted", number: int = 0, **values: Any) -> Record:
    return {"id": f"{kind}-{unit}-{number}", "type": kind, "unit": unit, "state": state, "values": values}


def activity(number: int = 0, unit: str = "long_khanh_a", state: str = "accepted", held: str = "2022-03-08", **values: Any) -> Record:
    return one("communication_activity", unit, state, number,
               **{"held_on": held, "participants_total": 40, "participants_female": 30, **values})


def count(catalogue: Catalogue, records: Sequence[Mapping[str, Any]], units: Sequence[str] = ("long_khanh_a",), **more: Any) -> Figures:
    return compute(catalogue, records, units=units, period=catalogue.periods.get("2022-H1"), **more)


# --- the recount

def test_l11_every_indicator_has_a_recount(catalogue: Catalogue) -> None:
    recounted = {reference.split(".")[0] for reference in (*SQL, *POSTS, *MEDIANS, *UNITS)}
    left = {code for code, indicator in plan_of(catalogue).indicators.items() if indicator.kind != "ratio"} - recounted
    assert not left


@pytest.mark.parametrize("reference", sorted({**SQL, **POSTS, **UNITS}))
def test_l11_recount_in_sql_agrees(
    reference: str, catalogue: Catalogue, records: list[Record], units: list[str], figures: Figures, sent: dict[str, date | None]
) -> None:
    base = database(records, [(unit, catalogue.units[unit].kind, catalogue.units[unit].must_have_committee,
                               catalogue.units[unit].must_self_assess_ntm, catalogue.units[unit].must_report) for unit in units],
                    [(unit, day.isoformat()) for unit, day in sent.items() if day])
    query = {**SQL, **POSTS, **UNITS}[reference]
    assert figures.of(reference).value == ask(base, query, period=H1)[0]
    for unit in units:
        told = figures.of(reference, unit)
        counted = ask(base, query, period=H1, unit=unit)[0]
        assert told.value == counted or (told.status == BLANK and not counted), unit


def test_the_invented_records_put_something_into_every_figure(figures: Figures) -> None:
    assert {reference for reference in (*SQL, *POSTS, *MEDIANS, *UNITS) if not figures.of(reference).value} == set()


@pytest.mark.parametrize("reference", sorted(MEDIANS))
def test_l11_medians_agree(reference: str, catalogue: Catalogue, records: list[Record], figures: Figures) -> None:
    found = ask(database(records, []), MEDIANS[reference], period=H1)
    assert figures.of(reference).value == statistics.median(found)


def test_l11_ratios_are_of_their_parts(catalogue: Catalogue, figures: Figures) -> None:
    for code, indicator in plan_of(catalogue).indicators.items():
        if indicator.kind == "ratio" and figures.of(code).value is not None:
            num, den = figures.of(indicator.num).value, figures.of(indicator.den).value
            assert figures.of(code).value == 100 * (num or 0) / (den or 1)


def test_shares_of_the_units_add_up_to_the_total(catalogue: Catalogue, units: list[str], figures: Figures) -> None:
    for code, indicator in plan_of(catalogue).indicators.items():
        if indicator.additive:
            assert sum(figures.share(code, unit).value or 0 for unit in units) == (figures.of(code).value or 0), code


def test_every_figure_carries_its_records(catalogue: Catalogue, records: list[Record], figures: Figures) -> None:
    known = {record["id"]: record for record in records}
    for code, indicator in plan_of(catalogue).indicators.items():
        figure = figures.of(code)
        assert all(known[number]["state"] in ("submitted", "accepted") for number in figure.records)
        if indicator.kind == "count" and not indicator.rows:
            assert len(figure.records) == (figure.value or 0), code


# --- what a recount does not see

def test_an_event_of_three_units_counts_once(catalogue: Catalogue) -> None:
    launch = [activity(unit="long_khanh_a", part="lead"), activity(unit="long_khanh_b", part="co"),
              activity(unit="long_thuan", part="attend")]
    found = count(catalogue, launch, ("long_khanh_a", "long_khanh_b", "long_thuan"))
    assert found.of("I01").value == 1
    assert found.of("I02").value == 40
    assert [found.of("I01", unit).value for unit in found.units] == [1, 1, 1]
    assert [found.share("I01", unit).value for unit in found.units] == [1, 0, 0]
    assert found.of("I01.part.attend", "long_thuan").value == 1


def test_blank_is_not_zero(catalogue: Catalogue) -> None:
    blank = count(catalogue, [])
    assert (blank.of("I13").value, blank.of("I13").status) == (None, BLANK)
    report = one("periodic_report", state="submitted", period="2022-H1", zero_declared=["gbv_incident"])
    declared = count(catalogue, [report])
    assert (declared.of("I13").value, declared.of("I13").status) == (0, DECLARED)
    assert declared.of("I13V.sex.female").value == 0
    assert declared.of("I01").status == BLANK
    assert count(catalogue, [{**report, "state": "draft"}]).of("I13").status == BLANK
    assert count(catalogue, [], declared={"long_khanh_a": ["gbv_incident"]}).of("I13").status == DECLARED


def test_other_period_declares_nothing(catalogue: Catalogue) -> None:
    report = one("periodic_report", state="submitted", period="2021-H1", zero_declared=["gbv_incident"])
    assert count(catalogue, [report]).of("I13").status == BLANK


def test_no_denominator_no_ratio(catalogue: Catalogue) -> None:
    found = count(catalogue, [activity(participants_total=0, participants_female=0)])
    assert found.of("I03").status == NO_BASE
    indicator = plan_of(catalogue).indicators["I03"]
    assert figure_text(found.of("I03"), indicator) == "Không phát sinh"
    assert figure_text(count(catalogue, []).of("I03"), indicator) == "-"


def test_a_late_record_counts_once_in_the_next_period(catalogue: Catalogue) -> None:
    counted, late, now = activity(1, held="2021-03-01"), activity(2, held="2021-03-02"), activity(3)
    earlier = [CountedReport(unit="long_khanh_a", starts="2020-11-15", ends="2021-11-14", records=frozenset((counted["id"],)))]
    found = count(catalogue, [counted, late, now], earlier=earlier)
    assert found.of("I01").value == 2
    assert found.of("I01").late == (late["id"],)
    again = [*earlier, CountedReport(unit="long_khanh_a", starts="2021-11-15", ends="2022-05-31", records=frozenset((late["id"],)))]
    next_year = compute(catalogue, [counted, late, now], units=["long_khanh_a"], period=catalogue.periods.get("2023-H1"), earlier=again)
    assert late["id"] not in next_year.of("I01").records


def test_a_record_moved_out_of_a_reported_period_is_not_counted_twice(catalogue: Catalogue) -> None:
    moved = activity(1, held="2021-12-01")
    earlier = [CountedReport(unit="long_khanh_a", starts="2020-11-15", ends="2021-11-14", records=frozenset((moved["id"],)))]
    assert count(catalogue, [moved], earlier=earlier).of("I01").value != 1


def test_nothing_is_late_before_the_first_report(catalogue: Catalogue) -> None:
    assert count(catalogue, [activity(held="2021-03-01"), activity(2)]).of("I01").value == 1


def test_drafts_count_only_when_asked(catalogue: Catalogue) -> None:
    drafts = [activity(1, state="draft"), activity(2, state="returned"), activity(3, state="submitted")]
    assert count(catalogue, drafts).of("I01").value == 1
    assert count(catalogue, drafts, drafts=True).of("I01").value == 3


def test_a_called_off_activity_is_not_counted(catalogue: Catalogue) -> None:
    assert count(catalogue, [activity(1), activity(2, covid_format="postponed")]).of("I01").value == 1


def test_records_of_hamlets_count_for_their_commune(catalogue: Catalogue) -> None:
    hamlet = next(unit.code for unit in catalogue.units.children("long_khanh_a"))
    assert count(catalogue, [activity(unit=hamlet)], ("hong_ngu", "long_khanh_a")).of("I01", "long_khanh_a").value == 1


def test_an_estimate_is_said_once_it_weighs(catalogue: Catalogue) -> None:
    indicator = plan_of(catalogue).indicators["I02"]
    mostly = count(catalogue, [activity(1, participants_total=500, estimated=True), activity(2)]).of("I02")
    hardly = count(catalogue, [activity(1, participants_total=20, estimated=True), activity(2, participants_total=900)]).of("I02")
    assert figure_text(mostly, indicator, prose=True) == "khoảng 540"
    assert figure_text(hardly, indicator, prose=True) == "920"


def test_latest_self_assessment_decides(catalogue: Catalogue) -> None:
    def assessment(number: int, day: str, met: bool) -> Record:
        items = [{"id": f"18.6-{place}", "met": met or place > 1} for place in range(1, 6)]
        return one("criterion_assessment", number=number, assessed_on=day, criterion_set="NTM-2016", items=items)

    good_then_bad = [assessment(1, "2021-12-01", True), assessment(2, "2022-04-01", False)]
    assert count(catalogue, good_then_bad).of("I27N").value == 0
    assert count(catalogue, [assessment(1, "2021-12-01", False), assessment(2, "2022-04-01", True)]).of("I27N").value == 1


def test_t06_t13_published_figures_hide_small_cases_and_their_records(catalogue: Catalogue) -> None:
    incidents = [one("gbv_incident", number=place, known_at="2022-03-01T08:00+07:00", violence=["physical"],
                     victims=[{"id": "v", "sex": "female", "age_group": "age_25_39"}]) for place in range(3)]
    shown = count(catalogue, [*incidents, activity()], published=True)
    assert shown.of("I13").suppressed
    assert shown.of("I13").records == ()
    assert figure_text(shown.of("I13"), plan_of(catalogue).indicators["I13"]) == "< 5"
    assert shown.of("I01").records
    assert "gbv_incident" not in str(shown.plain())


def test_corrections_change_totals_and_ratios(catalogue: Catalogue) -> None:
    found = count(catalogue, [activity(1), activity(unit="long_thuan")], ("long_khanh_a", "long_thuan"))
    corrected = apply_corrections(catalogue, found, {"long_khanh_a": {"I02": 60, "I03": 1, "I999": 4}})
    assert (corrected.of("I02", "long_khanh_a").value, corrected.of("I02").value) == (60, 100)
    assert corrected.of("I03", "long_khanh_a").value == 50
    assert corrected.of("I03").value == 60
    assert corrected.of("I02").corrected
    assert corrected.of("I02", "long_khanh_a").records
    assert apply_corrections(catalogue, found.unit_only("long_khanh_a"), {"long_khanh_a": {"I02": 60}}).of("I02").value == 60


def test_corrections_are_read_from_the_reports_rows() -> None:
    rows = [{"id": "a", "figure": "I02", "value": 61.0, "reason": "x"}, {"id": "b", "figure": "I02", "value": 60.0, "reason": "y"},
            {"id": "c", "figure": "I07", "value": 2.5, "reason": "z"}, {"id": "d", "figure": "I01"}]
    assert corrections_of({"corrections": rows}) == {"I02": 60, "I07": 2.5}
    assert corrections_of({}) == {}


def test_a_districts_frozen_values_leave_room_in_a_line_and_so_do_a_units_with_their_records(figures: Figures) -> None:
    """A line of a log holds 256 KiB; a consolidated report freezes values, a unit's report its records too."""
    district = json.dumps(figures.plain(records=False), ensure_ascii=False)
    unit = json.dumps(figures.unit_only("long_khanh_a").plain(), ensure_ascii=False)
    assert len(district.encode()) < 160 * 1024
    assert len(unit.encode()) < 64 * 1024


def test_values_frozen_without_records_lead_to_those_of_another_reading(figures: Figures) -> None:
    bare = Figures.from_plain(figures.plain(records=False))
    assert bare.record_ids() == ()
    assert bare.with_records_of(figures) == figures
    older = replace(figures.totals["I01"], value=1, records=())
    led = replace(bare, totals={**bare.totals, "I01": older}).with_records_of(figures)
    assert (led.of("I01").value, led.of("I01").records) == (1, figures.of("I01").records)


def test_figures_survive_being_frozen(figures: Figures) -> None:
    again = Figures.from_plain(figures.plain())
    assert again == figures
    assert set(again.record_ids()) == {number for table in (figures.totals, *figures.own.values())
                                       for figure in table.values() for number in figure.records}


@pytest.mark.parametrize(("value", "numerator", "denominator", "printed", "said"), [
    (12.25, 49, 400, "12,3", "12,3"),                 # half up, and exactly: the float would round to 12,2
    (100.0, 3, 3, "100,0", "100"),
    (33.333333333333336, 1, 3, "33,3", "33,3"),
])
def test_ratio_is_rounded_from_its_parts(
    catalogue: Catalogue, value: float, numerator: int, denominator: int, printed: str, said: str
) -> None:
    indicator = plan_of(catalogue).indicators["I03"]
    figure = Figure(value=value, status=KNOWN, numerator=numerator, denominator=denominator)
    assert figure_text(figure, indicator) == printed
    assert figure_text(figure, indicator, prose=True) == said


def test_thousands(catalogue: Catalogue) -> None:
    indicator = plan_of(catalogue).indicators["I05K"]
    figure = Figure(value=12_345_500, status=KNOWN)
    assert rounded(figure, indicator, scale=1000) == 12_346
    assert figure_text(figure, indicator) == "12.345.500"
    assert figure_text(figure, indicator, lang="en") == "12,345,500"


def test_no_indicator_looks_at_a_confidential_field(catalogue: Catalogue) -> None:
    for indicator in plan_of(catalogue).indicators.values():
        if not indicator.type:
            continue
        sealed = {name for name, field in catalogue.types[indicator.type].fields.items() if field.confidential}
        text = f"{indicator.where} {indicator.of} {indicator.rows} {indicator.once} {[one.field for one in indicator.by]}"
        assert not {name for name in sealed if name in text.replace("'", " ").replace("(", " ").split()}


def test_a_wrong_indicator_is_refused(catalogue: Catalogue) -> None:
    raw = {"code": "X1", "label": {"vi": "a", "en": "a"}, "unit": {"vi": "b", "en": "b"}, "kind": "count", "type": "broadcast"}
    for change in ({"colour": 1}, {"kind": "guess"}, {"label": None}, {"at": "never"}, {"kind": "sum"}, {"by": [{"field": "a", "to": 1}]}):
        with pytest.raises(ValueError):
            read_indicator({**raw, **change})
    wrong = {"X1": replace(read_indicator(raw), type="nothing"), "X2": replace(read_indicator(raw), code="X2", num="X9")}
    assert [code for code, _ in check_indicators(wrong, catalogue.types)] == ["X1", "X2"]
    with pytest.raises(ValueError):
        read_indicators([raw, raw])


@pytest.mark.parametrize(("change", "told"), [
    ({"where": "colour == 1"}, "where: rule_unknown_name"), ({"where": "title.upper()"}, "where: rule_not_allowed"),
    ({"type": "gbv_case", "where": "full_name == 'x'"}, "where: rule_unknown_name"),        # a figure rests on no sealed value
    ({"type": "gbv_case", "by": ["ethnicity"]}, "by names no field"), ({"rows": "nothing"}, "no such type or field"),
    ({"linked": ["nothing"]}, "no such type or field"), ({"unit_where": "population > 1"}, "unit_where: rule_unknown_name")])
def test_an_indicator_that_does_not_fit_the_types_is_told(catalogue: Catalogue, change: dict[str, Any], told: str) -> None:
    raw = {"code": "X1", "label": {"vi": "a", "en": "a"}, "unit": {"vi": "b", "en": "b"}, "kind": "count", "type": "broadcast"}
    [(code, why)] = check_indicators({"X1": read_indicator({**raw, **change})}, catalogue.types)
    assert code == "X1"
    assert why.startswith(told)


def test_every_indicator_has_both_languages(catalogue: Catalogue) -> None:
    for indicator in plan_of(catalogue).indicators.values():
        assert all(text[lang].strip() for text in (indicator.label, indicator.unit) for lang in ("vi", "en")), indicator.code
