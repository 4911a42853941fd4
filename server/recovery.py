"""What came back: after a restore what tablets handed back, which tablets and people this server had forgotten, and what nobody had;
and what its disk lost or changed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import Connection, and_, func, or_, select

from server.audit import AuditEntry, note
from server.certificates import DEVICE_AGAIN
from server.db import transaction
from server.known_people import PASSWORD_AGAIN, PERSON_AGAIN, ROLES_AGAIN
from server.models import Damage, LineRow, LogRow, RecordRow
from server.people import Device, RoleHeld, User
from server.projection import load_states
from server.services import services
from sync.state import RecordState

RESTORED, SERVER = "restored", "server"
"""Action and subject in the audit trail of a backup that was brought back by the command."""

PEOPLE_AGAIN = (PERSON_AGAIN, ROLES_AGAIN, PASSWORD_AGAIN)

__all__ = [
    "Damaged", "PersonAgain", "Returned", "TakenUp", "Waiting", "damaged", "lines_missing", "note_restored", "people_again", "restored_ms",
    "returned", "taken_up", "waiting", "was_damaged", "was_restored",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What one tablet handed back: how many changes of others, in how many records."""

    device: str
    unit: str
    lines: int
    records: int


@dataclass(frozen=True, kw_only=True)
class TakenUp:
    """A tablet that was enrolled after the backup and is known again: when it was enrolled, and since when it is known.

    ``ended``: it is revoked, or its person is locked.
    """

    device: str
    unit: str
    person: str
    enrolled_ms: int
    at_ms: int
    ended: bool


@dataclass(kw_only=True)
class PersonAgain:
    """A person of whom something had been forgotten: whether all of them, the password, and which roles (role, unit).

    ``needs_password``: they may sign in, but for want of a password.
    """

    name: str
    login: str
    needs_password: bool
    whole: bool = False
    password: bool = False
    roles: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A place of a record where a change that stands was written over one that nobody has told again yet."""

    record: str
    type: str
    unit: str
    path: str
    missing: int


@dataclass(frozen=True, kw_only=True)
class Damaged:
    """What was found damaged here: what it is (``kind``), of which record ("" where nothing tells), and when it was healed by whom.

    ``place`` and ``number`` are those of a line in its stream and in its log; ``healed_ms`` is None while it is waited for; ``device`` is
    "" where this server made it anew by itself.
    """

    kind: str
    record: str
    type: str
    unit: str
    place: int
    number: int
    found_ms: int
    healed_ms: int | None
    device: str


MOST_SHOWN = 200


def damaged(connection: Connection, units: Sequence[str]) -> list[Damaged]:
    """What was damaged in the records of these units, and in what is nobody's; what is waited for first, then the latest."""
    query = (
        select(Damage, RecordRow.type, RecordRow.unit.label("unit_now"), Device.name)
        .outerjoin(RecordRow, RecordRow.id == Damage.record)
        .outerjoin(Device, Device.id == Damage.device)
        .where(or_(RecordRow.unit.in_(units), and_(RecordRow.id.is_(None), or_(Damage.unit == "", Damage.unit.in_(units)))))
        .order_by(Damage.healed_ms.is_not(None), Damage.healed_ms.desc(), Damage.found_ms.desc(), Damage.place)
    )
    return [
        Damaged(
            kind=row.kind, record=row.record, type=row.type or "", unit=row.unit_now or row.unit, place=row.place, number=row.number,
            found_ms=row.found_ms, healed_ms=row.healed_ms, device=row.name or "",
        )
        for row in connection.execute(query.limit(MOST_SHOWN))
    ]  # fmt: skip


def was_restored(connection: Connection) -> bool:
    """Whether a backup was ever brought back, as far as this server can know: by the command, or from what had been forgotten."""
    devices = select(AuditEntry.number).where(AuditEntry.subject.in_(select(Device.id)), AuditEntry.action == DEVICE_AGAIN)
    people = select(AuditEntry.number).where(AuditEntry.subject.in_(select(User.id)), AuditEntry.action.in_(PEOPLE_AGAIN))
    handed_back = select(LineRow.place).where(LineRow.witness != "")
    found = any(connection.scalar(query.limit(1)) is not None for query in (handed_back, devices, people))
    return found or restored_ms(connection) is not None


def restored_ms(connection: Connection) -> int | None:
    """When a backup was last brought back by the command."""
    query = select(func.max(AuditEntry.at_ms)).where(AuditEntry.subject == SERVER, AuditEntry.action == RESTORED)
    at_ms: int | None = connection.scalar(query)
    return at_ms


