"""Photos and files between a real tablet and a real server: cut, killed, garbled, missing, seen by whom, found where."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import io
import itertools
import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from PIL import Image

from mobile.clock import Clock
from mobile.enrolment import Request, enrol
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.attachment import MOST_BYTES
from shared.errors import SenError
from shared.ids import new_record_id
from shared.picture import shrink
from shared.sealing import SEALED_FILE_EXTRA, new_key, seal_file
from sync.files import CONTENT_TYPE, LARGEST_CHUNK, Ask, Get, Put, open_answer, open_request, seal_request
from sync.over_http import post_file, post_message
from tests.fieldday.office import PASSWORD, Office, login_of, open_office
from tests.fieldday.scenario import Person
from tests.support.browser import Browser
from tests.support.databases import DATABASES, fresh_database
from tests.support.device import Answered, HandDevice
from tests.support.headless import Headless
from tests.support.link import Fault, FaultKind, Link
from tests.support.marks import NAME, found_in, found_in_folder
from tests.support.processes import Watched
from tests.support.proxy import Proxy

TODAY, PIN, UNIT = datetime.date(2022, 5, 30), "280822", "long_khanh_a"
PEOPLE = {
    one.name: one
    for one in (
        Person(name="Lan", unit=UNIT, roles=("collector", "case_worker", "unit_lead"), tablet=True),
        Person(name="Thu", unit="long_thuan", roles=("collector", "case_worker"), tablet=True),
        Person(name="Mai", unit=UNIT, roles=("collector",), tablet=True),
        Person(name="Sáu", unit=UNIT, roles=("case_worker",), tablet=False),
        *(Person(name=f"Hoa {number}", unit=UNIT, roles=("collector", "case_worker", "unit_lead"), tablet=True) for number in range(12)),
    )
}
"""Each Hoa has a tablet of her own, for one test."""

TALK = {"title": "Buổi truyền thông (dữ liệu mẫu)", "held_on": "2022-05-20"}
CASE = {"code": "HS-01", "opened_on": "2022-05-20", "legal_ground": "emergency"}
CUTS = 20


def photo(folder: Path, seed: int = 0, size: tuple[int, int] = (1500, 1100), name: str = "ảnh.jpg") -> Path:
    """An invented photograph of noise, which does not get smaller."""
    path = folder / name
    noise = Image.frombytes("L", (size[0] // 2, size[1] // 2), random.Random(seed).randbytes(size[0] // 2 * (size[1] // 2)))
    noise.resize(size).save(path, "JPEG")
    return path


@pytest.fixture(scope="module", params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("files") / "var"
    with fresh_database(request.param, folder) as database, open_office(folder, database, PEOPLE, TODAY) as office:
        yield office


@pytest.fixture(scope="module")
def lan(office: Office) -> HandDevice:
    """A device of the unit whose every byte the test writes."""
    return device_of(office, "Lan")


@pytest.fixture(scope="module")
def thu(office: Office) -> HandDevice:
    """The same in another unit of the district."""
    return device_of(office, "Thu")


def device_of(office: Office, name: str) -> HandDevice:
    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = requests.post(office.address + path, data=body, headers={"Content-Type": kind}, timeout=120)
        return Answered(answer.status_code, answer.headers["Content-Type"].split(";")[0], answer.content)

    return HandDevice.enrol(post, office.codes[name])


class Said(NamedTuple):
    """What the server said of a request: the code of a refusal, or head and chunk."""

    code: str
    head: dict[str, Any]
    chunk: bytes = b""


def ask(device: HandDevice, asks: Ask | Put | Get) -> Said:
    request = seal_request(device.id, device.mac_key, asks)
    answer = device.post("/api/files", request, CONTENT_TYPE)
    if answer.status != 200:
        return Said(answer.problem["code"], answer.problem)
    head, chunk = open_answer(request, answer.body, device.mac_key)
    return Said("", dict(head), chunk)


def names(device: HandDevice, data: bytes, field: str = "photos", **more: Any) -> str:
    """Push a record that names a file; gives the file's hash."""
    digest = hashlib.sha256(data).hexdigest()
    value = {"name": "a.jpg", "size": len(data), "mime": "image/jpeg"}
    told = device.push([device.line([{"p": f"{field}/{digest}", "k": "add", "v": value}], **more)])
    assert "aside" not in told, told
    return digest


