"""Answers that a newer form cannot read: the window opens, shows an empty box, and says what stood there."""

from typing import Any

from mobile.screens.form.presenter import FormPresenter
from shared.catalogue import Catalogue
from shared.former import evolved
from tests.mobile.window.hand import find, frames, touch, until
from tests.support.texts import TALK, retyped


def test_m67_an_answer_of_an_old_kind_leaves_its_box_empty_and_is_told(home: Any) -> None:
    tablet = home.tablet
    before, form = tablet.catalogue, FormPresenter(tablet)
    record = form.start("communication_activity")
    for code, value in {"title": "Họp ấp (dữ liệu mẫu)", "event_code": "khoảng 50", "place": "Chợ Long Khánh"}.items():
        form.set(code, value)
    form.leave()
    tablet.forms.close(record)
    texts = retyped()
    texts[TALK] = texts[TALK].replace(
        "  place:\n    kind: text\n    label: {vi: Địa điểm, en: Place}\n    max_length: 200\n", "  place:\n    kind: date\n    label: {vi: Địa điểm, en: Place}\n"
    )  # fmt: skip
    try:
        tablet._catalogue = Catalogue.from_texts(evolved(before, texts))
        home.go("form", record=record)
        until(lambda: home.front.name == "form")
        frames(2)
        touch(home.front.buttons["more"])
        until(lambda: home.front.section == "more", "the section «more»")
        frames(3)
        number, day = find("IntField", within=home.front.body), find("DateField", within=home.front.body)
        boxes = {field.path: field for field in (*number, *day)}
        assert boxes["event_code"].value is None and "khoảng 50" in boxes["event_code"].error
        assert boxes["place"].value is None and "Chợ Long Khánh" in boxes["place"].error
        assert FormPresenter(tablet).open(record).value("event_code") == "khoảng 50", "looking at it changes nothing"
    finally:
        tablet.forms.close(record)
        tablet._catalogue = before
        home.go("home")
