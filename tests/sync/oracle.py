"""What must hold of any history once it is quiet, told from the lines alone: a set of changes and who had seen what.

Written apart from the merge and in the plainest way. No query, no cursor, nothing of ``sync`` but the form of a line.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Told(NamedTuple):
    """One operation of an applied or set-aside line."""

    name: str
    log: str
    number: int
    record: str
    path: str
    kind: str
    value: Any
    saw: tuple[str, ...]
    applied: bool


def read_lines(rows: Sequence[tuple[str, bytes, str]]) -> list[Told]:
    """The operations of lines: (name, body, verdict)."""
    told = []
    for name, body, verdict in rows:
        line = json.loads(body)
        for op in line["o"]:
            saw = tuple(op.get("s", ()))
            told.append(Told(name, line["l"], line["n"], line["r"], op["p"], op.get("k", "set"), op.get("v"), saw, verdict == ""))
    return told


def seen_by(ops: Sequence[Told]) -> dict[str, set[str]]:
    """Name → all that its writer had seen of one register: what it named, what those named, what their logs held before."""
    by_name = {op.name: op for op in ops}
    seen: dict[str, set[str]] = {}

    def look(name: str) -> set[str]:
        if name in seen:
            return seen[name]
        seen[name] = set()
        found: set[str] = set()
        for other in by_name[name].saw if name in by_name else ():
            found |= {other} | look(other)
            log, number = other.split(".")[0], int(other.split(".")[1])
            for earlier in ops:
                if earlier.log == log and earlier.number < number:
                    found |= {earlier.name} | look(earlier.name)
        seen[name] = found
        return found

    for op in ops:
        look(op.name)
    return seen


def check_register(ops: Sequence[Told], policy: str, values: Sequence[tuple[tuple[str, ...], bool]]) -> list[str]:
    """What is wrong in one register: ``values`` are those in force, as (names, whether in question)."""
    applied = {op.name: op for op in ops if op.applied}
    seen = seen_by(ops)
    last = {name for name in applied if not any(name in seen[other] for other in applied)}
    in_force = {name: number for number, (names, _) in enumerate(values) for name in names}
    wrong = [f"nobody wrote {name}" for name in in_force if name not in applied]
    for one in in_force:
        for other in in_force:
            if policy == "flow" and not values[in_force[one]][1]:
                continue  # a move that is not allowed is asked about beside the state that its writer had seen
            if one in applied and other in applied and one in seen[other] and in_force[one] != in_force[other]:
                wrong.append(f"asked though {other} had seen {one}")
    current = [number for number, (_, asked) in enumerate(values) if not asked]
    if policy in ("ask", "text", "latest") and len(current) != 1:
        wrong.append(f"{len(current)} current values")
    if policy == "union" and set(in_force) != last:
        wrong.append(f"in the set: {sorted(in_force)}, last words: {sorted(last)}")
    if policy in ("ask", "text"):
        wrong += [f"the unseen {name} is not asked" for name in last if name not in in_force and not _twin(applied, name, seen)]
    if policy == "latest":
        wrong += [f"{name} was overwritten and stands" for names, _ in values for name in names if name in applied and not set(names) & last]
        wrong += ["asked"] if len(values) > 1 else []
    return wrong


def _twin(applied: Mapping[str, Told], name: str, seen: Mapping[str, set[str]]) -> bool:
    """Whether somebody wrote the same and was overwritten: who saw one saw both."""
    same = [other for other, op in applied.items() if other != name and op.value == applied[name].value]
    return any(twin in seen[other] for twin in same for other in applied)


def check_standing(path: str, names: Mapping[str, Sequence[tuple[str, ...]]], ops: Sequence[Told], asked: Mapping[str, bool]) -> list[str]:
    """A deletion is in force exactly while it has seen everything that stands in what it deletes.

    Args:
        names: path → the names of each value in force there.
        asked: name of a deletion in force → whether it is in question.
    """
    seen = seen_by(ops)
    row = path.removesuffix("@").rstrip("/")
    wrong = []
    for op in ops:
        if op.path != path or op.kind not in ("withdraw", "delete") or op.name not in asked:
            continue
        below = [(at, origins) for at, several in names.items() if not row or at == row or at.startswith(row + "/") for origins in several]
        kinds = {other.name: other.kind for other in ops if other.path == path}
        stands = [
            origins for at, origins in below
            if not (at == path and kinds.get(origins[0]) == op.kind) and not any(origin in seen[op.name] for origin in origins)
        ]  # fmt: skip
        if bool(stands) is not asked[op.name]:
            wrong.append(f"{op.name} at {path}: unseen {stands}, asked {asked[op.name]}")
    return wrong


def by_register(told: Sequence[Told]) -> dict[tuple[str, str], list[Told]]:
    """The operations of each register of each record."""
    registers: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for op in told:
        registers[op.record, op.path].append(op)
    return registers