def put(device: HandDevice, digest: str, data: bytes, at: int = 0, size: int | None = None, length: int = LARGEST_CHUNK) -> Said:
    return ask(device, Put(digest, at, len(data) if size is None else size, data[at : at + length]))


def given(device: HandDevice, digest: str) -> bytes:
    """A file as the server gives it back, piece by piece."""
    back, size = b"", 1
    while len(back) < size:
        said = ask(device, Get(digest, len(back), 50_000))
        size = said.head["size"]
        assert said.head["at"] == len(back) and 0 < len(said.chunk) <= 50_000
        back += said.chunk
    return back


def bare(seed: int, size: tuple[int, int] = (900, 700)) -> bytes:
    noise = Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1]))
    out = io.BytesIO()
    noise.save(out, "JPEG")
    return shrink(out.getvalue())


# --- a device whose every byte is written here ---------------------------------------------------------------------------


def test_a_file_goes_chunk_by_chunk_and_comes_back(lan: HandDevice) -> None:
    data = bare(1)
    digest = names(lan, data)
    assert ask(lan, Ask((digest, "0" * 64))).head == {"files": {digest: [0, 0]}}, "what no line names does not exist"
    assert ask(lan, Get(digest, 0, 10)).code == "file_not_here"
    assert put(lan, digest, data, length=1000).head == {"held": 1000, "whole": 0}
    assert ask(lan, Ask((digest,))).head == {"files": {digest: [1000, 0]}}
    assert put(lan, digest, data, 1000).head["held"] == min(len(data), 1000 + LARGEST_CHUNK)
    held = ask(lan, Ask((digest,))).head["files"][digest][0]
    while held < len(data):
        held = put(lan, digest, data, held).head["held"]
    assert ask(lan, Ask((digest,))).head == {"files": {digest: [len(data), 1]}}
    assert given(lan, digest) == data and ask(lan, Get(digest, len(data), 9)).chunk == b"" and ask(lan, Get(digest, len(data) + 7, 9)).chunk == b""


def test_hostile_orders_of_chunks_end_with_the_right_bytes_or_none(lan: HandDevice) -> None:
    data = bare(2, (300, 300))
    digest, size = names(lan, data), len(data)
    assert put(lan, digest, data, 500).head == {"held": 0, "whole": 0}, "nothing is kept behind a gap"
    assert put(lan, digest, data, length=700).head["held"] == 700
    assert put(lan, digest, data, length=700).head["held"] == 700, "told again, nothing changes"
    assert put(lan, digest, data, 100, length=200).head["held"] == 700, "what is there is passed over"
    assert put(lan, digest, data, 600, length=300).head["held"] == 900, "of what overlaps the new part counts"
    assert put(lan, digest, data, 1000, length=300).head["held"] == 900
    assert put(lan, digest, data, 900, size=size + 5, length=10).head["held"] == 0, "another size, not from the start"
    assert ask(lan, Ask((digest,))).head["files"][digest] == [900, 0]
    assert put(lan, digest, data, size=size + 5, length=10).head["held"] == 10, "another size from the start begins anew"
    assert put(lan, digest, data, length=size).head == {"held": size, "whole": 1}
    assert put(lan, digest, data[::-1]).head == {"held": size, "whole": 1}, "what is whole stays as it is"
    assert given(lan, digest) == data


def test_what_is_not_what_its_hash_says_is_dropped_whole(lan: HandDevice) -> None:
    data = bare(3, (200, 200))
    digest = names(lan, data)
    assert put(lan, digest, data[:-1] + b"\0").code == "file_wrong_hash"
    assert ask(lan, Ask((digest,))).head["files"][digest] == [0, 0]
    assert put(lan, digest, data).head["whole"] == 1


