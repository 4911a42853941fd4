"""The page of promises is up to date and names no test that proves nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.promises import OF_BACKUP, PAGE, ROOT, SOURCE, numbers, page, plain, proofs, stories_told, written

ROWS = [row for section in yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["sections"] for row in section["rows"]]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run python3 -m tests.promises"


def test_every_numbered_test_names_a_row_or_a_story_that_exists() -> None:
    rows, stories = proofs(ROOT / "tests")
    assert sorted(set(rows) - {plain(row["number"]) for row in ROWS}) == []
    assert sorted(set(stories) - {plain(number) for number, _ in stories_told()}) == []


def test_every_story_has_a_test() -> None:
    _, stories = proofs(ROOT / "tests")
    assert len(stories_told()) >= 16
    assert [number for number, _ in stories_told() if plain(number) not in stories] == []


def test_a_row_that_lacks_something_has_a_test_for_the_rest() -> None:
    rows, _ = proofs(ROOT / "tests")
    assert [row["number"] for row in ROWS if "lacks" in row and plain(row["number"]) not in rows] == []


def test_modules_of_backup_are_there() -> None:
    assert [module for module in OF_BACKUP if not (ROOT / module).exists()] == []


def test_a_name_may_begin_with_several_numbers_of_two_digits() -> None:
    assert numbers("test_f42_b01_a_wrong_line") == ["F42", "B01"]
    assert numbers("test_m07b_hidden") == ["M07B"]
    assert numbers("test_a_f05") == [] == numbers("test_f05")
    assert plain("P2") == "P02" and plain("M7b") == "M07B"


def test_a_row_without_a_test_is_not_yet_promised(tmp_path: Path) -> None:
    (tmp_path / "tests" / "server").mkdir(parents=True)
    (tmp_path / "tests" / "test_a.py").write_text("def test_f05_cut(): pass\ndef test_m02_told(): pass\n", "utf-8")
    (tmp_path / "tests" / "server" / "test_backup.py").write_text("def test_m02_opened(): pass\n", "utf-8")
    proved, told = proofs(tmp_path / "tests")
    assert proved == {"F05": ["tests/test_a.py::test_f05_cut"], "M02": ["tests/server/test_backup.py::test_m02_opened"]}
    assert told == {"M02": ["tests/test_a.py::test_m02_told"]}
    rows = [{"number": "F05", "what": "cut", "holds": "nothing half", "lacks": "big ones"}, {"number": "F06", "what": "slow"}]
    text = page([{"title": "Faults", "rows": rows}], proved, [("M2", "Two settlements"), ("M3", "Settled")], told)
    assert "| F05 | cut | nothing half | `tests/test_a.py::test_f05_cut`<br>*still open: big ones* |" in text
    assert "| F06 | slow |  | *not yet promised* |" in text
    assert "| M2 | Two settlements | `tests/test_a.py::test_m02_told` |" in text
    assert "| M3 | Settled | *no test* |" in text
    assert "1 of 2 rows have a test; 1 of these hold in part" in text
