"""What the server set aside is mended on the tablet: its words stand in the form again, are put right, and arrive."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mobile.duties import duties
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from shared.errors import SenError
from tests.mobile.conftest import Make, Wire
from tests.mobile.test_forms import NAME, TALK, case, talk
from tests.support.pair import AllRights

OUGHT = "Nói chuyện đã sửa (dữ liệu mẫu)"

Forbid = Callable[[bool], None]


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Forbid:
    """Let nobody write any more, or everybody again."""
    allowed = AllRights.may_write
    return lambda yes: monkeypatch.setattr(AllRights, "may_write", (lambda *_: False) if yes else allowed)


def listed(tablet: Tablet) -> list[str]:
    """The records that «Đồng bộ» lists as set aside; «Hôm nay» counts them."""
    rows = [row.record for row in SyncPresenter(tablet).aside()]
    told = [duty.words for duty in duties(tablet) if duty.go == "sync"]
    assert told == ([tablet.say("aside_count", count=len(rows))] if rows else [])
    return rows


def test_p06_a_record_that_was_set_aside_is_put_right_on_its_tablet_and_arrives(make: Make, wire: Wire, forbid: Forbid) -> None:
    """Nothing of it stands any more, so its form begins with what was typed; also behind a dead battery."""
    tablet = make()
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    forbid(True)
    tablet.syncer.sync()
    assert tablet.store.show(record) is None and listed(tablet) == [record]
    assert SyncPresenter(tablet).aside()[0].words == "Hoạt động truyền thông", "a record that stands nowhere is called by its type"
    SyncPresenter(tablet).mend(record)
    tablet.close()
    tablet = make()
    form = FormPresenter(tablet).open(record)
    assert {code: form.open_form.values[code] for code in TALK} == TALK
    forbid(False)
    form.set("title", OUGHT)
    tablet.forms.close_all()
    assert listed(tablet) == [], "it is on its way again"
    tablet.syncer.sync()
    assert wire.server.values(record)["title"] == OUGHT and wire.server.values(record)["participants_total"] == 60
    assert tablet.store.unsent_count() == 0 and listed(tablet) == []
    with pytest.raises(SenError, match="no_such_record"):
        SyncPresenter(tablet).mend(record)


def test_p06_what_was_set_aside_stands_over_what_the_record_holds_now_and_is_listed_until_it_is_written(
    make: Make, wire: Wire, forbid: Forbid
) -> None:  # fmt: skip
    one, two = make("A"), make("B")
    record = talk(FormPresenter(one))
    one.forms.close_all()
    one.syncer.sync()
    two.syncer.sync()
    form = FormPresenter(one).open(record)
    form.set("participants_total", 72)
    one.forms.close_all()
    forbid(True)
    one.syncer.sync()
    forbid(False)
    FormPresenter(two).open(record).set("participants_female", 44)
    two.forms.close_all()
    two.syncer.sync()
    one.syncer.sync()
    SyncPresenter(one).mend(record)
    SyncPresenter(one).mend(record)
    values = FormPresenter(one).open(record).open_form.values
    assert (values["participants_total"], values["participants_female"]) == (72, 44)
    assert listed(one) == [record] and wire.server.values(record)["participants_total"] == 60
    one.forms.close_all()
    one.syncer.sync()
    assert wire.server.values(record)["participants_total"] == 72 and wire.server.values(record)["participants_female"] == 44
    assert listed(one) == [] and wire.server.state(record).open_paths() == []


def test_p06_what_somebody_else_has_written_meanwhile_need_not_be_mended(make: Make, wire: Wire, forbid: Forbid) -> None:
    """As when the district takes the line up."""
    one, two = make("A"), make("B")
    record = talk(FormPresenter(one))
    one.forms.close_all()
    one.syncer.sync()
    two.syncer.sync()
    FormPresenter(one).open(record).set("participants_total", 72)
    one.forms.close_all()
    forbid(True)
    one.syncer.sync()
    forbid(False)
    assert listed(one) == [record]
    FormPresenter(two).open(record).set("participants_total", 72)
    two.forms.close_all()
    two.syncer.sync()
    one.syncer.sync()
    assert listed(one) == []


def test_p06_sealed_words_that_were_set_aside_are_read_again_by_who_wrote_them(make: Make, wire: Wire, forbid: Forbid) -> None:
    tablet = make()
    record = case(FormPresenter(tablet))
    tablet.forms.close_all()
    forbid(True)
    tablet.syncer.sync()
    forbid(False)
    assert listed(tablet) == [record]
    SyncPresenter(tablet).mend(record)
    form = FormPresenter(tablet).open(record)
    assert form.open_form.values["full_name"] == NAME and len(form.open_form.values["needs"]) == 1
    form.set("sex", "male")
    tablet.forms.close_all()
    tablet.syncer.sync()
    values = FormPresenter(tablet).open(record).open_form.values
    assert (values["sex"], values["full_name"]) == ("male", NAME) and wire.server.state(record).open_paths() == [] and listed(tablet) == []
    assert NAME.encode() not in b"".join(wire.sent)