@pytest.mark.parametrize(("field", "data"), [
    ("photos", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), ("photos", b"\xff\xd8\xff\xe1\0\x0aExif\0\0\0\0\xff\xd9"),
    ("photos", bare(4, (60, 60)) + b"<script>alert(1)</script>"), ("photos", b"%PDF-1.4 mau"), ("attachments", b"<html><script>1</script>"),
    ("attachments", b"MZ\x90\0 a program"), ("attachments", b"PK\x03\x04" + b"\0" * 60),
], ids=["svg", "exif", "polyglot", "pdf", "html", "exe", "zip"])  # fmt: skip
def test_b14_the_server_looks_at_what_came_itself(lan: HandDevice, field: str, data: bytes) -> None:
    digest = names(lan, data, field)
    assert put(lan, digest, data).code == "file_not_fit"
    assert ask(lan, Get(digest, 0, 10)).code == "file_not_here"


def test_a_file_has_a_largest_size(lan: HandDevice) -> None:
    digest = names(lan, b"%PDF-large", "attachments")
    assert put(lan, digest, b"%PDF", size=MOST_BYTES + SEALED_FILE_EXTRA + 1).code == "file_too_large"


def test_t05_what_is_of_another_unit_does_not_exist(lan: HandDevice, thu: HandDevice) -> None:
    data = bare(5, (200, 200))
    digest = names(lan, data)
    assert put(lan, digest, data).head["whole"] == 1
    assert ask(thu, Ask((digest,))).head == {"files": {}}
    never = "1" * 64
    for asks, other in ((Get(digest, 0, 10), Get(never, 0, 10)), (Put(digest, 0, 4, b"abcd"), Put(never, 0, 4, b"abcd"))):
        assert ask(thu, asks) == ask(thu, other) and ask(thu, asks).code == "not_found"
    assert ask(thu, Ask((digest, never))).head == {"files": {}}


def test_a_line_that_is_set_aside_brings_no_file(thu: HandDevice) -> None:
    data = bare(6, (200, 200))
    digest = hashlib.sha256(data).hexdigest()
    value = {"name": "a.jpg", "size": len(data), "mime": "image/jpeg"}
    told = thu.push([thu.line([{"p": f"photos/{digest}", "k": "add", "v": value}], g=UNIT)])
    assert told["aside"] and ask(thu, Ask((digest,))).head == {"files": {}} and put(thu, digest, data).code == "not_found"


def test_a_device_garbles_nobody_elses_upload(office: Office, lan: HandDevice) -> None:
    data, other = bare(7, (300, 200)), device_of(office, "Mai")
    digest = names(lan, data)
    assert put(other, digest, b"\xff" * 1000, size=len(data), length=1000).head == {"held": 1000, "whole": 0}
    assert put(lan, digest, data, length=1000).head["held"] == 1000
    assert put(lan, digest, data, 1000).head == {"held": len(data), "whole": 1}
    assert put(other, digest, b"\xff" * 1000, size=len(data), length=1000).head == {"held": len(data), "whole": 1}
    assert given(other, digest) == data, "whoever sees the record sees its photo"


def test_who_is_not_the_device_is_refused(lan: HandDevice) -> None:
    right = seal_request(lan.id, lan.mac_key, Ask(()))
    for body, code in ((right + b"x", "wrong_mac"), (right.replace(lan.id.encode(), b"A" * 11), "unknown_device"), (b"hello", "not_a_message"), (b"", "not_a_message")):
        assert lan.post("/api/files", body, CONTENT_TYPE).problem["code"] == code
    assert lan.post("/api/files", right, "text/plain").problem["code"] == "wrong_content_type"


def test_a_confidential_file_is_sealed_for_its_case_or_not_taken(lan: HandDevice) -> None:
    case, key = new_record_id(), new_key()
    clear, foreign, right = bare(8, (100, 100)), seal_file(key, new_record_id(), bare(8, (100, 100))), seal_file(key, case, bare(8, (100, 100)))
    for data, code in ((clear, "file_not_fit"), (foreign, "file_not_fit"), (right, "")):
        digest = hashlib.sha256(data).hexdigest()
        operation = {"p": f"attachments/{digest}", "k": "add", "b": "A" * 43}
        assert "aside" not in lan.push([lan.line([operation], y="gbv_case", r=case)])
        assert put(lan, digest, data).code == code


