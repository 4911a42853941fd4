"""People whom a restored server forgot: those added after the backup was made, and what was given them since, roles and passwords.

The key store keeps each person beside the database, as of the last change of what they may do (their stamp tells it). A database that does
not know of the last change came back from a backup: the audit trail in it is older than what was kept. It is told again at the start of the
server. What ended since stays ended, for the key store knows it (``server.endings``).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text
from sqlalchemy.orm import Session

from server.audit import AuditEntry, note
from server.db import reading, transaction
from server.keystore import KeyStore
from server.people import LONGEST_LOGIN, RoleHeld, User, user_by_login
from server.services import services
from shared.ids import new_id

PERSON_AGAIN, ROLES_AGAIN, PASSWORD_AGAIN = "person_again", "roles_again", "password_again"
"""Words of the audit trail: a person was taken up again, or roles or the password of one that is known."""

PASSWORD = "password"
NUMBER_LETTERS = 6
"""Room behind a login for a number that tells it from another one."""

Ended = Mapping[tuple[str, str], int]
"""(kind, id) → when it ended, as the key store knows."""

__all__ = ["PASSWORD_AGAIN", "PERSON_AGAIN", "ROLES_AGAIN", "Ended", "Told", "ended_by", "settle_people", "take_person", "told_of"]


class Told(NamedTuple):
    """A person as told again: columns (with ``password`` only where it is known too) and roles that had not ended."""

    person: dict[str, Any]
    roles: list[dict[str, Any]]


class _State(NamedTuple):
    """How far a person is known: the stamp, and when the audit trail last said something of them."""

    stamp: str
    at_ms: int


def told_of(user: User) -> Told:
    """What is to be told again of a person; no password."""
    person = {name: getattr(user, name) for name in ("id", "login", "name", "lang", "demo", "created_ms")}
    return Told(person, [_role(one) for one in user.roles if one.ended_ms is None])


def _role(one: RoleHeld) -> dict[str, Any]:
    days = {name: None if day is None else day.isoformat() for name, day in (("since", one.since), ("until", one.until))}
    return {"id": one.id, "role": one.role, "unit": one.unit} | days


def ended_by(keys: KeyStore) -> Ended:
    """What the key store knows to have ended."""
    return {(kind, id): at_ms for kind, id, at_ms in keys.ended()}


def take_person(session: Session, told: Told, ended: Ended, now_ms: int) -> None:
    """Take up a person, or those of their roles that this database never heard of, and their password where it is told."""
    if session.get_bind().dialect.name == "postgresql":  # another process may be taking them up at this moment
        session.execute(text("LOCK TABLE person IN SHARE ROW EXCLUSIVE MODE"))
    user = session.get(User, told.person["id"])
    columns = {name: value for name, value in told.person.items() if name != PASSWORD}
    if user is None:
        login = _free_login(session, columns["login"])
        user = User(
            **(columns | {"login": login}), password=told.person.get(PASSWORD), stamp=new_id(), wrong=0, wait_until_ms=0,
            disabled_ms=ended.get(("user", columns["id"])),
        )  # fmt: skip
        session.add(user)
        session.flush()
        note(session, user=user.id, action=PERSON_AGAIN, subject=user.id, at_ms=now_ms)
    elif told.person.get(PASSWORD, user.password) != user.password:
        user.password, user.stamp = told.person[PASSWORD], new_id()
        note(session, user=user.id, action=PASSWORD_AGAIN, subject=user.id, at_ms=now_ms)
    _take_roles(session, user, told.roles, ended, now_ms)


def _take_roles(session: Session, user: User, roles: Sequence[dict[str, Any]], ended: Ended, now_ms: int) -> None:
    given = [one for one in roles if session.get(RoleHeld, one["id"]) is None]
    for one in given:
        days = {name: None if one[name] is None else date.fromisoformat(one[name]) for name in ("since", "until")}
        user.roles.append(RoleHeld(**(one | days), user=user.id, ended_ms=ended.get(("role", one["id"]))))
    if given:
        user.stamp = new_id()
        session.flush()
        fields = [f"{one['role']}@{one['unit']}" for one in given]
        note(session, user=user.id, action=ROLES_AGAIN, subject=user.id, at_ms=now_ms, fields=fields)


def _free_login(session: Session, login: str) -> str:
    """The login; with a number where it was given to somebody else meanwhile."""
    number, free = 1, login
    while user_by_login(session, free) is not None:
        number += 1
        free = f"{login[: LONGEST_LOGIN - NUMBER_LETTERS]}-{number}"
    return free


# the key store beside the database


def settle_people() -> None:
    """Tell the database again what it forgot of people, then keep what the key store does not know; in an app's context.

    Called at the start of a server and after each change of what people may do.
    """
    held = services()
    kept, (known, _) = held.keys.people(), _read(())
    for id, (stamp, at_ms, told) in kept.items():
        here = known.get(id)
        if here is None or (here.stamp != stamp and here.at_ms < at_ms):
            _take_up(held.keys, Told(*json.loads(told)), held.clock.now_ms())
    known, _ = _read(())
    changed = [id for id, here in known.items() if id not in kept or kept[id][0] != here.stamp]
    if changed:
        known, people = _read(changed)
        held.keys.keep_people([(id, *known[id], json.dumps(told).encode("utf-8")) for id, told in people.items()])


def _take_up(keys: KeyStore, told: Told, now_ms: int) -> None:
    ended = ended_by(keys)
    transaction(lambda session: take_person(session, told, ended, now_ms))


def _read(ids: Sequence[str]) -> tuple[dict[str, _State], dict[str, Told]]:
    """How far everybody is known, and what is to be kept of these people."""
    with reading() as connection, Session(connection) as session:
        states = _states(connection)
        people = {user.id: _with_password(user) for user in session.scalars(select(User).where(User.id.in_(ids)))}
    return states, people


def _with_password(user: User) -> Told:
    told = told_of(user)
    return told._replace(person=told.person | {PASSWORD: user.password})


def _states(connection: Connection) -> dict[str, _State]:
    last = select(AuditEntry.subject, func.max(AuditEntry.at_ms).label("at_ms")).where(AuditEntry.subject.in_(select(User.id)))
    noted = {row.subject: row.at_ms for row in connection.execute(last.group_by(AuditEntry.subject))}
    return {row.id: _State(row.stamp, noted.get(row.id, 0)) for row in connection.execute(select(User.id, User.stamp))}
