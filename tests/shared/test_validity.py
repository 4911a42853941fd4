"""Dates of validity, both days included."""

from __future__ import annotations

from datetime import date

import pytest

from shared.validity import in_force

FIRST, LAST = date(2022, 1, 1), date(2022, 12, 31)


@pytest.mark.parametrize(
    ("day", "starts", "ends", "told"),
    [(FIRST, FIRST, LAST, True), (LAST, FIRST, LAST, True), (date(2021, 12, 31), FIRST, LAST, False), (date(2023, 1, 1), FIRST, LAST, False),
     (None, FIRST, LAST, True), (date(1900, 1, 1), None, LAST, True), (date(2100, 1, 1), FIRST, None, True), (FIRST, None, None, True)],
)  # fmt: skip
def test_in_force(day: date | None, starts: date | None, ends: date | None, told: bool) -> None:
    assert in_force(day, starts, ends) is told
