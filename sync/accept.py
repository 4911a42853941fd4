"""The server reads a run of a device's log: what is new is numbered, judged and merged; nothing is refused for
its content.

A run whose frame is wrong (a gap, a chain that does not follow, somebody else's log) applies nothing. A line whose
content is wrong is kept as its bytes, set aside with its reason, and the lines behind it go on; of a line that holds a
confidential value in the clear only the hash is kept.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from sync.compose import decision
from sync.errors import ContentFault, FrameFault
from sync.log import RECORD_STANDING, Change, LogHead, chain_next, chain_start, name_of
from sync.merge import Merged, Outcome, apply, is_fresh, learn
from sync.messages import Run, hash_in_run
from sync.state import RecordState
from sync.store import Arrival, Device, Ledger

BATCH = 500
"""Lines that are loaded, merged and written together: bounds the memory of a page, and the queries."""

NOT_KEPT = frozenset({"not_sealed"})
"""Verdicts of lines that hold a confidential value in the clear: the log goes on with their hash, their bytes are not kept."""

__all__ = ["Accepted", "accept", "write"]


class Accepted(NamedTuple):
    """How far a log is read now, how many lines were new, and whether each of them stands alone and undisputed in every
    register that it touched, so that its writer need not be told what became of it.
    """

    head: LogHead
    new: int
    plain: bool


def accept(ledger: Ledger, device: Device, run: Run, *, arrived_ms: int) -> Accepted:
    """Read a run. Lines that were read before have no effect.

    Raises:
        FrameFault: ``log_gap`` (with the number expected), ``wrong_chain``, ``log_forked``, ``foreign_log``.
    """
    known = ledger.log(run.log)
    if known is None:
        start = chain_start(run.log, device.key)
        if run.first == 1 and run.before != start:
            raise FrameFault("wrong_chain")
        head = LogHead(0, start)
    elif known.device != device.id:
        raise FrameFault("foreign_log")
    else:
        head = known.head
    if run.first > head.number + 1:
        raise FrameFault("log_gap", expected=head.number + 1)
    work = _Reading(ledger, arrived_ms)
    arrivals = _new_lines(run, head)
    new = 0
    while batch := list(islice(arrivals, BATCH)):
        if known is None and not new:
            ledger.open_log(run.log, device.id, head.hash)
        work.batch(batch)
        new += len(batch)
        head = LogHead(batch[-1].number, chain_next(batch[-1].before, batch[-1].digest))
    return Accepted(head, new, work.plain)


def write(ledger: Ledger, arrival: Arrival, *, arrived_ms: int) -> None:
    """Take a line that the server itself writes (a console's edit) through the same gate and merge."""
    _Reading(ledger, arrived_ms).line(arrival)


def _new_lines(run: Run, head: LogHead) -> Iterator[Arrival]:
    """Chain the run and leave out what was read before; the chain must pass through the head that is known.

    Lines are read as they are asked for, so that a page of any size holds a batch of them in memory.
    """
    chain, number = run.before, run.first - 1
    for line in run.lines:
        if number == head.number and chain != head.hash:
            raise FrameFault("log_forked", log=run.log, number=number)
        digest = hash_in_run(line)
        number += 1
        if number > head.number:
            yield _arrival(run.log, number, chain, line, digest)
        chain = chain_next(chain, digest)
    if number == head.number and chain != head.hash:
        raise FrameFault("log_forked", log=run.log, number=number)


def _arrival(log: str, number: int, before: bytes, line: bytes, digest: bytes) -> Arrival:
    """A line with its change, or with the code of what is wrong in it."""
    name = name_of(log, number, digest)
    if not line.startswith(b"{") and len(line) == 43:
        return Arrival(log, number, before, None, digest, name, None, "line_too_long")
    try:
        change = Change.parse(line)
        if change.log != log or change.number != number:
            raise ContentFault("wrong_place")
    except ContentFault as fault:
        return Arrival(log, number, before, line, digest, name, None, fault.code)
    return Arrival(log, number, before, line, digest, name, change, "")


class _Reading:
    """Lines on their way into the stream."""

    def __init__(self, ledger: Ledger, arrived_ms: int) -> None:
        self.ledger = ledger
        self.arrived_ms = arrived_ms
        self.plain = True

    def batch(self, arrivals: Sequence[Arrival]) -> None:
        records = list(dict.fromkeys(arrival.change.record for arrival in arrivals if arrival.change is not None))
        self.ledger.states(records)
        for arrival in arrivals:
            self.line(arrival)
        self.ledger.flush()

    def line(self, arrival: Arrival) -> None:
        """Number one line and merge it."""
        change = arrival.change
        if change is None:
            self.plain = False
            self.ledger.append(arrival)
            return
        state = self.ledger.state(change.record)
        verdict = self.ledger.refusal(change, state)
        if verdict:
            arrival = arrival._replace(verdict=verdict, body=None if verdict in NOT_KEPT else arrival.body)
        number = self.ledger.append(arrival)
        if verdict:
            self.plain = False
            if state is not None:
                saw = {op.path: op.saw for op in change.operations}
                outcome = learn(state, arrival.name, saw, number=number, judge=self.ledger.judge(state, change))
                if state.touched == number:
                    self.settle(state, outcome)
        elif state is None and is_fresh(change, self.ledger.latest_fields(change.type)):
            self.ledger.keep_fresh(arrival, number)
        else:
            self.merge(arrival.name, change, state or RecordState(change.record, change.type, [change.unit]), number)

    def merge(self, name: str, change: Change, state: RecordState, number: int) -> None:
        judge = self.ledger.judge(state, change)
        outcome = apply(state, change, name, number=number, arrived_ms=self.arrived_ms, judge=judge)
        self.settle(state, outcome)
        self.plain = self.plain and not outcome.merged and _undisputed(state, change, name)

    def settle(self, state: RecordState, outcome: Outcome) -> None:
        """Note what changed, and write the texts that merged as decisions of the server's own."""
        self.ledger.keep(state, outcome.fallen)
        for merged in outcome.merged:
            self.write_merged(state, merged)

    def write_merged(self, state: RecordState, merged: Merged) -> None:
        own = self.ledger.own_line(state, "", [decision(merged.path, merged.text, merged.saw)])
        assert own.change is not None
        number = self.ledger.append(own)
        judge = self.ledger.judge(state, own.change)
        outcome = apply(state, own.change, own.name, number=number, arrived_ms=self.arrived_ms, judge=judge)
        self.ledger.keep(state, outcome.fallen)


def _undisputed(state: RecordState, change: Change, name: str) -> bool:
    """Whether a change is the only value in force in each register that it touched, and moved nothing else."""
    if len(state.units) > 1 or RECORD_STANDING in state.registers:
        return False
    for op in change.operations:
        values = state.registers[op.path].values
        if len(values) != 1 or values[0].open or values[0].origins != (name,) or op.path.endswith(RECORD_STANDING):
            return False
    return True
