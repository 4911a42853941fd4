"""One change onto one record: what becomes current, what falls, what a person must decide.

Only the server merges; its order is everybody's. For each operation, in this order (``docs/sync.md`` tells
the stories that simpler rules failed in):

1. it is in the past of a value in force: history, with no effect, but what it had seen is learnt;
2. every value in force that is in its past falls;
3. the current one fell, or there was none: it becomes current, also where it says the same as what fell;
4. it is equal to a value left: one value with two origins, for who saw one saw both, but where a third would pass for seen by that; else,
   where another one is current, the field's policy;
5. while any name in its past has not come, it is never found equal and no policy pushes it out: it waits as a
   candidate (on an empty field as the value) and is judged again when that name comes, and so is whoever met it meanwhile.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.lineage import Lineage, Past, join
from sync.log import RECORD_STANDING, Change, Operation
from sync.policies import POLICIES, Judge, Known, Meeting
from sync.state import RecordState, Register, Value

UNIT_PATH = "unit"
FRESH_KINDS = frozenset({"set", "add"})
NOTHING: Mapping[str, Sequence[str]] = {}

__all__ = ["Fallen", "Merged", "Outcome", "apply", "fresh", "is_fresh", "learn", "teach"]


@dataclass(frozen=True, slots=True)
class Fallen:
    """A value that is no longer in force: the name of a change at a path, and what that change had seen."""

    path: str
    name: str
    past: Past
    waits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What the server itself settles, as a decision of its own that names all it settles: a merged text that equals nobody's, or the
    value that turns out to have seen the others.
    """

    path: str
    value: Any
    saw: tuple[str, ...]
    blob: str | None = None


@dataclass(slots=True)
class Outcome:
    """What applying a change did besides changing the registers."""

    fallen: list[Fallen] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)


def is_fresh(change: Change, latest: Collection[str]) -> bool:
    """Whether the first change of a new record needs no merge: it sets plain registers once, having seen nothing.

    Args:
        latest: the fields of the type whose policy is ``latest``; those keep a time and go the long way.
    """
    paths = set()
    for op in change.operations:
        path = op.path
        if op.saw or op.kind not in FRESH_KINDS or path in latest or (path == UNIT_PATH and op.value != change.unit):
            return False
        paths.add(path)
    return len(paths) == len(change.operations)


def fresh(change: Change, name: str, *, number: int) -> RecordState:
    """The state of a record that one fresh change made (``is_fresh``)."""
    registers = {
        op.path: Register(number, [Value((name,), {}, op.kind, op.value, op.blob)]) for op in change.operations
    }  # fmt: skip
    return RecordState(change.record, change.type, [change.unit], registers)


def apply(
    state: RecordState, change: Change, name: str, *, number: int, arrived_ms: int, judge: Judge,
    taught: Mapping[str, Sequence[str]] = NOTHING,
) -> Outcome:  # fmt: skip
    """Merge a change into a record; ``state`` is changed in place.

    Args:
        name: the change's name.
        number: its place in the stream; every register it touches takes it.
        arrived_ms: the server's clock at its arrival; ``latest`` believes the earlier of the two clocks.
        taught: path → names of all that its writer had seen there, where somebody tells it: then nothing of that is waited for.
    """
    work = _Work(state, name, number, judge)
    work.taught = taught
    time = min(change.time, (arrived_ms, 0))
    fresh = not state.registers
    for op in change.operations:
        register = state.registers.get(op.path)
        if register is None:
            register = state.registers[op.path] = Register(number, [])
        work.arrive(register, op, (time[0], time[1]) if judge.policy(op.path) == "latest" else (0, 0))
    if not fresh:
        work.resolve_waiting({op.path: op.saw for op in change.operations})
    work.settle_standings()
    work.settle_unit()
    return work.outcome


def learn(state: RecordState, name: str, saw: dict[str, tuple[str, ...]], *, number: int, judge: Judge) -> Outcome:
    """Take note of a change that came and was set aside: who waited for it is judged by what it named."""
    work = _Work(state, name, number, judge)
    work.resolve_waiting(saw)
    work.settle_standings()
    return work.outcome


def teach(state: RecordState, name: str, taught: Mapping[str, Sequence[str]], *, judge: Judge) -> Outcome:
    """Learn what a change that came before had seen, at each path; gives what is settled by that, and what is known now of
    values that fell.
    """
    outcome, lineage = Outcome(), judge.lineage
    for path, names in taught.items():
        past, register = lineage.past(names), state.registers.get(path)
        if judge.known(path, name) is not None:
            outcome.fallen.append(Fallen(path, name, past, ()))
        if register is None:
            continue
        for index, value in enumerate(register.values):
            if name in value.origins or lineage.holds(value.past, name):
                waits = tuple(one for one in value.waits if not lineage.holds(past, one))
                register.values[index] = value._replace(past=join(value.past, past), waits=waits)
        last = next((value for value in register.values if not value.waits and _saw_all(register, value, lineage)), None)
        if last is not None and len(register.values) > 1:
            saw = tuple(origin for value in register.values for origin in value.origins)
            outcome.merged.append(Merged(path, last.value, saw, last.blob))
    return outcome


