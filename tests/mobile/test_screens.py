"""What the screens answer: what must be done today, where a record is, whether help is on its way, whether the report can go."""

import pytest

from mobile.screens.enrol.presenter import EnrolPresenter
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.home.presenter import HomePresenter
from mobile.screens.incident.presenter import IncidentPresenter
from mobile.screens.records.presenter import RecordsPresenter
from mobile.screens.report.presenter import ReportPresenter
from mobile.screens.settings.presenter import SettingsPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from mobile.screens.unlock.presenter import UnlockPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from shared.ids import new_id
from shared.text import fold
from sync.compose import transition
from sync.log import Change, LogHead, chain_start, write_line
from tests.mobile.conftest import PIN, Make, Wire
from tests.mobile.test_forms import NAME, TALK, case, talk
from tests.support.pair import NOON_MS, exchange
from tests.support.tablet import MemoryTablet


def send(tablet: Tablet, record: str) -> None:
    """Hand a record in; every doubt stands."""
    submit = SubmitPresenter(tablet)
    submit.show(record)
    for finding in submit.findings():
        if finding.warning:
            submit.keep(finding.code, "đã xem lại")
    submit.submit()


def incident(tablet: Tablet) -> IncidentPresenter:
    """Report an incident that a person must act upon within 12 hours."""
    presenter = IncidentPresenter(tablet)
    presenter.start()
    form = presenter.form
    for code, value in {"known_at": "2022-05-30T06:40+07:00", "violence": ["physical"], "danger_now": True, "told": ["police"]}.items():
        form.set(code, value)
    row = form.add_row("victims")
    form.set(f"victims/{row}/sex", "female")
    form.set(f"victims/{row}/age_group", "age_25_39")
    return presenter


def test_an_incident_counts_down_and_shows_its_receipts(make: Make, wire: Wire) -> None:
    tablet = make()
    presenter = incident(tablet)
    assert presenter.receipt() == "Chưa gửi: đang ghi"
    send(tablet, presenter.record)
    presenter.show(presenter.record)
    assert presenter.countdown() == "còn 7 giờ 40 phút"
    assert presenter.receipt().startswith("Chưa gửi được")
    todo = HomePresenter(tablet).todo()[0]
    assert (todo.tone, todo.pill, todo.go, todo.where) == ("danger", "Chưa gửi được", "incident", {"record": presenter.record})
    tablet.syncer.sync(urgent=True)
    assert presenter.receipt().startswith("Máy chủ đã nhận lúc")
    assert HomePresenter(tablet).todo()[0].pill == "Chờ tiếp nhận"
    assert ("Công an", "113") in presenter.phones()
    colleague = make("B")
    colleague.syncer.sync()
    form = FormPresenter(colleague).open(presenter.record)
    form.set("district_ack_at", "2022-05-30T11:20+07:00")
    form.leave()
    colleague.syncer.sync()
    tablet.syncer.sync()
    tablet.forms.close(presenter.record)
    presenter.show(presenter.record)
    assert presenter.receipt() == "Cấp trên đã tiếp nhận lúc 30/05/2022 11:20"
    assert not [one for one in HomePresenter(tablet).todo() if one.go == "incident"]


