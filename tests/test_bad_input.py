"""What bad input and a bad machine get from the real processes: the code, what to do in both languages, nothing changed, nobody named.

The messages of the sync protocol are in ``tests/server/test_exchange_route.py``; here are the things around them: the line that
breaks off, the disk, the lock, the port, the second server, the catalogue, the PIN.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine

from shared.catalogue import DATA
from shared.labels import phrase
from tests.support.databases import DATABASES
from tests.support.device import HandDevice, knock
from tests.support.headless import Headless
from tests.support.marks import NAME, found_in, found_in_folder
from tests.support.place import Dump, Place, goes_on, named, place_on, says, working
from tests.support.processes import ROOT
from tests.support.tables import dump_of
from tests.support.wrong import FRAMES, GOOD

PIN = "280822"
TALK = {"title": "Nói chuyện (dữ liệu mẫu)", "held_on": "2022-05-20"}


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same on either database; one for all tests, since whatever is refused leaves it as it was."""
    with place_on(request.param, tmp_path_factory.mktemp("office")) as place:
        yield place


@pytest.fixture(scope="module")
def new_device(place: Place) -> HandDevice:
    """An enrolled device that has told nothing yet; the rows below leave it so."""
    return HandDevice.enrol(place.device.post, place.code())


# --- what comes over the line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_f05_a_body_that_breaks_off_changes_nothing(place: Place, share: float) -> None:
    before, message = place.dump(), named(place.device)
    head = f"POST /api/exchange HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.sen\r\nContent-Length: {len(message)}\r\n\r\n"
    answer = place.exchange(head.encode() + message[: int(len(message) * share)])
    assert b" 200 " not in answer.partition(b"\r\n")[0] and not found_in(answer, [NAME])
    if answer:
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert told["errors"][0]["vi"] and told["errors"][0]["en"]
    assert place.dump() == before
    goes_on(place)
    place.nobody_is_named()  # before the test below that sends the name on purpose


@pytest.mark.parametrize("what", FRAMES)
def test_b01_b02_b03_a_wrong_frame_on_the_wire_changes_nothing(place: Place, new_device: HandDevice, what: str) -> None:
    make, status, code, vi, en = FRAMES[what]
    before = place.dump()
    says(new_device.send(make(new_device)), status, {code}, vi, en)
    assert place.dump() == before and b"Traceback" not in place.log()
    place.nobody_is_named()


def test_f51_a_wrong_used_or_expired_code_changes_nothing(place: Place) -> None:
    used, expired = place.code(), place.code(SEN_TODAY="2022-05-01")
    HandDevice.enrol(place.device.post, used)
    before = place.dump()
    again = ("Xin huyện cấp mã mới", "Ask the district for a new one")
    says(knock(place.device.post, "AAAA-BBBB-CCCC", NAME)[0], 404, {"code_wrong"}, "nhập lại", "enter it again")
    says(knock(place.device.post, used, NAME)[0], 409, {"code_used"}, *again)
    says(knock(place.device.post, expired, NAME)[0], 410, {"code_expired"}, *again)
    assert place.dump() == before
    place.nobody_is_named()


def test_f38_a_revoked_tablet_is_told_whom_to_ask(place: Place) -> None:
    """What it still brings is held for review and changes no record; nothing is told to it."""
    device = HandDevice.enrol(place.device.post, place.code())
    device.push([device.line(GOOD)])
    place.admin("device", "revoke", device.id)
    before = place.dump()
    told = device.push([device.line(GOOD)])
    assert [code for _, _, code in told["aside"]] == ["device_revoked"] and "told" not in told and "c" not in told
    after = place.dump()
    assert {table for table in before if before[table] != after[table]} <= {"line", "log", "stream", "device"}
    assert len(after["line"]) == len(before["line"]) + 1
    assert "Liên hệ" in phrase("device_revoked", "vi") and "Contact" in phrase("device_revoked", "en")
    goes_on(place)
    place.nobody_is_named()


def test_b03_a_20_mb_line_is_refused_packed_or_not(place: Place) -> None:
    before = place.dump()
    line = place.device.line([{"p": "note", "v": NAME + "a" * 20_000_000}])
    says(place.device.send(place.device.request([line])), 413, {"message_too_large"}, "Cập nhật ứng dụng", "Update the app")
    raw = place.device.packed(b'{"q":9}\n' + line)
    with contextlib.suppress(requests.ConnectionError):  # a server that has said no need not read to the end
        says(place.device.send(raw), 413, {"body_too_large"}, "Chia nhỏ", "smaller parts")
    assert place.dump() == before
    goes_on(place)
    place.nobody_is_named()


