"""Logs that were forked: which line a name means, and how far a chain is known.

A log is one chain, unless its tablet was cloned or went back to an older copy: then two lines bear one number. The server
keeps each log as *segments*, consecutive lines; nearly always one. A segment that begins where another already goes
on is a fork; one that was handed back by another tablet begins where nothing is known yet, and is attached when what
lies before it comes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from sync.log import LogHead, Name, chain_next, name_of, parse_name

__all__ = ["NO_FORKS", "Lineage", "Past", "Segment", "attached", "ends_of", "join", "next_id", "past_names"]

Past = dict[str, tuple[int, str]]
"""All that a value's writer had seen of one register: log → (number, first hash bytes) of the last line
seen of each log (a version vector; short, because a field has few writers). A log's further segments have keys of
their own, and so has a change that has not come."""


class Segment(NamedTuple):
    """Consecutive lines of a log, from behind ``start`` to ``head``.

    ``parent`` is the segment that holds the line at ``start``; None for a log's beginning, and while that line is not
    known (``floating``). ``fork`` says that another line follows ``start`` too.
    """

    id: int
    parent: int | None
    floating: bool
    fork: bool
    start: LogHead
    head: LogHead


class Lineage:
    """What names mean where logs were forked.

    Args:
        segments: the segments of each log that has more than one.
        segment_of: gives the segment that holds the line of a name, or None where it has not come; asked for such logs alone.
    """

    def __init__(self, segments: Mapping[str, Sequence[Segment]], segment_of: Callable[[Name], int | None]) -> None:
        self.segments = segments
        self.segment_of = segment_of

    def past(self, names: Iterable[str]) -> Past:
        """The past that holds just these changes and what their logs held before them."""
        past: Past = {}
        for text in names:
            name = parse_name(text)
            if name.log not in self.segments:
                _add(past, name.log, (name.number, name.hash8))
                continue
            index = self.segment_of(name)
            _add(past, _key(name.log, index or 0), (name.number, name.hash8))
            while index:
                segment = next(one for one in self.segments[name.log] if one.id == index)
                index = segment.parent
                if index is not None:
                    _add(past, _key(name.log, index), (segment.start.number + 1, ""))  # all up to the start, whatever its hash
        return past

    def awaited(self, text: str) -> Past:
        """The past that holds a change that has not come: nobody knows yet whether it is of the same branch of its log as others that
        are awaited, so it has a place of its own.
        """
        name = parse_name(text)
        return {_key(name.log, name.hash8): (name.number, name.hash8)}

    def come(self, past: Past, names: Iterable[str]) -> Past:
        """The past that held changes which were awaited and have come now."""
        known = [parse_name(text) for text in names]
        gone = {_key(name.log, name.hash8) for name in known}
        return join({key: last for key, last in past.items() if key not in gone}, self.past(names))

    def holds(self, past: Past, text: str) -> bool:
        """Tell whether a past holds the change of that name."""
        name = parse_name(text)
        last = past.get(name.log)
        if last == (name.number, name.hash8) or _key(name.log, name.hash8) in past:
            return True
        if name.log not in self.segments:  # what is awaited is of the one branch that is known
            return any(last[0] > name.number for key, last in past.items() if key.partition("~")[0] == name.log)
        last = past.get(_key(name.log, self.segment_of(name) or 0))
        return last is not None and (last[0] > name.number or last == (name.number, name.hash8))


NO_FORKS = Lineage({}, lambda name: None)


def join(*pasts: Mapping[str, tuple[int, str]]) -> Past:
    """Everything that any of these pasts holds."""
    joined: Past = {}
    for past in pasts:
        for log, last in past.items():
            _add(joined, log, last)
    return joined


def past_names(past: Past) -> list[str]:
    """The names of the last changes of a past, as ``Lineage.past`` reads them."""
    return [f"{log.partition('~')[0]}.{number}.{hash8}" for log, (number, hash8) in past.items() if hash8]


def _add(past: Past, log: str, last: tuple[int, str]) -> None:
    if log not in past or past[log] < last:
        past[log] = last


def _key(log: str, branch: int | str) -> str:
    return f"{log}~{branch}" if branch else log


def attached(segments: Sequence[Segment]) -> list[Segment]:
    """The segments whose chain is known from the log's beginning."""
    known: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.start.number):
        if not segment.floating and (segment.parent is None or any(one.id == segment.parent for one in known)):
            known.append(segment)
    return known


def next_id(segments: Sequence[Segment]) -> int:
    """The id of a further segment."""
    return max((segment.id for segment in segments), default=-1) + 1


def ends_of(log: str, runs: Iterable[tuple[int, bytes, Sequence[bytes]]]) -> str:
    """How a reader names what it pulled of a log: the last lines of its chains, parted by spaces.

    There are several where the log was forked, and where lines lie between that the reader was not told.

    Args:
        runs: number of the first line, the hash before it, and the hashes of the lines.
    """
    inside, ends = set[bytes](), list[tuple[int, bytes, bytes]]()
    for first, before, hashes in runs:
        chain = before
        for digest in hashes:
            inside.add(chain)
            chain = chain_next(chain, digest)
        ends.append((first + len(hashes) - 1, chain, hashes[-1]))
    return " ".join(dict.fromkeys(name_of(log, number, digest) for number, chain, digest in sorted(ends) if chain not in inside))
