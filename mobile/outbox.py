"""The tablet's own logs: changes become lines, and wait until the server has read and told them.

A change is in the log when ``write`` has returned, and then it is on disk. Unsettled changes are held in memory too, by record: they are
what the screens show on top of the told state.
"""

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final, NamedTuple

from mobile.heads import Heads, Lost, check_whole, come_back, lacking
from shared.errors import SenError
from shared.ids import new_id
from sync.clock import tick
from sync.errors import ContentFault
from sync.files import files_named
from sync.log import Change, LogHead, Operation, chain_next, chain_start, parse_name, write_line
from sync.messages import Run, blobs_named, sealed_weight
from sync.replica import unit_before
from sync.store import OwnLog

if TYPE_CHECKING:
    from mobile.store import Store

LOST: Final = "lost"
"""The note of lines that this storage has lost (``mobile.heads.Lost``)."""

__all__ = ["Aside", "Outbox", "Subject"]


class Aside(NamedTuple):
    """An own line that was set aside: its name, its change, the code of the reason."""

    name: str
    change: Change
    code: str


class Subject:
    """What a change is about: a record of a type in a unit."""

    def __init__(self, *, record: str, type: str, unit: str, urgent: bool) -> None:
        self.record = record
        self.type = type
        self.unit = unit
        self.urgent = urgent


