"""Offices whose tablets carry photos: one for all tests on either database, one of a test's own; and a pair of tablets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile.tablet import Tablet
from sync.over_http import post_file
from tests.fieldday.office import Office, open_office
from tests.files.office import (
    PEOPLE,
    TODAY,
    tablet_of,
)
from tests.support.databases import DATABASES, fresh_database


@pytest.fixture(scope="module", params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("files") / "var"
    with fresh_database(request.param, folder) as database, open_office(folder, database, PEOPLE, TODAY) as office:
        yield office


@pytest.fixture(scope="module")
def two(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tablet, Tablet]]:
    folder = tmp_path_factory.mktemp("tablets")
    with tablet_of(office, folder / "a") as a, tablet_of(office, folder / "b") as b:
        yield a, b


@pytest.fixture
def pair(office: Office, two: tuple[Tablet, Tablet]) -> tuple[Tablet, Tablet]:
    """Two tablets of one unit, with everything sent and nothing in their way."""
    for tablet in two:
        tablet.profile.move_to(office.address)
        tablet.carrier._post = post_file
        tablet.syncer.sync()
        tablet.carrier.carry()
        assert tablet.files.waiting() == [] and tablet.files.refused() == []
    return two


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Office, Path]]:
    """An office of this test's own on SQLite, and its folder."""
    folder = tmp_path / "var"
    with open_office(folder, str(folder / "sen.sqlite3"), PEOPLE, TODAY) as office:
        yield office, folder
