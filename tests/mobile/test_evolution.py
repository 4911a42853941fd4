"""The district's forms change while a tablet is offline: a half-filled draft, unsent records and open questions go on under the new ones."""

import pytest

from mobile.remarks import remarks
from mobile.screens.conflict.presenter import ConflictPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.records.presenter import RecordsPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from sync.server_half import ServerHalf
from sync.tablet_half import TabletHalf
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import talk
from tests.support.texts import TALK, dropped, renamed, retyped, shipped


def after_a_dead_battery(tablet: Tablet, make: Make) -> Tablet:
    """The tablet dies with forms open: what was typed is in drafts alone; it is started again."""
    tablet.store.database.close()
    tablet._held.give_back()
    tablet._store = None
    return make()


def notices(form: FormPresenter) -> list[str]:
    return [notice.words for notice in form.notices()]


def test_m65_f33_a_half_filled_draft_keeps_what_was_typed_in_a_renamed_field(make: Make, wire: Wire) -> None:
    tablet = make()
    record = talk(FormPresenter(tablet))
    wire.server.publish(renamed())
    tablet.syncer.sync()
    assert tablet.catalogue.version == wire.server.catalogue.version, "it is taken up without a restart"
    assert tablet.store.unsent_count() == 0, "the draft is no change of the log yet"
    tablet = after_a_dead_battery(tablet, make)
    form = FormPresenter(tablet).open(record)
    assert form.value("attendances_total") == 60 and form.open_form.dirty
    submit = SubmitPresenter(tablet)
    submit.show(record)
    assert submit.findings() == []
    submit.submit()
    tablet.syncer.sync()
    assert wire.server.verdicts() == ["", ""] and wire.server.values(record)["attendances_total"] == 60
    assert b'"p":"participants_total"' in wire.server.history(record)[0], "in lines the field keeps its first name"


def test_m65_an_open_form_goes_on_under_the_new_name(make: Make, wire: Wire) -> None:
    """The catalogue comes while the form stands open; nothing typed is lost, before or after."""
    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    wire.server.publish(renamed())
    tablet.syncer.sync()
    form.set("participants_total", 61)
    form.open(record)
    assert form.value("attendances_total") == 61
    form.set("attendances_total", 62)
    form.leave()
    tablet.syncer.sync()
    assert wire.server.values(record)["attendances_total"] == 62 and set(wire.server.verdicts()) == {""}


def test_m65_an_open_form_outlives_a_server_that_was_set_back(make: Make, wire: Wire) -> None:
    """The restored server hands out older forms, which know no such name: what was typed is written as it was meant."""
    tablet = make()
    older = wire.server.catalogue
    wire.server.publish(renamed())
    tablet.syncer.sync()
    form = FormPresenter(tablet)
    record = form.start("communication_activity")
    form.set("attendances_total", 61)
    wire.server.catalogue = older
    tablet.syncer.sync()
    assert "attendances_total" not in tablet.catalogue.types["communication_activity"].fields
    form.open(record)
    assert form.value("attendances_total") == 61
    form.leave()
    tablet.syncer.sync()
    assert wire.server.verdicts() == [""] and wire.server.values(record)["participants_total"] == 61


def test_m66_a_half_filled_draft_keeps_what_was_typed_in_a_dropped_field(make: Make, wire: Wire) -> None:
    tablet = make()
    record = talk(FormPresenter(tablet), event_code="SK-2022-07")
    wire.server.publish(dropped())
    tablet.syncer.sync()
    tablet = after_a_dead_battery(tablet, make)
    form = FormPresenter(tablet).open(record)
    assert any(words.startswith("Trường cũ · ") and "SK-2022-07" in words for words in notices(form))
    with pytest.raises(SenError):
        form.set("event_code", "SK-8")
    form.set("title", "Nói chuyện chuyên đề về luật (dữ liệu mẫu)")
    form.leave()
    tablet.syncer.sync()
    assert wire.server.values(record)["event_code"] == "SK-2022-07" and wire.server.verdicts() == [""]
    other = make("B")
    other.syncer.sync()
    other.syncer.sync()
    there = FormPresenter(other).open(record)
    assert any("SK-2022-07" in words for words in notices(there)), "who never saw the old form reads it too"
    assert any("SK-2022-07" in words for words, _, _ in there.history())


