"""Exchanges over a wire that is cut, repeated and told lies; scopes that change; replicas that heal."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from shared.catalogue import Catalogue
from shared.ids import new_record_id
from sync.errors import FrameFault
from sync.log import chain_start
from sync.messages import Run, seal_message, write_run
from tests.support.pair import NOON_MS, PairServer, exchange
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import OTHER, UNIT

Tablets = dict[str, MemoryTablet]


def fill(tablet: MemoryTablet, count: int, **values: object) -> list[str]:
    """An officer records so many things."""
    records = [new_record_id() for _ in range(count)]
    for index, record in enumerate(records):
        tablet.write(record, "note", UNIT, {"title": f"Bản ghi {index}", "people": index, **values}, now_ms=NOON_MS)
    return records


def push(server: PairServer, tablet: MemoryTablet, run: Run) -> bytes:
    device = tablet.identity
    return server.half.answer(seal_message(device.id, device.mac_key, {"q": 1, "runs": [write_run(run)]}, run.lines), now_ms=NOON_MS)


def refused(server: PairServer, tablet: MemoryTablet, run: Run) -> FrameFault:
    before = server.verdicts()
    with pytest.raises(FrameFault) as fault:
        push(server, tablet, run)
    assert server.verdicts() == before
    return fault.value


def own_run(tablet: MemoryTablet) -> Run:
    run = tablet.unsent(tablet.main, 0, 10**9)
    assert run is not None
    return run


def test_a_number_that_skips_applies_nothing_and_says_what_is_expected(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 3)
    run = own_run(tablets["A"])
    fault = refused(server, tablets["A"], replace(run, first=3, lines=run.lines[2:]))
    assert fault.code == "log_gap" and fault.context["expected"] == 1 and "1" in fault.text("vi")


def test_a_chain_that_does_not_follow_applies_nothing(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 2)
    run = own_run(tablets["A"])
    assert refused(server, tablets["A"], replace(run, before=b"x" * 32)).code == "wrong_chain"
    push(server, tablets["A"], replace(run, lines=run.lines[:1]))
    claim = {"q": 1, "h": {run.log: [2, 0, "AAAAAAAA"]}, "runs": [write_run(run)]}
    before, device = server.verdicts(), tablets["A"].identity
    with pytest.raises(FrameFault, match="wrong_chain"):
        server.half.answer(seal_message(device.id, device.mac_key, claim, run.lines), now_ms=NOON_MS)
    assert server.verdicts() == before


def test_a_second_line_under_one_number_is_kept_beside_the_first(tablets: Tablets, server: PairServer) -> None:
    record = fill(tablets["A"], 1)[0]
    run = own_run(tablets["A"])
    push(server, tablets["A"], run)
    other = run.lines[0].replace("Bản ghi 0".encode(), "Bản ghi khác".encode())
    for _ in range(2):
        push(server, tablets["A"], replace(run, lines=[other]))
    assert server.history(record) == [run.lines[0], other]
    assert server.state(record).open_paths() == ["title"]


def test_t08_somebody_elses_log(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 1)
    push(server, tablets["A"], own_run(tablets["A"]))
    assert refused(server, tablets["B"], own_run(tablets["A"])).code == "foreign_log"


def test_t08_a_change_in_another_name_is_set_aside(tablets: Tablets, server: PairServer) -> None:
    tablet = tablets["A"]
    tablet.identity = tablet.identity._replace(user="user-B")
    fill(tablet, 1)
    exchange(tablet, server)
    assert server.verdicts() == ["wrong_user"]


def test_p06_f42_every_kind_of_poison_is_stored_and_stops_nothing(tablets: Tablets, server: PairServer) -> None:
    tablet = tablets["A"]
    good = fill(tablet, 1)[0]
    line = tablet.lines_of[tablet.main][0].body
    poison = [b"\xff", b"{", line.replace(b'"n":1', b'"n":9'), b"{" * 300_000, b"A" * 43]
    lines = [*poison, line.replace(b'"n":1', b'"n":6')]
    push(server, tablet, Run(tablet.main, 1, chain_start(tablet.main, tablet.identity.key), lines))
    assert server.verdicts() == ["not_utf8", "not_json", "wrong_place", "line_too_long", "line_too_long", ""]
    assert server.values(good)["title"] == "Bản ghi 0"


def test_p02_f03_a_request_repeated_ten_times_is_one_copy(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 5)
    request = tablets["A"].half.request()
    for _ in range(10):
        server.half.answer(request, now_ms=NOON_MS)
    assert len(server.verdicts()) == 5


def test_f04_a_late_answer_is_ignored(tablets: Tablets, server: PairServer) -> None:
    late = server.half.answer(tablets["A"].half.request(), now_ms=NOON_MS)
    fill(tablets["A"], 1)
    exchange(tablets["A"], server)
    before = tablets["A"].tokens
    with pytest.raises(FrameFault, match="late_answer"):
        tablets["A"].half.receive(late)
    assert tablets["A"].tokens == before


def test_f05_an_answer_cut_at_every_byte_changes_nothing(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 2)
    exchange(tablets["A"], server)
    reader = tablets["B"]
    answer = server.half.answer(reader.half.request(), now_ms=NOON_MS)
    for length in range(len(answer)):
        with pytest.raises(FrameFault):
            reader.half.receive(answer[:length])
        assert not reader.told and not reader.tokens
    reader.half.receive(answer)
    assert len(reader.told) == 2


def test_f01_f05_a_request_cut_at_every_byte_changes_nothing(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 2)
    request = tablets["A"].half.request()
    for length in range(len(request)):
        with pytest.raises(FrameFault):
            server.half.answer(request[:length], now_ms=NOON_MS)
    assert server.verdicts() == []
    tablets["A"].half.receive(server.half.answer(request, now_ms=NOON_MS))
    assert server.verdicts() == ["", ""]


def test_p07_f07_a_pull_in_small_pages_goes_on_where_it_stopped(tablets: Tablets, server: PairServer) -> None:
    records = fill(tablets["A"], 300, story="chữ " * 100)
    exchange(tablets["A"], server)
    reader = tablets["B"]
    reader.half.page = 2_000
    seen = 0
    for _ in range(100):
        reader.half.cut()
        reader.half.page = 2_000
        step = reader.half.receive(server.half.answer(reader.half.request(), now_ms=NOON_MS))
        seen += step.received
        if not step.more:
            break
    assert set(reader.told) == set(records) and seen == 300


def test_an_edit_between_the_pages_of_a_pull_is_not_lost(tablets: Tablets, server: PairServer) -> None:
    records = fill(tablets["A"], 60, story="chữ " * 100)
    exchange(tablets["A"], server)
    reader = tablets["B"]
    reader.half.page = 2_000
    reader.half.receive(server.half.answer(reader.half.request(), now_ms=NOON_MS))
    tablets["A"].write(records[0], "note", UNIT, {"people": 999}, now_ms=NOON_MS)
    exchange(tablets["A"], server)
    exchange(reader, server)
    assert reader.values(records[0])["people"] == 999
    assert reader.digest() == tablets["A"].digest()


def test_what_a_tablet_wrote_itself_is_not_told_again(tablets: Tablets, server: PairServer) -> None:
    exchange(tablets["A"], server)
    fill(tablets["A"], 200, story="chữ " * 50)
    request = tablets["A"].half.request()
    answer = server.half.answer(request, now_ms=NOON_MS)
    assert not tablets["A"].half.receive(answer).more
    assert len(answer) < 400 and not tablets["A"].unsettled


def test_own_changes_beside_a_strangers_are_settled_too(tablets: Tablets, server: PairServer) -> None:
    exchange(tablets["A"], server)
    fill(tablets["B"], 3)
    exchange(tablets["B"], server)
    mine = fill(tablets["A"], 3)
    tablets["A"].write(mine[0], "note", UNIT, {"people": 77}, now_ms=NOON_MS)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    assert not tablets["A"].unsettled and len(tablets["A"].told) == 6
    assert tablets["A"].digest() == tablets["B"].digest()


def test_t05_a_tablet_gets_its_own_units_alone(tablets: Tablets, server: PairServer, catalogue: Catalogue) -> None:
    fill(tablets["A"], 3)
    exchange(tablets["A"], server)
    far = MemoryTablet(server.enrol("F", [OTHER]), catalogue)
    exchange(far, server)
    assert not far.told and not far.held


def test_f37_a_wider_scope_brings_the_older_records(tablets: Tablets, server: PairServer, catalogue: Catalogue) -> None:
    records = fill(tablets["A"], 3)
    exchange(tablets["A"], server)
    far = MemoryTablet(server.enrol("F", [OTHER]), catalogue)
    exchange(far, server)
    device = server.devices[far.identity.id]
    wider = device.scope._replace(units=(OTHER, UNIT), version="wider")
    server.devices[device.id] = device._replace(scope=wider)
    exchange(far, server)
    assert set(far.told) == set(records) and far.identity.scope == wider


def test_f52_a_replica_that_differs_heals_the_part_that_differs(tablets: Tablets, server: PairServer) -> None:
    records = fill(tablets["A"], 4)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    del tablets["B"].told[records[2]]
    exchange(tablets["B"], server)
    assert set(tablets["B"].told) == set(records)
    assert tablets["B"].tokens.keys() == {"hong_ngu"}
    assert exchange(tablets["B"], server) == 1


def test_f24_a_restored_server_is_noticed_and_walks_back(tablets: Tablets, server: PairServer) -> None:
    kept = fill(tablets["A"], 2)
    exchange(tablets["A"], server)
    exchange(tablets["B"], server)
    token = tablets["B"].tokens["hong_ngu"]
    with server.engine.begin() as connection:
        connection.execute(text("UPDATE line SET stream_hash = :other WHERE place = 2"), {"other": bytes(32)})
        connection.execute(text("UPDATE stream SET hash = :other"), {"other": bytes(32)})
    exchange(tablets["B"], server)
    assert set(tablets["B"].told) == set(kept) and tablets["B"].tokens["hong_ngu"] != token


def test_set_aside_lines_are_told_even_when_the_first_answer_was_lost(tablets: Tablets, server: PairServer) -> None:
    tablet = tablets["A"]
    tablet.identity = tablet.identity._replace(user="user-B")
    fill(tablet, 1)
    server.half.answer(tablet.half.request(), now_ms=NOON_MS)
    exchange(tablet, server)
    assert list(tablet.aside.values()) == ["wrong_user"]


def test_a_stranger_is_unknown(tablets: Tablets, server: PairServer) -> None:
    del server.devices[tablets["A"].identity.id]
    with pytest.raises(FrameFault, match="unknown_device"):
        exchange(tablets["A"], server)


def test_l01_an_exchange_with_nothing_new_writes_nothing_and_asks_little(tablets: Tablets, server: PairServer) -> None:
    fill(tablets["A"], 3)
    exchange(tablets["A"], server)
    exchange(tablets["A"], server)
    statements: list[str] = []


    event.listen(server.engine, "before_cursor_execute", lambda c, u, statement, *rest: statements.append(statement))
    assert exchange(tablets["A"], server) == 1
    statements = [statement for statement in statements if not statement.startswith("BEGIN")]
    assert len(statements) <= 3 and all(statement.lstrip().startswith("SELECT") for statement in statements)


def test_l03_the_statements_of_a_push_do_not_grow_with_its_lines(tablets: Tablets, server: PairServer) -> None:


    statements: list[str] = []
    event.listen(server.engine, "before_cursor_execute", lambda c, u, statement, *rest: statements.append(statement))
    counts = []
    for count in (10, 400):
        fill(tablets["A"], count)
        statements.clear()
        exchange(tablets["A"], server)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 4


def test_a_head_of_nonsense_is_refused(tablets: Tablets, server: PairServer) -> None:
    device = tablets["A"].identity
    for head in ({"q": "x"}, {"h": []}, {"h": {"a": [1]}}, {"c": {"s": 1}}, {"page": "big"}, {"past": "x"}, {"h": {"L": [1, 2]}}):
        with pytest.raises(FrameFault):
            server.half.answer(seal_message(device.id, device.mac_key, head), now_ms=NOON_MS)
    assert json.loads("[]") == server.verdicts()
