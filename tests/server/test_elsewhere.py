"""The server's folder goes to another place and another port, with its keys and, on SQLite, its database: to the tablets it is the same server."""

from __future__ import annotations

import shutil
from pathlib import Path

import requests

from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.fieldday.office import open_office
from tests.fieldday.scenario import Person
from tests.support.place import TODAY

UNIT = "long_khanh_a"
LAN, HOA = (Person(name=name, unit=UNIT, roles=("collector",), tablet=True) for name in ("Lan", "Hoa"))


def test_f26_a_server_whose_folder_was_moved_is_the_same_to_its_tablets(tmp_path: Path, database: str) -> None:
    here, there = tmp_path / "var", tmp_path / "another machine" / "sen"
    with open_office(here, database, {LAN.name: LAN, HOA.name: HOA}, TODAY) as office:
        office.given = given = dict(office.given)
        lan, hoa = (BenchTablet.enrol(tmp_path / one.name, office.address, office.codes[one.name], load_catalogue()) for one in (LAN, HOA))
        first = lan.enter(2)
        for tablet in (lan, hoa):
            tablet.exchange()
        lan.change(first[:1], 1)
        new, cursors, address = lan.enter(1), hoa.store.cursors(), office.address
        with office.closed():
            there.parent.mkdir()
            shutil.move(here, there)
            given |= {name: value.replace(str(here), str(there)) for name, value in given.items()}
            here.mkdir()  # the log of the process that is started now
        assert office.address != address
        for tablet in (lan, hoa):
            tablet.address = office.address
            tablet.exchange()
        assert lan.store.unsent_count() == 0 and {*first, *new} == set(hoa.store.records())
        assert lan.store.digest() == hoa.store.digest() and hoa.store.cursors() != cursors, "it went on from where it was"
        assert requests.get(f"{office.address}/sign-in", timeout=60).status_code == 200
        assert [path for path in here.iterdir() if path.suffix != ".log"] == [], "nothing was begun anew where it stood"
        for tablet in (lan, hoa):
            tablet.store.database.close()
