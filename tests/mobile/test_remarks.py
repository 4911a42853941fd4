"""What a person is told of the tablet itself: a clock that is wrong or jumps, a storage that was restored or copied. Nothing is lost by either."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mobile.clock import Clock
from mobile.remarks import DAY_MS, HOUR_MS, MINUTE_MS, YEAR_MS, compare_clocks, unsaid
from mobile.screens.form.presenter import FormPresenter
from mobile.screens.sync.presenter import SyncPresenter
from mobile.tablet import Tablet
from sync.clock import DRIFT_BOUND_MS
from sync.log import Change
from sync.view import plain
from tests.mobile.conftest import PIN, Make, Wire
from tests.mobile.test_forms import talk
from tests.support.pair import NOON_MS

YEARS_30 = 30 * YEAR_MS


def set_clock(tablet: Tablet, source: Callable[[], int]) -> None:
    """Give a tablet another clock of its own, as who sets the device's date does."""
    tablet.clock._source, tablet.clock._offset_ms = source, 0


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (YEARS_30, "nhanh khoảng 30 năm"), (-YEARS_30, "chậm khoảng 30 năm"), (5 * MINUTE_MS - NOON_MS, "chậm khoảng 52 năm"), (7 * HOUR_MS, "nhanh 7 giờ"),
        (-3 * DAY_MS, "chậm 3 ngày"), (20 * MINUTE_MS, "nhanh 20 phút"),
    ],
)  # fmt: skip
def test_p11_f11_a_wrong_clock_is_told_once_and_loses_nothing(make: Make, wire: Wire, off: int, words: str) -> None:
    """Thirty years off, 1970, and a clock that was set by a wrong zone (seven hours)."""
    a, b = make("A"), make("B")
    b.syncer.sync()
    before = b.store.last_time()
    set_clock(a, lambda: NOON_MS + off)
    records = [talk(FormPresenter(a)) for _ in range(3)]
    a.forms.close_all()
    a.syncer.sync()
    sync = SyncPresenter(a)
    assert [words in remark and "giữ nguyên" in remark for remark in sync.remarks()] == [True]
    assert words in unsaid(a) and unsaid(a) == "", "said once"
    a.syncer.sync()
    assert unsaid(a) == "" and sync.remarks()
    b.syncer.sync()
    for record in records:
        assert wire.server.values(record)["held_on"] == a.store.show(record).current("held_on").value  # type: ignore[union-attr]
        assert b.store.show(record) is not None
    assert b.store.last_time() == before, "the other tablet's clock is its own"
    later = talk(FormPresenter(b))
    b.forms.close_all()
    b.syncer.sync()
    assert Change.parse(wire.server.history(later)[0]).time.ms <= NOON_MS + DRIFT_BOUND_MS
    set_clock(a, lambda: NOON_MS)
    a.syncer.sync()
    assert sync.remarks() == []
    set_clock(a, lambda: NOON_MS + off)
    a.syncer.sync()
    assert words in unsaid(a), "wrong again is said again"


def test_m55_p11_f11_a_clock_that_jumps_while_writing_keeps_the_order_of_the_log(make: Make, wire: Wire) -> None:
    tablet = make()
    jumps = [0, YEARS_30, -YEARS_30, MINUTE_MS - NOON_MS, 7 * HOUR_MS, -MINUTE_MS, 0]
    record = talk(FormPresenter(tablet))
    tablet.forms.close_all()
    for count, jump in enumerate(jumps, 100):
        set_clock(tablet, lambda jump=jump: NOON_MS + jump)  # type: ignore[misc]
        form = FormPresenter(tablet).open(record)
        form.set("participants_total", count)
        form.leave()
    tablet.syncer.sync()
    lines = [Change.parse(line) for line in wire.server.history(record)]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert sorted(lines, key=lambda line: line.time) == lines, "the hybrid clock never runs backwards"
    assert wire.server.values(record)["participants_total"] == 99 + len(jumps) and not wire.server.state(record).open_paths()


@pytest.mark.parametrize("between", [lambda tablet: None, lambda tablet: tablet.syncer.sync()], ids=["unsent", "sent"])
def test_m55_f11_of_two_answers_around_a_clock_set_back_the_later_one_is_shown_after_a_restart(
    make: Make, wire: Wire, between: Callable[[Tablet], object]
) -> None:
    """What was written later is later, whatever the clock said; and with one exchange the tablet holds what the server does."""
    tablet = make()
    record = talk(FormPresenter(tablet))
    tablet.syncer.sync()
    for value, clock in ((61, NOON_MS), (62, NOON_MS - YEARS_30)):
        set_clock(tablet, lambda clock=clock: clock)  # type: ignore[misc]
        form = FormPresenter(tablet).open(record)
        form.set("participants_total", value)
        form.leave()
        tablet.forms.close_all()
    tablet.close()
    tablet = make()
    between(tablet)
    assert FormPresenter(tablet).open(record).value("participants_total") == 62
    tablet.syncer.sync()
    told = tablet.store.told([record])[record]
    assert plain(told, tablet.catalogue.types[told.type]) == wire.server.values(record)
    with wire.server.reading() as reader:
        assert tablet.store.digest() == sum(part.digest for part in reader.parts(tablet.store.device().scope)) % (1 << 128)