# --- a real tablet -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tablet, Tablet]]:
    folder = tmp_path_factory.mktemp("tablets")
    with tablet_of(office, folder / "a") as a, tablet_of(office, folder / "b") as b:
        yield a, b


@pytest.fixture
def pair(office: Office, two: tuple[Tablet, Tablet]) -> tuple[Tablet, Tablet]:
    """Two tablets of one unit, with everything sent and nothing in their way."""
    for tablet in two:
        tablet.profile.move_to(office.address)
        tablet.carrier._post = post_file
        tablet.syncer.sync()
        tablet.carrier.carry()
        assert tablet.files.waiting() == [] and tablet.files.refused() == []
    return two


def next_code(office: Office) -> str:
    """The code of the next Hoa; each can be used once."""
    codes = office.codes
    assert isinstance(codes, dict)
    return str(codes.pop(next(name for name in codes if name.startswith("Hoa"))))


class Way:
    """Posts for a tablet, and remembers each chunk: where it began, its bytes, and whether its answer came."""

    def __init__(self) -> None:
        self.puts: list[tuple[int, int, bool]] = []

    def post(self, address: str, data: bytes) -> bytes:
        asks = open_request(data, lambda device: self.key).asks
        came = False
        try:
            answer = post_file(address, data)
            came = True
            return answer
        finally:
            if isinstance(asks, Put):
                self.puts.append((asks.at, len(asks.chunk), came))

    def follow(self, tablet: Tablet) -> None:
        self.key = tablet.store.device().mac_key
        tablet.carrier._post = self.post


@contextlib.contextmanager
def tablet_of(office: Office, folder: Path) -> Iterator[Tablet]:
    """An enrolled, unlocked tablet of the next Hoa, in this process."""
    tablet = Tablet(folder, Clock(TODAY), cheap_pin=True)
    enrol(tablet, Request(address=office.address, code=next_code(office), pin=PIN))
    tablet.syncer.sync()
    try:
        yield tablet
    finally:
        tablet.close()


def record_with(tablet: Tablet, *files: Path, type: str = "communication_activity", values: dict[str, Any] = TALK, field: str = "photos") -> str:
    """A record with files; gives its id."""
    form = FormPresenter(tablet)
    record = form.start(type)
    for path, value in values.items():
        form.set(path, value)
    form.attach(field, list(files))
    form.leave()
    return record


def files_of(tablet: Tablet, record: str, field: str = "photos") -> list[str]:
    value = FormPresenter(tablet).open(record).value(field)
    return [item["sha256"] for item in value or []]


class Cutter(dict[int, Fault]):
    """Cuts most of the exchanges at a random byte, this way or that, until there were so many cuts."""

    def __init__(self, proxy: list[Proxy], seed: int) -> None:
        super().__init__()
        self._proxy, self._random = proxy, random.Random(seed)

    def get(self, number: int, default: Any = None) -> Any:
        if self._proxy[0].counts.cuts >= CUTS or self._random.random() < 0.3:
            return None
        kinds: list[FaultKind] = ["cut_up", "cut_up", "reset", "cut_down", "drop_response"]
        return Fault(kind=self._random.choice(kinds), at=int(10 ** self._random.uniform(0, 4)))


