"""Corrections: a figure that a person set right in a report, and what follows from it.

The records stay as they are; the report says what was corrected. Totals and ratios are made again from the corrected parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.figures import KNOWN, Figure, Figures, Number
from shared.indicator_plan import plan_of
from shared.indicators import put_ratios

if TYPE_CHECKING:
    from shared.catalogue import Catalogue


def corrections_of(report: Mapping[str, Any]) -> dict[str, Number]:
    """{indicator code: corrected value} of a periodic report's plain values; the last row of a figure wins."""
    found: dict[str, Number] = {}
    for row in report.get("corrections") or ():
        code, value = row.get("figure"), row.get("value")
        if isinstance(code, str) and isinstance(value, int | float) and not isinstance(value, bool):
            found[code.strip()] = int(value) if value == int(value) else value
    return found


def apply_corrections(
    catalogue: Catalogue, figures: Figures, corrections: Mapping[str, Mapping[str, Number]]
) -> Figures:
    """The figures with the values that units corrected in their reports: {unit: {indicator code: value}}.

    A corrected figure keeps its records but no parts. An unknown code is passed over, as is one that is not a plain count or
    sum (a ratio follows from its parts), or a unit that the figures do not cover.
    """
    indicators = plan_of(catalogue).indicators
    own = {unit: dict(table) for unit, table in figures.own.items()}
    shares = {unit: dict(table) for unit, table in figures.shares.items()}
    totals = dict(figures.totals)
    for unit, values in corrections.items():
        for code, value in values.items():
            indicator = indicators.get(code)
            if indicator is None or not indicator.additive or unit not in own:
                continue
            old, share = own[unit][code], shares[unit][code]
            own[unit][code] = Figure(value=value, status=KNOWN, records=old.records, late=old.late, corrected=True)
            shared = value if share.value is None or not indicator.once else share.value + value - (old.value or 0)
            shares[unit][code] = Figure(value=shared, status=KNOWN, records=share.records, late=share.late, corrected=True)
            known = [part for part in (shares[one][code].value for one in figures.units) if part is not None]
            totals[code] = Figure(value=sum(known), status=KNOWN, records=totals[code].records, late=totals[code].late, corrected=True)
    for table in (totals, *own.values(), *shares.values()):
        put_ratios(indicators.values(), table)
    return Figures(period=figures.period, units=figures.units, totals=totals, own=own, shares=shares)
