"""What own lines are called since they were written again (``bridging``), for whoever still has their former names.

A form that stood open, a draft, a question on the screen: each names what it showed, and names it when it is written. A name that was given
up comes to no server any more, and whoever named it would wait for it for ever; so names are put right where a change is written.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import SenError
from sync.log import parse_name

if TYPE_CHECKING:
    from mobile.keys import RowKey
    from mobile.store import Store

RENAMED: Final = "renamed"
"""The note of the names that lines bear now, and of where the logs ended."""

OPEN: Final = b"p"
"""Before a draft without confidential answers."""

__all__ = ["OPEN", "Renames", "rename_drafts"]


class Renames(NamedTuple):
    """``names``: a former name → the present one; ``ended``: a log → the number of the last line that it kept."""

    names: Mapping[str, str]
    ended: Mapping[str, int]

    @classmethod
    def read(cls, store: "Store") -> "Renames":
        """What is known on disk."""
        return cls(*json.loads(store.note(RENAMED) or "[{}, {}]"))

    def keep(self, store: "Store") -> None:
        """Keep it, within the transaction that renames."""
        store.set_note(RENAMED, json.dumps([self.names, self.ended]))

    def then(self, names: Mapping[str, str], ended: Mapping[str, int]) -> "Renames":
        """What is known once lines were renamed again."""
        before = {old: names.get(new, new) for old, new in self.names.items()}
        return Renames({**before, **names}, {**self.ended, **ended})

    def saw(self, names: Iterable[str]) -> tuple[str, ...]:
        """What somebody saw, by the present names. What they saw of a line that is lost they saw of nobody."""
        return tuple(dict.fromkeys(self.names.get(name, name) for name in names if name in self.names or self._is_there(name)))

    def _is_there(self, name: str) -> bool:
        log, number, _ = parse_name(name)
        return number <= self.ended.get(log, number)


def rename_drafts(connection: Connection, rows: "RowKey", renames: Renames) -> None:
    """Put the names right that drafts hold, so that they are right wherever the draft goes (``rescue``). What is sealed under a case key
    stays as it is, and is put right when it is written.
    """
    for record, body in connection.execute("SELECT record, body FROM draft").fetchall():
        with suppress(SenError):
            data = rows.open(body, f"draft {record}")
            if data.startswith(OPEN):
                draft = json.loads(data[1:].decode("utf-8", "surrogatepass"))
                values, seen, places = draft["opened"]
                draft["opened"] = [values, {path: renames.saw(names) for path, names in seen.items()}, places]
                new = OPEN + json.dumps(draft, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
                connection.execute("UPDATE draft SET body = ? WHERE record = ?", (rows.seal(new, f"draft {record}"), record))
