"""One drawn day of each kind, and every scenario that ships, played with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fieldday.generate import generate
from tests.fieldday.run import Setting, run
from tests.fieldday.scenario import Scenario, load
from tests.fieldday.summary import Summary
from tests.support.databases import DATABASES

SCENARIOS = sorted((Path(__file__).parents[1] / "scenarios").glob("*.yaml"))


def play(folder: Path, scenario: Scenario, link: str, db: str) -> Summary:
    """Play a day in a folder; everything that it did not do well stands in the failure's message."""
    summary = run(
        Setting(scenario=scenario, name="day", seed=1, link=link, db=db, folder=folder / "day"), lambda _: None
    )  # fmt: skip
    assert summary.good, summary.told()
    assert summary.lost == summary.silently_changed == 0
    assert summary.set_aside == []
    return summary


@pytest.mark.parametrize("db", DATABASES)
@pytest.mark.parametrize("link", ["clean", "cutting"])
def test_p02_a_drawn_day_loses_nothing_and_changes_nothing_unseen(link: str, db: str, tmp_path: Path) -> None:
    summary = play(tmp_path, generate(seed=1, tablets=4, records=20), link, db)
    assert summary.records_entered >= 20
    assert summary.conflicts_made >= 1
    assert summary.kills >= 2
    assert len(summary.reports) == 2


@pytest.mark.parametrize("db", DATABASES)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_p03_a_scenario_ends_as_it_tells(path: Path, db: str, tmp_path: Path) -> None:
    summary = play(tmp_path, load(path), "clean", db)
    assert summary.claims >= 3