def _saw_all(register: Register, value: Value, lineage: Lineage) -> bool:
    others = (other for other in register.values if other is not value)
    return all(any(lineage.holds(value.past, origin) for origin in other.origins) for other in others)


class _Work:
    """One change on its way into one record."""

    def __init__(self, state: RecordState, name: str, number: int, judge: Judge) -> None:
        self.state = state
        self.name = name
        self.number = number
        self.judge = judge
        self.lineage = judge.lineage
        self.taught = NOTHING
        self.outcome = Outcome()

    def arrive(self, register: Register, op: Operation, time: tuple[int, int]) -> None:
        past, waits = self.gather(register, op.path, op.saw) if op.saw else ({}, ())
        if op.path in self.taught:
            past, waits = join(past, self.lineage.past(self.taught[op.path])), ()
        value = Value((self.name,), past, op.kind, op.value, op.blob, waits, False, time)
        register.touched = self.number
        if register.values or op.kind in ("go", "decide"):
            self.place(register, op.path, value, op.saw)
        else:
            register.values.append(value)

    def gather(self, register: Register, path: str, saw: Iterable[str]) -> tuple[Past, tuple[str, ...]]:
        """The past of an operation: the names it saw and their pasts; and those of them that have not come.

        What a fallen value waited for when it fell may have come since: it is looked up too.
        """
        names = list(dict.fromkeys(saw))
        pasts, waits = list[Past](), list[str]()
        for name in names:  # grows as it goes
            known = self.in_force(register, name) or self.judge.known(path, name)
            if known is None:
                waits.append(name)
                pasts.append(self.lineage.awaited(name))
            else:
                pasts += [self.lineage.past((name,)), known.past]
                names += [other for other in known.waits if other not in names]
        return join(*pasts), tuple(waits)

    def in_force(self, register: Register, name: str) -> Known | None:
        for value in register.values:
            if name in value.origins:
                return Known(join(value.past, self.lineage.past(value.origins)), value.waits)
        return None

    def place(self, register: Register, path: str, value: Value, saw: tuple[str, ...]) -> None:
        """Put a value among those in force, by the five rules above. A move that is asked about does not stand: what it builds on moves
        the workflow all the same, and it is judged again from there.
        """
        policy = self.judge.policy(path)
        seers = [other for other in register.values if self.has_seen(other, value)]
        if any(policy != "flow" or not other.open for other in seers):
            self.fall(path, value)
        else:
            self.put(register, path, value, saw, policy)
        if seers:
            self.teach(register, value)

    def put(self, register: Register, path: str, value: Value, saw: tuple[str, ...], policy: str) -> None:
        """Put a value among those in force that nobody in force has seen."""
        current = next((other for other in register.values if not other.open), None)
        illegal = policy == "flow" and not self.legal(path, current, value)
        fell = [
            other for other in register.values
            if self.has_seen(value, other) and not (illegal and other is current)
        ]  # fmt: skip
        register.values = [other for other in register.values if other not in fell]
        for other in fell:
            self.fall(path, other)
            value = value._replace(past=join(value.past, other.past), waits=_both(value.waits, other.waits))
        if illegal:
            register.values.append(value._replace(open=True))
        elif self.join_equal(register, path, policy, value):
            return
        elif policy == "standing" or current is None or current in fell:
            register.values.insert(0, value)
        else:
            self.meet(Meeting(register, current, value, path, saw, self.judge), policy)

    def legal(self, path: str, current: Value | None, value: Value) -> bool:
        """Whether a workflow may move so. Who has seen the present state and keeps it moves nothing."""
        seen = current is None or self.has_seen(value, current)
        stays = current is not None and current.value == value.value and not value.waits
        return not seen or stays or self.judge.may_go(path, None if current is None else current.value, value)

    def join_equal(self, register: Register, path: str, policy: str, value: Value) -> bool:
        """Make one value of this one and one that says the same; it is the current one where no other is."""
        if value.waits or policy in ("union", "standing"):
            return False
        stands = any(not other.open for other in register.values)
        for index, other in enumerate(register.values):
            if not other.waits and self.judge.equal(path, other, value) and not self.hides(register, other, value):
                register.values[index] = other._replace(
                    origins=other.origins + value.origins, past=join(other.past, value.past), time=max(other.time, value.time),
                    kind=value.kind if value.kind == "decide" else other.kind, open=other.open and stands,
                )  # fmt: skip
                return True
        return False

    def hides(self, register: Register, one: Value, other: Value) -> bool:
        """Whether these two as one value would pass for having seen a third one in force: it stands earlier in the log of one of them,
        whose writer had not seen it (an older form was saved). Then they stay two, or it would fall unseen.
        """
        reach = self.lineage.past((*one.origins, *other.origins))
        return any(third is not one and any(self.lineage.holds(reach, name) for name in third.origins) for third in register.values)

    def meet(self, meeting: Meeting, policy: str) -> None:
        ruling = POLICIES[policy](meeting)
        meeting.register.values = ruling.values
        for value in ruling.fell:
            self.fall(meeting.path, value)
        if ruling.merged is not None:
            saw = meeting.current.origins + meeting.value.origins
            self.outcome.merged.append(Merged(meeting.path, ruling.merged, saw))

    def fall(self, path: str, value: Value) -> None:
        past = join(value.past, self.lineage.past(value.origins)) if len(value.origins) > 1 else value.past
        for origin in value.origins:
            self.outcome.fallen.append(Fallen(path, origin, past, value.waits))

    def teach(self, register: Register, value: Value) -> None:
        """What is learnt of a value's past is learnt by every value in force that has it in its own."""
        for index, other in enumerate(register.values):
            if self.has_seen(other, value):
                waits = tuple(name for name in _both(other.waits, value.waits) if name not in value.origins)
                register.values[index] = other._replace(past=join(self.lineage.come(other.past, value.origins), value.past), waits=waits)
        self.judge_again(register, value)

    def judge_again(self, register: Register, learnt: Value) -> None:
        path = next(path for path, other in self.state.registers.items() if other is register)
        for other in list(register.values):
            if other not in register.values:  # judging another one again has moved it
                continue
            if self.has_seen(other, learnt) and len(register.values) > 1:
                register.values.remove(other)
                self.place_again(register, path, other, tuple(learnt.origins))

    def has_seen(self, other: Value, value: Value) -> bool:
        """Whether another value's writer had seen this one. Who won over a value that had seen the winner has its own name in its past."""
        return not set(other.origins) & set(value.origins) and any(self.lineage.holds(other.past, origin) for origin in value.origins)

    def place_again(self, register: Register, path: str, value: Value, saw: tuple[str, ...]) -> None:
        """Judge a value by what is known now; was it the current one, whoever met it while it waited is judged after it."""
        settled = not value.open and not value.waits and self.judge.policy(path) != "standing"
        met = [other for other in register.values if other.open and not other.waits] if settled else []
        self.place(register, path, value._replace(open=False), saw)
        for other in met:
            if other in register.values:  # it has not fallen
                register.values.remove(other)
                self.place(register, path, other._replace(open=False), other.origins)

    def resolve_waiting(self, saw: dict[str, tuple[str, ...]]) -> None:
        """Judge again the values that waited for this change at paths where it stands no longer, or never did."""
        for path, register in self.state.registers.items():
            while (value := next((one for one in register.values if self.name in one.waits), None)) is not None:
                past, waits = self.gather(register, path, saw.get(path, ()))
                rest = tuple(name for name in _both(value.waits, waits) if name != self.name)
                register.values.remove(value)
                register.touched = self.number
                learnt = value._replace(past=join(self.lineage.come(value.past, (self.name,)), past), waits=rest)
                if register.values:
                    self.place_again(register, path, learnt, saw.get(path, ()))
                else:
                    register.values.append(learnt._replace(open=False))

    def settle_standings(self) -> None:
        """A deletion is in force exactly while it has seen everything that stands in what it deletes."""
        for path, register in self.state.registers.items():
            if path.endswith(RECORD_STANDING):
                values = [self.standing(path, value) for value in register.values]
                if values != register.values:
                    register.values = values
                    register.touched = self.number

    def standing(self, path: str, value: Value) -> Value:
        if value.kind not in ("withdraw", "delete"):
            return value
        row = path.removesuffix(RECORD_STANDING).rstrip("/")
        for other_path, register in self.state.registers.items():
            if row and other_path != row and not other_path.startswith(row + "/"):
                continue
            seen = [one for one in register.values if any(self.lineage.holds(value.past, origin) for origin in one.origins)]
            past = join(value.past, *(one.past for one in seen))  # a move that is asked about stands beside the state that it had seen
            for other in register.values:
                twin = other_path == path and other.kind == value.kind
                if not twin and not any(self.lineage.holds(past, origin) for origin in other.origins):
                    return value._replace(open=True)
        return value._replace(open=False)

    def settle_unit(self) -> None:
        """A record that moves to another unit enters that unit's parts whole: all its registers are touched."""
        current = self.state.current(UNIT_PATH)
        if current is None or not isinstance(current.value, str) or current.value == self.state.unit:
            return
        if current.value in self.state.units:
            self.state.units.remove(current.value)
        self.state.units.append(current.value)
        for register in self.state.registers.values():
            register.touched = self.number


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one + other))