@pytest.mark.parametrize("seed", [1, 2])
def test_f40_an_upload_cut_twenty_times_sends_each_byte_once_and_a_chunk_a_cut(
    office: Office, pair: tuple[Tablet, Tablet], tmp_path: Path, seed: int
) -> None:  # fmt: skip
    held: list[Proxy] = []
    tablet = pair[0]
    with Proxy(office.place, faults=Cutter(held, seed)) as proxy:
        held.append(proxy)
        record = record_with(tablet, photo(tmp_path, seed))
        tablet.syncer.sync()
        way = Way()
        way.follow(tablet)
        (digest,) = files_of(tablet, record)
        size = len(tablet.files.travelling(digest))
        tablet.profile.move_to(proxy.url)
        before, tries = proxy.counts.bytes_up, 0
        while tablet.files.waiting():
            tries += 1
            assert tries < 200
            with contextlib.suppress(SenError):
                tablet.carrier.carry()
        cut = [length for _, length, came in way.puts if not came]
        assert proxy.counts.cuts == CUTS and 0 < len(cut) <= CUTS
        assert sum(length for _, length, _ in way.puts) <= size + sum(cut), "each byte once, and one chunk a cut"
        whole = sorted((at, length) for at, length, came in way.puts if came)
        assert all(at + length <= following for (at, length), (following, _) in itertools.pairwise(whole)), "no byte is answered for twice"
        requests_up = proxy.counts.exchanges
        assert proxy.counts.bytes_up - before <= size + sum(cut) + 700 * requests_up, "the wire carried no more than that and the heads"
        assert there(tablet, digest) == hashlib.sha256(tablet.files.travelling(digest)).hexdigest() == digest


def there(tablet: Tablet, digest: str) -> str:
    """The SHA-256 of what the server gives back."""
    device, data = tablet.store.device(), b""
    while True:
        request = seal_request(device.id, device.mac_key, Get(digest, len(data), LARGEST_CHUNK))
        head, chunk = open_answer(request, post_file(tablet.who.address, request), device.mac_key)
        data += chunk
        if len(data) >= head["size"]:
            return hashlib.sha256(data).hexdigest()


def held_by(office_folder: Path) -> list[tuple[str, int]]:
    """(hash, bytes) of what an SQLite server holds in part."""
    with contextlib.closing(sqlite3.connect(office_folder / "sen.sqlite3")) as connection:
        return connection.execute("SELECT hash, held FROM file_part").fetchall()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Office, Path]]:
    """An office of this test's own on SQLite, and its folder."""
    folder = tmp_path / "var"
    with open_office(folder, str(folder / "sen.sqlite3"), PEOPLE, TODAY) as office:
        yield office, folder


SLOW = Link(name="slow", bytes_per_second=300_000, segment_bytes=4096)
"""A large photo takes a second or two, so that a kill meets it on the way."""


def headless_with_photo(office: Office, folder: Path, address: str) -> tuple[Headless, str]:
    """A tablet's process whose record is at the server and whose photo is not; gives it and the photo's hash."""
    tablet = Headless(folder / "tablet")
    tablet.ask("enrol", address=office.address, code=next_code(office), pin=PIN)
    record = tablet.ask("enter", type="communication_activity", values=TALK)["record"]
    tablet.ask("attach", record=record, path="photos", files=[str(photo(folder, 7))])
    assert tablet.ask("sync")["unsent"] == 0
    assert "1 ảnh" in tablet.ask("status")["photos"]
    tablet.ask("address", address=address)
    return tablet, tablet.ask("show", record=record)["record"]["values"]["photos"][0]["sha256"]


def wait_until_halfway(folder: Path, reached: threading.Event) -> None:
    """Wait until the server has kept two chunks or more of a file."""
    while not any(held > 100_000 for _, held in held_by(folder)):
        assert not reached.wait(0.01), "the upload ended before it was met"


