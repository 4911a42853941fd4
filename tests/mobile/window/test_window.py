"""What an officer meets in the window: nothing typed is lost, nothing is shown that must not be, and each thing says so in words."""

import threading
from typing import Any

import pytest
from kivy.core.window import Window

from tests.mobile.window.busy import PERIOD, Make, busy
from tests.mobile.window.hand import ENTER, everything, find, frames, in_sight, key, ticks, touch, type_into, until
from tests.mobile.window.sample import PIN

BACK = 27
SECRET = "Lê Thị Bí Mật"


def texts(root: Any = None) -> str:
    """Every word that the window holds, shown or not."""
    return "\n".join(str(getattr(widget, "text", "")) for widget in everything(root or Window))


def open_form(app: Any, code: str = "communication_activity") -> Any:
    """Open the form of a new record; gives the screen."""
    app.go("form", type=code)
    ticks(4)
    return app.front


def type_pin(app: Any, pin: str) -> None:
    """Touch the digits of a PIN and the key that goes on."""
    pad = app.front.pad
    keys = {key.text: key for key in find("PadKey", within=pad)}
    for digit in pin:
        touch(keys[digit])
    touch(pad.done_key)


def test_b21_back_never_loses_a_draft(home: Any) -> None:
    page = open_form(home)
    type_into(page.grid.widgets["title"].box, "Nói chuyện chuyên đề ở ấp Long Thới")
    record = page.where["record"]
    key(BACK)
    assert home.front is page, "the first press only closes the keyboard"
    key(BACK)
    until(lambda: home.front.name == "home", "«Hôm nay»")
    home.go("form", record=record)
    ticks(4)
    assert home.front.grid.widgets["title"].box.text == "Nói chuyện chuyên đề ở ấp Long Thới"
    assert "Đã lưu trên máy" in home.front.status


def test_a_form_into_which_nobody_wrote_leaves_nothing_behind(home: Any) -> None:
    before = len(home.tablet.index.entries())
    open_form(home)
    key(BACK)
    ticks(2)
    assert len(home.tablet.index.entries()) == before


def test_back_closes_a_sheet_before_it_leaves_the_screen(home: Any) -> None:
    page = open_form(home)
    page.grid.widgets["held_on"].choose()
    ticks(2)
    assert find("DateSheet")
    key(BACK)
    until(lambda: not find("DateSheet"), "the sheet is closed")
    assert home.front is page


def test_an_error_stands_at_its_field_and_says_both_values(home: Any) -> None:
    page = open_form(home)
    type_into(page.grid.widgets["participants_total"].box, "48")
    type_into(page.grid.widgets["participants_female"].box, "53")
    page.grid.flush()
    ticks(4)
    notes = find("Message", within=page.grid)
    assert any("53" in note.text and "48" in note.text for note in notes)
    assert page.grid.widgets["participants_female"].box.wrong
    assert page.buttons["main"].wrong
    type_into(page.grid.widgets["participants_female"].box, "31")
    page.grid.flush()
    ticks(4)
    assert not page.grid.widgets["participants_female"].box.wrong
    touch(page.buttons["more"])
    ticks(4)
    assert page.grid.widgets["participants_male_boys"].box.text == "17"


def test_what_cannot_be_read_is_said_and_kept_in_the_box(home: Any) -> None:
    page = open_form(home)
    box = page.grid.widgets["held_on"].box
    type_into(box, "31/2/2022")
    page.grid.flush()
    ticks(3)
    assert box.wrong and box.text == "31/2/2022"
    type_into(box, "28/5/2022")
    page.grid.flush()
    box.entry.focus = False
    ticks(3)
    assert not box.wrong and box.text == "28/05/2022 · thứ Bảy"


def test_submitting_leads_to_what_is_missing(home: Any) -> None:
    page = open_form(home)
    type_into(page.grid.widgets["title"].box, "Tọa đàm")
    touch(find("RoundButton", "Gửi", within=page)[0])
    until(lambda: home.front.name == "submit")
    ticks(3)
    assert len(find("FindingCard")) == home.front.presenter.errors > 0
    touch(find("FindingCard")[0])
    until(lambda: home.front.name == "form")
    ticks(3)
    assert any(widget.error for widget in home.front.grid.fields)
    key(BACK)
    until(lambda: home.front.name == "home", "back skips the list of what was wrong")


@pytest.mark.parametrize(("method", "keys"), [("telex", "phuj nuwx aaps DDoong"), ("vni", "phu5 nu74 a6p1 D9o6ng")])
def test_vietnamese_is_typed_without_a_keyboard_that_composes(home: Any, method: str, keys: str) -> None:
    home.tablet.profile.set(typing=method)
    home.settings_changed()
    try:
        page = open_form(home)
        type_into(page.grid.widgets["title"].box, keys)
        assert page.grid.widgets["title"].box.entry.text == "phụ nữ ấp Đông"
        page.grid.flush()
        assert page.presenter.value("title") == "phụ nữ ấp Đông"
    finally:
        home.tablet.profile.set(typing="off")
        home.settings_changed()


