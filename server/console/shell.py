"""The frame around every page: who is signed in and where, the menu with what waits, the clock that was set; and how a page is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, get_flashed_messages, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, select

from server import db
from server.access import CASES, DISTRICT, READERS, roles_of, units_visible, units_where
from server.language import lang
from server.models import RecordRow
from server.needs import open_needs
from server.overview import incidents
from server.people import User
from server.recovery import was_damaged, was_restored
from server.reporting import REPORT
from server.review import RIGHT, count_waiting
from server.services import services
from shared.labels import date_text

REGISTERS = ("target", "difficulty", "model", "budget", "gender_statistics")
"""Record types that have a place of their own in the menu."""

__all__ = ["Entry", "Shell", "district_of", "fragment_wanted", "me", "page", "shell"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the menu; ``tone`` is that of the number beside it."""

    words: str
    url: str
    count: int = 0
    tone: str = ""
    here: bool = False


@dataclass(frozen=True, kw_only=True)
class Shell:
    """The frame. ``demo_day`` is the day at which a set clock stands, "" where it is the true one."""

    lang: str
    me: str
    name: str
    where: str
    demo_day: str
    menu: list[Entry]
    registers: list[Entry]
    admin: list[Entry]
    said: list[str]


def me() -> User:
    """The person who is signed in."""
    user: User = current_user._get_current_object()
    return user


def district_of(user: User) -> str:
    """The district (or what stands in its place) of the unit in which a person holds a role."""
    held = services()
    roles = user.roles_on(held.clock.today())
    return held.catalogue.units.stream_of(roles[0].unit) if roles else next(iter(held.catalogue.units))


def fragment_wanted() -> bool:
    """Whether htmx asks for the part of the page that it swaps; for a form that it sends in the browser's stead it wants the whole page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def page(template: str, context: Any, *, status: int = 200, fragment: str = "") -> Response:
    """A whole page, or to htmx its fragment where it has one; never kept by a browser or a proxy."""
    alone = bool(fragment) and fragment_wanted()
    body = render_template(fragment if alone else template, page=context, shell=None if alone else shell())
    answer = make_response(body, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def shell() -> Shell:
    """The frame of the present request."""
    held = services()
    user = me() if current_user.is_authenticated else None
    codes = roles_of(user) if user is not None else frozenset()
    set_day = date_text(held.clock.today()) if held.clock.set else ""
    reads = bool(codes & READERS)
    return Shell(
        lang=lang(), me="" if user is None else user.id, name="" if user is None else user.name,
        where="" if user is None else _where(user), demo_day=set_day,
        menu=list(_menu(user, reads)) if user is not None else [], registers=list(_registers()) if reads else [],
        admin=list(_admin(reads=bool(codes & DISTRICT))) if "admin" in codes else [], said=[str(text) for text in get_flashed_messages()],
    )  # fmt: skip


def _where(user: User) -> str:
    units = services().catalogue.units
    held = [units[role.unit].name.get(lang()) for role in user.roles_on(services().clock.today()) if role.unit in units]
    return ", ".join(dict.fromkeys(held))


def _here(*endpoints: str) -> bool:
    return any((request.endpoint or "").startswith(one) for one in endpoints)


def _menu(user: User, reads: bool) -> Iterator[Entry]:
    yield Entry(words=_("Hôm nay"), url=url_for("today.today"), here=_here("today."))
    if not reads:
        return
    waiting, asked = _waiting(user)
    urgent = len(incidents(user))
    yield Entry(words=_("Vụ việc"), url=url_for("incidents.incidents"), count=urgent, tone="danger", here=_here("incidents."))
    yield Entry(words=_("Báo cáo"), url=url_for("reports.reports"), count=waiting, tone="soon", here=_here("reports."))
    in_registers = (request.view_args or {}).get("code") in REGISTERS
    here = _here("records.", "writing.", "search.") and not in_registers
    yield Entry(words=_("Bản ghi"), url=url_for("records.types"), here=here)
    if roles_of(user) & CASES:
        asked_needs = len(open_needs(db.db.session(), user))
        yield Entry(words=_("Đọc hồ sơ"), url=url_for("needs.needs"), count=asked_needs, tone="soon", here=_here("needs."))
    yield Entry(words=_("Khác nhau"), url=url_for("questions.questions"), count=asked, tone="accent", here=_here("questions."))
    if roles_of(user) & DISTRICT:
        yield Entry(words=_("Tệp đồng bộ"), url=url_for("bundles.bundles_page"), here=_here("bundles."))
        yield from _recovery()
    if units_where(user, RIGHT):
        held = count_waiting(user)
        yield Entry(words=_("Chờ xem lại"), url=url_for("review.held"), count=held, tone="soon", here=_here("review."))


def _recovery() -> Iterator[Entry]:
    with db.reading() as connection:
        if was_restored(connection) or was_damaged(connection):
            yield Entry(words=_("Phục hồi"), url=url_for("recovery.recovery"), here=_here("recovery."))


def _waiting(user: User) -> tuple[int, int]:
    """How many reports wait for the district, and how many questions are open."""
    units = units_visible(user)
    open_types = [code for code, one in services().catalogue.types.items() if not one.sealed_by]
    with db.reading() as connection:
        sent = (RecordRow.type == REPORT, RecordRow.state == "submitted", RecordRow.withdrawn.is_(False))
        waiting = connection.scalar(select(func.count()).where(RecordRow.unit.in_(units), *sent))
        asked = select(func.sum(RecordRow.open_count)).where(RecordRow.unit.in_(units), RecordRow.type.in_(open_types))
        return waiting or 0, int(connection.scalar(asked.where(RecordRow.open_count > 0)) or 0)


def _registers() -> Iterator[Entry]:
    code = (request.view_args or {}).get("code")
    words = {
        "target": _("Chỉ tiêu"), "difficulty": _("Kiến nghị"), "model": _("Mô hình, 18.6"), "budget": _("Kinh phí"),
        "gender_statistics": _("Số liệu"),
    }  # fmt: skip
    for one in REGISTERS:
        if one in services().catalogue.types:
            yield Entry(words=words[one], url=url_for("records.listing", code=one), here=code == one)


def _admin(*, reads: bool) -> Iterator[Entry]:
    yield Entry(words=_("Đơn vị"), url=url_for("units.units"), here=_here("units."))
    yield Entry(words=_("Người dùng"), url=url_for("users.users"), here=_here("users."))
    yield Entry(words=_("Máy"), url=url_for("tablets.tablets"), here=_here("tablets."))
    if not reads:
        yield Entry(words=_("Tệp đồng bộ"), url=url_for("bundles.bundles_page"), here=_here("bundles."))
        yield from _recovery()