# --- the machine under it -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(database: str) -> Iterator[None]:
    """The database is locked by another process."""
    if database.startswith("postgresql"):
        take = "import psycopg,sys; c = psycopg.connect(sys.argv[1]); c.execute('LOCK TABLE stream IN EXCLUSIVE MODE')"
    else:
        take = "import sqlite3,sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')"
    words = [sys.executable, "-c", f"{take}; print('held', flush=True); sys.stdin.read()", database]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


def test_f31_a_database_locked_by_another_process_is_told_and_then_works(place: Place) -> None:
    message, before = named(place.device), place.dump()
    with locked(place.database):
        says(place.device.send(message), 503, {"database_busy"}, "Thử lại", "Try again")
        assert requests.get(f"{place.office.address}/api/me", timeout=60).status_code == 401, "reading goes on"
    assert place.dump() == before
    assert found_in((place.folder / "server.log").read_bytes(), [NAME]) == []
    assert place.device.send(message).status == 200, "the same message once more"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own of 12 MB: a real one that can be filled."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount")
    if not mounted or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk; test_f16_a_file_that_cannot_grow is the same by a limit")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> None:
    """Leave no byte free on a disk."""
    filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(filler, b"\0" * 4096):
            pass
    os.close(filler)


def test_f16_a_full_disk_is_told_and_what_was_saved_stays(small_disk: Path) -> None:
    with working(small_disk, str(small_disk / "sen.sqlite3")) as place:
        message, before = named(place.device), place.dump()
        fill(small_disk)
        big = place.device.request([place.device.line([*GOOD, {"p": "note", "v": "x" * 15_000}], offset=n) for n in range(1, 200)])
        says(place.device.send(big), 507, {"disk_full", "storage_failed"}, "dữ liệu đã lưu vẫn còn", "what was saved is still there")
        assert requests.get(f"{place.office.address}/sign-in", timeout=60).status_code == 200, "reading goes on (F17)"
        assert place.dump() == before and found_in(place.log(), [NAME]) == []
        (small_disk / "filler").unlink()
        assert place.device.send(message).status == 200, "with room again, it works without a restart"


def test_f16_a_file_that_cannot_grow_is_told(tmp_path: Path) -> None:
    """The same where no disk can be mounted: the process may write no file beyond a size."""
    code = """if True:
        import json, resource, sys
        from pathlib import Path
        from server.config import Config
        from server.process import ready_app
        from server.db import writing
        from server.models import StreamRow
        from sqlalchemy import insert
        from shared.errors import SenError
        app = ready_app(Config(var=Path(sys.argv[1])))
        with app.app_context():
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
            try:
                with writing() as connection:
                    rows = [{"code": f"{n:040d}", "number": 0, "hash": b"x" * 32} for n in range(20000)]
                    connection.execute(insert(StreamRow), rows)
            except SenError as error:
                print(json.dumps([error.code, error.text("vi"), error.text("en")]))
        """
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "var")], cwd=ROOT, capture_output=True, text=True, check=False)
    told, vi, en = json.loads(done.stdout)
    assert told in ("disk_full", "storage_failed") and "dữ liệu đã lưu vẫn còn" in vi and "what was saved is still there" in en
    with sqlite3.connect(tmp_path / "var" / "sen.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM stream").fetchone() == (0,)
    connection.close()


# --- starting -----------------------------------------------------------------------------------------------------------


