"""A tablet's storage is copied and both send by bundles: the copy becomes a device of its own, whatever is late, lost, doubled or mixed up.

Real tablets on real folders at the real app, on both databases.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobile import bundles, separation
from mobile.hardware import Desktop
from mobile.keys import DeviceKeys
from mobile.outbox import Outbox
from mobile.profile import Profile
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from server.audit import AuditEntry
from server.db import db, reading, transaction
from server.enrolment import revoke
from server.models import LineRow, LogRow
from server.people import Device
from server.services import services
from shared.errors import SenError
from shared.ids import b64, unb64
from sync import by_file
from sync.by_file import write_requests
from sync.clock import Time
from sync.copies import Marks
from sync.copy_entries import ASKED, question_of, write_question
from sync.over_file import Entry, Sender, write_bundle
from tests.mobile.test_forms import talk
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, PIN, Enrol, enrol
from tests.support.stick import Stick

__all__ = ["enrol"]

COPY = "(bản sao)"


class Twins:
    """A tablet and a copy of it, made while nothing waited; both go on by bundles."""

    def __init__(self, stick: Stick, first: Tablet, copy: Tablet, reopen: Callable[..., Tablet]) -> None:
        self.stick, self.first, self.copy, self.reopen = stick, first, copy, reopen
        self.device = first.who.device
        self.written: list[str] = []

    def write(self, *tablets: Tablet) -> None:
        """A record on each of these."""
        for tablet in tablets:
            self.written.append(talk(FormPresenter(tablet), title=f"Ghi lần {len(self.written)} (dữ liệu mẫu)"))
            tablet.forms.close_all()

    def rows(self, query: Any) -> list[Any]:
        with self.stick.app.app_context(), reading() as connection:
            found = list(connection.execute(query))
            db.session.remove()
        return found

    def marks(self) -> Marks:
        """What the server knows of the first device's being used in two places."""
        return Marks.load(self.rows(select(Device.marks).where(Device.id == self.device))[0].marks)

    def copies(self) -> list[str]:
        """The devices that were copies of the first."""
        return [row.id for row in self.rows(select(Device.id).where(Device.copy_of == self.device))]

    def noticed(self) -> int:
        """Both write and send in turn, the first one before the copy, until the server knows which is which; gives the journeys of each."""
        for times in range(1, 6):
            self.write(self.first, self.copy)
            self.stick.journey(self.first)
            if self.marks().copies:
                return times
            self.stick.journey(self.copy)
        raise AssertionError("it was never noticed")

    def told(self) -> None:
        """And until the copy was told, which asks from then on."""
        self.noticed()
        found = self.stick.journey(self.copy)
        assert [kept.copied for kept in found.kept] == [True]
        assert separation.asked(self.copy) and not separation.asked(self.first)

    def lost(self, tablet: Tablet) -> list[Path]:
        """A tablet's bundle is read at the district, and the answer does not come; it may turn up."""
        return self.stick.imported(self.stick.written(tablet))

    def alone(self) -> None:
        """The copy is a device of its own, the first one what it was, and all that either wrote is on both."""
        (own,) = self.copies()
        assert (self.first.who.device, self.copy.who.device) == (self.device, own)
        assert self.copy.who.name.endswith(COPY) and COPY not in self.first.who.name
        assert self.first.store.note(separation.COPY) is None and self.first.hardware.secret(separation.SECRET) is None
        assert self.copy.hardware.secret(separation.SECRET) is None and self.copy.store.note(separation.BECOME) is None
        (words,) = [one for one in SyncPresenter(self.copy).remarks() if "bản sao" in one]
        assert "Không mất gì" in words
        self.write(self.first, self.copy)
        mine = self.written[-2:]
        for tablet in (self.first, self.copy, self.first, self.copy):
            self.stick.journey(tablet)
        self.same()
        owners = [self.rows(select(LogRow.device).join(LineRow, LineRow.log == LogRow.id).where(LineRow.record == one).distinct()) for one in mine]
        assert [[row.device for row in some] for some in owners] == [[self.device], [own]]
        assert not self.marks().copies and self.copies() == [own]

    def same(self) -> None:
        """Everything that was written is on both, and nothing waits."""
        for tablet in (self.first, self.copy):
            assert set(self.written) <= set(tablet.store.records()) and tablet.store.unsent_count() == 0
            assert tablet.store.set_aside() == [] and not tablet.store.outbox.unsettled()
        assert self.first.store.digest() == self.copy.store.digest()
        assert {row.verdict for row in self.rows(select(LineRow.verdict))} == {""}


