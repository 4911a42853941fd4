"""The tablet's store: the contract of ``sync.tablet_store.TabletStore`` over SQLite, and what the screens ask of it.

Content is sealed row by row with the device's row key (``tables``). What the server told and the tablet's own lines stand
apart: a screen shows the told state under the own changes that are not settled yet. A page of a pull is made ready outside the
transaction and written in one, so that an officer's typing never waits for it. Own lines: ``outbox``. Pulled pages: ``pull``.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from sqlite3 import Connection
from typing import Any, Final

from mobile.bulk import uncollected
from mobile.database import Database
from mobile.files import Files
from mobile.gaps import FORKED, chains_at, readable
from mobile.handback import HandBack
from mobile.keys import RowKey
from mobile.mending import lines_aside
from mobile.notes import read_note, write_note
from mobile.outbox import Outbox
from mobile.pull import ROWS, PullWriter, files_named
from mobile.seals import Seals
from mobile.soundness import Soundness
from mobile.tables import bring_up
from shared.catalogue import Catalogue
from shared.errors import SenError
from sync.clock import Time
from sync.log import Change
from sync.lost import Brought
from sync.merge import fresh
from sync.messages import Run
from sync.paths import policy_of
from sync.replica import overlay
from sync.state import RecordState
from sync.store import Device, Scope
from sync.tablet_store import OwnLog, Page

PAST_CURSORS: Final = 40
"""How many tokens of earlier complete pulls a request shows at most."""

SOME: Final = 500
"""How many ids one query asks for."""

__all__ = ["Store"]


def _marks(some: Sequence[str]) -> str:
    return ",".join("?" * len(some))


class Store:
    """A tablet's whole store. What a method has returned from is on disk.

    Args:
        identity: who the tablet is; its scope is replaced by the one that was last told.
        catalogue: gives the present catalogue.
        now_ms: the clock.
        heard: is told the ids of records whose content changed, after the commit.
        let_go: is told the hashes of files that no record on the tablet names any more.
    """

    def __init__(
        self, database: Database, rows: RowKey, identity: Device, *, catalogue: Callable[[], Catalogue], now_ms: Callable[[], int],
        heard: Callable[[Iterable[str]], None] = lambda records: None, let_go: Callable[[Iterable[str]], None] = lambda files: None,
    ) -> None:  # fmt: skip
        self.database = database
        self.rows = rows
        self.catalogue = catalogue
        self.now_ms = now_ms
        self.heard = heard
        self.let_go = let_go
        self._identity = identity
        self._harmed: set[str] = set()
        with database.writing() as connection:
            bring_up(connection)
        database.fold()
        told = self.note("scope")
        if told is not None:
            stream, units, cases, version, *home = json.loads(told)
            self._identity = identity._replace(scope=Scope(stream, tuple(units), cases, version, *home))
        self.outbox = Outbox(self, identity.key)
        self.handback = HandBack(self)
        self.soundness = Soundness(self)
        self.seals = Seals(self)
        self.lacks_file = lambda digest: Files.lacks(database, digest)

    # notes: small named values

    def note(self, name: str) -> str | None:
        """A small named value, as the clock's last reading or the scope."""
        with self.database.reading() as connection:
            return read_note(connection, name)

    def set_note(self, name: str, value: str) -> None:
        """Keep a small named value; within the writing transaction where there is one."""
        with self.database.writing() as connection:
            write_note(connection, name, value)

    def forget_notes(self, *names: str) -> None:
        """Let small named values go."""
        with self.database.writing() as connection:
            connection.executemany("DELETE FROM meta WHERE name = ?", [(name,) for name in names])

    # the contract of TabletStore

    def device(self) -> Device:
        """Who this tablet is, and the scope it was last told."""
        return self._identity

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        """The logs that this tablet writes or has still to send, the urgent one first."""
        return self.outbox.logs(every=every)

    def mark(self) -> str:
        """What tells this storage from a copy of it: the main log that it writes, once it closed one."""
        return "" if self.note(FORKED) is None else self.outbox.main()

    def become(self, identity: Device) -> None:
        """This tablet is another device from now on, and its new logs are bound to that one's key; what it may hold stays."""
        self._identity = identity._replace(scope=self._identity.scope)
        self.outbox.key = identity.key

    def unsent(self, log: str, after: int, limit_bytes: int) -> Run | None:
        """The lines of an own log behind ``after``, up to about so many bytes but at least one; None when none."""
        return self.outbox.run(log, after, limit_bytes)

    def chains_at(self, log: str, number: int) -> set[bytes]:
        """What h(number) of an own log may be, by what is held there."""
        with self.database.reading() as connection:
            return chains_at(connection, self.rows, log, number)

    def along(self) -> dict[str, int]:
        """What must leave with unsent urgent changes so that their records arrive whole: other log → up to which number."""
        return self.outbox.along()

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        """The sealed values that the lines of an own run name by their hashes."""
        hashes = self.outbox.blobs_named(run)
        found = [(digest, self.blob(digest)) for digest in hashes]
        return [(digest, data) for digest, data in found if data is not None]

    def wraps_of(self, blobs: Sequence[tuple[str, bytes]]) -> list[tuple[str, str, str]]:
        """The wrapped case keys that the server needs for these sealed values."""
        return self.seals.wraps_of(blobs)

    def line(self, name: str) -> bytes | None:
        """A line that the tablet holds, its own or a pulled one, by its name."""
        own = self.outbox.line(name)
        if own is not None:
            return own
        with self.database.reading() as connection:
            row = connection.execute("SELECT body FROM held_line WHERE name = ?", (name,)).fetchone()
        return None if row is None else readable(self.rows, name, row[0])  # a damaged line is none: its record is fetched anew

    def cursors(self) -> dict[str, str]:
        """Stream or part → token of the place up to which it was pulled."""
        with self.database.reading() as connection:
            return dict(connection.execute("SELECT place, token FROM cursor").fetchall())

    def forget_cursors(self) -> None:
        """Pull everything anew: the server cannot read what says how far this tablet is."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM cursor")
            connection.execute("DELETE FROM past_cursor")

    def past_cursors(self, stream: str) -> list[str]:
        """Tokens of earlier complete pulls, the newest first."""
        query = "SELECT token FROM past_cursor WHERE stream = ? ORDER BY number DESC LIMIT ?"
        with self.database.reading() as connection:
            return [row[0] for row in connection.execute(query, (stream, PAST_CURSORS))]

    def held_heads(self) -> dict[str, str]:
        """For each log of others: the name of the last line that was pulled of it."""
        return self.handback.heads()

    def owes(self) -> bool:
        """Whether a restored server waits for runs of others."""
        return self.handback.owes()

    def handing_back(self, limit_bytes: int) -> tuple[list[Run], bool]:
        """Runs of others that a restored server wants back; and whether there are more."""
        return self.handback.runs(limit_bytes)

    def pasts_of(self, runs: Sequence[Run]) -> list[Sequence[Any]]:
        """What was told of the pasts of these runs' changes."""
        return self.handback.pasts(runs)

    def handed_back(self, runs: Sequence[Run]) -> None:
        """Take note that the server has these runs again."""
        self.handback.done(runs)

    def lines_at(self, log: str, number: int) -> list[Brought]:
        """The lines of this number that are held of a log, its own or another's."""
        return self.handback.lines_at(log, number)

    def versions(self) -> dict[str, str]:
        """The versions held of what else syncs; the catalogue that ships counts as held."""
        with self.database.reading() as connection:
            held = dict(connection.execute("SELECT name, version FROM document WHERE name NOT LIKE '%/%'").fetchall())
        return {"catalogue": self.catalogue().version, **{name: held[name] for name in held.keys() - self._harmed}}

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held, by ``unit/type/0`` or ``…/1``."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT part, digest FROM part WHERE part <> ?", (ROWS,)).fetchall()
        return {part: int.from_bytes(digest, "big") for part, digest in rows}

    def digest(self) -> int:
        """The sum, modulo 2^128, of the digests of all parts held."""
        return sum(self.part_digests().values()) % (1 << 128)

    def answers(self) -> int:
        """How many answers brought something and were kept."""
        return int(self.note("answers") or 0)

    def count_answer(self, connection: Connection) -> None:
        """Count an answer, in the transaction that keeps it."""
        write_note(connection, "answers", str(int(read_note(connection, "answers") or 0) + 1))

    def keep(self, page: Page) -> None:
        """Keep a page in one transaction: registers, lines, cursors, acknowledgements, documents; all or nothing."""
        if not any(part for part in page if part is not page.complete):
            return
        ready = PullWriter(self, page)
        with uncollected():
            ready.prepare()
            with self.database.writing() as connection:
                gone = ready.write(connection)
        if page.scope is not None:
            self._identity = self._identity._replace(scope=page.scope)
        self.outbox.settled(gone)
        self.heard({*ready.touched, *ready.soles, *ready.dropped, *(change.record for change in gone.values())})
        if ready.dropped or self.database.unfolded:
            self.database.fold()
        if ready.files:
            self.let_go(ready.files - self._files_held())

    def _files_held(self) -> set[str]:
        """The hashes of all files that a record names which the tablet shows."""
        shown = (self.show(record) for record in self.records())
        return {digest for state in shown if state is not None for digest in files_named(state)}

    def recount(self) -> None:
        """Count the digests anew from what can be read."""
        self.soundness.recount()

    def refill(self, parts: Sequence[str]) -> None:
        """Pull these parts again from the start: their digests differ from the server's."""
        with self.database.reading() as connection:
            states = self.read_states(connection.execute("SELECT id, sole, body FROM record").fetchall())
        wanted = set(parts)
        held = [
            (f"{unit}/{state.type}/{kind}", record) for record, state in states.items() for unit in state.units for kind in (0, 1)
        ]  # fmt: skip
        with self.database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO cursor VALUES (?, '')", [(part,) for part in parts])
            connection.executemany("INSERT OR REPLACE INTO doubted VALUES (?, ?)", [one for one in held if one[0] in wanted])

    # records as the screens show them

    def told(self, records: Sequence[str]) -> dict[str, RecordState]:
        """The told states of these records, those that are held."""
        states: dict[str, RecordState] = {}
        for start in range(0, len(records), SOME):
            some = records[start : start + SOME]
            query = f"SELECT id, sole, body FROM record WHERE id IN ({_marks(some)})"
            with self.database.reading() as connection:
                rows = connection.execute(query, tuple(some)).fetchall()
            states |= self.read_states(rows)
        return states

    def read_states(self, rows: Sequence[tuple[str, str, bytes]]) -> dict[str, RecordState]:
        """The states of rows of the table ``record``: (id, sole, body). What cannot be read is left out, as if it were not held."""
        names = {sole: record for record, sole, _ in rows if sole}
        states = {}
        for record, sole, body in rows:
            if not sole:
                with suppress(SenError, ValueError):
                    states[record] = RecordState.load(json.loads(self.rows.open(body, f"record {record}")))
        for name, line in self._lines_of(list(names)).items():
            change = Change.parse(line)
            if change.record == names[name]:
                states[names[name]] = fresh(change, name, number=0)
        return states

    def _lines_of(self, names: Sequence[str]) -> dict[str, bytes]:
        """Lines by name, the tablet's own or pulled ones, in two queries for each few hundred."""
        found: dict[str, bytes] = {}
        with self.database.reading() as connection:
            for start in range(0, len(names), SOME):
                some = names[start : start + SOME]
                for table in ("held_line", "own_line"):
                    query = f"SELECT name, body FROM {table} WHERE name IN ({_marks(some)})"
                    rows = connection.execute(query, tuple(some)).fetchall()
                    lines = ((name, readable(self.rows, name, body)) for name, body in rows)
                    found |= {name: line for name, line in lines if line is not None}
        return found

    def show(self, record: str) -> RecordState | None:
        """What the screen shows of a record: the told state under the tablet's own unsettled changes."""
        return self.shown_of(record, self.told([record]).get(record))

    def shown_of(self, record: str, told: RecordState | None) -> RecordState | None:
        """The same, where the told state is at hand."""
        pending = self.outbox.pending(record)
        return overlay(told, pending, self._policy) if pending else told

    def shown_under(self, record: str, changes: Sequence[tuple[str, Change]]) -> RecordState | None:
        """What a record would be with these changes, the oldest first, on top of what its screen shows."""
        return overlay(self.told([record]).get(record), [*self.outbox.pending(record), *changes], self._policy)

    def _policy(self, type_code: str, path: str) -> str:
        return "ask" if (one := self.catalogue().all_types.get(type_code)) is None else policy_of(one, path)

    def records(self) -> list[str]:
        """The ids of all records that the screens may show."""
        with self.database.reading() as connection:
            held = [row[0] for row in connection.execute("SELECT id FROM record")]
        return list(dict.fromkeys([*held, *self.outbox.records()]))

    def blob(self, digest: str) -> bytes | None:
        """A sealed value by its hash; None where it is not held."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT data FROM blob WHERE hash = ?", (digest,)).fetchone()
        return None if row is None else bytes(row[0])

    def wrap(self, key_id: str, recipient: str) -> str | None:
        """A case key wrapped to a recipient, in base64url."""
        return self.seals.wrap(key_id, recipient)

    def keep_wraps(self, wraps: Sequence[Sequence[str]]) -> None:
        """Keep wrapped case keys; those that are there already and whole stay."""
        self.seals.keep(wraps)

    # documents

    def document(self, name: str) -> Any:
        """What else was synced under a name, or None; what the storage harmed is not held, and told again."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT body FROM document WHERE name = ?", (name,)).fetchone()
        try:
            return None if row is None else json.loads(self.rows.open(row[0], f"document {name}"))
        except SenError:
            self._harmed.add(name)
            return None

    def document_version(self, name: str) -> str | None:
        """The version of what is held under a name, or None."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT version FROM document WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_document(self, name: str, body: Mapping[str, Any]) -> None:
        """Keep something versioned under a name; one with a stroke in it is this tablet's own and is not told to the server."""
        with self.database.writing() as connection:
            self.write_document(connection, name, body)

    def write_document(self, connection: Connection, name: str, body: Mapping[str, Any]) -> None:
        """The same, within a transaction."""
        sealed = self.rows.seal(json.dumps(body, ensure_ascii=False).encode("utf-8"), f"document {name}")
        connection.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (name, str(body["version"]), sealed))
        self._harmed.discard(name)

    # what the screens ask about sending

    def unsent_count(self) -> int:
        """How many own changes the server is not known to have read."""
        return sum(log.head.number - log.acknowledged for log in self.own_logs())

    def urgent_waits(self) -> bool:
        """Whether an urgent change is not known to have reached the server."""
        return any(log.urgent and log.acknowledged < log.head.number for log in self.own_logs())

    def arrived_ms(self, name: str) -> int | None:
        """When a pulled line arrived at the server; None where that is not known."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT arrived FROM held_line WHERE name = ?", (name,)).fetchone()
        return None if row is None or not row[0] else int(row[0])

    def set_aside(self) -> list[tuple[str, str]]:
        """The own lines that the server set aside: (record, code), the newest first."""
        return [(one.change.record, one.code) for one in lines_aside(self)]

    def last_sent_ms(self) -> int | None:
        """When the server last was known to have read something of ours; None when never."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT max(at) FROM acknowledgement").fetchone()
        return None if row[0] is None else int(row[0])

    def last_time(self) -> Time:
        """The last reading of the hybrid clock."""
        held = self.note("time")
        ms, _, counter = (held or "0,0").partition(",")
        return Time(int(ms), int(counter))
