"""A tablet's storage is copied and both go on: the copy becomes a device of its own. A tablet that was put back stays what it is.

Real tablet processes on real folders at a real server process, on both databases.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Select, create_engine, select

from mobile import separation, syncing
from mobile.clock import Clock
from mobile.hardware import Desktop
from mobile.keys import DeviceKeys
from mobile.profile import Profile
from mobile.screens.form.presenter import FormPresenter
from mobile.tablet import Tablet
from server.config import Config
from server.models import LineRow, LogRow
from server.people import Device
from server.places import Places
from shared.ids import b64
from shared.sealing import sign
from sync.copies import Marks, copy_proof
from tests.mobile.test_forms import talk
from tests.support.databases import DATABASES
from tests.support.headless import Headless
from tests.support.place import Place, place_on

PIN = "280822"
TALK = "communication_activity"
NAME, COPY = "Máy xã", "Máy xã (bản sao)"

Start = Callable[[Path], Headless]


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_on(request.param, tmp_path_factory.mktemp("copies")) as place:
        yield place


@pytest.fixture
def folder(place: Place, tmp_path: Path) -> Path:
    """A tablet's folder: enrolled, with one record that was synced."""
    with Headless(tmp_path / "first") as tablet:
        tablet.ask("enrol", address=place.office.address, code=place.code(), pin=PIN, name=NAME)
        enter(tablet, "Trước khi sao chép (dữ liệu mẫu)")
        tablet.ask("sync")
    return tmp_path


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the tablet of a folder, unlocked."""
    with ExitStack() as stack:

        def one(folder: Path) -> Headless:
            tablet = stack.enter_context(Headless(folder))
            tablet.ask("unlock", pin=PIN)
            return tablet

        yield one


def forked(tablet: Headless) -> bool:
    """Whether it says that its storage was put back or copied."""
    return any("phục hồi hoặc sao chép" in words or "bản sao của máy" in words for words in tablet.ask("status")["remarks"])


def enter(tablet: Headless, title: str) -> str:
    """A record; its id."""
    record: str = tablet.ask("enter", type=TALK, values={"title": title})["record"]
    tablet.ask("lock")
    tablet.ask("unlock", pin=PIN)
    return record


def rows(place: Place, query: Select[Any]) -> list[Any]:
    """What the server's database answers, read from outside its process."""
    engine = create_engine(Places(Config(var=place.folder, database=place.database)).database_url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(query))
    finally:
        engine.dispose()


def marks(place: Place, device: str) -> Marks:
    """What the server knows of a device's being used in two places."""
    (found,) = rows(place, select(Device.marks).where(Device.id == device))
    return Marks.load(found.marks)


def copies(place: Place, device: str) -> list[str]:
    """The devices that were copies of this one."""
    return [row.id for row in rows(place, select(Device.id).where(Device.copy_of == device))]


def owner(place: Place, record: str) -> str:
    """Whose log a record's lines are in."""
    (found,) = rows(place, select(LogRow.device).join(LineRow, LineRow.log == LogRow.id).where(LineRow.record == record).distinct())
    return str(found.device)


def same(*tablets: Headless) -> None:
    """All hold the same, and nothing waits."""
    status = [tablet.ask("status") for tablet in tablets]
    assert {one["digest"] for one in status} == {status[0]["digest"]} and [one["unsent"] for one in status] == [0] * len(status)


def proven(first: Headless, copy: Headless) -> None:
    """Both write and sync until the server knows that the storage is used in two places: the copy comes second, the original goes on."""
    for tablet, title in ((first, "Máy gốc ghi (dữ liệu mẫu)"), (copy, "Bản sao ghi (dữ liệu mẫu)")):
        enter(tablet, title)
        tablet.ask("sync")
    first.ask("sync")


