"""What can be chosen in an input: a list's choices, units, periods, records that another record names. One row a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.language import lang
from server.records import search
from shared.field import Field

if TYPE_CHECKING:
    from server.console.form import FormMaker

YEARS_BACK = 3

__all__ = ["Option", "options_of"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing that can be chosen."""

    code: str
    words: str
    chosen: bool


def options_of(one: Field, value: Any, form: FormMaker) -> list[Option]:
    """What an input offers, what stands in it always among it; empty for what is typed."""
    offer = _OFFERS.get(one.kind)
    if offer is None:
        return []
    chosen = [str(code) for code in value] if isinstance(value, list) else [] if value is None else [str(value)]
    found = dict(offer(one, form))
    for code in chosen:
        if code not in found:
            known = one.choice(code)
            found[code] = known.label.get(lang()) if known else form.titles.of(one.ref or "", code) or code
    return [Option(code=code, words=words, chosen=code in chosen) for code, words in found.items()]


def _choices(one: Field, form: FormMaker) -> Iterator[tuple[str, str]]:
    """Those in force on the record's day, the folded ones last."""
    for choice in sorted(one.choices, key=lambda choice: choice.folded):
        if choice.valid_on(form.day):
            yield choice.code, choice.label.get(lang())


def _units(one: Field, form: FormMaker) -> Iterator[tuple[str, str]]:
    """The record's unit with what is below it, then the others in administrative order."""
    units = form.catalogue.units
    own = units.subtree(form.unit) if form.unit in units else []
    for unit in [*own[1:], *own[:1], *units.ordered()]:
        if unit.exists_on(form.day or form.today):
            yield unit.code, unit.name.get(lang())


def _periods(one: Field, form: FormMaker) -> Iterator[tuple[str, str]]:
    periods = form.catalogue.periods
    for year in range(form.today.year + 1, form.today.year - YEARS_BACK, -1):
        for pattern in periods.pattern:
            code = f"{year}-{pattern}"
            if periods.knows(code) and periods.get(code).starts <= form.today:
                yield code, periods.get(code).label.get(lang())


def _records(one: Field, form: FormMaker) -> Iterator[tuple[str, str]]:
    """The latest records of the type that it names, of the record's own unit first."""
    for unit in (form.unit, None):
        for row in search(form.user, one.ref or "", unit=unit, lang=lang()).rows:
            yield row.id, " · ".join([row.title, *([row.when] if row.when else [])])


_OFFERS: Mapping[str, Callable[[Field, FormMaker], Iterator[tuple[str, str]]]] = {
    "choice": _choices, "choices": _choices, "unit": _units, "period": _periods, "ref": _records,
}  # fmt: skip
