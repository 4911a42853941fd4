"""What one answer brings, made ready outside the transaction and then written in one, whole or not at all.

What may live here: how a ``sync.tablet_store.Page`` becomes rows. The told state replaces, own changes settle, digests follow.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING

from msgspec.structs import replace as replaced

from mobile.acknowledging import acknowledge
from mobile.notes import write_note
from mobile.sealed_left import let_go_of_sealed
from shared.ids import b64
from sync.log import Change, name_of
from sync.merge import fresh, is_fresh
from sync.messages import Run
from sync.paths import sealed_heads
from sync.replica import imply, replace
from sync.state import RecordState, digest_of_sole
from sync.store import Scope
from sync.tablet_store import Page

if TYPE_CHECKING:
    from mobile.store import Store

DIGEST_BYTES = 16
ROWS = "rows"
"""Stands among the parts for the sum of the digests of all rows, whichever parts they are in."""

FILE_HASH = re.compile(r"[0-9a-f]{64}")

__all__ = ["DIGEST_BYTES", "ROWS", "PullWriter", "files_named", "parts_of"]


class PullWriter:
    """One page on its way into the store; ``touched`` and ``soles`` are the records whose told state it changes."""

    def __init__(self, store: "Store", page: Page) -> None:
        self.store = store
        self.page = page
        self.scope: Scope = page.scope or store.device().scope
        self.touched: dict[str, RecordState] = {}
        self.soles: dict[str, tuple[str, Change]] = {}
        self.gone: dict[str, Change] = {}
        self.left: set[str] = set()
        self.dropped: set[str] = set()
        """The records that were taken off the tablet."""
        self.files: set[str] = set()
        """The hashes of the files that these named."""
        self._aside = {(log, number) for log, number, _ in page.aside}
        self._rows: list[tuple[str, str, bytes, bytes, bytes]] = []
        self._lines: list[tuple[str, str, int, bytes]] = []
        self._parts: dict[str, int] = {}
        self._heads: dict[str, frozenset[str]] = {}
        self._known_parts: dict[tuple[str, str], list[str]] = {}

    def prepare(self) -> None:
        """Reckon everything that is to be written. Only the sync thread changes told states, so that what is read here holds."""
        self._settle()
        self._leave_out()
        self._digest()
        self._let_go()
        self._gather_lines()

    def _let_go(self) -> None:
        """What was reckoned need not stand in memory beside what is made of the page's bytes: its changes take three times as much."""
        soles = self.page.soles
        if isinstance(soles, dict):
            for record, (name, change) in soles.items():
                soles[record] = name, replaced(change, operations=())
                if record in self.soles:
                    self.soles[record] = soles[record]

    def _settle(self) -> None:
        """Put the told registers in place, and settle own changes that the told state holds."""
        page, told = self.page, {state.id: state for state in self.page.states}
        arrived = [
            (name, change)
            for name, change in self.store.outbox.unsettled()
            if change.number <= page.upto.get(change.log, 0)
            and (change.log, change.number) not in self._aside
            and (page.complete or change.record in told or change.record in page.soles)
        ]
        wanted = list(dict.fromkeys([*told, *page.soles, *(change.record for _, change in arrived)]))
        self._before = self.store.told(wanted)
        whole = any("/" in place for place in page.cursors)
        for record, sole in page.soles.items():
            if whole or record not in self._before:
                self.soles[record] = sole
            else:
                self.touched[record] = replace(self._base(record), fresh(sole[1], sole[0], number=0))
        for record, state in told.items():
            self.touched[record] = replace(None if whole else self._base(record), state)
        for name, change in arrived:
            self.gone[name] = change
            if change.record not in told and change.record not in page.soles:
                self._imply(name, change)

    def _base(self, record: str) -> RecordState | None:
        before = self._before.get(record)
        return None if before is None else RecordState.load(before.dump())

    def _imply(self, name: str, change: Change) -> None:
        """Settle an own change that nobody disputed."""
        record = change.record
        unknown = record not in self._before and record not in self.touched
        if unknown and record not in self.soles and is_fresh(change, ()):
            self.soles[record] = (name, change)
            return
        if record in self.soles:
            first, made = self.soles.pop(record)
            self.touched[record] = fresh(made, first, number=0)
        self.touched[record] = imply(self.touched.get(record) or self._base(record), change, name)

    def _leave_out(self) -> None:
        """What lies outside the scope is not kept, once its own changes have reached the server."""
        outside = [record for record, state in self.touched.items() if not self._is_here(state)]
        outside += [record for record, (_, change) in self.soles.items() if not self._parts_in(change.type, change.unit)]
        for record in outside:
            if not self._waits(record):
                self.touched.pop(record, None)
                self.soles.pop(record, None)
                self.left.add(record)

    def _is_here(self, state: RecordState) -> bool:
        return any(self._parts_in(state.type, unit) for unit in state.units)

    def _parts_in(self, type_code: str, unit: str) -> list[str]:
        """The parts of the scope that a record of this type stands in by this unit: the same for thousands of records."""
        known = self._known_parts.get((type_code, unit))
        if known is None:
            known = parts_of(type_code, [unit], self.scope, sealed=bool(self._heads_of(type_code)))
            self._known_parts[type_code, unit] = known
        return known

    def _waits(self, record: str) -> bool:
        """Whether a record has an own change that is not settled with this page: it stays until it is."""
        return any(
            name not in self.gone and (change.log, change.number) not in self._aside
            for name, change in self.store.outbox.pending(record)
        )

    def _digest(self) -> None:
        for record in (*self.touched, *self.soles, *self.left):
            before = self._before.get(record)
            if before is not None:
                self._count(before, -1)
        for record, state in self.touched.items():
            digests = self._count(state, 1)
            body = json.dumps(state.dump(), ensure_ascii=False, separators=(",", ":")).encode("utf-8")
            self._rows.append((record, "", self.store.rows.seal(body, f"record {record}"), *digests))
        for record, (name, change) in self.soles.items():
            self._rows.append((record, name, b"", *self._count_sole(name, change)))

    def _count_sole(self, name: str, change: Change) -> tuple[bytes, bytes]:
        heads = self._heads_of(change.type)
        digest = digest_of_sole(change, name, heads, sealed=False)
        digest_sealed = digest_of_sole(change, name, heads, sealed=True) if heads else 0
        for part in self._parts_in(change.type, change.unit):
            self._parts[part] = self._parts.get(part, 0) + (digest_sealed if part.endswith("/1") else digest)
        self._parts[ROWS] = self._parts.get(ROWS, 0) + digest + digest_sealed
        return digest.to_bytes(DIGEST_BYTES, "big"), digest_sealed.to_bytes(DIGEST_BYTES, "big")

    def _count(self, state: RecordState, sign: int) -> tuple[bytes, bytes]:
        """Add a record's digests to its parts' (or take them away); gives them as bytes."""
        heads = self._heads_of(state.type)
        digests = [state.digest(heads, sealed=False), state.digest(heads, sealed=True) if heads else 0]
        for part in parts_of(state.type, state.units, self.scope, sealed=bool(heads)):
            self._parts[part] = self._parts.get(part, 0) + sign * digests[part.endswith("/1")]
        self._parts[ROWS] = self._parts.get(ROWS, 0) + sign * sum(digests)
        return digests[0].to_bytes(DIGEST_BYTES, "big"), digests[1].to_bytes(DIGEST_BYTES, "big")

    def _heads_of(self, type_code: str) -> frozenset[str]:
        if type_code not in self._heads:
            record_type = self.store.catalogue().all_types.get(type_code)
            self._heads[type_code] = frozenset() if record_type is None else sealed_heads(record_type)
        return self._heads[type_code]

    def _gather_lines(self) -> None:
        records = {name: state.id for state in self.page.states for _, value in state.values() for name in value.origins}
        records |= {name: record for record, (name, _) in self.page.soles.items()}
        for run in self.page.runs:
            arrivals = _arrivals(run)
            for number, (body, digest) in enumerate(zip(run.lines, run.hashes, strict=True), run.first):
                at = next(arrivals, 0)
                if body.startswith(b"{"):
                    name = name_of(run.log, number, digest)
                    self._lines.append((name, records.get(name, ""), at, self.store.rows.seal(body, f"line {name}")))

    def write(self, connection: Connection) -> dict[str, Change]:
        """Write the page, inside a writing transaction; gives the own changes that are settled now."""
        page, store = self.page, self.store
        if page.scope is not None:
            self._change_scope(connection, page.scope)
        else:
            self._drop(connection, {record: self._before[record] for record in self.left if record in self._before})
        store.count_answer(connection)
        aside = acknowledge(store.outbox, connection, page.read, page.aside, page.forked)
        store.handback.keep(connection, page.runs, page.pasts)
        store.handback.owe(connection, page.want)
        connection.executemany("INSERT OR REPLACE INTO held_line VALUES (?, ?, ?, ?)", self._lines)
        good = [(digest, data) for digest, data in page.blobs if b64(hashlib.sha256(data).digest()) == digest]
        connection.executemany("INSERT OR REPLACE INTO blob VALUES (?, ?)", good)
        store.keep_wraps(page.wraps)
        connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", self._rows)
        if page.complete:
            upto = list(page.upto.items())
            connection.executemany("DELETE FROM unsettled WHERE log = ? AND number <= ?", upto)
        elif self.gone:
            names = [(change.log, change.number) for change in self.gone.values()]
            connection.executemany("DELETE FROM unsettled WHERE log = ? AND number = ?", names)
        self._write_parts(connection)
        self._write_refills(connection)
        self._write_cursors(connection)
        for name, body in page.documents.items():
            store.write_document(connection, name, body)
        if page.scope is not None or self.dropped or self.left:
            let_go_of_sealed(store, connection, self.scope)
        return {**self.gone, **aside}

    def _write_parts(self, connection: Connection) -> None:
        rows = []
        for part, moved in self._parts.items():
            row = connection.execute("SELECT digest FROM part WHERE part = ?", (part,)).fetchone()
            digest = (moved + (0 if row is None else int.from_bytes(row[0], "big"))) % (1 << 128)
            rows.append((part, digest.to_bytes(DIGEST_BYTES, "big")))
        connection.executemany("INSERT OR REPLACE INTO part VALUES (?, ?)", rows)

    def _write_cursors(self, connection: Connection) -> None:
        for place, token in self.page.cursors.items():
            if "/" in place and self.page.complete:
                connection.execute("DELETE FROM cursor WHERE place = ?", (place,))
                continue
            connection.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (place, token))
            if "/" not in place and self.page.complete:
                connection.execute("INSERT INTO past_cursor (stream, token) VALUES (?, ?)", (place, token))
                self._thin_cursors(connection)

    def _write_refills(self, connection: Connection) -> None:
        """A part that was filled again lets go of what was held of it and was not told."""
        for part in self.page.cursors:
            if "/" not in part:
                continue
            told = [(part, record) for record in (*self.touched, *self.soles)]
            connection.executemany("DELETE FROM doubted WHERE part = ? AND record = ?", told)
            if not self.page.complete:
                continue
            rows = connection.execute("SELECT id, sole, body FROM record JOIN doubted ON record = id WHERE part = ?", (part,)).fetchall()
            states = {record: state for record, state in self.store.read_states(rows).items() if not self._waits(record)}
            self._drop(connection, states)
            connection.execute("DELETE FROM doubted WHERE part = ?", (part,))
            self._parts = {}
            for state in states.values():
                self._count(state, -1)
            self._write_parts(connection)

    def _thin_cursors(self, connection: Connection) -> None:
        """Keep the newest tokens, and of older ones fewer the older they are: a server may be restored from long ago."""
        numbers = [row[0] for row in connection.execute("SELECT number FROM past_cursor ORDER BY number DESC")]
        gone = [(number,) for number in numbers if number % (1 << max(0, (numbers[0] - number).bit_length() - 3))]
        connection.executemany("DELETE FROM past_cursor WHERE number = ?", gone)

    def _change_scope(self, connection: Connection, scope: Scope) -> None:
        """Drop what is outside the new scope, never an unsent change; the stream begins anew."""
        connection.execute("DELETE FROM cursor")
        connection.execute("DELETE FROM past_cursor")  # what was told up to there was told of the old scope
        connection.execute("DELETE FROM doubted")
        told = json.dumps([scope.stream, list(scope.units), scope.cases, scope.version, scope.home])
        write_note(connection, "scope", told)
        connection.execute("DELETE FROM part")
        sums = {ROWS: 0}
        dropped: dict[str, RecordState] = {}
        rows = connection.execute("SELECT id, sole, body, open_digest, sealed_digest FROM record").fetchall()
        states = self.store.read_states([row[:3] for row in rows])
        connection.executemany("DELETE FROM record WHERE id = ?", [(row[0],) for row in rows if row[0] not in states])
        for record, _, _, open_digest, sealed_digest in rows:
            state = states.get(record)
            if state is None:
                continue  # it cannot be read, and is told anew with the rest
            here = parts_of(state.type, state.units, scope, sealed=bool(self._heads_of(state.type)))
            if not here and record not in self.touched and record not in self.soles and not self._waits(record):
                dropped[record] = state
            if record not in dropped or record in self.left:  # those that leave with the page are taken from the sums with it
                sums[ROWS] += int.from_bytes(open_digest, "big") + int.from_bytes(sealed_digest, "big")
            for part in here:
                digest = sealed_digest if part.endswith("/1") else open_digest
                sums[part] = sums.get(part, 0) + int.from_bytes(digest, "big")
        self._drop(connection, dropped)
        connection.execute("DELETE FROM held_line WHERE record NOT IN (SELECT id FROM record)")
        parts = [(part, (digest % (1 << 128)).to_bytes(DIGEST_BYTES, "big")) for part, digest in sums.items()]
        connection.executemany("INSERT INTO part VALUES (?, ?)", parts)

    def _drop(self, connection: Connection, records: Mapping[str, RecordState]) -> None:
        """Take records off the tablet, with the lines that were held for them and the keys of what they sealed."""
        self.dropped |= records.keys()
        for record, state in records.items():
            self.files |= files_named(state)
            connection.execute("DELETE FROM record WHERE id = ?", (record,))
            connection.execute("DELETE FROM held_line WHERE record = ?", (record,))
            connection.execute("DELETE FROM wrap WHERE key_id = ?", (record,))


def files_named(state: RecordState) -> set[str]:
    """The hashes of the files that a record names, whatever stands there now."""
    elements = (path.rpartition("/")[2] for path, _ in state.values())
    return {element for element in elements if FILE_HASH.fullmatch(element)}


def parts_of(type_code: str, units: Sequence[str], scope: Scope, *, sealed: bool) -> list[str]:
    """The parts of a scope that a record stands in: of every unit it was ever in, open and (where its type has one) sealed."""
    if sealed and not scope.cases:
        return []
    kinds = (0, 1) if sealed else (0,)
    return [f"{unit}/{type_code}/{kind}" for unit in units if unit in scope.units for kind in kinds]


def _arrivals(run: Run) -> Iterator[int]:
    for ms, count in run.arrivals:
        for _ in range(count):
            yield int(ms)
