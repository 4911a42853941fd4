"""A value of a field in words, as a person reads it: «28/05/2022 · thứ Bảy», «1.234», «Có», a choice's label.

Pure. «–» is unknown; a sealed value that this officer may not open is said to be so, never shown.
"""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from shared.catalogue import Catalogue
from shared.field import Field
from shared.kinds import has_shape
from shared.labels import date_text, number_text, phrase, raw_text, weekday_text

__all__ = ["UNKNOWN", "value_text"]

UNKNOWN: Final = "–"

_Words = Callable[[Field, Any, Catalogue, str], str]


def value_text(
    field: Field, value: Any, *, catalogue: Catalogue, language: str, title_of: Callable[[str], str] | None = None
) -> str:
    """Write a plain value of a field; ``title_of`` gives the title of a record by its id."""
    if value is None or value == [] or value == "":
        return UNKNOWN
    if type(value).__name__ == "Sealed":
        return phrase("mobile.value.sealed", language)
    if field.kind == "ref" and isinstance(value, str):
        return title_of(value) if title_of else UNKNOWN
    if not has_shape(field, value):
        return raw_text(value)
    words = _WORDS.get(field.kind)
    return words(field, value, catalogue, language) if words else str(value)


def _number(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    """Thousands are parted, but not in a year: a whole number that lies between 1000 and 9999 by its field's limits."""
    is_year = field.kind == "int" and (field.minimum or 0) >= 1000 and (field.maximum or 0) <= 9999
    return str(value) if is_year else number_text(value)


def _money(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return f"{number_text(value)} đồng"


def _date(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return f"{date_text(value)} · {weekday_text(date.fromisoformat(value[:10]), language)}"


def _datetime(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return f"{value[11:16]} {_date(field, value, catalogue, language)}"


def _choice(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    choice = field.choice(value)
    return choice.label.get(language) if choice else str(value)


def _choices(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return ", ".join(_choice(field, code, catalogue, language) for code in value)


def _bool(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return phrase("mobile.field.yes" if value else "mobile.field.no", language)


def _unit(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    unit = catalogue.units.get(value)
    return unit.name.get(language) if unit else str(value)


def _period(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    try:
        return catalogue.periods.get(value).label.get(language)
    except KeyError:
        return str(value)


def _flow(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    label = catalogue.flows[field.flow or ""].states.get(value)
    return label.get(language) if label else str(value)


def _rows(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return phrase("mobile.value.rows", language, count=len(value))


def _files(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return ", ".join(str(item.get("name", UNKNOWN)) for item in value)


def _geo(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return f"{value[0]:.5f}; {value[1]:.5f}".replace(".", ",")


def _figures(field: Field, value: Any, catalogue: Catalogue, language: str) -> str:
    return phrase("mobile.value.figures", language, count=len(value))


_WORDS: Final[dict[str, _Words]] = {
    "int": _number,
    "decimal": _number,
    "money": _money,
    "date": _date,
    "datetime": _datetime,
    "choice": _choice,
    "choices": _choices,
    "bool": _bool,
    "unit": _unit,
    "period": _period,
    "flow": _flow,
    "rows": _rows,
    "files": _files,
    "photos": _files,
    "geo": _geo,
    "figures": _figures,
}
