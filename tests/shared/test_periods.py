"""Periods from their yearly pattern: what they cover, when they are due, who is late."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.catalogue import Catalogue, load_catalogue
from shared.periods import Periods
from tests.support.tiny import TINY, changed


@pytest.fixture(scope="module")
def periods() -> Periods:
    return load_catalogue().periods


def test_the_half_year_of_the_letter(periods: Periods) -> None:
    half = periods.get("2022-H1")
    assert (half.starts, half.ends, half.due) == (date(2021, 11, 15), date(2022, 5, 31), date(2022, 6, 1))
    assert (half.kind, half.year, half.previous, half.internal) == ("half_year", 2022, "2021-H1", False)
    assert half.label.vi == "Báo cáo 06 tháng đầu năm 2022" and "2022" in half.label.en
    assert half.covers(half.starts) and half.covers(half.ends) and not half.covers(date(2022, 6, 1))


def test_years_follow_each_other_without_a_gap(periods: Periods) -> None:
    for year in range(2008, 2040):
        before, after = periods.get(f"{year}-Y"), periods.get(f"{year + 1}-Y")
        assert before.ends + timedelta(days=1) == after.starts and after.previous == before.code


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2022-05-04", ["2022-H1", "2022-Q2", "2022-R15", "2022-Y"]), ("2021-11-14", ["2021-Y", "2021-Q4", "2022-R15"]),
     ("2021-11-15", ["2021-AM", "2021-Q4", "2022-H1", "2022-R15", "2022-Y"]), ("2022-06-01", ["2022-Q2", "2022-R15", "2022-Y"]),
     ("2010-02-01", ["2010-Q1", "2010-H1", "2010-Y", "2022-R15"])],
)  # fmt: skip
def test_the_periods_of_a_day(periods: Periods, day: str, expected: list[str]) -> None:
    found = periods.of(date.fromisoformat(day))
    assert sorted(one.code for one in found) == sorted(expected)
    assert [one.ends for one in found] == sorted(one.ends for one in found)
    assert all(one.kind == "quarter" for one in periods.of(date.fromisoformat(day), "quarter"))


@pytest.mark.parametrize("code", ["2022-H1", "2022-R15", "2100-Y"])
def test_codes_that_are(periods: Periods, code: str) -> None:
    assert periods.knows(code) and periods.get(code).code == code


@pytest.mark.parametrize("code", ["2021-R15", "2022-H9", "22-H1", "H1", "", "0000-H1", "9999-H1", "２０２２-H1", "2022H1", "-2022-H1"])
def test_codes_that_are_not(periods: Periods, code: str) -> None:
    assert not periods.knows(code)
    with pytest.raises(KeyError):
        periods.get(code)


DUE = date(2022, 6, 1)


@pytest.mark.parametrize(
    ("handed_in", "today", "extension", "state", "days"),
    [
        (DUE, "2022-07-01", None, "on_time", 0),
        (date(2022, 5, 20), "2022-05-30", None, "on_time", 0),
        (date(2022, 6, 4), "2022-07-01", None, "late", 3),
        (None, "2022-05-30", None, "waiting", 2),
        (None, "2022-06-01", None, "waiting", 0),
        (None, "2022-06-02", None, "overdue", 1),
        (None, "2022-06-02", date(2022, 6, 10), "waiting", 8),
        (date(2022, 6, 12), "2022-07-01", date(2022, 6, 10), "late", 2),
    ],
)
def test_how_a_report_stands(
    periods: Periods, handed_in: date | None, today: str, extension: date | None, state: str, days: int
) -> None:
    half = periods.get("2022-H1")
    now = date.fromisoformat(today)
    assert half.standing(handed_in, now, extension) == (state, days)
    assert half.days_late(handed_in, now, extension) == (days if state in ("late", "overdue") else 0)


def test_a_period_without_a_deadline_is_never_late(periods: Periods) -> None:
    review = periods.get("2022-R15")
    assert (review.starts, review.ends, review.due) == (date(2007, 7, 1), date(2022, 6, 30), None)
    assert review.standing(None, date(2030, 1, 1)) == ("no_deadline", 0) and review.days_late(None, date(2030, 1, 1)) == 0


@pytest.mark.parametrize(("day", "code"), [("2022-05-30", "2022-H1"), ("2022-06-01", "2022-H1"), ("2022-06-02", "2022-Y"),
                                           ("2022-11-16", "2023-H1")])  # fmt: skip
def test_what_is_due_next(periods: Periods, day: str, code: str) -> None:
    assert periods.due_after(date.fromisoformat(day)).code == code


def test_nothing_is_due_where_no_kind_has_a_deadline(periods: Periods) -> None:
    with pytest.raises(ValueError, match="empty"):
        periods.due_after(date(2022, 5, 30), ["review"])


def test_a_day_past_the_months_last_is_its_last() -> None:
    short = Catalogue.from_texts(changed("periods.yaml", "to: [0, 5, 31]", "to: [0, 2, 31]")).periods
    assert [short.get(f"{year}-H1").ends.day for year in (2023, 2024)] == [28, 29]


def test_the_pattern_is_data() -> None:
    assert {one.code for one in Catalogue.from_texts(TINY).periods.of(date(2022, 1, 1))} == {"2022-H1", "2022-R15"}
