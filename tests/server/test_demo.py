"""The demo: its story can be told, it stands as it says, its pages answer, and nothing of it is left when it ends."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from flask import Flask
from sqlalchemy.orm import Session

from server.clock import VIETNAM
from server.config import Config
from server.db import transaction
from server.demo.check import check
from server.demo.draw import Draft, draw_chapter
from server.demo.folder import DemoFolder
from server.demo.story import load_story
from server.people import add_user
from server.process import ready_app, serve
from shared.catalogue import Catalogue, load_catalogue
from shared.errors import SenError
from shared.validate import validate
from tests.support.processes import ROOT

STORY = load_story()
SOME_ID = "01a20b9b-4e60-7e3f-800a-81032bbca571"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def drawn(catalogue: Catalogue) -> Iterator[tuple[Any, str, Draft]]:
    known: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for chapter in STORY.chapters:
        for unit in (*chapter.communes, *chapter.bodies):
            for draft in draw_chapter(catalogue, STORY.templates, chapter, unit, seed=STORY.seed, known=known[unit]):
                known[unit][draft.type].append(draft.key)
                yield chapter, unit, draft


def as_entered(value: Any) -> Any:
    if isinstance(value, dict):
        return SOME_ID if "~ref" in value else {"id": uuid4().hex[:11]} | {code: as_entered(one) for code, one in value.items()}
    return [as_entered(one) for one in value] if isinstance(value, list) else value


# --- the story, without a process


def test_every_record_of_the_story_can_be_submitted_on_its_day(catalogue: Catalogue) -> None:
    wrong = []
    for chapter, unit, draft in drawn(catalogue):
        values = {"unit": unit} | {code: as_entered(value) for code, value in draft.values.items()}
        found = validate(catalogue.types[draft.type], values, stage="submit", today=chapter.at.date(), catalogue=catalogue)
        wrong += [(draft.key, one.path, one.code) for one in found if one.level == "error"]
    assert wrong == []


def test_the_story_has_records_of_every_type(catalogue: Catalogue) -> None:
    types = {draft.type for _, _, draft in drawn(catalogue)}
    assert types | {"periodic_report"} == {code for code, one in catalogue.types.items() if not one.by_server}


def test_a_record_is_marked_as_invented_and_names_only_records_before_it(catalogue: Catalogue) -> None:
    seen = set()
    for _, _, draft in drawn(catalogue):
        assert "mẫu" in str(draft.values).lower() or catalogue.types[draft.type].sealed_by, draft.key
        for value in draft.values.values():
            assert not (isinstance(value, dict) and "~ref" in value) or value["~ref"] in seen, draft.key
        seen.add(draft.key)


def test_the_same_seed_tells_the_same_story(catalogue: Catalogue) -> None:
    assert [draft for _, _, draft in drawn(catalogue)] == [draft for _, _, draft in drawn(catalogue)]


def test_each_commune_tells_its_own_situation_and_a_next_unit_writes_otherwise() -> None:
    communes = STORY.chapters[0].communes
    assert set(STORY.narratives["communes"]["general_situation"]) == set(communes)
    assert len(set(STORY.narratives["communes"]["general_situation"].values())) == len(communes)
    turns = {(period, unit): STORY.turn_of(unit, period) for period in ("2021-H1", "2022-H1") for unit in communes}
    assert all(turns["2022-H1", unit] != turns["2021-H1", unit] for unit in communes)
    assert len({turns["2022-H1", unit] for unit in communes}) == len(communes)


def test_records_of_one_kind_come_round_before_a_title_is_used_again(catalogue: Catalogue) -> None:
    for template in STORY.templates:
        assert not set(template.get("kinds", [{}])[0]) & set(template["values"])
    chapter = STORY.chapters[0]
    drafts = draw_chapter(catalogue, STORY.templates[:1], chapter, "long_khanh_a", seed=STORY.seed, known={})
    forms = [(draft.values["form"], *draft.values["topics"]) for draft in drafts]
    assert len(drafts) >= 6 and len(set(forms)) == len(forms)


# --- whom it is served to


@pytest.mark.parametrize("beyond", [{"behind_proxy": True}, {"host": "127.0.0.2", "tls_certificate": Path("certificate.pem")}])
def test_a_demo_is_served_on_this_machine_alone(tmp_path: Path, beyond: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    app: Flask = ready_app(Config(var=tmp_path))
    with app.app_context():
        def work(session: Session) -> None:
            add_user(session, login="mau", name="Người Mẫu", password=None, now_ms=1, demo=True)

        transaction(work)
    monkeypatch.setattr("server.process.Tls", lambda *_: None)
    with pytest.raises(SenError) as told:
        serve(Config(var=tmp_path, port=0, **beyond), lambda address, port: None)
    assert told.value.code == "demo_only_here"
    assert "dữ liệu mẫu" in told.value.text("vi") and "demo" in told.value.text("en")


# --- the whole of it, as a person starts it


class Running:
    """`python -m server.demo` in a folder of its own."""

    def __init__(self, var: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.var = var
        given = os.environ | {"SEN_VAR": str(var), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        words = [sys.executable, "-m", "server.demo", "--port", str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=given, cwd=ROOT)
        self.said: list[str] = []

    def wait_for(self, word: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if word in line:
                return
        raise AssertionError("".join(self.said))

    def interrupt(self) -> list[psutil.Process]:
        """Ctrl-C; gives the processes that it had, after it has ended."""
        had = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return had


def test_ctrl_c_while_it_is_being_built_leaves_no_process_and_no_half_demo(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.wait_for(f"1/{len(STORY.chapters)}")
    while not (had := psutil.Process(running.process.pid).children(recursive=True)):
        assert running.process.poll() is None
    left = running.interrupt()
    assert running.process.returncode == 0 and had
    assert not [one for one in {*had, *left} if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not DemoFolder(tmp_path / "demo").whole


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("demo"))
    running.wait_for("Ctrl-C")
    yield running
    if running.process.poll() is None:
        running.interrupt()


def rows(demo: Running, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{demo.var / 'demo' / 'server' / 'sen.sqlite3'}?mode=ro", uri=True) as database:
        return list(database.execute(query))


def test_the_demo_tells_how_to_get_in(demo: Running) -> None:
    said = "".join(demo.said)
    for told in ("chuyenvien", STORY.password, STORY.pin, "long-khanh-a-2", f"http://127.0.0.1:{demo.port}", "30/05/2022"):
        assert told in said


def test_everything_arrived_and_nothing_was_set_aside(demo: Running) -> None:
    assert rows(demo, "SELECT DISTINCT verdict FROM line") == [("",)]
    types = {row[0] for row in rows(demo, "SELECT DISTINCT type FROM record")}
    assert types == {code for code, one in load_catalogue().types.items() if not one.by_server}


def test_reports_stand_as_the_story_says(demo: Running) -> None:
    last = [chapter for chapter in STORY.chapters if chapter.period == "2022-H1"]
    query = "SELECT unit, state FROM record WHERE type = 'periodic_report' AND json_extract(current, '$.period') = '2022-H1'"
    stand = {unit: state or "draft" for unit, state in rows(demo, query)}
    wanted = {unit: chapter.report_of(unit) for chapter in last for unit in (*chapter.communes, *chapter.bodies)}
    assert stand == {unit: state for unit, state in wanted.items() if state}
    assert {"accepted", "submitted", "returned", "draft"} <= set(stand.values())


def test_questions_are_open_an_incident_waits_and_a_tablet_is_silent(demo: Running) -> None:
    assert rows(demo, "SELECT unit, sum(open_count) FROM record WHERE open_count > 0 GROUP BY unit") == [("long_khanh_a", 3)]
    waiting = "SELECT unit FROM record WHERE type = 'gbv_incident' AND json_extract(current, '$.district_ack_at') IS NULL"
    assert rows(demo, waiting) == [("thuong_phuoc_1",)]
    seen = dict(rows(demo, "SELECT unit, max(seen_ms) FROM device GROUP BY unit"))
    heard = datetime.fromtimestamp(seen["thuong_phuoc_2"] / 1000, VIETNAM)
    assert (datetime(2022, 5, 30, 8, tzinfo=VIETNAM) - heard).days == 9 and seen["thuong_phuoc_2"] == min(seen.values())


def test_every_main_page_and_the_report_answer(demo: Running) -> None:
    faults, fetched = check(f"http://127.0.0.1:{demo.port}", STORY, DemoFolder(demo.var / "demo"))
    assert faults == [] and fetched > 40


def test_a_tablet_of_the_demo_stands_at_the_demos_time(demo: Running) -> None:
    profile = demo.var / "demo" / "tablets" / "long-khanh-a-1"
    program = (
        "import sys; from pathlib import Path; from mobile.clock import Clock, demo_moment;"
        "print(Clock(demo_moment(Path(sys.argv[1]))).now().isoformat())"
    )
    told = subprocess.run([sys.executable, "-c", program, str(profile)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.startswith("2022-05-30T")


def test_ctrl_c_leaves_no_process(demo: Running) -> None:
    had = demo.interrupt()
    assert had and demo.process.returncode == 0
    assert not [one for one in had if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