@pytest.mark.parametrize("copy_writes", [True, False])
def test_m56_f22_a_copy_becomes_a_device_of_its_own_and_nothing_is_lost(place: Place, folder: Path, start: Start, copy_writes: bool) -> None:
    shutil.copytree(folder / "first", folder / "copy")
    first, copy = start(folder / "first"), start(folder / "copy")
    who, before = first.ask("ready")["device"], len(first.ask("dump")["records"])
    if copy_writes:
        proven(first, copy)
    else:
        enter(first, "Máy gốc ghi (dữ liệu mẫu)")
        first.ask("sync")
        assert not forked(first)
        copy.ask("sync")  # the server has read further than the copy goes: it may have been put back
        assert forked(copy), "noticed at the first exchange"
        for tablet in (copy, first):
            tablet.ask("sync")
    assert copy.ask("ready")["device"] == who and marks(place, who).copies
    enter(copy, "Bản sao ghi tiếp (dữ liệu mẫu)")
    copy.ask("sync")
    own = copy.ask("ready")
    assert own["device"] != who and own["name"] == COPY and first.ask("ready")["device"] == who
    (words,) = copy.ask("status")["remarks"]
    assert f"bản sao của máy «{NAME}»" in words and "Không mất gì" in words and "thu hồi" in words
    assert copies(place, who) == [own["device"]] and not marks(place, who).copies
    keys = rows(place, select(Device.sign, Device.box, Device.officer_box).where(Device.id.in_([who, own["device"]])))
    assert [len({row[at] for row in keys}) for at in range(3)] == [2, 2, 1], "the officer's key stays"
    written = [(tablet, enter(tablet, "Ghi sau đó (dữ liệu mẫu)"), tablet.ask("sync")) for tablet in (first, copy, first, copy)]
    for tablet in (first, copy):
        tablet.ask("sync")
    same(first, copy)
    assert len(first.ask("dump")["records"]) == before + (3 if copy_writes else 2) + 4 and first.ask("dump") == copy.ask("dump")
    assert [owner(place, record) for _, record, _ in written] == [who, own["device"]] * 2
    assert copies(place, who) == [own["device"]] and copies(place, own["device"]) == []


def test_m57_f21_a_tablet_that_was_put_back_stays_what_it_is(place: Place, folder: Path, start: Start) -> None:
    backup = folder / "backup"
    shutil.copytree(folder / "first", backup)
    with Headless(folder / "first") as tablet:
        tablet.ask("unlock", pin=PIN)
        enter(tablet, "Sau bản sao lưu (dữ liệu mẫu)")
        tablet.ask("sync")
        who, before = tablet.ask("ready")["device"], len(tablet.ask("dump")["records"])
    for time in range(3):  # somebody puts it back again and again
        shutil.rmtree(folder / "first")
        shutil.copytree(backup, folder / "first")
        with Headless(folder / "first") as tablet:
            tablet.ask("unlock", pin=PIN)
            for _ in range(2):
                enter(tablet, f"Sau lần phục hồi {time} (dữ liệu mẫu)")
                tablet.ask("sync")
                assert forked(tablet), "noticed at the first exchange"
            assert tablet.ask("ready")["device"] == who
            assert len(tablet.ask("dump")["records"]) == before + 2 * (time + 1), "what it wrote before each time is here"
    assert copies(place, who) == [] and marks(place, who).copies == ()


def test_m58_f22_a_copy_of_a_copy_and_two_copies_at_once(place: Place, folder: Path, start: Start) -> None:
    for name in ("second", "third"):
        shutil.copytree(folder / "first", folder / name)
    tablets = [start(folder / name) for name in ("first", "second", "third")]
    who, before = tablets[0].ask("ready")["device"], len(tablets[0].ask("dump")["records"])
    for time in range(3):
        for tablet in tablets:
            enter(tablet, "Ba máy cùng ghi (dữ liệu mẫu)")
            tablet.ask("sync")
            assert forked(tablet) == (tablet is not tablets[0]) or time, "noticed at the first exchange that can know"
        assert forked(tablets[0]) or not time, "and the first one at its next"
    ids = [tablet.ask("ready")["device"] for tablet in tablets]
    assert len(set(ids)) == 3 and ids[0] == who and set(copies(place, who)) == set(ids[1:])
    for tablet in tablets:
        tablet.ask("sync")
    same(*tablets)
    assert len(tablets[0].ask("dump")["records"]) == before + 9


def in_window(folder: Path) -> Tablet:
    """The tablet of a folder in this process, unlocked."""
    tablet = Tablet(folder, Clock())
    tablet.unlock(PIN)
    return tablet


