"""What may be passed on of a record, and the figures that this server itself makes for the level above.

Figures go as the consolidated report shows them: whole over the district, the communes' small counts of cases hidden with second
cells, and never with the ids of the records behind them.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any, NamedTuple

from server import reporting
from server.clock import VIETNAM
from server.services import services
from shared.catalogue import Catalogue
from shared.figures import BLANK, BLANK_FIGURE, Figure, Figures, is_frozen
from shared.indicator import Indicator
from shared.indicator_plan import plan_of
from shared.periods import Period
from shared.suppression import suppress
from shared.upward import Passed

CONSOLIDATED = "consolidated_figures"

__all__ = ["CONSOLIDATED", "Made", "consolidated", "may_pass", "passable"]


class Made(NamedTuple):
    """A record that this server makes for the level above: its id follows from what it is about, so that it is never made twice."""

    record: str
    unit: str
    values: Mapping[str, Any]


def may_pass(catalogue: Catalogue, passed: Passed, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a record that go up. Raises KeyError for a field that the catalogue does not have."""
    fields = catalogue.types[passed.type].fields
    told = {code: values[code] for code in passed.up if code in values}
    if told.get("state") not in (None, *passed.moves):
        told["state"] = passed.moves[-1]
    return {code: passable(catalogue, value) if fields[code].kind == "figures" else value for code, value in told.items()}


def passable(catalogue: Catalogue, raw: Any) -> Any:
    """Frozen figures as they may be passed on; None where they cannot be read."""
    if not is_frozen(raw):
        return None
    figures = Figures.from_plain(raw)
    if not figures.record_ids():  # a consolidated report froze values alone; what is hidden beside them is judged by the records of now
        period = services().catalogue.periods.get(figures.period)
        figures = figures.with_records_of(reporting.figures_of(figures.units, period))
    return _hidden(catalogue, figures).plain(records=False)


def _hidden(catalogue: Catalogue, figures: Figures) -> Figures:
    return suppress(figures, plan_of(catalogue).indicators, totals_shown=True)


def consolidated(district: str, period: Period) -> list[Made]:
    """The figures of a period now, over the district and of each of its units, as records."""
    catalogue = services().catalogue
    units = reporting.reporting_units(district, period)
    figures = _hidden(catalogue, reporting.figures_of(units, period))
    tables = [(district, figures.totals), *((unit, figures.own.get(unit, {})) for unit in units)]
    made = []
    for unit, table in tables:
        rows = [row for code, one in plan_of(catalogue).indicators.items() for row in _rows(one, table.get(code, BLANK_FIGURE))]
        if rows:
            made.append(Made(_id(district, unit, period), unit, {"period": period.code, "figures": rows}))
    return made


def _rows(indicator: Indicator, figure: Figure) -> Iterator[dict[str, Any]]:
    """A figure and its parts, each a row whose id is its reference; blank ones are left out."""
    label = indicator.label.get("vi", indicator.code)
    parts = [(indicator.code, label, figure)]
    for name in sorted(figure.by):
        parts += [(f"{indicator.code}.{name}.{code}", f"{label}: {code}", figure.by[name][code]) for code in sorted(figure.by[name])]
    for reference, name, one in parts:
        if one.status != BLANK:
            row = {"id": reference, "figure": reference, "name": name, "shown": one.status, "measure": indicator.unit.get("vi", "")}
            yield row if one.value is None else row | {"value": one.value}


def _id(district: str, unit: str, period: Period) -> str:
    """A UUIDv7 of the period's first day whose other bits follow from what the record is about."""
    began = datetime.combine(period.starts, time(), VIETNAM)
    digest = hashlib.sha256(f"sen-upward/1\0{district}\0{unit}\0{period.code}".encode()).digest()
    number = (int(began.timestamp() * 1000) << 80) | int.from_bytes(digest[:10], "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=number))
