"""An enrolled tablet that is hostile or broken, at a real server: whatever it pushes, asks or seals, every page goes on.

Its messages bear a right MAC. Never an error of ours, never a trace, never what was sent in a log, never markup that was typed.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.catalogue import Field, RecordType, load_catalogue
from shared.ids import b64, new_record_id, unb64
from shared.messages import codes
from shared.sealing import new_key, seal_box, seal_value
from sync.log import chain_next, line_hash
from tests.fieldday.office import PASSWORD, Office, login_of, open_office
from tests.fieldday.scenario import Person
from tests.support.browser import Browser, Page
from tests.support.databases import DATABASES, fresh_database
from tests.support.device import Answered, HandDevice
from tests.support.marks import NAME, found_in
from tests.support.wrong import GOOD, LINES

UNIT, PERIOD, WHY = "long_khanh_a", "2022-H1", "Chuẩn bị buổi thăm (dữ liệu mẫu)"
LAN = Person(name="Lan", unit=UNIT, roles=("collector", "case_worker", "unit_lead"), tablet=True)
CLERK = Person(name="Huyền", unit="hong_ngu", roles=("district_officer",), tablet=False)
MARKUP = "<script>alert(1)</script>'\"<b>[b]x[/b]{{7*7}}%s"
VALUES: list[Any] = [
    MARKUP, "", 7, -1.5, 10**15, True, ["a"], {"a": 1}, [0, 0], "2022-05-20", "9999-12-31", "0001-01-01", "2022-05-20T08:00+07:00", PERIOD,
    "0000-H1", UNIT, "x\u202ey\tz", "=1+1", "submitted", "https://x/'\"<b>", {"own": {"x": 1}}, {"own": {UNIT: {"I02": {"value": "x"}}}, "totals": 5},
    "2022-05-20T25:00+07:00",
]  # fmt: skip
"""Each is right for some kind of field and wrong for most; 23 of them, so that they stand at other fields in every record."""

ROW = "AAAAAAAAAAA"
MANY = 2000
RECORDS_OF_A_TYPE = 3


class Bench(NamedTuple):
    """The office, its log, a hostile device, and what the device knows of the server."""

    office: Office
    log: Path
    device: HandDevice
    server: dict[str, str]

    def desk(self, name: str) -> Browser:
        """A person's browser, signed in."""
        browser = Browser(self.office.address)
        page = browser.open("/sign-in")
        browser.send(page, page.form("/sign-in"), login=login_of(name), password=PASSWORD)
        return browser


