"""From what is typed into an input to a plain value, and back: one row a kind.

What may live here: one pair of small functions a kind. What cannot be read stays the text that it is, so that nothing typed is lost
and validation says at its field what is wrong. Numbers are written 1.234,5, dates dd/mm/yyyy, moments dd/mm/yyyy hh:mm.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from server.clock import VIETNAM
from shared.errors import SenError
from shared.field import Field
from shared.labels import number_text
from shared.text import clean

GROUPED = re.compile(r"-?\d{1,3}(?:[.\s\u00a0]\d{3})+")
DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
HOUR = re.compile(r"\b(\d{1,2})[:hg](\d{2})\b")
MOST_DIGITS = 17

__all__ = ["INPUTS", "Input", "day_typed", "read_one", "text_of"]


def day_typed(typed: str) -> date | None:
    """A day typed as dd/mm/yyyy outside a record's form; None where nothing was typed. Raises SenError("not_a_date")."""
    if not typed.strip():
        return None
    found = DAY.fullmatch(typed.strip())
    if found is None:
        raise SenError("not_a_date")
    try:
        return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError as error:
        raise SenError("not_a_date") from error


class Input(NamedTuple):
    """How a kind is read from the texts that a form sent under one name, and written into an input."""

    read: Callable[[Field, Sequence[str]], Any]
    text: Callable[[Field, Any], str]


def _first(texts: Sequence[str]) -> str:
    return texts[0].strip() if texts else ""


def _text(one: Field, texts: Sequence[str]) -> Any:
    return clean(texts[0]).strip() or None if texts else None


def _whole(one: Field, texts: Sequence[str]) -> Any:
    typed = _first(texts)
    bare = re.sub(r"[.\s\u00a0]", "", typed) if GROUPED.fullmatch(typed) else typed
    if re.fullmatch(r"-?\d+", bare) and bare.isascii() and len(bare) <= MOST_DIGITS:
        return int(bare)
    return typed or None


def _decimal(one: Field, texts: Sequence[str]) -> Any:
    typed = _first(texts)
    whole, comma, rest = typed.partition(",")
    if GROUPED.fullmatch(whole):
        whole = re.sub(r"[.\s\u00a0]", "", whole)
    bare = f"{whole}.{rest}" if comma else whole
    if re.fullmatch(r"-?\d+(\.\d+)?", bare) and bare.isascii() and len(bare) <= MOST_DIGITS:
        value = float(bare)
        return int(value) if value.is_integer() else value
    return typed or None


def _day_in(typed: str) -> date | None:
    if found := DAY.search(typed):
        day, month, year = (int(part) for part in found.groups())
    elif found := ISO_DAY.search(typed):
        year, month, day = (int(part) for part in found.groups())
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _date(one: Field, texts: Sequence[str]) -> Any:
    typed = _first(texts)
    day = _day_in(typed) if DAY.fullmatch(typed) or ISO_DAY.fullmatch(typed) else None
    return typed or None if day is None else day.isoformat()


def _datetime(one: Field, texts: Sequence[str]) -> Any:
    typed = _first(texts)
    day, hour = _day_in(typed), HOUR.search(typed)
    if day is None or hour is None or int(hour[1]) > 23 or int(hour[2]) > 59:
        return typed or None
    return f"{day.isoformat()}T{int(hour[1]):02}:{hour[2]}+07:00"


def _bool(one: Field, texts: Sequence[str]) -> Any:
    return {"1": True, "0": False}.get(_first(texts))


def _codes(one: Field, texts: Sequence[str]) -> Any:
    return sorted({text for text in texts if text}) or None


def _geo(one: Field, texts: Sequence[str]) -> Any:
    typed = _first(texts)
    parts = [part for part in re.split(r"[;\s]+|,\s+|,(?=\s*-?\d+\.)", typed) if part]
    try:
        return [float(part.replace(",", ".")) for part in parts] if len(parts) == 2 else typed or None
    except ValueError:
        return typed


def _files(one: Field, texts: Sequence[str]) -> Any:
    """The files that were there and are kept, each as it stood in the page; new ones come beside (``attachments``)."""
    kept = []
    for text in texts:
        try:
            kept.append(json.loads(text))
        except ValueError:
            continue
    return [item for item in kept if isinstance(item, dict) and "sha256" in item] or None


def _plain(one: Field, value: Any) -> str:
    return str(value)


def _number_text(one: Field, value: Any) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, int) and abs(value) < 10_000 else number_text(value, None)


def _decimal_text(one: Field, value: Any) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    return f"{value:.10f}".rstrip("0").rstrip(".").replace(".", ",") if isinstance(value, float) else str(value)


def _date_text(one: Field, value: Any) -> str:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{day:%d/%m}/{day.year:04}"


def _datetime_text(one: Field, value: Any) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return str(value)
    moment = moment.astimezone(VIETNAM) if moment.tzinfo else moment
    return f"{moment:%d/%m}/{moment.year:04} {moment:%H:%M}"


def _bool_text(one: Field, value: Any) -> str:
    return "1" if value is True else "0" if value is False else ""


def _geo_text(one: Field, value: Any) -> str:
    return ", ".join(f"{part:.7f}".rstrip("0").rstrip(".") for part in value) if isinstance(value, list) else str(value)


_TEXT = Input(_text, _plain)
_CODE = Input(_text, _plain)

INPUTS: Mapping[str, Input] = {
    "text": _TEXT, "long": _TEXT, "url": _TEXT, "int": Input(_whole, _number_text), "money": Input(_whole, _number_text),
    "decimal": Input(_decimal, _decimal_text), "date": Input(_date, _date_text), "datetime": Input(_datetime, _datetime_text),
    "choice": _CODE, "choices": Input(_codes, _plain), "bool": Input(_bool, _bool_text), "unit": _CODE, "ref": _CODE, "period": _CODE,
    "geo": Input(_geo, _geo_text), "files": Input(_files, _plain), "photos": Input(_files, _plain),
}  # fmt: skip
"""Every kind that is typed; rows are made of these, a workflow is moved by its own buttons, figures are computed."""


def read_one(one: Field, texts: Sequence[str]) -> Any:
    """The plain value of what was typed; None for nothing."""
    return INPUTS[one.kind].read(one, texts)


def text_of(one: Field, value: Any) -> str:
    """A value as an input shows it."""
    return "" if value is None else INPUTS[one.kind].text(one, value)