@pytest.mark.parametrize("who", ["tablet", "server"])
def test_f40_f13_killed_in_the_middle_of_an_upload_it_goes_on_where_it_was(own: tuple[Office, Path], tmp_path: Path, who: str) -> None:
    office, folder = own
    ended = threading.Event()
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(Proxy(office.place, SLOW))
        tablet, digest = headless_with_photo(office, tmp_path, proxy.url)
        size = (tmp_path / "tablet" / "files" / digest[:2] / digest).stat().st_size - 1 - 28

        def carry() -> None:
            with contextlib.suppress(ValueError, OSError):
                tablet.try_to("carry")
            ended.set()

        carrying = threading.Thread(target=carry)
        carrying.start()
        wait_until_halfway(folder, ended)
        if who == "tablet":
            tablet.kill()
        else:
            office.server.process.kill()
            office.server.process.wait()
        carrying.join()
        ((found, held),) = held_by(folder)
        assert (found, 0 < held < size) == (digest, True)
        if who == "tablet":
            tablet = Headless(tmp_path / "tablet")
            tablet.ask("unlock", pin=PIN)
            before = 0
        else:
            server = stack.enter_context(Watched(["-m", "server", "run", "--json", "--port", "0", "--var", str(folder)], tmp_path / "second.log"))
            office.address = server.told["address"]
            before = tablet.ask("status")["sent_bytes"]
        with tablet:
            tablet.ask("address", address=office.address)
            assert tablet.ask("carry")["waiting"] == 0
            assert tablet.ask("status")["sent_bytes"] - before == size - held, "what was kept is not sent again"
            assert tablet.ask("status")["photos"] == ""
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        assert connection.execute("SELECT hash, size FROM file").fetchall() == [(digest, size)]
        chunks = connection.execute("SELECT data FROM file_chunk WHERE hash = ? ORDER BY at", (digest,)).fetchall()
    assert hashlib.sha256(b"".join(row[0] for row in chunks)).hexdigest() == digest


def test_f40_a_record_is_there_before_its_photo_and_everybody_says_so(
    office: Office, pair: tuple[Tablet, Tablet], tmp_path: Path
) -> None:  # fmt: skip
    a, b = pair
    record = record_with(a, photo(tmp_path, 11), photo(tmp_path, 12, name="ảnh 2.jpg"))
    a.syncer.sync()
    b.syncer.sync()
    first, second = files_of(b, record)
    form = FormPresenter(b).open(record)
    assert form.value("title") == TALK["title"]
    assert all("chưa tới" in form.file_words(item) for item in form.value("photos"))
    assert all("chưa gửi" in FormPresenter(a).open(record).file_words(item) for item in form.value("photos"))
    with pytest.raises(SenError, match="file_not_here"):
        form.fetch("photos", first)
    browser, page = seen(office, record)
    assert page.text.count("ảnh/tệp chưa tới") == 2
    a.carrier.carry()
    assert a.files.waiting() == []
    form.fetch("photos", first)
    assert form.open_file(first) == a.files.read(first) and "chưa" not in form.file_words(form.value("photos")[0])
    assert not b.files.has(second), "on demand, one by one"
    page = browser.open(f"/records/{record}")
    assert "chưa tới" not in page.text
    answer = browser.fetch(f"/records/{record}/files/{second}")
    assert answer.content == a.files.read(second), answer.content[:400]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment") and answer.headers["Content-Type"] == "application/octet-stream"


def seen(office: Office, record: str) -> tuple[Browser, Any]:
    """A record's page as Sáu sees it."""
    browser = Browser(office.address)
    page = browser.open("/sign-in")
    browser.send(page, page.form("/sign-in"), login=login_of("Sáu"), password=PASSWORD)
    return browser, browser.open(f"/records/{record}")


