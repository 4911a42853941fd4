"""Write docs/promises.md: each promise beside the tests that prove it, found by their names.

`test_f05_…` proves F05. Merge stories have numbers of their own (M1 … M19 in docs/sync.md), which tests bear too: an m is a row
of the list when it is written with two digits, `test_m02_…` to `test_m10_…`; m10 under tests/sync and tests/mobile is a story.
A row without a test is not yet promised, and the page says so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "promises.yaml"
PAGE = ROOT / "docs" / "promises.md"
NUMBERED = re.compile(r"test_([pfbtlm])(\d+)_")


def proofs(folder: Path) -> dict[str, list[str]]:
    """Number → the tests that bear it, each as `path::name`, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for name in test_names(path):
            match = NUMBERED.match(name)
            if match and not (match[1] == "m" and _is_story(path.relative_to(folder), match[2])):
                number = f"{match[1].upper()}{int(match[2])}"
                found.setdefault(number, []).append(f"{path.relative_to(folder.parent).as_posix()}::{name}")
    return found


def _is_story(path: Path, number: str) -> bool:
    """Whether an m stands for a merge story and not for a row of the list."""
    return not number.startswith("0") and (number != "10" or path.parts[0] in ("sync", "mobile"))


def test_names(path: Path) -> Iterator[str]:
    """The names of the test functions of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def plain(number: str) -> str:
    """F05 as F5: rows and tests may write a leading zero or not."""
    return f"{number[0]}{int(number[1:])}"


def page(sections: Sequence[Mapping[str, Any]], proved: Mapping[str, Sequence[str]]) -> str:
    """The page as text."""
    rows = [row for section in sections for row in section["rows"]]
    kept = sum(plain(row["number"]) in proved for row in rows)
    lines = [
        "# What Sen promises, and which test proves it",
        "",
        "Made from `tests/promises.yaml` and the names of the tests by `python3 -m tests.promises`; a test sees that it",
        f"is up to date. {kept} of {len(rows)} rows have a test. **A row without a test is not yet promised.**",
    ]
    for section in sections:
        lines += ["", f"## {section['title']}", "", "| no | what | must hold | proved by |", "|---|---|---|---|"]
        for row in section["rows"]:
            tests = proved.get(plain(row["number"]), ())
            told = "<br>".join(f"`{test}`" for test in tests) or "*not yet promised*"
            what, holds = (cell.replace("|", "\\|") for cell in (row["what"], row.get("holds", "")))
            lines.append(f"| {row['number']} | {what} | {holds} | {told} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """The page as it should be now."""
    return page(yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["sections"], proofs(ROOT / "tests"))


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(written(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written")
