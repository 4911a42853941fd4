"""A link that breaks anywhere: nothing is half applied, nothing is committed twice, and an exchange goes on where it stopped.

A real server process, real sockets through the proxy, and tablets on the app's real store.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from server.config import Config
from server.places import Places
from shared.catalogue import load_catalogue
from shared.errors import SenError
from shared.ids import new_record_id, unb64
from shared.sealing import agree, derive
from sync.messages import FIRST_PAGE
from sync.over_http import post_message
from sync.store import Device, Scope
from sync.tablet_half import TabletHalf
from tests.support.databases import DATABASES
from tests.support.device import Answered, HandDevice, knock
from tests.support.link import Fault, FaultKind
from tests.support.pair import NOON_MS
from tests.support.place import Place, place_on
from tests.support.proxy import Proxy
from tests.support.store_tablet import StoreTablet
from tests.support.wrong import GOOD

TALK, UNIT = "communication_activity", "long_khanh_a"
DEAD_AFTER = 64 * 1024
"""Bytes after which the dying link is dead."""

MOST_TRIPS = 5000


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(request.param, tmp_path_factory.mktemp("resume")) as place:
        yield place


@pytest.fixture
def proxy(place: Place) -> Iterator[Proxy]:
    with Proxy(place.office.place) as proxy:
        yield proxy


New = Callable[[], StoreTablet]


@pytest.fixture
def new(place: Place, tmp_path: Path) -> Iterator[New]:
    """A new tablet of Lan's, on the real store."""
    made: list[StoreTablet] = []

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = requests.post(place.office.address + path, data=body, headers={"Content-Type": kind}, timeout=60)
        return Answered.of(answer)

    def one() -> StoreTablet:
        answer, sign, box = knock(post, place.code())
        told = json.loads(answer.body)
        mac_key = derive(agree(box.private, unb64(told["server"]["box"])), b"sen-mac/1" + told["device"].encode())
        identity = Device(told["device"], sign, mac_key, told["user"]["id"], Scope(told["stream"], (), False, ""), {})
        made.append(StoreTablet(identity, load_catalogue(), tmp_path / f"{len(made)}.sqlite3"))
        return made[-1]

    yield one
    for tablet in made:
        tablet.store.database.close()


