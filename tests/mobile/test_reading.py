"""Dates, times and numbers as they are typed in Vietnam."""

from datetime import date

import pytest

from mobile.reading import editable_number, read_date, read_decimal, read_int, read_time, written_date

TODAY = date(2022, 5, 30)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("28/05/2022", "2022-05-28"),
        ("28/5/2022", "2022-05-28"),
        ("28-5-22", "2022-05-28"),
        ("28.5.2022", "2022-05-28"),
        ("28052022", "2022-05-28"),
        (" 28 / 5 ", "2022-05-28"),
        ("29/02/2024", "2024-02-29"),
        ("29/02/2022", None),
        ("31/13/2022", None),
        ("hôm qua", None),
        ("", None),
        ("0/0/0000", None),
    ],
)
def test_dates(text: str, value: str | None) -> None:
    assert read_date(text, TODAY) == value


def test_a_date_is_edited_as_it_is_written() -> None:
    assert written_date("2022-05-28") == "28/05/2022"
    assert written_date("2022-05-28T07:58+07:00") == "28/05/2022"


@pytest.mark.parametrize(
    ("text", "value"),
    [("7:58", "07:58"), ("07h58", "07:58"), ("7g", "07:00"), ("7h5p", "07:05"), ("24:00", None), ("7:60", None), ("58", None)],
)
def test_times(text: str, value: str | None) -> None:
    assert read_time(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("48", 48), ("1.234", 1234), ("1 234 567", 1234567), ("-3", -3), ("1,5", None), ("1.23", None), ("", None), ("9" * 19, None)],
)
def test_whole_numbers(text: str, value: int | None) -> None:
    assert read_int(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), ("1.234,5", 1234.5), ("1234", 1234.0), ("1,", 1.0), ("1.5", None), ("nan", None), ("inf", None)]
)
def test_decimals(text: str, value: float | None) -> None:
    assert read_decimal(text) == value


def test_a_number_is_edited_without_parted_thousands() -> None:
    assert editable_number(1234) == "1234"
    assert editable_number(1234.5) == "1234,5"
    assert editable_number(2.0) == "2"
