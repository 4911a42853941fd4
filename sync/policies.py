"""The merge policies: what becomes of a value that meets another, neither having seen the other.

One row a policy; each is a pure function of the register and the two values. What may live here: how one
policy decides between a value and the current one. What falls because it was seen is ``merge``'s.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from merge3 import Merge3

from sync.lineage import Lineage, Past, join
from sync.state import Register, Value

__all__ = ["POLICIES", "Judge", "Known", "Meeting", "merge_lines"]


class Known(NamedTuple):
    """What is known of a change that is no longer in force: its past at one path, and what that waits for."""

    past: Past
    waits: tuple[str, ...]


class Judge(Protocol):
    """What the merge asks of the world around one record; the server's store answers."""

    lineage: Lineage
    """What names mean where a log was forked."""

    def policy(self, path: str) -> str:
        """The merge policy of a path: a key of ``POLICIES``, or ``standing``."""

    def known(self, path: str, name: str) -> Known | None:
        """What a change that is not in force here had seen at a path; None when it has not come.

        A change that was set aside is judged by what it named.
        """

    def content(self, path: str, name: str) -> Any:
        """The plain value that a change wrote at a path, opened where it is sealed; None when it wrote none."""

    def equal(self, path: str, one: Value, other: Value) -> bool:
        """Whether two values say the same; sealed ones are opened in memory to compare."""

    def may_go(self, path: str, start: Any, value: Value) -> bool:
        """Whether a writer of that value may move a workflow from a state to it; not always the writer of the arriving change."""


class Meeting(NamedTuple):
    """A value arriving at a register whose current value it has not seen."""

    register: Register
    current: Value
    value: Value
    path: str
    saw: tuple[str, ...]
    judge: Judge


class Ruling(NamedTuple):
    """What a policy made of a meeting: the register's values, who fell, and a merged text to be written."""

    values: list[Value]
    fell: tuple[Value, ...] = ()
    merged: str | None = None


def _ask(meeting: Meeting) -> Ruling:
    """The current value stays; the other is an open candidate until a person decides."""
    return Ruling([*meeting.register.values, meeting.value._replace(open=True)])


def _latest(meeting: Meeting) -> Ruling:
    """The later one by (earlier of clock and arrival, then name), so that a tablet dated 2090 wins nothing."""
    current, value = meeting.current, meeting.value
    if current.waits or value.waits:
        return _ask(meeting)
    later = (value.time, max(value.origins)) > (current.time, max(current.origins))
    winner, loser = (value, current) if later else (current, value)
    winner = winner._replace(past=join(winner.past, loser.past, meeting.judge.lineage.past(loser.origins)), open=False)
    rest = [other for other in meeting.register.values if other is not current]
    return Ruling([winner, *rest], (loser,))


def _union(meeting: Meeting) -> Ruling:
    """All adds and removes stand side by side; an element is there while an add is in force."""
    return Ruling([*meeting.register.values, meeting.value])


def _text(meeting: Meeting) -> Ruling:
    """Merge a narrative line by line where the two sides changed different lines; else ask.

    Two decisions are never merged: each was somebody's last word.
    """
    current, value = meeting.current, meeting.value
    asked = _ask(meeting)
    if current.waits or value.waits or current.kind == value.kind == "decide":
        return asked
    base = next((name for name in meeting.saw if _saw(meeting, name)), None)
    if base is None:
        return asked
    texts = [meeting.judge.content(meeting.path, name) for name in (base, current.origins[0], value.origins[0])]
    if any(not isinstance(text, str) for text in texts):
        return asked
    return asked._replace(merged=merge_lines(*texts))


def _flow(meeting: Meeting) -> Ruling:
    """A transition that is legal from the present state, by one who may, goes on; else a person decides."""
    current, value = meeting.current, meeting.value
    if value.waits or not meeting.judge.may_go(meeting.path, current.value, value):
        return _ask(meeting)
    gone = value._replace(past=join(value.past, current.past, meeting.judge.lineage.past(current.origins)))
    rest = [other for other in meeting.register.values if other is not current]
    return Ruling([gone, *rest], (current,))


def _saw(meeting: Meeting, name: str) -> bool:
    return name in meeting.current.origins or meeting.judge.lineage.holds(meeting.current.past, name)


def merge_lines(base: str, one: str, other: str) -> str | None:
    """Merge two texts that grew from one, by lines (the library merge3); None where they collide."""
    merge = Merge3(base.splitlines(keepends=True), one.splitlines(keepends=True), other.splitlines(keepends=True))
    parts: list[str] = []
    for group in merge.merge_groups():
        if group[0] == "conflict":
            return None
        parts.extend(group[1])
    return "".join(parts)


POLICIES: dict[str, Callable[[Meeting], Ruling]] = {
    "ask": _ask,
    "latest": _latest,
    "union": _union,
    "text": _text,
    "flow": _flow,
}
"""Policy → what it makes of a meeting. ``rows`` is not among them: a row's place is ``latest``, a row's field has a
policy of its own, and a row's standing is a deletion, as a record's is."""
