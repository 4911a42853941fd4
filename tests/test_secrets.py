"""Marked words planted in every confidential field, through a real tablet and through the console, and looked for in every byte.

None may stand in the server's folder, its WAL or log, a backup, the tablet's folder, a page of who has no need, a document. And whoever has all
files but not the PIN and not the master key opens nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import psutil
import pytest
import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from docx import Document
from openpyxl import load_workbook

from mobile.case_keys import wrap_bound
from mobile.hardware import Desktop
from mobile.keys import DeviceKeys, PinLock, RowKey
from server.keystore import KeyStore
from shared.catalogue import load_catalogue
from shared.errors import SenError
from shared.ids import b64, unb64
from shared.sealing import BoxKeys, open_box
from tests.fieldday.office import PASSWORD, Office, login_of, open_office
from tests.fieldday.scenario import Person
from tests.support.browser import Browser
from tests.support.device import Answered, HandDevice
from tests.support.headless import Headless
from tests.support.marks import NAME, Marks, found_in, found_in_folder
from tests.support.processes import ROOT

UNIT, PERIOD, PIN = "long_khanh_a", "2022-H1", "280822"
WHY = "Chuẩn bị buổi thăm (dữ liệu mẫu)"
MOST_PAGES = 60


def person(name: str, unit: str, *roles: str, tablet: bool = False) -> Person:
    return Person(name=name, unit=unit, roles=roles, tablet=tablet)


PEOPLE = {
    one.name: one
    for one in (
        person("Lan", UNIT, "collector", "case_worker", tablet=True), person("Thu", UNIT, "collector", tablet=True), person("Hoa", UNIT, "case_worker"),
        person("Sáu", UNIT, "unit_lead"), person("Tư", "long_thuan", "collector", "case_worker", "unit_lead"), person("Huyền", "hong_ngu", "district_officer"),
        person("Đạo", "hong_ngu", "district_lead"), person("Xem", "hong_ngu", "viewer"), person("Trị", "hong_ngu", "admin"),
    )
}  # fmt: skip
WITHOUT_NEED = ("Thu", "Sáu", "Tư", "Huyền", "Đạo", "Xem", "Trị")


class Planted(NamedTuple):
    """Everything planted: the office, the folders, the records, and the marks by where they were planted."""

    office: Office
    server: Path
    tablet: Path
    records: Mapping[str, str]
    marks: Mapping[str, str]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "tmp").mkdir()
    patch = pytest.MonkeyPatch()
    patch.setenv("TMPDIR", str(folder / "tmp"))
    with open_office(folder / "var", str(folder / "var" / "sen.sqlite3"), PEOPLE, datetime.date(2022, 5, 30)) as office:
        marks, records = Marks(), dict[str, str]()
        _on_tablet(office, folder, marks, records)
        _on_console(office, marks, records)
        yield Planted(office, folder / "var", folder / "tablet", records, marks.planted)
    patch.undo()


def _on_tablet(office: Office, folder: Path, marks: Marks, records: dict[str, str]) -> None:
    """An officer records a case, its support and its contact ban, attaches a file, and dies in the middle of another case."""
    types = load_catalogue().types
    secret = folder / f"{NAME}.txt"
    secret.write_text(marks.plant("tablet file", types["gbv_case"].fields["note"]), "utf-8")
    tablet = Headless(folder / "tablet")
    tablet.ask("enrol", address=office.address, code=office.codes["Lan"], pin=PIN)
    base = {"code": "HS-01", "opened_on": "2022-05-20", "legal_ground": "emergency", "is_child": True}
    for code, more in (("gbv_case", base), ("case_support", {"given_on": "2022-05-21", "service": "safety"}), ("contact_ban", {"granted": "granted"})):
        case = {} if code == "gbv_case" else {"case": records["gbv_case"]}
        records[code] = tablet.ask("enter", type=code, values={**case, **more, **marks.of(types[code], "tablet")})["record"]
        tablet.ask("attach", record=records[code], path="attachments", files=[str(secret)])
    tablet.ask("change", record=records["gbv_case"], values={"full_name": marks.plant("tablet changed name", types["gbv_case"].fields["full_name"])})
    assert tablet.ask("sync")["unsent"] == 0 and tablet.ask("status")["aside"] == []
    assert tablet.ask("carry")["waiting"] == 0, "the server holds the sealed files"
    tablet.ask("start", type="gbv_case")
    tablet.ask("type", path="full_name", value=marks.plant("tablet draft", types["gbv_case"].fields["full_name"]))
    tablet.kill()
    secret.unlink()


def _on_console(office: Office, marks: Marks, records: dict[str, str]) -> None:
    """A case worker opens the case with a reason, changes every text in it, attaches a file; then writes a case of her own."""
    browser, record = browser_of(office, "Hoa"), records["gbv_case"]
    fields = load_catalogue().types["gbv_case"].fields
    texts = {code: one for code, one in fields.items() if one.confidential and one.kind in ("text", "long")}
    page = browser.open(f"/records/{record}/edit")
    page = browser.send(page, page.form("/edit", go="open"), why=WHY)
    assert marks.planted["tablet changed name"] in str(next(form for form in page.forms if "full_name" in form.names).values), "who has the need reads it"
    form = next(form for form in page.forms if "full_name" in form.names)
    there = {code: one for code, one in texts.items() if code in form.names}
    assert len(there) > 5
    browser.send(page, form, "save", **{code: marks.plant(f"console {code}", one) for code, one in there.items()})
    page = browser.open(f"/records/new/gbv_case?unit={UNIT}")
    form = next(form for form in page.forms if "full_name" in form.names)
    typed = {code: marks.plant(f"console new {code}", one) for code, one in texts.items() if code in form.names}
    after = browser.send(page, form, "save", code="HS-02", **typed)
    records["console case"] = urlsplit(after.url).path.split("/")[2]


@functools.cache
def browser_of(office: Office, name: str) -> Browser:
    """A person's browser, signed in, the same for all tests: so many signing in within a minute from one address would have to wait."""
    browser = Browser(office.address)
    page = browser.open("/sign-in")
    after = browser.send(page, page.form("/sign-in"), login=login_of(name), password=PASSWORD)
    assert urlsplit(after.url).path != "/sign-in", after.text
    return browser


