"""All checks and all tests: what `python3 sen.py test` runs once the environment is there.

The window's tests run in a process of their own: a process has one Kivy window. With `--coverage` the lines that ran are counted
and shown; it costs half as much again. Other words behind the command go to pytest (`python3 sen.py test -k proxy`): then only
those tests run, without the checks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "test"
WINDOW = "tests/mobile/window"
PYTEST = [sys.executable, "-m", "pytest", "-q"]
COVERAGE = ["--cov", "--cov-append", "--cov-report="]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that must succeed."""

    name: str
    command: list[str]


def steps(*, coverage: bool) -> list[Step]:
    """Everything that must succeed, cheap things first; last the lines that ran, where they are counted."""
    tool = Path(sys.executable).parent
    pytest = [*PYTEST, *COVERAGE] if coverage else PYTEST
    shown = Step(name="coverage", command=[sys.executable, "-m", "coverage", "report", "--format=markdown"])
    return [
        Step(name="ruff", command=[str(tool / "ruff"), "check", "."]),
        Step(name="mypy --strict", command=[str(tool / "mypy")]),
        Step(name="import-linter", command=[str(tool / "lint-imports")]),
        Step(
            name="pytest",
            command=[*pytest, "-n", "2", "--dist", "loadfile", f"--ignore={WINDOW}", f"--junitxml={BUILD / 'all.xml'}",
                     f"--databases-file={BUILD / 'databases.json'}", "--equal-databases"],
        ),
        Step(name="pytest, in a window", command=[*pytest, WINDOW, f"--junitxml={BUILD / 'window.xml'}"]),
        *([shown] if coverage else []),
    ]  # fmt: skip


def main(words: list[str]) -> int:
    """Run everything, or the tests that the words choose; returns 0 where all succeeded."""
    os.chdir(ROOT)
    coverage = words == ["--coverage"]
    if words and not coverage:
        return subprocess.call([sys.executable, "-m", "pytest", *words])
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.rmtree(ROOT / "build" / "coverage", ignore_errors=True)
    BUILD.mkdir(parents=True)
    failed = []
    for step in steps(coverage=coverage):
        print(f"\n=== {step.name}", flush=True)
        began = time.monotonic()
        code = subprocess.call(step.command)
        print(f"=== {step.name}: {'done' if code == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
        failed += [step.name] if code else []
    return close(failed)


def close(failed: list[str]) -> int:
    """Say how it went, the numbers last; returns the exit code."""
    counts = Counter[str]()
    for path in BUILD.glob("*.xml"):
        for suite in ElementTree.parse(path).getroot().iter("testsuite"):
            counts.update({key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")})
    databases = BUILD / "databases.json"
    told = json.loads(databases.read_text(encoding="utf-8")) if databases.exists() else {}
    wrong = counts["failures"] + counts["errors"]
    passed = counts["tests"] - wrong - counts["skipped"]
    print("\ntests per database: " + (", ".join(f"{name} {n}" for name, n in told.items()) or "none"))
    print(f"checks: {'all succeeded' if not failed else 'FAILED: ' + ', '.join(failed)}")
    print(f"{passed} passed, {wrong} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if failed or wrong or not passed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
