"""The server reads a run of a log: what is new is numbered, judged and merged; nothing is refused for its content.

A run whose frame is wrong (a gap, a chain that does not follow, somebody else's log) applies nothing. A line whose
content is wrong is kept as its bytes, set aside with its reason, and the lines behind it go on; of a line that holds a
confidential value in the clear only the hash is kept. Where two lines bear one number (a tablet that was cloned or went
back) both are kept: the later one begins a segment of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sync.compose import decision
from sync.errors import ContentFault, FrameFault
from sync.lineage import Segment, attached, next_id
from sync.log import RECORD_STANDING, Change, LogHead, chain_next, chain_start, name_of
from sync.merge import Merged, Outcome, apply, is_fresh, learn
from sync.messages import Run, hash_in_run
from sync.state import RecordState
from sync.store import Arrival, Device, KnownLine, Ledger

BATCH = 500
"""Lines that are loaded, merged and written together: bounds the memory of a page, and the queries."""

NOT_KEPT = frozenset({"not_sealed"})
"""Verdicts of lines that hold a confidential value in the clear: the log goes on with their hash, their bytes are not kept."""

HELD = "device_revoked"
"""Verdict of the lines of a revoked device: kept as their bytes, and merged only where somebody takes them up."""

UNKNOWN_DEVICE = ""
"""Whose a log is that was handed back whole, until its own tablet tells it."""

__all__ = ["BATCH", "HELD", "UNKNOWN_DEVICE", "Accepted", "Path", "Reading", "Taught", "accept", "write"]


class Accepted(NamedTuple):
    """How far this chain is read now and in which segment, how many lines were new, and whether each of them stands alone and
    undisputed in every register that it touched, so that its writer need not be told what became of it.
    """

    head: LogHead
    segment: int | None
    new: int
    plain: bool


def accept(ledger: Ledger, device: Device, run: Run, *, arrived_ms: int) -> Accepted:
    """Read a run of a device's own log. Lines that were read before have no effect.

    Raises:
        FrameFault: ``log_gap`` (with the number expected), ``wrong_chain``, ``foreign_log``.
    """
    known = ledger.log(run.log)
    owner, key = _owner(device, run, UNKNOWN_DEVICE if known is None else known.device)
    start = LogHead(0, chain_start(run.log, key))
    if run.first == 1 and run.before != start.hash:
        raise FrameFault("wrong_chain")
    path = Path(ledger, run.log, owner, start)
    path.begin(run)
    ledger.adopt(run.log, owner)
    work = Reading(ledger, arrived_ms, held=HELD if device.revoked else "")
    arrivals = path.new_lines(run)
    new = 0
    while batch := list(islice(arrivals, BATCH)):
        work.batch(batch)
        new += len(batch)
    return Accepted(path.at, path.segment, new, work.plain)


def _owner(device: Device, run: Run, known: str) -> tuple[str, bytes]:
    """Whose a run's log is, with the key that its chain begins with: the device's, or that of a device that it was before."""
    keys = {device.id: device.key, **dict(device.former)}
    if known != UNKNOWN_DEVICE:
        if known not in keys:
            raise FrameFault("foreign_log")
        return known, keys[known]
    begun = (one for one, key in keys.items() if run.first == 1 and chain_start(run.log, key) == run.before)
    owner = next(begun, device.id)
    return owner, keys[owner]


def write(ledger: Ledger, arrival: Arrival, *, arrived_ms: int) -> None:
    """Take a line that the server itself writes (a console's edit) through the same gate and merge."""
    Reading(ledger, arrived_ms).line(arrival)


Taught = Mapping[str, Mapping[str, Sequence[str]]]
"""Name of a change → path → names of what its writer had seen there, as somebody tells who pulled it."""


class Path:
    """A walk along one chain of a log: which of its lines are known, and which segment a new one goes on."""

    def __init__(self, ledger: Ledger, log: str, device: str, start: LogHead) -> None:
        self.ledger = ledger
        self.log = log
        self.device = device
        self.start = start
        self.at = start
        self.segment: int | None = None
        self.known: dict[tuple[int, bytes], list[KnownLine]] = {}

    def segments(self) -> Sequence[Segment]:
        """The log's segments as they stand now."""
        state = self.ledger.log(self.log)
        return () if state is None else state.segments

    def begin(self, run: Run) -> None:
        """Stand before a run's first line. Raises FrameFault where nothing is known there."""
        self.at = LogHead(run.first - 1, run.before)
        segments = attached(self.segments())
        self.segment = self.ends_here(self.at)
        if self.segment is None or len(self.segments()) > 1:
            self.look(run)
        if self.segment is None and run.first > 1:
            self.segment = self.passes_here(self.at)
            read = max((one.head.number for one in segments), default=0)
            if self.segment is None:
                raise FrameFault("log_gap", expected=read + 1) if self.at.number > read else FrameFault("wrong_chain")

    def float_at(self, run: Run) -> None:
        """Stand before a run whose beginning may be unknown."""
        self.at = LogHead(run.first - 1, run.before)
        self.look(run)
        self.segment = self.ends_here(self.at) if run.first > 1 else None
        if self.segment is None and run.first > 1:
            self.segment = self.passes_here(self.at)

    def look(self, run: Run) -> None:
        """Read which lines are known under the run's numbers."""
        for line in self.ledger.known_lines(self.log, run.first, len(run.lines)):
            self.known.setdefault((line.number, line.before), []).append(line)

    def ends_here(self, at: LogHead) -> int | None:
        """The segment whose last line leads here."""
        return next((one.id for one in self.segments() if one.head == at and at.number), None)

    def passes_here(self, at: LogHead) -> int | None:
        """The segment of the line that leads here."""
        lines = self.ledger.known_lines(self.log, at.number, 1)
        return next((line.segment for line in lines if chain_next(line.before, line.digest) == at.hash), None)

    def new_lines(self, run: Run) -> Iterator[Arrival]:
        """Chain the run and leave out what was read before.

        Lines are read as they are asked for, so that a page of any size holds a batch of them in memory.
        """
        growing = False
        for number, line in enumerate(run.lines, run.first):
            digest, was = hash_in_run(line), self.at
            before = was.hash
            self.at = LogHead(number, chain_next(before, digest))
            there = self.known.get((number, before)) if self.known else None
            known = next((one for one in there if one.digest == digest), None) if there else None
            if known is not None:
                growing = False
                self.cross(known.segment, was)
                continue
            if not growing or there:
                self.segment = self.open(was, fork=bool(there))
            growing = True
            assert self.segment is not None
            yield _arrival(run.log, self.at, before, line, digest, self.segment)

    def open(self, at: LogHead, *, fork: bool) -> int:
        """The segment that a new line behind ``at`` goes on; a new one where none ends there."""
        segments = self.segments()
        ending = self.ends_here(at)
        if ending is not None and not fork:
            return ending
        index = next_id(segments)
        followed = bool(segments) and any(line.before == at.hash for line in self.ledger.known_lines(self.log, at.number + 1, 1))
        floating = self.segment is None and at.number > 0
        self.ledger.open_segment(self.log, self.device, Segment(index, self.segment, floating, fork or followed, at, at))
        return index

    def cross(self, index: int, at: LogHead) -> None:
        """Go over into the segment that holds the next line; a floating one has its beginning now."""
        if index != self.segment:
            segment = next(one for one in self.segments() if one.id == index)
            if segment.floating and segment.start == at and self.segment is not None:
                self.ledger.attach(self.log, index, self.segment)
        self.segment = index


def _arrival(log: str, at: LogHead, before: bytes, line: bytes, digest: bytes, segment: int) -> Arrival:
    """A line with its change, or with the code of what is wrong in it."""
    number, after = at
    name = name_of(log, number, digest)
    if not line.startswith(b"{") and len(line) == 43:
        return Arrival(log, number, before, None, digest, name, None, "line_too_long", segment, after)
    try:
        change = Change.parse(line)
        if change.log != log or change.number != number:
            raise ContentFault("wrong_place")
    except ContentFault as fault:
        return Arrival(log, number, before, line, digest, name, None, fault.code, segment, after)
    return Arrival(log, number, before, line, digest, name, change, "", segment, after)


class Reading:
    """Lines on their way into the stream.

    Args:
        taught: what was told of the pasts of lines that are handed back; None for lines of a log's own device.
        held: the verdict with which every line is set aside, whatever it says; "" where each is judged.
    """

    def __init__(self, ledger: Ledger, arrived_ms: int, *, taught: Taught | None = None, held: str = "") -> None:
        self.ledger = ledger
        self.arrived_ms = arrived_ms
        self.proven = taught is not None
        self.taught: Taught = taught or {}
        self.held = held
        self.plain = True

    def batch(self, arrivals: Sequence[Arrival]) -> None:
        """Number and merge some lines, and write them."""
        records = list(dict.fromkeys(arrival.change.record for arrival in arrivals if arrival.change is not None))
        self.ledger.states(records)
        for arrival in arrivals:
            self.line(arrival)
        self.ledger.spill()

    def line(self, arrival: Arrival) -> None:
        """Number one line and merge it."""
        change = arrival.change
        if change is None:
            self.plain = False
            self.ledger.append(arrival)
            return
        state = self.ledger.state(change.record)
        verdict = self.ledger.refusal(change, state, proven=self.proven)
        verdict = verdict if verdict in NOT_KEPT else self.held or verdict
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
        """Merge a numbered change into its record."""
        judge = self.ledger.judge(state, change)
        taught = self.taught.get(name, {})
        outcome = apply(state, change, name, number=number, arrived_ms=self.arrived_ms, judge=judge, taught=taught)
        self.settle(state, outcome)
        self.plain = self.plain and not outcome.merged and _undisputed(state, change, name, number)

    def settle(self, state: RecordState, outcome: Outcome) -> None:
        """Note what changed, and write the texts that merged as decisions of the server's own."""
        self.ledger.keep(state, outcome.fallen)
        for merged in outcome.merged:
            self.write_merged(state, merged)

    def write_merged(self, state: RecordState, merged: Merged) -> None:
        """Write what the server itself settles, as a change of its own."""
        own = self.ledger.own_line(state, "", [decision(merged.path, merged.value, merged.saw, blob=merged.blob)])
        assert own.change is not None
        number = self.ledger.append(own)
        judge = self.ledger.judge(state, own.change)
        outcome = apply(state, own.change, own.name, number=number, arrived_ms=self.arrived_ms, judge=judge)
        self.ledger.keep(state, outcome.fallen)


def _undisputed(state: RecordState, change: Change, name: str, number: int) -> bool:
    """Whether a change is the only value in force in each register that it touched, and moved nothing else."""
    if state.units != [change.unit] or RECORD_STANDING in state.registers:
        return False
    own = {op.path for op in change.operations}
    if any(register.touched == number and path not in own for path, register in state.registers.items()):
        return False
    for op in change.operations:
        values = state.registers[op.path].values
        if len(values) != 1 or values[0].open or values[0].origins != (name,) or op.path.endswith(RECORD_STANDING):
            return False
    return True
