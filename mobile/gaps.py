"""Own lines that this storage has lost or damaged: which, and how many. How what stands behind them goes on: ``bridging``.

A log is a chain, so that no line can follow one that nobody has, or one of which the place is not sure. A line that is lost stays lost, and
is counted.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final

from mobile.heads import Lost, Told, come_back
from shared.errors import SenError
from shared.ids import SHORT_ID
from sync.log import Change, LogHead, chain_next, line_hash, name_of, parse_name

if TYPE_CHECKING:
    from mobile.keys import RowKey
    from mobile.store import Store

LOST: Final = "lost"
"""The note of lines that this storage has lost (``mobile.heads.Lost``)."""

FORKED: Final = "forked"
"""The note of when (ms) the logs ended, for this storage is not what it was."""

LOST_AT: Final = "lost_at"
"""The note of when (ms) it was first found that some are lost."""

DAMAGED: Final = "damaged"
"""The note of when (ms) this storage was last found damaged; that is why the logs ended, where it is the time in ``FORKED``."""

__all__ = [
    "DAMAGED", "FORKED", "LOST_AT", "UNSENT", "adopt", "chains_at", "count_lost", "doubtful", "is_log", "look_for_lost", "lost_of",
    "note_lost", "readable", "unsent_lines",
]  # fmt: skip

UNSENT: Final = " JOIN log ON log.id = own_line.log WHERE own_line.number > acknowledged"
"""Behind ``SELECT … FROM own_line``: the lines that the server is not known to have read."""


def readable(rows: "RowKey", name: str, body: bytes) -> bytes | None:
    """The line of a row; None where the storage damaged it."""
    with suppress(SenError):
        return rows.open(body, f"line {name}")
    return None


def unsent_lines(rows: "RowKey", connection: Connection) -> Iterator[tuple[str, bytes]]:
    """The lines, with their names, that the server is not known to have read; those that can be read, in no order."""
    for name, body in connection.execute("SELECT name, body FROM own_line" + UNSENT).fetchall():
        line = readable(rows, name, body)
        if line is not None:
            yield name, line


# what is missing


def lost_of(store: "Store") -> Lost:
    """The lines that this storage has lost, by log."""
    return {log: (have, number, told) for log, (have, number, told) in json.loads(store.note(LOST) or "{}").items()}


def note_lost(store: "Store", more: Lost) -> None:
    """Take note of more lines that are lost; a log of which some were lost before has lost these too."""
    before = lost_of(store)
    for log, (have, number, told) in more.items():
        was = before.get(log)
        before[log] = (have, number, told) if was is None else (min(have, was[0]), max(number, was[1]), told and was[2])
    store.set_note(LOST, json.dumps(before))
    if store.note(LOST_AT) is None:
        store.set_note(LOST_AT, str(store.now_ms()))


def look_for_lost(store: "Store", read: Mapping[str, LogHead]) -> None:
    """Of lines that this storage lost, those that the server has are lost no more."""
    lost = lost_of(store)
    if any(log in lost for log in read):
        left = come_back(lost, read)
        store.set_note(LOST, json.dumps(left)) if left else store.forget_notes(LOST, LOST_AT)


def count_lost(store: "Store") -> int:
    """How many lines were on disk here, are not any more, and are not known to be at the server, nor pulled from there."""
    count = 0
    for log, (have, number, _) in lost_of(store).items():
        with store.database.reading() as connection:
            names = connection.execute("SELECT name FROM held_line WHERE name > ? AND name < ?", (f"{log}.", f"{log}/")).fetchall()
        count += number - have - len({n for _, n, _ in (parse_name(name) for (name,) in names) if have < n <= number})
    return count


def chains_at(connection: Connection, rows: "RowKey", log: str, number: int) -> set[bytes]:
    """What h(number) of an own log may be: by the line behind it, by the line itself, by the log's head. More than one: some is damaged."""
    query = "SELECT before FROM own_line WHERE log = ? AND number = ? UNION SELECT chain FROM log WHERE id = ? AND number = ?"
    found = {bytes(row[0]) for row in connection.execute(query, (log, number + 1, log, number))}
    row = connection.execute("SELECT name, before, body FROM own_line WHERE log = ? AND number = ?", (log, number)).fetchone()
    line = None if row is None else readable(rows, row[0], row[2])
    return found if line is None else found | {chain_next(row[1], line_hash(line))}


