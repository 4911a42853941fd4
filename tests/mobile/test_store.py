"""The tablet's SQLite store keeps the contract of ``sync.store.TabletStore``: every story of the protocol is told on it too.

The stories are those of ``tests/sync``; here the tablets have a real store on disk.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mobile.outbox import Subject
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import new_record_id
from sync.compose import difference
from sync.store import Scope, TabletStore
from sync.view import Snapshot
from tests.support.catalogue import small_catalogue
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.store_tablet import StoreTablet
from tests.sync.conftest import *  # noqa: F403  (the fixture of a record)
from tests.sync.test_restores import *  # noqa: F403
from tests.sync.test_scopes import *  # noqa: F403
from tests.sync.test_stories import *  # noqa: F403  (every story again, on this store)

UNIT, OTHER = "long_khanh_a", "long_khanh_b"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return small_catalogue()


@pytest.fixture
def server(engine: Engine, catalogue: Catalogue) -> PairServer:
    return PairServer(engine, catalogue)


@pytest.fixture
def tablets(server: PairServer, catalogue: Catalogue, tmp_path: Path) -> Iterator[dict[str, StoreTablet]]:
    found = {name: StoreTablet(server.enrol(name, [UNIT]), catalogue, tmp_path / f"{name}.sqlite3") for name in "ABCD"}
    yield found
    for tablet in found.values():
        tablet.store.database.close()


def enter(tablet: StoreTablet, **values: Any) -> str:
    record = new_record_id()
    tablet.write(record, "note", UNIT, values, now_ms=NOON_MS)
    return record


def test_the_store_is_a_tablet_store(tablets: dict[str, StoreTablet]) -> None:
    store: TabletStore = tablets["A"].store
    assert store.digest() == 0


def test_everything_is_there_after_the_process_ended(tablets: dict[str, StoreTablet], server: PairServer) -> None:
    a, b = tablets["A"], tablets["B"]
    record = enter(a, title="Họp ấp", people=48)
    a.restart()
    assert a.values(record) == {"title": "Họp ấp", "people": 48}
    exchange(a, server)  # type: ignore[arg-type]
    exchange(b, server)  # type: ignore[arg-type]
    b.write(record, "note", UNIT, {"people": 52}, now_ms=NOON_MS)
    digest = b.digest()
    b.restart()
    assert b.values(record) == {"title": "Họp ấp", "people": 52}
    assert b.digest() == digest == a.digest() != 0
    exchange(b, server)  # type: ignore[arg-type]
    a.restart()
    exchange(a, server)  # type: ignore[arg-type]
    assert a.values(record) == b.values(record) == server.values(record)


def test_f52_a_part_that_differs_is_pulled_again(tablets: dict[str, StoreTablet], server: PairServer) -> None:
    a, b = tablets["A"], tablets["B"]
    record = enter(a, title="Họp ấp", people=48)
    exchange(a, server)  # type: ignore[arg-type]
    exchange(b, server)  # type: ignore[arg-type]
    state = b.store.told([record])[record]
    state.registers["people"].values = [state.registers["people"].values[0]._replace(value=99, origins=("x" * 11 + ".1." + "y" * 8,))]
    body = b.store.rows.seal(json.dumps(state.dump()).encode(), f"record {record}")
    with b.store.database.writing() as connection:
        connection.execute("UPDATE record SET sole = '', body = ? WHERE id = ?", (body, record))
        connection.execute("UPDATE part SET digest = ?", (b"\1" * 16,))
    assert b.values(record)["people"] == 99
    exchange(b, server)  # type: ignore[arg-type]
    assert b.values(record)["people"] == 48


def test_f37_a_narrower_scope_drops_what_is_outside_but_nothing_unsent(tablets: dict[str, StoreTablet], server: PairServer) -> None:
    a = tablets["A"]
    sent = enter(a, title="Đã gửi")
    exchange(a, server)  # type: ignore[arg-type]
    unsent = enter(a, title="Chưa gửi")
    device = server.devices[a.identity.id]
    server.devices[a.identity.id] = device._replace(scope=Scope(device.scope.stream, (OTHER,), True, "narrower"))
    exchange(a, server)  # type: ignore[arg-type]
    assert server.values(unsent)["title"] == "Chưa gửi"
    assert sent not in a.store.told([sent, unsent])
    assert a.store.part_digests().get(f"{UNIT}/note/0", 0) == 0
    server.devices[a.identity.id] = device._replace(scope=Scope(device.scope.stream, (UNIT, OTHER), True, "wider"))
    exchange(a, server)  # type: ignore[arg-type]
    assert a.values(sent)["title"] == "Đã gửi" and a.values(unsent)["title"] == "Chưa gửi"


def test_no_words_stand_in_the_file(tablets: dict[str, StoreTablet], server: PairServer, tmp_path: Path) -> None:
    record = enter(tablets["A"], title="CHU KIN DAO", story="DONG THU HAI")
    exchange(tablets["A"], server)  # type: ignore[arg-type]
    exchange(tablets["B"], server)  # type: ignore[arg-type]
    assert tablets["B"].values(record)["title"] == "CHU KIN DAO"
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert b"CHU KIN DAO" not in data and b"DONG THU HAI" not in data, path.name


def test_b03_a_line_that_is_too_long_is_refused_before_it_is_written(tablets: dict[str, StoreTablet]) -> None:
    a = tablets["A"]
    with pytest.raises(SenError, match="line_too_long"):
        enter(a, story="a" * 300_000)
    assert a.store.unsent_count() == 0


def test_a_batch_of_changes_is_written_whole_or_not_at_all(tablets: dict[str, StoreTablet]) -> None:
    a = tablets["A"]
    subject = Subject(record=new_record_id(), type="note", unit=UNIT, urgent=False)
    good = difference(a.catalogue.types["note"], Snapshot.empty(), {"title": "Một"})
    bad = difference(a.catalogue.types["note"], Snapshot.empty(), {"story": "a" * 300_000})
    with pytest.raises(SenError):
        a.store.outbox.write(subject, [*good, *bad])
    assert a.store.unsent_count() == 0 and a.store.show(subject.record) is None
    a.store.outbox.write(subject, good)
    assert a.store.unsent_count() == 1


def test_f23_old_places_in_the_stream_are_kept_ever_fewer(tablets: dict[str, StoreTablet], server: PairServer) -> None:
    a, b = tablets["A"], tablets["B"]
    seen = []
    for _ in range(70):
        enter(b, title="Họp ấp")
        exchange(b, server)  # type: ignore[arg-type]
        exchange(a, server)  # type: ignore[arg-type]
        seen.append(a.store.cursors()["hong_ngu"])
    kept = [seen.index(token) for token in a.store.past_cursors("hong_ngu")]
    assert kept[:8] == list(range(69, 61, -1))
    assert len(kept) < 30 and kept[-1] < 16
