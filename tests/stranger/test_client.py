"""A client that was written from docs/sync.md alone, against a real server on both databases."""

from __future__ import annotations

import ast
import base64
import random
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.stranger.client import Client, Refused
from tests.stranger.office import HAMLET, UNIT, Office
from tests.stranger.wire import b64, sha256, stream_next, stream_start
from tests.support.databases import DATABASES, fresh_database
from tests.support.link import Fault
from tests.support.proxy import Proxy

ACTIVITY, CASE, SUPPORT = "communication_activity", "gbv_case", "case_support"
FOLDER = Path(__file__).parent
WHOLE = {"more", "lost", "parts", "scope", "told", "runs"}
"""Members of an answer that brings something, or says that something differs."""


@pytest.fixture(scope="module", params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("stranger") / "var"
    with fresh_database(request.param, folder) as database:
        found = Office(folder, database)
        found.open()
        with found.serving():
            yield found


@pytest.fixture(scope="module")
def a(office: Office) -> Client:
    return office.client("lan")


@pytest.fixture(scope="module")
def b(office: Office) -> Client:
    return office.client("hoa")


def new_record() -> str:
    """A UUIDv7 (RFC 9562 § 5.7)."""
    drawn = (time.time_ns() // 1_000_000) << 80 | random.getrandbits(80)
    return str(uuid.UUID(int=drawn & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def activity(client: Client, title: str) -> str:
    """A record with fields, an element of a set and a row, written and not sent."""
    record, row = new_record(), b64(uuid.uuid4().bytes[:8])
    fields: list[dict[str, Any]] = [{"p": "title", "v": title}, {"p": "held_on", "v": "2022-05-20"}, {"p": "participants_total", "v": 48}]
    row_of = [{"p": f"speakers/{row}", "k": "insert", "v": "m"}, {"p": f"speakers/{row}/name", "v": "Bà Năm (dữ liệu mẫu)"}]
    client.write(record, ACTIVITY, UNIT, [*fields, {"p": "topics/gbv", "k": "add"}, *row_of])
    return record


def edit(client: Client, record: str, path: str, **members: Any) -> str:
    return client.write(record, ACTIVITY, UNIT, [client.operation(record, path, **members)])


def settle(*clients: Client) -> None:
    """Everybody twice; then nothing is left to tell: the digests of all that each holds are the server's."""
    for client in clients * 2:
        client.exchange()
    for client in clients:
        (answer,) = client.exchange()
        assert not WHOLE & answer.keys() and client.unsettled == []
    assert all(client.told == clients[0].told for client in clients)


def values(client: Client, record: str, path: str) -> list[tuple[str, Any]]:
    return [(held.mark, held.operation.get("v")) for held in client.screen(record)[path]]


def test_what_one_writes_another_pulls_page_by_page_and_the_tables_hold(office: Office, a: Client, b: Client) -> None:
    a.exchange()
    records = [activity(a, f"Nói chuyện {number}: {random.randbytes(40).hex()}") for number in range(60)]
    a.exchange()
    b.page_bytes = 2000
    answers = b.exchange()
    assert sum(answer.get("more", 0) for answer in answers) >= 3
    settle(a, b)
    assert values(b, records[7], "participants_total") == [("+", 48)] and set(records) <= set(b.told)
    held = {bytes(body) for (body,) in office.rows("SELECT body FROM line WHERE body IS NOT NULL")}
    assert {line for log in a.logs for line in log.lines} <= held
    found = {record for (record,) in office.rows(f"SELECT id FROM record WHERE type = '{ACTIVITY}' AND unit = '{UNIT}'")}
    assert found == set(b.told)


def test_an_edit_made_unseen_is_a_question_that_one_decides(office: Office, a: Client, b: Client) -> None:
    record = activity(a, "Hội thảo")
    settle(a, b)
    edit(a, record, "participants_total", v=50)
    edit(b, record, "participants_total", v=60)
    edit(b, record, "topics/gbv", k="remove")
    a.exchange()
    b.exchange()
    assert values(b, record, "participants_total") == [("+", 50), ("a", 60)]
    settle(a, b)
    assert values(a, record, "participants_total") == [("+", 50), ("a", 60)]
    assert office.rows(f"SELECT open_count FROM record WHERE id = '{record}'") == [(1,)]
    edit(a, record, "participants_total", k="decide", v=60, why="đếm lại theo danh sách")
    settle(a, b)
    assert values(b, record, "participants_total") == [("+", 60)]
    assert [held.operation["k"] for held in b.screen(record)["topics/gbv"]] == ["remove"]
    assert office.rows(f"SELECT open_count FROM record WHERE id = '{record}'") == [(0,)]


def test_equal_values_of_two_writers_are_one_and_elements_stay_apart(office: Office, a: Client, b: Client) -> None:
    record = activity(a, "Tập huấn")
    settle(a, b)
    for client in (a, b):
        edit(client, record, "place", v="Nhà văn hóa")
        edit(client, record, "topics/law", k="add")
    settle(a, b)
    assert values(a, record, "place") == [("+", "Nhà văn hóa")] * 2 and len(a.screen(record)["topics/law"]) == 2


def test_a_record_and_a_row_are_taken_back(office: Office, a: Client, b: Client) -> None:
    record, other = activity(a, "Nhập nhầm"), activity(a, "Nhập đúng")
    settle(a, b)
    row = next(path for path in a.screen(other) if path.startswith("speakers/"))[:20]
    edit(a, record, "@", k="withdraw", why="nhập hai lần")
    edit(a, other, f"{row}/@", k="delete")
    settle(a, b)
    assert values(b, record, "@") == [("+", None)] and values(b, other, f"{row}/@") == [("+", None)]
    assert office.rows(f"SELECT withdrawn FROM record WHERE id = '{record}'") in ([(1,)], [(True,)])


def test_a_record_moves_and_counts_in_the_parts_of_both_units(office: Office, a: Client, b: Client) -> None:
    record = activity(a, "Ở ấp")
    settle(a, b)
    edit(a, record, "unit", v=HAMLET)
    settle(a, b)
    assert a.place[record] == b.place[record] == ([UNIT, HAMLET], ACTIVITY)
    assert len(b.halves(record)) == 2


def test_a_lost_answer_is_asked_for_again(office: Office, a: Client, b: Client) -> None:
    a.exchange()
    host, _, port = office.address.removeprefix("http://").partition(":")
    with Proxy((host, int(port))) as proxy:
        a.device.address = proxy.url
        record = activity(a, "Trả lời bị mất")
        before = office.rows("SELECT count(*) FROM line")[0][0]
        with proxy.failing(Fault(kind="drop_response")), pytest.raises(requests.ConnectionError):
            a.exchange()
        assert a.unsettled and office.rows("SELECT count(*) FROM line") == [(before + 1,)]
        a.exchange()
        a.device.address = office.address
    assert office.rows("SELECT count(*) FROM line") == [(before + 1,)]
    settle(a, b)
    assert record in b.told


def test_a_wrong_line_is_set_aside_and_the_rest_taken(office: Office, a: Client, b: Client) -> None:
    record = activity(a, "Đúng")
    wrong = a.write(record, ACTIVITY, UNIT, [{"p": "no_such_field", "v": 1}])
    edit(a, record, "place", v="Xã")
    settle(a, b)
    log, number, _ = wrong.split(".")
    assert a.aside == [[log, int(number), "unknown_field"]]
    assert values(b, record, "place") == [("+", "Xã")] and "no_such_field" not in a.told[record]
    assert office.rows(f"SELECT verdict FROM line WHERE log = '{log}' AND number = {number}") == [("unknown_field",)]


def test_a_chain_that_does_not_end_as_told_is_refused_whole(office: Office, a: Client) -> None:
    a.exchange()
    record = activity(a, "Chuỗi sai")
    log = a.logs[0]
    right, log.heads[-1] = log.heads[-1], bytes(32)
    before = office.rows("SELECT count(*) FROM line")
    with pytest.raises(Refused, match="wrong_chain"):
        a.exchange()
    assert office.rows("SELECT count(*) FROM line") == before
    log.heads[-1] = right
    a.exchange()
    assert office.rows(f"SELECT id FROM record WHERE id = '{record}'") == [(record,)]


def test_a_run_that_follows_nothing_is_told_anew_from_what_the_server_has(office: Office, a: Client) -> None:
    a.exchange()
    record = activity(a, "Không nối vào đâu")
    log = a.logs[0]
    log.heads[log.read] = bytes(32)
    (lines,) = office.rows("SELECT count(*) FROM line")
    answers = a.exchange()
    assert answers[0]["read"][log.id][0] == len(log.lines) - 1, "it says where to tell the run from"
    assert office.rows("SELECT count(*) FROM line") == [(lines[0] + 1,)], "told again changes nothing"
    assert office.rows(f"SELECT id FROM record WHERE id = '{record}'") == [(record,)]


def test_confidential_values_are_written_and_read_back_by_another_tablet(office: Office, a: Client, b: Client) -> None:
    name, edited = "Người thứ nhất (dữ liệu mẫu)", "Người thứ hai (dữ liệu mẫu)"
    case, support = new_record(), new_record()
    a.write(case, CASE, UNIT, [{"p": "code", "v": "HS-2022-01"}, a.sealed(case, "full_name", name, case)])
    settle(a, b)
    assert b.opened(case, "full_name") == a.opened(case, "full_name") == [name]
    assert b.keys[case] == a.keys[case] and {f"{UNIT}/{CASE}/0", f"{UNIT}/{CASE}/1"} <= b.parts().keys()
    b.write(case, CASE, UNIT, [b.sealed(case, "full_name", edited, case)])
    b.write(support, SUPPORT, UNIT, [{"p": "case", "v": case}, b.sealed(support, "note", "Gọi buổi sáng", case)])
    settle(a, b)
    assert a.opened(case, "full_name") == [edited] and a.opened(support, "note") == ["Gọi buổi sáng"]
    sealed = [bytes(data) for (data,) in office.rows("SELECT data FROM blob")]
    assert {a.blobs[digest] for digest in a.blobs} <= set(sealed)
    bodies = b"".join(bytes(body) for (body,) in office.rows("SELECT body FROM line WHERE body IS NOT NULL"))
    stored = bodies + b"".join(sealed)
    assert name.encode() not in stored and base64.b64encode(name.encode()) not in stored


def test_a_scope_that_changes_takes_sealed_values_away_and_brings_them_back(office: Office, a: Client) -> None:
    m, case = office.client("mai"), new_record()
    a.write(case, CASE, UNIT, [{"p": "code", "v": "HS-2022-02"}, a.sealed(case, "full_name", "Người thứ ba (dữ liệu mẫu)", case)])
    settle(a, m)
    assert m.scope[2] and "full_name" in m.told[case]
    office.command("server", "user", "role", "mai", f"case_worker@{UNIT}", "--end")
    assert "scope" in m.exchange()[0] and not m.scope[2]
    assert {m.place[one][1] for one in m.told} == {ACTIVITY}
    own = activity(m, "Viết khi không còn quyền xem hồ sơ")
    m.exchange()
    assert office.rows(f"SELECT id FROM record WHERE id = '{own}'") == [(own,)]
    office.command("server", "user", "role", "mai", f"case_worker@{UNIT}")
    assert "scope" in m.exchange()[0] and m.scope[2]
    settle(a, m)
    assert m.opened(case, "full_name") == ["Người thứ ba (dữ liệu mẫu)"]


def test_the_stream_is_chained_as_the_page_says(office: Office, a: Client) -> None:
    activity(a, "Một dòng ít nhất")
    a.exchange()
    head = stream_start(a.device.stream)
    stream = a.device.stream
    query = f"SELECT place, log, number, arrived_ms, verdict, digest, body, stream_hash FROM line WHERE stream = '{stream}' ORDER BY place"
    for expected, (k, log, number, arrived, verdict, digest, body, told) in enumerate(office.rows(query), 1):
        head = stream_next(head, k, log, number, arrived, verdict, bytes(digest))
        assert k == expected and head == bytes(told) and (body is None or sha256(bytes(body)) == bytes(digest))
    assert [number for (number,) in office.rows(f"SELECT number FROM stream WHERE code = '{stream}'")] == [expected]


@pytest.mark.parametrize("kind", DATABASES)
def test_a_restored_server_is_handed_back_what_it_forgot(kind: str, tmp_path: Path) -> None:
    with fresh_database(kind, tmp_path / "var") as database:
        office = Office(tmp_path / "var", database)
        office.open()
        with office.serving():
            a, b = office.client("lan"), office.client("hoa")
            record = activity(a, "Trước bản sao lưu")
            settle(a, b)
        saved = office.copied()
        with office.serving():
            a.device.address = b.device.address = office.address
            forgotten = edit(a, record, "participants_total", v=55)
            settle(a, b)
            own = edit(b, record, "participants_total", v=56)
            b.exchange()
            lines = office.rows("SELECT log, number, digest FROM line ORDER BY log, number")
        office.database = saved
        with office.serving():
            a.device.address = b.device.address = office.address
            answers = b.exchange()
            assert [word for answer in answers for word in ("lost", "want", "read") if word in answer][:1] == ["lost"]
            assert any(forgotten.split(".")[0] in answer.get("want", {}) for answer in answers)
            assert (b.device.id,) in office.rows(f"SELECT witness FROM line WHERE log = '{forgotten.split('.')[0]}'")
            settle(a, b)
            assert [(held.mark, held.name) for held in a.screen(record)["participants_total"]] == [("+", own)]
            assert office.rows("SELECT log, number, digest FROM line ORDER BY log, number") == lines


def test_the_client_imports_nothing_of_sen() -> None:
    allowed = {"requests", "cryptography", "backports", "compression", "tests.stranger"} | set(sys.stdlib_module_names)
    for module in (FOLDER / "client.py", FOLDER / "wire.py"):
        found = set()
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or ".")
        assert found and all(any(name == one or name.startswith(one + ".") for one in allowed) for name in found), module
        assert "import_module" not in module.read_text("utf-8") and "__import__" not in module.read_text("utf-8")