def open_again(folder: Path, like: Tablet) -> Tablet:
    """The tablet of a folder, unlocked, with the clock and the network of another one."""
    tablet = Tablet(folder, like.clock, cheap_pin=True)
    tablet.unlock(PIN)
    tablet.syncer._post, tablet.carrier._post = like.syncer._post, like.carrier._post
    return tablet


@pytest.fixture
def stick(app: Flask, add_person: AddUser, tmp_path: Path) -> Stick:
    return Stick(app, add_person("huyen", "district_officer@hong_ngu"), tmp_path / "sticks")


@pytest.fixture
def twins(app: Flask, add_person: AddUser, enrol: Enrol, stick: Stick, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twins]:
    opened: list[Tablet] = []
    client = app.test_client()

    def post_json(address: str, path: str, body: Any) -> Any:
        answer = client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json

    monkeypatch.setattr(separation, "post_json", post_json)

    def reopen(tablet: Tablet, folder: Path | None = None) -> Tablet:
        tablet.close()
        opened.append(open_again(folder or tablet.profile.folder, tablet))
        return opened[-1]

    original = enrol(add_person("lan", f"collector@{HERE}"), HERE)
    talk(FormPresenter(original))
    original.forms.close_all()
    stick.journey(original)
    original.close()
    folder = original.profile.folder
    shutil.copytree(folder, folder.with_name("copy"))
    yield Twins(stick, reopen(original), reopen(original, folder.with_name("copy")), reopen)
    for tablet in opened:
        tablet.close()


def test_m84_a_copy_becomes_a_device_of_its_own_by_bundles_alone(twins: Twins) -> None:
    assert twins.noticed() == 4, "a fork, a mark, an answer made after it, and the bundle that shows that answer"
    assert twins.first.store.note("forked") is None, "who came first goes on in its logs"
    found = twins.stick.journey(twins.copy)
    assert SyncPresenter(twins.copy).read_files([]) == "Không thấy tệp nào của Sen (đuôi .senb) ở đây."
    assert found.kept[0].copied and found.kept[0].again and not found.separated
    twins.write(twins.first, twins.copy)
    assert twins.stick.journey(twins.copy).separated
    twins.alone()
    audit = twins.rows(select(AuditEntry.action).where(AuditEntry.subject.in_([twins.device, *twins.copies()])))
    assert sorted(row.action for row in audit if row.action in ("copied", "enrol_copy")) == ["copied", "enrol_copy"]


def test_m85_answers_that_both_can_open_are_heeded_by_whom_they_mean(twins: Twins) -> None:
    """One stick has the answers to both, and both read all that is on it."""
    refused: list[list[str]] = [[], []]
    for _ in range(6):
        twins.write(twins.first, twins.copy)
        answers = [path for tablet in (twins.first, twins.copy) for path in twins.stick.imported(twins.stick.written(tablet))]
        for at, tablet in enumerate((twins.first, twins.copy)):
            refused[at] += [error.code for _, error in tablet.bundles.read(answers).refused]
        assert twins.first.store.note("forked") is None and not separation.asked(twins.first)
        if twins.copies() and twins.copy.who.device != twins.device:
            break
    assert refused == [["bundle_for_copy"] * 4 + ["bundle_for_another"], ["bundle_for_copy"] * 5]
    words = SyncPresenter(twins.first).read_files(answers)
    assert "không dành cho nơi đang mở nó" in words
    twins.alone()


def test_m85_the_question_or_its_answer_is_lost_late_and_twice(twins: Twins) -> None:
    twins.told()
    stick, copy = twins.stick, twins.copy
    stick.written(copy)  # lost on the way there
    twins.write(twins.first, copy)
    asked = stick.written(copy)
    late = stick.imported(asked)  # lost on the way back
    (own,) = twins.copies()
    twins.write(copy)
    again, twice = stick.imported(stick.written(copy)), stick.imported(asked)
    assert twins.copies() == [own], "the same keys are the same device"
    assert copy.bundles.read(again).separated and copy.who.device == own
    for answer in (late, twice, again):
        found = copy.bundles.read(answer)
        assert not found.refused and not found.separated and not found.kept and copy.who.device == own
    assert all(error.code == "bundle_for_another" for _, error in twins.first.bundles.read([*late, *again]).refused)
    twins.alone()


