"""Nothing is lost between two levels: the link is cut, a process is killed, a database comes back from yesterday, a row is damaged."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

from server import db, editing
from server.services import services
from server.upward import link
from server.upward.store import UpwardStore
from server.upward.tables import UpwardRecord
from shared.errors import SenError
from sync.log import Operation
from sync.tablet_store import Page
from tests.support.link import Fault, FaultKind
from tests.support.processes import ROOT
from tests.support.province import DISTRICT, PERIOD, Level, enrol, wait_until
from tests.support.proxy import Proxy
from tests.upward.conftest import Pair

KINDS: Iterator[FaultKind] = itertools.cycle(("cut_up", "cut_down", "reset", "drop_response", "duplicate"))


@pytest.fixture
def proxied(levels: tuple[Level, Level]) -> Iterator[tuple[Pair, Proxy]]:
    """The two servers with a network between them that can fail."""
    district, province = levels
    host, port = urlsplit(province.address).netloc.split(":")
    with Proxy((host, int(port))) as proxy:
        enrol(district, province, proxy.url)
        yield Pair(district, province), proxy


CUT = frozenset({"network_cut", "no_network", "not_a_message"})
"""What an exchange says whose answer ends early; the last where it ends in the middle of HTTP's own head."""


def until_done(pair: Pair) -> None:
    """Exchange as often as it takes."""
    for _ in range(40):
        try:
            done = pair.district.upward()
        except SenError as error:
            assert error.code in CUT, error.code
            continue
        if not done.sent and not done.unsent:
            return
    raise AssertionError("it does not end")


