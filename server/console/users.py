"""People: who may what, and where. A person is added with a role; roles end, passwords are set anew, and nobody is deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from server import db
from server.access import units_where
from server.audit import note
from server.console.inputs import day_typed
from server.console.shell import me, page
from server.console.words import unit_words
from server.known_people import settle_people
from server.language import lang
from server.people import RoleHeld, User, add_user, disable_user, end_role, give_role, set_password
from server.services import services
from shared.errors import SenError
from shared.labels import date_text
from shared.text import name_key

Result = TypeVar("Result")

blueprint = Blueprint("users", __name__)
blueprints = (blueprint,)

__all__ = ["PersonLine", "Users", "blueprints", "pick_lists"]


@dataclass(frozen=True, kw_only=True)
class RoleLine:
    """A role held: its words with unit and days."""

    id: str
    words: str


@dataclass(frozen=True, kw_only=True)
class PersonLine:
    """A person with the roles of today; ``reach``: within what this administrator administers."""

    id: str
    login: str
    name: str
    active: bool
    roles: list[RoleLine]
    reach: bool


@dataclass(frozen=True, kw_only=True)
class Users:
    """The page. ``typed`` is what stood in the form, ``wrong`` why it was not taken."""

    people: list[PersonLine]
    roles: list[tuple[str, str]]
    units: list[tuple[str, str]]
    typed: dict[str, str]
    wrong: str


def pick_lists() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The roles, and the units that this administrator administers."""
    held = services()
    units = held.catalogue.units.ordered(list(units_where(me(), "administer")))
    kept = [(unit.code, unit.name.get(lang())) for unit in units if unit.kind != "hamlet" and unit.exists_on(held.clock.today())]
    return [(role.code, role.label.get(lang())) for role in held.catalogue.roles.values()], kept


def _page(typed: dict[str, str] | None = None, error: SenError | None = None) -> Response:
    reach = units_where(me(), "administer")
    roles, units = pick_lists()
    found = sorted(db.db.session.scalars(select(User)), key=lambda user: name_key(user.name))
    wrong = "" if error is None else error.text(lang())
    context = Users(people=[_line(user, reach) for user in found], roles=roles, units=units, typed=typed or {}, wrong=wrong)
    return page("admin/users.html", context, status=200 if error is None else error.status)


def _line(user: User, reach: frozenset[str]) -> PersonLine:
    held = services()
    lines = []
    for one in user.roles_on(held.clock.today()):
        label = held.catalogue.roles[one.role].label.get(lang()) if one.role in held.catalogue.roles else one.role
        until = " " + _("đến %(day)s", day=date_text(one.until)) if one.until else ""
        lines.append(RoleLine(id=one.id, words=f"{label} – {unit_words(one.unit)}{until}"))
    return PersonLine(
        id=user.id, login=user.login, name=user.name, active=user.is_active, roles=lines,
        reach=all(one.unit in reach for one in user.roles_on(held.clock.today())),
    )  # fmt: skip


@blueprint.get("/admin/users")
def users() -> Response:
    """All people in the order of their names."""
    return _page()


def _on_person(person: str, work: Callable[[Session, User], Result]) -> Result:
    """Do something with a person within this administrator's reach, in one transaction; it goes into the audit trail."""
    reach, by, now_ms = units_where(me(), "administer"), me().id, services().clock.now_ms()

    def run(session: Session) -> Result:
        user = session.get(User, person)
        if user is None or any(one.unit not in reach for one in user.roles_on(services().clock.today())):
            raise SenError("not_found")
        note(session, user=by, action=(request.endpoint or "")[:40], subject=user.id, at_ms=now_ms)
        return work(session, user)

    result = db.transaction(run)
    settle_people()
    return result


def _day(name: str) -> date | None:
    return day_typed(request.form.get(name, ""))


def _in_reach(unit: str) -> str:
    if unit not in units_where(me(), "administer"):
        raise SenError("unknown_unit")
    return unit


@blueprint.post("/admin/users")
def add() -> Response:
    """Add a person with a first role."""
    form, held = request.form, services()
    by, now_ms = me().id, held.clock.now_ms()
    typed = {name: form.get(name, "")[:200] for name in ("login", "name", "role", "unit", "until")}

    def work(session: Session) -> User:
        user = add_user(session, login=typed["login"], name=typed["name"], password=form.get("password", ""), now_ms=now_ms)
        give_role(session, held.catalogue, user, typed["role"], _in_reach(typed["unit"]), until=_day("until"))
        note(session, user=by, action="users.add", subject=user.id, at_ms=now_ms)
        return user

    try:
        db.transaction(work)
    except SenError as error:
        return _page(typed, error)
    settle_people()
    flash(_("Đã thêm %(name)s.", name=typed["name"]))
    return redirect(url_for("users.users"), 303)


@blueprint.post("/admin/users/<person>/role")
def add_role(person: str) -> Response:
    """Give a person another role; the person's sessions end."""
    form = request.form

    def work(session: Session, user: User) -> None:
        give_role(session, services().catalogue, user, form.get("role", ""), _in_reach(form.get("unit", "")), until=_day("until"))

    _on_person(person, work)
    flash(_("Đã giao vai trò."))
    return redirect(url_for("users.users"), 303)


@blueprint.post("/admin/users/<person>/role/<role>/end")
def drop_role(person: str, role: str) -> Response:
    """End a role now."""

    def work(session: Session, user: User) -> None:
        held = session.get(RoleHeld, role)
        if held is None or held.user != user.id:
            raise SenError("not_found")
        end_role(session, services().keys, user, held, services().clock.now_ms())

    _on_person(person, work)
    flash(_("Đã thôi giao vai trò."))
    return redirect(url_for("users.users"), 303)


@blueprint.post("/admin/users/<person>/password")
def password(person: str) -> Response:
    """Set a new password; the person's sessions end."""
    _on_person(person, lambda session, user: set_password(session, user, request.form.get("password", "")))
    flash(_("Đã đặt mật khẩu mới."))
    return redirect(url_for("users.users"), 303)


@blueprint.post("/admin/users/<person>/disable")
def disable(person: str) -> Response:
    """Let a person sign in no more."""
    if person == me().id:
        raise SenError("no_access")
    _on_person(person, lambda session, user: disable_user(session, services().keys, user, services().clock.now_ms()))
    flash(_("Đã khóa người dùng."))
    return redirect(url_for("users.users"), 303)
