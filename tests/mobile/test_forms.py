"""Forms on a real store and a real server half: drafts, changes, sending, what was seen, sealed values."""

from pathlib import Path

import pytest

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from shared.errors import SenError
from tests.mobile.conftest import PIN, Make, Wire

TALK = {
    "title": "Nói chuyện chuyên đề (dữ liệu mẫu)", "held_on": "2022-05-29", "form": "community_talk", "topics": ["gbv"],
    "participants_total": 60, "participants_female": 41,
}  # fmt: skip
NAME = "Nguyễn Thị Kín Đáo"


def talk(presenter: FormPresenter, **values: object) -> str:
    """Fill in an activity with its six answers."""
    record = presenter.start("communication_activity")
    for code, value in {**TALK, **values}.items():
        presenter.set(code, value)
    return record


def case(presenter: FormPresenter) -> str:
    """Fill in a survivor's file."""
    record = presenter.start("gbv_case")
    for code, value in {"opened_on": "2022-05-20", "full_name": NAME, "sex": "female", "safe_contact": "Gọi sau 17 giờ", "legal_ground": "duty"}.items():
        presenter.set(code, value)
    row = presenter.add_row("needs")
    presenter.set(f"needs/{row}/need", "safety")
    return record


def test_six_answers_are_sent_and_arrive(make: Make, wire: Wire) -> None:
    tablet = make()
    form, submit = FormPresenter(tablet), SubmitPresenter(tablet)
    record = talk(form)
    submit.show(record)
    assert submit.findings() == []
    submit.submit()
    tablet.syncer.sync()
    assert wire.server.values(record)["participants_total"] == 60
    assert wire.server.values(record)["state"] == "submitted"
    assert tablet.store.unsent_count() == 0
    assert not tablet.store.outbox.unsettled()
    tablet.syncer.sync()
    assert tablet.syncer.trips == 1