def test_a_download_that_is_cut_goes_on_where_it_was(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, b = pair
    record = record_with(a, photo(tmp_path, 13))
    a.syncer.sync()
    a.carrier.carry()
    b.syncer.sync()
    (digest,) = files_of(b, record)
    size, asked = len(a.files.travelling(digest)), list[int]()

    def post(address: str, data: bytes) -> bytes:
        asks = open_request(data, lambda device: b.store.device().mac_key).asks
        assert isinstance(asks, Get)
        asked.append(asks.at)
        if len(asked) == 3:
            raise SenError("no_network")
        return post_file(address, data)

    b.carrier._post = post
    with pytest.raises(SenError, match="no_network"):
        b.carrier.fetch(digest, sealed=False)
    held = b.files.fetched(digest)
    assert 0 < held < size and not b.files.has(digest)
    b.carrier.fetch(digest, sealed=False)
    assert asked[3] == asked[2] == held and b.files.read(digest) == a.files.read(digest)


def test_f41_the_same_photo_in_two_records_is_stored_and_sent_once(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, b = pair
    source = photo(tmp_path, 14)
    records = [record_with(a, source), record_with(a, source)]
    other = record_with(b, source)
    assert files_of(a, records[0]) == files_of(a, records[1]) == files_of(b, other)
    (digest,) = files_of(b, other)
    assert len([path for path in (a.profile.folder / "files").rglob("*") if path.name.startswith(digest)]) == 1
    before = a.carrier.sent_bytes, b.carrier.sent_bytes
    a.syncer.sync()
    a.carrier.carry()
    size = len(a.files.travelling(digest))
    assert a.carrier.sent_bytes - before[0] == size
    b.syncer.sync()
    b.carrier.carry()
    assert b.carrier.sent_bytes == before[1] and b.files.waiting() == [], "another tablet has sent it"


@pytest.mark.parametrize(("harm", "seed"), [("gone", 30), ("replaced", 32), ("one bit", 34)])
def test_f41_a_file_that_is_harmed_on_the_tablet_is_told_and_blocks_nothing(pair: tuple[Tablet, Tablet], tmp_path: Path, harm: str, seed: int) -> None:
    a, _ = pair
    record = record_with(a, photo(tmp_path, seed), photo(tmp_path, seed + 1, name="ảnh 2.jpg"))
    first, second = files_of(a, record)
    places = [a.profile.folder / "files" / digest[:2] / digest for digest in (first, second)]
    if harm == "gone":
        places[0].unlink()
    elif harm == "replaced":
        places[0].write_bytes(places[1].read_bytes())
    else:
        body = places[0].read_bytes()
        places[0].write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    a.syncer.sync()
    a.carrier.carry()
    assert a.store.unsent_count() == 0 and a.files.waiting() == [] and there(a, second) == second
    (refused,) = a.files.refused()
    assert refused == (first, "file_not_here" if harm == "gone" else "file_damaged")
    told = SyncPresenter(a).aside()
    assert len(told) == 1 and len(told[0].below) > 20
    form = FormPresenter(a).open(record)
    form.attach("photos", [photo(tmp_path, seed), photo(tmp_path, seed + 1, name="ảnh 2.jpg")])
    form.leave()
    a.syncer.sync()
    a.carrier.carry()
    assert a.files.waiting() == [] and a.files.refused() == []
    assert there(a, first) == first, "attached again, it is whole again"


def test_records_go_before_files_and_a_file_gives_way_to_a_record(pair: tuple[Tablet, Tablet], tmp_path: Path) -> None:
    a, _ = pair
    record_with(a, photo(tmp_path, 17))
    before = a.carrier.sent_bytes
    a.carrier.carry()
    assert a.carrier.sent_bytes == before and len(a.files.waiting()) == 1, "no accepted line names it yet"
    a.syncer.sync()
    posted = list[str]()

    def post(address: str, data: bytes) -> bytes:
        posted.append(type(open_request(data, lambda device: a.store.device().mac_key).asks).__name__)
        return post_file(address, data)

    a.carrier._post = post
    a.carrier.carry(stop=lambda: posted.count("Put") == 2)
    assert posted == ["Ask", "Put", "Put"] and len(a.files.waiting()) == 1
    record_with(a, photo(tmp_path, 18))
    a.syncer.sync()
    assert a.store.unsent_count() == 0 and posted == ["Ask", "Put", "Put"], "the record left, no photo before it"
    a.carrier.carry()
    assert a.files.waiting() == []


def test_b05_a_server_that_was_restored_gets_its_photos_again_from_whoever_has_them(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    database = folder / "sen.sqlite3"
    with open_office(folder, str(database), PEOPLE, TODAY) as office, tablet_of(office, tmp_path / "a") as a, tablet_of(office, tmp_path / "b") as b:
        record_with(a, photo(tmp_path, 19))
        a.syncer.sync()
        assert a.files.waiting()
        office.server.process.terminate()
        office.server.process.wait()
        with contextlib.closing(sqlite3.connect(database)) as there_now, contextlib.closing(sqlite3.connect(tmp_path / "kept")) as copy:
            there_now.backup(copy)
        run = ["-m", "server", "run", "--json", "--port", "0", "--var", str(folder)]
        with Watched(run, tmp_path / "second.log") as second:
            for tablet in (a, b):
                tablet.profile.move_to(second.told["address"])
            later = record_with(a, photo(tmp_path, 20, name="sau.jpg"))
            a.syncer.sync()
            a.carrier.carry()
            b.syncer.sync()
            (digest,) = files_of(b, later)
            b.carrier.fetch(digest, sealed=False)
            assert a.files.waiting() == []
        for beside in folder.glob("sen.sqlite3-*"):
            beside.unlink()
        (tmp_path / "kept").replace(database)
        with Watched(run, tmp_path / "third.log") as third:
            b.profile.move_to(third.told["address"])
            b.syncer.sync()
            b.carrier.carry()
            assert there(b, digest) == digest, "the tablet that had fetched it has brought it back"


# --- secrets -------------------------------------------------------------------------------------------------------------


def test_p08_t01_a_confidential_photo_and_its_name_stand_nowhere_in_the_clear(own: tuple[Office, Path], tmp_path: Path) -> None:
    office, folder = own
    source = photo(tmp_path, 21, name=f"{NAME}.jpg")
    seen_bytes = bytearray()

    def message(address: str, data: bytes) -> bytes:
        answer = post_message(address, data)
        seen_bytes.extend(data + answer)
        return answer

    def letter(address: str, data: bytes) -> bytes:
        answer = post_file(address, data)
        seen_bytes.extend(data + answer)
        return answer

    with tablet_of(office, tmp_path / "a") as a, tablet_of(office, tmp_path / "b") as b:
        for tablet in (a, b):
            tablet.syncer._post, tablet.carrier._post = message, letter
        record = record_with(a, source, type="gbv_case", values=CASE, field="attachments")
        (digest,) = files_of(a, record, "attachments")
        clear = a.files.read(digest)
        assert clear.startswith(b"\xff\xd8") and hashlib.sha256(clear).hexdigest() != digest, "named by the hash of what is sealed"
        a.syncer.sync()
        a.carrier.carry()
        b.syncer.sync()
        form = FormPresenter(b).open(record)
        assert form.value("attachments")[0]["name"] == f"{NAME}.jpg"
        form.fetch("attachments", digest)
        assert form.open_file(digest) == clear
        a.lock()
        assert a.files.has(digest)
        with pytest.raises(SenError, match="locked"):
            a.files.read(digest)
        browser, page = seen(office, record)
        assert NAME not in page.text
        assert browser.fetch(f"/records/{record}/files/{digest}").status_code >= 400
        page = browser.send(page, page.form("/open"), why="Chuẩn bị buổi thăm (dữ liệu mẫu)")
        answer = browser.post(page, page.form(digest), why="Xem ảnh (dữ liệu mẫu)")
        assert answer.content == clear and answer.headers["Content-Disposition"].startswith("attachment")
    pieces = [clear[at : at + 48] for at in range(600, len(clear) - 48, len(clear) // 40)]
    marks = [NAME, hashlib.sha256(clear).hexdigest()]
    everything = [path for base in (folder, tmp_path / "a", tmp_path / "b") for path in base.rglob("*") if path.is_file()]
    for base in (folder, tmp_path / "a", tmp_path / "b"):
        assert found_in_folder(base, marks) == {}
    assert found_in(bytes(seen_bytes), marks) == []
    for data in [bytes(seen_bytes), *(path.read_bytes() for path in everything)]:
        assert not any(piece in data for piece in pieces)
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        read = connection.execute("SELECT why FROM audit WHERE subject = ? ORDER BY number", (record,)).fetchall()
    assert ("Xem ảnh (dữ liệu mẫu)",) in read
