"""How a server comes by what its disk lost or changed: noted as it is read, asked back from tablets, put where it was.

One for a process. What waits is in memory (``damage.DamageBook``), so that an exchange asks for it without a query.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from server import db
from server.chains import lines_are_there
from server.damage import DamageBook, blob_key, found, lost_blob, lost_line
from server.doubts import in_doubt
from server.gaps import gaps
from server.heads import drop_stream, is_called_wrong, logs_hold, mend_logs, mend_stream, stream_holds
from server.logbook import log_event
from server.mending import make_anew, mend
from server.misplaced import call_by_name, move_back
from server.models import Blob, LineRow, RecordRow, StreamRow
from server.reader import SqlReader
from server.replaying import sound_change
from server.restoring import put_back, put_back_blobs
from sync.log import Change, LogHead, Name, name_of, parse_name
from sync.lost import Brought, Compared, Lost
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
        self._heads: dict[str, LogHead] = {}
        """The head of each stream where it was last looked at, since its last line says something else."""
        self._skips: dict[str, list[str]] = {}
        """Of each scope in which lines are lost the parts where something rests on them."""
        self._said: dict[str, tuple[str, list[PartHead]]] = {}
        """What each device that was told of those parts had said, and what it was told."""
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
        with self.server.writing(stream, "", self._now()) as ledger:
            moved = move_back(ledger.connection, stream, ledger.now_ms)
        with db.reading() as connection:
            rows = gaps(connection, stream)
        return self.note(rows) + moved

    def stream_row(self, stream: str) -> int:
        """Make the row of a stream anew where it is not what its lines say; gives how many were others."""
        with db.reading() as connection:
            if stream_holds(connection, stream):
                return 0
            empty = is_called_wrong(connection, stream)
        if empty:
            with db.writing() as connection:
                drop_stream(connection, stream, self._now())
        else:
            with self.server.writing(stream, "", self._now()) as ledger:
                mend_stream(ledger.connection, stream, ledger.now_ms)
        log_event("heads_made_anew", count=1)
        return 1

    def mended(self, device: Device, said: str) -> Compared | None:
        """Make anew what is damaged of a device's scope; looked at once a minute at most while nothing is found.

        Where lines stay lost, it is told in which parts something rests on them, once for each digest that the device says.
        """
        scope, now_ms = device.scope, self._now()
        if self.book.must_ask(device):
            return Compared((), ())
        waits = self.book.waits(scope)
        if not 0 <= now_ms - self._looked.get(scope.version, -MEND_EVERY_MS) < MEND_EVERY_MS or waits != (scope.version in self._skips):
            made = self._mend(scope, now_ms)
            if made is not None or self.book.must_ask(device):
                return Compared(made or (), ())
        skip = self._skips.get(scope.version)
        if skip is None:
            return None
        with db.reading() as connection:
            parts = SqlReader(connection, self.server.services.catalogue).parts(scope)
        news = self._said.get(device.id) != (said, parts)
        self._said[device.id] = said, parts
        return Compared(parts if news else (), skip)

    def _mend(self, scope: Scope, now_ms: int) -> Sequence[PartHead] | None:
        """The heads of a scope's parts where something of it was made anew and nothing waits; None where not."""
        if not self.book.waits(scope) and not self._whole(scope.stream):
            self.look_for_gaps(scope.stream)
        with self.server.writing(scope.stream, "", now_ms) as ledger:
            made, broken = mend(ledger, scope)
            parts = SqlReader(ledger.connection, self.server.services.catalogue).parts(scope)
            skip = in_doubt(ledger.connection, scope, broken, ledger.gate.catalogue.all_types)
        self._skips.pop(scope.version, None)
        if self.book.waits(scope):
            self._looked[scope.version] = now_ms
            self._skips[scope.version] = skip
            return None
        if not made:
            self._looked[scope.version] = now_ms
        return parts if made else None

    def head(self, stream: str, head: LogHead) -> LogHead:
        """A stream's head once it was made anew, or once the lines that it tells of were found to be lost."""
        if self._heads.get(stream) == head:
            return head
        with self.server.writing(stream, "", self._now()) as ledger:  # looks by itself
            true = ledger.head()
        if true == head and not self._whole(stream):
            self.look_for_gaps(stream)
        self._heads[stream] = true
        return true

    def mend_logs(self, logs: Sequence[str]) -> int:
        """Make the rows of logs anew that are not what their lines say; gives how many were others."""
        if not logs:
            return 0
        with db.reading() as connection:
            wrong = [log for log in logs if not logs_hold(connection, [log], self.server.own)]
            columns = select(LineRow.stream).where(LineRow.log.in_(wrong)).order_by(LineRow.place.desc()).limit(1)
            stream = connection.scalar(columns) if wrong else None
        if not wrong:
            return 0
        with self._writing(stream) as connection:
            count = mend_logs(connection, wrong, self.server.own, self._now())
        log_event("heads_made_anew", count=count)
        return count

    @contextmanager
    def _writing(self, stream: str | None) -> Iterator[Connection]:
        """A writing transaction: under the lock of a stream, where there is one."""
        if stream is None:
            with db.writing() as connection:
                yield connection
            return
        with self.server.writing(stream, "", self._now()) as ledger:
            yield ledger.connection

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
            if not there and self._called_by_name(stream, record, name):
                continue
            rows += [lost_line(stream, one.place, one.log, one.number, one.segment, record=record, unit=unit) for one in there]
            gone |= set() if there else {stream}
        self.note(rows)
        for stream in gone:
            self.look_for_gaps(stream)

    def _called_by_name(self, stream: str, record: str, name: Name) -> bool:
        """Whether a line of a record was found under another name than its own, which it has again."""
        with self.server.writing(stream, "", self._now()) as ledger:
            for row in ledger.connection.execute(select(LineRow).where(LineRow.record == record, LineRow.stream == stream)):
                change = sound_change(row.body, row.digest)
                if change is not None and name_of(change.log, change.number, row.digest) == str(name):
                    return call_by_name(ledger.connection, row, change, ledger.now_ms)
        return False

    def blobs_are_lost(self, hashes: Mapping[str, str]) -> None:
        """Sealed values of records are damaged or gone."""
        self.note([lost_blob(digest, *self._place(record), record=record) for digest, record in hashes.items()])

    def seek(self, stream: str, named: Mapping[str, Change]) -> None:
        """Take those sealed values for lost that are not here; their records need not be here either, where all was set aside."""
        hashes, here = list(named), set[str]()
        with db.reading() as connection:
            for start in range(0, len(hashes), 500):
                here |= set(connection.scalars(select(Blob.hash).where(Blob.hash.in_(hashes[start : start + 500]))))
        lost = {digest: change for digest, change in named.items() if digest not in here}
        self.note([lost_blob(digest, stream, change.unit, record=change.record) for digest, change in lost.items()])

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
