"""Values in words: as Vietnam writes them, «–» for what is unknown, nothing of what is sealed."""

from typing import Any

import pytest

from mobile.value_text import value_text
from shared.catalogue import Catalogue, Field, load_catalogue
from sync.view import Sealed


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def field(catalogue: Catalogue, path: str) -> Field:
    type_code, _, rest = path.partition(".")
    found = catalogue.types[type_code].field_at(rest)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("communication_activity.title", "Tọa đàm", "Tọa đàm"),
        ("communication_activity.participants_total", 1234, "1.234"),
        ("communication_activity.participants_total", 0, "0"),
        ("communication_activity.participants_total", None, "–"),
        ("communication_activity.cost", 2500000, "2.500.000 đồng"),
        ("communication_activity.held_on", "2022-05-28", "28/05/2022 · thứ Bảy"),
        ("communication_activity.estimated", True, "Có"),
        ("communication_activity.estimated", False, "Không"),
        ("communication_activity.unit", "long_khanh_a", "Xã Long Khánh A"),
        ("communication_activity.state", "returned", "Trả lại để bổ sung"),
        ("communication_activity.topics", ["gbv", "law"], "Phòng, chống bạo lực trên cơ sở giới, Luật Bình đẳng giới"),
        ("communication_activity.topics", [], "–"),
        ("communication_activity.speakers", [{"id": "a"}, {"id": "b"}], "2 dòng"),
        ("communication_activity.photos", [{"sha256": "x", "name": "ảnh.jpg"}], "ảnh.jpg"),
        ("gbv_incident.known_at", "2022-05-30T06:15+07:00", "06:15 30/05/2022 · thứ Hai"),
        ("budget.year", 2022, "2022"),
        ("target.planned", 12.5, "12,5"),
        ("gbv_case.full_name", Sealed("hash"), "Bảo mật, chưa mở được"),
    ],
)
def test_in_vietnamese(catalogue: Catalogue, path: str, value: Any, words: str) -> None:
    assert value_text(field(catalogue, path), value, catalogue=catalogue, language="vi") == words


def test_in_english(catalogue: Catalogue) -> None:
    told = value_text(field(catalogue, "communication_activity.held_on"), "2022-05-28", catalogue=catalogue, language="en")
    assert told == "28/05/2022 · Saturday"


def test_a_record_is_told_by_its_title(catalogue: Catalogue) -> None:
    told = value_text(
        field(catalogue, "case_support.case"), "0190", catalogue=catalogue, language="vi", title_of=lambda record: f"HS-{record}"
    )
    assert told == "HS-0190"


def test_every_kind_has_words(catalogue: Catalogue) -> None:
    kinds = {one.kind for record_type in catalogue.types.values() for one in record_type.fields.values()}
    for kind in kinds:
        some = next(f for t in catalogue.types.values() for f in t.fields.values() if f.kind == kind)
        assert value_text(some, None, catalogue=catalogue, language="vi") == "–"
