"""The two kinds of tablet of a history: the plain one in memory, and the app's real store on SQLite in memory.

Both take changes with sealed values, and both can die: between two steps, and the real store at any statement of a transaction.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine, select

from mobile.database import Database
from server.models import Blob
from shared.catalogue import Catalogue
from shared.ids import b64
from sync.compose import Seal
from sync.log import Change, Operation
from sync.messages import Run
from sync.paths import sealed_heads
from sync.state import RecordState
from sync.store import Device
from sync.tablet_half import TabletHalf
from sync.tablet_store import Page
from sync.view import Snapshot
from tests.soak.published import version
from tests.support.store_tablet import StoreTablet
from tests.support.tablet import MemoryTablet

__all__ = ["Crash", "PlainTablet", "RealTablet", "Tablet", "seal_with", "sealed_nowhere"]


NOT_STORED = frozenset({"catalogue", "shipped", "half", "refills"})
"""What of a plain tablet is not in its storage."""


NOWHERE = Path("no-such-folder") / "tablet"
"""Where a database in memory has its second file with the heads of its logs: it has none, and finds out by the server that it went back."""


class Crash(Exception):
    """The process died here."""


class Tablet(Protocol):
    """What a history does with a tablet."""

    half: TabletHalf
    catalogue: Catalogue
    refills: int

    @property
    def identity(self) -> Device:
        """Who the tablet is, with the scope it was last told."""

    @property
    def told(self) -> dict[str, RecordState]:
        """What the server told of each record."""

    @property
    def unsettled(self) -> Mapping[str, Any]:
        """The own changes that are not settled yet, by name."""

    def show(self, record: str) -> RecordState | None:
        """What the screen shows of a record."""

    def open(self, record: str) -> Snapshot:
        """What a form shows."""

    def questions(self, record: str) -> list[str]:
        """The paths that are asked about."""

    def digest(self) -> int:
        """The digest of all parts held."""

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held."""

    def put(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool, blobs: Mapping[str, bytes]
    ) -> str:
        """Put a change into a log."""

    def line_body(self, name: str) -> bytes:
        """An own line."""

    def take_catalogue(self) -> bool:
        """Take up a catalogue that was synced; whether there was another."""

    def die(self) -> None:
        """End the process and start it again: what was in memory alone is gone."""

    def die_at(self, statement: int) -> None:
        """Let the process die at a statement of its next transactions; 0 lets it live. The plain tablet has no statements."""

    def lose(self, record: str) -> None:
        """Forget what was told of a record, and count the digests as if that were all."""

    def kept_lines(self) -> list[tuple[str, bytes]]:
        """The lines of others that lie in the storage: (name, body)."""

    def kept_blobs(self) -> dict[str, bytes]:
        """The sealed values that lie in the storage."""

    def all_lines(self) -> list[str]:
        """The names of all lines in the storage, its own and others'."""

    def save(self) -> Any:
        """A copy of the storage."""

    def restore(self, copy: Any) -> None:
        """Put a copy of the storage back, and start the app again."""

    def twin(self) -> "Tablet":
        """Another tablet with a copy of this one's storage."""


