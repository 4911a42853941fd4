"""The table of field kinds: for each, its marshmallow field, the check on the wire, its merge policies and its widget.

What may live here: one row a kind, and the small checks that the rows name. A check takes the field and a plain value and gives the code
of what is wrong, or None; it is on the way of every line of a push, so it is quick and makes no objects.
"""

from collections.abc import Callable
from datetime import date, datetime
from math import isfinite
from typing import Any, NamedTuple

import marshmallow.fields as wire

from shared.field import Field
from shared.ids import RECORD_ID

LARGEST_INT = 2**53 - 1
"""Integers beyond this lose digits in other languages' JSON."""

LONGEST = {"text": 1_000, "url": 2_000, "long": 20_000}
"""The most characters of a kind where the field says nothing."""

__all__ = ["KINDS", "Kind", "check_value"]


def _text(field: Field, value: Any) -> str | None:
    if type(value) is not str:
        return "wrong_kind"
    return "too_long" if len(value) > (field.max_length or LONGEST.get(field.kind, 200)) else None


def _whole(field: Field, value: Any) -> str | None:
    if type(value) is not int or not -LARGEST_INT <= value <= LARGEST_INT:
        return "wrong_kind"
    return None


def _decimal(field: Field, value: Any) -> str | None:
    return None if type(value) in (int, float) and isfinite(value) else "wrong_kind"


def _date(field: Field, value: Any) -> str | None:
    if type(value) is not str or len(value) != 10:
        return "not_a_date"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "not_a_date"
    return None


def _datetime(field: Field, value: Any) -> str | None:
    try:
        return None if type(value) is str and datetime.fromisoformat(value).tzinfo is not None else "not_a_date"
    except ValueError:
        return "not_a_date"


def _bool(field: Field, value: Any) -> str | None:
    return None if type(value) is bool else "wrong_kind"


def _code(field: Field, value: Any) -> str | None:
    """A code of a list: whether it is in the list is judged when the record is submitted, never on the wire."""
    return None if type(value) is str and 0 < len(value) <= 80 else "wrong_kind"


def _ref(field: Field, value: Any) -> str | None:
    return None if type(value) is str and RECORD_ID.fullmatch(value) else "wrong_kind"


def _geo(field: Field, value: Any) -> str | None:
    pair = type(value) is list and len(value) == 2 and all(type(part) in (int, float) and isfinite(part) for part in value)
    return None if pair and abs(value[0]) <= 90 and abs(value[1]) <= 180 else "wrong_kind"


def _list(field: Field, value: Any) -> str | None:
    return None if type(value) is list else "wrong_kind"


def _object(field: Field, value: Any) -> str | None:
    return None if type(value) is dict else "wrong_kind"


class Kind(NamedTuple):
    """One kind of field.

    ``merges`` are its merge policies, the default first; ``widget`` is the name of its widget on the tablet and on the console.
    """

    wire: Callable[..., wire.Field]
    check: Callable[[Field, Any], str | None]
    merges: tuple[str, ...]
    widget: str
    sealable: bool = True


ASKED = ("ask", "latest")

KINDS: dict[str, Kind] = {
    "text": Kind(wire.String, _text, ASKED, "text"),
    "long": Kind(wire.String, _text, ("text", "ask", "latest"), "long"),
    "int": Kind(wire.Integer, _whole, ASKED, "number"),
    "money": Kind(wire.Integer, _whole, ASKED, "money"),
    "decimal": Kind(wire.Float, _decimal, ASKED, "decimal"),
    "date": Kind(wire.String, _date, ASKED, "date"),
    "datetime": Kind(wire.String, _datetime, ASKED, "datetime"),
    "choice": Kind(wire.String, _code, ASKED, "choice"),
    "choices": Kind(wire.Raw, _list, ("union",), "choices", sealable=False),
    "bool": Kind(wire.Boolean, _bool, ASKED, "bool"),
    "unit": Kind(wire.String, _code, ASKED, "unit"),
    "ref": Kind(wire.String, _ref, ASKED, "ref"),
    "period": Kind(wire.String, _code, ASKED, "period"),
    "rows": Kind(wire.Raw, _list, ("rows",), "rows"),
    "geo": Kind(wire.Raw, _geo, ASKED, "geo"),
    "photos": Kind(wire.Raw, _list, ("union",), "photos"),
    "files": Kind(wire.Raw, _list, ("union",), "files"),
    "url": Kind(wire.String, _text, ASKED, "url"),
    "flow": Kind(wire.String, _code, ("flow",), "flow"),
    "figures": Kind(wire.Raw, _object, ("latest", "ask"), "figures"),
}
"""Every kind of field that a record type may use."""


def check_value(field: Field, value: Any) -> str | None:
    """Check a plain value's kind and limits of size; gives the code of what is wrong, or None.

    Ranges, choices and rules are not judged here: a draft may break them, and nothing is refused for its content.
    """
    return KINDS[field.kind].check(field, value)
