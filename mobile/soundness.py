"""Whether what this tablet holds of the told state is what was kept: no bit flipped, no row gone. What is not is let go and fetched anew.

Rows are sealed, so that a changed one does not open; a row that is gone is missed in the sum of all rows' digests, which is kept beside the
digests of the parts. Where something is wrong the digests are counted anew from what can be read: they differ from the server's then, and
the next exchange fills the parts that differ, and no others.
"""

from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, Final

from mobile.pull import DIGEST_BYTES, ROWS, parts_of
from shared.catalogue import Catalogue
from sync.paths import sealed_heads
from sync.state import RecordState

if TYPE_CHECKING:
    from mobile.store import Store

AT_ONCE: Final = 1000
"""Rows that are opened before each exchange, one stretch after the other; the sum is over all rows each time."""

SOME: Final = 500
MODULUS: Final = 1 << 128

__all__ = ["Soundness"]


class Soundness:
    """Looks over the rows of one store."""

    def __init__(self, store: "Store") -> None:
        self.store = store
        self._after = ""

    def look(self) -> bool:
        """Look over the rows; where something is wrong, count anew. Tells whether it was."""
        wrong = not (self._sum_holds() and self._next_open())
        if wrong:
            self.recount()
        return wrong

    def _sum_holds(self) -> bool:
        with self.store.database.reading() as connection:
            kept = connection.execute("SELECT digest FROM part WHERE part = ?", (ROWS,)).fetchone()
            total = sum(
                int.from_bytes(one, "big") + int.from_bytes(other, "big")
                for one, other in connection.execute("SELECT open_digest, sealed_digest FROM record")
            )
        return total % MODULUS == (0 if kept is None else int.from_bytes(kept[0], "big"))

    def _next_open(self) -> bool:
        """Whether the next stretch of rows opens, with the lines on which they rest."""
        query = "SELECT id, sole, body FROM record WHERE id > ? ORDER BY id LIMIT ?"
        with self.store.database.reading() as connection:
            rows = connection.execute(query, (self._after, AT_ONCE)).fetchall()
        self._after = rows[-1][0] if len(rows) == AT_ONCE else ""
        return len(self.store.read_states(rows)) == len(rows)

    def took_up(self, before: Catalogue) -> None:
        """Another catalogue is in force: where it seals other fields, what is held of their types belongs to other parts now."""
        now = self.store.catalogue()
        if _sealed(before) != _sealed(now):
            self.recount()

    def recount(self) -> None:
        """Let go of what cannot be read, and count the digests of all parts from the rest; one transaction."""
        gone: list[str] = []
        with self.store.database.writing() as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM record ORDER BY id")]
            sums: dict[str, int] = {ROWS: 0}
            for start in range(0, len(ids), SOME):
                gone += self._count(connection, ids[start : start + SOME], sums)
            connection.executemany("DELETE FROM record WHERE id = ?", [(record,) for record in gone])
            connection.execute("DELETE FROM part")
            parts = [(part, (digest % MODULUS).to_bytes(DIGEST_BYTES, "big")) for part, digest in sums.items()]
            connection.executemany("INSERT INTO part VALUES (?, ?)", parts)
        self.store.heard(gone)

    def _count(self, connection: Connection, ids: list[str], sums: dict[str, int]) -> list[str]:
        """Add these records to the sums, and write their digests; gives those that cannot be read."""
        marks = ",".join("?" * len(ids))
        rows = connection.execute(f"SELECT id, sole, body FROM record WHERE id IN ({marks})", ids).fetchall()
        states = self.store.read_states(rows)
        digests: list[tuple[Any, ...]] = []
        for record, state in states.items():
            one, other = self._digests(state)
            digests.append((one.to_bytes(DIGEST_BYTES, "big"), other.to_bytes(DIGEST_BYTES, "big"), record))
            sums[ROWS] += one + other
            sealed = bool(self._heads(state.type))
            for part in parts_of(state.type, state.units, self.store.device().scope, sealed=sealed):
                sums[part] = sums.get(part, 0) + (other if part.endswith("/1") else one)
        connection.executemany("UPDATE record SET open_digest = ?, sealed_digest = ? WHERE id = ?", digests)
        return [record for record in ids if record not in states]

    def _digests(self, state: RecordState) -> tuple[int, int]:
        heads = self._heads(state.type)
        return state.digest(heads, sealed=False), state.digest(heads, sealed=True) if heads else 0

    def _heads(self, type_code: str) -> frozenset[str]:
        record_type = self.store.catalogue().all_types.get(type_code)
        return frozenset() if record_type is None else sealed_heads(record_type)


def _sealed(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """The sealed fields of each type that has some."""
    return {code: sealed_heads(catalogue.all_types[code]) for code in catalogue.sealed_types}
