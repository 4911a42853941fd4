"""An urgent incident leaves first and alone, is tried again until the server's receipt, and is red with telephone numbers until then."""

import time
from datetime import date
from pathlib import Path
from threading import Event

import pytest

from mobile.background import LONGEST_WAIT_S, URGENT_LONGEST_S, Background, pause_s
from mobile.outbox import Subject
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.incident.presenter import IncidentPresenter
from mobile.tablet import Tablet
from sync.log import Change, Operation
from sync.messages import open_message, read_runs
from tests.fieldday.office import open_office
from tests.fieldday.scenario import Person
from tests.fieldday.tablet import Tablet as FieldTablet
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import talk
from tests.mobile.test_screens import incident
from tests.support.proxy import Proxy


def left(tablet: Tablet) -> IncidentPresenter:
    """An incident that was written and left: it is in the urgent log."""
    presenter = incident(tablet)
    tablet.forms.close_all()
    presenter.show(presenter.record)
    return presenter


def carried(tablet: Tablet, message: bytes) -> list[Change]:
    """The changes that a request carries."""
    opened = open_message(message, lambda device: tablet.store.device().mac_key)
    runs, _ = read_runs(opened.head, opened.lines)
    return [Change.parse(line) for run in runs for line in run.lines]


def test_m54_an_incident_leaves_first_and_alone_before_a_thousand_other_changes(make: Make, wire: Wire) -> None:
    tablet = make()
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    made = tablet.store.outbox.pending(record)[0][1]
    many = Subject(record=record, type=made.type, unit=made.unit, urgent=False)
    tablet.store.outbox.write(many, [[Operation("set", "note", f"lần {count} (dữ liệu mẫu)", None, (), None)] for count in range(1000)])
    presenter = left(tablet)
    tablet.syncer.sync()
    first = carried(tablet, wire.sent[0])
    assert {change.record for change in first} == {presenter.record} and 0 < len(first) <= 3
    assert sum(len(carried(tablet, message)) for message in wire.sent[1:]) >= 1001, "then the others"
    assert tablet.syncer.trips == len(wire.sent)


def test_m54_the_receipt_says_when_and_by_which_server(make: Make, wire: Wire) -> None:
    tablet = make()
    wire.broken = True
    presenter = left(tablet)
    assert presenter.receipt().startswith("Chưa gửi được") and not presenter.progress.sent
    assert {"113", "115", "111"} <= {number for _, number in presenter.phones()}
    wire.broken = False
    tablet.syncer.sync(urgent=True)
    assert presenter.receipt() == "Máy chủ đã nhận lúc 11:00 (Huyện Hồng Ngự), chờ cấp trên tiếp nhận" and presenter.progress.sent


@pytest.mark.parametrize(("urgent", "longest"), [(True, URGENT_LONGEST_S), (False, LONGEST_WAIT_S)])
def test_the_pauses_grow_and_differ_by_chance(urgent: bool, longest: int) -> None:
    whole = [pause_s(count, urgent=urgent, chance=0) for count in range(1, 40)]
    assert whole == sorted(whole) and whole[0] < whole[1] and whole[-1] == longest
    assert [pause_s(count, urgent=urgent, chance=1) for count in range(1, 40)] == [one / 2 for one in whole]
    assert pause_s(1, urgent=True, chance=0) < pause_s(1, urgent=False, chance=1)


def test_m54_f01_an_incident_is_tried_again_until_its_receipt_also_after_a_restart(make: Make, wire: Wire) -> None:
    tablet = make()
    wire.broken = True
    presenter = left(tablet)
    tablet.close()
    tablet = make()
    waits: list[float] = []
    background, done = Background(tablet), Event()

    def sleeping(wait: float) -> None:
        if wait:
            waits.append(wait)
        if len(waits) == 4:
            wire.broken = False

    background._sleep = sleeping  # type: ignore[method-assign]
    background._chance = lambda: 0.5

    def news() -> None:
        if not tablet.store.unsent_count():
            background._ending = True
            done.set()

    background.start(lambda work: work(), news)
    assert done.wait(30)
    background.stop()
    assert waits[:4] == [1.5, 3.0, 6.0, 12.0]
    assert {change.record for change in carried(tablet, wire.sent[0])} == {presenter.record}


def test_f01_an_incident_reported_off_the_network_reaches_a_real_server_by_itself(tmp_path: Path) -> None:
    """Real processes and sockets: the tablet exchanges by itself, as the app does; nobody presses anything."""
    people = {"Lan": Person(name="Lan", unit="long_khanh_b", roles=("collector", "case_worker"), tablet=True)}
    today = date(2022, 5, 30)
    with open_office(tmp_path / "office", "", people, today) as office, Proxy(office.place) as proxy:
        tablet = FieldTablet(tmp_path / "lan", proxy, today, "280822", alone=True)
        tablet.start()
        try:
            tablet.enrol(office.codes["Lan"], "Máy Lan")
            tablet.sync()
            proxy.offline = True
            record = tablet.enter("gbv_incident", "long_khanh_b", {"known_at": "2022-05-30T06:40+07:00", "violence": ["physical"], "danger_now": True})
            told = tablet.ask("receipt", record=record)
            assert not told["sent"] and told["receipt"].startswith("Chưa gửi được")
            proxy.offline = False
            end = time.monotonic() + 120
            while not tablet.has_receipt(record) and time.monotonic() < end:
                time.sleep(0.05)
            assert "Máy chủ đã nhận lúc" in tablet.ask("receipt", record=record)["receipt"]
        finally:
            tablet.stop()
