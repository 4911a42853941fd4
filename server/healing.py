"""How a server comes by what its disk lost or changed: noted as it is read, asked back from tablets, put where it was.

One for a process. What waits is in memory (``damage.DamageBook``), so that an exchange asks for it without a query.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from server import db
from server.damage import DamageBook, blob_key, found, lost_blob, lost_line
from server.gaps import gaps
from server.logbook import log_event
from server.mending import lines_are_there, make_anew, mend
from server.models import LineRow, RecordRow, StreamRow
from server.reader import SqlReader
from server.restoring import put_back, put_back_blobs
from sync.log import parse_name
from sync.lost import Brought, Lost
from sync.state import RecordState
from sync.store import Device, PartHead, Scope

if TYPE_CHECKING:
    from server.store import SqlServer

MEND_EVERY_MS = 60 * 1000
"""How long after a look at a scope that found nothing damaged the next one may be."""

GIVE_UP_MS = 30 * 24 * 3600 * 1000
"""How long a record is not told because a sealed value of it is lost."""

__all__ = ["Healing"]


class Healing:
    """What is lost, and its way back."""

    def __init__(self, server: "SqlServer") -> None:
        self.server = server
        self.book = DamageBook()
        self._looked: dict[str, int] = {}
        self._short: set[str] = set()
        """The devices that were not told something; where a process forgets it, digests show it at the next quiet exchange."""

    def refresh(self) -> None:
        """Read what waits, which another process may have found or healed."""
        with db.reading() as connection:
            self.book.read(connection)

    def note(self, rows: Iterable[Mapping[str, object]]) -> int:
        """Take note of damage, and ask for it from the next exchange on; gives how much of it is news."""
        news = [row for row in rows if not self.book.knows(str(row["key"]))]
        if not news:
            return 0
        with db.writing() as connection:
            count = found(connection, news, self._now())
        self.refresh()
        log_event("damage_found", count=count)
        return count

    def _now(self) -> int:
        return self.server.services.clock.now_ms()

    def look_for_gaps(self, stream: str) -> int:
        """Note the lines of a stream of which nothing is left; gives how many are news."""
        with db.reading() as connection:
            rows = gaps(connection, stream)
        return self.note(rows)

    def mended(self, scope: Scope) -> Sequence[PartHead] | None:
        """Make anew what is damaged of a scope; looked at once a minute at most while nothing is found."""
        if self.book.waits(scope):
            return ()
        now_ms = self._now()
        if 0 <= now_ms - self._looked.get(scope.version, -MEND_EVERY_MS) < MEND_EVERY_MS:
            return None
        if not self._whole(scope.stream):
            self.look_for_gaps(scope.stream)
            if self.book.waits(scope):
                return ()
        with self.server.writing(scope.stream, "", now_ms) as ledger:
            made = mend(ledger, scope)
            parts = SqlReader(ledger.connection, self.server.services.catalogue).parts(scope) if made else None
        if self.book.waits(scope):
            return ()
        if parts is None:
            self._looked[scope.version] = now_ms
        return parts

    def _whole(self, stream: str) -> bool:
        with db.reading() as connection:
            number = connection.scalar(select(StreamRow.number).where(StreamRow.code == stream)) or 0
            return lines_are_there(connection, stream, number)

    def made_anew(self, record: str) -> RecordState | None:
        """Write a record's row anew from its lines; None where one of them is lost."""
        stream, _ = self._place(record)
        if not self._whole(stream):
            self.look_for_gaps(stream)
        with self.server.writing(stream, "", self._now()) as ledger:
            made = make_anew(ledger, record)
            return ledger.state(record) if made else None

    def _place(self, record: str) -> tuple[str, str]:
        """The stream and the unit of a record."""
        with db.reading() as connection:
            row = connection.execute(select(RecordRow.stream, RecordRow.unit).where(RecordRow.id == record)).one()
        return row.stream, row.unit

    def lines_are_lost(self, names: Mapping[str, str]) -> None:
        """Lines of records are damaged (their rows stand) or gone."""
        rows: list[dict[str, object]] = []
        gone: set[str] = set()
        for text, record in names.items():
            name, (stream, unit) = parse_name(text), self._place(record)
            with db.reading() as connection:
                line = select(LineRow).where(LineRow.log == name.log, LineRow.number == name.number, LineRow.stream == stream)
                there = connection.execute(line).all()
            rows += [lost_line(stream, one.place, one.log, one.number, one.segment, record=record, unit=unit) for one in there]
            gone |= set() if there else {stream}
        self.note(rows)
        for stream in gone:
            self.look_for_gaps(stream)

    def blobs_are_lost(self, hashes: Mapping[str, str]) -> None:
        """Sealed values of records are damaged or gone."""
        self.note([lost_blob(digest, *self._place(record), record=record) for digest, record in hashes.items()])

    def gives_up(self, digest: str) -> bool:
        """Whether a sealed value is lost for longer than a record is held back for it."""
        since = self.book.since(blob_key(digest))
        return since is None or self._now() - since > GIVE_UP_MS

    def left_out(self, device: Device) -> None:
        """Note that a device was not told a record."""
        self._short.add(device.id)

    def owes_what_was_left_out(self, device: Device) -> bool:
        """Whether all that a device was not told is whole again; true once."""
        if device.id not in self._short or self.book.waits(device.scope):
            return False
        self._short.discard(device.id)
        return True

    def wants(self, device: Device) -> Lost:
        """What a device has not been asked for yet."""
        return self.book.wants(device)

    def mend(
        self, device: Device, lines: Sequence[Brought], blobs: Sequence[tuple[str, bytes]], *, through: bool, now_ms: int,
        sought: Lost | None = None,
    ) -> None:  # fmt: skip
        """Put back what fits of what a device brings."""
        if lines or blobs:
            with self.server.writing(device.scope.stream, "", now_ms) as ledger:
                keys = [*put_back_blobs(ledger, device.id, blobs), *put_back(ledger, device.id, lines)]
            if keys:
                log_event("damage_healed", count=len(keys), device=device.id)
            self.refresh()
        if sought is not None:
            self.book.was_asked_for(device, sought)
        elif through:
            self.book.was_asked(device)
