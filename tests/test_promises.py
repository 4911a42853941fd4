"""The page of promises is up to date and names no test that proves nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.promises import PAGE, ROOT, SOURCE, page, plain, proofs, written


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == written(), "run python3 -m tests.promises"


def test_every_numbered_test_names_a_row_that_exists() -> None:
    sections = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["sections"]
    rows = {plain(row["number"]) for section in sections for row in section["rows"]}
    assert set(proofs(ROOT / "tests")) <= rows


def test_a_row_without_a_test_is_not_yet_promised(tmp_path: Path) -> None:
    (tmp_path / "tests" / "sync").mkdir(parents=True)
    (tmp_path / "tests" / "test_a.py").write_text("def test_f05_cut(): pass\ndef test_m02_opened(): pass\n", "utf-8")
    (tmp_path / "tests" / "sync" / "test_b.py").write_text(
        "def test_m1_story(): pass\ndef test_m10_story(): pass\n", "utf-8"
    )
    proved = proofs(tmp_path / "tests")
    assert proved == {"F5": ["tests/test_a.py::test_f05_cut"], "M2": ["tests/test_a.py::test_m02_opened"]}
    rows = [{"number": "F05", "what": "cut", "holds": "nothing half"}, {"number": "F06", "what": "slow"}]
    text = page([{"title": "Faults", "rows": rows}], proved)
    assert "| F05 | cut | nothing half | `tests/test_a.py::test_f05_cut` |" in text
    assert "| F06 | slow |  | *not yet promised* |" in text
    assert "1 of 2 rows have a test" in text
