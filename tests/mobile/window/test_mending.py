"""At the window: what was set aside is touched on «Đồng bộ», stands in its form again, and is sent."""

from typing import Any

import pytest

from tests.mobile.conftest import Make, Wire
from tests.mobile.window.busy import activity
from tests.mobile.window.hand import find, frames, said, ticks, touch, until
from tests.mobile.window.looks import faults
from tests.support.pair import AllRights

TITLE = "Họp ấp bị để riêng (dữ liệu mẫu)"


def test_p06_a_record_that_was_set_aside_is_mended_by_hand(on: Any, make: Make, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    tablet, allowed = make("A"), AllRights.may_write
    record = activity(tablet, TITLE, "2022-05-29", "community_talk", 30, 20)
    monkeypatch.setattr(AllRights, "may_write", lambda *_: False)
    tablet.syncer.sync()
    monkeypatch.setattr(AllRights, "may_write", allowed)
    app = on(tablet)
    app.go("sync")
    ticks(6)
    assert "Bấm vào để mở lại những gì đã ghi, sửa rồi gửi lại." in said() and faults(app.root) == []
    touch(find("PressCard", within=app.front.body.ids.waiting)[0])
    until(lambda: app.front.name == "form", "the form")
    frames(2)
    assert app.front.grid.widgets["title"].box.entry.text == TITLE
    app.home()
    ticks(4)
    tablet.profile.set(offline=False)
    tablet.syncer.sync()
    assert wire.server.values(record)["title"] == TITLE
    app.go("sync")
    ticks(6)
    assert "Máy chủ để riêng, cần sửa" not in said()
