"""The exchange from the tablet's side: what is cut, lost or switched off, and what a person is told meanwhile."""

import hashlib
import secrets
from pathlib import Path

import pytest

from mobile.background import Background
from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.home.presenter import HomePresenter
from mobile.screens.sync.presenter import SyncPresenter
from shared.errors import SenError
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import case, talk


def two_answers(make: Make, field: str = "participants_total", one: object = 72, other: object = 68) -> tuple[str, ConflictPresenter, ConflictPresenter]:
    """A record in which A and B wrote differently, both having synced; the last word came from B."""
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    for tablet in (a, b):
        tablet.syncer.sync()
    for tablet, value in ((a, one), (b, other)):
        form = FormPresenter(tablet).open(record)
        form.set(field, value)
        form.leave()
    for tablet in (a, b, a):
        tablet.syncer.sync()
    conflicts = ConflictPresenter(a), ConflictPresenter(b)
    for conflict in conflicts:
        conflict.show(record)
    return record, *conflicts


def test_p02_f02_a_lost_answer_changes_nothing(make: Make, wire: Wire) -> None:
    tablet = make()
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    wire.lose_answer = 3
    tablet.syncer.sync()
    assert tablet.store.unsent_count() == 0
    assert len(wire.server.history(record)) == 1


def test_f09_an_answer_that_was_kept_since_an_earlier_run_is_none(make: Make, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in between answers the first request of this run by what it kept of the first one of yesterday's."""
    drawn = iter((4711, 17))
    monkeypatch.setattr(secrets, "randbelow", lambda below: next(drawn))
    answers: list[bytes] = []

    def kept(address: str, data: bytes) -> bytes:
        answers.append(wire.post(address, data))
        return answers[-1]

    tablet = make()
    tablet.syncer._post = kept
    tablet.syncer.sync()
    tablet.close()
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    told = tablet.store.cursors(), tablet.store.answers(), tablet.store.digest()
    tablet.syncer._post = lambda address, data: answers[0]
    with pytest.raises(SenError, match="late_answer"):
        tablet.syncer.sync()
    assert (tablet.store.cursors(), tablet.store.answers(), tablet.store.digest()) == told
    assert tablet.store.unsent_count() == 1
    tablet.syncer._post = wire.post
    tablet.syncer.sync()
    assert tablet.store.unsent_count() == 0


def test_without_a_network_all_stays_and_it_is_said(make: Make, wire: Wire) -> None:
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    wire.broken = True
    sync = SyncPresenter(tablet)
    with pytest.raises(SenError, match="no_network"):
        sync.sync_now()
    assert sync.status() == "1 thay đổi chưa gửi"
    assert "Chưa có mạng" in sync.state()
    assert [row.words for row in sync.waiting()] == ["Nói chuyện chuyên đề (dữ liệu mẫu)"]
    wire.broken = False
    sync.sync_now()
    assert sync.status().startswith("Đã gửi lúc") and sync.waiting() == []


def test_the_switch_keeps_the_tablet_off_the_network(make: Make, wire: Wire) -> None:
    tablet = make()
    sync = SyncPresenter(tablet)
    sync.set_offline(True)
    with pytest.raises(SenError, match="switched_offline"):
        sync.sync_now()
    assert wire.trips == 0


def test_a_locked_tablet_still_delivers(make: Make, wire: Wire) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = case(form)
    tablet.lock()
    tablet.syncer.sync()
    assert wire.server.values(record)["legal_ground"] == "duty"
    assert tablet.store.unsent_count() == 0


def test_p03_two_answers_are_told_in_words_and_decided_by_a_third(make: Make, wire: Wire) -> None:
    record, conflict, other = two_answers(make)
    assert conflict.progress == "1 / 1" and conflict.field_words == "Số lượt người dự"
    assert {card.value for card in conflict.cards()} == {"72", "68"} == {card.value for card in other.cards()}
    assert [card.current for card in conflict.cards()] == [True, False]
    assert conflict.before().startswith("Trước đó: 60. ")
    assert {words for words, _, _ in conflict.history()} == {"60", "72", "68"}
    current = conflict.cards()[0]
    assert current.deed == "Giữ 72" and "máy này" in current.who and "tới máy chủ" in current.when
    assert any("Hai người" in todo.words or "hai người" in todo.words for todo in HomePresenter(conflict.tablet).todo())
    conflict.write(75)
    assert conflict.question is None
    conflict.tablet.syncer.sync()
    assert wire.server.values(record)["participants_total"] == 75
    assert wire.server.state(record).open_paths() == []
    with pytest.raises(SenError, match="wrong_kind"):
        other.write("bảy mươi")
    other.tablet.syncer.sync()
    with pytest.raises(SenError, match="question_changed"):
        other.take(0)


def test_two_answers_decided_by_taking_the_other(make: Make, wire: Wire) -> None:
    record, conflict, _ = two_answers(make)
    conflict.take(1, "đếm lại")
    conflict.tablet.syncer.sync()
    assert wire.server.values(record)["participants_total"] == 68
    assert conflict.tablet.history(record, "participants_total")[0][0] == "68"


def test_m05_a_withdrawal_that_had_not_seen_all_is_a_question(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    for tablet in (a, b):
        tablet.syncer.sync()
    form = FormPresenter(a).open(record)
    form.set("place", "Nhà văn hóa")
    form.leave()
    FormPresenter(b).open(record).withdraw("nhầm")
    for tablet in (a, b, a):
        tablet.syncer.sync()
    conflict = ConflictPresenter(a)
    conflict.show(record)
    assert conflict.question is not None and conflict.field is None
    withdraw = next(card.number for card in conflict.cards() if card.value == "Rút bản ghi")
    conflict.take(withdraw)
    for tablet in (a, b):
        tablet.syncer.sync()
    assert wire.server.state(record).withdrawn
    assert a.store.digest() == b.store.digest()


def test_p06_a_line_that_was_set_aside_is_told_with_its_reason(make: Make, wire: Wire) -> None:
    tablet = make()
    name = tablet.who.user
    tablet.store._identity = tablet.store.device()._replace(user="stranger")
    wire.server.devices[tablet.who.device] = wire.server.devices[tablet.who.device]._replace(user="stranger")
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    tablet.syncer.sync()
    aside = SyncPresenter(tablet).aside()
    assert len(aside) == 1 and "không có quyền" in aside[0].below
    assert tablet.store.unsent_count() == 0 and name != "stranger"


def test_f34_a_broken_catalogue_leaves_the_last_good_one(make: Make) -> None:
    tablet = make()
    good = tablet.catalogue.version
    body = {"version": "0" * 16, "texts": {"units.yaml": "- {code: x"}}
    import json

    sealed = tablet.store.rows.seal(json.dumps(body).encode(), "document catalogue")
    with tablet.store.database.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO document VALUES ('catalogue', ?, ?)", (body["version"], sealed))
    tablet.pulled()
    assert tablet.catalogue.version == good


def test_what_waits_goes_out_when_the_switch_puts_the_tablet_back_on_the_network(make: Make, wire: Wire) -> None:
    from threading import Event

    tablet, slept, done = make(), Event(), Event()
    presenter, background = SyncPresenter(tablet), Background(tablet)
    tablet.background = background
    presenter.set_offline(True)
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    sleep = background._sleep

    def sleeping(wait: float) -> None:
        if wait:
            slept.set()
        sleep(wait)

    background._sleep = sleeping  # type: ignore[method-assign]
    background.start(lambda work: work(), lambda: None if tablet.store.unsent_count() else done.set())
    assert slept.wait(20) and wire.trips == 0
    presenter.set_offline(False)
    assert done.wait(20) and wire.trips > 0
    background.stop()


def test_the_thread_sends_what_is_urgent_at_once(make: Make, wire: Wire) -> None:
    from threading import Event

    tablet, done = make(), Event()
    background = Background(tablet)
    tablet.background = background
    said: list[str] = []

    def news() -> None:
        said.append(tablet.syncer.words())
        if not tablet.store.unsent_count():
            done.set()

    talk(FormPresenter(tablet))
    background.start(lambda work: work(), news)
    tablet.forms.close_all()
    tablet.wrote(urgent=True)
    assert done.wait(20)
    results: list[object] = []
    finished = Event()

    def then(result: object) -> None:
        results.append(result)
        if len(results) == 2:
            finished.set()

    background.work(lambda: 42, then)
    background.work(lambda: tablet.files.read("0" * 64), then)
    assert finished.wait(20)
    assert 42 in results and any(isinstance(result, SenError) for result in results)


def test_one_process_holds_a_folder(make: Make, tmp_path: Path) -> None:
    from mobile.tablet import Tablet

    make("A")
    with pytest.raises(SenError, match="profile_in_use"):
        Tablet(tmp_path / "A")


def test_chains_of_own_logs_hold(make: Make) -> None:
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    for log in tablet.store.own_logs():
        run = tablet.store.unsent(log.log, 0, 1 << 30)
        if run is not None:
            assert run.end() == log.head.hash
            assert hashlib.sha256(run.lines[0]).digest() == run.hashes[0]


def test_f19_f52_the_app_finds_damage_by_itself_and_shows_nothing_wrong_meanwhile(make: Make) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    for tablet in (a, b):
        tablet.syncer.sync()
    shown = b.store.show(record)
    with b.store.database.writing() as connection:
        connection.execute("UPDATE held_line SET body = zeroblob(length(body)) WHERE record = ?", (record,))
    assert shown is not None and b.store.show(record) is None, "nothing rather than something wrong"
    b.syncer.sync()
    healed = b.store.show(record)
    assert healed is not None and healed.dump() == shown.dump() and b.store.digest() == a.store.digest()
