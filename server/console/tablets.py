"""Tablets: which there are, when each was last heard of; a code to enrol one, as letters and as a QR picture; revoking a lost one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import segno
from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from server import db
from server.access import units_where
from server.console.shell import me, page
from server.console.users import pick_lists
from server.console.words import age_words, moment_words, unit_words
from server.enrolment import make_code, revoke
from server.language import lang
from server.models import LineRow, LogRow
from server.overview import DAY_MS, SILENT_DAYS
from server.people import Device, User, names_of
from server.services import services
from shared.errors import SenError
from shared.labels import number_text
from shared.text import name_key
from sync.copies import Marks

blueprint = Blueprint("tablets", __name__)
blueprints = (blueprint,)

__all__ = ["Code", "TabletLine", "Tablets", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class TabletLine:
    """A tablet. ``unsent``: the changes that it still held when it was last heard of; ``wiped``: when a revoked one had handed in
    everything; ``forked``: when it was found to be restored or copied. ``twice``: its storage is in use in two places, and the copy has
    not become a device of its own yet; ``copy_of``: the name of the tablet that it was a copy of; ``copies``: the names of its own copies.
    """

    id: str
    name: str
    person: str
    unit: str
    enrolled: str
    seen: str
    unsent: str
    silent: bool
    revoked: str
    wiped: str
    forked: str
    twice: bool
    copy_of: str
    copies: list[str]


@dataclass(frozen=True, kw_only=True)
class Code:
    """A code that was just made; it is shown once."""

    code: str
    qr: Markup
    person: str
    unit: str
    hours: int
    address: str


@dataclass(frozen=True, kw_only=True)
class Tablets:
    """The page. ``people`` are id, words and the unit that the choice of the person brings; ``person`` and ``unit`` are chosen."""

    tablets: list[TabletLine]
    people: list[tuple[str, str, str]]
    person: str
    unit: str
    units: list[tuple[str, str]]
    code: Code | None = None
    wrong: str = ""


def _page(code: Code | None = None, error: SenError | None = None) -> Response:
    session = db.db.session
    reach = units_where(me(), "administer")
    devices = session.scalars(select(Device).where(Device.unit.in_(reach)).order_by(Device.enrolled_ms.desc())).all()
    names = names_of(session(), sorted({one.user for one in devices}))
    today = services().clock.today()
    people = [user for user in session.scalars(select(User)) if user.is_active and user.roles_on(today)]
    people.sort(key=lambda user: name_key(user.name))
    told = [(user.id, f"{user.name} ({user.login})", user.roles_on(today)[0].unit) for user in people]
    person = request.form.get("person") or (told[0][0] if told else "")
    unit = request.form.get("unit") or next((home for known, _words, home in told if known == person), "")
    forked = _forked([one.id for one in devices])
    context = Tablets(
        tablets=[_line(one, names.get(one.user, ""), forked.get(one.id), devices) for one in devices],
        people=told, person=person, unit=unit, units=pick_lists()[1], code=code, wrong="" if error is None else error.text(lang()),
    )  # fmt: skip
    return page("admin/tablets.html", context, status=200 if error is None else error.status)


def _forked(devices: Sequence[str]) -> dict[str, int]:
    """The tablets of which a log goes on in two ways, with the time (ms) at which the second way last began to arrive."""
    begins = (LineRow.log == LogRow.id) & (LineRow.segment == LogRow.segment) & (LineRow.number == LogRow.start + 1)
    query = select(LogRow.device, func.max(LineRow.arrived_ms)).join(LineRow, begins)
    query = query.where(LogRow.fork.is_(True), LogRow.device.in_(devices)).group_by(LogRow.device)
    return {row[0]: row[1] for row in db.db.session.execute(query)}


def _line(one: Device, person: str, forked_ms: int | None, devices: Sequence[Device]) -> TabletLine:
    now_ms = services().clock.now_ms()
    silent = one.revoked_ms is None and (one.seen_ms is None or now_ms - one.seen_ms > SILENT_DAYS * DAY_MS)
    return TabletLine(
        id=one.id, name=one.name, person=person, unit=unit_words(one.unit), enrolled=moment_words(one.enrolled_ms),
        seen=age_words(one.seen_ms) if one.seen_ms else _("chưa đồng bộ lần nào"), silent=silent,
        unsent=number_text(one.unsent),
        revoked=moment_words(one.revoked_ms) if one.revoked_ms else "", wiped=moment_words(one.wiped_ms) if one.wiped_ms else "",
        forked=moment_words(forked_ms) if forked_ms else "", twice=bool(Marks.load(one.marks).copies),
        copy_of=next((other.name for other in devices if other.id == one.copy_of), ""),
        copies=[other.name for other in devices if other.copy_of == one.id],
    )  # fmt: skip


@blueprint.get("/admin/tablets")
def tablets() -> Response:
    """All tablets of the units that this administrator administers."""
    return _page()


@blueprint.post("/admin/tablets")
def enrol_code() -> Response:
    """Make a one-time code for a person and a unit."""
    held, form, by = services(), request.form, me().id
    reach = units_where(me(), "administer")
    unit = form.get("unit", "")

    def work(session: Session) -> tuple[str, str]:
        user = session.get(User, form.get("person", ""))
        if user is None:
            raise SenError("unknown_login")
        if unit not in reach:
            raise SenError("unknown_unit")
        told = make_code(
            session, held.catalogue, user=user, unit=unit, made_by=by, now_ms=held.clock.now_ms(), hours=held.config.code_hours
        )  # fmt: skip
        return told, user.name

    try:
        code, person = db.transaction(work)
    except SenError as error:
        return _page(error=error)
    address = request.host_url.rstrip("/")
    picture = segno.make(json.dumps({"sen": address, "code": code}, separators=(",", ":")), error="m")
    qr = Markup(picture.svg_inline(scale=4, border=2, dark="#0d504d", omitsize=True))
    return _page(Code(code=code, qr=qr, person=person, unit=unit_words(unit), hours=held.config.code_hours, address=address))


@blueprint.post("/admin/tablets/<device>/revoke")
def revoke_tablet(device: str) -> Response:
    """Revoke a tablet: it gets nothing more, and wipes itself at its next contact."""
    held, by = services(), me().id
    reach = units_where(me(), "administer")

    def work(session: Session) -> str:
        found = session.get(Device, device)
        if found is None or found.unit not in reach:
            raise SenError("not_found")
        revoke(session, held.keys, found, by=by, now_ms=held.clock.now_ms())
        return found.name

    name = db.transaction(work)
    flash(_("Đã thu hồi máy %(name)s.", name=name))
    return redirect(url_for("tablets.tablets"), 303)