def test_home_tells_the_report_the_questions_and_the_follow_ups_without_names(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    of = case(form)
    form.leave()
    form.start("case_support")
    for code, value in {"case": of, "given_on": "2022-05-20", "service": "safety", "provider": "commune", "follow_up_on": "2022-05-30"}.items():
        form.set(code, value)
    form.leave()
    home = HomePresenter(tablet)
    words = [(todo.words, todo.tone) for todo in home.todo()]
    assert ("Báo cáo 06 tháng đầu năm 2022", "soon") in words
    assert ("1 hồ sơ đến hẹn", "plain") in words
    assert NAME not in str(home.todo())
    assert home.todo()[0].below == "Hạn 01/06/2022 · còn 2 ngày"
    assert home.status() == "2 thay đổi chưa gửi"
    cards = {card.code: card for card in home.types(everything=True)}
    assert len(cards) >= 24 and cards["gbv_case"].below == "1 · gần nhất 20/05"
    assert [card.code for card in home.types(text="tap huan")] == ["training"]
    assert [card.code for card in home.types(everything=True)][:7] == [card.code for card in home.types()]
    others = [card.words for card in home.types(everything=True)][7:]
    assert others == sorted(others, key=fold) and cards["training"].below == "Chưa ghi"


def test_the_list_finds_without_tone_marks_and_by_chips(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    first = talk(form, title="Nói chuyện tại ấp Long Phước")
    send(tablet, first)
    second = talk(form, title="Tọa đàm gia đình", held_on="2021-10-02", place="Đình Thần")
    form.leave()
    records = RecordsPresenter(tablet)
    records.show("communication_activity")
    assert [row.record for row in records.rows()] == [first, second]
    assert records.rows()[0].figure == "60" and records.rows()[0].below == "29/05/2022"
    records.search("dinh than")
    assert [row.record for row in records.rows()] == [second]
    assert records.said() == "1 bản ghi"
    records.search("")
    records.toggle("state:submitted")
    assert [row.record for row in records.rows()] == [first]
    records.toggle("state:draft")
    assert [row.record for row in records.rows()] == [second]
    records.toggle("state:draft")
    records.toggle("period:2022-H1")
    assert [row.record for row in records.rows()] == [first]
    assert any(chip.chosen and chip.code == "period:2022-H1" for chip in records.chips())


def test_the_report_is_reckoned_approved_sent_and_returned(make: Make, wire: Wire) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    send(tablet, talk(form))
    send(tablet, talk(form, held_on="2021-03-01"))
    talk(form)
    form.leave()
    report = ReportPresenter(tablet)
    assert next(choice.code for choice in report.periods()) in ("2022-Y", "2022-H1")
    record = report.show(period="2022-H1")
    assert report.due().startswith("Hạn 01/06/2022 · còn 2 ngày · đã soạn 1/5 phần")
    report.compute()
    figures = {row.code: row for row in report.figures()}
    assert figures["I01"].value == "1" and figures["I02"].value == "60" and len(figures["I01"].records) == 1
    behind = RecordsPresenter(tablet)
    behind.show(only=figures["I01"].records, heading="Bản ghi của: Hoạt động truyền thông")
    assert [row.record for row in behind.rows()] == list(figures["I01"].records) and behind.title.startswith("Bản ghi của")
    zero = {choice.code: choice for choice in report.zeros()}
    assert zero["communication_activity"].count == 2 and not zero["training"].declared
    with pytest.raises(SenError, match="zero_has_records"):
        report.declare("communication_activity", True)
    report.declare("training", True)
    assert any(choice.declared for choice in report.zeros())
    report.write("strengths", "Cấp ủy quan tâm.")
    report.write("limits", "Kinh phí ít.")
    assert [move.to for move in report.moves()] == ["approved"]
    with pytest.raises(SenError, match="no_right"):
        report.go_to("submitted")
    report.go_to("approved")
    assert report.changed() == []
    send(tablet, talk(form))
    report.compute()
    assert report.changed()[0] == "Hoạt động truyền thông: lúc chốt là 1, nay là 2 (số liệu đã thay đổi)"
    report.go_to("submitted")
    tablet.syncer.sync()
    assert wire.server.values(record)["state"] == "submitted"
    assert wire.server.values(record)["figures"]["totals"]["I02"]["value"] == 60
    assert HomePresenter(tablet).todo() == []
    with pytest.raises(SenError, match="report_frozen"):
        report.declare("broadcast", True)
    give_back(wire, tablet, record, "Bổ sung nguyên nhân.")
    tablet.syncer.sync()
    tablet.forms.close(record)
    again = ReportPresenter(tablet)
    again.show(record)
    assert again.state() == "Trả lại để bổ sung: Bổ sung nguyên nhân."
    returned = HomePresenter(tablet).todo()
    assert [(todo.words, todo.pill, todo.go) for todo in returned] == [("Báo cáo 06 tháng đầu năm 2022", "Trả lại để bổ sung", "report")]
    assert returned[0].below == "Hạn 01/06/2022 · còn 2 ngày · Bổ sung nguyên nhân."
    assert {move.to for move in again.moves()} == {"draft", "approved"}


def give_back(wire: Wire, tablet: Tablet, record: str, reason: str) -> None:
    """The district returns a record, from a device of its own."""
    district = MemoryTablet(wire.server.enrol("huyen", ["long_khanh_a"]), tablet.catalogue)
    exchange(district, wire.server)
    state = district.show(record)
    assert state is not None
    seen = {"state": state.origins("state")}
    district.log_change(record, state.type, state.unit, (transition("state", "returned", seen, reason),), now_ms=NOON_MS)
    exchange(district, wire.server)


def test_unlocking_says_what_waits_in_counts_only(make: Make) -> None:
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.lock()
    unlock = UnlockPresenter(tablet)
    assert unlock.waiting() == ["1 thay đổi chưa gửi"] and unlock.unit == "Xã Long Khánh A"
    with pytest.raises(SenError, match="wrong_pin") as wrong:
        unlock.unlock("111222")
    assert wrong.value.text("vi") == "PIN chưa đúng. Còn 9 lần thử."
    unlock.unlock(PIN)
    assert tablet.unlocked and unlock.wait_s == 0 and not unlock.destroyed


def test_settings_are_kept_and_a_pin_is_changed(make: Make) -> None:
    tablet = make()
    settings = SettingsPresenter(tablet)
    settings.set(language="en", typing="telex")
    with pytest.raises(SenError, match="unknown_setting"):
        settings.set(language="fr")
    with pytest.raises(SenError, match="pin_differs"):
        settings.change_pin(PIN, "280823", "280824")
    settings.change_pin(PIN, "280823", "280823")
    tablet.close()
    again = make(unlock=False)
    assert again.say("mend") == "Mend"
    with pytest.raises(SenError, match="wrong_pin"):
        again.unlock(PIN)
    again.unlock("280823")
    assert dict(SettingsPresenter(again).about())["Unit"]


def test_enrolment_tells_every_wrong_answer_at_its_field(make: Make) -> None:
    wrong = EnrolPresenter(make()).wrong(address="sen", code="", pin="12", again="3")
    assert set(wrong) == {"address", "code", "pin", "again"}
    assert EnrolPresenter(make("B")).wrong(address="http://127.0.0.1:8040", code="ABCD-1234", pin=PIN, again=PIN) == {}


def test_two_english_words(make: Make) -> None:
    tablet = make()
    tablet.profile.set(language="en")
    presenter = incident(tablet)
    assert presenter.countdown() == "7 h 40 min left"
    assert HomePresenter(tablet).unit


def test_own_lines_make_a_chain_from_the_device_key(make: Make) -> None:
    tablet = make()
    talk(FormPresenter(tablet))
    tablet.forms.close_all()
    log = next(log for log in tablet.store.own_logs() if log.head.number)
    run = tablet.store.unsent(log.log, 0, 1 << 20)
    assert run is not None and run.before == chain_start(log.log, tablet.store.device().key)
    assert write_line(Change.parse(run.lines[0])).body == run.lines[0]
    assert isinstance(log.head, LogHead) and len(new_id()) == 11 and TALK
