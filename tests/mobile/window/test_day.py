"""A day at the window with a real server behind it: enrolled by a one-time code, recorded with six answers, sent while work goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kivy.core.window import Window

from mobile.clock import Clock
from mobile.tablet import Tablet
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.mobile.window.hand import find, frames, ticks, touch, type_into, until, write
from tests.mobile.window.holder import Holder
from tests.mobile.window.sample import PIN, TODAY

OFFICER = Person(name="Nguyễn Thị Mẫu", unit="long_khanh_a", roles=("collector", "case_worker"), tablet=True)
CLERK = Person(name="Trần Văn Thử", unit="hong_ngu", roles=("district_officer",), tablet=False)
ANSWERS = {
    "title": "Nói chuyện chuyên đề ở ấp Long Thới (dữ liệu mẫu)",
    "held_on": "28/5/2022",
    "participants_total": "48",
    "participants_female": "31",
}
FRAMES_HELD = 40


@pytest.fixture()
def office(tmp_path: Path) -> Iterator[Office]:
    """A real server with one officer who has a code, and a clerk of the district."""
    folder = tmp_path / "server"
    folder.mkdir()
    with open_office(folder, f"sqlite:///{folder / 'sen.sqlite3'}", {one.name: one for one in (OFFICER, CLERK)}, TODAY) as told:
        yield told


@pytest.fixture()
def new(app: Any, tmp_path: Path) -> Iterator[Any]:
    """The window on a tablet that nobody has enrolled yet."""
    own, tablet = app.tablet, Tablet(tmp_path / "new", Clock(TODAY), cheap_pin=True)
    app.forget_pages()
    app.tablet = tablet
    tablet.background.start(app.post, app.news)
    Window.size = (960, 640)
    app.home()
    frames(3)
    yield app
    tablet.close()
    app.tablet = own
    app.forget_pages()


def enrol(app: Any, **answers: str) -> None:
    """Type into the boxes of the enrolment and press its button."""
    for name, text in answers.items():
        type_into(app.front.boxes[name], text)
    touch(app.front.button)


def record_six(app: Any) -> str:
    """Record an activity with six answers and hand it in; gives its id."""
    app.home()
    ticks(4)
    touch(find("RoundButton", "+ Ghi mới")[0])
    touch(until(lambda: find("OfferRow", "Hoạt động truyền thông"), "the types")[0])
    until(lambda: app.front.name == "form", "the form")
    ticks(4)
    grid = app.front.grid
    for path, text in ANSWERS.items():
        type_into(grid.widgets[path].box, text)
        grid.flush()
        ticks(3)
    for path in ("form", "topics"):
        touch(next(chip for chip in grid.widgets[path].flow.children[::-1] if chip.payload is not None))
    record: str = app.front.where["record"]
    touch(find("RoundButton", "Gửi", within=app.front)[0])
    until(lambda: app.front.name == "submit", "«Gửi»")
    ticks(3)
    assert app.front.presenter.findings() == []
    touch(app.front.send)
    until(lambda: app.front.name == "home", "«Hôm nay»")
    return record


def test_a_tablet_is_enrolled_records_and_sends_while_the_officer_goes_on_typing(new: Any, office: Office) -> None:
    app = new
    assert app.front.name == "enrol"
    with Holder(office.address) as way:
        enrol(app, address=way.address, code="SAI-SAI-SAI", pin="1234", again="4321")
        ticks(3)
        assert app.front.boxes["pin"].wrong and app.front.boxes["again"].wrong and app.front.name == "enrol"
        enrol(app, pin=PIN, again=PIN)
        until(lambda: app.front.said.text and not app.front.button.disabled, "what the server says of the code")
        assert app.front.name == "enrol" and not app.tablet.enrolled
        enrol(app, code=office.codes[OFFICER.name])
        until(lambda: app.front.name == "home", "«Hôm nay»")
        assert app.front.presenter.unit == "Xã Long Khánh A"
        until(lambda: app.tablet.syncer.finished_ms is not None, "the first exchange")

        app.tablet.profile.set(offline=True)
        record = record_six(app)
        ticks(4)
        assert "chưa gửi" in app.front.status
        way.hold()
        touch(find("RoundButton", "Đồng bộ", within=app.front)[0])
        until(lambda: app.front.name == "sync", "«Đồng bộ»")
        ticks(4)
        touch(find("Chip", "Bật", within=app.front)[0])
        until(way.arrived.is_set, "an exchange that nobody asked for, now that there is a network")
        typed_while_held(app)
        app.home()
        way.free.set()
        until(lambda: not app.tablet.store.unsent_count() and not app.tablet.syncer.busy, "everything has left")
        until(lambda: app.front.status.startswith("Đã gửi lúc"), "it says so by itself")
    shown = office.desk(CLERK.name).shown(record)
    assert shown is not None
    assert shown["state"] == ["submitted"]
    assert [str(one).split()[0] for one in shown["participants_total"]] == ["48"]


def typed_while_held(app: Any) -> None:
    """Frames go on and letters arrive in their boxes while the exchange has no answer."""
    app.go("form", type="broadcast")
    ticks(4)
    box = app.front.grid.widgets["title"].box
    touch(box)
    until(lambda: box.entry.focus, "the focus")
    drawn: list[int] = []
    Window.bind(on_flip=lambda *_: drawn.append(1))
    for number in range(FRAMES_HELD):
        write("a" if number % 2 else "b")
        frames(1)
    assert app.tablet.syncer.busy
    assert len(drawn) >= FRAMES_HELD and box.text == "ba" * (FRAMES_HELD // 2)
    app.front.grid.flush()
    assert app.front.presenter.value("title") == box.text
