"""A tablet whose storage is damaged: what was written behind the damage goes on, a file that SQLite cannot read is rescued, and it is told."""

from __future__ import annotations

import gc
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mobile.clock import Clock
from mobile.gaps import count_lost
from mobile.remarks import remarks
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.log import Change
from tests.mobile.conftest import PIN, TODAY, Make, Wire
from tests.mobile.test_bundles import Post
from tests.mobile.test_forms import NAME, talk
from tests.mobile.test_gaps import at_server, digest, edit, survivor, write
from tests.support.pair import NOON_MS

PLACES = 200
"""Places of a file that are harmed, one after the other."""


def harm_byte(data: bytearray, draw: random.Random) -> None:
    """One byte is another."""
    at = draw.randrange(len(data))
    data[at] ^= draw.randrange(1, 256)


def harm_sector(data: bytearray, draw: random.Random) -> None:
    """A sector is empty."""
    at = draw.randrange(len(data) // 512) * 512
    data[at : at + 512] = bytes(512)


def harm_page(data: bytearray, draw: random.Random) -> None:
    """A page stands in another's place."""
    one, other = draw.sample(range(len(data) // 4096), 2)
    data[one * 4096 : one * 4096 + 4096] = data[other * 4096 : other * 4096 + 4096]


def harm_end(data: bytearray, draw: random.Random) -> None:
    """The end is missing."""
    del data[draw.randrange(len(data)) :]


def harm_start(data: bytearray, draw: random.Random) -> None:
    """Something else stands at the start."""
    size = draw.randrange(1, 2 * 4096)
    data[:size] = draw.randbytes(size)


Harm = Callable[[bytearray, random.Random], None]
FILE_HARMS: tuple[Harm, ...] = (harm_byte, harm_byte, harm_byte, harm_sector, harm_page, harm_end, harm_start)


BOTH = ("tablet.sqlite3", "tablet.sqlite3-wal")


class Day(NamedTuple):
    """A tablet in the midst of its work, and the server as it is then."""

    folder: Path
    server: bytes
    written: dict[tuple[str, str], list[Any]]
    """(record, path) → what was written there, the last one at the end; a sealed value by its hash."""
    unsent: dict[tuple[str, int], list[tuple[str, str]]]
    """The lines that were not sent → (record, path) of what they wrote."""


@pytest.fixture
def day(make: Make, wire: Wire, tmp_path: Path) -> Day:
    """Some of it is sent, some is not; its process was killed, so that much stands in the write-ahead log alone."""
    a = make("A")
    records = [write(a, f"{n} (dữ liệu mẫu)") for n in range(12)]
    survivor(a)
    a.syncer.sync()
    for n, record in enumerate(records[:6]):
        edit(a, record, participants_total=70 + n)
    for n in range(12, 24):
        write(a, f"{n} (dữ liệu mẫu)")
    survivor(a)
    draft = FormPresenter(a)
    talk(draft, title="Đang gõ (dữ liệu mẫu)")
    changes = [change for log in a.store.own_logs(every=True) for change in changes_of(a, log.log)]
    written: dict[tuple[str, str], list[Any]] = {}
    for change in changes:
        for op in change.operations:
            written.setdefault((change.record, op.path), []).append(op.blob or op.value)
    read = {log.log: log.acknowledged for log in a.store.own_logs(every=True)}
    unsent = {
        (change.log, change.number): [(change.record, op.path) for op in change.operations] for change in changes if change.number > read[change.log]
    }
    shutil.copytree(tmp_path / "A", tmp_path / "day")
    assert (tmp_path / "day" / "tablet.sqlite3-wal").stat().st_size > 100_000 and len(unsent) >= 19
    return Day(tmp_path / "day", wire.server.save(), written, unsent)


def changes_of(tablet: Tablet, log: str) -> list[Change]:
    run = tablet.store.unsent(log, 0, 1 << 30)
    return [] if run is None else [Change.parse(line) for line in run.lines]


def shown(tablet: Tablet) -> dict[tuple[str, str], Any]:
    """What the tablet shows, register by register."""
    states = {record: tablet.store.show(record) for record in tablet.store.records()}
    return {(record, path): value.blob or value.value for record, state in states.items() if state for path, value in state.values()}


def put_back(day: Day, folder: Path, harm: Harm, draw: random.Random, files: tuple[str, ...] = ("tablet.sqlite3",)) -> None:
    """The tablet as it was, some of its files harmed."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(day.folder, folder)
    for file in files:
        data = bytearray((folder / file).read_bytes())
        harm(data, draw)
        (folder / file).write_bytes(data)


def test_m100_f19_a_file_harmed_at_any_place_shows_nothing_wrong_and_brings_all_that_can_be_read(
    day: Day, wire: Wire, tmp_path: Path
) -> None:
    draw, rescued, lines_lost = random.Random(19), 0, 0
    for place in range(PLACES):
        harm = FILE_HARMS[place % len(FILE_HARMS)]
        wire.server.restore(day.server)
        put_back(day, tmp_path / "H", harm, draw, BOTH if place % 4 == 3 else BOTH[place % 4 == 2 :][:1])
        tablet = Tablet(tmp_path / "H", Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True)
        tablet.syncer._post = wire.post
        tablet.unlock(PIN)
        rescued += (tmp_path / "H" / "tablet.sqlite3-damaged").exists()
        told = f"{place}: {harm.__name__}"
        assert all(value in day.written[key] for key, value in shown(tablet).items() if value is not None), told
        tablet = sync_whole(tablet, wire, told)
        arrived = {key: value for key, value in server_shows(wire, {record for record, _ in day.written}).items() if value in day.written[key]}
        lost = [line for line, keys in day.unsent.items() if any(arrived.get(key) != day.written[key][-1] for key in keys)]
        assert len(lost) <= count_lost(tablet.store), (told, lost)
        lines_lost += len(lost)
        assert tablet.store.unsent_count() == 0 and tablet.store.digest() == digest(wire, tablet), told
        assert shown(tablet) == server_shows(wire, {record for record, _ in day.written}), told
        assert not list(tmp_path.glob("H/*-damaged*")), told
        tablet.close()
    assert rescued > PLACES // 10 and lines_lost < PLACES, (rescued, lines_lost)


def sync_whole(tablet: Tablet, wire: Wire, told: str) -> Tablet:
    """Exchange twice; where SQLite finds damage only then, the app is started anew, as it says."""
    for _ in range(3):
        try:
            tablet.syncer.sync()
            tablet.syncer.sync()
            return tablet
        except SenError as error:
            assert error.code == "database_damaged" and "Đóng ứng dụng rồi mở lại" in error.text("vi"), (told, error)
            tablet.close()
            tablet = Tablet(tablet.profile.folder, tablet.clock, cheap_pin=True)
            tablet.syncer._post = wire.post
            tablet.unlock(PIN)
    raise AssertionError(f"{told}: damaged again and again")


def server_shows(wire: Wire, records: set[str]) -> dict[tuple[str, str], Any]:
    """The same of the server."""
    states = {record: wire.server.state(record) for record in records if wire.server.history(record)}
    return {(record, path): value.blob or value.value for record, state in states.items() for path, value in state.values()}


@pytest.mark.parametrize("harm", [harm_start, harm_end], ids=["no start", "no end"])
def test_m100_f19_a_rescue_that_is_killed_anywhere_goes_on_at_the_next_start(
    day: Day, wire: Wire, tmp_path: Path, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    steps = ["replace"] * 4 + ["unlink"] * 5
    for step, kind in enumerate(steps):
        put_back(day, tmp_path / "H", harm, random.Random(1), BOTH)
        left = steps[: step + 1].count(kind)

        act = getattr(os, kind)

        def dying(*arguments: Any, act: Callable[..., None] = act, **more: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            act(*arguments, **more)

        with monkeypatch.context() as patched:
            patched.setattr(os, kind, dying)
            with suppress(Killed):
                Tablet(tmp_path / "H", Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True).close()
        gc.collect()  # the folder is given back
        wire.server.restore(day.server)
        tablet = Tablet(tmp_path / "H", Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True)
        tablet.syncer._post = wire.post
        tablet.unlock(PIN)
        tablet.syncer.sync()
        assert tablet.store.unsent_count() == 0 and tablet.store.digest() == digest(wire, tablet)
        assert count_lost(tablet.store) <= 12
        tablet.close()


def test_m100_f19_a_rescued_tablet_says_so_keeps_its_draft_and_the_name_that_was_sealed(day: Day, wire: Wire, tmp_path: Path) -> None:
    put_back(day, tmp_path / "H", lambda data, draw: data.__setitem__(slice(0, 30), bytes(30)), random.Random(2), BOTH)
    tablet = Tablet(tmp_path / "H", Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True)
    tablet.syncer._post = wire.post
    tablet.unlock(PIN)
    assert any("từng bị hỏng" in words for words in remarks(tablet)) and count_lost(tablet.store) == 0
    (draft,) = tablet.drafts.records()
    loaded = tablet.drafts.load(draft)
    assert loaded is not None and "Đang gõ (dữ liệu mẫu)" in str(loaded[0])
    tablet.syncer.sync()
    states = {record: tablet.store.show(record) for record in tablet.store.records()}
    cases = [record for record, state in states.items() if state is not None and state.type == "gbv_case"]
    names = [[words for words, _, _ in tablet.history(record, "full_name")] for record in cases]
    assert names == [[NAME], [NAME]], "the keys are here, and open what was sealed"
    tablet.close()


def test_a_tablet_that_only_looks_rescues_nothing(day: Day, tmp_path: Path) -> None:
    put_back(day, tmp_path / "H", harm_start, random.Random(1), BOTH)
    before = (tmp_path / "H" / "tablet.sqlite3").read_bytes()
    with pytest.raises(SenError, match="database_damaged"):
        Tablet(tmp_path / "H", Clock(TODAY, source=lambda: NOON_MS), cheap_pin=True, alone=False)
    assert (tmp_path / "H" / "tablet.sqlite3").read_bytes() == before


def test_m100_f19_what_sqlite_finds_while_the_app_runs_is_rescued_at_the_next_start(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    records = [write(a, f"{n} (dữ liệu mẫu)") for n in range(30)]
    a.syncer.sync()
    late = write(a, "Chưa gửi (dữ liệu mẫu)")
    with sqlite3.connect(tmp_path / "A" / "tablet.sqlite3") as look:
        (root,) = look.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record'").fetchone()
    look.close()
    a.close()
    with (tmp_path / "A" / "tablet.sqlite3").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 512)
    a = make("A", unlock=False)
    with pytest.raises(SenError, match="database_damaged"):
        a.syncer.sync()
    a.close()
    a = make("A")
    a.syncer.sync()
    assert set(a.store.records()) == {*records, late} and at_server(wire, late)["title"] == "Chưa gửi (dữ liệu mẫu)"
    assert a.store.digest() == digest(wire, a) and count_lost(a.store) == 0


@pytest.mark.parametrize("lost", [False, True], ids=["all there", "one lost"])
def test_m100_f19_f47_a_rescued_tablet_hands_in_what_was_saved_by_files_alone(make: Make, wire: Wire, tmp_path: Path, lost: bool) -> None:
    a, post = make("A"), Post(wire, tmp_path / "post")
    first = write(a, "Đã gửi (dữ liệu mẫu)")
    a.syncer.sync()
    records = [write(a, f"{n} (dữ liệu mẫu)") for n in range(5)]
    if lost:
        with a.store.database.writing() as connection:
            connection.execute("UPDATE own_line SET body = zeroblob(length(body)) WHERE number = 3")
    a.close()
    with (tmp_path / "A" / "tablet.sqlite3").open("r+b") as file:
        file.write(bytes(100))
    a = make("A")
    assert (tmp_path / "A" / "tablet.sqlite3-damaged").exists()
    for _ in range(3):
        post.journey(a)
    there = [record for record in (first, *records) if at_server(wire, record)]
    assert len(there) == 6 - lost == len(a.store.records()) and count_lost(a.store) == lost
    assert a.store.unsent_count() == 0 and a.store.digest() == digest(wire, a)
    assert not list((tmp_path / "A").glob("*-damaged*")), "the damaged file goes when the server has what was saved"
