"""The tablet's SQLite store keeps the contract of ``sync.tablet_store.TabletStore``: every story of the protocol is told on it too.

The stories are those of ``tests/sync``; here the tablets have a real store on disk.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from mobile import soundness
from mobile.outbox import Subject
from shared.catalogue import Catalogue
from shared.errors import SenError
from shared.ids import b64, new_record_id
from sync.compose import difference
from sync.log import Operation
from sync.messages import FIRST_PAGE, LARGEST_PAGE
from sync.pacing import PAGES_A_STEP
from sync.store import Scope
from sync.tablet_store import TabletStore
from sync.view import Snapshot
from tests.soak.catalogues import FIRST, folder_of
from tests.support.catalogue import small_catalogue
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.store_tablet import StoreTablet
from tests.sync.conftest import *  # noqa: F403  (the fixture of a record)
from tests.sync.test_going_back import *  # noqa: F403
from tests.sync.test_restores import *  # noqa: F403
from tests.sync.test_scopes import *  # noqa: F403
from tests.sync.test_stories import *  # noqa: F403  (every story again, on this store)
from tests.sync.test_stories import quiet, type_in
from tests.sync.test_waiting import *  # noqa: F403

UNIT, OTHER = "long_khanh_a", "long_khanh_b"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return small_catalogue()


@pytest.fixture
def engine(in_memory: Engine) -> Engine:
    """The tablet's store is what is judged here: tests/sync tells the same stories on both of the server's databases."""
    return in_memory


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


@pytest.mark.parametrize("page", [8 * 1024, 64 * 1024])
def test_p07_f07_sealed_values_count_in_the_size_of_a_page(engine: Engine, tmp_path: Path, page: int) -> None:
    """They do not compress and travel beside the lines: without them a page of cases could be many times too large for its link."""
    with_cases = folder_of(FIRST)
    server = PairServer(engine, with_cases)
    a, b = (StoreTablet(server.enrol(name, [UNIT]), with_cases, tmp_path / f"{name}.sqlite3") for name in "AB")
    for number in range(60):
        blob = os.urandom(9000)
        digest = b64(hashlib.sha256(blob).digest())
        operations = [Operation("set", "code", f"HS-{number}", None, (), None), Operation("set", "name", None, digest, (), None)]
        a.log_change(new_record_id(), "file", UNIT, operations, now_ms=NOON_MS + number, blobs={digest: blob})
    for tablet in (a, b):
        sizes, more = list[int](), True
        while more:
            tablet.half.page, tablet.half.careful = page, 0
            request = tablet.half.request()
            answer = server.half.answer(request, now_ms=NOON_MS)
            sizes.append(len(request) + len(answer))
            more = tablet.half.receive(answer).more
        assert len(sizes) >= 60 * 9000 // (page + 10_000) and max(sizes) < 1.2 * page + 12_000, "a page and the record that filled it"
    assert b.digest() == a.digest() and len(b.store.records()) == 60 and a.aside == {}
    for tablet in (a, b):
        tablet.store.database.close()


def test_p07_f07_a_link_that_has_broken_is_tried_carefully(tablets: dict[str, StoreTablet]) -> None:
    half = tablets["A"].half
    half.grow()
    assert half.page == LARGEST_PAGE == 22 * FIRST_PAGE
    half.cut()
    sizes = []
    for _ in range(2 * PAGES_A_STEP):
        sizes.append(half.page)
        half.grow()
    assert sizes == [LARGEST_PAGE // 4] * PAGES_A_STEP + [LARGEST_PAGE // 2] * PAGES_A_STEP


def test_what_an_ended_log_wrote_is_still_known_to_have_arrived(tablets: dict[str, StoreTablet], server: PairServer, record: str) -> None:
    a, new = tablets["A"], new_record_id()
    copy = a.save()
    type_in(a, record, people=5)
    exchange(a, server)
    a.restore(copy)
    type_in(a, new, title="Sau khi phục hồi")
    quiet({"A": a}, server)
    assert all(log.head.number == 0 for log in a.own_logs()), "its first log ended, and was read to its end"
    assert a.store.outbox.record_received_ms(new) is not None


DAMAGES = {
    "a bit of a kept state": "UPDATE record SET body = CAST(substr(body, 1, 20) || x'00' || substr(body, 22) AS BLOB) WHERE id = (SELECT min(id) FROM record WHERE sole = '')",
    "a bit of a line": "UPDATE held_line SET body = CAST(substr(body, 1, 20) || x'00' || substr(body, 22) AS BLOB) WHERE name = (SELECT sole FROM record WHERE sole > '' ORDER BY id LIMIT 1)",
    "a kept state is gone": "DELETE FROM record WHERE id = (SELECT min(id) FROM record WHERE sole = '')",
    "a record of one line is gone": "DELETE FROM record WHERE id = (SELECT min(id) FROM record WHERE sole > '')",
    "a line is gone": "DELETE FROM held_line WHERE name = (SELECT sole FROM record WHERE sole > '' ORDER BY id LIMIT 1)",
    "a bit of a record's digest": "UPDATE record SET open_digest = CAST(zeroblob(15) || x'01' AS BLOB) WHERE id = (SELECT min(id) FROM record)",
    "a bit of a part's digest": "UPDATE part SET digest = CAST(zeroblob(15) || x'01' AS BLOB) WHERE part LIKE '%note/0'",
    "a part's digest is gone": "DELETE FROM part WHERE part LIKE '%note/0'",
    "the sum of the rows is gone": "DELETE FROM part WHERE part = 'rows'",
}  # fmt: skip
"""What befalls a tablet's file → how."""