@pytest.mark.parametrize("off", [YEARS_30, -YEARS_30])
def test_f11_an_early_or_late_clock_wins_no_register_by_itself(make: Make, wire: Wire, off: int) -> None:
    """Two answers to one question are asked, whoever's clock says what."""
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    for tablet in (a, b):
        tablet.syncer.sync()
    set_clock(a, lambda: NOON_MS + off)
    for tablet, value in ((a, 71), (b, 72)):
        form = FormPresenter(tablet).open(record)
        form.set("participants_total", value)
        form.leave()
    for tablet in (a, b, a):
        tablet.syncer.sync()
    assert wire.server.state(record).open_paths() == ["participants_total"]


def test_f12_a_server_whose_clock_is_wrong_or_stepped_back_keeps_its_order(make: Make, wire: Wire) -> None:
    a, b = make("A"), make("B")
    record = talk(FormPresenter(a))
    a.forms.close_all()
    real = wire.server.half.answer
    for count, off in enumerate((YEARS_30, 0, -YEARS_30, 0), 60):
        wire.server.half.answer = lambda data, now_ms, off=off: real(data, now_ms=now_ms + off)  # type: ignore[misc,assignment]
        form = FormPresenter(a).open(record)
        form.set("participants_total", count)
        form.leave()
        for tablet in (a, b):
            tablet.syncer.sync()
        assert max(a.store.last_time().ms, b.store.last_time().ms) <= NOON_MS + DRIFT_BOUND_MS, "it drags no tablet along"
    values = [op.value for line in wire.server.history(record) for op in Change.parse(line).operations if op.path == "participants_total"]
    assert values[-4:] == [60, 61, 62, 63]
    assert b.store.show(record).current("participants_total").value == 63  # type: ignore[union-attr]
    assert not wire.server.state(record).open_paths() and a.store.digest() == b.store.digest()


def test_f11_a_slow_answer_is_no_wrong_clock(make: Make) -> None:
    store = make().store
    compare_clocks(store, sent_ms=NOON_MS, got_ms=NOON_MS + 2 * HOUR_MS, server_ms=NOON_MS + HOUR_MS)
    assert store.note("clock_off") is None
    compare_clocks(store, sent_ms=NOON_MS + HOUR_MS, got_ms=NOON_MS - HOUR_MS, server_ms=NOON_MS)
    assert store.note("clock_off") is None, "it jumped back while the answer was on its way"
    compare_clocks(store, sent_ms=NOON_MS, got_ms=NOON_MS + HOUR_MS, server_ms=NOON_MS + 2 * HOUR_MS)
    assert store.note("clock_off") == str(-HOUR_MS)


def test_f21_f22_a_tablet_that_was_copied_says_so_in_words(make: Make, wire: Wire, tmp_path: Path) -> None:
    first = make("A")
    talk(FormPresenter(first))
    first.forms.close_all()
    first.syncer.sync()
    first.close()
    shutil.copytree(tmp_path / "A", tmp_path / "copy")
    twins = []
    for name in ("A", "copy"):
        twin = Tablet(tmp_path / name, Clock(source=lambda: NOON_MS), cheap_pin=True)
        twin.syncer._post = wire.post
        twin.unlock(PIN)
        talk(FormPresenter(twin))
        twin.forms.close_all()
        twins.append(twin)
    first, copy = twins
    first.syncer.sync()
    assert SyncPresenter(first).remarks() == [], "whoever comes first is as ever: nobody can know yet"
    for twin in (copy, first):  # the first exchange that can know of it says so
        twin.syncer.sync()
        assert [words for words in SyncPresenter(twin).remarks() if "phục hồi hoặc sao chép" in words]
    copy.syncer.sync()
    for twin in twins:
        (words,) = SyncPresenter(twin).remarks()
        assert "phục hồi hoặc sao chép" in words and "Không mất gì" in words and "11:00" in words
        assert len(twin.store.records()) == 3 and twin.store.unsent_count() == 0
        twin.profile.set(language="en")
        assert "Nothing is lost" in SyncPresenter(twin).remarks()[0]
        twin.close()
