"""The catalogue changes while tablets are offline with records of the old one: nothing is refused for being old, nothing is unreadable."""

from collections.abc import Sequence

import pytest

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.log import Operation
from tests.support.catalogue import NOTE
from tests.support.evolution import DROPPED, OTHER, RENAMED, RETYPED, SHORTER, texts_of
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import UNIT
from tests.sync.test_stories import Tablets, quiet, type_in

ORDERS = [("A", "B"), ("B", "A")]


@pytest.fixture
def catalogue() -> Catalogue:
    """The catalogue with which all begin."""
    return Catalogue.from_texts(texts_of(remark=OTHER))


def take(*tablets: MemoryTablet) -> None:
    """The tablets take up the catalogue that they were told."""
    for tablet in tablets:
        tablet.catalogue = Catalogue.from_texts(tablet.documents["catalogue"]["texts"])


def publish(server: PairServer, note: str, *, remark: str = OTHER) -> None:
    """The district changes its catalogue."""
    server.publish(texts_of(note, remark=remark))


def assert_whole(tablets: Tablets, server: PairServer) -> None:
    """Nothing was set aside, nothing waits, and all replicas are equal, whatever catalogue each tablet has."""
    quiet(tablets, server)
    assert set(server.verdicts()) <= {""}
    assert not any(tablet.unsettled or tablet.aside for tablet in tablets.values())
    with server.reading() as reader:
        parts = reader.parts(tablets["A"].identity.scope)
    assert {tablet.digest() for tablet in tablets.values()} == {sum(part.digest for part in parts) % (1 << 128)}


def begun(tablets: Tablets, server: PairServer, record: str, note: str, **values: object) -> None:
    """A record that all have; then the catalogue changes, and B alone has the new one."""
    type_in(tablets["A"], record, title="Họp ấp", **values)
    quiet(tablets, server)
    publish(server, note)
    exchange(tablets["B"], server)
    take(tablets["B"])


@pytest.mark.parametrize("order", ORDERS)
def test_m60_f33_a_renamed_field_is_one_place_under_two_names(tablets: Tablets, server: PairServer, record: str, order: Sequence[str]) -> None:
    begun(tablets, server, record, RENAMED, people=40)
    a, b = tablets["A"], tablets["B"]
    assert b.values(record)["heads"] == 40 and "people" not in b.values(record)
    type_in(a, record, people=48)
    type_in(b, record, heads=52)
    for name in order:
        exchange(tablets[name], server)
    assert_whole(tablets, server)
    assert server.state(record).open_paths() == a.questions(record) == b.questions(record) == ["people"]
    assert server.values(record)["heads"] == a.values(record)["people"] == b.values(record)["heads"]
    b.decide(record, "people", 52, now_ms=NOON_MS)
    take(a)
    assert_whole(tablets, server)
    assert not server.state(record).open_paths() and a.values(record)["heads"] == b.values(record)["heads"] == 52
    assert len(server.history(record)) == 5, "every answer stays in the history"


def test_m60_a_draft_that_saw_the_old_name_asks_nobody(tablets: Tablets, server: PairServer, record: str) -> None:
    """A's form was open before; the difference is taken against what it showed, under whatever name."""
    begun(tablets, server, record, RENAMED, people=40)
    a = tablets["A"]
    exchange(a, server)
    take(a)
    type_in(a, record, heads=41)
    assert_whole(tablets, server)
    assert server.values(record)["heads"] == 41 and not server.state(record).open_paths()


@pytest.mark.parametrize("order", ORDERS)
def test_m61_f33_what_was_entered_in_a_dropped_field_is_kept_and_readable(
    tablets: Tablets, server: PairServer, record: str, order: Sequence[str]
) -> None:  # fmt: skip
    begun(tablets, server, record, DROPPED, women=20)
    a, b = tablets["A"], tablets["B"]
    type_in(a, record, women=21)
    type_in(b, record, people=30)
    for name in order:
        exchange(tablets[name], server)
    assert_whole(tablets, server)
    assert server.values(record)["women"] == b.values(record)["women"] == 21
    field = b.catalogue.types["note"].field_at("women")
    assert field is not None and field.label.vi == "Trong đó nữ" and "women" not in b.catalogue.types["note"].fields


def test_m61_two_answers_in_a_dropped_field_are_still_asked(tablets: Tablets, server: PairServer, record: str) -> None:
    begun(tablets, server, record, DROPPED, women=20)
    type_in(tablets["A"], record, women=21)
    type_in(tablets["C"], record, women=22)
    quiet(tablets, server)
    assert server.state(record).open_paths() == tablets["B"].questions(record) == ["women"]
    tablets["B"].decide(record, "women", 22, now_ms=NOON_MS)
    assert_whole(tablets, server)
    assert server.values(record)["women"] == 22 and not server.state(record).open_paths()


@pytest.mark.parametrize("order", ORDERS)
def test_m62_f33_an_answer_of_the_old_kind_is_read_in_the_new_one(
    tablets: Tablets, server: PairServer, record: str, order: Sequence[str]
) -> None:  # fmt: skip
    begun(tablets, server, record, RETYPED, women=20, seen_at="1.200")
    a, b = tablets["A"], tablets["B"]
    assert (b.values(record)["women"], b.values(record)["seen_at"]) == ("20", 1200)
    type_in(a, record, women=21, seen_at="hôm kia")
    type_in(b, record, place="Nhà văn hóa")
    for name in order:
        exchange(tablets[name], server)
    assert_whole(tablets, server)
    assert server.values(record)["women"] == b.values(record)["women"] == "21"
    assert b.values(record)["seen_at"] == "hôm kia", "what cannot be read stands as it was written"
    type_in(b, record, seen_at=7)
    assert_whole(tablets, server)
    assert server.values(record)["seen_at"] == 7 and a.values(record)["seen_at"] == 7