class Outbox:
    """The own logs of one tablet; ``key`` is the public signing key to which they are bound."""

    def __init__(self, store: "Store", key: bytes) -> None:
        self.store = store
        self.key = key
        self._lock = threading.RLock()
        self._pending: dict[str, dict[str, Change]] = {}
        """record → name → change, in the order of writing."""
        self.heads = Heads(store.database)
        self._open_logs()
        self._read_pending()

    def _open_logs(self) -> None:
        """Open a main and an urgent log where there is none; a closed one stays to be sent.

        A database that went back ends its logs here, so that no two lines ever bear one number.
        """
        told = self.heads.told()
        with self.store.database.writing() as connection:
            self.heads.moved = True
            lost = lacking(connection, told)
            if lost:
                check_whole(connection)
                self._close_all(connection, self.key)
                self.store.set_note("forked", str(self.store.now_ms()))
                self.store.set_note(LOST, json.dumps({**self._lost(), **lost}))
            held = {bool(row[0]) for row in connection.execute("SELECT urgent FROM log WHERE closed = 0")}
            for urgent in {True, False} - held:
                self._open(connection, self.key, urgent=urgent)

    def _read_pending(self) -> None:
        query = "SELECT name, body FROM unsettled JOIN own_line USING (log, number) ORDER BY made, log, number"
        with self.store.database.reading() as connection:
            rows = connection.execute(query).fetchall()
        for name, body in rows:
            change = Change.parse(self.store.rows.open(body, f"line {name}"))
            self._pending.setdefault(change.record, {})[name] = change

    # writing

    def write(
        self, subject: Subject, changes: Iterable[Sequence[Operation]], blobs: Mapping[str, bytes] | None = None,
        *, draft_done: bool = False,
    ) -> list[str]:  # fmt: skip
        """Put changes of one record into the log; gives their names. One transaction: all of them or none.

        Args:
            blobs: the sealed values that they name, by hash.
            draft_done: the record's draft is now in the log and is forgotten in the same transaction.

        Raises:
            SenError: ``line_too_long``, ``tablet_full`` and the like; nothing was written.
        """
        store, written = self.store, []
        try:
            with store.database.writing() as connection:
                for operations in changes:
                    written.append(self._append(connection, subject, operations))
                if blobs:
                    connection.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", list(blobs.items()))
                if draft_done:
                    connection.execute("DELETE FROM draft WHERE record = ?", (subject.record,))
        except ContentFault as fault:
            raise SenError(fault.code) from fault
        with self._lock:
            self._pending.setdefault(subject.record, {}).update(written)
        store.heard([subject.record])
        return [name for name, _ in written]

    def _append(self, connection: Connection, subject: Subject, operations: Sequence[Operation]) -> tuple[str, Change]:
        store = self.store
        log, number, chain = connection.execute(
            "SELECT id, number, chain FROM log WHERE urgent = ? AND closed = 0", (int(subject.urgent),)
        ).fetchone()
        now = store.now_ms()
        time = tick(store.last_time(), now)
        unit = unit_before(self.pending(subject.record), subject.unit) if subject.urgent else subject.unit
        change = Change(
            log=log, number=number + 1, time=time, user=store.device().user, catalogue=store.catalogue().version, record=subject.record,
            type=subject.type, unit=unit, operations=tuple(operations),
        )  # fmt: skip
        line = write_line(change)
        body = store.rows.seal(line.body, f"line {line.name}")
        connection.execute(
            "INSERT INTO own_line (log, number, name, before, body, size, made) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (log, number + 1, line.name, chain, body, len(line.body), now),
        )
        connection.execute("INSERT INTO unsettled VALUES (?, ?)", (log, number + 1))
        connection.execute("UPDATE log SET number = ?, chain = ? WHERE id = ?", (number + 1, chain_next(chain, line.hash), log))
        self.heads.moved = True
        named = [(digest,) for digest in files_named(change.operations)]
        upsert = "INSERT INTO file (hash, size, state) VALUES (?, 0, 'waits') ON CONFLICT DO UPDATE SET state = 'waits'"
        connection.executemany(upsert, named)
        store.set_note("time", f"{time.ms},{time.counter}")
        return line.name, change

    # what is shown on top

    def pending(self, record: str) -> list[tuple[str, Change]]:
        """The unsettled changes of a record with their names, in the order of writing."""
        with self._lock:
            return list(self._pending.get(record, {}).items())

    def records(self) -> list[str]:
        """The records with unsettled changes."""
        with self._lock:
            return list(self._pending)

    def unsettled(self) -> list[tuple[str, Change]]:
        """All unsettled changes with their names, record by record."""
        with self._lock:
            return [one for changes in self._pending.values() for one in changes.items()]

    def settled(self, gone: Mapping[str, Change]) -> None:
        """Forget changes that are settled on disk, by their names."""
        with self._lock:
            for name, change in gone.items():
                left = self._pending.get(change.record, {})
                left.pop(name, None)
                if not left:
                    self._pending.pop(change.record, None)

    # sending

    def logs(self, *, every: bool = False) -> list[OwnLog]:
        """The logs, the urgent one first; a closed one as long as it has something to send, or waits to be told what became of a change,
        or of lines that this storage lost; or ``every`` one that has lines.
        """
        asked = [log for log, (_, _, told) in self._lost().items() if not told]
        query = (
            "SELECT id, urgent, number, chain, acknowledged FROM log"
            f" WHERE closed = 0 OR acknowledged < number OR ({int(every)} AND number > 0) OR id IN (SELECT log FROM unsettled)"
            f" OR id IN ({','.join('?' * len(asked))})"
            " ORDER BY urgent DESC, closed DESC, id"
        )
        with self.store.database.reading() as connection:
            rows = connection.execute(query, asked).fetchall()
        return [OwnLog(log, bool(urgent), LogHead(number, chain), read) for log, urgent, number, chain, read in rows]

    def run(self, log: str, after: int, limit_bytes: int) -> Run | None:
        """The lines behind ``after``, up to about so many bytes but at least one; None when none."""
        query = "SELECT name, before, body, size FROM own_line WHERE log = ? AND number > ? ORDER BY number"
        lines: list[bytes] = []
        before, size, sealed = b"", 0, self._holds_sealed()
        with self.store.database.reading() as connection:
            for name, chain, body, length in connection.execute(query, (log, after)):
                if lines and size + length > limit_bytes:
                    break
                before = before or bytes(chain)
                line = self.store.rows.open(body, f"line {name}")
                lines.append(line)
                size += length
                if sealed:
                    size += sum(sealed_weight(len(self.store.blob(blob) or b"")) for blob in blobs_named(line))
        return Run(log, after + 1, before, lines) if lines else None

    def blobs_named(self, run: Run) -> list[str]:
        """The hashes of the sealed values that a run's lines name; none where no sealed value is here."""
        return list(dict.fromkeys(blob for line in run.lines for blob in blobs_named(line))) if self._holds_sealed() else []

    def _holds_sealed(self) -> bool:
        """Whether any sealed value is here: most tablets hold none, and their lines need not be looked through for names of some."""
        with self.store.database.reading() as connection:
            return connection.execute("SELECT 1 FROM blob LIMIT 1").fetchone() is not None

    def line(self, name: str) -> bytes | None:
        """An own line by its name."""
        log, number, _ = parse_name(name)
        query = "SELECT body FROM own_line WHERE log = ? AND number = ? AND name = ?"
        with self.store.database.reading() as connection:
            row = connection.execute(query, (log, number, name)).fetchone()
        return None if row is None else self.store.rows.open(row[0], f"line {name}")

    def acknowledge(
        self, connection: Connection, read: Mapping[str, LogHead], aside: Sequence[tuple[str, int, str]], forked: Sequence[str]
    ) -> dict[str, Change]:
        """Keep how far the server has read; gives what was set aside: it is settled, and stands no more.

        A log of which two lines bear one number, or of which the server has lines that are not here any more, is closed:
        this tablet went back to an older copy of itself, or was copied.
        """
        at = self.store.now_ms()
        for log in forked:
            self._close(connection, log)
        self._look_for_lost(read)
        for log, head in read.items():
            number = self._reckon(connection, log, head)
            connection.execute("UPDATE log SET acknowledged = ? WHERE id = ?", (number, log))
            if number:
                connection.execute("INSERT OR IGNORE INTO acknowledgement VALUES (?, ?, ?)", (log, number, at))
        gone: dict[str, Change] = {}
        for log, number, code in aside:
            row = connection.execute("SELECT name, body FROM own_line WHERE log = ? AND number = ?", (log, number)).fetchone()
            if row is not None:
                gone[row[0]] = Change.parse(self.store.rows.open(row[1], f"line {row[0]}"))
                connection.execute("UPDATE own_line SET aside = ? WHERE log = ? AND number = ?", (code, log, number))
                connection.execute("DELETE FROM unsettled WHERE log = ? AND number = ?", (log, number))
        return gone

    def _look_for_lost(self, read: Mapping[str, LogHead]) -> None:
        """Of lines that this storage lost, those that the server has are lost no more."""
        lost = self._lost()
        if any(log in lost for log in read):
            left = come_back(lost, read)
            self.store.set_note(LOST, json.dumps(left)) if left else self.store.forget_notes(LOST)

    def _lost(self) -> Lost:
        return {log: (have, number, told) for log, (have, number, told) in json.loads(self.store.note(LOST) or "{}").items()}

    def lost(self) -> int:
        """How many lines were on disk here, are not any more, and are not known to be at the server, nor pulled from there."""
        count = 0
        for log, (have, number, _) in self._lost().items():
            with self.store.database.reading() as connection:
                names = connection.execute("SELECT name FROM held_line WHERE name > ? AND name < ?", (f"{log}.", f"{log}/")).fetchall()
            count += number - have - len({n for _, n, _ in (parse_name(name) for (name,) in names) if have < n <= number})
        return count

    def _reckon(self, connection: Connection, log: str, head: LogHead) -> int:
        """How far the server has read this very chain, from the line that it says to have read last."""
        row = connection.execute("SELECT number, chain FROM log WHERE id = ?", (log,)).fetchone()
        if row is None:
            return 0
        number, chain = row
        if head.number > number:
            self._close(connection, log)
            return int(number)
        if head.number < number:
            query = "SELECT before FROM own_line WHERE log = ? AND number = ?"
            chain = connection.execute(query, (log, head.number + 1)).fetchone()[0]
        return head.number if chain == head.hash else 0

    def _close(self, connection: Connection, log: str) -> None:
        """This storage was copied: both logs end here, to be sent and looked at; later changes go into new ones."""
        row = connection.execute("SELECT closed FROM log WHERE id = ?", (log,)).fetchone()
        if row is not None and not row[0]:
            self._close_all(connection, self.key)
            self.store.set_note("forked", str(self.store.now_ms()))

    def _close_all(self, connection: Connection, key: bytes) -> None:
        connection.execute("UPDATE log SET closed = 1")
        for urgent in (True, False):
            self._open(connection, key, urgent=urgent)

    def begin_anew(self, key: bytes, note: tuple[str, str]) -> None:
        """Close the logs and open new ones that belong to another device, which this tablet is from now on; keep a note of it with them.

        What it wrote before stands in the logs that end here.
        """
        with self.store.database.writing() as connection:
            self._close_all(connection, key)
            self.store.forget_notes("forked")
            self.store.set_note(*note)

    def main(self) -> str:
        """The main log that is written now."""
        with self.store.database.reading() as connection:
            return str(connection.execute("SELECT id FROM log WHERE closed = 0 AND urgent = 0").fetchone()[0])

    def _open(self, connection: Connection, key: bytes, *, urgent: bool) -> None:
        log = new_id()
        connection.execute("INSERT INTO log VALUES (?, ?, 0, ?, 0, 0)", (log, int(urgent), chain_start(log, key)))
        self.heads.moved = True

    # what the screens ask

    def unsent_bytes(self) -> int:
        """The bytes of the lines that the server is not known to have read."""
        query = (
            "SELECT coalesce(sum(size), 0) FROM own_line JOIN log ON own_line.log = log.id"
            " WHERE own_line.number > log.acknowledged"
        )
        with self.store.database.reading() as connection:
            return int(connection.execute(query).fetchone()[0])

    def _unsent(self) -> list[tuple[str, int, Change]]:
        """The lines that the server is not known to have read: (log, made, change)."""
        read = {log.log: log.acknowledged for log in self.logs()}
        found = [change for _, change in self.unsettled() if change.number > read.get(change.log, change.number)]
        return [(change.log, change.time.ms, change) for change in found]

    def along(self) -> dict[str, int]:
        """Of the records with unsent urgent changes, the last unsent line in each other log."""
        logs = {log.log: log.urgent for log in self.logs()}
        unsent = [change for _, _, change in self._unsent()]
        records = {change.record for change in unsent if logs[change.log]}
        last: dict[str, int] = {}
        for change in unsent:
            if change.record in records and not logs[change.log]:
                last[change.log] = max(last.get(change.log, 0), change.number)
        return last

    def unsent_records(self) -> list[tuple[str, int, int]]:
        """The records with such lines: (record, how many, the oldest one's milliseconds), the oldest first."""
        told: dict[str, tuple[int, int]] = {}
        for _, made, change in self._unsent():
            count, since = told.get(change.record, (0, made))
            told[change.record] = (count + 1, min(since, made))
        return sorted(((record, count, since) for record, (count, since) in told.items()), key=lambda row: row[2])

    def waits(self, record: str) -> bool:
        """Whether a record has such lines."""
        pending = self.pending(record)
        if not pending:
            return False
        read = {log.log: log.acknowledged for log in self.logs()}
        return any(change.number > read.get(change.log, change.number) for _, change in pending)

    def received_ms(self, log: str, number: int) -> int | None:
        """When the server was known to have read a line of an own log; None while it is not."""
        query = "SELECT min(at) FROM acknowledgement WHERE log = ? AND number >= ?"
        with self.store.database.reading() as connection:
            row = connection.execute(query, (log, number)).fetchone()
        return None if row[0] is None else int(row[0])

    def record_received_ms(self, record: str) -> int | None:
        """When the server was known to have read the last own line that stands in a record; None while it is not."""
        state = self.store.show(record)
        own = {log.log for log in self.logs(every=True)}
        names = [] if state is None else [parse_name(name) for name in state.origins()]
        times = [self.received_ms(name.log, name.number) for name in names if name.log in own]
        known = [time for time in times if time is not None]
        return max(known) if known and len(known) == len(times) else None

    def lines_aside(self) -> list[Aside]:
        """The lines that the server set aside, the newest first."""
        query = "SELECT name, body, aside FROM own_line WHERE aside <> '' ORDER BY made DESC, number DESC"
        with self.store.database.reading() as connection:
            rows = connection.execute(query).fetchall()
        return [Aside(name, Change.parse(self.store.rows.open(body, f"line {name}")), code) for name, body, code in rows]

    def set_aside(self) -> list[tuple[str, str]]:
        """The lines that the server set aside, mended or not: (record, code), the newest first."""
        return [(one.change.record, one.code) for one in self.lines_aside()]
