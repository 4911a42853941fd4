"""What bad input and a bad machine get from the real processes: the code, what to do in both languages, nothing changed, nobody named.

The messages of the sync protocol are in ``tests/server/test_exchange_route.py``; here are the things around them: the line that
breaks off, the disk, the lock, the port, the second server, the catalogue, the PIN.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from sqlalchemy import create_engine

from server.config import Config
from server.places import Places
from shared.catalogue import DATA
from tests.fieldday.office import Office, open_office
from tests.fieldday.scenario import Person
from tests.support.databases import DATABASES, fresh_database
from tests.support.device import Answered, HandDevice
from tests.support.headless import Headless
from tests.support.marks import NAME, found_in, found_in_folder
from tests.support.processes import ROOT
from tests.support.tables import dump_of

TODAY = datetime.date(2022, 5, 30)
LAN = Person(name="Lan", unit="long_khanh_a", roles=("collector", "case_worker"), tablet=True)
GOOD = [{"p": "unit", "v": "long_khanh_a"}, {"p": "title", "v": "Truyền thông (dữ liệu mẫu)"}, {"p": "held_on", "v": "2022-05-20"}]
PIN = "280822"

Dump = dict[str, list[tuple[Any, ...]]]


class Place(NamedTuple):
    """A real server process on a real database, and one enrolled device."""

    office: Office
    device: HandDevice
    folder: Path
    database: str

    def dump(self) -> Dump:
        """All rows of all tables, read from outside the server's process."""
        engine = create_engine(Places(Config(var=self.folder, database=self.database)).database_url)
        try:
            return dump_of(engine)
        finally:
            engine.dispose()

    def nobody_is_named(self) -> None:
        """No file of the server's folder, its log among them, holds the marked name."""
        assert found_in_folder(self.folder, [NAME]) == {}


@contextlib.contextmanager
def working(folder: Path, database: str) -> Iterator[Place]:
    """A server on an empty database, with one enrolled device whose first line is accepted."""
    with open_office(folder, database, {"Lan": LAN}, TODAY) as office:

        def post(path: str, body: bytes, kind: str) -> Answered:
            answer = requests.post(office.address + path, data=body, headers={"Content-Type": kind}, timeout=60)
            return Answered(answer.status_code, answer.headers["Content-Type"].split(";")[0], answer.content)

        device = HandDevice.enrol(post, office.codes["Lan"])
        device.push([device.line(GOOD)])
        yield Place(office, device, folder, database)


@pytest.fixture(scope="module", params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same on either database; one for all tests, since whatever is refused leaves it as it was."""
    folder = tmp_path_factory.mktemp("office")
    with pytest.MonkeyPatch.context() as patch, fresh_database(request.param, folder / "var") as database:
        patch.setenv("SEN_DATABASE_WAIT_S", "1")
        with working(folder / "var", database) as place:
            yield place


def says(answer: Answered, status: int, code: set[str], vi: str, en: str) -> None:
    """The answer is this problem and says what to do in both languages."""
    told = answer.problem
    assert answer.status == status and told["code"] in code, told
    assert vi in told["errors"][0]["vi"] and en in told["errors"][0]["en"], told
    assert not found_in(answer.body, [NAME])


def named(device: HandDevice) -> bytes:
    """A right message whose line holds the marked name."""
    return device.request([device.line([*GOOD, {"p": "note", "v": f"{NAME} {'x' * 400}"}])])


def goes_on(place: Place) -> None:
    """The next right message is accepted."""
    assert "aside" not in place.device.push([place.device.line(GOOD)])


# --- what comes over the line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.99])
def test_f05_a_body_that_breaks_off_changes_nothing(place: Place, share: float) -> None:
    before, message = place.dump(), named(place.device)
    head = f"POST /api/exchange HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.sen.exchange\r\nContent-Length: {len(message)}\r\n\r\n"
    with socket.create_connection(place.office.place, timeout=60) as line:
        line.sendall(head.encode() + message[: int(len(message) * share)])
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b" 200 " not in answer.partition(b"\r\n")[0] and not found_in(answer, [NAME])
    if answer:
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert told["errors"][0]["vi"] and told["errors"][0]["en"]
    assert place.dump() == before
    goes_on(place)
    place.nobody_is_named()  # before the test below that sends the name on purpose


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
def locked(place: Place) -> Iterator[None]:
    """The database is locked by another process."""
    if place.database.startswith("postgresql"):
        take = "import psycopg,sys; c = psycopg.connect(sys.argv[1]); c.execute('LOCK TABLE stream IN EXCLUSIVE MODE')"
    else:
        take = "import sqlite3,sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE')"
    words = [sys.executable, "-c", f"{take}; print('held', flush=True); sys.stdin.read()", place.database]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.stdin.close()


def test_f31_a_database_locked_by_another_process_is_told_and_then_works(place: Place) -> None:
    message, before = named(place.device), place.dump()
    with locked(place):
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


def test_f16_a_full_disk_is_told_and_what_was_saved_stays(small_disk: Path) -> None:
    with working(small_disk, str(small_disk / "sen.sqlite3")) as place:
        message, before = named(place.device), place.dump()
        filler = os.open(small_disk / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while os.write(filler, b"\0" * 4096):
                pass
        os.close(filler)
        big = place.device.request([place.device.line([*GOOD, {"p": "note", "v": "x" * 15_000}], offset=n) for n in range(1, 200)])
        says(place.device.send(big), 507, {"disk_full", "storage_failed"}, "dữ liệu đã lưu vẫn còn", "what was saved is still there")
        assert place.dump() == before
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
        tablet.ask("enrol", address=place.office.address, code=another_code(place), pin=PIN)
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


def another_code(place: Place) -> str:
    """One more enrolment code for Lan, by the command of the administrator, beside the running server."""
    words = ["enrol-code", "lan", "--unit", "long_khanh_a", "--var", str(place.folder), "--database", place.database, "--json"]
    done = subprocess.run([sys.executable, "-m", "server", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["code"])


def tablet_rows(folder: Path) -> Dump:
    """All rows of a tablet's database."""
    engine = create_engine(f"sqlite:///{folder / 'tablet.sqlite3'}")
    try:
        return dump_of(engine)
    finally:
        engine.dispose()
