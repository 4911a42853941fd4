"""Forms on a real store: drafts, changes, sending, what was seen, sealed values."""

from mobile.screens.form.presenter import FormPresenter
from mobile.screens.submit.presenter import SubmitPresenter
from tests.mobile.conftest import Make, Wire

TALK = {
    "title": "Nói chuyện chuyên đề (dữ liệu mẫu)", "held_on": "2022-05-29", "form": "community_talk", "topics": ["gbv"],
    "participants_total": 60, "participants_female": 41,
}  # fmt: skip


def talk(presenter: FormPresenter, **values: object) -> str:
    record = presenter.start("communication_activity")
    for code, value in {**TALK, **values}.items():
        presenter.set(code, value)
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
    assert tablet.store.digest() == sum(tablet.store.part_digests().values()) % (1 << 128) != 0
    tablet.syncer.sync()
    assert tablet.syncer.trips == 1
