"""A photo at the real screen: chosen from a file, looked at large, taken out again; and one that has not come to this tablet."""

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from mobile.screens.form.presenter import FormPresenter
from shared.picture import LONGEST_SIDE, is_bare
from tests.mobile.window.hand import find, ticks, touch, until
from tests.mobile.window.looks import faults

NAME = "Hội trường xã.jpg"
GPS, ORIENTATION, TURNED = 0x8825, 0x0112, 6


def camera_photo(path: Path) -> None:
    """A photo as a telephone makes it: large, lying on its side with a note to turn it, with the place where it was taken."""
    image = Image.new("RGB", (2400, 1800), (120, 160, 200))
    draw = ImageDraw.Draw(image)
    for step in range(0, 2400, 200):
        draw.rectangle((step, 900 + step // 6, step + 160, 1700), fill=(90 + step // 20, 110, 60))
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    exif.get_ifd(GPS).update({1: "N", 2: (10.0, 48.0, 30.0), 3: "E", 4: (105.0, 20.0, 10.0)})
    image.save(path, "JPEG", exif=exif)


@pytest.fixture()
def camera(folder: Path) -> Path:
    """The officer's home with such a photo in it."""
    path = Path(os.environ["HOME"]) / NAME
    camera_photo(path)
    return path


def open_section_of_photos(app: Any) -> None:
    """Go to the section of the form in front that asks for photos."""
    page = app.front
    section = page.presenter.section_of("photos")
    if page.section != section:
        touch(page.buttons[section])
        until(lambda: page.section == section, "the section of photos")
    until(lambda: find("PhotosField", within=page), "the field of photos")
    ticks(4)


def field(app: Any) -> Any:
    """The photos of the form in front, scrolled into sight."""
    return next(widget for widget in find("PhotosField", within=app.front) if widget.path == "photos")


def choose(app: Any, name: str) -> None:
    """Touch «Chọn ảnh…» and choose a file of the officer's home."""
    touch(find("RoundButton", app.say("mobile.field.pick_photos"), within=field(app))[0])
    sheet = until(lambda: find("FileSheet"), "the sheet of files")[0]
    ticks(4)
    assert faults(sheet) == [] and not find("OfferRow", "bien-ban.pdf"), "of photos no document is offered"
    touch(until(lambda: find("OfferRow", name), name)[0])
    ticks(4)
    touch(find("RoundButton", app.say("mobile.sheet.take", count=1))[0])
    until(lambda: field(app).value, "the photo in the form")
    ticks(4)


@pytest.mark.parametrize("size", [(960, 640), (640, 960)], ids=["wide", "narrow"])
def test_a_photo_is_chosen_looked_at_and_taken_out(home: Any, camera: Path, size: tuple[int, int]) -> None:
    from kivy.core.window import Window

    Window.size = size
    home.go("form", type="communication_activity")
    until(lambda: home.front.name == "form")
    open_section_of_photos(home)
    choose(home, NAME)
    (item,) = field(home).value
    tablet = home.tablet
    data = tablet.files.read(item["sha256"])
    assert item["name"] == NAME and item["mime"] == "image/jpeg" and item["size"] == len(data)
    assert is_bare(data), "nothing of where and with what it was taken is left"
    assert camera.read_bytes() != data
    card = find("PressCard", within=field(home))[0]
    assert f"{-(-len(data) // 1024)} KB · chưa gửi" in [words.text for words in find("Words", within=card)]
    assert faults(home.root) == []

    touch(find("Words", NAME, within=card)[0])
    sheet = until(lambda: find("PictureSheet"), "the photo")[0]
    ticks(4)
    (picture,) = find("Image", within=sheet)
    assert sheet.title == NAME and picture.texture.size == (LONGEST_SIDE * 3 // 4, LONGEST_SIDE), "upright"
    assert faults(sheet) == [] and sheet.y > 0 and sheet.top < Window.height
    assert picture.height > 0.6 * Window.height and picture.width <= sheet.width, "large enough to see what is on it"
    touch(find("RoundButton", home.say("mobile.sheet.close"))[0])
    until(lambda: not find("PictureSheet"), "the sheet is closed")

    touch(find("RowIcon", within=find("PressCard", within=field(home))[0])[0])
    until(lambda: not field(home).value, "the photo is out of the form")
    assert find("PressCard", within=field(home)) == []
    choose(home, NAME)
    record = home.front.where["record"]
    home.home()
    until(lambda: home.front.name == "home")
    assert [one["sha256"] for one in FormPresenter(tablet).open(record).value("photos")] == [item["sha256"]], "the same photo is the same file"
    tablet.forms.close_all()
    assert item["sha256"] in tablet.files.waiting()


def test_a_photo_that_has_not_come_says_so_and_a_touch_without_a_network_asks_for_it(home: Any) -> None:
    form = FormPresenter(home.tablet)
    record = form.start("communication_activity")
    form.set("title", "Buổi nói chuyện (dữ liệu mẫu)")
    digest = "ab" * 32
    form.set("photos", [{"sha256": digest, "name": "ảnh của người khác.jpg", "size": 250_000, "mime": "image/jpeg"}])
    form.leave()
    home.go("form", record=record)
    until(lambda: home.front.name == "form")
    open_section_of_photos(home)
    (card,) = find("PressCard", within=field(home))
    assert home.say("file_not_come") in [words.text for words in find("Words", within=card)] and faults(home.root) == []
    touch(find("Words", "ảnh của người khác.jpg", within=card)[0])
    until(lambda: home.say("file_wished") in [words.text for words in find("Words", within=field(home))], "it will be asked for")
    touch(find("RoundButton", home.say("mobile.sheet.close"))[0])
    until(lambda: not find("AskSheet"), "the sheet that says why is closed")
    assert not find("PictureSheet") and faults(home.root) == [] and digest in home.tablet.files.wished()
