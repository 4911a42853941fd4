"""At the window with a real server behind it: an incident is red until its receipt; a revoked tablet hands in, wipes itself and says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mobile.clock import Clock
from mobile.tablet import Tablet
from mobile.widgets import theme
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.mobile.window.hand import everything, find, frames, ticks, type_into, until
from tests.mobile.window.sample import PIN, TODAY
from tests.mobile.window.test_day import enrol

OFFICER = Person(name="Nguyễn Thị Mẫu", unit="long_khanh_a", roles=("collector", "case_worker"), tablet=True)
CLERK = Person(name="Trần Văn Thử", unit="hong_ngu", roles=("district_officer",), tablet=False)
ADMIN = Person(name="Hồ Quản Trị", unit="hong_ngu", roles=("admin",), tablet=False)
HALF = "Nói chuyện đang ghi dở (dữ liệu mẫu)"


@pytest.fixture()
def office(tmp_path: Path) -> Iterator[Office]:
    """A real server with an officer who has a code, a clerk and an administrator."""
    folder = tmp_path / "server"
    folder.mkdir()
    people = {one.name: one for one in (OFFICER, CLERK, ADMIN)}
    with open_office(folder, f"sqlite:///{folder / 'sen.sqlite3'}", people, TODAY) as told:
        yield told


@pytest.fixture()
def enrolled(app: Any, office: Office, tmp_path: Path) -> Iterator[Any]:
    """The window on a tablet that was just enrolled with that server."""
    own, tablet = app.tablet, Tablet(tmp_path / "new", Clock(TODAY), cheap_pin=True)
    app.forget_pages()
    app.tablet = tablet
    app.listen()
    app.home()
    frames(3)
    enrol(app, address=office.address, code=office.codes[OFFICER.name], pin=PIN, again=PIN)
    until(lambda: app.front.name == "home", "«Hôm nay»")
    yield app
    tablet.close()
    app.tablet = own
    app.forget_pages()


def words(app: Any) -> str:
    """Every word on the screen in front."""
    return "\n".join(str(getattr(widget, "text", "")) for widget in everything(app.front))


def test_m54_an_incident_is_red_with_telephone_numbers_until_the_server_has_it(enrolled: Any, office: Office) -> None:
    app = enrolled
    app.tablet.profile.set(offline=True)
    app.go("incident")
    ticks(4)
    form, record = app.front.presenter.form, app.front.where["record"]
    for code, value in {"known_at": "2022-05-30T06:40+07:00", "violence": ["physical"], "danger_now": True}.items():
        form.set(code, value)
    app.home()
    ticks(4)
    app.go("incident", record=record)
    ticks(4)
    receipt = app.front.body.ids.receipt
    assert receipt.text.startswith("Chưa gửi được") and tuple(receipt.color) == tuple(theme.RED)
    assert all(number in words(app) for number in ("113", "115", "111"))
    app.tablet.profile.set(offline=False)
    app.tablet.background.changed()
    until(lambda: receipt.text.startswith("Máy chủ đã nhận lúc"), "the receipt")
    assert app.tablet.who.server_name in receipt.text and tuple(receipt.color) == tuple(theme.SOFT)


def test_m50_f38_a_revoked_tablet_keeps_what_was_being_typed_wipes_itself_and_says_so(enrolled: Any, office: Office, tmp_path: Path) -> None:
    app = enrolled
    app.go("form", type="communication_activity")
    ticks(4)
    type_into(app.front.grid.widgets["title"].box, HALF)
    office.desk(ADMIN.name).revoke(OFFICER.name)
    app.tablet.background.changed()
    until(lambda: not app.tablet.enrolled and app.front.name == "enrol", "the enrolment")
    ticks(4)
    told = words(app)
    assert "Máy này đã bị thu hồi" in told and "đã gửi hết" in told and HALF not in told
    assert app.front.boxes["address"].text == office.address, "the way back is offered"
    assert find("RoundButton", within=app.front)
    left = {path.name for path in (tmp_path / "new").iterdir() if not path.name.startswith("in-use")}
    assert left == {"profile.json", "wiped.json"}
    assert HALF in office.desk(CLERK.name).waiting(), "what was being typed waits for the district"
