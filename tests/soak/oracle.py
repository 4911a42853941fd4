"""What must hold, told from the lines alone: a set of changes in the server's order, who had seen what, and a function from both to
the values in force.

Written from the design's words by other code than the merge: sets of names where that has version vectors, everything anew from the
first line where that goes on. No query, no cursor, nothing of ``sync``.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DELETIONS = frozenset({"withdraw", "delete"})

MayGo = Callable[[Any, Any], bool]
"""Whether a workflow may move from a state to another."""

__all__ = ["Held", "Op", "StoredRow", "by_register", "check_register", "check_standing", "merge_of_lines", "read_ops", "seen_by"]


class StoredRow(NamedTuple):
    """A line of the stream: its name, its bytes, the verdict on it, its arrival in milliseconds; the chain's hash before it and its own."""

    name: str
    body: bytes
    verdict: str
    arrived_ms: int
    before: bytes
    digest: bytes


class Op(NamedTuple):
    """One operation of a line, with the line's place in the stream; ``behind``: what stands in the logs before what it saw; ``whole``:
    whether its log, and the logs of what it saw, are here without a gap up to there.
    """

    name: str
    log: str
    number: int
    place: int
    record: str
    path: str
    kind: str
    value: Any
    saw: tuple[str, ...]
    time: tuple[int, int]
    user: str
    applied: bool
    behind: frozenset[str]
    whole: bool


class Held(NamedTuple):
    """A value in force as somebody holds it: its origins, whether it is asked about, what it says."""

    names: frozenset[str]
    asked: bool
    value: Any


def read_ops(rows: Sequence[StoredRow]) -> list[Op]:
    """The operations of the lines that can be read, in the order of the stream."""
    earlier = earlier_of(rows)
    ops = []
    for place, row in enumerate(rows, start=1):
        line = json.loads(row.body or b"{}")
        if type(line) is not dict:
            continue
        time = min(tuple(line.get("t", (0, 0))), (row.arrived_ms, 0))
        for op in line.get("o", ()):
            value = {"sealed": op["b"]} if "b" in op else op.get("v")
            saw = tuple(op.get("s", ()))
            behind = frozenset[str]().union(*(earlier.get(name, frozenset()) for name in saw))
            whole = all(len(earlier.get(name, ())) == _place_of(name)[1] - 1 for name in (row.name, *saw))
            ops.append(
                Op(
                    row.name, line["l"], line["n"], place, line["r"], op["p"], op.get("k", "set"), value, saw, (time[0], time[1]), line["u"],
                    row.verdict == "", behind, whole,
                )
            )  # fmt: skip
    return ops


def earlier_of(rows: Sequence[StoredRow]) -> dict[str, frozenset[str]]:
    """For each line, the names of those that stand before it in its log. Of a forked log that is its own branch, told by the chain."""
    last = {(*_place_of(row.name), hashlib.sha256(row.before + row.digest).digest()): row.name for row in rows}
    follows = {row.name: last.get((log, number - 1, row.before)) for row in rows for log, number in [_place_of(row.name)]}
    earlier: dict[str, frozenset[str]] = {}
    for name in sorted(follows, key=_place_of):
        before = follows[name]
        earlier[name] = frozenset() if before is None else earlier[before] | {before}
    return earlier


def by_register(ops: Iterable[Op]) -> dict[tuple[str, str], list[Op]]:
    """The operations of each register of each record."""
    registers: dict[tuple[str, str], list[Op]] = defaultdict(list)
    for op in ops:
        registers[op.record, op.path].append(op)
    return registers


def _place_of(name: str) -> tuple[str, int]:
    log, number, _ = name.split(".")
    return log, int(number)


def seen_by(ops: Sequence[Op]) -> dict[str, set[str]]:
    """Name → all that its writer had seen of one register: what it named, what those had seen, and what their logs held before."""
    by_name = {op.name: op for op in ops}
    seen: dict[str, set[str]] = {}

    def look(name: str) -> set[str]:
        if name not in seen:
            seen[name] = set()
            found: set[str] = set()
            if name in by_name:
                for one in (*by_name[name].saw, *by_name[name].behind.intersection(by_name)):
                    found |= {one} | look(one)
            seen[name] = found
        return seen[name]

    for op in ops:
        look(op.name)
    return seen


@dataclass
class _Group:
    """One value with all who wrote it."""

    names: set[str]
    seen: set[str]
    value: Any
    kind: str
    asked: bool
    time: tuple[int, int]