def started(level: Level) -> subprocess.Popen[bytes]:
    """The command that exchanges, as a process of its own."""
    command = [sys.executable, "-m", "server", "upward", "--json"]
    return subprocess.Popen(command, env=os.environ | level.environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def told_once(pair: Pair, record: str) -> None:
    """The province has each line of the district once, and the values that the district has."""
    changes = pair.province.lines(record)
    assert len({(change.log, change.number) for change in changes}) == len(changes)
    below, above = (level.values("periodic_report", DISTRICT)[record] for level in (pair.district, pair.province))
    shared = services(pair.district.app).catalogue.upward["periodic_report"].down
    assert {code: below.get(code) for code in shared} == {code: above.get(code) for code in shared}
    done = pair.district.upward()
    assert (done.trips, done.sent, done.received, done.unsent, done.aside) == (1, 0, 0, 0, 0)


def test_u6_the_link_is_cut_everywhere(levels: tuple[Level, Level]) -> None:
    """Every other exchange fails, each time in another way and at another byte, while both sides write."""
    district, province = levels
    host, port = urlsplit(province.address).netloc.split(":")
    faults: dict[int, Fault] = {}
    with Proxy((host, int(port)), faults=faults) as proxy:
        enrol(district, province, proxy.url)
        pair = Pair(district, province)
        begun, positions = proxy.counts.exchanges, itertools.cycle((0, 40, 150, 400, 700, 1500, 4000))
        faults |= {begun + number: Fault(kind=next(KINDS), at=next(positions)) for number in range(1, 80, 2)}
        record = pair.report()
        until_done(pair)
        for text, answer in (("Một.", "returned"), ("Hai.", ""), ("Ba.", ""), ("Bốn.", "")):
            if answer:
                pair.move(pair.province, "tinh", record, answer, "Thiếu số liệu")
            pair.edit(pair.district, "hien", record, limits=text)
            until_done(pair)
        assert proxy.counts.cuts > 5 and proxy.counts.duplicates > 0
        faults.clear()
        told_once(pair, record)


def test_without_a_network_it_says_so_and_goes_on_later(proxied: tuple[Pair, Proxy]) -> None:
    pair, proxy = proxied
    record = pair.report()
    proxy.offline = True
    with pytest.raises(SenError, match=r"no_network|network_cut"):
        pair.district.upward()
    proxy.offline = False
    until_done(pair)
    told_once(pair, record)


def test_u6_the_province_is_killed_before_its_answer_has_left(proxied: tuple[Pair, Proxy]) -> None:
    pair, proxy = proxied
    record = pair.report()
    with proxy.holding():
        process = started(pair.district)
        assert proxy.held.wait(120)
        pair.province.kill()
    process.wait()
    with pair.province.serving():
        until_done(pair)
        told_once(pair, record)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_u6_the_district_is_killed_in_an_exchange(proxied: tuple[Pair, Proxy], at: int) -> None:
    """In the first pull, in the push of what was looked at, in the last round."""
    pair, proxy = proxied
    record = pair.report()
    begun = proxy.counts.exchanges
    process = started(pair.district)
    wait_until(lambda: proxy.counts.exchanges - begun >= at or process.poll() is not None, "it exchanges")
    process.kill()
    process.wait()
    until_done(pair)
    told_once(pair, record)


def test_u7_the_province_is_restored_and_gets_back_its_own_answer_too(pair: Pair) -> None:
    """What only the province's console had written came down, so the district hands it back; nobody has to do anything."""
    record = pair.report()
    pair.district.upward()
    copy = pair.province.copied()
    pair.edit(pair.district, "hien", record, limits="Sau bản sao lưu.")
    pair.district.upward()
    pair.move(pair.province, "tinh", record, "returned", "Thiếu số liệu")
    pair.edit(pair.province, "tinh", record, return_reason="Thiếu số liệu của hai xã")
    pair.district.upward()
    with pair.province.restored(copy):
        assert pair.province.values("periodic_report", DISTRICT)[record]["state"] == "submitted"
        until_done(pair)
        above = pair.province.values("periodic_report", DISTRICT)[record]
        assert (above["state"], above["return_reason"], above["limits"]) == ("returned", "Thiếu số liệu của hai xã", "Sau bản sao lưu.")
        told_once(pair, record)


def test_u11_the_province_is_restored_to_before_it_knew_the_district(levels: tuple[Level, Level]) -> None:
    """Its keys come from the backup too: it knows nothing of the district's server but what that one shows it."""
    district, province = levels
    copy = province.copied()
    enrol(district, province)
    pair = Pair(district, province)
    record = pair.report()
    pair.district.upward()
    keys = services(province.app).keys
    with keys._writing() as connection:
        for table in ("enrolled", "person"):
            connection.execute(f"DELETE FROM {table}")
    with province.restored(copy):
        pair.edit(district, "hien", record, limits="Sau khi tỉnh phục hồi.")
        until_done(pair)
        assert province.values("periodic_report", DISTRICT)[record]["limits"] == "Sau khi tỉnh phục hồi."
        told_once(pair, record)


def test_u8_the_district_is_restored_and_gets_back_what_it_had_told(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    copy = pair.district.copied()
    pair.edit(pair.district, "hien", record, limits="Sau bản sao lưu.")
    pair.district.upward()
    pair.move(pair.province, "tinh", record, "returned", "Thiếu số liệu")
    pair.district.upward()
    with pair.district.restored(copy, serves=False):
        assert pair.district.values("periodic_report", DISTRICT)[record]["limits"] != "Sau bản sao lưu."
        until_done(pair)
        below = pair.district.values("periodic_report", DISTRICT)[record]
        assert (below["state"], below["limits"]) == ("returned", "Sau bản sao lưu.")
        pair.edit(pair.district, "hien", record, limits="Đi tiếp sau khi phục hồi.")
        until_done(pair)
        assert pair.province.values("periodic_report", DISTRICT)[record]["limits"] == "Đi tiếp sau khi phục hồi."
        assert pair.province.state(record).open_paths() == pair.district.state(record).open_paths() == []
        told_once(pair, record)


def test_a_damaged_row_is_found_and_healed(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    with pair.district.inside():
        with db.writing() as connection:
            gone = update(UpwardRecord).where(UpwardRecord.id == record).values(told=None)
            connection.execute(gone)
        assert pair.district.upward().received > 0
        with db.reading() as connection:
            assert connection.scalar(select(UpwardRecord.told).where(UpwardRecord.id == record)) is not None
    told_once(pair, record)


def test_a_revoked_server_is_told_so_and_what_it_brings_is_set_aside(pair: Pair) -> None:
    record = pair.report()
    pair.district.upward()
    pair.province.revoke("may_huyen")
    pair.edit(pair.district, "hien", record, limits="Sau khi bị thu hồi.")
    done = pair.district.upward()
    assert done.revoked
    assert pair.province.values("periodic_report", DISTRICT)[record]["limits"] != "Sau khi bị thu hồi."


def test_u9_enrolled_anew_everything_is_told_again_and_nobody_is_asked(pair: Pair) -> None:
    """Another device, another log, the same records: equal values are one value with two origins."""
    record = pair.report()
    pair.district.upward()
    with pair.district.inside():
        code = pair.province.code("may_huyen", DISTRICT)
        link.enrol(services().keys, pair.province.address, code, "Huyện", anew=True)
    until_done(pair)
    assert pair.province.state(record).open_paths() == []
    told_once(pair, record)
    with pair.district.inside():
        editing.write_values(pair.district.user("hien"), record, "periodic_report", DISTRICT, {"limits": "Đi tiếp."})
    until_done(pair)
    assert pair.province.values("periodic_report", DISTRICT)[record]["limits"] == "Đi tiếp."


def test_a_server_without_its_role_is_refused_once_a_day_and_goes_on_when_it_has_it(pair: Pair) -> None:
    """What was set aside up there is told again, whole, with the record's next change."""
    record = pair.report()
    pair.province.end_roles("may_huyen")
    done = pair.district.upward()
    assert done.aside > 1 and not pair.province.values("periodic_report", DISTRICT)
    assert {code for _, code in aside(pair)} == {"no_right"}
    pair.talk()
    assert pair.district.upward().sent == 0, "figures are not made again and again"
    pair.province.give("may_huyen", f"district_server@{DISTRICT}")
    pair.edit(pair.district, "hien", record, limits="Sau khi có quyền.")
    pair.district.upward()
    above = pair.province.values("periodic_report", DISTRICT)[record]
    assert (above["limits"], above["period"], above["state"]) == ("Sau khi có quyền.", PERIOD, "submitted")


def aside(pair: Pair) -> list[tuple[str, str]]:
    """The district's lines that the province set aside."""
    with pair.district.inside():
        return store_there().set_aside()


def store_there() -> UpwardStore:
    """What the district's server holds of its own and of the province's, within its app's context."""
    held, known = services(), link.read_link(services().keys)
    assert known is not None
    return UpwardStore(known, held.catalogue, held.clock.now_ms)


NOTHING = Page({}, [], [], [], [], {}, {}, [], {}, None, {}, [], {}, [], True)


def test_u8_a_log_that_ended_is_named_until_its_changes_are_settled(pair: Pair) -> None:
    """And it ends once, however often the server above says that it is forked."""
    record = pair.report()
    pair.district.upward()
    with pair.district.inside():
        store = store_there()
        ((ended, _, before, _),) = store.own_logs()
        with db.writing() as connection:
            store.append(connection, record, "periodic_report", DISTRICT, [Operation("set", "limits", "Thêm", None, (), None)])
        ((_, _, head, _),) = store.own_logs()
        assert head.number == before.number + 1
        for _ in range(2):
            store.keep(NOTHING._replace(read={ended: head}, forked=[ended], complete=False))
            logs = store.own_logs()
            assert [one.log == ended for one in logs] == [True, False] and logs[0].acknowledged == head.number
        store.keep(NOTHING._replace(upto={ended: head.number}))
        assert [one.log for one in store.own_logs()] == [logs[1].log]
