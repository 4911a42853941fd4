"""``sync.store.Server`` over the app's database: devices and their scopes, and the two kinds of transaction."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.orm import Session

from server import db
from server.access import PeopleRights, scope_of
from server.audit import note
from server.gate import Gate
from server.healing import Healing
from server.ledger import OwnIdentity, SqlLedger
from server.models import LogRow, segment_of
from server.people import Device as DeviceRow
from server.people import User
from server.reader import SqlReader
from server.services import Services
from shared.ids import b64
from sync.copies import Marks
from sync.errors import FrameFault
from sync.lineage import Segment
from sync.log import Change
from sync.lost import Brought, Lost
from sync.store import Device, Scope

SEEN_EVERY_MS = 10 * 60 * 1000
"""How often "last heard of" is written for a device: an exchange with nothing new writes nothing."""

NAMES_EVERY_MS = 15 * 1000
"""How long the people's names are kept in memory before they are read again."""

_ENDED = or_(DeviceRow.revoked_ms.is_not(None), User.disabled_ms.is_not(None))

_DEVICE = (
    select(DeviceRow.sign, DeviceRow.box, DeviceRow.user, DeviceRow.unit, _ENDED, User.stamp, DeviceRow.marks, DeviceRow.copy_of)
    .add_columns(LogRow)
    .join(User, User.id == DeviceRow.user)
    .outerjoin(LogRow, LogRow.device == DeviceRow.id)
    .where(DeviceRow.id == bindparam("device"))
)
"""A device with its logs; built once, since every exchange asks it."""

_FORMER = (
    select(DeviceRow.id.label("former"), DeviceRow.sign, DeviceRow.copy_of, LogRow)
    .outerjoin(LogRow, LogRow.device == DeviceRow.id)
    .where(DeviceRow.id == bindparam("device"))
)
"""A device that another one was before it became a device of its own, with its logs."""

__all__ = ["SqlServer"]


def _former(connection: Connection, device: str, copy: str) -> list[Any]:
    """The devices that a copy was before, with their logs; a copy may have been copied again."""
    found: list[Any] = []
    seen, asked = {copy}, device
    while asked and asked not in seen:
        seen.add(asked)
        rows = connection.execute(_FORMER, {"device": asked}).all()
        found += rows
        asked = rows[0].copy_of if rows else ""
    return found


