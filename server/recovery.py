"""What came back: after a restore what tablets handed back, which tablets it had forgotten, and what nobody had; and what this server's
disk lost or changed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, or_, select

from server.audit import AuditEntry
from server.certificates import DEVICE_AGAIN, PERSON_AGAIN, ROLES_AGAIN
from server.models import Damage, LineRow, LogRow, RecordRow
from server.people import Device, User
from server.projection import load_states
from sync.state import RecordState

__all__ = [
    "Damaged", "Returned", "TakenUp", "Waiting", "damaged", "lines_missing", "returned", "taken_up", "waiting", "was_restored",
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

    ``anew``: its person was forgotten too, and has no password while ``password`` is false; ``roles`` as (role, unit) came back with them.
    ``ended``: it is revoked, or its person is locked.
    """

    device: str
    unit: str
    person: str
    login: str
    enrolled_ms: int
    at_ms: int
    anew: bool
    password: bool
    ended: bool
    roles: tuple[tuple[str, str], ...]


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
    """Whether any tablet ever handed something back, or had been forgotten itself, or anything was damaged."""
    forgotten = select(AuditEntry.number).where(AuditEntry.subject.in_(select(Device.id)), AuditEntry.action == DEVICE_AGAIN)
    handed_back = select(LineRow.place).where(LineRow.witness != "")
    broken = select(Damage.key)
    return any(connection.scalar(query.limit(1)) is not None for query in (handed_back, forgotten, broken))


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
        select(Device.id, Device.name, Device.unit, Device.enrolled_ms, Device.revoked_ms, Device.user, AuditEntry.at_ms)
        .add_columns(User.name.label("person"), User.login, User.password, User.disabled_ms)
        .join(User, User.id == Device.user)
        .join(AuditEntry, AuditEntry.subject == Device.id)
        .where(AuditEntry.action == DEVICE_AGAIN, Device.unit.in_(units))
        .order_by(AuditEntry.number.desc())
    )
    rows = list({row.id: row for row in reversed(connection.execute(query).all())}.values())[::-1]
    people = _people_again(connection, sorted({row.user for row in rows}))
    return [
        TakenUp(
            device=row.name, unit=row.unit, person=row.person, login=row.login, enrolled_ms=row.enrolled_ms, at_ms=row.at_ms,
            anew=(row.user, PERSON_AGAIN) in people, password=row.password is not None,
            ended=row.revoked_ms is not None or row.disabled_ms is not None,
            roles=people.get((row.user, PERSON_AGAIN), people.get((row.user, ROLES_AGAIN), ())),
        )
        for row in rows
    ]  # fmt: skip


def _people_again(connection: Connection, users: Sequence[str]) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """(person, what came back: the person or roles) → these roles."""
    query = select(AuditEntry.subject, AuditEntry.action, AuditEntry.fields).order_by(AuditEntry.number)
    query = query.where(AuditEntry.subject.in_(users), AuditEntry.action.in_((PERSON_AGAIN, ROLES_AGAIN)))
    return {
        (row.subject, row.action): tuple((role, unit) for role, _, unit in (told.partition("@") for told in json.loads(row.fields)))
        for row in connection.execute(query)
    }


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