def test_m62_the_same_answer_in_two_kinds_asks_nobody(tablets: Tablets, server: PairServer, record: str) -> None:
    begun(tablets, server, record, RETYPED)
    type_in(tablets["A"], record, women=21)
    type_in(tablets["B"], record, women="21")
    assert_whole(tablets, server)
    assert server.state(record).open_paths() == [] and server.values(record)["women"] == "21"


def test_m63_a_dropped_choice_and_the_fields_of_rows(tablets: Tablets, server: PairServer, record: str) -> None:
    begun(tablets, server, record, SHORTER, topics=["law"], guests=[{"id": "Qm9vVGhpTmE", "name": "Bà Năm", "age": 60}])
    a, b = tablets["A"], tablets["B"]
    type_in(a, record, topics=["gbv", "law"], guests=[{"id": "Qm9vVGhpTmE", "name": "Bà Năm", "age": 61}])
    row = b.values(record)["guests"][0]
    assert (row["full_name"], row["age"]) == ("Bà Năm", 60)
    type_in(b, record, guests=[{**row, "full_name": "Bà Năm Sa Đéc"}])
    assert_whole(tablets, server)
    assert server.values(record)["topics"] == ["gbv", "law"]
    assert server.values(record)["guests"] == [{"id": "Qm9vVGhpTmE", "full_name": "Bà Năm Sa Đéc", "age": 61}]
    assert server.state(record).open_paths() == []


def test_m64_records_of_a_dropped_type_arrive_and_are_read(tablets: Tablets, server: PairServer) -> None:
    record = new_record_id()
    a, b = tablets["A"], tablets["B"]
    exchange(a, server)
    a.write(record, "remark", UNIT, {"title": "Nhận xét", "topics": ["law"]}, now_ms=NOON_MS)
    server.publish(texts_of())
    exchange(b, server)
    take(b)
    assert_whole(tablets, server)
    assert b.values(record)["title"] == server.values(record)["title"] == "Nhận xét"
    a.write(record, "remark", UNIT, {"title": "Nhận xét lại"}, now_ms=NOON_MS)
    assert_whole(tablets, server)
    assert b.values(record)["title"] == "Nhận xét lại"


def test_m64_a_new_record_type_reaches_a_tablet_that_does_not_know_it(tablets: Tablets, server: PairServer) -> None:
    record = new_record_id()
    a, b = tablets["A"], tablets["B"]
    server.publish(texts_of(remark=OTHER, extra=OTHER.replace("code: remark", "code: extra")))
    exchange(b, server)
    take(b)
    b.write(record, "extra", UNIT, {"title": "Loại mới"}, now_ms=NOON_MS)
    assert_whole(tablets, server)
    take(a)
    assert a.values(record)["title"] == "Loại mới"


def test_one_value_becomes_a_list_and_a_list_one_value(tablets: Tablets, server: PairServer, record: str) -> None:
    """The registers are others: what stood in the old ones gives way to what is written in the new ones, and stays in the history."""
    choices = "choices: [{code: law, vi: Luật, en: Law}, {code: gbv, vi: Bạo lực, en: Violence}]"
    later = NOTE.replace("topics: {kind: choices,", "topics: {kind: choice,").replace("people: {kind: int,", f"people: {{kind: choices, {choices},")
    begun(tablets, server, record, later, topics=["gbv", "law"], people=4)
    a, b = tablets["A"], tablets["B"]
    assert b.values(record)["topics"] == ["gbv", "law"] and b.values(record)["people"] == 4
    type_in(b, record, topics="law", people=["gbv"])
    assert (b.values(record)["topics"], b.values(record)["people"]) == ("law", ["gbv"])
    type_in(a, record, topics=["gbv"])
    assert_whole(tablets, server)
    assert (server.values(record)["topics"], server.values(record)["people"]) == ("law", ["gbv"])
    assert any(b'"people","v":4' in line for line in server.history(record))


def test_what_no_catalogue_ever_had_is_still_set_aside(tablets: Tablets, server: PairServer, record: str) -> None:
    """B11: kept for its history, not for whatever anybody sends."""
    begun(tablets, server, record, RETYPED)
    for number, (path, value) in enumerate([("nothing", 1), ("women", ["x"]), ("people", "48")]):
        tablets["A"].log_change(record, "note", UNIT, (Operation("set", path, value, None, (), None),), now_ms=NOON_MS + number)
    exchange(tablets["A"], server)
    assert server.verdicts()[-3:] == ["unknown_field", "wrong_kind", "wrong_kind"]


def test_f35_an_operation_of_a_later_time_is_kept_and_blocks_nothing(tablets: Tablets, server: PairServer, record: str) -> None:
    """A tablet that was updated before its server: the line is set aside there, those behind it count."""
    a, b = tablets["A"], tablets["B"]
    type_in(a, record, title="Họp ấp")
    a.log_change(record, "note", UNIT, (Operation("sign", "title", "Lan", None, (), None),), now_ms=NOON_MS)
    type_in(a, record, people=48)
    exchange(a, server)
    assert server.verdicts()[-3:] == ["", "unknown_operation", ""] and server.values(record)["people"] == 48
    assert list(a.aside.values()) == ["unknown_operation"] and len(server.history(record)) == 4
    exchange(b, server)
    assert b.values(record)["people"] == 48 and b.digest() == a.digest()