def test_m85_old_bundles_of_the_copy_come_after_it_became_another(twins: Twins) -> None:
    twins.noticed()
    old = twins.stick.written(twins.copy)
    twins.stick.journey(twins.copy)
    asked = twins.stick.written(twins.copy)
    twins.write(twins.first, twins.copy)
    twins.stick.journey(twins.copy)
    for files in (old, asked, old):
        late = twins.stick.imported(files)
        assert not twins.stick.last.refused
        twins.copy.bundles.read(late)
        twins.stick.journey(twins.first)
    twins.alone()


@pytest.mark.parametrize("way", ["bundle, then network", "network, then bundle"])
def test_m85_it_asks_by_one_way_and_hears_by_the_other(twins: Twins, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    twins.told()
    copy = twins.copy
    if way == "bundle, then network":
        late = twins.lost(copy)
        (own,) = twins.copies()
        copy.syncer.sync()
        assert copy.who.device == own
        found = copy.bundles.read(late)
        assert not found.refused and not found.kept and copy.who.device == own
    else:
        right = separation.post_json

        def cut(address: str, path: str, body: Any) -> Any:
            right(address, path, body)
            raise SenError("network_cut")

        with monkeypatch.context() as patch:
            patch.setattr(separation, "post_json", cut)
            with pytest.raises(SenError, match="network_cut"):
                copy.syncer.sync()
        (own,) = twins.copies()
        assert copy.who.device == twins.device and twins.stick.journey(copy).separated and copy.who.device == own
    twins.alone()


@pytest.mark.parametrize("networked", ["the first", "the copy"])
def test_m85_one_of_them_has_a_network(twins: Twins, networked: str) -> None:
    for _ in range(8):
        twins.write(twins.first, twins.copy)
        for tablet in (twins.first, twins.copy):
            if (tablet is twins.first) == (networked == "the first"):
                tablet.syncer.sync()
            else:
                twins.stick.journey(tablet)
        if twins.copy.who.device != twins.device:
            break
    twins.alone()


class Died(Exception):
    """The process ended here."""


def die_after(patch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process end just behind a step of reading an answer."""
    owner, name = {
        "told": (bundles, "keep_answers"), "keys": (DeviceKeys, "keep"), "answer": (bundles, "keep_answers"), "logs": (Outbox, "begin_anew"),
        "keys in place": (DeviceKeys, "keep"), "profile": (Profile, "save"), "forget": (Desktop, "forget_secret"),
    }[step]  # fmt: skip
    right = getattr(owner, name)

    def dying(*words: Any, **named: Any) -> Any:
        right(*words, **named)
        raise Died

    patch.setattr(owner, name, dying)


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("step", ["told", "keys", "answer", "logs", "keys in place", "profile", "forget"])
def test_m84_f13_a_copy_that_dies_at_any_step_goes_on(twins: Twins, monkeypatch: pytest.MonkeyPatch, step: str, again: bool) -> None:
    """Its answer is read again after the start, or is lost with the stick."""
    if step in ("told", "keys"):
        twins.noticed()
    else:
        twins.told()
    dying = twins.copy
    answer = twins.lost(dying)
    with monkeypatch.context() as patch:
        die_after(patch, step)
        with pytest.raises(Died):
            dying.bundles.read(answer)
    dying.store.database.close()
    dying._held.give_back()
    twins.copy = twins.reopen(dying)
    if again:
        twins.copy.bundles.read(answer)
    for _ in range(2):
        twins.write(twins.copy)
        twins.stick.journey(twins.copy)
    twins.alone()


def put_back(twins: Twins, backup: Path) -> None:
    """The first one's storage is what it was when the backup was made."""
    twins.first.close()
    shutil.rmtree(twins.first.profile.folder)
    shutil.copytree(backup, twins.first.profile.folder)
    twins.first = twins.reopen(twins.first)


def test_m86_f21_a_tablet_that_was_put_back_stays_what_it_is_whatever_old_bundles_turn_up(twins: Twins, tmp_path: Path) -> None:
    """The copy is never used: there is one tablet, put back three times, and every bundle that it ever wrote comes again, at any time."""
    stick, old = twins.stick, list[list[Path]]()
    twins.first.close()
    shutil.copytree(twins.first.profile.folder, tmp_path / "backup")
    twins.first = twins.reopen(twins.first)
    for _ in range(3):
        twins.write(twins.first)
        stick.journey(twins.first)
        old.append(stick.written(twins.first))  # nothing is unsent, and it stands where the server left it
        put_back(twins, tmp_path / "backup")
        for _ in range(4):
            twins.write(twins.first)
            stick.journey(twins.first)
            old.append(stick.written(twins.first))
            for files in old:
                stick.imported(files)
        assert twins.first.store.note("forked") is not None
        assert not twins.marks().copies and len(twins.marks().order) > 1
    assert twins.first.who.device == twins.device and twins.copies() == []
    assert set(twins.written) <= set(twins.first.store.records())


def test_m86_an_earlier_app_that_shows_no_mark_is_never_taken_for_the_original(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    right = by_file.pack_request

    def earlier(store: Any, head: dict[str, Any], *more: Any) -> bytes:
        return right(store, {name: body for name, body in head.items() if name != "mark" or store is twins.copy.store}, *more)

    monkeypatch.setattr(by_file, "pack_request", earlier)
    for _ in range(6):
        twins.write(twins.first, twins.copy)
        for tablet in (twins.first, twins.copy):
            twins.stick.journey(tablet)
    assert len(twins.marks().order) == 2 and not twins.marks().copies and not separation.asked(twins.copy)
    for tablet in (twins.first, twins.copy):
        twins.stick.journey(tablet)
    twins.same()


def test_m86_a_refusal_is_heeded_by_who_asked_and_it_goes_on(twins: Twins) -> None:
    """The server was restored to before it knew of the copy."""
    twins.told()
    with twins.stick.app.app_context():
        transaction(lambda session: session.execute(update(Device).where(Device.id == twins.device).values(marks=None)))
        db.session.remove()
    answer = twins.lost(twins.copy)
    assert not twins.first.bundles.read(answer).separated
    found = twins.copy.bundles.read(answer)
    assert not found.separated and not found.refused and not separation.asked(twins.copy) and twins.copies() == []
    for _ in range(8):
        twins.write(twins.first, twins.copy)
        for tablet in (twins.first, twins.copy):
            twins.stick.journey(tablet)
    twins.copy.bundles.read(answer)
    twins.alone()


def test_t08_no_device_is_made_for_who_asks_without_being_a_copy(twins: Twins, enrol: Enrol, add_person: AddUser) -> None:
    twins.told()
    stranger = enrol(add_person("thu", f"collector@{HERE}"), HERE)
    ours, theirs = (DeviceKeys.load(tablet.hardware) for tablet in (twins.copy, stranger))
    assert ours is not None and theirs is not None
    mark = twins.copy.store.mark()

    def question(mark: str, device: str, key: bytes) -> Entry:
        made = DeviceKeys.new()
        return write_question(question_of(device, mark, sign_key=made.public, box_key=made.box.public, name="Máy lạ", former=key))

    good, made = write_question(separation.question(twins.copy)), question(mark, twins.device, ours.sign)
    told = json.loads(made.body)
    wrong = {
        "another mark": question("no such mar", twins.device, ours.sign), "no mark": question("", twins.device, ours.sign),
        "another key": question(mark, twins.device, theirs.sign), "another device": question(mark, stranger.who.device, ours.sign),
        "another box": Entry(ASKED, json.dumps(told | {"device_box": b64(bytes(range(32)))}).encode()),
    }  # fmt: skip
    damaged = [b"", b"{}", b"[]", b"[" * 100_000, b"\xff", *(json.dumps(told | {name: 7}).encode() for name in told), json.dumps(told | {"device_sign": "AA"}).encode()]
    damaged += [json.dumps(told | {"name": ""}).encode(), json.dumps(told | {"name": "x" * 121}).encode(), json.dumps(told | {"mark": "x" * 12}).encode()]

    def sent(tablet: Tablet, keys: DeviceKeys, entry: Entry) -> list[Path]:
        messages = write_requests(tablet.store, now=Time(tablet.clock.now_ms(), 0))
        (part,) = write_bundle(Sender.of(tablet.who.device, keys.sign), unb64(tablet.who.server_box), messages, beside=[entry])
        path = twins.stick.new() / "x.senb"
        path.write_bytes(part)
        return twins.stick.imported([path])

    for name, entry in wrong.items():
        answer = sent(twins.copy, ours, entry)
        assert not twins.copy.bundles.read(answer).separated, name
    for body in damaged:
        assert sent(twins.copy, ours, Entry(ASKED, body)) == []
        assert [error.code for _, error in twins.stick.last.refused] == ["bundle_damaged"], body[:40]
    assert not stranger.bundles.read(sent(stranger, theirs, good)).separated
    assert twins.copies() == [] and twins.rows(select(Device.id).where(Device.copy_of == stranger.who.device)) == []
    assert separation.asked(twins.copy), "refusals of other keys are not its own"
    assert twins.stick.journey(twins.copy).separated
    assert not twins.copy.bundles.read(sent(twins.first, ours, question(mark, twins.device, ours.sign))).separated, "once for each copy"
    twins.alone()


def test_f38_a_revoked_original_makes_no_new_devices_by_bundle(twins: Twins) -> None:
    twins.told()
    with twins.stick.app.app_context():
        held = services()
        transaction(lambda session: revoke(session, held.keys, session.get_one(Device, twins.device), by="", now_ms=held.clock.now_ms()))
        db.session.remove()
    assert not twins.stick.journey(twins.copy).separated
    assert twins.copies() == [] and not separation.asked(twins.copy) and twins.copy.store.unsent_count() == 0


def test_m85_three_of_one(twins: Twins) -> None:
    twins.first.close()
    third = twins.first.profile.folder.with_name("third")
    shutil.copytree(twins.first.profile.folder, third)
    twins.first = twins.reopen(twins.first)
    tablets = [twins.first, twins.copy, twins.reopen(twins.first, third)]
    twins.first = tablets[0] = twins.reopen(twins.first)
    for _ in range(12):
        twins.write(*tablets)
        for tablet in tablets:
            twins.stick.journey(tablet)
    ids = [tablet.who.device for tablet in tablets]
    assert ids[0] == twins.device and len(set(ids)) == 3 and set(twins.copies()) == set(ids[1:])
    for tablet in tablets:
        twins.stick.journey(tablet)
    twins.same()
    assert tablets[2].store.digest() == twins.first.store.digest() and set(twins.written) <= set(tablets[2].store.records())


@pytest.mark.parametrize("seed", range(4))
def test_m84_bundles_and_network_in_any_order_lose_nothing(twins: Twins, seed: int) -> None:
    """Late, lost, twice, read by the other one, with starts in between and the network now and then; at the end both are quiet, and two."""
    chance, sent, answers = random.Random(seed), list[list[Path]](), list[list[Path]]()
    for _ in range(70):
        name = chance.choice(("first", "copy"))
        tablet = getattr(twins, name)
        deed = chance.choices(("write", "send", "read here", "read there", "start", "network"), (4, 5, 5, 6, 1, 0.5))[0]
        if deed == "write":
            twins.write(tablet)
        elif deed == "send":
            sent.append(twins.stick.written(tablet))
        elif deed == "read here" and sent:
            answers.append(twins.stick.imported(chance.choice(sent[-6:])))
            assert not twins.stick.last.refused
        elif deed == "read there" and answers:
            refused = {error.code for _, error in tablet.bundles.read(chance.choice(answers[-6:])).refused}
            assert refused <= {"bundle_for_copy", "bundle_for_another"}
        elif deed == "start":
            setattr(twins, name, twins.reopen(tablet))
        elif deed == "network":
            tablet.syncer.sync()
    for _ in range(8):
        twins.write(twins.first, twins.copy)
        for tablet in (twins.first, twins.copy):
            twins.stick.journey(tablet)
    for tablet in (twins.first, twins.copy):
        twins.stick.journey(tablet)
    twins.same()
    assert twins.first.who.device != twins.copy.who.device and twins.device in (twins.first.who.device, twins.copy.who.device)
