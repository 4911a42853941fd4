"""The whole way with a real server process on a real file or a real PostgreSQL: damage while it is ended, found when it starts, healed by
a tablet over real sockets, the bytes counted on the wire.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Connection, Engine, create_engine, delete, event, select, update

from server.config import Config
from server.models import Damage, LineRow, RecordRow
from server.places import Places
from shared.catalogue import load_catalogue
from tests.bench.ours import BenchTablet
from tests.server.test_damage import flip
from tests.support.processes import Watched

UNIT = "long_khanh_a"
RECORDS = 40
PATIENCE_S = 60


@contextmanager
def opened(var: Path, database: str) -> Iterator[Engine]:
    """The server's tables, beside the server."""
    engine = create_engine(Places(Config(var=var, database=database)).database_url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def patient(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA busy_timeout = 20000")

    yield engine
    engine.dispose()


def lines(connection: Connection) -> list[Any]:
    """All lines as they stand."""
    return [tuple(row) for row in connection.execute(select(LineRow.__table__).order_by(LineRow.stream, LineRow.place))]


def found(engine: Engine, number: int) -> None:
    """Wait until the server has noted so much damage."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with engine.connect() as connection:
            if len(connection.execute(select(Damage.key)).all()) >= number:
                return
    raise AssertionError("the look of the start did not find it")


@pytest.mark.parametrize("loss", ["a bit", "a row", "ten rows and their records"])
def test_f52_a_server_that_starts_finds_what_its_disk_lost_and_has_it_back_from_a_tablet(
    tmp_path: Path, database: str, loss: str
) -> None:  # fmt: skip
    var, catalogue = tmp_path / "var", load_catalogue()
    there = {"SEN_DATABASE": database}
    with Watched(["-m", "tests.bench.serve", str(var), UNIT], tmp_path / "first.log", there) as server:
        address, codes = f"http://127.0.0.1:{server.told['port']}", server.told["codes"][UNIT]
        one, two = (BenchTablet.enrol(tmp_path / str(n), address, code, catalogue) for n, code in enumerate(codes))
        one.exchange()
        records = one.enter(RECORDS)
        one.exchange()
        two.exchange()
    with opened(var, database) as engine:
        with engine.begin() as connection:
            whole = lines(connection)
            wanted = list(connection.execute(select(LineRow).where(LineRow.record.in_(records)).order_by(LineRow.place)))[5:15]
            places = [row.place for row in wanted]
            if loss == "a bit":
                connection.execute(update(LineRow).where(LineRow.place == places[0]).values(body=flip(wanted[0].body)))
            elif loss == "a row":
                connection.execute(delete(LineRow).where(LineRow.place == places[0]))
            else:
                connection.execute(delete(LineRow).where(LineRow.place.in_(places)))
                connection.execute(delete(RecordRow).where(RecordRow.id.in_([row.record for row in wanted])))
            assert lines(connection) != whole
        number = len(places) if loss.startswith("ten") else 1
        size = sum(len(row.body) for row in wanted[:number])
        words = ["-m", "server", "run", "--var", str(var), "--port", "0", "--json"]
        with Watched(words, tmp_path / "second.log", there) as again:
            one.address = two.address = address = again.told["address"]
            assert requests.get(f"{address}/api/me", timeout=30).status_code == 401
            found(engine, number)
            cost = two.counted(two.exchange)
            assert cost.round_trips == 2
            assert cost.bytes_up < 0.6 * size + 800 and cost.bytes_down < 1000, "only what is lost travels"
            with engine.connect() as connection:
                assert lines(connection) == whole
                told = connection.execute(select(Damage)).all()
                assert len([row for row in told if row.kind == "line"]) == number
                assert all(row.healed_ms is not None and row.exact for row in told)
                there_now = set(connection.scalars(select(RecordRow.id).where(RecordRow.id.in_(records))))
            assert there_now == set(records)
            cost = one.counted(one.exchange)
            said = one.store.cursors(), one.store.mark(), one.store.versions()
            assert cost.round_trips == 1 and cost.bytes_up + cost.bytes_down <= 400, said
            assert one.store.digest() == two.store.digest()
