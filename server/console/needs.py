"""Needs to read a case: asked with a reason, granted by a second person for some days; and who has read what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from server import db
from server.access import asks_for_cases, roles_of, units_visible
from server.audit import AuditEntry
from server.console.inputs import day_typed
from server.console.shell import me, page
from server.console.words import moment_words, people_names, unit_words, wait_words
from server.language import lang
from server.models import RecordRow
from server.needs import GRANTERS, LONGEST_DAYS, SHORTEST_REASON, ask_need, end_need, grant_need, open_needs
from server.people import Grant, User
from server.services import services
from server.titles import title_of
from shared.errors import SenError
from shared.labels import date_text
from shared.text import fold

USUAL_DAYS = 7
"""A need is offered for so many days at first."""

READINGS = 50
"""Of the readings, so many of the latest are shown."""

blueprint = Blueprint("needs", __name__)
blueprints = (blueprint,)

__all__ = ["NeedLine", "Needs", "Reading", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class NeedLine:
    """One need. ``url`` leads to the case while the need is granted; ``may_end``: this person may end it."""

    id: str
    case: str
    unit: str
    who: str
    reason: str
    asked: str
    wait: str
    state: str
    tone: str
    url: str
    may_end: bool


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One entry of the audit trail: who opened which case or what belongs to it, when and why."""

    at: str
    who: str
    case: str
    unit: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The page. ``asks``: this person may ask; ``answers``: this person answers for cases and sees who read them."""

    asks: bool
    units: list[tuple[str, str]]
    typed: dict[str, str]
    wrong: str
    own: list[NeedLine]
    answers: bool
    waiting: list[NeedLine]
    granted: list[NeedLine]
    readings: list[Reading]
    since: str
    until: str
    most_days: int
    shortest: int


def _page(typed: dict[str, str] | None = None, error: SenError | None = None) -> Response:
    user, session, today = me(), db.db.session(), services().clock.today()
    asks, answers = asks_for_cases(user), bool(roles_of(user) & GRANTERS)
    own = list(session.scalars(select(Grant).where(Grant.user == user.id).order_by(Grant.asked_ms.desc()))) if asks else []
    waiting = open_needs(session, user)
    granted = list(_granted(session, user, today)) if answers else []
    lines = {one.id: one for one in _lines(session, user, [*own, *waiting, *granted], today)}
    units = services().catalogue.units.ordered(list(units_visible(user))) if asks else []
    context = Needs(
        asks=asks, units=[(unit.code, unit.name.get(lang())) for unit in units if unit.kind != "hamlet" and unit.exists_on(today)],
        typed=typed or {}, wrong="" if error is None else error.text(lang()), own=[lines[one.id] for one in own], answers=answers,
        waiting=[lines[one.id] for one in waiting], granted=[lines[one.id] for one in granted],
        readings=list(_readings(session, user)) if answers else [], since=date_text(today),
        until=date_text(today + timedelta(days=USUAL_DAYS - 1)), most_days=LONGEST_DAYS, shortest=SHORTEST_REASON,
    )  # fmt: skip
    return page("needs/needs.html", context, status=200 if error is None else error.status)


def _granted(session: Session, user: User, today: date) -> Iterator[Grant]:
    """The needs that hold now for cases that this person answers for."""
    held = select(Grant).where(Grant.granted_ms.is_not(None), Grant.ended_ms.is_(None), Grant.until >= today)
    in_reach = held.join(RecordRow, RecordRow.id == Grant.case).where(RecordRow.unit.in_(units_visible(user)))
    return (one for one in session.scalars(in_reach.order_by(Grant.until)) if one.user != user.id)


def _lines(session: Session, user: User, needs: list[Grant], today: date) -> Iterator[NeedLine]:
    names = people_names(sorted({one.user for one in needs}))
    cases = _cases(session, {one.case for one in needs})
    for one in needs:
        title, unit = cases.get(one.case, ("–", ""))
        state, tone = _state(one, today)
        yield NeedLine(
            id=one.id, case=title, unit=unit_words(unit), who=names[one.user], reason=one.reason, asked=moment_words(one.asked_ms),
            wait=wait_words(one.asked_ms), state=state, tone=tone,
            url=url_for("records.record", record=one.case) if one.user == user.id and one.holds_on(today) else "",
            may_end=one.ended_ms is None and (one.until is None or one.until >= today),
        )  # fmt: skip


def _cases(session: Session, ids: set[str]) -> dict[str, tuple[str, str]]:
    """Record → the code that it bears and its unit; nothing confidential."""
    types = services().catalogue.types
    columns = select(RecordRow.id, RecordRow.type, RecordRow.unit, RecordRow.current).where(RecordRow.id.in_(ids))
    return {row.id: (title_of(types[row.type], json.loads(row.current or "{}"), lang()), row.unit) for row in session.execute(columns)}


def _state(one: Grant, today: date) -> tuple[str, str]:
    if one.ended_ms is not None:
        return (_("Đã kết thúc") if one.granted_ms else _("Không duyệt")), ""
    if one.granted_ms is None:
        return _("Chờ duyệt"), "soon"
    if one.holds_on(today):
        return _("Được đọc đến %(day)s", day=date_text(one.until)), "good"
    return (_("Được đọc từ %(day)s", day=date_text(one.since)) if one.since and one.since > today else _("Hết hạn")), ""


def _readings(session: Session, user: User) -> Iterator[Reading]:
    query = select(AuditEntry, RecordRow.unit).join(RecordRow, RecordRow.id == AuditEntry.subject)
    query = query.where(AuditEntry.action == "read", RecordRow.unit.in_(units_visible(user))).order_by(AuditEntry.number.desc())
    rows = session.execute(query.limit(READINGS)).all()
    names = people_names(sorted({entry.user for entry, _unit in rows}))
    cases = _cases(session, {entry.subject for entry, _unit in rows})
    for entry, unit in rows:
        case = cases[entry.subject][0]
        yield Reading(at=moment_words(entry.at_ms), who=names[entry.user], case=case, unit=unit_words(unit), why=entry.why)


@blueprint.get("/needs")
def needs() -> Response:
    """What was asked and granted, and who has read."""
    return _page()


@blueprint.post("/needs")
def ask() -> Response:
    """Ask to read the case of a unit that bears a code."""
    user, now_ms = me(), services().clock.now_ms()
    typed = {name: request.form.get(name, "")[:500] for name in ("unit", "code", "reason")}

    def work(session: Session) -> Grant:
        return ask_need(session, user, _case_of(session, user, typed["unit"], typed["code"]), typed["reason"], now_ms=now_ms)

    try:
        db.transaction(work)
    except SenError as error:
        return _page(typed, error)
    flash(_("Đã gửi đề nghị. Người quản lý trường hợp hoặc lãnh đạo trả lời."))
    return redirect(url_for("needs.needs"), 303)


def _case_of(session: Session, user: User, unit: str, code: str) -> str:
    """The case of a unit with a code, written with or without tone marks. Raises SenError("case_unknown")."""
    held = services().catalogue
    types = [one.code for one in held.types.values() if one.sealed_by == "self"]
    wanted = fold(code).split()
    if unit in units_visible(user) and wanted:
        columns = select(RecordRow.id, RecordRow.type, RecordRow.current)
        rows = session.execute(columns.where(RecordRow.unit == unit, RecordRow.type.in_(types), RecordRow.withdrawn.is_(False)))
        for row in rows:
            values = json.loads(row.current or "{}")
            if fold(str(values.get(held.types[row.type].title or "", ""))).split() == wanted:
                return str(row.id)
    raise SenError("case_unknown")


def _need(session: Session, need: str) -> Grant:
    found = session.get(Grant, need)
    if found is None:
        raise SenError("not_found")
    return found


@blueprint.post("/needs/<need>/grant")
def grant(need: str) -> Response:
    """Grant a need from a day to a day."""
    user, now_ms, today = me(), services().clock.now_ms(), services().clock.today()
    since, until = day_typed(request.form.get("since", "")) or today, day_typed(request.form.get("until", ""))
    if until is None or until < today:
        raise SenError("grant_dates", limit=LONGEST_DAYS)
    last = until
    db.transaction(lambda session: grant_need(session, user, _need(session, need), since=since, until=last, now_ms=now_ms))
    flash(_("Đã duyệt."))
    return redirect(url_for("needs.needs"), 303)


@blueprint.post("/needs/<need>/end")
def end(need: str) -> Response:
    """Refuse a need, or end it before its day."""
    user, held = me(), services()
    db.transaction(lambda session: end_need(session, held.keys, user, _need(session, need), now_ms=held.clock.now_ms()))
    flash(_("Đã kết thúc."))
    return redirect(url_for("needs.needs"), 303)