def start(var: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is to refuse: what it says, and its exit code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEN_")} | settings
    command = [sys.executable, "-m", "server", "run", "--var", str(var), *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | {"PYTHONUTF8": "1"}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    return done


def test_a_port_in_use_is_told_with_its_number(place: Place) -> None:
    before, (_, port) = place.dump(), place.office.place
    done = start(place.folder.parent / "another", "--port", str(port))
    assert f"Cổng {port} đang được chương trình khác dùng" in done.stderr and f"Port {port} is in use by another program" in done.stderr
    assert "--port" in done.stderr
    assert not (place.folder.parent / "another").exists()
    assert place.dump() == before


def test_f28_a_second_server_on_one_sqlite_file_is_told_which_is_the_first(tmp_path: Path) -> None:
    with working(tmp_path / "var", str(tmp_path / "var" / "sen.sqlite3")) as place:
        before = place.dump()
        done = start(place.folder, "--port", "0", "--database", place.database)
        assert place.office.address in done.stderr
        assert "Dừng nó trước" in done.stderr and "End it first" in done.stderr
        assert place.dump() == before
        goes_on(place)


@pytest.mark.parametrize(("file", "old", "new", "vi", "en"), [
    ("record_types/plan.yaml", "label:", "lable:", "không biết mục «lable». Sửa", "the key «lable» is unknown. Correct"),
    ("record_types/plan.yaml", "kind: int", "kind: integer", "«integer» trong mục «kind» không có. Sửa", "does not exist. Correct"),
    ("units.yaml", "- code:", f"- {NAME}: [", "Kiểm tra thụt dòng", "Check indentation"),
], ids=["key", "kind", "yaml"])  # fmt: skip
def test_a_catalogue_with_a_mistake_is_told_with_file_and_line(tmp_path: Path, file: str, old: str, new: str, vi: str, en: str) -> None:
    shutil.copytree(DATA, tmp_path / "catalogue")
    path = tmp_path / "catalogue" / file
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    done = start(tmp_path / "var", "--port", "0", SEN_CATALOGUE=str(tmp_path / "catalogue"))
    told_vi, told_en = done.stderr.strip().splitlines()[-2:]
    assert f"{file}, dòng " in told_vi and vi in told_vi
    assert f"{file}, line " in told_en and en in told_en
    assert not found_in(done.stderr.encode(), [NAME])
    assert not (tmp_path / "var" / "sen.sqlite3").exists(), "no database is made for a catalogue that cannot be used"


# --- the tablet ---------------------------------------------------------------------------------------------------------


def test_f39_a_wrong_pin_opens_nothing_and_changes_no_record(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "tablet"
    with Headless(folder) as tablet:
        tablet.ask("enrol", address=place.office.address, code=place.code(), pin=PIN)
        tablet.ask("enter", type="communication_activity", values={"title": "Nói chuyện (dữ liệu mẫu)", "held_on": "2022-05-20"})
    before, server_before = tablet_rows(folder), place.dump()
    with Headless(folder) as tablet:
        told = tablet.try_to("unlock", pin="019283")
        assert (told["ok"], told["code"]) == (False, "wrong_pin")
        assert "PIN chưa đúng. Còn 9 lần thử" in told["vi"] and "Wrong PIN. 9 tries left" in told["en"]
        locked_out = tablet.try_to("enter", type="gbv_case", values={"full_name": NAME})
        assert not locked_out["ok"] and "Mở khóa" in locked_out["vi"] and "Unlock" in locked_out["en"], locked_out
    assert tablet_rows(folder) == before and place.dump() == server_before
    assert found_in_folder(folder, [NAME, PIN]) == {}


def enrolled(place: Place, folder: Path) -> Headless:
    """A tablet's process, enrolled and synced, with one record in it."""
    tablet = Headless(folder)
    tablet.ask("enrol", address=place.office.address, code=place.code(), pin=PIN)
    tablet.ask("enter", type="communication_activity", values=TALK)
    tablet.ask("sync")
    return tablet


def refused(told: Mapping[str, Any], codes: set[str], vi: str, en: str) -> None:
    """The tablet did not do it, says so with what to do, and names nobody."""
    assert not told["ok"] and told["code"] in codes, told
    assert vi in told["vi"] and en in told["en"] and not found_in(json.dumps(told).encode(), [NAME])


def test_f16_a_tablet_on_a_full_disk_says_so_and_goes_on_without_a_restart(place: Place, small_disk: Path) -> None:
    with enrolled(place, small_disk / "tablet") as tablet:
        fill(small_disk)
        before = tablet.ask("dump")["records"]
        told = [tablet.try_to("enter", type="communication_activity", values={**TALK, "note": f"{NAME} {'x' * 9000}"}) for _ in range(3)]
        refused(told[-1], {"tablet_full", "disk_failed"}, "dữ liệu cũ vẫn đọc", "what was there can still be read")
        shown = tablet.ask("dump")["records"]
        assert {one: shown[one] for one in before} == before and len(shown) == len(before) + sum(one["ok"] for one in told)
        (small_disk / "filler").unlink()
        assert tablet.try_to("enter", type="communication_activity", values=TALK)["ok"], "with room again, it works without a restart"
        assert tablet.ask("sync")["unsent"] == 0


def test_f50_a_tablet_whose_database_another_process_holds_says_so_and_then_works(place: Place, tmp_path: Path) -> None:
    with enrolled(place, tmp_path / "tablet") as tablet:
        before = tablet_rows(tmp_path / "tablet")
        with locked(str(tmp_path / "tablet" / "tablet.sqlite3")):
            told = tablet.try_to("enter", type="communication_activity", values={**TALK, "note": NAME})
            refused(told, {"tablet_busy"}, "Chờ ít phút rồi thử lại", "Wait a moment and try again")
            assert tablet.ask("dump")["records"], "reading goes on"
        assert tablet_rows(tmp_path / "tablet") == before
        tablet.ask("enter", type="communication_activity", values=TALK)
        assert tablet.ask("sync")["unsent"] == 0


def tablet_rows(folder: Path) -> Dump:
    """All rows of a tablet's database."""
    engine = create_engine(f"sqlite:///{folder / 'tablet.sqlite3'}")
    try:
        return dump_of(engine)
    finally:
        engine.dispose()
