"""The comparison bites: each kind of harm, planted by hand, is found; a clean day has no findings."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fieldday.compare import Findings, compare, shapes
from tests.fieldday.evidence import gather
from tests.fieldday.journal import Journal, read

ROOT = Path(__file__).parents[2]

SHAPE: dict[str, dict[str, str]] = {
    "periodic_report": {},
    "activity": {
        "title": "scalar",
        "people": "scalar",
        "topics": "set",
        "speakers": "rows",
        "result": "text",
        "name": "sealed",
    },
}
ID = "0190a000-0000-7000-8000-000000000001"


class Day:
    """A journal and a server's database, both written by hand."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.jsonl")
        self.path = folder / "journal.jsonl"
        self.database = folder / "sen.sqlite3"
        self.registers: dict[str, list[Any]] = {}
        self.lines: list[dict[str, Any]] = []

    def types(self, who: str, fields: Mapping[str, Any], saw: Mapping[str, Sequence[Any]], act: str = "write") -> int:
        return self.journal.write(
            who=who, via=who, act=act, record="A1", type="activity", unit="u", fields=fields, saw=saw
        )  # fmt: skip

    def saves(
        self, who: str, saw: Mapping[str, Sequence[Any]] | None = None, act: str = "write", **fields: Any
    ) -> None:
        self.journal.done(self.types(who, fields, saw or {}, act), ID)
        operations = [{"p": name, "v": value} for name, value in fields.items()]
        self.lines.append({"r": ID, "o": operations or [{"p": "@", "k": "withdraw"}]})

    def stands(self, path: str, *values: Any, open: Sequence[Any] = (), **rest: Any) -> None:
        self.registers[path] = (
            [1] + [[0, v, rest] if rest else [0, v] for v in values] + [[0, v, {"q": 1}] for v in open]
        )

    def findings(self, *, withdrawn: bool = False) -> Findings:
        self.journal.close()
        connection = sqlite3.connect(self.database)
        connection.execute("CREATE TABLE record (id, type, unit, withdrawn, registers, sole)")
        connection.execute("CREATE TABLE line (log, number, before, digest, body, stream, place, verdict)")
        connection.execute("CREATE TABLE review (log, number, segment, name)")
        if self.registers:
            body = json.dumps({"i": ID, "y": "activity", "g": ["u"], "n": ["x"], "f": self.registers})
            connection.execute("INSERT INTO record VALUES (?, 'activity', 'u', ?, ?, NULL)", (ID, withdrawn, body))
        chain = b"0" * 32
        for number, line in enumerate(self.lines, 1):
            data = json.dumps(line).encode()
            digest = hashlib.sha256(data).digest()
            row = ("log", number, chain, digest, data, "hong_ngu", number, "")
            connection.execute("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            chain = hashlib.sha256(chain + digest).digest()
        connection.commit()
        connection.close()
        return compare(read(self.path), gather(str(self.database)), SHAPE)


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


def test_a_day_that_went_well_has_no_findings(day: Day) -> None:
    day.saves("Lan", title="Hội thi", people=40, topics=["gbv"], speakers=[{"name": "Mai"}])
    day.saves("Lan", {"people": [40]}, people=42)
    day.stands("title", "Hội thi")
    day.stands("people", 42)
    day.stands("topics/gbv", True, k="add")
    day.stands("speakers/r1/name", "Mai")
    found = day.findings()
    assert found.good, found
    assert (found.records, found.fields, found.conflicts_open) == (1, 4, 0)


def test_two_answers_that_both_stand_are_an_open_question_and_no_harm(day: Day) -> None:
    day.saves("Lan", people=40)
    day.saves("Lan", {"people": [40]}, people=41)
    day.saves("Huệ", {"people": [40]}, people=43)
    day.stands("people", 41, open=[43])
    found = day.findings()
    assert found.good, found
    assert found.conflicts_open == 1


def test_an_answer_overwritten_unseen_is_found(day: Day) -> None:
    day.saves("Lan", people=40)
    day.saves("Lan", {"people": [40]}, people=41)
    day.saves("Huệ", {"people": [40]}, people=43)
    day.stands("people", 43)
    found = day.findings()
    assert len(found.silently_changed) == 1
    assert "41 fell" in found.silently_changed[0]


def test_an_old_answer_that_came_back_is_found(day: Day) -> None:
    day.saves("Lan", people=40)
    day.saves("Huệ", {"people": [40]}, people=43)
    day.stands("people", 43, open=[40])
    assert ["40 stands" in s for s in day.findings().silently_changed] == [True]


def test_an_answer_that_never_arrived_is_lost(day: Day) -> None:
    day.saves("Lan", title="Hội thi", people=40)
    day.lines[0]["o"].pop()
    day.stands("title", "Hội thi")
    assert day.findings().lost == ["A1.people: 40 is nowhere"]


def test_a_record_that_never_arrived_is_lost(day: Day) -> None:
    day.saves("Lan", title="Hội thi")
    assert day.findings().lost == ["A1: the server has no such record"]


def test_a_record_that_one_line_made_is_read_from_that_line(day: Day) -> None:
    day.saves("Lan", title="Hội thi", people=40)
    day.stands("title", "x")
    day.findings()
    connection = sqlite3.connect(day.database)
    (digest,) = connection.execute("SELECT digest FROM line").fetchone()
    name = f"log.1.{base64.urlsafe_b64encode(digest[:6]).decode()}"
    connection.execute("UPDATE record SET registers = NULL, sole = ?", (name,))
    connection.commit()
    connection.close()
    assert compare(read(day.path), gather(str(day.database)), SHAPE).good


def test_what_the_screen_refused_does_not_count(day: Day) -> None:
    day.saves("Lan", people=40)
    day.journal.refused(day.types("Lan", {"people": 44}, {"people": [40]}))
    day.lines.append({"r": ID, "o": [{"p": "people", "v": 44}]})
    day.stands("people", 40)
    assert day.findings().good


def test_a_decision_that_saw_both_leaves_one(day: Day) -> None:
    day.saves("Lan", people=41)
    day.saves("Huệ", people=43)
    day.saves("Thảo", {"people": [41, 43]}, act="decide", people=42)
    day.stands("people", 42)
    assert day.findings().good


def test_what_the_screen_never_confirmed_may_be_there_or_not(day: Day) -> None:
    day.saves("Lan", people=40)
    day.types("Lan", {"people": 44}, {"people": [40]})
    day.stands("people", 40)
    assert day.findings().good


def test_what_the_screen_never_confirmed_and_arrived_counts(day: Day) -> None:
    day.saves("Lan", people=40)
    day.types("Lan", {"people": 44}, {"people": [40]})
    day.lines.append({"r": ID, "o": [{"p": "people", "v": 44}]})
    day.stands("people", 44)
    assert day.findings().good


@pytest.mark.parametrize(("topics", "lost", "changed"), [((), 1, 0), (("gbv",), 0, 0), (("gbv", "law"), 0, 1)])
def test_elements_of_a_set_stand_one_by_one(day: Day, topics: Sequence[str], lost: int, changed: int) -> None:
    day.saves("Lan", topics=["gbv", "law"])
    day.saves("Lan", {"topics": [["gbv", "law"]]}, topics=["gbv"])
    day.registers["title"] = [1]
    for topic in topics:
        day.stands(f"topics/{topic}", True, k="add")
    found = day.findings()
    assert (len(found.lost), len(found.silently_changed)) == (lost, changed)


def test_a_row_and_a_sealed_value_that_are_missing_are_lost(day: Day) -> None:
    day.saves("Lan", speakers=[{"name": "Mai"}], name="sealed")
    day.stands("speakers/r1/name", "Đào")
    assert len(day.findings().lost) == 2


def test_texts_merged_line_by_line_hold_the_lines_of_both(day: Day) -> None:
    day.saves("Lan", result="một\nhai")
    day.saves("Lan", {"result": ["một\nhai"]}, result="một\nhai\nba")
    day.saves("Huệ", {"result": ["một\nhai"]}, result="không\nmột\nhai")
    day.stands("result", "không\nmột\nhai\nba")
    assert day.findings().good


def test_a_text_that_lost_a_line_is_found(day: Day) -> None:
    day.saves("Lan", result="một\nhai")
    day.stands("result", "một")
    assert len(day.findings().lost) == 1


@pytest.mark.parametrize(("withdrawn", "good"), [(True, True), (False, False)])
def test_a_withdrawal_that_saw_everything_is_in_force(day: Day, withdrawn: bool, good: bool) -> None:
    day.saves("Lan", people=40)
    day.saves("Lan", {"people": [40]}, act="withdraw")
    day.stands("people", 40)
    day.stands("@", None, k="withdraw")
    assert day.findings(withdrawn=withdrawn).good is good


@pytest.mark.parametrize("reported", [True, False])
def test_accepting_a_report_accepts_the_records_that_it_counted(day: Day, reported: bool) -> None:
    day.saves("Lan", act="go", state="submitted")
    if reported:
        number = day.journal.write(
            who="Thảo",
            via="console",
            act="go",
            record="R",
            type="periodic_report",
            unit="u",
            fields={"state": "accepted"},
        )
        day.journal.done(number, "r")
    day.stands("state", "accepted")
    found = day.findings()
    assert (found.silently_changed == []) is reported


@pytest.mark.parametrize(("words", "harmless"), [("1.040", True), ("1.041", False)])
def test_a_value_that_the_console_showed_in_words_was_seen(day: Day, words: str, harmless: bool) -> None:
    day.saves("Lan", people=1040)
    day.saves("console", {"people": [words]}, people=1050)
    day.stands("people", 1050)
    assert day.findings().good is harmless


def test_two_lines_of_one_number_may_both_follow(day: Day) -> None:
    day.saves("Lan", people=40)
    day.saves("Lan", {"people": [40]}, people=41)
    day.stands("people", 41)
    assert day.findings().good
    connection = sqlite3.connect(day.database)
    connection.execute("INSERT INTO line SELECT log, number, before, ?, NULL, stream, 3, verdict FROM line WHERE number = 2", (b"1" * 32,))
    connection.commit()
    connection.close()
    assert gather(str(day.database)).broken == []


def test_a_chain_that_does_not_follow_is_told(day: Day) -> None:
    day.saves("Lan", people=40)
    day.saves("Lan", {"people": [40]}, people=41)
    day.stands("people", 41)
    day.findings()
    connection = sqlite3.connect(day.database)
    connection.execute("UPDATE line SET body = CAST(replace(CAST(body AS TEXT), '40', '49') AS BLOB) WHERE number = 1")
    connection.execute("UPDATE line SET before = digest WHERE number = 2")
    connection.commit()
    connection.close()
    told = gather(str(day.database)).broken
    assert told == ["log log: line 1 is not what its hash says", "log log: line 2 does not follow"]


COMPARING = ("journal", "oracle", "evidence", "compare", "replica", "pages", "desk", "screen")
OURS = {"shared", "sync", "server", "mobile", "demo"}


def test_the_comparing_code_imports_nothing_of_sen() -> None:
    """A fresh interpreter that has imported it, and run every import within it, holds no module of Sen."""
    names = [f"tests.fieldday.{name}" for name in COMPARING]
    told = f"import sys, json, psycopg, {', '.join(names)}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert set(names) <= modules
    assert {name for name in modules if name.split(".")[0] in OURS} == set()


def test_no_comparing_function_imports_sen_later() -> None:
    own = {f"tests.fieldday.{name}" for name in COMPARING} | {"tests.support.browser", "tests.support.processes"}
    for module in own:
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in OURS], module
            assert {name for name in names if name.startswith("tests.")} <= own, module
            assert not (isinstance(node, ast.Name) and node.id in ("__import__", "importlib")), module


def test_the_shapes_of_the_record_types_are_read_from_their_yaml() -> None:
    told = shapes(ROOT / "shared" / "data" / "record_types")
    assert told["communication_activity"]["participants_total"] == "scalar"
    assert told["communication_activity"]["topics"] == "set"
    assert told["communication_activity"]["speakers"] == "rows"
