"""Where a person works, as the story's verbs need it: a tablet's process or the console in a browser's place.

`tablet.py` and `office.py` are the two. Fields are values as records hold them; a screen shows a record as field → values,
the current one first, then those that are open questions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Shown = dict[str, list[Any]]


class Words(str):
    """A value as a page shows it to a person, not as a record holds it."""

    __slots__ = ()


def stands_for(shown: Any, value: Any) -> bool:
    """Whether what a screen shows is this value; in words, a number has its dots, money its unit, a date its own order."""
    if not isinstance(shown, Words):
        return bool(shown == value)
    if isinstance(value, bool):
        return shown == ("Có" if value else "Không")
    if isinstance(value, int):
        return shown.removesuffix(" đồng").replace(".", "") == str(value)
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", str(value))
    return shown == (f"{day[3]}/{day[2]}/{day[1]}" if day else " ".join(str(value).split()))


class Refused(Exception):
    """The program said no, in a sentence that a person would read; the story goes on."""


class Ended(Refused):
    """The tablet's process ended before it answered: whether it did what was asked is open."""


class CannotSync(Exception):
    """The exchange broke off on the way: no network, a cut, a dead server. Trying again is right."""


class Screen(Protocol):
    """What a person can do and see."""

    @property
    def via(self) -> str:
        """The name of the tablet or the console, for the journal."""

    def enter(self, type: str, unit: str, values: Mapping[str, Any]) -> str:
        """Enter a new record and save it; gives its id. Raises Refused."""

    def change(self, id: str, values: Mapping[str, Any]) -> None:
        """Type these values into the record's form and save. Raises Refused."""

    def withdraw(self, id: str) -> None:
        """Take the record back. Raises Refused."""

    def move(self, id: str, to: str, reason: str = "") -> None:
        """Take the record's workflow a step on: submitted, approved, accepted, returned. Raises Refused."""

    def decide(self, id: str, field: str, value: Any) -> None:
        """Answer an open question. Raises Refused."""

    def shown(self, id: str) -> Shown | None:
        """What the screen shows of a record; None where it does not show it."""

    def sync(self) -> None:
        """Exchange until nothing is left. Raises CannotSync."""


def first(shown: Shown | None, field: str) -> Any:
    """The value that stands in a field."""
    values: Sequence[Any] = (shown or {}).get(field, ())
    return values[0] if values else None
