"""What was cut off is told on «Hôm nay» and in the list, and leads back to its form; nothing of a survivor is told."""

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.home.presenter import HomePresenter
from mobile.screens.records.presenter import RecordsPresenter
from mobile.tablet import Tablet
from tests.mobile.conftest import Make
from tests.mobile.test_forms import NAME, TALK, talk


def cut_off(tablet: Tablet, make: Make) -> Tablet:
    """The tablet as it starts after the process ended without a word: open forms are forgotten, drafts are there."""
    tablet.forms._open.clear()
    tablet.close()
    return make()


def begun(tablet: Tablet) -> list[tuple[str, str, str]]:
    return [(one.words, one.go, str(one.where.get("record"))) for one in HomePresenter(tablet).todo() if one.words.startswith("Đang ghi dở")]


def test_a_draft_that_was_cut_off_is_a_duty_and_a_row(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = form.start("communication_activity")
    form.set("title", "Ra quân ở ấp Long Thới")
    tablet = cut_off(tablet, make)
    assert begun(tablet) == [("Đang ghi dở: Hoạt động truyền thông", "form", record)]
    records = RecordsPresenter(tablet)
    records.show("communication_activity")
    assert [(row.record, row.type, row.words, row.pill) for row in records.rows()] == [
        (record, "communication_activity", "Ra quân ở ấp Long Thới", "Đang ghi dở")
    ]
    records.search("ra quan")
    assert [row.record for row in records.rows()] == [record]
    records.search("khac")
    assert records.rows() == []
    assert FormPresenter(tablet).open(record).value("title") == "Ra quân ở ấp Long Thới"


def test_a_case_that_was_cut_off_is_told_without_a_name_and_opens(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = form.start("gbv_case")
    form.set("full_name", NAME)
    tablet = cut_off(tablet, make)
    assert begun(tablet) == [("Đang ghi dở: Hồ sơ người bị bạo lực cần hỗ trợ", "form", record)]
    assert NAME not in str(HomePresenter(tablet).todo())
    assert FormPresenter(tablet).open(record).value("full_name") == NAME


def test_what_is_in_the_log_is_not_told_as_cut_off(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    talk(form, **TALK)
    assert len(begun(tablet)) == 1
    form.leave()
    assert begun(tablet) == []


def test_incidents_and_reports_go_back_to_their_own_screens(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    incident = form.start("gbv_incident", known_at="2022-05-30T06:15+07:00")
    form.set("danger_now", True)
    form.form = None
    report = form.start("periodic_report", period="2022-H1", kind="half_year")
    form.set("strengths", "Cấp ủy quan tâm")
    tablet = cut_off(tablet, make)
    assert {(go, record) for _, go, record in begun(tablet)} == {("incident", incident), ("report", report)}
