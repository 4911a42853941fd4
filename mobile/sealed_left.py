"""The sealed values that stay on a tablet when records have left it: those that something here still names, and no others.

A sealed value says who a victim is. What names it is looked for, not what left: a value that was overwritten since stands in no
record's state, and a disk may have lost the row that named it.
"""

from collections.abc import Iterator
from sqlite3 import Connection
from typing import TYPE_CHECKING

from mobile.gaps import readable
from sync.log import Change
from sync.messages import blobs_named
from sync.store import Scope

if TYPE_CHECKING:
    from mobile.store import Store

RECORDS_AT_ONCE = 200
"""States that stand in memory together."""

_OWN = (
    "SELECT own_line.name, body, own_line.number > acknowledged OR unsettled.number IS NOT NULL FROM own_line"
    " JOIN log ON log.id = own_line.log LEFT JOIN unsettled ON unsettled.log = own_line.log AND unsettled.number = own_line.number"
)

__all__ = ["let_go_of_sealed"]


def let_go_of_sealed(store: "Store", connection: Connection, scope: Scope) -> None:
    """Destroy the sealed values that no record here, and no own change that is still needed, names; and the keys that open nothing else.

    An own change is needed while the server may not have it, and as long as its writer has the right to it: the server may have to be
    told it again, its record may be told anew, and what was set aside may be mended.
    """
    keys = dict(connection.execute("SELECT hash, lower(hex(substr(data, 2, 16))) FROM blob").fetchall())
    stay = set(_named(store, connection, scope)).intersection(keys) if keys else set()
    gone = keys.keys() - stay
    if not gone:
        return
    connection.executemany("DELETE FROM blob WHERE hash = ?", [(digest,) for digest in gone])
    shut = {keys[digest] for digest in gone} - {keys[digest] for digest in stay}
    query = "SELECT DISTINCT key_id FROM wrap WHERE key_id NOT IN (SELECT id FROM record UNION SELECT record FROM draft)"
    held = [row[0] for row in connection.execute(query)]
    connection.executemany("DELETE FROM wrap WHERE key_id = ?", [(key,) for key in held if key.replace("-", "") in shut])


def _named(store: "Store", connection: Connection, scope: Scope) -> Iterator[str]:
    records = [row[0] for row in connection.execute("SELECT id FROM record")]
    here = set(records)
    for start in range(0, len(records), RECORDS_AT_ONCE):
        for state in store.told(records[start : start + RECORDS_AT_ONCE]).values():
            yield from (value.blob for _, value in state.values() if value.blob is not None)
    for name, body in connection.execute("SELECT name, body FROM held_line WHERE record IN (SELECT id FROM record)"):
        yield from blobs_named(readable(store.rows, name, body) or b"")
    for name, body, needed in connection.execute(_OWN):
        line = readable(store.rows, name, body) or b""
        blobs = blobs_named(line)
        change = Change.parse(line) if blobs else None
        if change is not None and (needed or change.record in here or (scope.cases and change.unit in scope.units)):
            yield from blobs
