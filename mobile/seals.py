"""The sealed values and the wrapped case keys of a tablet, and what becomes of those that its storage lost or damaged.

A sealed value is proved by its hash; a wrap bears a sum beside it, for nobody can open one that is meant for the server. A damaged wrap for
this officer is let go, and told again by the server with its case; one for the server is made anew from the key that the officer's opens,
and sent beside lines that are told once more. An unsent value that is gone is told to be lost, as long as it would be the answer.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final

from mobile.gaps import readable, unsent_lines
from shared.ids import b64
from sync.log import Change
from sync.messages import blobs_named

if TYPE_CHECKING:
    from mobile.case_keys import CaseKeys
    from mobile.store import Store

LOST: Final = "sealed_lost"
"""The note of unsent sealed values that are gone: hash → record."""

WANTED: Final = "wraps_wanted"
"""The note of the cases whose key for this officer is to be told again."""

OWED: Final = "wraps_owed"
"""The note of the cases whose key for the server is to be wrapped anew: case → the server's id."""

_SUM_BYTES: Final = 6

__all__ = ["LOST", "Seals", "whole"]


class Seals:
    """What is sealed in one store."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self._asked: set[str] = set()
        """The cases whose keys were asked for since the start: a server that does not have one is not asked again and again."""

    # wrapped case keys

    def wrap(self, key_id: str, recipient: str) -> str | None:
        """A case key wrapped to a recipient, in base64url; None where none is whole here."""
        with self.store.database.reading() as connection:
            row = connection.execute("SELECT wrapped FROM wrap WHERE key_id = ? AND recipient = ?", (key_id, recipient)).fetchone()
        return None if row is None else whole(key_id, recipient, row[0])

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        """The wrapped case keys that the server needs for these sealed values."""
        keys = {data[1:17].hex() for _, data in blobs}
        query = "SELECT key_id, recipient, wrapped FROM wrap WHERE recipient <> ?"
        with self.store.database.reading() as connection:
            rows = connection.execute(query, (self.store.device().user,)).fetchall()
        told = [(key, to, whole(key, to, wrapped)) for key, to, wrapped in rows if key.replace("-", "") in keys]
        return [(key, to, wrapped) for key, to, wrapped in told if wrapped is not None]

    def keep(self, wraps: Sequence[Sequence[str]]) -> None:
        """Keep wrapped case keys; those that are there already and whole stay."""
        new = [(key, to, f"{wrapped}.{_sum(key, to, wrapped)}") for key, to, wrapped in wraps if self.wrap(key, to) is None]
        if new:
            with self.store.database.writing() as connection:
                connection.executemany("INSERT OR REPLACE INTO wrap VALUES (?, ?, ?)", new)

    def distrust(self, key_id: str) -> None:
        """Let a wrap go that this officer's key does not open, and want it told again."""
        with self.store.database.writing() as connection:
            connection.execute("DELETE FROM wrap WHERE key_id = ? AND recipient = ?", (key_id, self.store.device().user))
            self._note(WANTED, {**self._noted(WANTED), key_id: ""})

    # looking over

    def look(self) -> None:
        """Look over all wraps, and over the sealed values of lines that are not sent; at the start and before an exchange."""
        user = self.store.device().user
        with self.store.database.reading() as connection:
            wraps = connection.execute("SELECT key_id, recipient, wrapped FROM wrap").fetchall()
            gone = {digest: record for digest, record in self._named(connection) if not self._is_here(digest)}
        bad = [(key, to) for key, to, wrapped in wraps if whole(key, to, wrapped) is None]
        if bad or gone.keys() - self._noted(LOST):
            with self.store.database.writing() as connection:
                connection.executemany("DELETE FROM wrap WHERE key_id = ? AND recipient = ?", bad)
                connection.executemany("DELETE FROM blob WHERE hash = ?", [(digest,) for digest in gone])
                self._note(WANTED, {**self._noted(WANTED), **{key: "" for key, to in bad if to == user}})
                self._note(OWED, {**self._noted(OWED), **{key: to for key, to in bad if to != user}})
                self._note(LOST, {**self._noted(LOST), **gone})

    def _named(self, connection: Connection) -> Iterator[tuple[str, str]]:
        """The sealed values that unsent lines name, with their records."""
        for _, line in unsent_lines(self.store.rows, connection):
            blobs = blobs_named(line)
            record = Change.parse(line).record if blobs else ""
            yield from ((digest, record) for digest in blobs)

    def _is_here(self, digest: str) -> bool:
        data = self.store.blob(digest)
        return data is not None and b64(hashlib.sha256(data).digest()) == digest

    def count_lost(self) -> int:
        """How many answers nobody can read any more: their sealed values are gone, and nothing else was answered there since."""
        lost = self._noted(LOST)
        standing = {record: self.store.show(record) for record in set(lost.values())}
        named = {record: {value.blob for _, value in state.values()} for record, state in standing.items() if state is not None}
        return sum(digest in named.get(record, ()) and self.store.blob(digest) is None for digest, record in lost.items())

    # having it again

    def ask(self) -> None:
        """Have the keys told again that are wanted: the parts are filled anew in which the sealed values of cases stand."""
        wanted = {key for key in self._noted(WANTED) if self.wrap(key, self.store.device().user) is None}
        self._note(WANTED, dict.fromkeys(wanted, ""))
        parts = [part for part in self.store.part_digests() if part.endswith("/1")]
        if parts and wanted - self._asked:
            self._asked |= wanted
            self.store.refill(parts)

    def wrap_anew(self, keys: "CaseKeys") -> None:
        """Wrap the keys anew that the server is owed, as far as this officer can, and tell the last line once more that goes with each."""
        for key_id in self._noted(OWED):
            if keys.wrap_to_server(key_id):
                with self.store.database.writing() as connection:
                    self._note(OWED, {key: to for key, to in self._noted(OWED).items() if key != key_id})
                    self._tell_again(connection, key_id)

    def _tell_again(self, connection: Connection, key_id: str) -> None:
        query = "SELECT log, number, name, body FROM own_line ORDER BY made DESC, number DESC"
        for log, number, name, body in connection.execute(query):
            blobs = [self.store.blob(digest) for digest in blobs_named(readable(self.store.rows, name, body) or b"")]
            if any(data is not None and data[1:17].hex() == key_id.replace("-", "") for data in blobs):
                connection.execute("UPDATE log SET acknowledged = min(acknowledged, ?) WHERE id = ?", (number - 1, log))
                return

    def _noted(self, name: str) -> dict[str, str]:
        told: dict[str, str] = json.loads(self.store.note(name) or "{}")
        return told

    def _note(self, name: str, told: dict[str, str]) -> None:
        if told != self._noted(name):
            self.store.set_note(name, json.dumps(told)) if told else self.store.forget_notes(name)


def _sum(key_id: str, recipient: str, wrapped: str) -> str:
    return b64(hashlib.sha256(f"{key_id}\n{recipient}\n{wrapped}".encode("utf-8", "surrogateescape")).digest()[:_SUM_BYTES])


def whole(key_id: str, recipient: str, kept: str) -> str | None:
    """A wrap as it was told; None where the storage damaged it."""
    wrapped, _, mark = kept.partition(".")
    return wrapped if mark == _sum(key_id, recipient, wrapped) else None
