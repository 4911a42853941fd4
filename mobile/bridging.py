"""How unsent lines go on where some before them are lost or damaged (``gaps``).

Once the server has told what it has read, the unsent lines that can be read are written again: the same words, the same writer, the same
time; what they saw is named anew. All logs go on so, for any unsent line may have seen another. What one log holds of one day goes on in a
*successor*, whose id follows from those lines: a storage that goes back to before, and comes to the same place again, writes the very same
lines under the same names, and the server has them. No number is higher there than it was, so that no line grows by being written again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from mobile.gaps import DAMAGED, UNSENT, chains_at, note_lost, readable
from mobile.renames import Renames, rename_drafts
from shared.ids import b64, new_id
from sync.log import Change
from sync.replica import in_writing_order

if TYPE_CHECKING:
    from mobile.outbox import Outbox
    from mobile.store import Store

ID_BYTES: Final = 8
DAY_MS: Final = 24 * 3600 * 1000

__all__ = ["bridge"]


class _Unsent(NamedTuple):
    name: str
    change: Change
    urgent: bool
    made: int


def bridge(outbox: "Outbox") -> bool:
    """Where unsent lines of an own log are not whole, let everything unsent go on in new logs; tells whether it was so.

    To be called when the server has just told how far it has read every log; no line that it has is written again.
    """
    store = outbox.store
    if outbox.doubted:  # what the server has read meanwhile need not be whole
        outbox.mend()
    if not outbox.held_back:
        return False
    with store.database.writing() as connection:
        unsent = list(_unsent(store, connection))
        _count(store, connection, unsent)
        store.set_note(DAMAGED, outbox.end_logs(connection))
        ended = _let_go(store, connection)
        renames = Renames.read(store).then(_write_again(outbox, connection, unsent, ended), ended)
        renames.keep(store)
        rename_drafts(connection, store.rows, renames)
    outbox.read_again()
    store.heard({one.change.record for one in unsent})
    return True


def _unsent(store: "Store", connection: Connection) -> Iterator[_Unsent]:
    """The lines that can be read of those that the server has not, in the order of writing."""
    query = "SELECT name, body, urgent, made FROM own_line" + UNSENT
    found: dict[str, _Unsent] = {}
    for name, body, urgent, made in connection.execute(query):
        line = readable(store.rows, name, body)
        if line is not None:
            found[name] = _Unsent(name, Change.parse(line), bool(urgent), made)
    yield from (found[name] for name, _ in in_writing_order((one.name, one.change) for one in found.values()))


def _count(store: "Store", connection: Connection, unsent: Sequence[_Unsent]) -> None:
    """Take note of how many lines are lost."""
    for log, number, read in connection.execute("SELECT id, number, acknowledged FROM log WHERE acknowledged < number").fetchall():
        missing = number - read - sum(one.change.log == log for one in unsent)
        if missing > 0:
            note_lost(store, {log: (read, read + missing, True)})


def _let_go(store: "Store", connection: Connection) -> dict[str, int]:
    """End each log with the last line that the server has; gives the number of that, by log."""
    query = f"SELECT id, acknowledged FROM log WHERE acknowledged <> log.number OR id IN (SELECT log FROM own_line {UNSENT})"
    ended: dict[str, int] = dict(connection.execute(query).fetchall())
    for log, read in ended.items():
        chains = chains_at(connection, store.rows, log, read)
        if not read:
            connection.execute("DELETE FROM log WHERE id = ?", (log,))
        elif len(chains) == 1:
            connection.execute("UPDATE log SET number = ?, chain = ? WHERE id = ?", (read, *chains, log))
        else:  # it keeps its last number, of which nothing is left to be told
            connection.execute("UPDATE log SET acknowledged = number WHERE id = ?", (log,))
        for table in ("own_line", "unsettled"):
            connection.execute(f"DELETE FROM {table} WHERE log = ? AND number > ?", (log, read))
    return ended


def _write_again(outbox: "Outbox", connection: Connection, unsent: Sequence[_Unsent], ended: Mapping[str, int]) -> dict[str, str]:
    """Write the lines into the successors of their logs; gives their new names by their former ones. What they saw of lines that are lost
    they saw of nobody: what stands there now is asked about.
    """
    renamed: dict[str, str] = {}
    now = Renames(renamed, ended)
    for _, day in groupby(unsent, key=lambda one: one.change.time.ms // DAY_MS):
        lines = list(day)
        successors = _begin_successors(outbox, connection, lines, now)
        for one in lines:
            operations = tuple(msgspec.structs.replace(op, saw=now.saw(op.saw)) for op in one.change.operations)
            change = msgspec.structs.replace(one.change, operations=operations)
            renamed[one.name] = outbox.put(connection, change, successors[one.change.log], made=one.made).name
    return renamed


def _begin_successors(outbox: "Outbox", connection: Connection, lines: Sequence[_Unsent], before: Renames) -> dict[str, str]:
    """Begin the logs in which these lines go on, and no others; gives them by their former ones. Other lines, or what they saw under other
    names, would have other logs: so no two lines of them ever bear one number.
    """
    known = Renames({**before.names, **{one.name: one.name for one in lines}}, before.ended)
    words = [" ".join((one.name, *(name for op in one.change.operations for name in known.saw(op.saw)))) for one in lines]
    digest = hashlib.sha256(b"sen-successor/1" + outbox.key + "\n".join(words).encode("ascii")).digest()
    successors: dict[str, str] = {}
    for one in lines:
        if one.change.log not in successors:
            log = b64(hashlib.sha256(digest + one.change.log.encode("ascii")).digest()[:ID_BYTES])
            if connection.execute("SELECT 1 FROM log WHERE id = ?", (log,)).fetchone() is not None:
                log = new_id()
            successors[one.change.log] = outbox.open(connection, log, outbox.key, urgent=one.urgent, closed=True)
    return successors
