"""All records in memory, as lists and search need them: title, day, figure, state, and folded words. Nothing of it is on disk.

Built at unlocking, then kept up by the ids of records that changed. No confidential value ever gets in: the list shows no names.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from mobile.bulk import uncollected
from mobile.store import Store
from shared.catalogue import Catalogue, RecordType
from shared.text import fold
from shared.validate import complete
from sync.state import RecordState
from sync.view import Sealed, plain

WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "gbv_incident": ("known_at", "district_ack_at", "hours_allowed", "verified"),
    "case_support": ("follow_up_on", "case"),
    "gbv_case": ("case_state",),
    "periodic_report": ("period", "kind"),
    "model": ("status",),
}
"""The further fields that «Hôm nay» asks about, by type."""

MOST_WORDS: Final = 300
"""Characters of one text that search looks at."""

__all__ = ["Entry", "Index"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One record in the list. ``questions`` are the paths where two people wrote differently; ``facts`` the watched fields."""

    id: str
    type: str
    unit: str
    title: str
    day: str
    figure: Any
    state: str
    withdrawn: bool
    questions: tuple[str, ...]
    folded: str
    facts: Mapping[str, Any]


class Index:
    """The records of the tablet by id.

    Args:
        title: makes the title of a record from its type, its plain values, and its day.
    """

    def __init__(
        self, store: Store, catalogue: Callable[[], Catalogue], today: Callable[[], date],
        title: Callable[[RecordType, Mapping[str, Any]], str],
    ) -> None:  # fmt: skip
        self._store = store
        self._catalogue = catalogue
        self._today = today
        self._title = title
        self._entries: dict[str, Entry] = {}
        self._stale: dict[str, None] = {}
        self._lock = threading.RLock()

    def build(self) -> None:
        """Read every record; seconds with ten thousand."""
        self.changed(self._store.records())
        self.refresh()

    def changed(self, records: Iterable[str]) -> None:
        """Take note that records changed; they are read again when somebody looks."""
        with self._lock:
            self._stale.update(dict.fromkeys(records))

    def refresh(self) -> None:
        """Read again what changed."""
        if not self._stale:
            return
        with self._lock, uncollected():
            stale, self._stale = list(self._stale), {}
            told = self._store.told(stale)
            for record in stale:
                state = self._store.shown_of(record, told.get(record))
                entry = None if state is None else self._entry(state)
                if entry is None:
                    self._entries.pop(record, None)
                else:
                    self._entries[record] = entry

    def _entry(self, state: RecordState) -> Entry | None:
        catalogue = self._catalogue()
        record_type = catalogue.all_types.get(state.type)
        if record_type is None:
            return None
        values = plain(state, record_type)
        watched = WATCHED.get(state.type, ())
        computed = {record_type.figure, *watched} & record_type.computed.keys()
        full = complete(record_type, values, catalogue, self._today()) if computed else values
        day = values.get(record_type.date) if record_type.date else None
        words = [self._title(record_type, full)]
        words += [
            value[:MOST_WORDS]
            for code, value in values.items()
            if isinstance(value, str) and code in record_type.fields and record_type.fields[code].kind in ("text", "long")
        ]
        return Entry(
            id=state.id, type=state.type, unit=state.unit, title=words[0], day=day if isinstance(day, str) else "",
            figure=full.get(record_type.figure) if record_type.figure else None,
            state=str(values.get("state") or catalogue.flows[record_type.flow].start), withdrawn=state.withdrawn,
            questions=tuple(state.open_paths()), folded=fold(" ".join(words)),
            facts={code: full[code] for code in watched if code in full and not isinstance(full[code], Sealed)},
        )  # fmt: skip

    def entry(self, record: str) -> Entry | None:
        """One record's entry."""
        self.refresh()
        with self._lock:
            return self._entries.get(record)

    def entries(self, type: str = "", *, withdrawn: bool = False) -> list[Entry]:
        """The records of a type («» all), those that stand."""
        self.refresh()
        with self._lock:
            return [
                entry for entry in self._entries.values() if (not type or entry.type == type) and (withdrawn or not entry.withdrawn)
            ]  # fmt: skip

    def find(self, type: str = "", text: str = "", *, state: str = "", open_only: bool = False) -> list[Entry]:
        """Records by words (without tone marks, every word anywhere), state, and open questions; the newest first."""
        words = fold(text).split()
        found = [
            entry
            for entry in self.entries(type)
            if (not state or entry.state == state)
            and (not open_only or entry.questions)
            and (not words or all(word in entry.folded for word in words))
        ]
        return sorted(found, key=lambda entry: (entry.day, entry.id), reverse=True)

    def counts(self) -> dict[str, tuple[int, str]]:
        """Type → how many records stand, and the newest one's day ("" where none is known)."""
        told: dict[str, tuple[int, str]] = {}
        for entry in self.entries():
            count, day = told.get(entry.type, (0, ""))
            told[entry.type] = (count + 1, max(day, entry.day))
        return told

    def states(self, type: str = "") -> list[str]:
        """The states that occur among the records of a type."""
        return sorted({entry.state for entry in self.entries(type)})

    def asked(self, type: str = "") -> list[Entry]:
        """The records in which two people wrote differently, withdrawn ones too."""
        return [entry for entry in self.entries(type, withdrawn=True) if entry.questions]
