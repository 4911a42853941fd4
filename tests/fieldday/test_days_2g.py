"""A small day at 9.6 kbit/s: apart from the others, since it waits for its network and needs no processor meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fieldday.generate import generate
from tests.fieldday.test_days import play
from tests.support.databases import DATABASES


@pytest.mark.parametrize("db", DATABASES)
def test_f06_a_day_at_2g_finishes_and_loses_nothing(db: str, tmp_path: Path) -> None:
    summary = play(tmp_path, generate(seed=1, tablets=2, records=4), "2g", db)
    assert summary.records_entered >= 4
