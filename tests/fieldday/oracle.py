"""What must be in force at the end of a day, worked out from the journal alone.

The rule is the promise itself: what somebody wrote stands until somebody who had seen it wrote something else there,
decided, or withdrew it. Two values that nobody had seen together both stand. Written from the words of the design by code
of its own; imports nothing of Sen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fieldday.journal import Entry
from tests.fieldday.screen import Words, stands_for

SCALAR = "scalar"
SET = "set"
ROWS = "rows"
TEXT = "text"
SEALED = "sealed"
COMPUTED = "computed"
"""Shown by a screen and never written."""

WITHDRAWN = "@"
STATE = "state"
REPORT = "periodic_report"
CONSOLE = "console"


@dataclass(kw_only=True)
class Expected:
    """What must stand in one record.

    `values`: field → values in force, in any order (more than one: an open question). `elements`: set field → element →
    True (stands), False (must not), None (both are right: one added what another removed unseen). `withdrawn`: True, False,
    or None where the withdrawal had not seen everything and is a question.
    """

    record: str
    id: str
    type: str
    unit: str
    values: dict[str, list[Any]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    elements: dict[str, dict[str, bool | None]] = field(default_factory=dict)
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    moved_on: str = ""
    """The state that is right too: the district moves on in one act all that a report counted, or that it consolidates."""
    withdrawn: bool | None = False


def expected(entries: Sequence[Entry], shape: Mapping[str, Mapping[str, str]]) -> list[Expected]:
    """What must stand in every record of the journal.

    Args:
        entries: those that count: an entry that was never confirmed and did not arrive is left out by the caller.
        shape: record type → field → SCALAR, SET, ROWS, TEXT, SEALED or COMPUTED.
    """
    records: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.act != "consolidate":
            records.setdefault(entry.record, []).append(entry)
    told = [_one(acts, shape[acts[0].type]) for acts in records.values()]
    for one in told:
        one.moved_on = _moved_on(one, entries)
    return told


def _moved_on(one: Expected, entries: Sequence[Entry]) -> str:
    """The state to which an act of the district on something else may have moved this record."""
    if one.type == REPORT:
        consolidated = any(entry.act == "consolidate" for entry in entries)
        return "consolidated" if consolidated and one.values.get(STATE) == ["accepted"] else ""
    accepted = any(
        entry.type == REPORT and entry.unit == one.unit and entry.fields.get(STATE) == "accepted" for entry in entries
    )
    return "accepted" if accepted and one.values.get(STATE) == ["submitted"] else ""


def _one(acts: Sequence[Entry], shape: Mapping[str, str]) -> Expected:
    first = acts[0]
    told = Expected(record=first.record, id=first.id, type=first.type, unit=first.unit)
    for name in dict.fromkeys(name for act in acts for name in act.fields):
        kind = shape.get(name, SCALAR)
        writes = [act for act in acts if name in act.fields]
        if kind == SET:
            told.elements[name] = _elements(writes, name)
        elif kind == ROWS:
            told.rows[name] = [row for write in writes for row in write.fields[name]]
        elif kind == SEALED:
            told.sealed.add(name)
        elif kind == TEXT:
            told.texts[name] = [write.fields[name] for write in _standing(writes, name)]
        else:
            told.values[name] = _distinct(write.fields[name] for write in _standing(writes, name))
    told.withdrawn = _withdrawn(acts)
    return told


def _standing(writes: Sequence[Entry], name: str) -> list[Entry]:
    """The writes of a field that no later writer had seen."""
    return [w for w in writes if not any(later.number > w.number and _saw(later, name, w) for later in writes)]


def _saw(later: Entry, name: str, write: Entry) -> bool:
    """Whether what a later writer had on the screen holds what this one wrote; the console shows it in words."""
    shown, value = later.saw.get(name, ()), write.fields[name]
    if later.via == CONSOLE:
        return any(_same(one, value) or stands_for(Words(one), value) for one in shown)
    return any(_same(one, value) for one in shown)


def _elements(writes: Sequence[Entry], name: str) -> dict[str, bool | None]:
    """Set element → whether it must stand."""
    told: dict[str, bool | None] = {}
    adds: dict[str, list[Entry]] = {}
    removes: dict[str, list[Entry]] = {}
    for write in writes:
        before, after = _shown_set(write, name), set(write.fields[name])
        for element in after - before:
            adds.setdefault(element, []).append(write)
        for element in before - after:
            removes.setdefault(element, []).append(write)
    for element, added in adds.items():
        gone = removes.get(element, [])
        if not gone:
            told[element] = True
        else:
            alone = len(added) == 1 and added[0].number < gone[-1].number
            told[element] = False if alone else None
    return told


def _shown_set(write: Entry, name: str) -> set[str]:
    shown = write.saw.get(name, ())
    return {str(element) for value in shown if isinstance(value, list) for element in value}


def _withdrawn(acts: Sequence[Entry]) -> bool | None:
    """Whether the record is withdrawn: the withdrawal must have seen everything that stands in it."""
    withdrawals = [act for act in acts if act.act == "withdraw"]
    if not withdrawals:
        return False
    last = withdrawals[-1]
    for act in acts:
        if act.number > last.number or (act.act != "withdraw" and not _all_seen(act, last, acts)):
            return None
    return True


def _all_seen(act: Entry, withdrawal: Entry, acts: Sequence[Entry]) -> bool:
    for name, value in act.fields.items():
        standing = act in _standing([a for a in acts if name in a.fields], name)
        if standing and act.via != withdrawal.via and not any(_same(value, v) for v in withdrawal.saw.get(name, ())):
            return False
    return True


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _distinct(values: Iterable[Any]) -> list[Any]:
    told: list[Any] = []
    for value in values:
        if not any(_same(value, known) for known in told):
            told.append(value)
    return told
