"""Old app and new server, new app and old server: both work, or it is said plainly who must update; what was entered always arrives."""

import json
from pathlib import Path

import pytest

from shared.sealing import BoxKeys
from sync.by_file import answer_requests, keep_answers, write_requests
from sync.clock import Time
from sync.errors import FrameFault
from sync.log import Change, Line, line_hash, name_of
from sync.messages import open_message, seal_message
from sync.over_file import Gathering, open_part
from sync.server_half import ServerHalf
from sync.store import Device, Scope
from sync.tablet_half import TabletHalf
from sync.versions import APP, SERVER
from tests.support.bundles import SigningKeys
from tests.support.pair import NOON_MS, STREAM, PairServer
from tests.support.tablet import MemoryTablet
from tests.sync.conftest import UNIT
from tests.sync.test_stories import Tablets, quiet, type_in

FIRST = Path(__file__).parent / "data" / "first"
"""A bundle in the first format, as the first release wrote it, and the keys that read it."""


def speak(tablet: MemoryTablet, half: ServerHalf, *, urgent: bool = False) -> str:
    """Exchange until nothing is left; tells who must update."""
    for _ in range(20):
        step = tablet.half.receive(half.answer(tablet.half.request(urgent=urgent), now_ms=NOON_MS))
        if not step.more:
            return step.update
    raise AssertionError("the exchange does not end")


def rewritten(tablet: MemoryTablet, body: bytes) -> None:
    """A newer app would have written the last line so."""
    was = tablet.lines_of[tablet.main].pop()
    digest = line_hash(body)
    line = Line(body, was.number, digest, name_of(was.change.log, was.number, digest), Change.parse(body))
    tablet.lines_of[tablet.main].append(line)
    del tablet.unsettled[was.name]
    tablet.unsettled[line.name] = line


def head_of(server: PairServer, tablet: MemoryTablet, data: bytes, writer: str) -> dict[str, object]:
    return dict(open_message(data, lambda device: server.devices[tablet.identity.id].mac_key, writer=writer).head)


def test_m71_f35_an_app_in_the_window_works_as_ever(tablets: Tablets, server: PairServer, record: str) -> None:
    """A server two versions ahead that still serves this app: nobody notices."""
    type_in(tablets["A"], record, people=48)
    assert speak(tablets["A"], ServerHalf(server, version=3, apps_from=1)) == ""
    assert speak(tablets["B"], ServerHalf(server, version=3, apps_from=1)) == ""
    assert tablets["B"].values(record)["people"] == 48


def test_m72_p13_an_app_that_is_too_old_hands_in_everything_and_is_told_to_update(tablets: Tablets, server: PairServer, record: str) -> None:
    a, b, later = tablets["A"], tablets["B"], ServerHalf(server, version=3, apps_from=2)
    type_in(b, record, people=52)
    quiet(tablets, server)
    type_in(a, record, women=20)
    type_in(a, record, seen_at="chợ", urgent=True)
    type_in(b, record, people=53)
    assert speak(b, ServerHalf(server)) == ""
    assert speak(a, later, urgent=True) == speak(a, later) == APP
    assert server.values(record)["women"] == 20 and server.values(record)["seen_at"] == "chợ", "what was entered is there"
    assert not any(log.acknowledged < log.head.number for log in a.own_logs()), "and is known to be"
    assert a.values(record)["people"] == 52 and a.values(record)["women"] == 20, "nothing new is told, nothing is lost on the screen"
    a.half = TabletHalf(a, version=3, servers_from=1)
    assert speak(a, later) == "", "updated, it goes on where it stopped"
    assert a.values(record)["people"] == 53 and not a.unsettled
    speak(b, ServerHalf(server))
    assert a.digest() == b.digest()


def test_m72_a_revoked_app_that_is_too_old_is_told_to_wipe_itself(tablets: Tablets, server: PairServer, record: str) -> None:
    a, later = tablets["A"], ServerHalf(server, version=3, apps_from=2)
    type_in(a, record, people=48)
    server.revoke(a.identity.id)
    step = a.half.receive(later.answer(a.half.request(), now_ms=NOON_MS))
    assert step.wipe and step.update == APP and server.wiped == [a.identity.id]


def test_m73_p13_a_server_that_is_too_old_takes_everything_and_is_said_to_be_old(tablets: Tablets, server: PairServer, record: str) -> None:
    a, b, old = tablets["A"], tablets["B"], ServerHalf(server)
    type_in(b, record, people=52)
    assert speak(b, old) == ""
    before = a.cursors()
    a.half = TabletHalf(a, version=3, servers_from=2)
    type_in(a, record, women=20)
    assert speak(a, old) == SERVER
    assert server.values(record)["women"] == 20 and a.acknowledged[a.main] == len(a.lines_of[a.main])
    assert a.cursors() == before and "people" not in a.values(record), "what it tells is not kept, and not passed over either"
    assert speak(a, ServerHalf(server, version=2)) == "" and a.values(record)["people"] == 52


