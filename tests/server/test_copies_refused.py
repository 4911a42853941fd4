"""What must not make a copy a device of its own, or an original one: old bundles of a tablet that was put back, refusals, attackers.

Real tablets on real folders at the real app, on both databases.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from mobile import separation
from mobile.keys import DeviceKeys
from mobile.tablet import Tablet
from server.db import db, transaction
from server.enrolment import revoke
from server.people import Device
from server.services import services
from shared.ids import b64, unb64
from sync import by_file
from sync.by_file import write_requests
from sync.clock import Time
from sync.copy_entries import ASKED, question_of, write_question
from sync.over_file import Entry, Sender, write_bundle
from tests.server.conftest import AddUser
from tests.server.test_copies_by_bundle import stick, twins
from tests.server.test_scope import HERE, Enrol, enrol
from tests.support.twins import Twins

__all__ = ["enrol", "stick", "twins"]


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
