"""«Chờ xem lại»: what came from a revoked tablet, or from somebody whose right was gone. Is it taken up, or left?"""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from server import review as reviewing
from server.console.shell import me, page
from server.console.words import moment_words, unit_words
from server.language import lang
from server.review import HeldRecord
from server.services import services
from shared.errors import SenError
from sync.accept import HELD

blueprint = Blueprint("review", __name__)
blueprints = (blueprint,)

__all__ = ["Held", "Review", "Sender", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Held:
    """One record of which lines wait; ``url`` is "" where the server does not have it yet."""

    record: str
    title: str
    type: str
    unit: str
    url: str
    count: str
    written: str
    arrived: str


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A tablet with what waits of it, and why."""

    device: str
    tablet: str
    person: str
    why: str
    held: list[Held]


@dataclass(frozen=True, kw_only=True)
class Review:
    """The page."""

    senders: list[Sender]


@blueprint.get("/review")
def held() -> Response:
    """All that waits for this person, by tablet."""
    found = reviewing.waiting(me(), lang=lang())
    senders = []
    for (device, verdict), group in groupby(found, key=lambda one: (one.device, one.verdict)):
        rows = list(group)
        revoked, no_right = _("Máy đã bị thu hồi, hoặc tài khoản đã khóa."), _("Người ghi không còn quyền khi thay đổi tới máy chủ.")
        why = revoked if verdict == HELD else no_right
        senders.append(
            Sender(device=device, tablet=rows[0].tablet, person=rows[0].person, why=why, held=[_row(one) for one in rows])
        )
    return page("review/review.html", Review(senders=senders))


def _row(one: HeldRecord) -> Held:
    record_type = services().catalogue.all_types.get(one.type)
    return Held(
        record=one.record, title=one.title, type=one.type if record_type is None else record_type.label.get(lang()),
        unit=unit_words(one.unit), url=url_for("records.record", record=one.record) if one.known else "",
        count=ngettext("%(num)d thay đổi", "%(num)d thay đổi", one.count), written=moment_words(one.written_ms),
        arrived=moment_words(one.arrived_ms),
    )  # fmt: skip


@blueprint.post("/review")
def see_to() -> Response:
    """Take up (``act`` is ``take``) or leave what a tablet brought of a record."""
    form, user = request.form, me()
    device, record, act = form.get("device", ""), form.get("record", ""), form.get("act", "")
    if act == "take":
        count = reviewing.take_up(user, device, record)
        flash(ngettext("Đã nhận vào %(num)d thay đổi, đứng tên bạn.", "Đã nhận vào %(num)d thay đổi, đứng tên bạn.", count))
    elif act == "leave":
        count = reviewing.leave(user, device, record)
        flash(ngettext("Đã để lại %(num)d thay đổi; vẫn còn trong lịch sử.", "Đã để lại %(num)d thay đổi; vẫn còn trong lịch sử.", count))
    else:
        raise SenError("bad_request")
    return redirect(url_for("review.held"), 303)
