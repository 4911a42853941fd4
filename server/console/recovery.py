"""«Phục hồi»: what came back after this server was restored from a backup, by which tablet, and what nobody had."""

from dataclasses import dataclass

from flask import Blueprint
from werkzeug.wrappers import Response

from server import db
from server.access import units_visible
from server.console.question import field_of_question
from server.console.shell import me, page
from server.console.values import Titles
from server.console.words import unit_words
from server.language import lang
from server.recovery import Returned, Waiting, lines_missing, returned, waiting
from server.services import services

blueprint = Blueprint("recovery", __name__)
blueprints = (blueprint,)

__all__ = ["Recovery", "ReturnedLine", "WaitingLine", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class ReturnedLine:
    """A tablet that handed something back."""

    device: str
    unit: str
    lines: int
    records: int


@dataclass(frozen=True, kw_only=True)
class WaitingLine:
    """A record with a change that nobody has told again; ``record`` is "" where this person may not open it."""

    record: str
    title: str
    unit: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The page."""

    returned: list[ReturnedLine]
    waiting: list[WaitingLine]
    lines: int
    missing: int


@blueprint.get("/recovery")
def recovery() -> Response:
    """What was recovered, and what waits, in the units that this person sees."""
    user, units = me(), sorted(units_visible(me()))
    with db.reading() as connection:
        came, waits, missing = returned(connection, units), waiting(connection, units), lines_missing(connection)
    titles = Titles(user)
    context = Recovery(
        returned=[_returned(one) for one in came], waiting=[_waiting(one, titles) for one in waits],
        lines=sum(one.lines for one in came), missing=missing,
    )  # fmt: skip
    return page("recovery/recovery.html", context)


def _returned(one: Returned) -> ReturnedLine:
    return ReturnedLine(device=one.device, unit=unit_words(one.unit), lines=one.lines, records=one.records)


def _waiting(one: Waiting, titles: Titles) -> WaitingLine:
    record_type = services().catalogue.all_types[one.type]
    title, field = titles.of(one.type, one.record), field_of_question(record_type, one.path)
    return WaitingLine(
        record=one.record if title else "", title=title or record_type.label.get(lang()), unit=unit_words(one.unit),
        field="" if field is None else field.label.get(lang()),
    )  # fmt: skip