@pytest.fixture(scope="module", params=DATABASES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("hostile") / "var"
    with fresh_database(request.param, folder) as database, open_office(folder, database, {"Lan": LAN, "Huyền": CLERK}, datetime.date(2022, 5, 30)) as office:
        told: list[Answered] = []

        def post(path: str, body: bytes, kind: str) -> Answered:
            answer = requests.post(office.address + path, data=body, headers={"Content-Type": kind}, timeout=120)
            told.append(Answered.of(answer))
            return told[-1]

        device = HandDevice.enrol(post, office.codes["Lan"])
        yield Bench(office, folder / "server.log", device, json.loads(told[0].body)["server"])


class Pushed:
    """Lines, sealed values and wrapped keys on their way."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.lines: list[bytes] = []
        self.blobs: dict[str, bytes] = {}
        self.wraps: list[list[str]] = []
        self.aside: list[str] = []

    def add(self, operation: dict[str, Any], record_type: str, record: str, **members: Any) -> None:
        """One line of one operation."""
        self.lines.append(self.bench.device.line([operation], offset=len(self.lines) + 1, y=record_type, r=record, **members))

    def seal(self, key: bytes, case: str, record: str, path: str, value: Any) -> str:
        """Seal a value; gives its hash."""
        blob = seal_value(key, case, record, path, value)
        self.blobs[b64(hashlib.sha256(blob).digest())] = blob
        return next(reversed(self.blobs))

    def key_of(self, case: str) -> bytes:
        """A new key of a case, wrapped to the server."""
        key, server = new_key(), self.bench.server
        self.wraps.append([case, server["id"], b64(seal_box(unb64(server["box"]), key, b"sen-case/1" + case.encode()))])
        return key

    def go(self) -> None:
        """Push it all, a page at a time."""
        device, wraps = self.bench.device, [json.dumps(row).encode() for row in self.wraps]
        for start in range(0, len(self.lines), MANY):
            lines = self.lines[start : start + MANY]
            hashes = [json.loads(line)["o"][0].get("b") for line in lines]
            blobs = [json.dumps([one, base64.b64encode(self.blobs[one]).decode()]).encode() for one in hashes if one]
            run = [device.log, device.number + 1, b64(device.head), len(lines)]
            head, number = device.head, device.number
            for line in lines:
                head = chain_next(head, line_hash(line))
            asked = {"q": 1, "at": [0, 0], "page": 0, "runs": [run], "h": {device.log: [number + len(lines), number, b64(head)[:8]]}}
            payload = [json.dumps({**asked, "blobs": len(blobs), "wraps": len(wraps)}).encode(), *lines, *blobs, *wraps]
            self.aside += [code for _, _, code in device.opened(device.send(device.packed(b"\n".join(payload)))).head.get("aside", [])]
            wraps, device.head, device.number = [], head, number + len(lines)


def fill(push: Pushed, record_type: RecordType, values: Iterator[Any]) -> str:
    """One record whose every field, row fields too, is said to be the next of these values; sent off. Gives its id."""
    record, code = new_record_id(), record_type.code
    case = record if record_type.sealed_by == "self" else new_record_id()
    key = push.key_of(case) if record_type.sealed_by else b""

    def write(path: str, field: Field, outer: Field) -> None:
        value = next(values)
        element = field.kind in ("files", "photos")
        told = {"name": str(value), "size": -1, "mime": "text/html"} if element and not (field.confidential or outer.confidential) else value
        operation: dict[str, Any] = {"p": path, "v": told} | ({"k": "add"} if element else {})
        if field.confidential or outer.confidential:
            operation = {**{name: one for name, one in operation.items() if name != "v"}, "b": push.seal(key, case, record, path, told)}
        push.add(operation, code, record)

    push.add({"p": "unit", "v": UNIT}, code, record)
    if record_type.sealed_by not in (None, "self"):
        push.add({"p": record_type.sealed_by, "v": case}, code, record)
    for field in record_type.fields.values():
        if field.kind == "rows":
            push.add({"k": "insert", "p": f"{field.code}/{ROW}", "v": "m"}, code, record)
            for sub in field.fields.values():
                write(f"{field.code}/{ROW}/{sub.code}", sub, field)
        elif field.kind == "choices":
            push.add({"k": "add", "p": f"{field.code}/{str(next(values))[:60].replace('/', '')}"}, code, record)
        elif field.code not in ("unit", "state", record_type.sealed_by):
            write(field.code + ("/" + "a" * 64 if field.kind in ("files", "photos") else ""), field, field)
    push.add({"k": "go", "p": "state", "v": "submitted"}, code, record)
    return record


def looked_at(browser: Browser, path: str) -> Page:
    """A page that there is, or that is refused plainly; what was typed is text in it."""
    answer = browser.fetch(path)
    assert answer.status_code < 500 and "<script>alert" not in answer.text, path
    return Page(answer)


def nothing_failed(bench: Bench) -> None:
    """The server has logged no failure and nothing that was sent."""
    log = bench.log.read_bytes()
    assert b'"failure"' not in log and b"Traceback" not in log and found_in(log, [NAME, "alert(1)"]) == []


def test_b17_t08_whatever_stands_or_is_sealed_in_any_field_every_page_goes_on(bench: Bench) -> None:
    push, types = Pushed(bench), load_catalogue().types
    values = itertools.cycle(VALUES)
    records = [(fill(push, one, values), one) for one in types.values() for _ in range(RECORDS_OF_A_TYPE)]
    push.go()
    assert len(push.aside) > 500 and "computed_field" in push.aside and "wrong_kind" in push.aside
    lan, clerk = bench.desk("Lan"), bench.desk("Huyền")
    for record, one in records:
        page = looked_at(lan, f"/records/{record}")
        looked_at(lan, f"/records/{record}/history")
        looked_at(lan, f"/records/{record}/edit")
        if one.sealed_by:
            opened = lan.send(page, page.form("/open"), why=WHY)
            assert opened.status == 200, "one sealed value that cannot be read does not close the record"
    for browser in (lan, clerk):
        for code in types:
            looked_at(browser, f"/records/of/{code}")
            looked_at(browser, f"/records/of/{code}?q=%25_'%22*(&period={PERIOD}&state=submitted")
        for path in ("/", "/questions", "/reports", "/incidents", f"/reports/{PERIOD}/{UNIT}", f"/reports/{PERIOD}/ld_tbxh", f"/figures/{PERIOD}/I02"):
            looked_at(browser, path)
        for unit in (UNIT, "ld_tbxh"):
            for suffix in ("docx", "xlsx"):
                assert browser.fetch(f"/reports/{PERIOD}/{unit}/{suffix}").status_code in (200, 404)
    nothing_failed(bench)


@pytest.mark.parametrize("query", ["%", "_", "'", '"', "\\", "*", "a* OR b", "NEAR(", "-", "(", "%%%", "';--", "\u0000", "\u202e", "🌸", "a" * 5000, "[", "^$", "\ud83d"])
def test_b17_search_takes_any_characters(bench: Bench, query: str) -> None:
    browser = bench.desk("Huyền")
    for address in ("/search", "/records/of/communication_activity"):
        answer = browser.fetch(f"{address}?q={quote(query.encode('utf-8', 'surrogatepass'))}")
        assert answer.status_code == (400 if "\0" in query else 200), (address, query)
    nothing_failed(bench)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20) | st.sampled_from([ROW, "A" * 43, "hong_ngu", "@"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["n", "l", "o", "p", "v", "s", "k", "b", ROW, "hong_ngu"]), inner, max_size=4),
    max_leaves=12,
)
HEADS = st.dictionaries(st.sampled_from(["q", "at", "h", "runs", "blobs", "wraps", "page", "c", "v", "d", "past"]), JUNK, max_size=8)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=HEADS, lines=st.lists(JUNK.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=60), max_size=4), packed=st.booleans())
def test_t08_whatever_a_message_is_made_of_is_answered(bench: Bench, head: dict[str, Any], lines: list[bytes], packed: bool) -> None:
    payload = b"\n".join([json.dumps(head).encode(), *lines])
    answer = bench.device.send(bench.device.packed(gzip.compress(payload) if packed else payload))
    assert answer.status in (200, 400, 401, 403, 409, 413), answer
    if answer.status != 200:
        (error,) = answer.problem["errors"]
        assert error["vi"] and error["en"]


def test_t08_after_all_of_that_the_log_names_no_failure(bench: Bench) -> None:
    nothing_failed(bench)


@pytest.mark.parametrize("what", LINES)
def test_f42_a_wrong_line_on_the_wire_is_set_aside_and_the_rest_accepted(bench: Bench, what: str) -> None:
    make, code, vi, en = LINES[what]
    device = bench.device
    at = device.number + 2
    head = device.push([device.line(GOOD), make(device), device.line(GOOD, offset=3)])
    assert head["aside"] == [[device.log, at, code]]
    assert vi in codes()[code]["vi"] and en in codes()[code]["en"]
    nothing_failed(bench)
