"""The one gate for text, search without tone marks, and the Vietnamese order of names."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text import UNFIT, clean, fold, name_key


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("Phụ nữ", "Phụ nữ"),
        (unicodedata.normalize("NFD", "Phụ nữ Đồng Tháp"), "Phụ nữ Đồng Tháp"),
        ("a\x00b\x07c\x7fd\x85e", "abcde"),
        ("a\ud800b\udfffc", "abc"),
        ("một\r\nhai\rba\n\tbốn", "một\nhai\nba\n\tbốn"),
        ("😀 giữ nguyên 👩‍👧", "😀 giữ nguyên 👩‍👧"),
        ("", ""),
    ],
)  # fmt: skip
def test_b05_what_the_gate_lets_through(given_text: str, kept: str) -> None:
    assert clean(given_text) == kept


@given(st.text(st.characters(exclude_categories=())))
def test_b04_what_went_through_is_fit_and_goes_through_unchanged(text: str) -> None:
    once = clean(text)
    assert not UNFIT.search(once) and clean(once) == once == unicodedata.normalize("NFC", once)
    once.encode("utf-8")


@pytest.mark.parametrize("written", ["phụ nữ", "PHỤ NỮ", unicodedata.normalize("NFD", "Phụ nữ"), "phu nu"])
def test_b05_search_finds_every_spelling(written: str) -> None:
    assert fold(written) == "phu nu"


@pytest.mark.parametrize(
    ("text", "folded"), [("Đồng Tháp", "dong thap"), ("ĐẶNG", "dang"), ("Ưu, ơn, ấy, ễ", "uu, on, ay, e"), ("Straße 12", "strasse 12")]
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_names_stand_by_given_name_letters_before_tones() -> None:
    ordered = [
        "Trần Văn An", "Lê Thị Ánh", "Nguyễn Bá Ân", "Lý Bình", "Cao Chi", "Đỗ Dung", "Vũ Đạt", "Hồ Thị Hà", "Hồ Thị Hạ",
        "Bùi Thị Hoa", "Đặng Thị Hoa", "Nguyễn Thị Hoa", "Phạm Ơn", "Lê Ưng", "Trần Yến",
    ]  # fmt: skip
    mixed = ordered[7:] + ordered[:7]
    assert sorted(mixed, key=name_key) == ordered
    assert name_key("  Trần   Văn An ") == name_key("trần văn an")