def lines(place: Place) -> int:
    """How many lines the server has, read from outside its process."""
    engine = create_engine(Places(Config(var=place.folder, database=place.database)).database_url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM line")).scalar_one())
    finally:
        engine.dispose()


def trip(tablet: StoreTablet, address: str) -> bool:
    """One round trip; tells whether there is more. Raises SenError where the link broke."""
    try:
        return tablet.half.receive(post_message(address, tablet.half.request())).more
    except SenError:
        tablet.half.cut()
        raise


def exchange(tablet: StoreTablet, address: str) -> int:
    """Exchange until nothing is left, however often the link breaks; gives how often it broke."""
    broken = 0
    for _ in range(MOST_TRIPS):
        try:
            if not trip(tablet, address):
                return broken
        except SenError as error:
            assert error.code in {"network_cut", "message_cut", "broken_packing", "not_a_message", "no_network"}, error
            broken += 1
    raise AssertionError("the exchange does not end")


def write(tablet: StoreTablet, title: str, note: str = "") -> str:
    """A record."""
    record = new_record_id()
    values = {"unit": UNIT, "title": title, "held_on": "2022-05-20"} | ({"note": note} if note else {})
    tablet.write(record, TALK, UNIT, values, now_ms=NOON_MS)
    return record


def cut_at(tablet: StoreTablet, proxy: Proxy, kind: FaultKind, at: int) -> bool:
    """One round trip that breaks after so many bytes; whether it broke."""
    with proxy.failing(Fault(kind=kind, at=at)):
        try:
            trip(tablet, proxy.url)
        except SenError:
            return True
        return False


ALIKE = 16
"""Bytes by which two pushes of the like may differ: packed, one id is a little longer than another."""


def positions(whole: int, place: Place) -> list[int]:
    """Every byte; where the database plays no part in it, some of them."""
    every = range(1, whole)
    return list(every) if Places(Config(var=place.folder, database=place.database)).sqlite else sorted(random.Random(5).sample(every, 40))


def measure(proxy: Proxy, work: Callable[[], object]) -> tuple[int, int]:
    """Bytes up and down that some work moved."""
    before = proxy.counts.bytes_up, proxy.counts.bytes_down
    work()
    return proxy.counts.bytes_up - before[0], proxy.counts.bytes_down - before[1]


def test_p07_f05_a_push_cut_at_every_byte_on_its_way_up_applies_nothing(place: Place, proxy: Proxy, new: New) -> None:
    tablet = new()
    exchange(tablet, proxy.url)
    write(tablet, "Đo (dữ liệu mẫu)")
    up, _ = measure(proxy, lambda: trip(tablet, proxy.url))
    record, before = write(tablet, "Đo (dữ liệu mẫu)"), lines(place)
    for at in positions(up + ALIKE, place):
        unsent = tablet.store.unsent_count(), len(tablet.store.outbox.pending(record))
        if not cut_at(tablet, proxy, "cut_up", at):  # this was its last byte
            break
        assert lines(place) == before and unsent[0] == unsent[1] > 0, at
    assert at > up - ALIKE or len(positions(up, place)) < up - 1
    exchange(tablet, proxy.url)
    assert lines(place) == before + 1 and tablet.store.unsent_count() == 0


def test_p07_f02_f05_a_push_whose_answer_is_cut_at_every_byte_is_committed_once(place: Place, proxy: Proxy, new: New) -> None:
    tablet = new()
    exchange(tablet, proxy.url)
    write(tablet, "Đo (dữ liệu mẫu)")
    up, down = measure(proxy, lambda: trip(tablet, proxy.url))
    write(tablet, "Đo (dữ liệu mẫu)")
    before = lines(place)
    for at in positions(down, place):
        sent, _ = measure(proxy, lambda at=at: cut_at(tablet, proxy, "cut_down", at))  # type: ignore[misc]
        assert sent <= up + 64, "no more than its one page is sent again"
    assert lines(place) == before + 1 and tablet.store.unsent_count() == 1
    exchange(tablet, proxy.url)
    assert lines(place) == before + 1 and tablet.store.unsent_count() == 0


def test_p07_f05_a_pull_cut_at_every_byte_keeps_nothing_by_halves(place: Place, proxy: Proxy, new: New) -> None:
    writer, probe, reader = new(), new(), new()
    for tablet in (probe, reader):
        exchange(tablet, proxy.url)
    record = write(writer, "Đo (dữ liệu mẫu)")
    exchange(writer, place.office.address)
    up, down = measure(proxy, lambda: trip(probe, proxy.url))
    cursors, digest = reader.store.cursors(), reader.digest()
    for kind, whole in (("cut_up", up - 1), ("cut_down", down)):
        for at in positions(whole, place):
            cut_at(reader, proxy, kind, at)  # type: ignore[arg-type]
            if reader.store.told([record]):
                pytest.fail(f"{kind} at {at}: half an answer was kept")
    assert reader.store.cursors() == cursors and reader.digest() == digest
    exchange(reader, proxy.url)
    assert reader.values(record)["title"] == "Đo (dữ liệu mẫu)" and reader.digest() == probe.digest()


def noise(draw: random.Random, size: int) -> str:
    """Text that does not compress."""
    return base64.b64encode(draw.randbytes(size * 3 // 4)).decode()


def test_p07_f05_l02_a_big_exchange_cut_at_random_places_sends_again_no_more_than_a_page_a_cut(place: Place, proxy: Proxy, new: New) -> None:
    draw, writer, reader, probe = random.Random(11), new(), new(), new()
    for number in range(300):
        write(writer, f"Buổi {number} (dữ liệu mẫu)", noise(draw, 900))
    kinds: tuple[FaultKind, ...] = ("cut_up", "cut_down", "reset", "drop_response")
    before, moved = lines(place), []
    for tablet in (writer, reader):
        faults = {number: Fault(kind=draw.choice(kinds), at=draw.randrange(1, 20_000)) for number in range(400) if number < 6 or draw.random() < 0.5}
        with Proxy(place.office.place, faults=faults) as broken:
            cuts = exchange(tablet, broken.url)
            moved.append((cuts, broken.counts.bytes_up + broken.counts.bytes_down))
    assert lines(place) == before + 300 and writer.store.unsent_count() == 0
    clean = sum(measure(proxy, lambda: exchange(probe, proxy.url)))
    for cuts, all_bytes in moved:
        assert cuts >= 6 and all_bytes <= 1.3 * clean + cuts * FIRST_PAGE, (cuts, all_bytes, clean)
    exchange(writer, proxy.url)
    assert reader.digest() == writer.digest() == probe.digest() and len(reader.store.records()) >= 300


class Always(dict[int, Fault]):
    """The same fault in every exchange."""

    def get(self, number: int, default: object = None) -> Fault:  # type: ignore[override]
        return Fault(kind="cut_down", at=DEAD_AFTER)


def test_p07_f07_a_first_pull_of_10_mb_over_a_link_that_dies_every_64_kb_ends(place: Place, new: New) -> None:
    draw, hand = random.Random(7), HandDevice.enrol(place.device.post, place.code())
    for _ in range(10):
        hand.push([hand.line([*GOOD, {"p": "note", "v": noise(draw, 9000)}], offset=number, t=[NOON_MS, number]) for number in range(1, 141)])
    reader = new()
    told: list[str] = []
    keep = reader.store.keep

    def kept(page: object) -> None:
        told.extend(page.soles)  # type: ignore[attr-defined]
        keep(page)  # type: ignore[arg-type]

    reader.store.keep = kept  # type: ignore[method-assign,assignment]
    with Proxy(place.office.place, faults=Always()) as dying:
        reader.half = TabletHalf(reader.store)
        cuts = exchange(reader, dying.url)
        down = dying.counts.bytes_down
    assert cuts > 10 and down > 10_000_000
    assert len(told) == len(set(told)) >= 1400, "what was kept is never told again"
    assert down - cuts * DEAD_AFTER > 0.75 * down, (cuts, down)
    chunks, tries = (down - cuts * DEAD_AFTER) // DEAD_AFTER, cuts + 1  # a try goes on until the link breaks
    assert tries <= chunks + 1, (chunks, tries)
