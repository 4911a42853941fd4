"""Write docs/promises.md: each promise beside the tests that prove it, found by their names.

`test_f05_…` proves F05, `test_f42_b01_…` proves F42 and B01; numbers have two digits. An m is a story of docs/sync.md, which has
a table of its own; it is a row of the list (backup, restore, upgrade, leaving) in the modules of `OF_BACKUP` alone.
A row without a test is not yet promised, and the page says so; `lacks` says what the tests of a row leave open.
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
STORIES = ROOT / "docs" / "sync.md"
PAGE = ROOT / "docs" / "promises.md"
NUMBERS = re.compile(r"test_((?:[pfbtlm]\d+[a-z]?_)+)")
STORY = re.compile(r"^- \*\*(M\d+[a-z]?) ([^*]+?)\.?\*\*", re.MULTILINE)
OF_BACKUP = ("tests/server/test_backup.py", "tests/server/test_schema.py")
"""The modules in which an m is a row of «Backup, restore, upgrade, leaving»."""

Proofs = Mapping[str, Sequence[str]]


def proofs(folder: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Number → the tests that bear it, each as `path::name`, in order: of the list's rows, and of the stories."""
    rows: dict[str, list[str]] = {}
    stories: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        told = path.relative_to(folder.parent).as_posix()
        for name in test_names(path):
            for number in numbers(name):
                found = stories if number[0] == "M" and told not in OF_BACKUP else rows
                found.setdefault(number, []).append(f"{told}::{name}")
    return rows, stories


def numbers(name: str) -> list[str]:
    """The numbers that a test's name begins with, as the page writes them: F05, M07B."""
    match = NUMBERS.match(name)
    return [one.upper() for one in match[1].split("_") if one] if match else []


def test_names(path: Path) -> Iterator[str]:
    """The names of the test functions of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


def plain(number: str) -> str:
    """P2 and L3 with two digits, as a test writes them: P02."""
    letter, digits, variant = re.fullmatch(r"([A-Z])(\d+)([a-zA-Z]?)", number).groups()  # type: ignore[union-attr]
    return f"{letter}{int(digits):02}{variant.upper()}"


def page(sections: Sequence[Mapping[str, Any]], proved: Proofs, stories: Sequence[tuple[str, str]], told: Proofs) -> str:
    """The page as text. `stories` are (number, title); `told` are their tests."""
    rows = [row for section in sections for row in section["rows"]]
    kept = [row for row in rows if plain(row["number"]) in proved]
    part = sum("lacks" in row for row in kept)
    lines = [
        "# What Sen promises, and which test proves it",
        "",
        "Made from `tests/promises.yaml` and the names of the tests by `python3 -m tests.promises`; a test sees that it",
        f"is up to date. {len(kept)} of {len(rows)} rows have a test; {part} of these hold in part, and what is still open stands",
        "beside their tests. **A row without a test is not yet promised.**",
    ]
    for section in sections:
        lines += ["", f"## {section['title']}", "", "| no | what | must hold | proved by |", "|---|---|---|---|"]
        for row in section["rows"]:
            what, holds, lacks = (row.get(key, "").replace("|", "\\|") for key in ("what", "holds", "lacks"))
            tests = _cell(proved.get(plain(row["number"]), ()), "*not yet promised*")
            lines.append(f"| {row['number']} | {what} | {holds} | {tests}{f'<br>*still open: {lacks}*' if lacks else ''} |")
    lines += ["", "## Merge stories", "", f"The stories of [sync](sync.md#10-stories), {len(stories)} of them, each with its tests."]
    lines += ["", "| no | story | told by |", "|---|---|---|"]
    lines += [f"| {number} | {title} | {_cell(told.get(plain(number), ()), '*no test*')} |" for number, title in stories]
    return "\n".join(lines) + "\n"


def _cell(tests: Sequence[str], otherwise: str) -> str:
    return "<br>".join(f"`{test}`" for test in tests) or otherwise


def stories_told() -> list[tuple[str, str]]:
    """The stories of docs/sync.md: (number, title)."""
    return STORY.findall(STORIES.read_text(encoding="utf-8"))


def written() -> str:
    """The page as it should be now."""
    rows, stories = proofs(ROOT / "tests")
    return page(yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["sections"], rows, stories_told(), stories)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(written(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written")
