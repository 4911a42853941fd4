"""What may be chosen in a field, and how a text narrows it."""

from datetime import date

import pytest

from mobile.offers import Offer, Offers, narrowed
from shared.catalogue import Catalogue, Field, load_catalogue

TODAY = date(2022, 5, 30)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def offers(catalogue: Catalogue) -> Offers:
    def records(type_code: str, text: str) -> list[tuple[str, str, str]]:
        return [("r1", f"{type_code} {text}", "28/05/2022")]

    return Offers(catalogue=catalogue, language="vi", unit="long_khanh_a", today=TODAY, records=records)


def field(catalogue: Catalogue, type_code: str, code: str) -> Field:
    return catalogue.types[type_code].fields[code]


def test_choices_of_the_records_own_day(catalogue: Catalogue, offers: Offers) -> None:
    form = field(catalogue, "communication_activity", "form")
    told = {offer.value for offer in offers.of(form, day=TODAY)}
    assert told == {choice.code for choice in form.choices if choice.valid_on(TODAY)}


def test_folded_choices_stand_last(catalogue: Catalogue, offers: Offers) -> None:
    for record_type in catalogue.types.values():
        for one in record_type.fields.values():
            folded = [offer.folded for offer in offers.of(one, day=TODAY)] if one.kind in ("choice", "choices") else []
            assert folded == sorted(folded)


def test_the_own_unit_comes_first(catalogue: Catalogue, offers: Offers) -> None:
    units = offers.of(field(catalogue, "communication_activity", "unit"), day=TODAY)
    assert units[0].value == "long_khanh_a"
    assert "thuong_thoi_hau_b" not in {offer.value for offer in units}, "a unit that has ended is not offered"


def test_the_running_period_comes_first(catalogue: Catalogue, offers: Offers) -> None:
    periods = offers.of(field(catalogue, "periodic_report", "period"), day=None)
    assert "2022-H1" in {offer.value for offer in periods[:4]}


def test_yes_and_no(catalogue: Catalogue, offers: Offers) -> None:
    told = offers.of(field(catalogue, "communication_activity", "estimated"), day=None)
    assert [(offer.value, offer.words) for offer in told] == [(True, "Có"), (False, "Không")]


def test_records_are_found_by_the_tablet(catalogue: Catalogue, offers: Offers) -> None:
    told = offers.of(field(catalogue, "case_support", "case"), day=None, text="an")
    assert told == [Offer(value="r1", words="gbv_case an", below="28/05/2022")]


@pytest.mark.parametrize(
    ("text", "found"), [("dong thap", 1), ("ĐỒNG", 1), ("thap dong", 1), ("", 2), ("  ", 2), ("hậu giang", 0), ("%_", 0)]
)
def test_a_text_narrows_without_tone_marks(text: str, found: int) -> None:
    some = [Offer(value=1, words="Tỉnh Đồng Tháp"), Offer(value=2, words="Ấp Long Thới")]
    assert len(narrowed(some, text)) == found