def test_m67_a_half_filled_draft_of_a_retyped_field_is_read_or_asked(make: Make, wire: Wire) -> None:
    tablet = make()
    first = talk(FormPresenter(tablet), event_code="1.234")
    second = talk(FormPresenter(tablet), event_code="khoảng 50")
    wire.server.publish(retyped())
    tablet.syncer.sync()
    tablet = after_a_dead_battery(tablet, make)
    assert FormPresenter(tablet).open(first).value("event_code") == 1234
    form = FormPresenter(tablet).open(second)
    assert form.value("event_code") == "khoảng 50"
    assert "Câu trả lời cũ «khoảng 50» không đọc được" in form.remark("event_code").error
    submit = SubmitPresenter(tablet)
    submit.show(second)
    with pytest.raises(SenError, match="submit_not_ready"):
        submit.submit()
    form.set("event_code", 50)
    submit.show(second)
    submit.submit()
    tablet.syncer.sync()
    assert wire.server.values(second)["event_code"] == 50 and set(wire.server.verdicts()) == {""}


def test_m67_what_was_sent_with_the_old_kind_arrives_behind_the_change(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a), event_code="khoảng 50")
    a.forms.close_all()
    wire.server.publish(retyped())
    b.syncer.sync()
    a.syncer.sync()
    assert wire.server.verdicts() == [""]
    b.syncer.sync()
    form = FormPresenter(b).open(record)
    assert form.words_for("event_code", form.value("event_code")) == "khoảng 50"
    assert any("khoảng 50" in words for words, _, _ in form.history("event_code"))


