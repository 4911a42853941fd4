"""A tablet on the real store of the app: the hands of ``tests.support.tablet.MemoryTablet`` over ``mobile.store.Store``."""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from mobile.database import Database
from mobile.keys import RowKey
from mobile.outbox import Subject
from mobile.store import Store
from shared.catalogue import Catalogue
from shared.ids import new_id
from shared.sealing import new_key
from sync.log import Change, Line, Operation, write_line
from sync.state import RecordState
from sync.store import Device
from sync.tablet_half import TabletHalf
from sync.tablet_store import OwnLog
from tests.support.officer import Officer
from tests.support.pair import NOON_MS


class StoreTablet(Officer):
    """One tablet; its process can be ended and started again."""

    def __init__(self, device: Device, catalogue: Catalogue, path: Path) -> None:
        self.catalogue = catalogue
        self.key, self.enrolled = new_key(), device
        self.now_ms = NOON_MS
        self.path = path
        self.open_store()

    def database(self) -> Database:
        """Open the file."""
        return Database(self.path)

    def open_store(self) -> None:
        """Start the process."""
        database = self.database()
        self.store = Store(database, RowKey(self.key), self.enrolled, catalogue=lambda: self.catalogue, now_ms=lambda: self.now_ms)
        self.half = TabletHalf(self.store)

    # what befalls a tablet

    def save(self) -> Path:
        """A copy of its storage."""
        copy = self.path.with_name(f"{new_id()}.sqlite3")
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return copy

    def restore(self, copy: Path) -> None:
        """Put a copy of its storage back, and start the app again."""
        self.store.database.close()
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        shutil.copy(copy, self.path)
        self.open_store()

    def clone(self) -> "StoreTablet":
        """Another tablet with this one's storage."""
        twin = StoreTablet(self.enrolled, self.catalogue, self.path.with_name(f"{new_id()}.sqlite3"))
        twin.key = self.key
        twin.restore(self.save())
        return twin

    def restart(self) -> None:
        """End the process and start it again."""
        self.store.database.close()
        self.open_store()

    @property
    def identity(self) -> Device:
        """Who the tablet is, with the scope it was last told."""
        return self.store.device()

    @property
    def unsettled(self) -> dict[str, Change]:
        """The own changes that are not settled yet, by name."""
        return dict(self.store.outbox.unsettled())

    @property
    def main(self) -> str:
        """The log of ordinary changes."""
        return next(log.log for log in self.store.own_logs() if not log.urgent)

    @property
    def urgent(self) -> str:
        """The log of urgent changes."""
        return next(log.log for log in self.store.own_logs() if log.urgent)

    @property
    def lines_of(self) -> dict[str, list[Line]]:
        """Every line of the own logs."""
        runs = [self.store.unsent(log.log, 0, 1 << 30) for log in self.store.own_logs()]
        return {run.log: [write_line(Change.parse(line)) for line in run.lines] for run in runs if run is not None}

    @property
    def told(self) -> dict[str, RecordState]:
        """What the server told of each record."""
        return self.store.told(self.store.records())

    def own_logs(self, *, every: bool = False) -> list[OwnLog]:
        """The logs that the tablet writes or has still to send."""
        return self.store.own_logs(every=every)

    @property
    def aside(self) -> dict[str, str]:
        """The own lines that were set aside, with the codes."""
        with self.store.database.reading() as connection:
            return dict(connection.execute("SELECT name, aside FROM own_line WHERE aside <> ''").fetchall())

    def part_digests(self) -> dict[str, int]:
        """The digest of each part held."""
        return self.store.part_digests()

    def digest(self) -> int:
        """The digest of all parts held."""
        return self.store.digest()

    def show(self, record: str) -> RecordState | None:
        """What the screen shows of a record."""
        return self.store.show(record)

    def log_change(
        self, record: str, type_code: str, unit: str, operations: Sequence[Operation], *, now_ms: int, urgent: bool = False,
        blobs: Mapping[str, bytes] | None = None,
    ) -> str:  # fmt: skip
        """Put a change into a log."""
        self.now_ms = now_ms
        (name,) = self.store.outbox.write(Subject(record=record, type=type_code, unit=unit, urgent=urgent), [operations], blobs)
        return name
