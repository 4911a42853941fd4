"""PostgreSQL's primary dies and a standby that lacks its last commits takes its place, under a server process that goes on: the tablets
bring back what it lacks, as after a restore (F23).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import requests
from sqlalchemy import create_engine, select

from server.config import Config
from server.models import LineRow
from server.places import Places
from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.support.databases import postgresql
from tests.support.processes import ROOT, Watched
from tests.support.standby import Address, standby_of

UNIT = "long_khanh_a"
NAME = "sen_failover"


def lines(var: Path, database: str) -> dict[str, bytes]:
    """Every line of tablets by log and number; the same number never stands there twice."""
    engine = create_engine(Places(Config(var=var, database=database)).database_url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(LineRow.log, LineRow.number, LineRow.segment, LineRow.body)).all()
    finally:
        engine.dispose()
    assert not any(row.segment for row in rows), "no number means two things"
    return {f"{row.log}.{row.number}": bytes(row.body) for row in rows}


def test_f30_a_standby_that_lacks_the_last_commits_gets_them_from_the_tablets(tmp_path: Path) -> None:
    var, catalogue = tmp_path / "var", load_catalogue()
    with postgresql() as primary, standby_of(primary) as standby:
        primary.psql(f"CREATE DATABASE {NAME} ENCODING 'UTF8' TEMPLATE template0;")
        address = Address(Path(primary.pgdata).parent / "serves")
        address.lead_to(Path(primary.pgdata))
        database = address.url(NAME)
        with Watched(["-m", "tests.bench.serve", str(var), f"{UNIT}:3"], tmp_path / "server.log", {"SEN_DATABASE": database}) as server:
            url = f"http://127.0.0.1:{server.told['port']}"
            one, two, three = (BenchTablet.enrol(tmp_path / str(n), url, code, catalogue) for n, code in enumerate(server.told["codes"][UNIT]))
            records = one.enter(20)
            for tablet in (one, two, three):
                tablet.exchange()
            standby.follow()
            standby.halt()
            kept = lines(var, database)
            new = two.enter(10)
            two.exchange()
            one.change(records[:3], 1)
            two.change(records[2:5], 2)
            for tablet in (one, two, one, three):
                tablet.exchange()
            before, digest = lines(var, database), one.store.digest()
            assert len(before) > len(kept) + 10 and three.store.digest() == digest
            three.enter(5)  # written while nobody serves

            standby.promote()
            address.lead_to(standby.folder)
            assert lines(var, database) == kept, "it lacks the last commits"
            three.exchange()  # first who has all of it and wrote none of it, and whose new lines get the old numbers
            for tablet in (one, two, three, one, two):
                tablet.exchange()
            after = lines(var, database)
            assert {name: after[name] for name in before} == before and len(after) == len(before) + 5
            assert one.store.digest() == two.store.digest() == three.store.digest()
            assert {*records, *new} <= set(three.store.records())
            cost = two.counted(two.exchange)
            assert cost.round_trips == 1 and cost.bytes_up + cost.bytes_down <= 400
            assert requests.get(f"{url}/api/me", timeout=30).status_code == 401
        words = [sys.executable, "-m", "server", "verify", "--var", str(var), "--database", database]
        done = subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