def test_p01_every_answer_is_on_disk_before_the_next(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = form.start("communication_activity")
    form.set("title", "Họp ấp")
    assert form.saved_words().startswith("Đã lưu trên máy")
    tablet.store.database.close()
    tablet._held.give_back()
    again = make()
    assert again.drafts.records() == {record}
    reopened = FormPresenter(again).open(record)
    assert reopened.value("title") == "Họp ấp"
    assert again.store.unsent_count() == 0


def test_leaving_a_section_makes_one_change_of_all_its_answers(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    form.leave_section()
    form.leave_section()
    assert tablet.store.unsent_count() == 1
    assert tablet.drafts.records() == set()
    form.set("place", "Nhà văn hóa")
    form.leave_section()
    assert tablet.store.unsent_count() == 2
    (_, first), (_, second) = tablet.store.outbox.pending(record)
    assert {op.path for op in second.operations} == {"place"}
    assert "topics/gbv" in {op.path for op in first.operations}


def test_m19_an_open_form_overwrites_only_what_it_showed(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    a.syncer.sync()
    b.syncer.sync()
    form_b = FormPresenter(b).open(record)
    form_a = FormPresenter(a).open(record)
    form_a.set("participants_total", 72)
    form_a.leave()
    a.syncer.sync()
    b.syncer.sync()
    form_b.set("place", "Nhà văn hóa")
    form_b.leave()
    b.syncer.sync()
    assert wire.server.values(record)["participants_total"] == 72
    assert wire.server.values(record)["place"] == "Nhà văn hóa"
    assert wire.server.state(record).open_paths() == []


def test_rows_are_added_changed_moved_and_deleted(make: Make, wire: Wire) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = case(form)
    second = form.add_row("needs")
    form.set(f"needs/{second}/need", "medical")
    form.leave_section()
    form.move_row("needs", second, -1)
    form.leave_section()
    first = form.value("needs")[1]["id"]
    form.set(f"needs/{first}/met", True)
    form.leave_section()
    tablet.syncer.sync()
    assert [row["need"] for row in wire.server.values(record)["needs"]] == ["medical", "safety"]
    form.delete_row("needs", second)
    form.leave()
    tablet.syncer.sync()
    assert [(row["need"], row["met"]) for row in wire.server.values(record)["needs"]] == [("safety", True)]
    assert form.row_words("needs", first) == "Nơi tạm lánh · Có" or form.row_words("needs", first).endswith("Có")


def test_all_errors_stand_at_their_fields_and_a_doubt_needs_a_reason(make: Make) -> None:
    tablet = make()
    form, submit = FormPresenter(tablet), SubmitPresenter(tablet)
    record = talk(form, participants_female=99)
    assert "99" in form.remark("participants_female").error
    form.set("title", None)
    assert form.remark("title").error == ""
    submit.show(record)
    assert {finding.path for finding in submit.findings() if not finding.warning} == {"title", "participants_female"}
    assert form.remark("title").error
    assert form.missing_words() == "Cần thêm 1 câu trả lời để gửi"
    with pytest.raises(SenError, match="submit_not_ready"):
        submit.submit()
    with pytest.raises(SenError, match="submit_not_ready"):
        tablet.forms.submit(form.open_form)
    with pytest.raises(SenError, match="reason_wanted"):
        submit.keep("anything", "  ")
    assert tablet.store.unsent_count() == 0


def test_a_kept_doubt_goes_with_its_reason(make: Make, wire: Wire) -> None:
    tablet = make()
    form, submit = FormPresenter(tablet), SubmitPresenter(tablet)
    record = form.start("gbv_incident", known_at="2022-05-30T06:40+07:00")
    for code, value in {"violence": ["physical"], "danger_now": True, "first_action": "Đưa đến nơi an toàn"}.items():
        form.set(code, value)
    row = form.add_row("victims")
    form.set(f"victims/{row}/sex", "female")
    form.set(f"victims/{row}/age_group", "age_25_39")
    submit.show(record)
    doubts = [finding for finding in submit.findings() if finding.warning]
    assert doubts and not submit.ready
    for finding in doubts:
        submit.keep(finding.code, "đang gọi")
    submit.submit()
    tablet.syncer.sync(urgent=True)
    assert wire.server.values(record)["state"] == "submitted"
    assert "đang gọi" in tablet.forms.reason(record, "state")
    assert tablet.store.outbox.record_received_ms(record) is not None


def test_an_event_entered_on_two_tablets_of_a_commune_is_asked_about_once_they_have_synced(make: Make, wire: Wire) -> None:
    first, second = make("A"), make("B")
    talk(FormPresenter(first))
    submit = SubmitPresenter(first)
    submit.show(talk(FormPresenter(first), held_on="2022-05-28"))
    submit.submit()
    first.syncer.sync()
    form, asking = FormPresenter(second), SubmitPresenter(second)
    record = talk(form, held_on="2022-05-28", title="Nói chuyện  chuyên đề (dữ liệu mẫu)")
    asking.show(record)
    assert [finding.code for finding in asking.findings()] == [], "nothing has come from the other tablet yet"
    second.syncer.sync()
    second.forms.close(record)
    form.open(record)
    asking.show(record)
    assert [finding.code for finding in asking.findings()] == ["possible_duplicate"]
    with pytest.raises(SenError, match="submit_not_ready"):
        asking.submit()
    asking.keep("possible_duplicate", "Hai ấp, hai buổi")
    asking.submit()


def test_no_right_no_move(make: Make) -> None:
    tablet = make(roles=("unit_lead",))
    form = FormPresenter(tablet)
    talk(form)
    assert not form.can_submit
    with pytest.raises(SenError, match="no_right"):
        tablet.forms.submit(form.open_form)


def test_withdrawing_needs_a_reason_and_takes_the_record_off_the_list(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    form.leave()
    with pytest.raises(SenError, match="reason_wanted"):
        form.withdraw(" ")
    form.withdraw("ghi nhầm")
    assert [entry.id for entry in tablet.index.find("communication_activity")] == []
    state = tablet.store.show(record)
    assert state is not None and state.withdrawn


def test_copying_leaves_dates_and_figures_empty(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    talk(form, place="Nhà văn hóa ấp Long Phước")
    form.leave()
    form.start("communication_activity")
    assert form.can_copy
    form.copy()
    assert form.value("place") == "Nhà văn hóa ấp Long Phước"
    assert form.value("held_on") is None and form.value("participants_total") is None


def test_nothing_is_copied_from_another_case_or_incident(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    case(form)
    form.leave()
    form.start("gbv_case")
    assert not form.can_copy
    form.start("gbv_incident", known_at="2022-05-30T06:40+07:00")
    form.set("violence", ["physical"])
    form.leave()
    form.start("gbv_incident", known_at="2022-05-30T07:40+07:00")
    assert not form.can_copy


def test_a_section_of_which_nothing_is_asked_is_not_shown(make: Make) -> None:
    form = FormPresenter(make())
    of = case(form)
    form.leave()
    form.start("case_support")
    assert [tab.code for tab in form.sections()] == ["main", "more"]
    form.set("case", of)
    form.set("service", "safety")
    assert [tab.words for tab in form.sections()] == ["Lượt hỗ trợ", "Tạm lánh", "Thông tin thêm"]


def test_answers_of_those_above_are_shown_once_they_are_there(make: Make, wire: Wire) -> None:
    tablet, colleague = make(), make("B")
    form = FormPresenter(tablet)
    record = form.start("difficulty")
    form.set("content", "Thiếu kinh phí (dữ liệu mẫu)")
    form.set("raised_on", "2022-05-20")
    assert not form.shown("answer") and not form.shown("answered_on")
    form.leave()
    tablet.syncer.sync()
    colleague.syncer.sync()
    above = FormPresenter(colleague).open(record)
    above.set("answer", "Đã bố trí trong quý III.")
    above.leave()
    colleague.syncer.sync()
    tablet.syncer.sync()
    tablet.forms.close(record)
    form.open(record)
    assert form.shown("answer") and form.value("answer") == "Đã bố trí trong quý III."
    assert not form.shown("answered_on")


def test_a_form_says_what_has_become_of_its_record(make: Make) -> None:
    tablet = make()
    form, submit = FormPresenter(tablet), SubmitPresenter(tablet)
    record = talk(form)
    assert form.saved_words().startswith("Đã lưu trên máy ")
    form.leave()
    tablet.forms.close_all()
    assert form.open(record).saved_words() == "Đã lưu trên máy, chờ mạng"
    submit.show(record)
    submit.submit()
    assert form.open(record).saved_words() == "Chờ mạng để gửi"
    tablet.syncer.sync()
    tablet.forms.close_all()
    assert form.open(record).saved_words() == "Đã gửi · máy chủ nhận lúc 11:00"


def test_the_history_of_a_record_names_its_fields(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    talk(form)
    form.leave()
    form.set("participants_total", 70)
    form.leave()
    assert [words for words, _, _ in form.history("participants_total")] == ["70", "60"]
    told = [words for words, _, _ in form.history()]
    assert told[0] == "Số lượt người dự: 70" and "Hình thức: Truyền thông, nói chuyện chuyên đề tại cộng đồng" in told


def test_t01_confidential_answers_stand_nowhere_in_files_or_messages(make: Make, wire: Wire, tmp_path: Path) -> None:
    a = make("A")
    form = FormPresenter(a)
    record = case(form)
    assert found_in(tmp_path, NAME) == []
    form.leave()
    a.syncer.sync()
    assert a.opened(a.catalogue.types["gbv_case"], record, {"x": 1}) == {"x": 1}
    assert FormPresenter(a).open(record).value("full_name") == NAME
    a.lock()
    with pytest.raises(SenError, match="locked"):
        a.case_keys.key(record)
    assert found_in(tmp_path, NAME) == []
    assert not any(NAME.encode() in message for message in wire.sent)
    assert wire.server.history(record) and not any(NAME.encode() in line for line in wire.server.history(record))
    a.unlock(PIN)
    assert FormPresenter(a).open(record).value("full_name") == NAME


def test_a_support_waits_for_its_case_and_its_draft_is_sealed(make: Make, tmp_path: Path) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    of = case(form)
    form.leave()
    record = form.start("case_support")
    form.set("outcome", NAME)
    form.leave()
    assert record in tablet.drafts.records()
    assert tablet.store.show(record) is None
    assert found_in(tmp_path, NAME) == []
    form.open(record)
    form.set("case", of)
    form.leave()
    assert tablet.store.show(record) is not None
    assert FormPresenter(tablet).open(record).value("outcome") == NAME


def test_b12_b14_b15_a_photo_is_stored_bare_and_by_its_hash(make: Make, tmp_path: Path) -> None:
    from PIL import Image

    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    source = tmp_path / "anh.jpg"
    exif = Image.Exif()
    exif[0x010F] = "MAY ANH KIN"
    Image.new("RGB", (3000, 1000), "teal").save(source, exif=exif)
    photos = next(code for code, field in form.open_form.type.fields.items() if field.kind == "photos")
    form.attach(photos, [source])
    form.leave()
    (told,) = FormPresenter(tablet).open(record).value(photos)
    data = tablet.files.read(told["sha256"])
    assert b"MAY ANH KIN" not in data and data.startswith(b"\xff\xd8")
    assert (told["name"], told["mime"], told["size"]) == ("anh.jpg", "image/jpeg", len(data))
    (tmp_path / "b.jpg").write_bytes(b"<svg/>")
    with pytest.raises(SenError, match="not_a_photo"):
        form.attach(photos, [tmp_path / "b.jpg"])
    with pytest.raises(SenError, match="file_not_here"):
        tablet.files.read("../officer.json")


def found_in(folder: Path, words: str) -> list[str]:
    """The files of a folder that hold some words."""
    return [path.name for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


def test_a_form_that_is_opened_again_shows_what_is_true_now(make: Make) -> None:
    a, b = make("A"), make("B")
    form = FormPresenter(a)
    record = talk(form)
    form.leave()
    a.syncer.sync()
    b.syncer.sync()
    other = FormPresenter(b).open(record)
    other.set("participants_total", 72)
    other.leave()
    b.syncer.sync()
    a.syncer.sync()
    assert form.value("participants_total") == 60
    assert form.open(record).value("participants_total") == 72


def test_flow_fields_offer_only_what_may_be_done(make: Make, wire: Wire) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = case(form)
    assert [offer.value for offer in form.offers("case_state")] == ["open", "supporting", "referred", "closed"]
    form.set("case_state", "supporting")
    form.leave()
    tablet.syncer.sync()
    assert wire.server.values(record)["case_state"] == "supporting"
