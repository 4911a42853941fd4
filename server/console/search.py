"""One search over all that a person may read: units by name, records of every type, without case and tone marks."""

from dataclasses import dataclass

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from server.access import units_visible
from server.console.records import Line, lines_of
from server.console.shell import me, page
from server.language import lang
from server.records import counts_by_type
from server.records import search as find
from server.reporting import running_period
from server.services import services
from shared.text import fold

SHOWN = 5
LONGEST = 200

blueprint = Blueprint("search", __name__)
blueprints = (blueprint,)

__all__ = ["Found", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """What was found of one type; ``url`` leads to all of it."""

    label: str
    total: int
    url: str
    lines: list[Line]


@dataclass(frozen=True, kw_only=True)
class Found:
    """The page."""

    text: str
    units: list[tuple[str, str]]
    groups: list[Group]


@blueprint.get("/search")
def search() -> Response:
    """Units and records that have all the words."""
    user, text = me(), request.args.get("q", "").strip()[:LONGEST]
    words = fold(text).split()
    groups, units = [], []
    if words:
        for code in counts_by_type(user):
            found = find(user, code, text=text, lang=lang())
            if found.total:
                label = services().catalogue.all_types[code].label.get(lang())
                url = url_for("records.listing", code=code, q=text)
                groups.append(Group(label=label, total=found.total, url=url, lines=lines_of(user, found.rows[:SHOWN])))
        period = running_period().code
        for unit in services().catalogue.units.ordered(list(units_visible(user))):
            if unit.must_report and all(word in fold(unit.name.vi) for word in words):
                units.append((unit.name.get(lang()), url_for("reports.report", period=period, unit=unit.code)))
    return page("records/search.html", Found(text=text, units=units, groups=sorted(groups, key=lambda one: -one.total)))
