"""What a network repeats, reorders, answers in the server's place or brings a day late changes nothing: a real server process, real sockets."""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from sqlalchemy import select

from server.models import LineRow
from shared.catalogue import load_catalogue
from shared.errors import SenError
from sync.messages import CONTENT_TYPE
from sync.over_http import post_message
from tests.bench.ours import BenchTablet
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.server.test_damage_process import opened
from tests.support.databases import DATABASES, fresh_database
from tests.support.meddler import Message, meddler
from tests.support.place import TODAY
from tests.support.tables import dump_of

UNIT, AT_ONCE = "long_khanh_a", 10
PEOPLE = {name: Person(name=name, unit=UNIT, roles=("collector",), tablet=True) for name in ("Lan", "Hoa", "Thu", "Mai", "Sen")}


class Place(NamedTuple):
    """A real server process, and where its tablets stand."""

    office: Office
    folder: Path
    database: str
    given: dict[str, str]

    def tablet(self, name: str) -> BenchTablet:
        """A new tablet of a person's."""
        return BenchTablet.enrol(self.folder / name, self.office.address, self.office.codes[name], load_catalogue())

    def lines(self, *tablets: BenchTablet) -> Counter[tuple[str, int]]:
        """How often each line of these tablets is in the database."""
        logs = [log.log for tablet in tablets for log in tablet.store.own_logs(every=True)]
        with opened(self.folder / "var", self.database) as engine, engine.connect() as connection:
            query = select(LineRow.log, LineRow.number).where(LineRow.log.in_(logs))
            return Counter((row.log, row.number) for row in connection.execute(query))

    def dump(self) -> object:
        """All that the server holds."""
        with opened(self.folder / "var", self.database) as engine:
            return dump_of(engine)

    def send(self, message: bytes) -> requests.Response:
        """Post a message on a socket of its own."""
        return requests.post(f"{self.office.address}/api/exchange", data=message, headers={"Content-Type": CONTENT_TYPE}, timeout=60)


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("again")
    with fresh_database(request.param, folder / "var") as database, open_office(folder / "var", database, PEOPLE, TODAY) as office:
        office.given = given = dict(office.given)
        yield Place(office, folder, database, given)


def written(*tablets: BenchTablet) -> Counter[tuple[str, int]]:
    """Every line that these tablets wrote, once."""
    return Counter((log.log, n) for tablet in tablets for log in tablet.store.own_logs(every=True) for n in range(1, log.head.number + 1))


def test_f03_a_request_on_ten_sockets_at_once_is_one_copy(place: Place) -> None:
    tablet = place.tablet("Lan")
    tablet.exchange()
    tablet.enter(5)
    request = tablet.half.request()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(place.send, [request] * AT_ONCE))
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        tablet.half.receive(answer.content)  # whichever came first: it says the same
        assert tablet.store.unsent_count() == 0
    tablet.exchange()
    assert place.lines(tablet) == written(tablet) and len(tablet.store.records()) == 5


def test_f03_several_exchanges_at_once_with_refusals_of_a_gateway_between_are_one_copy_each(place: Place) -> None:
    """Every other request reaches the server and is answered by who stands before it: the tablets tell it again, and nothing is there twice."""
    tablets = [place.tablet("Hoa"), place.tablet("Thu")]
    draw, refused = random.Random(3), Counter[int]()

    def answered(message: Message) -> Message:
        status = draw.choice((0, 502, 503, 504))
        refused[status] += 1
        return message._replace(status=status, headers={"Content-Type": "text/html"}, body=b"<h1>Bad Gateway</h1>") if status else message

    def one(tablet: BenchTablet) -> None:
        for _ in range(5):
            tablet.enter(3)
            while True:
                try:
                    tablet.exchange()
                    break
                except SenError as error:
                    assert error.code == "server_busy", "a gateway is no wifi that asks to sign in"
                    tablet.half.cut()

    with meddler(place.office.place) as between, ThreadPoolExecutor(2) as pool:
        between.answered = answered
        for tablet in tablets:
            tablet.address = between.url
        for done in [pool.submit(one, tablet) for tablet in tablets]:
            done.result(300)
    assert refused.keys() == {0, 502, 503, 504}
    for tablet in tablets * 2:
        tablet.address = place.office.address
        tablet.exchange()
    assert place.lines(*tablets) == written(*tablets) and tablets[0].store.digest() == tablets[1].store.digest()


def test_f04_what_is_reordered_or_brought_a_day_late_brings_nothing_old_back(place: Place) -> None:
    """The network keeps every request and every answer of a morning, lets some overtake others, and brings all of them once more the day after."""
    lan, hoa = place.tablet("Mai"), place.tablet("Sen")
    kept, answers = list[bytes](), list[bytes]()

    def trip(tablet: BenchTablet) -> bool:
        kept.append(tablet.half.request())
        answers.append(post_message(tablet.address, kept[-1]))
        return tablet.half.receive(answers[-1]).more

    def exchange(tablet: BenchTablet) -> None:
        while trip(tablet):
            pass

    first = lan.enter(3)
    held_back = lan.half.request()  # it is overtaken
    lan.change(first[:1], 1)
    exchange(lan)
    exchange(hoa)
    assert place.send(held_back).status_code == 200
    for step in (2, 3):
        hoa.change(first, step)
        exchange(hoa)
        exchange(lan)
        lan.change(first[1:], step + 10)
        exchange(lan)
        exchange(hoa)
    lines, digest = place.lines(lan, hoa), lan.store.digest()
    assert lines == written(lan, hoa) and digest == hoa.store.digest()

    with place.office.closed():
        place.given["SEN_TODAY"] = (TODAY + datetime.timedelta(days=1)).isoformat()
    before, cursors = place.dump(), lan.store.cursors()
    again = [held_back, *kept] * 2
    random.Random(4).shuffle(again)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert {answer.status_code for answer in pool.map(place.send, again)} == {200}
    assert place.dump() == before, "nothing old comes back, nothing is there twice"
    for tablet in (lan, hoa):
        tablet.address = place.office.address
        tablet.half.request()
        for answer in answers:
            with pytest.raises(SenError, match=r"late_answer|wrong_mac"):
                tablet.half.receive(answer)
        tablet.half.cut()
    assert (lan.store.cursors(), lan.store.digest(), hoa.store.digest()) == (cursors, digest, digest), "a late answer moves no cursor back"
    lan.change(first[:1], 99)
    exchange(lan)
    exchange(hoa)
    assert place.lines(lan, hoa) == written(lan, hoa) and lan.store.digest() == hoa.store.digest() != digest
