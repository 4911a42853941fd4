"""Needs: who is no case manager reads a case only with a reason, for some days, granted by a second person.

A need is asked for, then granted or refused by somebody who answers for the case's unit: a case manager or the head of the unit,
or a leader above it. Administrators neither ask nor grant.
"""

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.access import asks_for_cases, roles_of, units_visible
from server.audit import note
from server.keystore import KeyStore
from server.models import RecordRow
from server.people import Grant, User
from server.services import services
from shared.errors import SenError
from shared.ids import new_id
from shared.text import clean

SHORTEST_REASON = 10
LONGEST_REASON = 500
LONGEST_DAYS = 92

GRANTERS = frozenset({"case_worker", "unit_lead", "district_lead"})
"""Roles that answer for a case; each in the units that it reaches."""

__all__ = ["GRANTERS", "LONGEST_DAYS", "ask_need", "end_need", "grant_need", "open_needs"]


def _unit_of(session: Session, case: str) -> str:
    """The unit of a case. Raises SenError("not_found") for anything else."""
    row = session.execute(select(RecordRow.unit, RecordRow.type).where(RecordRow.id == case)).one_or_none()
    if row is None or row.type not in services().catalogue.sealed_types:
        raise SenError("not_found")
    return str(row.unit)


def ask_need(session: Session, user: User, case: str, reason: str, *, now_ms: int) -> Grant:
    """Ask to read a case. Raises SenError: ``not_found``, ``no_access``, ``grant_reason``."""
    if _unit_of(session, case) not in units_visible(user):
        raise SenError("not_found")
    if not asks_for_cases(user):
        raise SenError("no_access")
    reason = clean(reason).strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise SenError("grant_reason", limit=SHORTEST_REASON)
    need = Grant(id=new_id(), user=user.id, case=case, reason=reason, asked_ms=now_ms)
    session.add(need)
    note(session, user=user.id, action="need_ask", subject=case, at_ms=now_ms, why=reason)
    return need


def _may_answer(session: Session, user: User, need: Grant) -> None:
    """Raises SenError("grant_second_person") or ("not_found")."""
    if _unit_of(session, need.case) not in units_visible(user):
        raise SenError("not_found")
    if user.id == need.user or not roles_of(user) & GRANTERS:
        raise SenError("grant_second_person")


def grant_need(session: Session, by: User, need: Grant, *, since: date, until: date, now_ms: int) -> None:
    """Grant a need from a day to a day. Raises SenError: ``grant_second_person``, ``grant_not_open``, ``grant_dates``."""
    _may_answer(session, by, need)
    if need.granted_ms is not None or need.ended_ms is not None:
        raise SenError("grant_not_open")
    if not since <= until <= since + timedelta(days=LONGEST_DAYS):
        raise SenError("grant_dates", limit=LONGEST_DAYS)
    need.granted_by, need.granted_ms, need.since, need.until = by.id, now_ms, since, until
    note(session, user=by.id, action="need_grant", subject=need.case, at_ms=now_ms, fields=(need.id,))
    session.flush()


def end_need(session: Session, keys: KeyStore, by: User, need: Grant, *, now_ms: int) -> None:
    """Refuse a need, or end a granted one; it stays ended after a restore. The asker may end the own one."""
    if by.id != need.user:
        _may_answer(session, by, need)
    if need.ended_ms is None:
        need.ended_ms = now_ms
        note(session, user=by.id, action="need_end", subject=need.case, at_ms=now_ms, fields=(need.id,))
        session.flush()
        keys.note_ended("grant", need.id, now_ms)


def open_needs(session: Session, user: User) -> list[Grant]:
    """The needs that wait for an answer that a person may give, the oldest first."""
    if not roles_of(user) & GRANTERS:
        return []
    waiting = select(Grant).where(Grant.granted_ms.is_(None), Grant.ended_ms.is_(None), Grant.user != user.id)
    in_reach = waiting.join(RecordRow, RecordRow.id == Grant.case).where(RecordRow.unit.in_(units_visible(user)))
    return list(session.scalars(in_reach.order_by(Grant.asked_ms)))