def note_restored(app: Flask) -> None:
    """Write that a backup was brought back."""
    with app.app_context():
        at_ms = services().clock.now_ms()
        transaction(lambda session: note(session, user="", action=RESTORED, subject=SERVER, at_ms=at_ms))


def was_damaged(connection: Connection) -> bool:
    """Whether anything was ever found damaged here."""
    return connection.scalar(select(Damage.key).limit(1)) is not None


def returned(connection: Connection, units: Sequence[str]) -> list[Returned]:
    """What the tablets of these units handed back, the first one first."""
    counted = (func.count().label("lines"), func.count(LineRow.record.distinct()).label("records"))
    query = (
        select(Device.name, Device.unit, *counted)
        .join(Device, Device.id == LineRow.witness)
        .where(LineRow.witness != "", Device.unit.in_(units))
        .group_by(LineRow.witness, Device.name, Device.unit)
        .order_by(func.min(LineRow.place))
    )
    rows = connection.execute(query)
    return [Returned(device=row.name, unit=row.unit, lines=row.lines, records=row.records) for row in rows]


def taken_up(connection: Connection, units: Sequence[str]) -> list[TakenUp]:
    """The tablets of these units that were forgotten and are known again, the last one first."""
    query = (
        select(Device.id, Device.name, Device.unit, Device.enrolled_ms, Device.revoked_ms, AuditEntry.at_ms)
        .add_columns(User.name.label("person"), User.disabled_ms)
        .join(User, User.id == Device.user)
        .join(AuditEntry, AuditEntry.subject == Device.id)
        .where(AuditEntry.action == DEVICE_AGAIN, Device.unit.in_(units))
        .order_by(AuditEntry.number)
    )
    rows = {row.id: row for row in connection.execute(query)}
    return [
        TakenUp(
            device=row.name, unit=row.unit, person=row.person, enrolled_ms=row.enrolled_ms, at_ms=row.at_ms,
            ended=row.revoked_ms is not None or row.disabled_ms is not None,
        )
        for row in reversed(rows.values())
    ]  # fmt: skip


def people_again(connection: Connection, units: Sequence[str]) -> list[PersonAgain]:
    """The people with a role in these units of whom something had been forgotten, the first one first."""
    here = select(RoleHeld.user).where(RoleHeld.unit.in_(units))
    query = select(User.id, User.name, User.login, User.password, User.disabled_ms, AuditEntry.action, AuditEntry.fields)
    query = query.join(AuditEntry, AuditEntry.subject == User.id).where(User.id.in_(here), AuditEntry.action.in_(PEOPLE_AGAIN))
    found: dict[str, PersonAgain] = {}
    for row in connection.execute(query.order_by(AuditEntry.number)):
        without = row.password is None and row.disabled_ms is None
        one = found.setdefault(row.id, PersonAgain(name=row.name, login=row.login, needs_password=without))
        one.whole |= row.action == PERSON_AGAIN
        one.password |= row.action == PASSWORD_AGAIN
        one.roles += [(role, unit) for role, _, unit in (told.partition("@") for told in json.loads(row.fields))]
    return list(found.values())


def waiting(connection: Connection, units: Sequence[str]) -> list[Waiting]:
    """Where values stand that wait for a change that has not come, in the records of these units."""
    told = select(RecordRow).where(RecordRow.unit.in_(units), RecordRow.registers.contains('"w":')).order_by(RecordRow.id)
    rows = connection.execute(told).all()
    return [one for state in load_states(connection, rows).values() for one in _of(state)]


def _of(state: RecordState) -> list[Waiting]:
    missing: dict[str, set[str]] = {}
    for path, value in state.values():
        if value.waits:
            missing.setdefault(path, set()).update(value.waits)
    return [Waiting(record=state.id, type=state.type, unit=state.unit, path=path, missing=len(names)) for path, names in missing.items()]


def lines_missing(connection: Connection) -> int:
    """How many numbers of all logs lie before lines that were handed back and were told by nobody."""
    rows = connection.execute(select(LogRow.id, LogRow.start, LogRow.number, LogRow.floating).order_by(LogRow.id, LogRow.start)).all()
    missing, log, known = 0, "", 0
    for row in rows:
        known = known if row.id == log else 0
        missing += max(0, row.start - known) if row.floating else 0
        log, known = row.id, max(known, row.number)
    return missing
