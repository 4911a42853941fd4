"""How unsent lines go on where some before them are lost or damaged (``gaps``).

Once the server has told what it has read, the unsent lines that can be read are written again into new logs: the same words, the same
writer, the same time; what they saw is named anew. All logs go on so, for any unsent line may have seen another.
"""

from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mobile.gaps import DAMAGED, UNSENT, chains_at, note_lost, readable
from sync.log import Change, parse_name
from sync.replica import in_writing_order

if TYPE_CHECKING:
    from mobile.outbox import Outbox
    from mobile.store import Store

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
        outbox.doubted.clear()
        outbox.look()
    if not outbox.held_back:
        return False
    with store.database.writing() as connection:
        unsent = list(_unsent(store, connection))
        _count(store, connection, unsent)
        store.set_note(DAMAGED, outbox.end_logs(connection))
        _write_again(outbox, connection, unsent, _let_go(store, connection))
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


def _write_again(outbox: "Outbox", connection: Connection, unsent: Sequence[_Unsent], ended: Mapping[str, int]) -> None:
    """Write the lines into the new logs. What they saw of lines that are lost they saw of nobody: what stands there now is asked about."""
    renamed: dict[str, str] = {}

    def is_there(name: str) -> bool:
        log, number, _ = parse_name(name)
        return number <= ended.get(log, number)

    for one in unsent:
        operations = []
        for op in one.change.operations:
            saw = [renamed.get(name, name) for name in op.saw if name in renamed or is_there(name)]
            operations.append(msgspec.structs.replace(op, saw=tuple(saw)))
        change = msgspec.structs.replace(one.change, operations=tuple(operations))
        renamed[one.name] = outbox.put(connection, change, urgent=one.urgent, made=one.made).name