def found(data: bytes, planted: Planted) -> list[str]:
    """Where the marks that stand in these bytes were planted."""
    there = set(found_in(data, {NAME, *planted.marks.values()}))
    return [where for where, mark in planted.marks.items() if mark in there] + ([NAME] if NAME in there else [])


def test_t10_every_confidential_field_was_planted(planted: Planted) -> None:
    """What follows proves something only if the marks are really there: the one who has the need reads each of them."""
    assert len(planted.marks) > 50
    told = ""
    for record in planted.records.values():
        browser = browser_of(planted.office, "Hoa")
        page = browser.open(f"/records/{record}")
        form = next(form for form in page.forms if form.action.endswith("/open"))
        after = browser.send(page, form, why=WHY)
        told += after.text
    names = [where for where in planted.marks if where.startswith("console ")]
    assert [where for where in names if planted.marks[where] not in told] == []


def test_t10_no_byte_of_the_servers_folder_tells_one(planted: Planted) -> None:
    files = {path.name for path in planted.server.rglob("*") if path.is_file()}
    assert {"sen.sqlite3", "sen.sqlite3-wal", "keys.sqlite3", "server.log"} <= files
    assert found_in_folder(planted.server, {NAME, *planted.marks.values()}) == {}


def test_t15_the_log_has_lines_and_none_tells_one(planted: Planted) -> None:
    log = (planted.server / "server.log").read_bytes()
    assert log.count(b"\n") > 20 and found(log, planted) == []


def test_p08_t10_no_byte_of_a_backup_tells_one(planted: Planted, tmp_path: Path) -> None:
    words = ["-m", "server", "backup", str(tmp_path / "sen.backup"), "--var", str(planted.server)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"sen.backup", "sen.backup.keys"}
    assert found_in_folder(tmp_path, {NAME, *planted.marks.values()}) == {} and found(done.stdout.encode(), planted) == []