def test_m60_the_question_of_an_old_and_a_new_name_is_one(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    a.syncer.sync()
    b.syncer.sync()
    wire.server.publish(renamed())
    b.syncer.sync()
    for tablet, code, value in ((a, "participants_total", 72), (b, "attendances_total", 68)):
        form = FormPresenter(tablet).open(record)
        form.set(code, value)
        form.leave()
    for tablet in (a, b, a):
        tablet.syncer.sync()
    for tablet in (a, b):
        conflict = ConflictPresenter(tablet)
        conflict.show(record)
        assert [question.path for question in conflict.waiting] == ["participants_total"]
        question = conflict.waiting[0]
        assert conflict.desk.field_words(question) == "Số lượt người dự"
        assert {candidate.words for candidate in conflict.desk.candidates(question)} == {"72", "68"}
    desk = ConflictPresenter(b)
    desk.show(record)
    desk.desk.decide(desk.waiting[0], 1)
    b.syncer.sync()
    a.syncer.sync()
    assert not wire.server.state(record).open_paths() and set(wire.server.verdicts()) == {""}


def test_m68_a_question_in_a_dropped_field_is_shown_with_its_label_and_decided(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    a.syncer.sync()
    b.syncer.sync()
    for tablet, value in ((a, "SK-1"), (b, "SK-2")):
        form = FormPresenter(tablet).open(record)
        form.set("event_code", value)
        form.leave()
    label = a.catalogue.types["communication_activity"].fields["event_code"].label.vi
    wire.server.publish(dropped())
    for tablet in (a, b, a):
        tablet.syncer.sync()
    conflict = ConflictPresenter(a)
    conflict.show(record)
    question = conflict.waiting[0]
    assert conflict.desk.field_words(question) == label
    assert {candidate.words for candidate in conflict.desk.candidates(question)} == {"SK-1", "SK-2"}
    conflict.desk.decide(question, 0)
    a.syncer.sync()
    assert not wire.server.state(record).open_paths() and set(wire.server.verdicts()) == {""}


def test_m69_a_draft_of_a_dropped_record_type_is_finished_and_handed_in(make: Make, wire: Wire) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = form.start("difficulty")
    first = next(iter(code for code, field in tablet.catalogue.types["difficulty"].fields.items() if field.kind in ("text", "long")))
    form.set(first, "Thiếu tờ rơi (dữ liệu mẫu)")
    texts = {name: text for name, text in shipped().items() if name != "record_types/difficulty.yaml"}
    small = {name: text for name, text in texts.items() if not name.startswith(("indicators", "reports/", "targets"))}
    wire.server.publish(small)
    tablet.syncer.sync()
    tablet = after_a_dead_battery(tablet, make)
    assert "difficulty" not in tablet.catalogue.types
    form = FormPresenter(tablet).open(record)
    assert form.value(first) == "Thiếu tờ rơi (dữ liệu mẫu)"
    form.leave()
    tablet.syncer.sync()
    assert wire.server.verdicts() == [""] and wire.server.values(record)[first] == "Thiếu tờ rơi (dữ liệu mẫu)"
    with pytest.raises(SenError, match="unknown_type"):
        FormPresenter(tablet).start("difficulty")
    records = RecordsPresenter(tablet)
    records.show()
    assert [row.record for row in records.rows()] == [record], "it stays among all records"


def test_f34_a_catalogue_that_this_app_cannot_read_leaves_the_last_good_one(make: Make, wire: Wire) -> None:
    """An old app and new forms: it goes on with those that it has, across restarts, and says who must update."""
    tablet = make()
    wire.server.publish(renamed())
    tablet.syncer.sync()
    good = tablet.catalogue.version
    ahead = wire.server.catalogue.texts | {TALK: wire.server.catalogue.texts[TALK].replace("figure:", "hologram: big\nfigure:")}

    class Ahead:
        version, texts, all_types, sealed_types, units, types, flows = (
            "f" * 16, ahead, wire.server.catalogue.all_types, wire.server.catalogue.sealed_types, wire.server.catalogue.units,
            wire.server.catalogue.types, wire.server.catalogue.flows,
        )  # fmt: skip

    wire.server.catalogue = Ahead()  # type: ignore[assignment]
    form = FormPresenter(tablet)
    record = form.start("communication_activity")
    form.set("attendances_total", 60)
    form.leave()
    for _ in range(2):
        tablet.syncer.sync()
        assert tablet.syncer.trips <= 2 and tablet.catalogue.version == good
        assert any("cần ứng dụng mới hơn" in words for words in remarks(tablet))
        tablet.close()
        tablet = make()
    tablet.syncer.sync()
    assert tablet.syncer.trips == 1 and tablet.store.versions()["catalogue"] == "f" * 16, "it is told once a change"
    assert wire.server.values(record)["attendances_total"] == 60
    assert SyncPresenter(tablet).status().startswith("Đã gửi lúc")


@pytest.mark.parametrize(("half", "words"), [({"version": 3, "apps_from": 2}, "Ứng dụng cũ: "), ({}, "")])
def test_m72_p13_the_tablet_says_who_must_update(make: Make, wire: Wire, half: dict[str, int], words: str) -> None:
    tablet = make()
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    wire.server.half = ServerHalf(wire.server, **half)
    tablet.syncer.sync()
    assert "".join(remarks(tablet))[: len(words)] == words and bool(remarks(tablet)) is bool(words)
    assert len(wire.server.history(record)) == 1 and tablet.store.unsent_count() == 0, "what was entered is there"
    assert SyncPresenter(tablet).status().startswith("Đã gửi lúc")
    wire.server.half = ServerHalf(wire.server)
    tablet.syncer.sync()
    assert remarks(tablet) == []


def test_m73_p13_the_tablet_says_that_the_server_must_update(make: Make, wire: Wire) -> None:
    tablet = make()
    tablet.syncer._half = TabletHalf(tablet.store, version=3, servers_from=2)
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    tablet.syncer.sync()
    assert [words.partition(":")[0] for words in remarks(tablet)] == ["Máy chủ cũ"]
    assert len(wire.server.history(record)) == 1 and tablet.store.unsent_count() == 0
