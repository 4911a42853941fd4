"""The narrative of the consolidated report: what the units wrote, one by one, as a text that the district then edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.reports.outline import read_outline
from server.reports.request import unit_name
from shared.text import clean

if TYPE_CHECKING:
    from shared.catalogue import Catalogue


def merge_narratives(
    catalogue: Catalogue, outline: str, units: Sequence[str], reports: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """A first text for each narrative field of the district's own report, {field: text}, from {unit: report's values}.

    Each unit that wrote something has a line, «- Xã Long Khánh A: …», in the order of `units`, those that wrote the same have
    one together; fields about which nobody wrote are left out. The console puts the texts into the district's periodic
    report, where they are edited.
    """
    texts: dict[str, str] = {}
    for name in read_outline(catalogue.reports, outline).narratives():
        if lines := merged_lines(catalogue, name, units, reports):
            texts[name] = "\n".join(lines)
    return texts


def merged_lines(
    catalogue: Catalogue, name: str, units: Sequence[str], reports: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """One line a unit that wrote something in the field, in the order of `units`; units that wrote the same share a line."""
    told: dict[str, list[str]] = {}
    for unit in units:
        text = reports.get(unit, {}).get(name)
        if isinstance(text, str) and text.strip():
            words = " ".join(line.strip().lstrip("-–+•* ").strip() for line in clean(text).splitlines() if line.strip())
            told.setdefault(words, []).append(unit)
    return [f"- {_names(catalogue, some)}: {words}" for words, some in told.items()]


def _names(catalogue: Catalogue, units: Sequence[str]) -> str:
    first, *others = units
    return ", ".join([catalogue.units[first].name.vi, *(unit_name(catalogue, one) for one in others)])
