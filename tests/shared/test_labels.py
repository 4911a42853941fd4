"""Texts in two languages, and numbers and dates as Việt Nam writes them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from shared.labels import Label, date_text, datetime_text, number_text, weekday_text


def test_a_label_gives_vietnamese_where_there_is_no_other() -> None:
    label = Label("Đơn vị", "Unit")
    assert [label.get(lang) for lang in ("vi", "en", "fr")] == ["Đơn vị", "Unit", "Đơn vị"]
    assert Label.of({"vi": "Đơn vị"}).get("en") == "Đơn vị"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(1234.5, None, "1.234,5"), (1_234_567, None, "1.234.567"), (0, None, "0"), (-1234.25, None, "-1.234,25"), (None, None, "–"),
     (12.0, None, "12"), (66.666, 1, "66,7"), (5, 1, "5,0"), (100.0, None, "100"), (0.1 + 0.2, None, "0,3")],
)  # fmt: skip
def test_numbers(value: float | None, decimals: int | None, text: str) -> None:
    assert number_text(value, decimals) == text


def test_dates() -> None:
    assert date_text("2022-05-04") == date_text(date(2022, 5, 4)) == "04/05/2022"
    assert date_text(None) == date_text("") == "–"
    assert weekday_text(date(2022, 5, 30)) == "thứ Hai" and weekday_text(date(2022, 6, 5), "en") == "Sunday"
    assert datetime_text("2022-05-04T07:05+07:00") == "04/05/2022 07:05"
    assert datetime_text(datetime(2022, 12, 31, 23, 59)) == "31/12/2022 23:59"  # noqa: DTZ001