def test_both_say_their_version_and_the_first_is_not_written(tablets: Tablets, server: PairServer) -> None:
    """So that a head is no longer for it."""
    a = tablets["A"]
    for version, told in ((1, None), (3, 3)):
        a.half = TabletHalf(a, version=version, servers_from=1)
        request = a.half.request()
        answer = ServerHalf(server, version=version).answer(request, now_ms=NOON_MS)
        assert head_of(server, a, request, APP).get("p") == told == head_of(server, a, answer, SERVER).get("p")


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, None, True, [1]])
def test_a_version_that_is_none_is_refused(tablets: Tablets, server: PairServer, version: object) -> None:
    device = server.devices[tablets["A"].identity.id]
    with pytest.raises(FrameFault, match="bad_head"):
        server.half.answer(seal_message(device.id, device.mac_key, {"q": 1, "at": [NOON_MS, 0], "p": version}), now_ms=NOON_MS)


@pytest.mark.parametrize(("magic", "writer", "code"), [("sen2", APP, "update_server"), ("sen0", APP, "update_app"), ("sen2", SERVER, "update_app"), ("sen0", SERVER, "update_server"), ("senx", APP, "update_app")])
def test_an_envelope_of_another_time_says_who_must_update(magic: str, writer: str, code: str) -> None:
    with pytest.raises(FrameFault, match=code) as fault:
        open_message(f"{magic} AAAAAAAAAAA x\n{{}}".encode(), lambda device: b"", writer=writer)
    assert ("máy chủ" in fault.value.text("vi").split(":")[0].lower()) is (code == "update_server")


def test_f35_unknown_members_are_passed_over_and_lines_kept_byte_for_byte(tablets: Tablets, server: PairServer, record: str) -> None:
    """A newer app writes more into heads, lines and operations than this server knows; all of it reaches the next tablet."""
    a, b = tablets["A"], tablets["B"]
    speak(a, ServerHalf(server))
    type_in(a, record, people=48)
    line = a.lines_of[a.main][-1]
    body = json.loads(line.body) | {"mood": "tốt"}
    body["o"][0]["sure"] = 0.9
    newer = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    rewritten(a, newer)
    request = a.half.request()
    device = server.devices[a.identity.id]
    opened = open_message(request, lambda name: device.mac_key)
    told = seal_message(device.id, device.mac_key, {**opened.head, "hologram": {"x": 1}}, opened.lines)
    answer = ServerHalf(server).answer(told, now_ms=NOON_MS)
    back = open_message(answer, lambda name: device.mac_key, writer=SERVER)
    a.half.receive(seal_message("", device.mac_key, {**back.head, "later": [1]}, back.lines))
    assert server.verdicts()[-1] == "" and newer in server.history(record)
    speak(b, ServerHalf(server))
    assert newer in b.held.values() and b.values(record)["people"] == 48


def test_m72_the_same_by_bundle(tablets: Tablets, server: PairServer, record: str) -> None:
    a, later = tablets["A"], ServerHalf(server, version=3, apps_from=2)
    type_in(a, record, people=48)
    brought = answer_requests(later, a.identity.id, write_requests(a, now=Time(NOON_MS, 0)), now_ms=NOON_MS)
    assert brought.new == 1 and server.values(record)["people"] == 48
    kept = keep_answers(a.half, brought.answer)
    assert kept.update == APP and kept.read == 1 and not kept.again


def test_m74_p13_a_bundle_of_the_first_format_is_read_for_ever(server: PairServer) -> None:
    """By a server of any later version, in the window or not: its two lines count."""
    told = json.loads((FIRST / "keys.json").read_text("utf-8"))
    device = Device(told["device"], bytes.fromhex(told["key"]), bytes.fromhex(told["mac"]), "user-A", Scope(STREAM, (UNIT,), True, "1"), {})
    server.devices[device.id] = device
    gathering, sign = Gathering(), SigningKeys.of(bytes.fromhex(told["sign"]))
    for path in sorted(FIRST.glob("*.senb")):
        gathering.add(open_part(path.read_bytes(), BoxKeys.from_private(bytes.fromhex(told["box"])), lambda sender: sign.public))
    brought = answer_requests(ServerHalf(server, version=9, apps_from=9), gathering.sender, gathering.messages(), now_ms=NOON_MS)
    assert brought.new == 2 and server.verdicts() == ["", ""]
    assert server.values(told["record"]) == {"title": "Họp ấp (dữ liệu mẫu)", "people": 48, "women": 20}
