"""What may be chosen in a field: choices of the record's own date, units near the officer's, periods, records.

Pure; a text narrows the offers without tone marks, the whole of its words anywhere in the offer's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shared.catalogue import Catalogue
from shared.field import Field
from shared.labels import phrase
from shared.text import fold

__all__ = ["Offer", "Offers"]

PERIOD_YEARS: Final = 3
"""Periods of this many years back are offered, and those of the next year."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One thing that may be chosen: its stored value, the words for it, and a quieter line below them.

    Folded ones are found by search only.
    """

    value: Any
    words: str
    below: str = ""
    folded: bool = False


class Offers:
    """Gives the offers of a field; ``records`` finds records of a type by a text as (id, title, line below)."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        language: str,
        unit: str,
        today: date,
        records: Callable[[str, str], Iterable[tuple[str, str, str]]],
    ) -> None:
        self._catalogue, self._language, self._unit, self._today = catalogue, language, unit, today
        self._records = records

    def of(self, field: Field, *, day: date | None, text: str = "") -> list[Offer]:
        """Give what a field offers in a record of this day, narrowed by a text."""
        if field.kind == "ref":
            found = self._records(field.ref or "", text)
            return [Offer(value=record, words=title, below=below) for record, title, below in found]
        maker = _MAKERS.get(field.kind)
        offers = maker(self, field, day) if maker else []
        return narrowed(offers, text)

    def _choices(self, field: Field, day: date | None) -> list[Offer]:
        valid = [choice for choice in field.choices if choice.valid_on(day)]
        valid.sort(key=lambda choice: choice.folded)
        return [Offer(value=c.code, words=c.label.get(self._language), folded=c.folded) for c in valid]

    def _bools(self, field: Field, day: date | None) -> list[Offer]:
        words = {True: "mobile.field.yes", False: "mobile.field.no"}
        return [Offer(value=value, words=phrase(code, self._language)) for value, code in words.items()]

    def _units(self, field: Field, day: date | None) -> list[Offer]:
        """The own unit, those below it, then the others in administrative order."""
        units = self._catalogue.units
        near = [unit.code for unit in units.subtree(self._unit)] if self._unit in units else []
        others = [unit.code for unit in units.ordered() if unit.code not in set(near)]
        offers = []
        for code in [*near, *others]:
            unit = units[code]
            if field.unit_kinds and unit.kind not in field.unit_kinds:
                continue
            if not unit.exists_on(day or self._today):
                continue
            above = units[unit.parent].name.get(self._language) if unit.parent else ""
            offers.append(Offer(value=code, words=unit.name.get(self._language), below=above))
        return offers

    def _periods(self, field: Field, day: date | None) -> list[Offer]:
        """Periods whose end is nearest to today first."""
        periods, found = self._catalogue.periods, []
        for year in range(self._today.year - PERIOD_YEARS, self._today.year + 2):
            for code in periods.pattern:
                found.append(periods.make(code, year))
        found.sort(key=lambda period: (abs((period.ends - self._today).days), period.code))
        return [Offer(value=period.code, words=period.label.get(self._language)) for period in found]


def narrowed(offers: Sequence[Offer], text: str) -> list[Offer]:
    """Keep the offers in whose words every word of a text is found, tone marks aside."""
    wanted = fold(text).split()
    if not wanted:
        return list(offers)
    return [offer for offer in offers if all(word in fold(f"{offer.words} {offer.below}") for word in wanted)]


_MAKERS: Final[dict[str, Callable[[Offers, Field, date | None], list[Offer]]]] = {
    "choice": Offers._choices,
    "choices": Offers._choices,
    "bool": Offers._bools,
    "unit": Offers._units,
    "period": Offers._periods,
}