class SqlServer:
    """The protocol's server on this process's database. One for an app; its methods may be called from any thread."""

    def __init__(self, services: Services) -> None:
        self.services = services
        identity = services.keys.identity
        self.own = OwnIdentity(identity.id, identity.key)
        self.run_key = services.keys.run_key
        self._names: tuple[int, str, dict[str, str]] = (-NAMES_EVERY_MS, "", {})
        self._scopes: dict[tuple[str, str, str, date], Scope] = {}
        self.healing = Healing(self)
        self._seen: dict[str, tuple[int, int | None]] = {}
        self.pushed: set[str] = set()
        """The streams that lines came for since their records were last put into columns."""
        self._lock = threading.Lock()

    def device(self, device: str) -> Device:
        """An enrolled device with its logs, in one query; its scope is kept in memory while its officer's rights stay.

        Raises:
            FrameFault: ``unknown_device``.
        """
        with db.reading() as connection:
            return self.device_on(connection, device)

    def device_on(self, connection: Connection, device: str) -> Device:
        """The same, within a transaction."""
        rows = connection.execute(_DEVICE, {"device": device}).all()
        if not rows:
            raise FrameFault("unknown_device")
        former = _former(connection, rows[0].copy_of, device) if rows[0].copy_of else []
        sign, box, user, unit, revoked, stamp, marks = rows[0][:7]
        read: dict[str, tuple[Segment, ...]] = {}
        for row in (*rows, *former):
            if row.id is not None:
                read[row.id] = (*read.get(row.id, ()), segment_of(row))
        mac_key = self.services.keys.mac_key(device, box)
        return Device(
            device, sign, mac_key, user, self._scope(connection, user, unit, stamp), read, revoked=bool(revoked),
            former=tuple({row.former: row.sign for row in former}.items()), marks=Marks.load(marks),
        )  # fmt: skip

    def _scope(self, connection: Connection, user: str, unit: str, stamp: str) -> Scope:
        day = self.services.clock.today()
        key = (user, unit, stamp, day)
        known = self._scopes.get(key)
        if known is None:
            with Session(connection) as session:
                person = session.get_one(User, user)
                known = scope_of(person, unit, catalogue=self.services.catalogue, day=day)
            self._scopes[key] = known
        return known

    @contextmanager
    def writing(self, stream: str, writer: str, now_ms: int) -> Iterator[SqlLedger]:
        """A writing transaction on a stream."""
        with db.writing(stream) as connection:
            ledger = self.ledger(connection, stream, writer, now_ms)
            yield ledger
            ledger.flush()
        self.pushed.add(stream)
        if ledger.lost:
            self.healing.refresh()

    def ledger(self, connection: Connection, stream: str, writer: str, now_ms: int) -> SqlLedger:
        """The ledger of a transaction that the caller holds."""
        gate = Gate(self.services.catalogue, self.rights(connection))
        keep_wraps = self.services.keys.keep_wraps
        return SqlLedger(connection, stream, gate, self.own, writer=writer, now_ms=now_ms, keep_wraps=keep_wraps)

    def rights(self, connection: Connection) -> PeopleRights:
        """What people may write, as this transaction sees their roles."""
        return PeopleRights(Session(connection), self.services.catalogue, self.services.clock.today())

    @contextmanager
    def reading(self) -> Iterator[SqlReader]:
        """A reading transaction."""
        with db.reading() as connection:
            yield self.reader_on(connection)

    def reader_on(self, connection: Connection) -> SqlReader:
        """The reader of a transaction that the caller holds."""
        return SqlReader(connection, self.services.catalogue, partial(self._wraps, connection), self.healing.mended, self.healing)

    def wants(self, device: Device) -> Lost:
        """What was lost here and this device has not been asked for yet."""
        return self.healing.wants(device)

    def seek(self, stream: str, named: Mapping[str, Change]) -> None:
        """Ask for sealed values that are not here."""
        self.healing.seek(stream, named)

    def mend_logs(self, logs: Sequence[str]) -> int:
        """Make what is kept of logs anew where their lines say something else."""
        return self.healing.mend_logs(logs)

    def mend(
        self, device: Device, lines: Sequence[Brought], blobs: Sequence[tuple[str, bytes]], *, through: bool, now_ms: int,
        sought: Lost | None = None,
    ) -> None:  # fmt: skip
        """Put back what a device brings of it."""
        self.healing.mend(device, lines, blobs, through=through, now_ms=now_ms, sought=sought)

    def _wraps(self, connection: Connection, keys: Sequence[str], device: Device) -> list[tuple[str, str, str]]:
        """Case keys, wrapped to the officer's key on the tablet that asks; their other tablets ask for themselves."""
        box = connection.scalar(select(DeviceRow.officer_box).where(DeviceRow.id == device.id, DeviceRow.revoked_ms.is_(None)))
        return [] if box is None else self.services.keys.wrap_for(keys, device.user, box)

    def note_marks(self, device: Device, marks: Marks) -> None:
        """Keep what is known now of a device's being used in two places, where nobody else noted something since it was read."""

        def work(session: Session) -> None:
            was = DeviceRow.marks.is_(None) if device.marks.dump() is None else DeviceRow.marks == device.marks.dump()
            statement = update(DeviceRow).where(DeviceRow.id == device.id, was).values(marks=marks.dump())
            written = session.execute(statement.returning(DeviceRow.id))
            if written.one_or_none() is not None and len(marks.copies) > len(device.marks.copies):
                note(session, user=device.user, action="copied", subject=device.id, at_ms=self.services.clock.now_ms())

        db.transaction(work)

    def told_to_wipe(self, device: Device, now_ms: int) -> None:
        """Write when a revoked device was first told to wipe itself, and in the audit trail."""

        def work(session: Session) -> None:
            first = update(DeviceRow).where(DeviceRow.id == device.id, DeviceRow.wiped_ms.is_(None)).values(wiped_ms=now_ms)
            if session.execute(first.returning(DeviceRow.id)).one_or_none() is not None:
                note(session, user=device.user, action="wipe", subject=device.id, at_ms=now_ms)

        db.transaction(work)

    def documents(self, device: Device, versions: Mapping[str, str]) -> dict[str, Any]:
        """The catalogue and the people's names, each where the tablet holds another version."""
        told: dict[str, Any] = {}
        catalogue = self.services.catalogue
        if versions.get("catalogue") != catalogue.version:
            told["catalogue"] = {"version": catalogue.version, "texts": catalogue.texts}
        version, names = self.names()
        if versions.get("people") != version:
            told["people"] = {"version": version, "names": names}
        return told

    def names(self) -> tuple[str, dict[str, str]]:
        """The people's names by id, and their version; read again every few seconds."""
        now_ms = self.services.clock.now_ms()
        with self._lock:
            read_ms, version, names = self._names
            if 0 <= now_ms - read_ms < NAMES_EVERY_MS:
                return version, names
            with db.reading() as connection:
                names = {row.id: row.name for row in connection.execute(select(User.id, User.name))}
            names[self.own.device] = self.services.config.name
            version = b64(hashlib.sha256(json.dumps(sorted(names.items())).encode()).digest())[:8]
            self._names = (now_ms, version, names)
            return version, names

    def note_seen(self, device: str, now_ms: int, unsent: int | None) -> None:
        """Write when a device was last heard of and what it still held: at most once in ten minutes, and when that changes."""
        seen_ms, held = self._seen.get(device, (-SEEN_EVERY_MS, None))
        told = held if unsent is None else unsent
        if abs(now_ms - seen_ms) >= SEEN_EVERY_MS or told != held:  # a clock that was set back is the clock from then on
            values = {"seen_ms": now_ms} | ({} if told is None else {"unsent": told})
            with db.writing() as connection:
                connection.execute(update(DeviceRow).where(DeviceRow.id == device).values(values))
            self._seen[device] = (now_ms, told)
