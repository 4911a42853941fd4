"""The tablet's SQLite store keeps the contract of ``sync.store.TabletStore``: every story of the protocol is told on it too.

The stories are those of ``tests/sync``; here the tablets have a real store on disk.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mobile.database import Database
from mobile.keys import RowKey
from mobile.outbox import Subject
from mobile.store import Store
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import new_id, new_record_id
from shared.sealing import new_key
from sync.compose import decision, difference, withdrawal
from sync.exchange import TabletHalf
from sync.log import Change, Line, Operation, write_line
from sync.store import Device, Scope, TabletStore
from sync.view import Snapshot, plain, snapshot
from tests.support.catalogue import small_catalogue
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.sync.test_restores import *  # noqa: F403
from tests.sync.test_stories import *  # noqa: F403  (every story again, on this store)

UNIT, OTHER = "long_khanh_a", "long_khanh_b"


class DiskTablet:
    """The hands of ``tests.support.tablet.MemoryTablet`` on a store on disk."""

    def __init__(self, device: Device, catalogue: Catalogue, path: Path) -> None:
        self.catalogue = catalogue
        self.path, self.key, self.device = path, new_key(), device
        self.now_ms = NOON_MS
        self.open_store()

    def open_store(self) -> None:
        self.store = Store(Database(self.path), RowKey(self.key), self.device, catalogue=lambda: self.catalogue, now_ms=lambda: self.now_ms)
        self.half = TabletHalf(self.store)

    def save(self) -> Path:
        """A copy of its storage."""
        copy = self.path.with_name(f"{new_id()}.sqlite3")
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return copy

    def restore(self, copy: Path) -> None:
        """Put a copy of its storage back, and start the app again."""
        self.store.database.close()
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        shutil.copy(copy, self.path)
        self.open_store()

    def clone(self) -> "DiskTablet":
        """Another tablet with this one's storage."""
        twin = DiskTablet(self.device, self.catalogue, self.path.with_name(f"{new_id()}.sqlite3"))
        twin.key = self.key
        twin.restore(self.save())
        return twin

    def restart(self) -> None:
        """End the process and start it again."""
        self.store.database.close()
        self.open_store()

    @property
    def identity(self) -> Device:
        return self.store.device()

    @property
    def unsettled(self) -> dict[str, Any]:
        return dict(self.store.outbox.unsettled())

    @property
    def main(self) -> str:
        return next(log.log for log in self.store.own_logs() if not log.urgent)

    @property
    def urgent(self) -> str:
        return next(log.log for log in self.store.own_logs() if log.urgent)

    @property
    def lines_of(self) -> dict[str, list[Line]]:
        runs = [self.store.unsent(log.log, 0, 1 << 30) for log in self.store.own_logs()]
        return {run.log: [write_line(Change.parse(line)) for line in run.lines] for run in runs if run is not None}

    @property
    def told(self) -> dict[str, Any]:
        return self.store.told(self.store.records())

    @property
    def aside(self) -> dict[str, str]:
        with self.store.database.reading() as connection:
            return dict(connection.execute("SELECT name, aside FROM own_line WHERE aside <> ''").fetchall())

    def digest(self) -> int:
        return self.store.digest()

    def show(self, record: str) -> Any:
        return self.store.show(record)

    def values(self, record: str) -> dict[str, Any]:
        state = self.show(record)
        return {} if state is None else plain(state, self.catalogue.types[state.type])

    def questions(self, record: str) -> list[str]:
        state = self.show(record)
        return [] if state is None else state.open_paths()

    def open(self, record: str) -> Snapshot:
        state = self.show(record)
        return Snapshot.empty() if state is None else snapshot(state, self.catalogue.types[state.type])

    def write(
        self, record: str, type_code: str, unit: str, values: Mapping[str, Any], *, now_ms: int, urgent: bool = False, opened: Snapshot | None = None
    ) -> list[str]:
        form = opened or self.open(record)
        changes = difference(self.catalogue.types[type_code], form, {**form.values, **values})
        return [self.log_change(record, type_code, unit, ops, now_ms=now_ms, urgent=urgent) for ops in changes]

    def decide(self, record: str, path: str, value: Any, *, now_ms: int) -> str:
        state = self.show(record)
        names = tuple(name for held in state.registers[path].values for name in held.origins)
        return self.log_change(record, state.type, state.unit, (decision(path, value, names),), now_ms=now_ms)

    def withdraw(self, record: str, *, now_ms: int) -> str:
        state = self.show(record)
        return self.log_change(record, state.type, state.unit, (withdrawal(state),), now_ms=now_ms)

    def log_change(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool = False
    ) -> str:
        self.now_ms = now_ms
        (name,) = self.store.outbox.write(Subject(record=record, type=type_code, unit=unit, urgent=urgent), [operations])
        return name


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return small_catalogue()


