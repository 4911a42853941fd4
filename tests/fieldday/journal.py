"""What officers do, written down before they do it.

One JSON object a line, flushed to the disk before the driver types. `done` lines follow when the tablet has said that
it saved, `refused` lines when it said no; an entry without either may be there in the end or cleanly absent. Imports nothing of Sen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Shown = Mapping[str, Sequence[Any]]
"""Field → the values that the screen shows there: the current one, then the open ones."""


@dataclass(kw_only=True)
class Entry:
    """One act of one person on one record.

    `act` is write, decide, go, withdraw or consolidate. `fields` holds what is typed; `saw` what stood on the screen just before
    in the fields that are typed (for a withdrawal: in all fields). `record` is the name in the story, `id` the record's
    own once it is known; `via` is the tablet or the console on which it was typed.
    """

    number: int
    who: str
    via: str
    act: str
    record: str
    type: str
    unit: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    saw: Shown = field(default_factory=dict)
    id: str = ""
    done: bool = False


class Journal:
    """The journal of one day, in one file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("x", encoding="utf-8")
        self._numbers = 0

    def write(self, *, who: str, via: str, act: str, record: str, type: str, unit: str, **more: Any) -> int:
        """Write down what is about to be typed; gives the entry's number once it is on the disk."""
        self._numbers += 1
        self._put(
            {"n": self._numbers, "who": who, "via": via, "act": act, "record": record, "type": type, "unit": unit}
            | more
        )
        return self._numbers

    def done(self, number: int, id: str) -> None:
        """Write down that the screen said «saved», and the record's id."""
        self._put({"done": number, "id": id})

    def refused(self, number: int) -> None:
        """Write down that the screen said no: nothing of the entry was saved."""
        self._put({"refused": number})

    def _put(self, body: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(body, ensure_ascii=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> list[Entry]:
    """All entries of a journal, in order."""
    entries: dict[int, Entry] = {}
    for body in _bodies(path):
        if "done" in body:
            entry = entries[body["done"]]
            entry.done, entry.id = True, body["id"]
        elif "refused" in body:
            del entries[body["refused"]]
        else:
            number = body.pop("n")
            entries[number] = Entry(number=number, **body)
    ids = {e.record: e.id for e in entries.values() if e.id}
    for entry in entries.values():
        entry.id = entry.id or ids.get(entry.record, "")
    return list(entries.values())


def _bodies(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)