def test_t01_no_byte_of_the_tablets_folder_tells_one(planted: Planted) -> None:
    files = {path.name for path in planted.tablet.rglob("*") if path.is_file()}
    assert {"tablet.sqlite3", "tablet.sqlite3-wal"} <= files, "the tablet died with its WAL beside it"
    assert any(path.parent.parent.name == "files" for path in planted.tablet.rglob("*")), "the attached file is there, sealed"
    assert found_in_folder(planted.tablet, {NAME, *planted.marks.values()}) == {}


def test_t10_no_temporary_file_and_no_argument_or_variable_of_the_process_tells_one(planted: Planted) -> None:
    assert found_in_folder(planted.server.parent / "tmp", {NAME, *planted.marks.values()}) == {}
    started = next(line for line in map(json.loads, (planted.server / "server.log").read_text("utf-8").splitlines()) if line.get("event") == "started")
    process = psutil.Process(started["pid"])
    told = json.dumps([process.cmdline(), process.environ(), [file.path for file in process.open_files()]])
    assert "server" in told and found(told.encode(), planted) == []
    keys = [(planted.server / "master.key").read_bytes().strip(), b64((planted.server / "master.key").read_bytes()).encode()]
    assert not any(key in told.encode() for key in keys), "nor the master key"


def test_t15_what_the_commands_say_of_the_database_tells_none(planted: Planted) -> None:
    for words in (["verify"], ["device", "list"], ["user", "list"]):
        done = subprocess.run([sys.executable, "-m", "server", *words, "--var", str(planted.server)], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0 and found(done.stdout + done.stderr, planted) == [], words


@pytest.mark.parametrize("who", ["Hoa", *WITHOUT_NEED])
def test_t06_no_search_finds_a_case_by_what_is_confidential(planted: Planted, who: str) -> None:
    browser = browser_of(planted.office, who)
    for words in ("bi mat", "Nguyễn Thị Bí Mật", "nhà bên sông", "739152840"):
        for path in ("/search", "/records/of/gbv_case", "/records/of/case_support"):
            answer = browser.fetch(f"{path}?q={quote(words)}")
            assert answer.status_code in (200, 403, 404)
            assert not [record for record in planted.records.values() if record in answer.text], (path, words)


@pytest.mark.parametrize("who", WITHOUT_NEED)
def test_t15_no_problem_that_is_told_tells_one(planted: Planted, who: str) -> None:
    """A refusal of a file, a decision, a step, a withdrawal, an edit, as a page and as a fragment."""
    browser = browser_of(planted.office, who)
    home = browser.open("/")
    form = next(form for form in home.forms if "csrf_token" in form.names)
    for record in planted.records.values():
        for act in ("open", "edit", "move", "withdraw", "decide", f"sealed/{'a' * 64}"):
            form.action, form.method, form.names = f"/records/{record}/{act}", "post", {*form.names, "why", "path"}
            asked = browser.send(home, form, why=WHY, path="full_name")
            assert 400 <= asked.status < 500 and found(asked.text.encode(), planted) == [], act


def test_t04_no_byte_of_an_answer_to_a_tablet_without_need_tells_of_a_case(planted: Planted) -> None:
    words = ["-m", "server", "enrol-code", login_of("Thu"), "--unit", UNIT, "--var", str(planted.server), "--json"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)

    def post(path: str, body: bytes, kind: str) -> Answered:
        answer = requests.post(planted.office.address + path, data=body, headers={"Content-Type": kind}, timeout=60)
        return Answered.of(answer)

    device, cursors, version, told = HandDevice.enrol(post, str(json.loads(done.stdout)["code"])), dict[str, str](), "", b""
    while True:
        opened = device.opened(device.send(device.request(page=1 << 20, v={"scope": version, "catalogue": "", "people": ""}, c=cursors)))
        told += json.dumps(opened.head).encode() + b"\n".join(opened.lines)
        assert not opened.head.get("blobs") and not opened.head.get("wraps")
        cursors, version = opened.head.get("c", cursors), opened.head.get("scope", [version])[-1]
        if not opened.head.get("more"):
            break
    assert b"catalogue" in told and found(told, planted) == []
    assert not [record for record in planted.records.values() if record.encode() in told], "not even that there is such a case"


@pytest.mark.parametrize("who", WITHOUT_NEED)
def test_t04_t05_no_page_tells_one_to_who_has_no_need(planted: Planted, who: str) -> None:
    browser = browser_of(planted.office, who)
    records = [path for record in planted.records.values() for path in (f"/records/{record}", f"/records/{record}/edit", f"/records/{record}/history", f"/records/{record}/history?path=full_name")]
    queue = ["/", "/records", "/questions", "/incidents", "/reports", "/api/me", "/api/people", "/records/of/gbv_case", "/records/of/case_support", *records]
    seen: set[str] = set()
    while queue and len(seen) < MOST_PAGES:
        path = queue.pop(0)
        if path in seen:
            continue
        seen.add(path)
        answer = browser.fetch(path)
        assert answer.status_code < 500, path
        assert found(answer.content, planted) == [], path
        if "text/html" in answer.headers.get("Content-Type", ""):
            links = [urljoin(answer.url, link) for link in browser.open(path).links]
            queue += [link.removeprefix(planted.office.address) for link in links if link.startswith(planted.office.address) and "sign-out" not in link]
    home = browser.open("/")
    form = next(form for form in home.forms if "csrf_token" in form.names)
    for record in planted.records.values():
        form.action, form.method, form.names = f"/records/{record}/open", "post", {*form.names, "why"}
        asked = browser.send(home, form, why=WHY)
        assert asked.status in (403, 404) and found(asked.text.encode(), planted) == []


def test_t04_no_tablet_without_need_gets_a_sealed_byte(planted: Planted, tmp_path: Path) -> None:
    with Headless(tmp_path / "thu") as tablet:
        tablet.ask("enrol", address=planted.office.address, code=planted.office.codes["Thu"], pin=PIN)
        told = tablet.ask("sync")
        records = tablet.ask("dump")["records"]
    assert told["unsent"] == 0
    assert not set(planted.records.values()) & set(records), "not even that there is such a case"
    with closing(sqlite3.connect(tmp_path / "thu" / "tablet.sqlite3")) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM wrap)").fetchone() == (0,)
    assert found_in_folder(tmp_path / "thu", {NAME, *planted.marks.values()}) == {}


