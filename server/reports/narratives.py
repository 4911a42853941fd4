"""The narrative of the consolidated report: what the units wrote, one by one, as a text that the district then edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.reports.outline import read_outline
from shared.text import clean

if TYPE_CHECKING:
    from shared.catalogue import Catalogue


def merge_narratives(
    catalogue: Catalogue, outline: str, units: Sequence[str], reports: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """A first text for each narrative field of the district's own report, {field: text}, from {unit: report's values}.

    Each unit that wrote something has one line, «- Xã Long Khánh A: …», in the order of `units`; fields about which nobody
    wrote are left out. The console puts the texts into the district's periodic report, where they are edited.
    """
    texts: dict[str, str] = {}
    for name in read_outline(catalogue.reports, outline).narratives():
        if lines := merged_lines(catalogue, name, units, reports):
            texts[name] = "\n".join(lines)
    return texts


def merged_lines(
    catalogue: Catalogue, name: str, units: Sequence[str], reports: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """One line a unit that wrote something in the field, in the order of `units`."""
    lines: list[str] = []
    for unit in units:
        text = reports.get(unit, {}).get(name)
        if isinstance(text, str) and text.strip():
            words = " ".join(line.strip().lstrip("-–+•* ").strip() for line in clean(text).splitlines() if line.strip())
            lines.append(f"- {catalogue.units[unit].name.vi}: {words}")
    return lines