class PlainTablet(MemoryTablet):
    """The plain tablet, with sealed values."""

    def __init__(self, device: Device, catalogue: Catalogue, logs: tuple[str, str]) -> None:
        super().__init__(device, catalogue, logs)
        self.shipped = catalogue
        self.sealed: dict[str, bytes] = {}
        self.refills = 0

    def put(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool, blobs: Mapping[str, bytes]
    ) -> str:
        self.sealed.update(blobs)
        return self.log_change(record, type_code, unit, operations, now_ms=now_ms, urgent=urgent)

    def line_body(self, name: str) -> bytes:
        body = self.line(name)
        assert body is not None
        return body

    def blobs_of(self, run: Run) -> list[tuple[str, bytes]]:
        named = [op.blob for line in run.lines for op in Change.parse(line).operations if op.blob is not None]
        return [(digest, self.sealed[digest]) for digest in dict.fromkeys(named) if digest in self.sealed]

    def policy(self, type_code: str, path: str) -> str:
        return super().policy(type_code, path) if type_code in self.catalogue.all_types else "ask"

    def part_digests(self) -> dict[str, int]:
        digests = super().part_digests()
        if self.identity.scope.cases:
            return digests
        return {part: digest for part, digest in digests.items() if part.split("/")[1] not in self.catalogue.sealed_types}

    def keep(self, page: Page) -> None:
        self.sealed.update(page.blobs)
        super().keep(page)
        if page.scope is not None:  # lines that no record holds, as after a damage, go with the old scope
            here = self.told.keys() | {line.change.record for line in self.unsettled.values()}
            self.held = {name: body for name, body in self.held.items() if Change.parse(body).record in here}

    def drop_foreign(self) -> None:
        before = self.told.keys()
        super().drop_foreign()
        pending = {line.change.record for line in self.unsettled.values()}
        if not self.identity.scope.cases:
            sealed = self.catalogue.sealed_types
            self.told = {record: told for record, told in self.told.items() if record in pending or told.type not in sealed}
        self.drop_lines(before - self.told.keys() - pending)
        named = {value.blob for told in self.told.values() for _, value in told.values()}
        own = [line for log, lines in self.lines_of.items() for line in lines if line.number > self.acknowledged[log] or self.may_hold(line.change)]
        named |= {op.blob for line in (*self.unsettled.values(), *own) for op in line.change.operations}  # also what a server may forget
        named |= {op.blob for body in self.held.values() for op in Change.parse(body).operations}  # to be handed back with their lines
        self.sealed = {digest: data for digest, data in self.sealed.items() if digest in named}

    def may_hold(self, change: Change) -> bool:
        """Whether its writer has the right to a change's sealed values."""
        return change.record in self.told or (self.identity.scope.cases and change.unit in self.identity.scope.units)

    def blob(self, digest: str) -> bytes | None:
        return self.sealed.get(digest)

    def drop_untold(self, part: str) -> None:
        before = self.told.keys()
        super().drop_untold(part)
        self.drop_lines(before - self.told.keys())

    def drop_lines(self, records: Set[str]) -> None:
        """Drop the lines of others that were held of these records."""
        if records:
            self.held = {name: body for name, body in self.held.items() if Change.parse(body).record not in records}

    def refill(self, parts: Sequence[str]) -> None:
        self.refills += 1
        super().refill(parts)

    def take_catalogue(self) -> bool:
        return _take(self, self.documents.get("catalogue"))

    def die(self) -> None:
        self.half = TabletHalf(self)

    def die_at(self, statement: int) -> None:
        pass

    def lose(self, record: str) -> None:
        del self.told[record]

    def kept_lines(self) -> list[tuple[str, bytes]]:
        return list(self.held.items())

    def kept_blobs(self) -> dict[str, bytes]:
        return dict(self.sealed)

    def all_lines(self) -> list[str]:
        return [*self.held, *(line.name for lines in self.lines_of.values() for line in lines)]

    def save(self) -> dict[str, Any]:
        return deepcopy({name: value for name, value in vars(self).items() if name not in NOT_STORED})

    def restore(self, copy: dict[str, Any]) -> None:
        self.catalogue = self.shipped
        super().restore(copy)

    def twin(self) -> "PlainTablet":
        twin = PlainTablet(self.identity, self.shipped, (self.main, self.urgent))
        twin.restore(self.save())
        twin.catalogue = self.catalogue
        return twin


class DyingConnection(sqlite3.Connection):
    """A connection that raises Crash at the n-th statement from now."""

    left = 0

    def _count(self) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Crash

    def execute(self, *words: Any) -> sqlite3.Cursor:
        if words[0] != "ROLLBACK":
            self._count()
        return super().execute(*words)

    def executemany(self, *words: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(*words)


class DyingDatabase(Database):
    """The tablet's database in memory, on a connection that can die."""

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, factory=DyingConnection)
        connection.execute("PRAGMA foreign_keys=ON")
        return connection


