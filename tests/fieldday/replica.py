"""A tablet's screens beside the server's tables: are they equal?

Reads what the tablet shows of every record, and the registers that plain SQL gave. Imports nothing of Sen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.fieldday.evidence import Evidence, Stored
from tests.fieldday.oracle import COMPUTED, ROWS, SCALAR, SEALED, SET, TEXT


def units_below(path: Path, unit: str) -> set[str]:
    """A unit and everything under it, read from the units' YAML."""
    parents = {body["code"]: body.get("parent") for body in yaml.safe_load(path.read_text(encoding="utf-8"))}

    def under(code: str | None) -> bool:
        return code is not None and (code == unit or under(parents.get(code)))

    return {code for code in parents if under(code)}


def differences(
    name: str, dump: Mapping[str, Any], evidence: Evidence, units: set[str], shape: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Sentences about what a tablet shows otherwise than the server holds it.

    Args:
        dump: {record id: {type, unit, withdrawn, shown: {field: values, the current one first}}}.
        units: those that the tablet's officer may see.
    """
    there = {id: stored for id, stored in evidence.records.items() if stored.unit in units}
    for id in there.keys() - dump.keys():
        yield f"{name}: does not have {there[id].type} {id}"
    for id in dump.keys() - there.keys():
        yield f"{name}: has {dump[id]['type']} {id}, which is not on the server or not in its scope"
    for id in there.keys() & dump.keys():
        yield from _record(name, dump[id], there[id], shape[there[id].type])


def _record(name: str, shown: Mapping[str, Any], stored: Stored, shape: Mapping[str, str]) -> Iterator[str]:
    if bool(shown["withdrawn"]) != stored.withdrawn:
        yield f"{name}: {stored.type} {stored.id} is withdrawn on one side only"
    values: Mapping[str, Sequence[Any]] = shown["shown"]
    heads = {path.split("/")[0] for path in stored.registers} - {"@"}
    for field in sorted(heads | values.keys()):
        kind = shape.get(field, SCALAR)
        if kind in (SEALED, COMPUTED) or any(register.sealed for register in _registers(stored, field)):
            continue
        mine = list(values.get(field, ()))
        if kind in (SCALAR, TEXT):
            same = _same(mine, stored.values(field))
        elif kind == SET:
            same = set(_only(mine)) == _elements(stored, field)
        else:
            same = _rows_shown(mine) == _rows(stored, field) if kind == ROWS else True
        if not same:
            yield f"{name}: {stored.type} {stored.id}, {field}: the screen differs from the server"


def _registers(stored: Stored, field: str) -> Iterator[Any]:
    for path, register in stored.registers.items():
        if path == field or path.startswith(f"{field}/"):
            yield register


def _same(mine: Sequence[Any], theirs: Sequence[Any]) -> bool:
    """The same value first, and the same others in any order; a value that is taken away is none."""
    held = [value for value in theirs if value is not None]
    return mine[:1] == held[:1] and sorted(map(repr, mine)) == sorted(map(repr, held))


def _only(mine: Sequence[Any]) -> Sequence[Any]:
    return mine[0] if mine and isinstance(mine[0], list) else []


def _elements(stored: Stored, field: str) -> set[str]:
    return {rest[0] for rest, register in stored.below(field) if len(rest) == 1 and "add" in register.kinds}


def _rows(stored: Stored, field: str) -> dict[str, dict[str, Any]]:
    """Row id → sub field → current value, of the rows that stand."""
    rows: dict[str, dict[str, Any]] = {}
    gone = set()
    for rest, register in stored.below(field):
        if rest[-1] == "@" and register.kinds[:1] == ["delete"] and not register.first_open:
            gone.add(rest[0])
        rows.setdefault(rest[0], {})
        if len(rest) == 2 and rest[1] != "@" and register.values[:1] not in ([], [None]):
            rows[rest[0]][rest[1]] = register.values[0]
    return {row: values for row, values in rows.items() if row not in gone}


def _rows_shown(mine: Sequence[Any]) -> dict[str, dict[str, Any]]:
    return {row["id"]: {k: v for k, v in row.items() if k != "id"} for row in _only(mine)}
