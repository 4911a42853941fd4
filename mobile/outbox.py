"""The tablet's own logs: changes become lines, and wait until the server has read and told them.

A change is in the log when ``write`` has returned, and then it is on disk. Unsettled changes are held in memory too, by record: they are
what the screens show on top of the told state.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mobile.gaps import FORKED, adopt, doubtful, is_log, lost_of, note_lost, readable
from mobile.heads import Heads, check_whole, lacking, told_beside
from mobile.renames import Renames
from shared.errors import SenError
from shared.ids import new_id
from sync.clock import tick
from sync.errors import ContentFault
from sync.files import files_named
from sync.log import Change, Line, LogHead, Operation, chain_next, chain_start, parse_name, write_line
from sync.messages import Run, blobs_named, sealed_weight
from sync.replica import in_writing_order, unit_before
from sync.tablet_store import OwnLog

if TYPE_CHECKING:
    from mobile.store import Store

__all__ = ["Outbox", "Subject"]


class Subject(NamedTuple):
    """What a change is about: a record of a type in a unit."""

    record: str
    type: str
    unit: str
    urgent: bool


class Outbox:
    """The own logs of one tablet; ``key`` is the public signing key to which they are bound."""

    def __init__(self, store: "Store", key: bytes) -> None:
        self.store = store
        self.key = key
        self._lock = threading.RLock()
        self._pending: dict[str, dict[str, Change]] = {}
        """record → name → change, in the order of writing."""
        self.doubted: set[str] = set()
        """Logs of which unsent lines are lost or damaged."""
        self.refused = False
        """The server refused lines whose place in their log was not theirs."""
        self.heads = Heads(store.database)
        self._open_logs()
        self._read_pending()
        self.look()

    @property
    def held_back(self) -> bool:
        """Whether nothing is sent before it goes on in other logs (``mobile.bridging``): any line may have seen one that is lost."""
        return bool(self.doubted) or self.refused

    def mend(self) -> None:
        """Put right what is damaged about the lines and follows from what is whole, and look again whether they are."""
        with self.store.database.writing() as connection:
            adopt(connection, self.store.rows, told_beside(self.store.database.path))
        self.doubted.clear()
        self.look()

    def look(self) -> None:
        """Look whether all unsent lines are whole."""
        with self.store.database.reading() as connection:
            self.doubted |= doubtful(self.store, connection)

    def _open_logs(self) -> None:
        """Open a main and an urgent log where there is none; a closed one stays to be sent.

        A database that went back ends its logs here, so that no two lines ever bear one number.
        """
        told = told_beside(self.store.database.path)
        with self.store.database.writing() as connection:
            self.heads.moved = True
            adopt(connection, self.store.rows, told)
            lost = lacking(connection, told)
            if lost:
                check_whole(connection, went_back=True)
                self.end_logs(connection)
                note_lost(self.store, lost)
                forgotten = [(log, *told[log]) for log in lost if told[log][0]]
                insert = "INSERT OR IGNORE INTO log (id, urgent, number, chain, acknowledged, closed) VALUES (?, 0, ?, ?, 0, 1)"
                connection.executemany(insert, forgotten)  # the server says what it has of them
            held = {bool(row[0]) for row in connection.execute("SELECT urgent FROM log WHERE closed = 0")}
            for urgent in {True, False} - held:
                self.open(connection, new_id(), self.key, urgent=urgent)

    def _read_pending(self) -> None:
        with self.store.database.reading() as connection:
            rows = connection.execute("SELECT name, body FROM unsettled JOIN own_line USING (log, number)").fetchall()
        lines = [(name, readable(self.store.rows, name, body)) for name, body in rows]
        for name, change in in_writing_order((name, Change.parse(line)) for name, line in lines if line is not None):
            self._pending.setdefault(change.record, {})[name] = change

    def read_again(self) -> None:
        """Take the unsettled changes from the disk anew: they bear other names now, and stand in logs that are whole."""
        self.doubted, self.refused = set(), False
        with self._lock:
            self._pending.clear()
            self._read_pending()

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
                renames = Renames.read(store)
                for operations in changes:
                    named = [msgspec.structs.replace(op, saw=renames.saw(op.saw)) if op.saw else op for op in operations]
                    written.append(self._append(connection, subject, named))
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
        now = store.now_ms()
        time = tick(store.last_time(), now)
        unit = unit_before(self.pending(subject.record), subject.unit) if subject.urgent else subject.unit
        change = Change(
            log="", number=0, time=time, user=store.device().user, catalogue=store.catalogue().version, record=subject.record,
            type=subject.type, unit=unit, operations=tuple(operations),
        )  # fmt: skip
        line = self.put(connection, change, self._written(connection, urgent=subject.urgent), made=now)
        named = [(digest,) for digest in files_named(change.operations)]
        upsert = "INSERT INTO file (hash, size, state) VALUES (?, 0, 'waits') ON CONFLICT DO UPDATE SET state = 'waits'"
        connection.executemany(upsert, named)
        store.set_note("time", f"{time.ms},{time.counter}")
        return line.name, line.change

    def put(self, connection: Connection, change: Change, log: str, *, made: int) -> Line:
        """Put a change, unsettled, behind the last line of a log; log and number are given it here."""
        number, chain = connection.execute("SELECT number, chain FROM log WHERE id = ?", (log,)).fetchone()
        line = write_line(msgspec.structs.replace(change, log=log, number=number + 1))
        body = self.store.rows.seal(line.body, f"line {line.name}")
        connection.execute(
            "INSERT INTO own_line (log, number, name, before, body, size, made) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (log, line.number, line.name, chain, body, len(line.body), made),
        )
        connection.execute("INSERT INTO unsettled VALUES (?, ?)", (log, line.number))
        connection.execute("UPDATE log SET number = ?, chain = ? WHERE id = ?", (line.number, chain_next(chain, line.hash), log))
        self.heads.moved = True
        return line

    def _written(self, connection: Connection, *, urgent: bool) -> str:
        """The log that is written now; a new one where the storage harmed it."""
        query = "SELECT id FROM log WHERE urgent = ? AND closed = 0"
        logs: list[str] = [log for (log,) in connection.execute(query, (int(urgent),)) if is_log(log)]
        return logs[0] if logs else self.open(connection, new_id(), self.key, urgent=urgent)

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
        asked = [log for log, (_, _, told) in lost_of(self.store).items() if not told]
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
        """The lines behind ``after`` up to the first that is not here, up to about so many bytes but at least one; None when none."""
        query = "SELECT number, name, before, body, size FROM own_line WHERE log = ? AND number > ? ORDER BY number"
        if self.held_back:
            return None
        lines: list[bytes] = []
        before, size, sealed = b"", 0, self._holds_sealed()
        with self.store.database.reading() as connection:
            for number, name, chain, body, length in connection.execute(query, (log, after)):
                if lines and size + length > limit_bytes:
                    break
                line = readable(self.store.rows, name, body)
                if line is None or number != after + 1 + len(lines):
                    self.doubted.add(log)
                    break
                before = before or bytes(chain)
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
        """An own line by its name; a damaged one is none."""
        log, number, _ = parse_name(name)
        query = "SELECT body FROM own_line WHERE log = ? AND number = ? AND name = ?"
        with self.store.database.reading() as connection:
            row = connection.execute(query, (log, number, name)).fetchone()
        return None if row is None else readable(self.store.rows, name, row[0])

    def close(self, connection: Connection, log: str) -> None:
        """This storage was copied: both logs end here, to be sent and looked at; later changes go into new ones."""
        if connection.execute("SELECT closed FROM log WHERE id = ?", (log,)).fetchone() == (0,):
            self.end_logs(connection)

    def end_logs(self, connection: Connection) -> str:
        """End both logs, for this storage is not what it was, and note when (ms); later changes go into new ones."""
        self._close_all(connection, self.key)
        self.store.set_note(FORKED, at := str(self.store.now_ms()))
        return at

    def _close_all(self, connection: Connection, key: bytes) -> None:
        connection.execute("UPDATE log SET closed = 1")
        for urgent in (True, False):
            self.open(connection, new_id(), key, urgent=urgent)

    def begin_anew(self, key: bytes, note: tuple[str, str]) -> None:
        """Close the logs and open new ones that belong to another device, which this tablet is from now on; keep a note of it with them.

        What it wrote before stands in the logs that end here.
        """
        with self.store.database.writing() as connection:
            self._close_all(connection, key)
            self.store.forget_notes(FORKED)
            self.store.set_note(*note)

    def main(self) -> str:
        """The main log that is written now."""
        with self.store.database.reading() as connection:
            row = connection.execute("SELECT id FROM log WHERE closed = 0 AND urgent = 0").fetchone()
        return "" if row is None else str(row[0])

    def open(self, connection: Connection, log: str, key: bytes, *, urgent: bool, closed: bool = False) -> str:
        """Begin a log that is bound to a key."""
        row = (log, int(urgent), chain_start(log, key), int(closed))
        connection.execute("INSERT INTO log (id, urgent, number, chain, acknowledged, closed) VALUES (?, ?, 0, ?, 0, ?)", row)
        self.heads.moved = True
        return log

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
