"""The tables of docs/catalogue.md that are written by code: kinds, merge policies, functions of rules.

``python -m tests.docs_tables`` writes them into the page; ``tests/test_docs.py`` holds the page to the code.
"""

from __future__ import annotations

from pathlib import Path

from shared.kinds import KINDS
from shared.rules import FUNCTIONS
from sync.policies import POLICIES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "catalogue.md"
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def tables() -> str:
    """The tables as Markdown."""
    lines = ["### Kinds", "", "| kind | merge policies, the default first | widget | may be confidential |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        lines.append(f"| `{name}` | {', '.join(f'`{one}`' for one in kind.merges)} | {kind.widget} | {'yes' if kind.sealable else 'no'} |")
    lines += ["", "### Merge policies", "", "| policy | when two people wrote, neither having seen the other |", "|---|---|"]
    for name, policy in POLICIES.items():
        lines.append(f"| `{name}` | {(policy.__doc__ or '').strip().splitlines()[0]} |")
    lines += ["| `rows` | A row's place is `latest`, each of its fields has its own policy, its deletion stands until somebody edits it unseen. |"]
    lines += ["", "### Functions of rules", "", ", ".join(f"`{name}`" for name in sorted({*FUNCTIONS, "today", "series"}))]
    return "\n".join(lines)


def page_with_tables(text: str) -> str:
    """A page with its tables as the code has them now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text("utf-8")), "utf-8")
