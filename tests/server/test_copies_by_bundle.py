"""A tablet's storage is copied and both send by bundles: the copy becomes a device of its own, whatever is late, lost, doubled or mixed up.

Real tablets on real folders at the real app, on both databases.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mobile import bundles, separation
from mobile.hardware import Desktop
from mobile.keys import DeviceKeys
from mobile.outbox import Outbox
from mobile.profile import Profile
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from server.audit import AuditEntry
from shared.errors import SenError
from tests.mobile.test_forms import talk
from tests.server.conftest import AddUser
from tests.server.test_scope import HERE, Enrol, enrol
from tests.support.stick import Stick
from tests.support.twins import Twins, open_again

__all__ = ["enrol"]


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