@pytest.mark.parametrize(("who", "unit"), [("Huyền", UNIT), ("Huyền", "ld_tbxh"), ("Hoa", UNIT), ("Sáu", UNIT)])
def test_t13_no_document_tells_one_not_even_to_who_has_the_need(planted: Planted, who: str, unit: str) -> None:
    browser = browser_of(planted.office, who)
    for suffix in ("docx", "xlsx"):
        answer = browser.fetch(f"/reports/{PERIOD}/{unit}/{suffix}")
        assert answer.status_code == 200 and answer.content.startswith(b"PK"), answer.status_code
        assert found(answer.content, planted) == []
        if suffix == "docx":
            assert len(Document(io.BytesIO(answer.content)).paragraphs) > 20
        else:
            assert load_workbook(io.BytesIO(answer.content)).sheetnames


# --- the thief of all files ---------------------------------------------------------------------------------------------


def test_t10_without_the_master_key_the_servers_files_open_nothing(planted: Planted, tmp_path: Path) -> None:
    stolen = tmp_path / "var"
    shutil.copytree(planted.server, stolen, ignore=shutil.ignore_patterns("master.key", "*.lock"))
    with pytest.raises(SenError, match="master_key_missing"):
        KeyStore(stolen / "keys.sqlite3", stolen / "master.key")
    shutil.copyfile(planted.server / "keys.sqlite3", stolen / "other.sqlite3")
    KeyStore(tmp_path / "new" / "keys.sqlite3", tmp_path / "new" / "master.key")
    with pytest.raises(SenError, match="master_key_wrong"):
        KeyStore(stolen / "other.sqlite3", tmp_path / "new" / "master.key")


BOUNDS = {"own_line": "line {name}", "held_line": "line {name}", "record": "record {id}", "document": "document {name}", "draft": "draft {record}"}


class Loot(NamedTuple):
    """What a thief makes of a tablet's folder with the device's keys in it: the opened rows, what is still sealed, and every key to be had."""

    rows: bytes
    sealed: list[bytes]
    keys: set[bytes]


