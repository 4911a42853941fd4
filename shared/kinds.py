"""The table of field kinds: for each, its marshmallow field, the check on the wire, its merge policies and its widget.

What may live here: one row a kind, and the small checks that the rows name. A check takes the field and a plain value and gives the code
of what is wrong, or None; it is on the way of every line of a push, so it is quick and makes no objects. Ranges, choices and rules are
not judged here (``validate`` does): a draft may break them, and nothing is refused for its content.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple

import marshmallow.fields as wire

from shared.field import Field
from shared.figures import is_frozen
from shared.ids import RECORD_ID
from shared.text import UNFIT

LARGEST_INT = 2**53 - 1
"""Integers beyond this lose digits in other languages' JSON."""

LARGEST_DECIMAL = 1e15

LONGEST = {"text": 1_000, "url": 2_000, "long": 20_000}
"""The most characters of a kind where the field says nothing."""

TEXTS = frozenset({"text", "long"})

MOST_ITEMS = 500
"""The most codes, files or rows in one field."""

WEB_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)

FILE_MEMBERS = (("name", str), ("size", int), ("mime", str))

MISSHAPEN = frozenset({"wrong_kind", "not_a_date"})
"""What a check says of a value that cannot be put in its kind's words."""

__all__ = [
    "KINDS", "LARGEST_INT", "LONGEST", "MOST_ITEMS", "Check", "Kind", "check_value", "compiled_check", "has_shape", "is_file", "longest",
]  # fmt: skip


def longest(field: Field) -> int:
    """The most characters that a field of text may hold."""
    return field.max_length or LONGEST.get(field.kind, 200)


def _text(field: Field, value: Any) -> str | None:
    if type(value) is not str:
        return "wrong_kind"
    if not value.isprintable() and UNFIT.search(value):
        return "bad_text"
    return "too_long" if len(value) > (field.max_length or LONGEST.get(field.kind, 200)) else None


def _url(field: Field, value: Any) -> str | None:
    wrong = _text(field, value)
    if wrong is not None or value == "":
        return wrong
    return None if WEB_ADDRESS.fullmatch(value) else "not_a_url"


def _whole(field: Field, value: Any) -> str | None:
    if type(value) is not int or not -LARGEST_INT <= value <= LARGEST_INT:
        return "wrong_kind"
    return None


def _decimal(field: Field, value: Any) -> str | None:
    """NaN and infinities fail the comparison."""
    return None if type(value) in (int, float) and -LARGEST_DECIMAL <= value <= LARGEST_DECIMAL else "wrong_kind"


def _date(field: Field, value: Any) -> str | None:
    """``YYYY-MM-DD`` and no other spelling of ISO 8601."""
    if type(value) is not str or len(value) != 10 or value[4] != "-" or value[7] != "-":
        return "not_a_date"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "not_a_date"
    return None


def _datetime(field: Field, value: Any) -> str | None:
    """``YYYY-MM-DDTHH:MM+07:00``, seconds where they are known."""
    if type(value) is not str or not 22 <= len(value) <= 32 or value[10] != "T" or _date(field, value[:10]):
        return "not_a_date"
    try:
        return None if datetime.fromisoformat(value).tzinfo is not None else "not_a_date"
    except ValueError:
        return "not_a_date"


def _bool(field: Field, value: Any) -> str | None:
    return None if type(value) is bool else "wrong_kind"


def _code(field: Field, value: Any) -> str | None:
    """A code of a list: whether it is in the list is judged when the record is submitted, never on the wire."""
    return None if type(value) is str and 0 < len(value) <= 80 and value.isprintable() else "wrong_kind"


def _ref(field: Field, value: Any) -> str | None:
    return None if type(value) is str and RECORD_ID.fullmatch(value) else "wrong_kind"


def _geo(field: Field, value: Any) -> str | None:
    if type(value) is not list or len(value) != 2 or not all(type(part) in (int, float) for part in value):
        return "wrong_kind"
    return None if -90 <= value[0] <= 90 and -180 <= value[1] <= 180 else "wrong_kind"


def _codes(field: Field, value: Any) -> str | None:
    if type(value) is not list or any(_code(field, code) for code in value):
        return "wrong_kind"
    return "too_many" if len(value) > MOST_ITEMS else "twice" if len(set(value)) != len(value) else None


def _items(field: Field, value: Any, key: str) -> str | None:
    if type(value) is not list or not all(type(item) is dict and type(item.get(key)) is str and 0 < len(item[key]) <= 80 for item in value):
        return "wrong_kind"
    return "too_many" if len(value) > MOST_ITEMS else "twice" if len({item[key] for item in value}) != len(value) else None


def _files(field: Field, value: Any) -> str | None:
    return _items(field, value, "sha256")


def _rows(field: Field, value: Any) -> str | None:
    return _items(field, value, "id")


def _figures(field: Field, value: Any) -> str | None:
    """What ``Figures.plain`` writes: reports of all units are computed from what one unit froze."""
    return None if value == {} or is_frozen(value) else "wrong_kind"


class Kind(NamedTuple):
    """One kind of field.

    ``wire`` is its marshmallow field, by which the API documents itself; ``merges`` are its merge policies, the default first; ``widget``
    is the name of its widget on the tablet and on the console; ``sealable`` says whether it may be confidential.
    """

    wire: type[wire.Field[Any]]
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
    "choices": Kind(wire.Raw, _codes, ("union",), "choices", sealable=False),
    "bool": Kind(wire.Boolean, _bool, ASKED, "bool"),
    "unit": Kind(wire.String, _code, ASKED, "unit"),
    "ref": Kind(wire.String, _ref, ASKED, "ref"),
    "period": Kind(wire.String, _code, ASKED, "period"),
    "rows": Kind(wire.Raw, _rows, ("rows",), "rows"),
    "geo": Kind(wire.Raw, _geo, ASKED, "geo"),
    "photos": Kind(wire.Raw, _files, ("union",), "photos"),
    "files": Kind(wire.Raw, _files, ("union",), "files"),
    "url": Kind(wire.String, _url, ASKED, "url"),
    "flow": Kind(wire.String, _code, ("flow",), "flow"),
    "figures": Kind(wire.Raw, _figures, ("latest", "ask"), "figures"),
}
"""Every kind of field that a record type may use."""


def check_value(field: Field, value: Any) -> str | None:
    """Check a plain value's kind and limits of size; gives the code of what is wrong, or None."""
    return KINDS[field.kind].check(field, value)


Check = Callable[[Any], str | None]
"""The check of one field: takes a plain value, gives the code of what is wrong, or None."""


def compiled_check(field: Field) -> Check:
    """``check_value`` of one field, made once for a page of lines: what most values are is seen without asking the field again."""
    if field.kind in TEXTS:
        most = longest(field)

        def text(value: Any) -> str | None:
            return None if type(value) is str and len(value) <= most and value.isprintable() else _text(field, value)

        return text
    return partial(KINDS[field.kind].check, field)


def has_shape(field: Field, value: Any) -> bool:
    """Whether a value can be put in the words of its field's kind.

    Not so what was set aside for its kind, what a hostile device sealed, what was written when the field had another kind: whoever shows
    one writes it as it stands (``labels.raw_text``).
    """
    return KINDS[field.kind].check(field, value) not in MISSHAPEN


def is_file(value: Any) -> bool:
    """What stands at a file of a set: ``{"name", "size", "mime"}`` and nothing nested."""
    return type(value) is dict and all(type(value.get(name)) is kind for name, kind in FILE_MEMBERS) and len(value) <= len(FILE_MEMBERS)
