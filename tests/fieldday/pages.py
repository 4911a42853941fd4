"""The console's pages beside the server's tables: what HTTP shows of every record, read as a person reads it.

Fetched by a browser without scripts and compared in words; imports nothing of Sen. What is sealed is left out: a page does not
show it to the district.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.fieldday.evidence import Stored
from tests.fieldday.oracle import SCALAR, SEALED
from tests.fieldday.screen import Shown, stands_for

PLAIN = frozenset({"text", "int", "date", "bool", "money", "choice"})
"""The kinds of fields whose words follow from the value alone, or from a list of choices."""

Labels = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Record type → field of a plain kind → code of a choice → its Vietnamese words (empty where it has no choices)."""


def words(data: Path) -> Labels:
    """The fields that can be compared, and the words of their choices, read from the catalogue's YAML."""
    lists: dict[str, list[dict[str, str]]] = {}
    for path in sorted(data.glob("choices*.yaml")):
        lists |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    told: dict[str, dict[str, dict[str, str]]] = {}
    for path in sorted((data / "record_types").glob("*.yaml")):
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        told[body["code"]] = {
            name: {choice["code"]: choice["vi"] for choice in _choices(field, lists)}
            for name, field in body["fields"].items()
            if field["kind"] in PLAIN and "computed" not in field
        }
    return told


def _choices(field: Mapping[str, Any], lists: Mapping[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    told = field.get("choices", [])
    return lists[told] if isinstance(told, str) else told


def differing(
    show: Callable[[str], Shown | None],
    records: Sequence[Stored],
    labels: Labels,
    shape: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    """Sentences about records whose page shows something else than the tables hold."""
    for stored in records:
        if SEALED in shape[stored.type].values():
            continue
        shown = show(stored.id)
        if (shown is None) != stored.withdrawn:
            yield f"console: {stored.type} {stored.id} is withdrawn on one side only, or has no page"
        elif shown is not None:
            yield from _record(shown, stored, labels[stored.type], shape[stored.type])


def _record(
    shown: Shown, stored: Stored, labels: Mapping[str, Mapping[str, str]], shape: Mapping[str, str]
) -> Iterator[str]:
    for name, choices in labels.items():
        held = [value for value in stored.values(name) if value is not None]
        if shape.get(name, SCALAR) != SCALAR or not held:
            continue
        there = shown.get(name, [])
        same = len(there) == len(held) and all(any(_says(one, value, choices) for one in there) for value in held)
        if not same:
            yield f"console: {stored.type} {stored.id}, {name}: the page shows something else than the tables hold"


def _says(one: Any, value: Any, choices: Mapping[str, str]) -> bool:
    return bool(one == choices[value]) if value in choices else stands_for(one, value)