def test_t03_hide_stands_in_one_corner_and_leaves_no_trace(home: Any) -> None:
    corners = set()
    for name, where in (("home", {}), ("records", {"type": "gbv_case"}), ("sync", {}), ("settings", {})):
        home.go(name, **where)
        ticks(4)
        button = find("BarButton", within=home.front)[0]
        corners.add(tuple(round(v) for v in (*button.to_window(*button.pos), *button.size)))
    page = open_form(home, "gbv_case")
    type_into(page.grid.widgets["full_name"].box, SECRET)
    button = find("BarButton", within=page)[0]
    corners.add(tuple(round(v) for v in (*button.to_window(*button.pos), *button.size)))
    assert len(corners) == 1
    touch(button)
    until(lambda: home.front.name == "unlock")
    frames(2)
    assert SECRET not in texts() and "hồ sơ" not in texts().lower()
    key(BACK)
    ticks(2)
    assert home.front.name == "unlock" and not home.tablet.unlocked


def test_t02_a_lock_brings_the_screen_back_as_it_was(home: Any) -> None:
    page = open_form(home, "gbv_case")
    type_into(page.grid.widgets["full_name"].box, SECRET)
    record = page.where["record"]
    home.lock()
    ticks(3)
    assert home.front.name == "unlock" and SECRET not in texts()
    type_pin(home, PIN)
    until(lambda: home.front.name == "form", "the form")
    ticks(4)
    assert home.front.where["record"] == record
    assert home.front.grid.widgets["full_name"].box.text == SECRET


def test_a_wrong_pin_is_said_in_a_sentence(home: Any) -> None:
    home.hide()
    ticks(3)
    type_pin(home, "111999")
    until(lambda: home.front.said.text and not home.front.pad.locked, "the sentence")
    assert home.front.name == "unlock"
    assert home.front.said.text == home.say("wrong_pin", left=9)
    type_pin(home, PIN)
    until(lambda: home.front.name == "home", "«Hôm nay»")


def test_the_pad_takes_a_hardware_keyboard(home: Any) -> None:
    home.hide()
    ticks(3)
    for digit in PIN:
        Window.dispatch("on_key_down", ord(digit), 0, digit, [])
    key(13)
    until(lambda: home.front.name == "home", "«Hôm nay»")


def test_a_pad_that_is_gone_takes_no_keys(home: Any) -> None:
    home.hide()
    ticks(3)
    pad = home.front.pad
    home.tablet.unlock(PIN)
    home.forget_pages()
    home.home()
    ticks(3)
    Window.dispatch("on_key_down", ord("1"), 0, "1", [])
    assert pad.ids.dots.count == 0


def test_the_language_changes_at_once(home: Any) -> None:
    home.go("settings")
    ticks(4)
    touch(find("Chip", "English")[0])
    ticks(4)
    try:
        assert home.front.title == "Settings"
        home.home()
        ticks(4)
        assert "To do today" in texts(home.front)
        assert find("BarButton", "Hide", within=home.front)
    finally:
        home.tablet.profile.set(language="vi")
        home.settings_changed()


def test_search_needs_no_tone_marks(on: Any, make: Make) -> None:
    tablet, _ = busy(make)
    app = on(tablet)
    app.go("records", type="communication_activity")
    ticks(4)
    assert len(app.front.body.ids.list.data) == 5
    type_into(app.front.search, "toa dam")
    until(lambda: len(app.front.body.ids.list.data) == 1, "one record")
    touch(find("RecordRow")[0])
    until(lambda: app.front.name == "form")
    ticks(3)
    assert app.front.grid.widgets["title"].box.text.startswith("Tọa đàm")
    key(BACK)
    ticks(3)
    assert app.front.search.text == "toa dam" and len(app.front.body.ids.list.data) == 1


def test_a_section_appears_when_an_answer_asks_for_it(home: Any) -> None:
    page = open_form(home, "material_movement")
    assert "where" not in page.buttons
    kinds = {chip.text: chip for chip in find("Chip", within=page.grid.widgets["kind"])}
    touch(kinds["Lắp đặt, treo"])
    until(lambda: "where" in page.buttons, "the section of the place")
    assert page.grid.widgets["kind"].value is not None and page.section == "main"
    touch(page.buttons["where"])
    until(lambda: page.section == "where")
    assert page.grid.fields


def test_a_form_opens_with_its_section_in_sight(home: Any) -> None:
    Window.size = (600, 960)
    ticks(4)
    page = open_form(home, "gbv_case")
    page.choose(list(page.buttons)[-1])
    until(lambda: in_sight(page.buttons[page.section]), "the last section")
    assert not in_sight(next(iter(page.buttons.values())))
    for code in ("gbv_incident", "broadcast"):
        first = next(iter(open_form(home, code).buttons.values()))
        until(lambda first=first: in_sight(first), f"the first section of {code}")
        assert first.chosen