def adopt(connection: Connection, rows: "RowKey", beside: Told) -> None:
    """Put right what stands about the lines, by the lines: each stands at its own place; a log whose row is lost is there again, closed and
    told from its start; one whose very name is damaged goes; the head is that of the last line; what is not sent is not settled.

    Args:
        beside: what the second file of heads says.
    """
    _put_back(connection, rows)
    query = "SELECT DISTINCT log FROM own_line WHERE log NOT IN (SELECT id FROM log)"
    misnamed = "UPDATE log SET id = ? WHERE number = ? AND chain = ? AND id NOT IN (SELECT log FROM own_line)"
    for (log,) in connection.execute(query).fetchall():
        head = _last_of(connection, rows, log)
        if is_log(log) and (head is None or not connection.execute(misnamed, (log, *head)).rowcount):
            connection.execute("INSERT INTO log SELECT ?, 0, max(number), before, 0, 1 FROM own_line WHERE log = ?", (log, log))
    gone = [(log,) for (log,) in connection.execute("SELECT id FROM log") if not is_log(log)]
    connection.executemany("DELETE FROM log WHERE id = ?", gone)
    for flag in ("urgent", "closed"):
        connection.execute(f"UPDATE log SET {flag} = 1 WHERE {flag} NOT IN (0, 1)")
    _put_heads_right(connection, rows, beside)
    connection.execute("INSERT OR IGNORE INTO unsettled SELECT log, own_line.number FROM own_line" + UNSENT + " AND aside = ''")


def _put_back(connection: Connection, rows: "RowKey") -> None:
    """Put lines to their places that stand elsewhere, but under their own names and with their own bodies."""
    query = (
        "SELECT rowid, name, body FROM own_line"
        " WHERE substr(name, 1, length(log || '.' || number || '.')) <> log || '.' || number || '.'"
    )
    for row, name, body in connection.execute(query).fetchall():
        line = readable(rows, name, body)
        if line is not None:
            change = Change.parse(line)
            if name == name_of(change.log, change.number, line_hash(line)):
                update = "UPDATE OR IGNORE own_line SET log = ?, number = ? WHERE rowid = ?"
                connection.execute(update, (change.log, change.number, row))


def _put_heads_right(connection: Connection, rows: "RowKey", beside: Told) -> None:
    """Where the last line that is held shows that a log's number or hash is damaged, take them from the line. The hash shows it, or the
    second file; without either the lines behind it may be lost.
    """
    for log, number, chain in connection.execute("SELECT id, number, chain FROM log").fetchall():
        head = _last_of(connection, rows, log)
        if head is not None and head != (number, chain) and (head.hash == chain or beside.get(log) == head):
            connection.execute("UPDATE log SET number = ?, chain = ? WHERE id = ?", (*head, log))


def _last_of(connection: Connection, rows: "RowKey", log: str) -> LogHead | None:
    """The head that the last line which is held of a log gives it; None where it cannot be read."""
    query = "SELECT number, name, before, body FROM own_line WHERE log = ? ORDER BY number DESC LIMIT 1"
    row = connection.execute(query, (log,)).fetchone()
    line = None if row is None else readable(rows, row[1], row[3])
    return None if line is None else LogHead(row[0], chain_next(row[2], line_hash(line)))


def is_log(log: object) -> bool:
    """Whether this can be the id of a log."""
    return type(log) is str and SHORT_ID.fullmatch(log) is not None


def doubtful(store: "Store", connection: Connection) -> set[str]:
    """The own logs that are not one whole chain from where the server has read them up to their head: some of it is lost or damaged."""
    logs = connection.execute("SELECT id, number, chain, acknowledged FROM log").fetchall()
    return {log for log, number, chain, read in logs if not _is_whole(store, connection, log, read, LogHead(number, chain))}


def _is_whole(store: "Store", connection: Connection, log: str, read: int, head: LogHead) -> bool:
    query = "SELECT number, name, before, body FROM own_line WHERE log = ? AND number > ? ORDER BY number"
    if len(chains_at(connection, store.rows, log, read)) > 1:
        return False
    at, reached = read, b""
    for number, name, before, body in connection.execute(query, (log, read)):
        line = readable(store.rows, name, body)
        if number != at + 1 or line is None or name != name_of(log, number, line_hash(line)) or (reached and reached != before):
            return False
        at, reached = number, chain_next(before, line_hash(line))
    return at == head.number and (not reached or reached == head.hash)
