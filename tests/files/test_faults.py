"""Photos between real tablets and a real server: cut, killed, restored."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from mobile.tablet import Tablet
from shared.errors import SenError
from sync.files import Get, Put, open_request
from sync.over_http import post_file
from tests.fieldday.office import Office, open_office
from tests.files.office import (
    PEOPLE,
    PIN,
    TALK,
    TODAY,
    files_of,
    next_code,
    photo,
    record_with,
    tablet_of,
    there,
)
from tests.support.headless import Headless
from tests.support.link import Fault, FaultKind, Link
from tests.support.processes import Watched
from tests.support.proxy import Proxy

CUTS = 20


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


def held_by(office_folder: Path) -> list[tuple[str, int]]:
    """(hash, bytes) of what an SQLite server holds in part."""
    with contextlib.closing(sqlite3.connect(office_folder / "sen.sqlite3")) as connection:
        return connection.execute("SELECT hash, held FROM file_part").fetchall()


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
            address, before = office.address, 0
        else:
            server = stack.enter_context(Watched(["-m", "server", "run", "--json", "--port", "0", "--var", str(folder)], tmp_path / "second.log"))
            address = server.told["address"]
            before = tablet.ask("status")["sent_bytes"]
        with tablet:
            tablet.ask("address", address=address)
            assert tablet.ask("carry")["waiting"] == 0
            sent = tablet.ask("status")["sent_bytes"] - before
            assert 0 < sent <= size - held, "what was kept is not sent again (a chunk that was on the wire may have come since)"
            assert tablet.ask("status")["photos"] == ""
    with contextlib.closing(sqlite3.connect(folder / "sen.sqlite3")) as connection:
        assert connection.execute("SELECT hash, size FROM file").fetchall() == [(digest, size)]
        chunks = connection.execute("SELECT data FROM file_chunk WHERE hash = ? ORDER BY at", (digest,)).fetchall()
    assert hashlib.sha256(b"".join(row[0] for row in chunks)).hexdigest() == digest


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


def test_p12_a_server_that_was_restored_gets_its_photos_again_from_whoever_has_them(tmp_path: Path) -> None:
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