def loot_of(folder: Path, *more: bytes) -> Loot:
    """Open all that the device's own keys (and `more` keys) open."""
    device = DeviceKeys.load(Desktop(folder))
    assert device is not None
    rows, keys = RowKey(device.rows), {device.rows, device.sign, device.box.private, *more}
    opened, sealed = list[bytes](), list[bytes]()
    with closing(sqlite3.connect(folder / "tablet.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        sealed += [row["data"][17:] for row in connection.execute("SELECT data FROM blob")]
        for table, bound in BOUNDS.items():
            for row in connection.execute(f"SELECT * FROM {table}"):
                if row["body"]:
                    opened.append(rows.open(row["body"], bound.format(**dict(row))))
        wraps = [(key_id, kept.partition(".")[0]) for key_id, kept in connection.execute("SELECT key_id, wrapped FROM wrap")]
    sealed += [body[37:] for body in opened if body.startswith(b"c")]
    sealed += [path.read_bytes()[18:] for path in (folder / "files").rglob("*") if path.is_file()]
    for path in folder.glob("*.json"):
        keys |= _keys_in(json.loads(path.read_bytes()))
    for key_id, wrapped in wraps:
        for key in list(keys):
            with contextlib.suppress(SenError):
                keys.add(open_box(BoxKeys.from_private(key), unb64(wrapped), wrap_bound(key_id)))
    return Loot(b"\n".join(opened), sealed, keys)


def _keys_in(body: Any) -> set[bytes]:
    """Every text of 32 bytes in base64url."""
    if isinstance(body, dict):
        return {key for item in body.values() for key in _keys_in(item)}
    return {unb64(body)} if isinstance(body, str) and len(body) == 43 and body.isascii() else set()


def forced(keys: set[bytes], sealed: list[bytes]) -> Iterator[bytes]:
    """Each sealed piece (nonce, then AES-256-GCM) decrypted by each key without asking whether it is the right one."""
    for key in keys:
        for piece in sealed:
            counter = piece[:12] + b"\0\0\0\2"
            yield Cipher(algorithms.AES(key), modes.CTR(counter)).decryptor().update(piece[12:])


def test_p08_t01_with_the_devices_keys_but_no_pin_the_tablets_files_tell_none(planted: Planted) -> None:
    loot = loot_of(planted.tablet)
    assert b"gbv_case" in loot.rows, "the thief does open what is not confidential"
    assert found(loot.rows, planted) == [], "and no line, no record, no draft tells one"
    assert len(loot.sealed) > 30
    assert found(b"\n".join(forced(loot.keys, loot.sealed)), planted) == []


def test_t01_with_the_pin_they_do(planted: Planted) -> None:
    """The same search with the one thing more: it finds what was planted, so it would have found it above."""
    officer = PinLock(planted.tablet / "officer.json", lambda: 0).unlock(PIN)
    loot = loot_of(planted.tablet, officer.private)
    there = found(b"\n".join(forced(loot.keys, loot.sealed)), planted)
    assert set(there) >= {where for where in planted.marks if where.startswith("tablet")}


def test_t10_the_tablets_keys_open_nothing_of_the_server_either(planted: Planted) -> None:
    with closing(sqlite3.connect(planted.server / "sen.sqlite3")) as connection:
        sealed = [bytes(data)[17:] for (data,) in connection.execute("SELECT data FROM blob")]
    with closing(sqlite3.connect(planted.server / "keys.sqlite3")) as connection:
        sealed += [bytes(data) for table in ("own", "case_key") for (data,) in connection.execute(f"SELECT sealed FROM {table}")]
    assert len(sealed) > 30
    assert found(b"\n".join(forced(loot_of(planted.tablet).keys, sealed)), planted) == []


def test_p09_every_reading_is_in_the_audit(planted: Planted) -> None:
    with closing(sqlite3.connect(planted.server / "sen.sqlite3")) as connection:
        reads = connection.execute("SELECT count(*), min(why), max(why) FROM audit WHERE action = 'read'").fetchone()
    assert reads[0] >= 1 and reads[1] == reads[2] == WHY
