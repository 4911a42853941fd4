"""The tree of units as it stands in the catalogue: who reports, from when to when, how many people and tablets there are."""

from collections import Counter
from dataclasses import dataclass

from flask import Blueprint
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from server import db
from server.access import units_where
from server.console.shell import me, page
from server.language import lang
from server.people import Device, RoleHeld
from server.services import services
from shared.labels import date_text
from shared.units import Unit

blueprint = Blueprint("units", __name__)
blueprints = (blueprint,)

__all__ = ["UnitLine", "Units", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class UnitLine:
    """One unit; ``level`` indents it."""

    name: str
    code: str
    level: int
    days: str
    reports: bool
    people: int
    tablets: int
    demo: bool


@dataclass(frozen=True, kw_only=True)
class Units:
    """The page; ``version`` is the catalogue's."""

    units: list[UnitLine]
    version: str


@blueprint.get("/admin/units")
def units() -> Response:
    """The units that this administrator administers."""
    held, session = services(), db.db.session
    today, tree = held.clock.today(), held.catalogue.units
    reach = units_where(me(), "administer")
    people: Counter[str] = Counter()
    for role in session.scalars(select(RoleHeld)):
        people[role.unit] += role.held_on(today)
    alive = select(Device.unit, func.count()).where(Device.revoked_ms.is_(None)).group_by(Device.unit)
    tablets = {row[0]: row[1] for row in session.execute(alive)}
    lines = [_line(unit, people[unit.code], tablets.get(unit.code, 0)) for unit in tree.ordered(list(reach))]
    return page("admin/units.html", Units(units=lines, version=held.catalogue.version))


def _line(unit: Unit, people: int, tablets: int) -> UnitLine:
    tree = services().catalogue.units
    ends = [date_text(day) if day else "" for day in (unit.starts, unit.ends)]
    days = " – ".join(ends) if any(ends) else ""
    return UnitLine(
        name=unit.name.get(lang()), code=unit.code, level=min(5, len(tree.ancestors(unit.code))), days=days, reports=unit.must_report,
        people=people, tablets=tablets, demo=unit.demo,
    )  # fmt: skip
