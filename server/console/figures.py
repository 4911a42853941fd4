"""The records behind a figure: every number on a page leads here."""

from dataclasses import dataclass

from flask import Blueprint, request
from werkzeug.wrappers import Response

from server.access import units_visible
from server.console.records import Line, lines_of
from server.console.shell import district_of, me, page
from server.console.words import unit_words
from server.language import lang
from server.records import PAGE_ROWS, search
from server.reporting import figures_of, reporting_units
from server.services import services
from shared.errors import SenError
from shared.figure_text import figure_text
from shared.indicator_plan import plan_of

blueprint = Blueprint("figures", __name__)
blueprints = (blueprint,)

__all__ = ["FigurePage", "blueprints"]


@dataclass(frozen=True, kw_only=True)
class FigurePage:
    """The page: the figure in words and the records that it counts; ``more`` are those behind the shown ones."""

    label: str
    value: str
    measure: str
    period: str
    unit: str
    lines: list[Line]
    more: int


@blueprint.get("/figures/<period>/<code>")
def records(period: str, code: str) -> Response:
    """The records that a figure counts (``unit``: of that unit alone)."""
    user, catalogue = me(), services().catalogue
    indicator = plan_of(catalogue).indicators.get(code)
    unit = request.args.get("unit", "")
    if indicator is None or not catalogue.periods.knows(period) or (unit and unit not in units_visible(user)):
        raise SenError("not_found")
    chosen = catalogue.periods.get(period)
    visible = units_visible(user)
    units = [unit] if unit else [one for one in reporting_units(district_of(user), chosen) if one in visible]
    figures = figures_of(units, chosen)
    shown = figures_of(units, chosen, published=True) if indicator.cases else figures
    figure, printed = figures.of(code, unit or None), shown.of(code, unit or None)
    ids = figure.records
    named = indicator.type or (plan_of(catalogue).indicators[indicator.num].type if indicator.num else "")
    rows = search(user, named, ids=ids, lang=lang()).rows if ids and named else []
    context = FigurePage(
        label=indicator.label.get(lang(), indicator.label["vi"]), value=figure_text(printed, indicator, lang=lang()),
        measure=indicator.unit.get(lang(), ""), period=chosen.label.get(lang()), unit=unit_words(unit) if unit else "",
        lines=lines_of(user, rows), more=max(0, len(ids) - PAGE_ROWS),
    )  # fmt: skip
    return page("records/figure.html", context)
