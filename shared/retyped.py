"""A value that was written while its field was of another kind, put into the present kind where it can be read so.

What may live here: one row of ``READ`` a kind, each a pure function of the field and a value of another kind. What cannot be
read stays as it was written: it is shown as it stands and asked for again (``validate``). No value in a line or a register is touched.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from shared.field import Field
from shared.kinds import KINDS, has_shape
from shared.labels import raw_text

UNREAD = object()
"""What a row of ``READ`` gives for a value that it cannot read."""

NUMBER = re.compile(r"(-?\d{1,3}(?:\.\d{3})+|-?\d{1,15})(?:,(\d{1,6}))?")
"""«1.234,5» as Vietnam writes it."""

DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
YES_NO = {"có": True, "co": True, "yes": True, "không": False, "khong": False, "no": False}

__all__ = ["in_kind", "is_old_answer"]


def in_kind(field: Field, value: Any) -> Any:
    """A plain value in the present kind of its field; the value itself where it is of that kind, or cannot be read so."""
    if not field.earlier or value is None or not is_data(value):
        return value
    read = READ.get(field.kind)
    was = next((one for one in field.earlier if one.kind != field.kind and has_shape(one, value)), None)
    if read is None or was is None or (_stands(field, value) and was.kind != "choice"):
        return value
    found = read(field, was, value)
    return value if found is UNREAD or KINDS[field.kind].check(field, found) is not None else found


def _stands(field: Field, value: Any) -> bool:
    """Whether a value is one of its field's kind as it is; a text is no choice because it is short."""
    return has_shape(field, value) and (field.kind != "choice" or field.choice(str(value)) is not None)


def is_old_answer(field: Field, value: Any) -> bool:
    """Whether a value cannot be read in its field's kind, but is right in one that the field had before."""
    return not has_shape(field, value) and any(has_shape(one, value) for one in field.earlier)


def is_data(value: Any) -> bool:
    """Whether a value is what JSON holds; a sealed one, which nobody has opened, is not."""
    return isinstance(value, str | int | float | bool | list | dict)


def _text(field: Field, was: Field, value: Any) -> Any:
    """The words of the old answer: a choice's label, «Có», a number as it is written."""
    if was.kind == "choice" and (choice := was.choice(str(value))) is not None:
        return choice.label.vi
    if was.kind == "bool":
        return "Có" if value else "Không"
    if was.kind == "choices":
        return ", ".join(choice.label.vi if (choice := was.choice(code)) else code for code in value)
    if type(value) is float:
        return repr(value).removesuffix(".0").replace(".", ",")
    return UNREAD if isinstance(value, dict | list) else raw_text(value)


def _number(field: Field, was: Field, value: Any) -> Any:
    if type(value) is float:
        return int(value) if value.is_integer() else UNREAD
    found = NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or found[2]:
        return UNREAD
    return int(found[1].replace(".", ""))


def _decimal(field: Field, was: Field, value: Any) -> Any:
    found = NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    return UNREAD if found is None else float(f"{found[1].replace('.', '')}.{found[2] or 0}")


def _date(field: Field, was: Field, value: Any) -> Any:
    if was.kind == "datetime":
        return value[:10]
    found = DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return UNREAD if found is None else date(int(found[3]), int(found[2]), int(found[1])).isoformat()
    except ValueError:
        return UNREAD


def _choice(field: Field, was: Field, value: Any) -> Any:
    """The choice that bears the old answer's words, or its code."""
    words = _text(field, was, value)
    told = {word.casefold(): one.code for one in field.choices for word in (one.code, one.label.vi, one.label.en)}
    return told.get(words.strip().casefold(), UNREAD) if isinstance(words, str) else UNREAD


def _choices(field: Field, was: Field, value: Any) -> Any:
    code = value if field.choice(str(value)) is not None else _choice(field, was, value)
    return UNREAD if code is UNREAD else [code]


def _bool(field: Field, was: Field, value: Any) -> Any:
    return YES_NO.get(value.strip().casefold(), UNREAD) if isinstance(value, str) else UNREAD


READ: dict[str, Callable[[Field, Field, Any], Any]] = {
    "text": _text,
    "long": _text,
    "int": _number,
    "money": _number,
    "decimal": _decimal,
    "date": _date,
    "choice": _choice,
    "choices": _choices,
    "bool": _bool,
}
"""Present kind → how an answer of another kind is read; a kind without a row asks again."""