def test_a_long_title_is_seen_whole_and_stays_one_line(home: Any) -> None:
    page = open_form(home)
    box = page.grid.widgets["title"].box
    low = box.height
    words = "Nói chuyện chuyên đề phòng, chống bạo lực gia đình, bạo lực trên cơ sở giới cho hội viên phụ nữ ấp Long Thới và ấp Long Phước"
    type_into(box, words)
    ticks(4)
    assert box.height > low and len(box.entry._lines) > 1
    key(ENTER)
    ticks(2)
    assert not box.entry.focus and page.presenter.value("title") == words


def test_a_figure_leads_to_its_records_and_back(on: Any, make: Make) -> None:
    tablet, _ = busy(make)
    app = on(tablet)
    app.go("report", period=PERIOD)
    until(lambda: app.front.computed, "the figures")
    ticks(4)
    line = next(line for line in find("FigureLine") if line.leads and line.words.startswith("Hoạt động truyền thông"))
    touch(line)
    until(lambda: app.front.name == "records", "the records")
    ticks(4)
    assert str(len(app.front.body.ids.list.data)) == line.value == "5"
    touch(find("RecordRow")[0])
    until(lambda: app.front.name == "form")
    key(BACK)
    key(BACK)
    until(lambda: app.front.name == "report", "back at the report")


def test_both_answers_and_what_stood_before_are_in_the_history(on: Any, make: Make) -> None:
    tablet, record = busy(make)
    app = on(tablet)
    app.go("conflict", record=record)
    ticks(4)
    assert app.front.body.ids.before.text.startswith("Trước đó: 48.")
    touch(find("Link", "Xem lịch sử", within=app.front)[0])
    sheet = until(lambda: find("HistorySheet"), "the history")[0]
    assert {"48", "52", "58"} <= {label.text for label in find("Words", within=sheet)}
    key(BACK)
    until(lambda: not find("HistorySheet"), "it is closed")


def test_a_record_that_cannot_be_opened_is_told_and_the_window_goes_on(home: Any) -> None:
    home.go("form", record="01f00000-0000-7000-8000-000000000000")
    sheet = until(lambda: find("AskSheet"), "the sentence")[0]
    assert home.say("no_such_record") in texts(sheet)
    key(BACK)
    until(lambda: not find("AskSheet"), "it is closed")
    assert home.front.name == "home"


def test_two_answers_are_told_in_words_and_decided(on: Any, make: Make) -> None:
    tablet, record = busy(make)
    app = on(tablet)
    assert any("khác nhau" in card.words for card in find("TodoCard"))
    app.go("conflict", record=record)
    ticks(4)
    cards = find("CandidateCard")
    assert {card.value for card in cards} == {"52", "58"}
    other = next(card for card in cards if card.value == "58")
    touch(other.ids.button)
    until(lambda: app.front.name != "conflict", "nothing left to decide")
    assert tablet.forms.open(record).value("participants_total") == 58


def test_a_third_value_is_typed(on: Any, make: Make) -> None:
    tablet, record = busy(make)
    app = on(tablet)
    app.go("conflict", record=record)
    ticks(4)
    type_into(app.front.third.box, "55")
    touch(find("RoundButton", "Dùng giá trị này")[0])
    until(lambda: app.front.name != "conflict", "nothing left to decide")
    assert tablet.forms.open(record).value("participants_total") == 55


def test_long_work_never_holds_the_window(home: Any) -> None:
    going, done = threading.Event(), []
    home.work(lambda: (going.wait(10), threading.current_thread().name)[1], lambda name: done.append((name, threading.current_thread())))
    page = open_form(home)
    type_into(page.grid.widgets["title"].box, "Cửa sổ vẫn chạy")
    assert page.grid.widgets["title"].box.text == "Cửa sổ vẫn chạy" and not done
    going.set()
    until(lambda: done, "the result")
    worker, shown_in = done[0]
    assert worker != threading.main_thread().name and shown_in is threading.main_thread()


def test_a_refusal_is_one_plain_sentence(home: Any) -> None:
    from shared.errors import SenError

    home.work(lambda: (_ for _ in ()).throw(SenError("disk_full")), lambda result: home.tell(result))
    sheet = until(lambda: find("AskSheet"), "the sentence")[0]
    assert home.say("disk_full") in texts(sheet)
    key(BACK)


def test_b17_text_is_text_and_never_markup(home: Any) -> None:
    page = open_form(home)
    hostile = "[b]đậm[/b] [color=ff0000]x[/color] {{7*7}} %s"
    type_into(page.grid.widgets["title"].box, hostile)
    page.leave()
    home.go("records", type="communication_activity")
    ticks(4)
    assert any(row.words == hostile for row in find("RecordRow"))
    assert not any(getattr(widget, "markup", False) for widget in everything(Window))


def test_b04_b07_a_long_paste_neither_freezes_nor_brings_control_characters(home: Any) -> None:
    page = open_form(home)
    touch(page.grid.widgets["title"].box)
    page.grid.widgets["title"].box.entry.insert_text("Ấp\x00 Long\x07 Thới\n" + "dài " * 400)
    page.grid.flush()
    ticks(3)
    text = page.presenter.value("title")
    assert "\x00" not in text and "\x07" not in text and "\n" not in text
    assert page.grid.widgets["title"].box.wrong
