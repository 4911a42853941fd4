"""Urgent incidents: who needs an answer now? By the time that is left; acknowledged and answered in place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from server import editing
from server.access import units_where
from server.console.rights import units_for_new
from server.console.shell import me, page
from server.console.values import Titles, value_words
from server.console.words import left_words, moment_words, unit_words
from server.language import lang
from server.overview import INCIDENT, Incident
from server.overview import incidents as urgent
from server.records import open_record
from server.services import services
from shared.errors import SenError
from shared.labels import datetime_text
from shared.messages import phrase
from shared.text import clean

TOLD = ("violence", "victims_total", "danger_now", "injury", "told", "first_action", "help_asked", "verified")
"""The fields that a card tells."""

NUMBERS = (("113", "phone_police"), ("115", "phone_ambulance"), ("111", "phone_children"), ("1900 96 96 80", "phone_women"))
"""National numbers, each with the phrase that says whose it is."""

SHOWN_DONE = 5
"""Of those that were acknowledged, so many stand on the page at first."""

SOON_MS = 6 * 3_600_000

blueprint = Blueprint("incidents", __name__)
blueprints = (blueprint,)

__all__ = ["Card", "Incidents", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One incident: what is known, how long is left, who has taken note; never who the people are."""

    record: str
    url: str
    title: str
    unit: str
    known: str
    hours: int
    left: str
    tone: str
    facts: list[tuple[str, str]]
    arrived: str
    acknowledged: str
    reply: str
    may_answer: bool


@dataclass(frozen=True, kw_only=True)
class Incidents:
    """The page: those that wait, then those that were acknowledged."""

    waiting: list[Card]
    done: list[Card]
    all: bool
    numbers: list[tuple[str, str]]
    new: str


@blueprint.get("/incidents")
def incidents() -> Response:
    """The incidents; ``all=1`` those that were acknowledged too."""
    user, everything = me(), request.args.get("all") == "1"
    found = urgent(user, closed=True)
    waiting, done = [one for one in found if not one.acknowledged_at], [one for one in found if one.acknowledged_at]
    shown = done if everything else done[:SHOWN_DONE]
    answers = units_where(user, "acknowledge")
    new = url_for("writing.new", code=INCIDENT) if units_for_new(user, services().catalogue.types[INCIDENT]) else ""
    numbers = [(number, phrase(code, lang())) for number, code in NUMBERS]
    cards = {one.record: _card(one, may_answer=one.unit in answers) for one in [*waiting, *shown]}
    context = Incidents(
        waiting=[cards[one.record] for one in waiting], done=[cards[one.record] for one in shown],
        all=everything or len(done) <= SHOWN_DONE, numbers=numbers, new=new,
    )  # fmt: skip
    return page("incidents/incidents.html", context)


def _card(one: Incident, *, may_answer: bool) -> Card:
    titles = Titles(me())
    record_type = services().catalogue.types[INCIDENT]
    values: dict[str, Any] = dict(one.values)
    values["victims_total"] = len(values.get("victims") or []) or None
    told = [record_type.fields[code] for code in TOLD if values.get(code) not in (None, "", [])]
    facts = [(one_field.label.get(lang()), value_words(one_field, values[one_field.code], titles)) for one_field in told]
    acknowledged = ""
    if one.acknowledged_at:
        who = f" ({one.acknowledged_by})" if one.acknowledged_by else ""
        acknowledged = _("Cấp trên đã tiếp nhận lúc %(time)s", time=datetime_text(one.acknowledged_at)) + who
    return Card(
        record=one.record, url=url_for("records.record", record=one.record),
        title=value_words(record_type.fields["violence"], values.get("violence"), titles), unit=unit_words(one.unit),
        known=datetime_text(one.known_at) if one.known_at else "–", hours=one.hours, left=left_words(one.left_ms),
        tone="danger" if (one.left_ms or 0) < SOON_MS else "soon", facts=facts[1:],
        arrived=moment_words(one.arrived_ms),
        acknowledged=acknowledged, reply=str(values.get("district_reply") or ""), may_answer=may_answer,
    )  # fmt: skip


@blueprint.post("/records/<record>/acknowledge")
def acknowledge(record: str) -> Response:
    """Take note of an incident for the district, with a reply where one was written."""
    user, held = me(), services()
    opened = open_record(user, record, lang=lang())
    if opened.row.type != INCIDENT:
        raise SenError("not_found")
    values: dict[str, Any] = {}
    if not opened.values.get("district_ack_at"):
        now: datetime = held.clock.now()
        values = {"district_ack_at": now.isoformat(timespec="minutes"), "district_ack_by": user.name}
    reply = clean(request.form.get("reply", "")).strip()
    if reply:
        values["district_reply"] = reply
    if values:
        editing.write_values(user, record, INCIDENT, opened.row.unit, values)
    flash(_("Đã tiếp nhận; đơn vị thấy ngay ở lần đồng bộ tới."))
    return redirect(url_for("incidents.incidents"), 303)
