"""A pull's page: whole registers, told by the lines that hold them.

A line that no verdict names holds the current value of every one of its operations: most pages need no verdicts at
all. A verdict is ``[record, [[line, letters], …], units?]``: the line by its index in the page or, where the reader
has it, by its name; a letter for each of its operations: ``.`` says nothing, ``+`` is current (or in force, in a set), ``a``,
``b`` … is an open candidate, the same letter for one candidate of several origins. No letters mean ``+`` for all.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sync.errors import ContentFault, FrameFault
from sync.lineage import past_names
from sync.log import RECORD_STANDING, Change, name_of
from sync.merge import fresh, is_fresh
from sync.messages import Run, run_mac, sealed_weight
from sync.state import RecordState, Register, Value
from sync.store import StoredLine, Touched

Own = Mapping[int, int]
"""Of one log: segment → number of the last line of it that the reader wrote and has."""

__all__ = ["Own", "PageWriter", "Told", "read_states"]

SEALED_MARK = b'"b":'
"""Stands in every line that names a sealed value; its blob and its case key travel with it."""

SEVERAL_KINDS = frozenset({"add", "remove"})


class PageWriter:
    """Collects records until a page is full, then gives its runs and its verdicts.

    A record whose touched registers all hold, alone and undisputed, what the reader itself wrote is not told at all: the
    reader knows from ``upto`` that its lines arrived, and that what is not told stands as it wrote it. Not so where all is told
    ``anew``.

    Args:
        after: what the reader has of the stream; only registers touched behind it are told.
        own: the lines that the reader wrote and has, by log.
        anew: whether the reader may have let go of what its own lines made, as its right went and came: all of it is told by their names.
        sealed: whether it is told then what they sealed, too.
    """

    def __init__(self, after: int, own: Mapping[str, Own], *, anew: bool = False, sealed: bool = False) -> None:
        self.after = after
        self.own = own
        self.anew = anew
        self.sealed = sealed
        self.lines: dict[str, StoredLine] = {}
        self.records: list[tuple[RecordState, dict[str, dict[str, str]]]] = []
        self.blobs: dict[str, str] = {}
        """The sealed values that are told: hash → record."""
        self.sizes: dict[str, int] = {}
        """The bytes of sealed values that may be told; they do not compress."""
        self.pasts: list[list[Any]] = []
        self.bytes = 0
        self.index: dict[str, int] = {}

    def add(self, record: Touched, lines: Sequence[StoredLine]) -> None:
        """Tell a record's touched registers; ``lines`` are the record's lines that the reader may lack."""
        state = record.state
        if state is None:
            line = next((line for line in lines if line.name == record.sole), None)
            if line is None or (self._has(line) and not self.anew):
                return
            if not self._has(line) and SEALED_MARK not in line.body:
                self._take(line)
                return
            state = fresh(Change.parse(line.body), line.name, number=record.touched)
        told = self._told(state)
        seals: Collection[str] = {line.name for line in lines if SEALED_MARK in line.body} if self.sealed else ()
        if not self.anew and self._implied(state, told, lines):
            return
        for line in lines:
            if line.name in told and not self._has(line):
                self._take(line)
        for path, value in state.values():
            here = (name for name in value.origins if name in self.lines or name in seals)
            if value.blob is not None and any(path in told.get(name, ()) for name in here):
                if value.blob not in self.blobs:
                    self.bytes += sealed_weight(self.sizes.get(value.blob, 0))
                self.blobs[value.blob] = state.id
        self._tell_pasts(state, told)
        self.records.append((state, told))

    def _tell_pasts(self, state: RecordState, told: Mapping[str, Mapping[str, str]]) -> None:
        """Tell what a value's writer had seen, where that is more than one line can say: who overwrote what was overwritten."""
        for path, value in state.values():
            if len(value.past) > 1:
                seen = past_names(value.past)
                self.pasts += [[name, path, seen] for name in value.origins if path in told.get(name, ())]

    def _has(self, line: StoredLine) -> bool:
        own = self.own.get(line.log)
        return own is not None and line.number <= own.get(line.segment, 0)

    def _take(self, line: StoredLine) -> None:
        self.lines[line.name] = line
        self.bytes += len(line.body)

    def _implied(self, state: RecordState, told: Mapping[str, Mapping[str, str]], lines: Sequence[StoredLine]) -> bool:
        new = {line.name: line for line in lines}
        here = _unit_mark(state)  # a line that overtook others may have settled the unit before they came
        if len(state.units) > 1 or not all(self._has(line) and here in line.body for line in lines) or set(told) != set(new):
            return False
        touched = [register.values for register in state.registers.values() if register.touched > self.after]
        single = all(len(values) == 1 == len(values[0].origins) for values in touched)
        return single and not any(_word(told[name], line) for name, line in new.items())

    def _told(self, state: RecordState) -> dict[str, dict[str, str]]:
        """Name of a line → path → letter, for every register of the record that was touched."""
        told: dict[str, dict[str, str]] = {}
        for path, register in state.registers.items():
            if register.touched <= self.after:
                continue
            candidates = 0
            for value in register.values:
                letter = chr(ord("a") + candidates) if value.open else "+"
                candidates += value.open
                for origin in value.origins:
                    told.setdefault(origin, {})[path] = letter
        return told

    def runs(self, key: bytes) -> list[Run]:
        """The page's lines as runs of consecutive numbers, each with the server's proof."""
        runs: list[Run] = []
        ordered = sorted(self.lines.values(), key=lambda line: (line.log, line.segment, line.number))
        at = 0
        while at < len(ordered):
            end = at + 1
            while end < len(ordered) and _follows(ordered[end - 1], ordered[end]):
                end += 1
            part = ordered[at:end]
            run = Run(part[0].log, part[0].number, part[0].before, [line.body for line in part], _arrivals(part))
            vars(run)["hashes"] = [line.digest for line in part]  # they were checked as the lines were read
            runs.append(replace(run, mac=run_mac(key, run)))
            at = end
        self.index = {line.name: index for index, line in enumerate(ordered)}
        return runs

    def verdicts(self) -> list[bytes]:
        """The verdicts that the page needs, one JSON array a line; call after ``runs``."""
        rows = []
        for state, told in self.records:
            entries: list[list[Any]] = []
            for name, letters in told.items():
                index = self.index.get(name)
                word = _word(letters, self.lines[name]) if index is not None else None
                if index is None or word:
                    entries.append([name if index is None else index, word if word is not None else letters])
            units = [state.units] if self._tells_units(state, told) else []
            if entries or units:
                rows.append([state.id, entries, *units])
        return [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8") for row in rows]

    def _tells_units(self, state: RecordState, told: Collection[str]) -> bool:
        """Whether a record's units must be told: a line says just which unit its writer took the record to be in."""
        mark = _unit_mark(state)
        return len(state.units) > 1 or any(name not in self.lines or mark not in self.lines[name].body for name in told)


def _unit_mark(state: RecordState) -> bytes:
    """Stands in every line whose writer took the record to be in the unit where it is."""
    return f'"g":"{state.unit}"'.encode()


def _word(letters: Mapping[str, str], line: StoredLine) -> str:
    """The letters of a line's operations in their order; "" when all of them are in force."""
    if len(letters) == line.operations and set(letters.values()) == {"+"}:
        return ""
    return "".join(letters.get(op.path, ".") for op in Change.parse(line.body).operations)


def _follows(line: StoredLine, other: StoredLine) -> bool:
    return other.log == line.log and other.segment == line.segment and other.number == line.number + 1


def _arrivals(lines: Sequence[StoredLine]) -> list[list[int]]:
    arrivals: list[list[int]] = []
    for line in lines:
        if arrivals and arrivals[-1][0] == line.arrived_ms:
            arrivals[-1][1] += 1
        else:
            arrivals.append([line.arrived_ms, 1])
    return arrivals


class Told(NamedTuple):
    """What a page tells: records that one fresh change made whole, by that change; and of the others the touched registers. ``unread``
    are the lines that a later version wrote in a way that this one cannot read: they are left out, and nothing waits for them.
    """

    soles: dict[str, tuple[str, Change]]
    states: dict[str, RecordState]
    unread: list[str]


def read_states(runs: Iterable[Run], verdicts: Sequence[Any], held: Callable[[str], bytes | None]) -> Told:
    """Read a page.

    Args:
        held: gives a line that this tablet has, by its name.

    Raises:
        FrameFault: a verdict names a line that is neither in the page nor held, or does not fit its line.
    """
    judged: dict[int, str] = {}
    named: list[tuple[str, str | Mapping[str, str]]] = []
    units: dict[str, list[str]] = {}
    for row in verdicts:
        if len(row) > 2:
            units[row[0]] = row[2]
        for reference, letters in row[1]:
            if type(reference) is int:
                judged[reference] = letters
            else:
                named.append((reference, letters))
    told = Told({}, {}, [])
    for index, (name, body) in enumerate(_page_lines(runs)):
        if body is not None:
            _tell(told, name, body, judged.get(index, ""))
    for name, letters in named:
        line = held(name)
        if line is None:
            raise FrameFault("line_not_held")
        _tell(told, name, line, letters or "+")
    for record, all_units in units.items():
        _several(told, record)
        if record in told.states:
            told.states[record].units = list(all_units)
    for state in told.states.values():
        _join(state)
    return told


def _page_lines(runs: Iterable[Run]) -> list[tuple[str, bytes | None]]:
    lines: list[tuple[str, bytes | None]] = []
    for run in runs:
        for number, (body, digest) in enumerate(zip(run.lines, run.hashes, strict=True), run.first):
            name = name_of(run.log, number, digest)
            lines.append((name, body if body.startswith(b"{") else None))
    return lines


def _tell(told: Told, name: str, line: bytes, letters: str | Mapping[str, str]) -> None:
    try:
        change = Change.parse(line)
    except ContentFault:  # the server that told it could read it
        told.unread.append(name)
        return
    record = change.record
    if not letters and record not in told.soles and record not in told.states and is_fresh(change, ()):
        told.soles[record] = (name, change)
        return
    _several(told, record)
    state = told.states.setdefault(record, RecordState(record, change.type, [change.unit]))
    if isinstance(letters, str) and len(letters) not in (0, len(change.operations)) and letters != "+":
        raise FrameFault("bad_head")
    for index, op in enumerate(change.operations):
        letter = letters.get(op.path, ".") if isinstance(letters, Mapping) else letters[index] if len(letters) > 1 else letters or "+"
        if letter == ".":
            continue
        register = state.registers.setdefault(op.path, Register(0, []))
        waits = () if letter == "+" else (letter,)
        register.values.append(Value((name,), {}, op.kind, op.value, op.blob, waits, letter != "+"))


def _several(told: Told, record: str) -> None:
    """A record that more than one line tells is told by its registers."""
    if record in told.soles:
        name, change = told.soles.pop(record)
        told.states[record] = fresh(change, name, number=0)


def _join(state: RecordState) -> None:
    """Put the origins of one value together: the same letter at one path, but in sets and standings."""
    for path, register in state.registers.items():
        values: dict[tuple[str, ...], Value] = {}
        for value in register.values:
            several = value.kind in SEVERAL_KINDS or path.endswith(RECORD_STANDING)
            key = value.origins if several else ("", *value.waits)
            told = values.get(key)
            origins = value.origins if told is None else told.origins + value.origins
            values[key] = (told or value)._replace(origins=origins, waits=())
        register.values = list(values.values())

