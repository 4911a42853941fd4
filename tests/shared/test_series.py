"""Dated series: the value in force on a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.catalogue import Catalogue
from tests.support.tiny import TINY


@pytest.mark.parametrize(
    ("day", "value"),
    [("2021-06-30", None), ("2021-07-01", 360_000), ("2024-06-30", 360_000), ("2024-07-01", 500_000), ("2040-01-01", 500_000),
     (date(2022, 5, 4), 360_000), ("2022-05-04T23:59+07:00", 360_000), (None, None), ("", None)],
)  # fmt: skip
def test_the_value_of_a_day(day: Any, value: int | None) -> None:
    catalogue = Catalogue.from_texts(TINY)
    assert catalogue.value_of_series("standard", day) == value
    assert catalogue.value_of_series("no such series", day) is None
