"""Two real servers for a test, on either database, and what it does at the district."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server import editing, reporting
from tests.support.databases import DATABASES, fresh_database
from tests.support.province import DISTRICT, PERIOD, Level, enrol, two_levels

LATE = "Một số hoạt động còn lồng ghép."
TALK = {
    "title": "Nói chuyện chuyên đề", "held_on": "2022-03-08", "form": "community_talk", "topics": ["law"], "participants_total": 40,
    "participants_female": 30,
}  # fmt: skip


class Pair:
    """A district's server enrolled at a province's."""

    def __init__(self, district: Level, province: Level) -> None:
        self.district, self.province = district, province

    def report(self, **values: Any) -> str:
        """The district's report, sent: written by Hiền, with the figures of now."""
        with self.district.inside():
            hien, period = self.district.user("hien"), self.district.app.extensions["sen"].catalogue.periods.get(PERIOD)
            record = reporting.consolidate(hien, DISTRICT, period)
            editing.write_values(hien, record, reporting.REPORT, DISTRICT, {"kind": "half_year", "limits": LATE, **values})
            for state in ("approved", "submitted"):
                editing.move(hien, record, "state", state)
        return record

    def talk(self, **values: Any) -> str:
        """A record of a commune, sent by Lan."""
        with self.district.inside():
            return editing.save(
                self.district.user("lan"), None, "communication_activity", "long_khanh_a", None, TALK | values, submit=True
            ).record  # fmt: skip

    def edit(self, level: Level, login: str, record: str, **values: Any) -> None:
        """Somebody writes values over what stands now."""
        state = level.state(record)
        with level.inside():
            editing.write_values(level.user(login), record, state.type, state.unit, values)

    def move(self, level: Level, login: str, record: str, to: str, why: str = "") -> None:
        """Somebody moves a record's workflow."""
        with level.inside():
            editing.move(level.user(login), record, "state", to, why=why)

    def decide(self, level: Level, login: str, record: str, path: str, value: Any) -> None:
        """Somebody decides a question, having seen all that stands there."""
        seen = [name for value in level.state(record).registers[path].values for name in value.origins]
        with level.inside():
            editing.decide(level.user(login), record, path, value, seen)


@pytest.fixture(params=DATABASES)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of both databases."""
    return str(request.param)


@pytest.fixture
def levels(kind: str, tmp_path: Path) -> Iterator[tuple[Level, Level]]:
    """The two servers, not enrolled yet."""
    with (
        fresh_database(kind, tmp_path / "below") as below,
        fresh_database(kind, tmp_path / "above") as above,
        two_levels(tmp_path, below, above) as both,
    ):
        yield both


@pytest.fixture
def pair(levels: tuple[Level, Level]) -> Pair:
    """The two servers, enrolled."""
    enrol(*levels)
    return Pair(*levels)
