"""Many at once at a real server: everybody at eight o'clock beside slow links, and readers while numbers are being given."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from server.models import LineRow
from shared.catalogue import load_catalogue
from shared.errors import SenError
from sync.messages import CONTENT_TYPE
from tests.bench.more import COMMUNES
from tests.bench.ours import BenchTablet
from tests.server.test_damage_process import opened
from tests.support.processes import Watched

EACH = 20
"""Tablets of each of ten communes."""
SLOW = 30
WRITERS, READERS, WRITES = 50, 10, 4
COMMIT_MS = "5"
"""Added to each commit: what is written and not committed yet is there to be passed over."""


@contextmanager
def crowd(folder: Path, database: str, *units: str, **settings: str) -> Iterator[tuple[Watched, list[BenchTablet]]]:
    """A server and its tablets, enrolled and synced once."""
    catalogue, tablets = load_catalogue(), list[BenchTablet]()
    there = {"SEN_DATABASE": database, "SEN_BENCH_UNLIMITED": "1", **settings}
    with Watched(["-m", "tests.bench.serve", str(folder / "var"), *units], folder / "server.log", there) as server:
        address = f"http://127.0.0.1:{server.told['port']}"
        for unit, codes in server.told["codes"].items():
            tablets += [BenchTablet.enrol(folder / f"{unit}-{n}", address, code, catalogue) for n, code in enumerate(codes)]
        yield server, tablets
        for tablet in tablets:
            tablet.store.database.close()


def at_once(work: Sequence[Callable[[], None]]) -> list[str]:
    """Do all of this at once, each in a thread of its own; gives the codes of what went wrong."""
    failed, ready = list[str](), threading.Barrier(len(work))

    def one(job: Callable[[], None]) -> None:
        ready.wait()
        try:
            job()
        except SenError as error:
            failed.append(error.code)

    threads = [threading.Thread(target=one, args=(job,)) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def lines(folder: Path, database: str) -> Counter[tuple[str, int]]:
    """Every line of the database, by log and number."""
    with opened(folder / "var", database) as engine, engine.connect() as connection:
        return Counter((row.log, row.number) for row in connection.execute(select(LineRow.log, LineRow.number)))


def told(tablets: Sequence[BenchTablet]) -> Counter[tuple[str, int]]:
    """Every line that these tablets wrote, once."""
    return Counter((log.log, n) for tablet in tablets for log in tablet.store.own_logs() for n in range(1, log.head.number + 1))


def test_f44_two_hundred_tablets_come_in_one_moment_beside_links_that_stand_still(tmp_path: Path, database: str) -> None:
    """Thirty clients have sent half a request and wait, three times as many as the server has workers: none of the others fails or waits for them."""
    units = [f"{unit}:{EACH}" for unit in COMMUNES]
    with crowd(tmp_path, database, *units) as (server, tablets), ExitStack() as slow:
        assert len(tablets) == 200
        late = tablets[0]
        for tablet in tablets:
            tablet.enter(2)
        request = late.half.request()
        head = f"POST /api/exchange HTTP/1.1\r\nHost: sen\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(request)}\r\n\r\n"
        half = [slow.enter_context(socket.create_connection(("127.0.0.1", server.told["port"]))) for _ in range(SLOW)]
        for line in half:
            line.sendall(head.encode() + request[: len(request) // 2])
        assert at_once([tablet.exchange for tablet in tablets[1:]]) == []
        for line in half:
            line.sendall(request[len(request) // 2 :])
            line.settimeout(60)
            assert line.recv(4096).startswith(b"HTTP/1.1 200"), "a slow request is answered when it has come"
        late.half.cut()
        for _ in range(2):
            for tablet in tablets:
                tablet.exchange()
        assert lines(tmp_path, database) == told(tablets)
        for unit in COMMUNES:
            assert len({tablet.store.digest() for tablet in tablets if tablet.unit == unit}) == 1
        waited = requests.get(f"http://127.0.0.1:{server.told['counts']}/", timeout=60).json()
        assert waited["overtaken"] == 0, "on SQLite nobody's lines waited for a transaction that was asked for later"
        assert waited["asked"] >= (0 if database.startswith("postgresql") else len(tablets)), "each of them asked"


def test_f32_no_reader_passes_a_number_that_is_not_committed_yet(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty write and ten read all the while, on PostgreSQL by way of two server processes: a cursor that skipped a line would show in a digest."""
    unit, done = COMMUNES[0], threading.Event()
    with crowd(tmp_path, database, f"{unit}:{WRITERS + READERS}", SEN_BENCH_COMMIT_MS=COMMIT_MS) as (_, tablets), ExitStack() as more:
        writers, readers = tablets[:WRITERS], tablets[WRITERS:]
        if database.startswith("postgresql"):
            words = ["-m", "server", "run", "--var", str(tmp_path / "var"), "--port", "0", "--json"]
            second = more.enter_context(Watched(words, tmp_path / "second.log", {"SEN_DATABASE": database}))
            for tablet in tablets[::2]:
                tablet.address = second.told["address"]
        refilled: list[Sequence[str]] = []
        for reader in readers:
            monkeypatch.setattr(reader.store, "refill", refilled.append)
        left = threading.Semaphore(0)

        def write(tablet: BenchTablet) -> None:
            try:
                for _ in range(WRITES):
                    tablet.enter(1)
                    tablet.exchange()
            finally:
                left.release()

        def read(tablet: BenchTablet) -> None:
            while not done.is_set():
                tablet.exchange()

        def end() -> None:
            for _ in writers:
                left.acquire()
            done.set()

        work = [*(lambda one=one: write(one) for one in writers), *(lambda one=one: read(one) for one in readers), end]
        assert at_once(work) == []  # type: ignore[arg-type]
        for reader in readers:
            reader.exchange()
        assert refilled == [], "what was skipped would be fetched again"
        assert {len(reader.store.records()) for reader in readers} == {WRITERS * WRITES}
        assert len({reader.store.digest() for reader in readers}) == 1
        assert lines(tmp_path, database) == told(tablets)
