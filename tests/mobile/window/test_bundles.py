"""The way by files at the window: choose a folder, pass the files on, choose the answer's files, read what it says."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.mobile.conftest import Make, Wire
from tests.mobile.test_bundles import record_talk
from tests.mobile.window.hand import find, ticks, touch, until
from tests.mobile.window.looks import faults

SHEET = "AskSheet"


def words_of(sheet: Any) -> str:
    return " ".join(one.text for one in find("Words", within=sheet))


def close(app: Any) -> None:
    touch(find("RoundButton", app.say("mobile.sheet.close"))[0])
    until(lambda: not find(SHEET), "the sheet is closed")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_f47_a_bundle_is_written_and_its_answer_read_by_hand(
    on: Any, make: Make, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    home = tmp_path / "home"
    (home / "usb").mkdir(parents=True)
    (home / "thu.txt").write_text("x")
    monkeypatch.setitem(os.environ, "HOME", str(home))
    tablet = make()
    tablet.profile.set(language=language)
    record_talk(tablet)
    app = on(tablet)
    app.go("sync")
    ticks(4)
    assert faults(app.root) == []
    touch(find("RoundButton", app.say("mobile.sync.write_files"))[0])
    sheet = until(lambda: find("FolderSheet"), "the sheet of folders")[0]
    assert faults(sheet) == []
    ticks(4)
    touch(find("OfferRow", "usb/")[0])
    until(lambda: find("Words", str(home / "usb")), "the folder is open")
    touch(find("RoundButton", app.say("mobile.sync.folder_ok"))[0])
    sheet = until(lambda: find(SHEET), "what was written")[0]
    files = sorted((home / "usb").iterdir())
    assert len(files) == 1 and files[0].name in words_of(sheet) and "usb" in words_of(sheet)
    assert faults(sheet) == []
    close(app)
    assert any(app.front.presenter.written_words() == one.text for one in find("Words"))

    answer = home / "usb"
    wire.district(files, answer)
    files[0].unlink()
    touch(find("RoundButton", app.say("mobile.sync.read_files"))[0])
    until(lambda: find("FileSheet"), "the sheet of files")
    ticks(4)
    touch(find("OfferRow", "usb/")[0])
    touch(until(lambda: find("OfferRow", next(answer.iterdir()).name), "the folder is open")[0])
    touch(until(lambda: find("RoundButton", app.say("mobile.sheet.take", count=1)), "it is chosen")[0])
    sheet = until(lambda: find(SHEET), "what came")[0]
    assert words_of(sheet).count(app.say("bundle_kept", received=0, read=1)) == 1
    close(app)
    assert tablet.store.unsent_count() == 0 and app.front.presenter.written_words() == ""