@pytest.fixture
def server(engine: Engine, catalogue: Catalogue) -> PairServer:
    return PairServer(engine, catalogue)


@pytest.fixture
def tablets(server: PairServer, catalogue: Catalogue, tmp_path: Path) -> Iterator[dict[str, DiskTablet]]:
    found = {name: DiskTablet(server.enrol(name, [UNIT]), catalogue, tmp_path / f"{name}.sqlite3") for name in "ABCD"}
    yield found
    for tablet in found.values():
        tablet.store.database.close()


def enter(tablet: DiskTablet, **values: Any) -> str:
    record = new_record_id()
    tablet.write(record, "note", UNIT, values, now_ms=NOON_MS)
    return record


def test_the_store_is_a_tablet_store(tablets: dict[str, DiskTablet]) -> None:
    store: TabletStore = tablets["A"].store
    assert store.digest() == 0


def test_everything_is_there_after_the_process_ended(tablets: dict[str, DiskTablet], server: PairServer) -> None:
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


def test_f52_a_part_that_differs_is_pulled_again(tablets: dict[str, DiskTablet], server: PairServer) -> None:
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


def test_f37_a_narrower_scope_drops_what_is_outside_but_nothing_unsent(tablets: dict[str, DiskTablet], server: PairServer) -> None:
    a = tablets["A"]
    sent = enter(a, title="Đã gửi")
    exchange(a, server)  # type: ignore[arg-type]
    unsent = enter(a, title="Chưa gửi")
    device = server.devices[a.device.id]
    server.devices[a.device.id] = device._replace(scope=Scope(device.scope.stream, (OTHER,), True, "narrower"))
    exchange(a, server)  # type: ignore[arg-type]
    assert server.values(unsent)["title"] == "Chưa gửi"
    assert sent not in a.store.told([sent, unsent])
    assert a.store.part_digests().get(f"{UNIT}/note/0", 0) == 0
    server.devices[a.device.id] = device._replace(scope=Scope(device.scope.stream, (UNIT, OTHER), True, "wider"))
    exchange(a, server)  # type: ignore[arg-type]
    assert a.values(sent)["title"] == "Đã gửi" and a.values(unsent)["title"] == "Chưa gửi"


def test_no_words_stand_in_the_file(tablets: dict[str, DiskTablet], server: PairServer, tmp_path: Path) -> None:
    record = enter(tablets["A"], title="CHU KIN DAO", story="DONG THU HAI")
    exchange(tablets["A"], server)  # type: ignore[arg-type]
    exchange(tablets["B"], server)  # type: ignore[arg-type]
    assert tablets["B"].values(record)["title"] == "CHU KIN DAO"
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        assert b"CHU KIN DAO" not in data and b"DONG THU HAI" not in data, path.name


def test_b03_a_line_that_is_too_long_is_refused_before_it_is_written(tablets: dict[str, DiskTablet]) -> None:
    a = tablets["A"]
    with pytest.raises(SenError, match="line_too_long"):
        enter(a, story="a" * 300_000)
    assert a.store.unsent_count() == 0


def test_a_batch_of_changes_is_written_whole_or_not_at_all(tablets: dict[str, DiskTablet]) -> None:
    a = tablets["A"]
    subject = Subject(record=new_record_id(), type="note", unit=UNIT, urgent=False)
    good = difference(a.catalogue.types["note"], Snapshot.empty(), {"title": "Một"})
    bad = difference(a.catalogue.types["note"], Snapshot.empty(), {"story": "a" * 300_000})
    with pytest.raises(SenError):
        a.store.outbox.write(subject, [*good, *bad])
    assert a.store.unsent_count() == 0 and a.store.show(subject.record) is None
    a.store.outbox.write(subject, good)
    assert a.store.unsent_count() == 1


def test_f23_old_places_in_the_stream_are_kept_ever_fewer(tablets: dict[str, DiskTablet], server: PairServer) -> None:
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
