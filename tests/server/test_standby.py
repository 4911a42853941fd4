"""A server falls back to what it was: a backup of yesterday, or a standby that lacks the last commits. Twenty tablets come back in any order.

Real server process; on PostgreSQL the standby is a copy of the database as it stood before the last commits.
"""

from __future__ import annotations

import random
from pathlib import Path

from sqlalchemy import select

from server.models import LineRow
from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.fieldday.desk import Desk
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.server.test_damage_process import opened
from tests.support.place import TODAY
from tests.support.restoring import back_up, restore

UNIT, TABLETS, SEED = "long_khanh_a", 20, 23
CLERK = Person(name="Thủy", unit=UNIT, roles=("collector",), tablet=False)


def people() -> dict[str, Person]:
    """Twenty officers with tablets, and one at the console."""
    officers = {f"Lan {n}": Person(name=f"Lan {n}", unit=UNIT, roles=("collector",), tablet=True) for n in range(TABLETS)}
    return officers | {CLERK.name: CLERK}


def number(desk: Desk, record: str) -> str:
    """What the console shows as the number of those who came."""
    shown = desk.shown(record)
    assert shown is not None
    return str(shown["participants_total"][0])


def all_exchange(office: Office, tablets: list[BenchTablet]) -> None:
    """Every tablet exchanges, wherever the server is now."""
    for tablet in tablets:
        tablet.address = office.address
        tablet.exchange()


def test_p12_f23_f24_f30_twenty_tablets_give_a_server_back_what_it_forgot_in_any_order(tmp_path: Path, database: str) -> None:
    """Half of them pulled what was written after the backup; a console wrote too; and new numbers are given before anybody comes."""
    draw, catalogue = random.Random(SEED), load_catalogue()
    var = tmp_path / "var"
    with open_office(var, database, people(), TODAY) as office:
        codes = [office.codes[name] for name in people() if name != CLERK.name]
        tablets = [BenchTablet.enrol(tmp_path / str(n), office.address, code, catalogue) for n, code in enumerate(codes)]
        first = {n: tablet.enter(2) for n, tablet in enumerate(tablets)}
        all_exchange(office, tablets * 2)
        back_up(office, tmp_path)

        for n, tablet in enumerate(tablets):
            tablet.change(first[n][:1], n)
            tablet.enter(1)
        all_exchange(office, tablets[:15])
        by_hand, = first[19][1:]
        office.desk(CLERK.name).change(by_hand, {"participants_total": 77})
        all_exchange(office, tablets[:5])
        restore(office, tmp_path)

        assert number(office.desk(CLERK.name), by_hand) != "77"
        office.desk(CLERK.name).change(first[18][1], {"participants_total": 66})
        before = tablets[0].store.digest()
        draw.shuffle(tablets)
        all_exchange(office, tablets)
        all_exchange(office, tablets * 2)
        assert number(office.desk(CLERK.name), by_hand) == "77" and number(office.desk(CLERK.name), first[18][1]) == "66"
        assert len({tablet.store.digest() for tablet in tablets}) == 1 and tablets[0].store.digest() != before
        assert all(tablet.store.unsent_count() == 0 and len(tablet.store.records()) == 3 * TABLETS for tablet in tablets)
        told = {(log.log, n) for tablet in tablets for log in tablet.store.own_logs() for n in range(1, log.head.number + 1)}
        with opened(var, database) as engine, engine.connect() as connection:
            held = [(row.log, row.number) for row in connection.execute(select(LineRow.log, LineRow.number))]
        assert told <= set(held) and len(held) == len(set(held)) == len(told) + 2, "every line once, and the console's two"
        for tablet in tablets:
            tablet.store.database.close()