NOTHING_FETCHED = frozenset({"a bit of a record's digest", "a bit of a part's digest", "a part's digest is gone", "the sum of the rows is gone"})
"""What a tablet counts anew from its own rows."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_f19_f52_damage_on_a_tablet_is_found_at_the_next_exchange_and_the_part_that_differs_is_fetched(
    engine: Engine, tmp_path: Path, damage: str
) -> None:
    with_files = folder_of(FIRST)
    server = PairServer(engine, with_files)
    a, b = (StoreTablet(server.enrol(name, [UNIT, OTHER]), with_files, tmp_path / f"{name}.sqlite3") for name in "AB")
    notes = [enter(a, title=f"Bản ghi {number}") for number in range(6)]
    for number in range(200):
        a.write(new_record_id(), "file", OTHER, {"code": f"HS-{number}", "steps": number}, now_ms=NOON_MS)
    exchange(a, server)  # type: ignore[arg-type]
    for record in notes[:3]:
        b.write(record, "note", UNIT, {"people": 5}, now_ms=NOON_MS)
        exchange(b, server)  # type: ignore[arg-type]
    exchange(a, server)  # type: ignore[arg-type]
    exchange(b, server)  # type: ignore[arg-type]
    wanted, digest = {record: b.values(record) for record in b.store.records()}, b.digest()
    assert not b.store.soundness.look(), "a sound store is left alone"
    with b.store.database.writing() as connection:
        assert connection.execute(DAMAGES[damage]).rowcount == 1
    b.restart()
    down: list[int] = []

    def counted(answer: bytes) -> bytes:
        down.append(len(answer))
        return answer

    b.store.soundness.look()
    exchange(b, server, wire=counted)  # type: ignore[arg-type]
    assert {record: b.values(record) for record in b.store.records()} == wanted and b.digest() == digest == a.digest()
    assert not b.store.soundness.look() and b.store.cursors().keys() == {"hong_ngu"}
    assert sum(down) < (400 if damage in NOTHING_FETCHED else 4000), "the six notes at most, none of the two hundred files"
    assert exchange(b, server) == 1, "healed once"  # type: ignore[arg-type]
    for tablet in (a, b):
        tablet.store.database.close()


def test_before_an_exchange_as_many_rows_are_opened_however_many_are_held_and_all_of_them_in_turn(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum reads two digests of each row, since a row that is gone is missed nowhere else; no content is read for it."""
    at_once = 40
    monkeypatch.setattr(soundness, "AT_ONCE", at_once)
    with_files = folder_of(FIRST)
    server = PairServer(engine, with_files)
    a, b = (StoreTablet(server.enrol(name, [UNIT]), with_files, tmp_path / f"{name}.sqlite3") for name in "AB")
    opened: list[list[str]] = []
    read = b.store.read_states

    def counted(rows: Any) -> Any:
        opened.append([row[0] for row in rows])
        return read(rows)

    for held in (100, 300):
        while len(a.store.records()) < held:
            enter(a, title=f"Bản ghi {len(a.store.records())}")
        exchange(a, server)  # type: ignore[arg-type]
        exchange(b, server)  # type: ignore[arg-type]
        b.store.soundness = soundness.Soundness(b.store)
        with monkeypatch.context() as patch:
            patch.setattr(b.store, "read_states", counted)
            opened.clear()
            looks = held // at_once + 1
            assert not any(b.store.soundness.look() for _ in range(looks))
        assert len(opened) == looks and max(map(len, opened)) == at_once, "bounded at each exchange"
        assert sorted(record for some in opened for record in some) == sorted(b.store.records()), "each of them once a turn"