@dataclass
class _Register:
    """A register as it grows, line by line."""

    policy: str
    may_go: MayGo
    groups: list[_Group] = field(default_factory=list)
    known: dict[str, set[str]] = field(default_factory=dict)
    doubtful: bool = False
    twins: int = 0

    def arrive(self, op: Op, seen: set[str]) -> None:
        for name in op.saw:
            seen |= self.known.get(name, set())
        if not op.applied:
            self.known[op.name] = seen
            return
        mine = _Group({op.name}, seen, op.value, op.kind, False, op.time)
        current = next((group for group in self.groups if not group.asked), None)
        fallen = [group for group in self.groups if group.names & seen]
        if self.policy == "flow" and not self._legal(current, mine):
            mine.asked = True
            self.groups = [group for group in self.groups if group is current or group not in fallen] + [mine]
        else:
            self.groups = [group for group in self.groups if group not in fallen]
            if self._join(mine):
                pass
            elif current is None or current in fallen:
                self.groups.insert(0, mine)
            else:
                self._meet(current, mine)
        self.known[op.name] = mine.seen

    def _legal(self, current: _Group | None, mine: _Group) -> bool:
        if current is not None and (not current.names & mine.seen or current.value == mine.value):
            return True
        return self.may_go(None if current is None else current.value, mine.value)

    def _join(self, mine: _Group) -> bool:
        """Two who wrote the same: one value, and who saw one saw both."""
        if self.policy == "union":
            return False
        for group in self.groups:
            if group.value == mine.value and not self._hides(group, mine):
                self.twins += 1
                group.names |= mine.names
                group.seen |= mine.seen
                group.asked = group.asked and any(not other.asked for other in self.groups)
                group.time = max(group.time, mine.time)
                mine.seen = group.seen
                for name in group.names:
                    self.known[name] = group.seen | group.names
                return True
        return False

    def _hides(self, group: _Group, mine: _Group) -> bool:
        """Whether a third value in force stands before one of the two in its log: to see one of them is to see what its log held before."""
        ends = [_place_of(name) for name in group.names | mine.names]
        others = [_place_of(name) for other in self.groups if other is not group for name in other.names]
        return any(log == end[0] and number <= end[1] for log, number in others for end in ends)

    def _meet(self, current: _Group, mine: _Group) -> None:
        if self.policy == "latest" or (self.policy == "flow" and self.may_go(current.value, mine.value)):
            later = (mine.time, max(mine.names)) > (current.time, max(current.names))
            winner, loser = (mine, current) if later or self.policy == "flow" else (current, mine)
            winner.seen |= loser.seen | loser.names
            self.groups = [winner, *(group for group in self.groups if group is not current)]
            for name in winner.names:
                self.known[name] = winner.seen | winner.names
        else:
            mine.asked = self.policy != "union"
            self.groups.append(mine)


def check_register(
    ops: Sequence[Op], come: Sequence[str], policy: str, held: Sequence[Held], may_go: MayGo, *, taught: bool = False
) -> tuple[list[str], bool]:  # fmt: skip
    """What is wrong in one register, and whether it could be told exactly.

    Args:
        ops: all operations at it, in the order of the stream.
        come: the names of all lines, in that order: what an operation names and is not among those before it was missing.
        held: the values in force there.
        taught: something went back to an older copy: what was seen may have been learnt from others than the lines that are here, in the
            order in which they are here.
    """
    at = {name: place for place, name in enumerate(come, start=1)}
    seen = seen_by(ops)
    model = _Register(policy, may_go)
    exact = True
    for op in ops:
        exact = exact and all(at.get(name, len(come) + 1) < op.place for name in seen[op.name])
        model.arrive(op, set(seen[op.name]))
    wrong = _written(ops, policy, held)
    if taught and not (exact and _told_by_lines(ops, policy, seen)):
        return wrong, False
    wrong += _plain_rules(ops, policy, held, seen)
    if exact:
        told = {(frozenset(group.names), group.asked) for group in model.groups}
        found = {(value.names, value.asked) for value in held}
        wrong += [] if told == found else [f"in force: {_show(found)}; must be: {_show(told)}"]
    return wrong, exact


def _told_by_lines(ops: Sequence[Op], policy: str, seen: Mapping[str, set[str]]) -> bool:
    """Whether the lines alone tell what everybody had seen: no line is lost, and nobody learnt of one value by seeing another, as of equal
    ones that met and of one that was chosen before the other. Which ones met is a matter of their order, and that of a restored server
    is another than that of the one before, which may have told what it knew.
    """
    if not all(op.whole for op in ops):
        return False
    if policy == "union":
        return True
    pairs = ((one, other) for at, one in enumerate(ops) for other in ops[:at] if one.value == other.value)
    return policy in ("ask", "text") and all(one.name in seen[other.name] or other.name in seen[one.name] for one, other in pairs)


def _show(groups: Iterable[tuple[frozenset[str], bool]]) -> str:
    return " ".join(sorted(("?" if asked else "+") + ",".join(sorted(name[:3] + name[11:14] for name in names)) for names, asked in groups))


