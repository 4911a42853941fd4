"""A commune is split between two others while its tablet is away: each tablet follows its officer, both heirs are offered what was written before.

Real tablets with their stores on disk, at the real app on both databases. No commune of the district was ever split: the units are changed for it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from server.clock import VIETNAM
from server.config import Config
from server.db import db
from server.people import User
from server.records import open_record, plain_records
from server.services import services
from shared.errors import SenError
from tests.server.conftest import AddUser
from tests.server.test_scope import Enrol, at_day, enrol, roles, written
from tests.support.texts import folder_of, shipped

__all__ = ["enrol"]

ENDED, HEIRS = "thuong_thoi_hau_b", ("thuong_lac", "thuong_phuoc_1")
LAST_DAY, AFTER = datetime(2019, 12, 30, 8, tzinfo=VIETNAM), datetime(2020, 1, 2, 8, tzinfo=VIETNAM)
PEOPLE = 60
"""How many came, in each record that is written here."""


@pytest.fixture
def config(config: Config, tmp_path: Path) -> Config:
    """Thường Thới Hậu B, which ended on 31/12/2019, goes into two communes."""
    texts = shipped()
    name = next(name for name, body in texts.items() if f"code: {ENDED}\n" in body)
    before, mark, behind = texts[name].partition(f"code: {ENDED}\n")
    texts[name] = before + mark + behind.replace("successors: [thuong_lac]", f"successors: [{', '.join(HEIRS)}]", 1)
    return replace(config, catalogue=folder_of(texts, tmp_path / "forms"))


@pytest.mark.parametrize("heir", HEIRS)
def test_f36_of_a_commune_that_was_split_each_tablet_follows_its_officer(app: Flask, add_person: AddUser, enrol: Enrol, heir: str) -> None:
    at_day(app, LAST_DAY)
    hau = add_person("hau", f"collector@{ENDED}")
    officers = {unit: add_person(unit, f"collector@{unit}") for unit in HEIRS}
    huyen = add_person("huyen", "district_officer@hong_ngu")
    a, there = enrol(hau, ENDED), {unit: enrol(officer, unit) for unit, officer in officers.items()}
    assert a.catalogue.units[ENDED].successors == HEIRS, "it was told the units"
    before = written(a, title="Trước khi chia (dữ liệu mẫu)", held_on="2019-12-28")
    a.syncer.sync()
    away = written(a, title="Ghi khi ngoại tuyến (dữ liệu mẫu)", held_on="2019-12-29")
    own = {unit: written(tablet, title="Của xã mình (dữ liệu mẫu)", held_on="2019-12-29") for unit, tablet in there.items()}
    for unit, tablet in there.items():
        tablet.syncer.sync()
        assert tablet.store.records() == [own[unit]], "until its last day it is its own officers'"

    at_day(app, AFTER)
    for unit, tablet in there.items():
        tablet.syncer.sync()
        assert set(tablet.store.records()) == {before, own[unit]}, "both heirs are offered what was written before, and neither the other's"
    roles(app, hau, f"collector@{heir}")
    a.syncer.sync()
    assert a.who.unit == heir and a.store.set_aside() == [] and a.store.unsent_count() == 0
    new = written(a, title="Sau khi chia (dữ liệu mẫu)", held_on="2020-01-02")
    a.syncer.sync()
    for unit, tablet in there.items():
        tablet.syncer.sync()
        after = {new} if unit == heir else set()
        assert set(tablet.store.records()) == {before, away, own[unit]} | after, "what comes later is the heir's alone"
        assert {tablet.store.show(one).unit for one in (before, away)} == {ENDED}, "it stays under its unit by date"  # type: ignore[union-attr]
    a.syncer.sync()
    assert a.store.show(new).unit == heir and a.store.digest() == there[heir].store.digest()  # type: ignore[union-attr]
    with app.test_request_context():
        person, units = db.session.get_one(User, huyen.id), services().catalogue.units
        found = plain_records(sorted(units.visible("hong_ngu")))
        assert sorted(one["id"] for one in found) == sorted([before, away, new, *own.values()]), "neither lost nor twice"
        assert sum(one["values"]["participants_total"] for one in found) == PEOPLE * 5
        assert open_record(person, away).row.unit == ENDED
        other = db.session.get_one(User, officers[next(unit for unit in HEIRS if unit != heir)].id)
        with pytest.raises(SenError, match="not_found"):
            open_record(other, new)
