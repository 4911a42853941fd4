"""What the server says of the own logs: how far it has read them, what it set aside, which of them are forked."""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING

from mobile.gaps import chains_at, look_for_lost, readable
from sync.log import Change, LogHead

if TYPE_CHECKING:
    from mobile.outbox import Outbox

__all__ = ["acknowledge"]


def acknowledge(
    outbox: "Outbox", connection: Connection, read: Mapping[str, LogHead], aside: Sequence[tuple[str, int, str]], forked: Sequence[str]
) -> dict[str, Change]:
    """Keep how far the server has read; gives what was set aside: it is settled, and stands no more.

    A log of which two lines bear one number, or of which the server has lines that are not here any more, is closed:
    this tablet went back to an older copy of itself, or was copied.
    """
    store = outbox.store
    at = store.now_ms()
    for log in forked:
        outbox.close(connection, log)
    look_for_lost(store, read)
    for log, head in read.items():
        number = _reckon(outbox, connection, log, head)
        connection.execute("UPDATE log SET acknowledged = ? WHERE id = ?", (number, log))
        if number:
            connection.execute("INSERT OR IGNORE INTO acknowledgement VALUES (?, ?, ?)", (log, number, at))
    gone: dict[str, Change] = {}
    for log, number, code in aside:
        row = connection.execute("SELECT name, body FROM own_line WHERE log = ? AND number = ?", (log, number)).fetchone()
        line = None if row is None else readable(store.rows, *row)
        if line is not None:
            gone[row[0]] = Change.parse(line)
            connection.execute("UPDATE own_line SET aside = ? WHERE log = ? AND number = ?", (code, log, number))
            connection.execute("DELETE FROM unsettled WHERE log = ? AND number = ?", (log, number))
    return gone


def _reckon(outbox: "Outbox", connection: Connection, log: str, head: LogHead) -> int:
    """How far the server has read this very chain, from the line that it says to have read last."""
    row = connection.execute("SELECT number, acknowledged FROM log WHERE id = ?", (log,)).fetchone()
    if row is None:
        return 0
    number, known = row
    if head.number > number:
        outbox.close(connection, log)
        return int(number)
    chains = chains_at(connection, outbox.store.rows, log, head.number)
    if head.hash in chains or len(chains) == 1:
        return head.number if head.hash in chains else 0
    held = connection.execute("SELECT 1 FROM own_line WHERE log = ? AND number BETWEEN ? AND ?", (log, known + 1, head.number)).fetchone()
    if not chains and held is None:  # nothing here says otherwise, and nothing is here that would be told again
        return head.number
    outbox.doubted.add(log)
    return int(min(known, head.number))
