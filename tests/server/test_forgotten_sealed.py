"""A server that was set back hears of a sealed value from tablets that came too late for it, before the one that wrote it: it asks for it.

Real tablet processes on real folders at a real server process, on both databases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from server.models import Blob, Damage, LineRow
from tests.server.test_copies import rows
from tests.server.test_forgotten import back_up, enrolled, restore
from tests.support.databases import DATABASES
from tests.support.headless import Headless
from tests.support.place import Place, place_on

NAMES = ("Trần Thị Mẫu Một", "Trần Thị Mẫu Hai", "Trần Thị Mẫu Ba")


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(request.param, tmp_path_factory.mktemp("forgotten-sealed")) as place:
        yield place


def write_names(place: Place, a: Headless, b: Headless) -> str:
    """A writes a name and, after the backup, another one over it; B a third. Gives the case."""
    case = str(a.ask("enter", type="gbv_case", values={"opened_on": "2022-05-20", "full_name": NAMES[0], "sex": "female", "legal_ground": "duty"})["record"])
    for tablet in (a, b):
        tablet.ask("sync")
    back_up(place)
    for tablet, values in ((a, {"full_name": NAMES[1], "opened_on": "2022-05-21"}), (b, {"full_name": NAMES[2]})):
        tablet.ask("address", address=place.office.address)
        tablet.ask("sync")
        tablet.ask("change", record=case, values=values)
        tablet.ask("sync")
    return case


def missing(place: Place, case: str) -> set[str]:
    """The sealed values that lines of a case name and that are not here."""
    lines = [json.loads(row.body) for row in rows(place, select(LineRow.body).where(LineRow.record == case))]
    here = {row.hash for row in rows(place, select(Blob.hash))}
    return {op["b"] for line in lines for op in line["o"] if "b" in op} - here


def test_m96_f23_a_sealed_value_that_came_too_late_for_others_is_asked_back(place: Place, tmp_path: Path) -> None:
    with (
        enrolled(place, tmp_path / "a", place.code()) as a, enrolled(place, tmp_path / "b", place.code()) as b,
        enrolled(place, tmp_path / "c", place.code()) as c,
    ):  # fmt: skip
        case = write_names(place, a, b)
        c.ask("address", address=place.office.address)
        c.ask("sync")  # A's line is told, for its date stands; the name in it, written over since, is not
        restore(place, a, b, c, lost=False)
        c.ask("sync")
        assert len(missing(place, case)) == 1
        for tablet in (b, a, a):
            tablet.ask("sync")
        assert missing(place, case) == set()
        assert [row.kind for row in rows(place, select(Damage.kind).where(Damage.record == case, Damage.healed_ms.is_not(None)))] == ["blob"]
        told = [tablet.ask("open", record=case)["values"]["full_name"] for tablet in (a, b, c)]
        assert told == [NAMES[2]] * 3