class RealTablet(StoreTablet):
    """The app's store, its file in memory; what is committed outlives the process."""

    def __init__(self, device: Device, catalogue: Catalogue) -> None:
        self.shipped = catalogue
        self.refills = 0
        self.file = DyingDatabase(NOWHERE)
        super().__init__(device, catalogue, self.file.path)

    def database(self) -> Database:
        return self.file

    def open_store(self) -> None:
        super().open_store()
        refill = self.store.refill

        def counted(parts: Sequence[str]) -> None:
            self.refills += 1
            refill(parts)

        self.store.refill = counted  # type: ignore[method-assign]

    def put(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool, blobs: Mapping[str, bytes]
    ) -> str:
        return self.log_change(record, type_code, unit, operations, now_ms=now_ms, urgent=urgent, blobs=blobs)

    def line_body(self, name: str) -> bytes:
        body = self.store.outbox.line(name)
        assert body is not None
        return body

    def take_catalogue(self) -> bool:
        before = self.catalogue
        taken = _take(self, self.store.document("catalogue"))
        if taken:
            self.store.soundness.took_up(before)
        return taken

    def die(self) -> None:
        self.die_at(0)
        self.open_store()

    def die_at(self, statement: int) -> None:
        connection = self.file.connection
        assert isinstance(connection, DyingConnection)
        connection.left = statement

    def lose(self, record: str) -> None:
        before = self.told[record]
        heads = sealed_heads(self.catalogue.all_types[before.type])
        parts = self.part_digests()
        with self.file.writing() as connection:
            connection.execute("DELETE FROM record WHERE id = ?", (record,))
            for unit in before.units:
                for sealed in (0, 1):
                    part = f"{unit}/{before.type}/{sealed}"
                    if part in parts:
                        left = (parts[part] - before.digest(heads, sealed=bool(sealed))) % (1 << 128)
                        connection.execute("UPDATE part SET digest = ? WHERE part = ?", (left.to_bytes(16, "big"), part))

    def kept_lines(self) -> list[tuple[str, bytes]]:
        with self.file.reading() as connection:
            rows = connection.execute("SELECT name, body FROM held_line").fetchall()
        return [(name, self.store.rows.open(body, f"line {name}")) for name, body in rows]

    def kept_blobs(self) -> dict[str, bytes]:
        with self.file.reading() as connection:
            return {digest: bytes(data) for digest, data in connection.execute("SELECT hash, data FROM blob")}

    def all_lines(self) -> list[str]:
        with self.file.reading() as connection:
            return [row[0] for row in connection.execute("SELECT name FROM held_line UNION SELECT name FROM own_line")]

    def save(self) -> sqlite3.Connection:  # type: ignore[override]
        copy = sqlite3.connect(":memory:")
        self.file.connection.backup(copy)
        return copy

    def restore(self, copy: sqlite3.Connection) -> None:  # type: ignore[override]
        copy.backup(self.file.connection)
        self.catalogue = self.shipped
        self.open_store()

    def twin(self) -> "RealTablet":
        twin = RealTablet(self.enrolled, self.shipped)
        twin.key = self.key
        with closing(self.save()) as copy:
            twin.restore(copy)
        twin.catalogue = self.catalogue
        return twin


def sealed_nowhere(lines: Iterable[bytes], engine: Engine, tablets: Sequence[Tablet]) -> set[str]:
    """The sealed values that some lines name and that neither the server nor any tablet holds.

    After a restore of the server that can be right: the tablet that had pushed one may have lost the right to it meanwhile, and destroyed it.
    """
    named = {op["b"] for line in lines for op in json.loads(line)["o"] if "b" in op}
    with engine.connect() as connection:
        here = set(connection.scalars(select(Blob.hash)))
    return named - here.union(*(tablet.kept_blobs() for tablet in tablets))


def _take(tablet: PlainTablet | RealTablet, told: Any) -> bool:
    if told is None or told["version"] == tablet.catalogue.version:
        return False
    tablet.catalogue = version(told["version"])
    return True


def seal_with(blobs: dict[str, bytes], random_bytes: Callable[[int], bytes]) -> Seal:
    """A seal that puts the sealed bytes into ``blobs``; what stands in them is marked, to be looked for."""
    def seal(path: str, value: Any) -> str:
        blob = b"\1" + random_bytes(16) + f"KIN {path} {value}".encode()
        digest = b64(hashlib.sha256(blob).digest())
        blobs[digest] = blob
        return digest

    return seal