@pytest.mark.parametrize("step", ["keys", "answer", "keys in place", "profile", "forget"])
def test_m56_f13_a_copy_that_dies_at_any_step_goes_on(
    place: Place, folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shutil.copytree(folder / "first", folder / "copy")
    with Headless(folder / "copy") as copy:
        copy.ask("unlock", pin=PIN)
        proven(start(folder / "first"), copy)
    dying = in_window(folder / "copy")
    former = dying.who.device
    with monkeypatch.context() as patch:
        die_after(patch, step)
        with pytest.raises(Died):
            dying.syncer.sync()
    dying.store.database.close()
    dying._held.give_back()
    again = in_window(folder / "copy")
    try:
        again.syncer.sync()
        record = talk(FormPresenter(again))
        again.forms.close_all()
        again.syncer.sync()
        assert again.who.name == COPY and [again.who.device] == copies(place, former) and again.store.unsent_count() == 0
        assert again.hardware.secret(separation.SECRET) is None and again.store.note(separation.BECOME) is None
        assert owner(place, record) == again.who.device
    finally:
        again.close()


class Died(Exception):
    """The process ended here."""


def die_after(patch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process end just behind a step of becoming a device of its own."""
    owner, name, times = {
        "keys": (DeviceKeys, "keep", 1), "answer": (separation, "post_json", 1), "keys in place": (DeviceKeys, "keep", 2), "profile": (Profile, "save", 1),
        "forget": (Desktop, "forget_secret", 1),
    }[step]  # fmt: skip
    right, left = getattr(owner, name), [times]

    def dying(*words: Any, **named: Any) -> Any:
        result = right(*words, **named)
        left[0] -= 1
        if not left[0]:
            raise Died
        return result

    patch.setattr(owner, name, dying)


def test_m56_what_was_written_while_it_became_another_device_arrives(
    place: Place, folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines in a log of the device that it was, which nobody has read yet, are told by the device that it is."""
    shutil.copytree(folder / "first", folder / "copy")
    with Headless(folder / "copy") as copy:
        copy.ask("unlock", pin=PIN)
        proven(start(folder / "first"), copy)
    tablet = in_window(folder / "copy")
    written: list[str] = []
    separate = syncing.separate

    def typing(one: Tablet) -> None:
        written.append(talk(FormPresenter(one)))
        one.forms.close_all()
        separate(one)

    monkeypatch.setattr(syncing, "separate", typing)
    try:
        former = tablet.who.device
        tablet.syncer.sync()
        assert tablet.who.device != former and tablet.store.unsent_count() == 0 and tablet.store.set_aside() == []
        assert owner(place, written[0]) == former, "its log is what it was"
    finally:
        tablet.close()


def ask(place: Place, tablet: Tablet, mark: str, **other: str) -> requests.Response:
    """Ask to become a device of one's own, with members of the question in the place of the right ones."""
    keys, new = DeviceKeys.load(tablet.hardware), DeviceKeys.new()
    assert keys is not None
    who = tablet.who.device
    proof = copy_proof(who, mark, new.public, new.box.public)
    body = {"device": who, "mark": mark, "device_sign": b64(new.public), "device_box": b64(new.box.public), "name": "Máy lạ", "signature": b64(sign(keys.sign, proof))}
    return requests.post(f"{place.office.address}/api/enrol/copy", json=body | other, timeout=30)


def test_t08_no_device_is_made_for_who_asks_without_being_a_copy(place: Place, folder: Path, start: Start) -> None:
    shutil.copytree(folder / "first", folder / "copy")
    with Headless(folder / "copy") as copy:
        copy.ask("unlock", pin=PIN)
        first = start(folder / "first")
        proven(first, copy)
    copied = in_window(folder / "copy")
    try:
        mark = copied.store.mark()
        assert mark in marks(place, copied.who.device).copies
        wrong = [
            ask(place, copied, "no such mark"[:11]), ask(place, copied, ""), ask(place, copied, mark, signature=b64(bytes(64))),
            ask(place, copied, mark, device="AAAAAAAAAAA"), ask(place, copied, mark, device_box=b64(bytes(range(32)))),
        ]  # fmt: skip
        assert [(one.status_code, one.json()["code"]) for one in wrong] == [(409, "copy_unknown")] * len(wrong)
        assert copies(place, copied.who.device) == []
        taken = ask(place, copied, mark)
        assert taken.status_code == 200 and copies(place, copied.who.device) == [taken.json()["device"]]
        once = ask(place, copied, mark)
        assert (once.status_code, once.json()["code"]) == (409, "copy_unknown"), "once for each copy that was found"
    finally:
        copied.close()


def test_f38_a_revoked_original_makes_no_new_devices_and_either_is_revoked_alone(place: Place, folder: Path, start: Start) -> None:
    shutil.copytree(folder / "first", folder / "copy")
    first, copy = start(folder / "first"), start(folder / "copy")
    proven(first, copy)
    copy.ask("sync")
    own = copy.ask("ready")["device"]
    place.admin("device", "revoke", own)
    enter(copy, "Sau khi thu hồi (dữ liệu mẫu)")
    assert copy.ask("sync")["wiped"] and not first.ask("sync")["wiped"] and first.ask("ready")["enrolled"]
    (held,) = rows(place, select(LineRow.verdict).join(LogRow, LogRow.id == LineRow.log).where(LogRow.device == own))
    assert held.verdict == "device_revoked"
