"""What goes wrong below the tablet: a full disk, a busy or damaged database, a power cut. Old data stays readable; nothing is falsely saved."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from mobile.screens.form.presenter import FormPresenter
from shared.errors import SenError
from tests.mobile.conftest import PIN, Make
from tests.mobile.test_forms import TALK, talk

ROOT = Path(__file__).parents[2]


class Process:
    """A headless tablet as a process of its own."""

    def __init__(self, folder: Path, *more: str, file_limit: int = 0) -> None:
        def limit() -> None:
            if file_limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        command = [sys.executable, "-m", "mobile.headless", "--profile", str(folder), "--today", "2022-05-30", *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=limit)
        self.first = json.loads(self.out.readline() or "{}")

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def do(self, command: str, **more: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": command, **more}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.out.readline())
        return answer

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.out.close()


@pytest.fixture
def folder(make: Make, tmp_path: Path) -> Path:
    """The folder of an enrolled tablet that no process holds; its PIN was locked with the real argon2id."""
    tablet = make("A")
    tablet.pin._cost = {}
    tablet.pin.set("officer", tablet._officer, PIN)  # type: ignore[arg-type]
    tablet.close()
    return tmp_path / "A"


def test_p01_f13_f49_what_was_said_to_be_saved_survives_a_dead_battery(folder: Path) -> None:
    process = Process(folder)
    assert process.do("unlock", pin=PIN)["ok"]
    record = process.do("enter", type="communication_activity", values=TALK)["record"]
    assert process.do("start", type="broadcast")["ok"]
    assert process.do("type", path="title", value="Phát thanh (dữ liệu mẫu)")["saved"]
    process.kill()
    again = Process(folder)
    assert again.first["unsent"] == 1
    again.do("unlock", pin=PIN)
    assert again.do("show", record=record)["record"]["values"]["participants_total"] == 60
    rows = again.do("dump")["records"]
    assert list(rows) == [record]
    again.end()
    with sqlite3.connect(folder / "tablet.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM draft").fetchone() == (1,)
    connection.close()


def test_f16_a_full_disk_is_refused_plainly_and_old_data_stays(folder: Path) -> None:
    first = Process(folder)
    first.do("unlock", pin=PIN)
    record = first.do("enter", type="communication_activity", values=TALK)["record"]
    first.end()
    full = Process(folder, file_limit=(folder / "tablet.sqlite3").stat().st_size + 64 * 1024)
    full.do("unlock", pin=PIN)
    answers = [full.do("enter", type="communication_activity", values={**TALK, "note": "a" * 9000}) for _ in range(40)]
    refused = [answer for answer in answers if not answer["ok"]]
    assert refused and {answer["code"] for answer in refused} <= {"tablet_full", "disk_failed"}
    assert all("dữ liệu cũ vẫn đọc được" in answer["vi"] or "vẫn đọc" in answer["vi"] for answer in refused)
    assert full.do("show", record=record)["record"]["values"]["title"] == TALK["title"]
    saved = [answer["record"] for answer in answers if answer["ok"]]
    full.end()
    again = Process(folder)
    again.do("unlock", pin=PIN)
    there = again.do("dump")["records"]
    assert {record, *saved} <= set(there)
    assert again.do("enter", type="communication_activity", values=TALK)["ok"]
    again.end()


def test_f16_sqlite_says_full(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    form.leave()
    connection = tablet.store.database.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SenError, match="tablet_full"):
        for number in range(200):
            form.set("note", "a" * 5000 + str(number))
            form.leave()
    state = tablet.store.show(record)
    assert state is not None and form.open_form.dirty
    connection.execute("PRAGMA max_page_count = 1073741823")
    form.leave()
    assert not form.open_form.dirty


def test_f50_a_busy_database_is_waited_for_and_then_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    talk(form)
    tablet.store.database.connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tablet.store.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SenError, match="tablet_busy"):
        form.leave()
    other.execute("ROLLBACK")
    other.close()
    form.leave()
    assert tablet.store.unsent_count() == 1


def test_f19_a_damaged_row_is_never_shown_as_data(make: Make) -> None:
    tablet = make()
    form = FormPresenter(tablet)
    record = talk(form)
    form.leave()
    with tablet.store.database.writing() as connection:
        connection.execute("UPDATE own_line SET body = CAST(substr(body, 1, length(body) - 1) || x'00' AS BLOB)")
    tablet.close()
    again = make()
    assert again.store.show(record) is None and again.history(record) == []


def test_the_second_process_is_refused_and_may_only_look(folder: Path) -> None:
    first = Process(folder)
    second = Process(folder)
    assert second.first["code"] == "profile_in_use" and second.process.wait(20) == 1
    looker = Process(folder, "--look")
    assert looker.do("unlock", pin=PIN)["ok"] and looker.do("dump")["ok"]
    looker.end()
    first.end()


def test_headless_answers_bad_lines_and_goes_on(folder: Path) -> None:
    process = Process(folder)
    assert process.do("no such thing")["code"] == "unknown_command"
    assert process.do("unlock", pon="x")["code"] == "bad_command"
    assert process.do("unlock", pin="111222")["code"] == "wrong_pin"
    assert process.do("start", type="communication_activity")["ok"] in (True, False)
    assert process.do("unlock", pin=PIN)["ok"]
    assert process.do("enter", type="no_such_type", values={})["code"] == "unknown_type"
    assert process.do("show", record="x")["record"] is None
    process.end()
    assert os.path.exists(folder / "tablet.sqlite3")
