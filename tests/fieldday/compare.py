"""The journal beside the evidence: what is lost, what was changed unseen, what differs on a tablet.

Imports nothing of Sen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.fieldday.evidence import Evidence, Stored
from tests.fieldday.journal import Entry
from tests.fieldday.oracle import COMPUTED, ROWS, SCALAR, SEALED, SET, STATE, TEXT, Expected, expected

SHAPES = {"choices": SET, "rows": ROWS, "long": TEXT, "files": ROWS, "photos": ROWS}


@dataclass(kw_only=True)
class Findings:
    """What the comparison found; each list holds sentences, one a finding."""

    lost: list[str] = field(default_factory=list)
    silently_changed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    replicas_differ: list[str] = field(default_factory=list)
    records: int = 0
    fields: int = 0
    conflicts_open: int = 0

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not (self.lost or self.silently_changed or self.broken or self.replicas_differ)


def shapes(folder: Path) -> dict[str, dict[str, str]]:
    """Record type → field → shape, read from the record types' YAML."""
    told: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        told[body["code"]] = {name: _shape(f) for name, f in body["fields"].items()} | {"note": TEXT}
    return told


def _shape(field: Mapping[str, Any]) -> str:
    if field.get("sensitivity") == "confidential":
        return SEALED
    return COMPUTED if "computed" in field else SHAPES.get(field["kind"], SCALAR)


def compare(entries: Sequence[Entry], evidence: Evidence, shape: Mapping[str, Mapping[str, str]]) -> Findings:
    """Hold the journal against what the server has."""
    found = Findings(broken=list(evidence.broken))
    counted = [entry for entry in entries if entry.done or _arrived(entry, evidence, shape)]
    for record in expected(counted, shape):
        found.records += 1
        found.fields += (
            len(record.values) + len(record.texts) + len(record.elements) + len(record.rows) + len(record.sealed)
        )
        stored = evidence.records.get(record.id)
        if stored is None:
            found.lost.append(f"{record.record}: the server has no such record")
        else:
            _record(found, record, stored, evidence)
    found.conflicts_open = sum(any_open for stored in evidence.records.values() for any_open in _open(stored))
    return found


def _arrived(entry: Entry, evidence: Evidence, shape: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether an entry that the screen never confirmed reached the server all the same."""
    if not entry.id:
        return False
    kinds = shape[entry.type]
    plain = [(n, v) for n, v in entry.fields.items() if kinds.get(n, SCALAR) in (SCALAR, TEXT)]
    return bool(plain) and all(value in evidence.told.get((entry.id, name), ()) for name, value in plain)


def _open(stored: Stored) -> list[int]:
    return [1 for register in stored.registers.values() if register.open]


def _record(found: Findings, record: Expected, stored: Stored, evidence: Evidence) -> None:
    for name, wanted in record.values.items():
        if name == STATE and record.moved_on and stored.values(name) == [record.moved_on]:
            continue
        _scalar(found, record, name, wanted, stored.values(name), evidence)
    for name, texts in record.texts.items():
        _texts(found, record, name, texts, stored.values(name))
    for name, elements in record.elements.items():
        standing = {rest[0] for rest, register in stored.below(name) if "add" in register.kinds}
        for element, must in elements.items():
            if must is True and element not in standing:
                found.lost.append(f"{record.record}.{name}: {element} was chosen and does not stand")
            if must is False and element in standing:
                found.silently_changed.append(f"{record.record}.{name}: {element} was taken out and stands again")
    for name, rows in record.rows.items():
        _rows(found, record, name, rows, stored)
    for name in record.sealed:
        register = stored.registers.get(name)
        if register is None or not register.sealed:
            found.lost.append(f"{record.record}.{name}: no sealed value stands there")
    _withdrawal(found, record, stored)


def _scalar(
    found: Findings, record: Expected, name: str, wanted: Sequence[Any], there: Sequence[Any], evidence: Evidence
) -> None:
    ever = evidence.told.get((record.id, name), [])
    for value in wanted:
        if value not in there:
            if value in ever:
                found.silently_changed.append(
                    f"{record.record}.{name}: {value!r} fell, and nobody who saw it changed it"
                )
            else:
                found.lost.append(f"{record.record}.{name}: {value!r} is nowhere")
    for value in there:
        if value not in wanted:
            found.silently_changed.append(f"{record.record}.{name}: {value!r} stands, and should have fallen")


def _texts(found: Findings, record: Expected, name: str, wanted: Sequence[str], there: Sequence[Any]) -> None:
    """A long text may have been merged line by line: then every line that somebody wrote stands in one of its values."""
    lines = [{line.strip() for line in str(value).splitlines()} for value in there]
    for text in wanted:
        own = {line.strip() for line in text.splitlines() if line.strip()}
        if text not in there and not any(own <= standing for standing in lines):
            found.lost.append(f"{record.record}.{name}: a text of {len(own)} lines does not stand")


def _rows(found: Findings, record: Expected, name: str, rows: Sequence[Mapping[str, Any]], stored: Stored) -> None:
    standing: dict[str, dict[str, list[Any]]] = {}
    for rest, register in stored.below(name):
        if len(rest) == 2:
            standing.setdefault(rest[0], {})[rest[1]] = register.values
    for row in rows:
        own = {key: value for key, value in row.items() if key != "id"}
        if not any(all(value in there.get(key, ()) for key, value in own.items()) for there in standing.values()):
            found.lost.append(f"{record.record}.{name}: a row is missing")


def _withdrawal(found: Findings, record: Expected, stored: Stored) -> None:
    if record.withdrawn is True and not stored.withdrawn:
        found.lost.append(f"{record.record}: it was withdrawn and stands")
    if record.withdrawn is False and stored.withdrawn:
        found.silently_changed.append(f"{record.record}: nobody withdrew it and it does not stand")
    if record.withdrawn is None and "@" not in stored.registers:
        found.lost.append(f"{record.record}: a withdrawal is nowhere")