def _written(ops: Sequence[Op], policy: str, held: Sequence[Held]) -> list[str]:
    """What holds always: every value in force was written by who is said to have written it, and one is current."""
    applied = {op.name: op for op in ops if op.applied}
    where = {name: number for number, value in enumerate(held) for name in value.names}
    wrong = [f"nobody wrote {name}" for name in where if name not in applied]
    current = [value for value in held if not value.asked]
    if policy not in ("union", "flow") and applied and len(current) != 1:
        wrong.append(f"{len(current)} current values")
    return wrong +  [f"{name} wrote something else" for name, at in where.items() if name in applied and applied[name].value != held[at].value and held[at].value is not None]


def _plain_rules(ops: Sequence[Op], policy: str, held: Sequence[Held], seen: Mapping[str, set[str]]) -> list[str]:
    """What holds in any order, and also where lines came after those that name them."""
    applied = {op.name: op for op in ops if op.applied}
    last = {name for name in applied if not any(name in seen[other] for other in applied)}
    where = {name: number for number, value in enumerate(held) for name in value.names}
    wrong = []
    for one in where:
        for other in where:
            if policy == "flow" and not held[where[one]].asked:
                continue  # a move that is not allowed is asked about beside the state that its writer had seen
            if one in applied and other in applied and one in seen[other] and where[one] != where[other]:
                wrong.append(f"asked though {other} had seen {one}")
    if policy == "union" and set(where) != last:
        wrong.append(f"in the set: {sorted(where)}, last words: {sorted(last)}")
    if policy in ("ask", "text"):
        wrong += [f"the unseen {name} is not asked" for name in last if name not in where and not _twin(applied, name, seen)]
    if policy == "latest":
        wrong += [f"{sorted(value.names)} was overwritten and stands" for value in held if value.names <= applied.keys() and not value.names & last]
        wrong += ["asked"] if len(held) > 1 else []
    return wrong


def _twin(applied: Mapping[str, Op], name: str, seen: Mapping[str, set[str]]) -> bool:
    """Whether somebody wrote the same and was overwritten: who saw one saw both."""
    same = [other for other, op in applied.items() if other != name and op.value == applied[name].value]
    return any(twin in seen[other] for twin in same for other in applied)


def check_standing(path: str, names: Mapping[str, Sequence[frozenset[str]]], ops: Sequence[Op], asked: Mapping[str, bool]) -> list[str]:
    """A deletion is in force exactly while it has seen everything that stands in what it deletes.

    Args:
        names: path → the names of each value in force there.
        ops: all operations of the record.
        asked: name of a deletion in force → whether it is in question.
    """
    row = path.removesuffix("@").rstrip("/")
    kinds = {op.name: op.kind for op in ops if op.path == path}
    wrong = []
    for op in ops:
        if op.path != path or op.kind not in DELETIONS or op.name not in asked:
            continue
        below = [(at, origins) for at, several in names.items() if not row or at == row or at.startswith(row + "/") for origins in several]
        stands = [
            origins for at, origins in below
            if not (at == path and kinds.get(next(iter(origins))) == op.kind) and not origins & seen_of_deletion(op, ops, at)
        ]  # fmt: skip
        if bool(stands) is not asked[op.name]:
            wrong.append(f"{op.name} at {path}: unseen {stands}, asked {asked[op.name]}")
    return wrong


def seen_of_deletion(deletion: Op, ops: Sequence[Op], path: str) -> set[str]:
    """What a deletion had seen at one path: what it named, what stood in those logs before, what those had seen there, and all that
    had seen who wrote where it stands, as far as it had seen them.
    """
    here = {op.name: op for op in ops if op.path == deletion.path}
    seen: set[str] = set()
    ahead = [deletion]
    while ahead:
        op = ahead.pop()
        new = {*op.saw, *op.behind} - seen
        ahead += [here[name] for name in new if name in here]
        seen |= new
    there = seen_by([op for op in ops if op.path == path])
    return seen.union(*(there.get(name, set()) for name in seen))


def merge_of_lines(base: str, one: str, other: str) -> str | None:
    """Two texts of as many lines as the one they grew from, line by line; None where both changed lines that touch each other."""
    rows = list(zip(base.splitlines(), one.splitlines(), other.splitlines(), strict=True))
    merged: list[str] = []
    mine = theirs = False
    for was, first, second in rows:
        changed = (first != was, second != was)
        mine, theirs = (mine or changed[0], theirs or changed[1]) if any(changed) else (False, False)
        if mine and theirs and first != second:
            return None
        merged.append(first if changed[0] else second)
    return "\n".join(merged) + "\n"
