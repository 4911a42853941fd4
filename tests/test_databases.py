"""The count per database bites: a run whose databases saw different numbers of tests fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(folder: Path, source: str, *options: str) -> tuple[int, str]:
    """Run a test file of one's own with the plugin; the exit code and what was shown."""
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.databases", "-p", "no:cacheprovider", "-q", *options]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


BOTH = "import pytest\n@pytest.mark.parametrize('db', ['sqlite', 'postgresql'])\ndef test_a(db): pass\n"
ONE = BOTH + "@pytest.mark.parametrize('db', ['sqlite'])\ndef test_b(db): pass\n"
NONE = "def test_c(): pass\n"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "in_workers"])
def test_equal_numbers_pass_and_are_shown(tmp_path: Path, workers: tuple[str, ...]) -> None:
    code, shown = run(tmp_path, BOTH, "--equal-databases", *workers)
    assert code == 0, shown
    assert "tests per database: sqlite 1, postgresql 1" in shown


@pytest.mark.parametrize("source", [ONE, NONE], ids=["one_more_on_sqlite", "on_no_database"])
def test_other_numbers_fail(tmp_path: Path, source: str) -> None:
    code, shown = run(tmp_path, source, "--equal-databases")
    assert code == 1, shown


def test_part_of_the_tests_may_be_run_without_the_option(tmp_path: Path) -> None:
    code, shown = run(tmp_path, ONE)
    assert code == 0, shown
    assert "sqlite 2, postgresql 1 (not equal)" in shown
