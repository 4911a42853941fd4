"""What a list says of a record: its title, its day or year, its telling figure. Never anything confidential."""

from collections.abc import Iterable, Mapping
from typing import Any

from server.services import services
from shared.catalogue import RecordType
from shared.field import Field
from shared.kinds import has_shape
from shared.labels import date_text, raw_text
from shared.validate import complete
from sync.view import Sealed

LONGEST = 160
"""Letters of a title; what follows stands in the record."""

__all__ = ["figure_of", "ids_named", "title_of", "when_of"]


def _named_by(record_type: RecordType, values: Mapping[str, Any]) -> str | None:
    """The id of the record whose title this one bears («the check of a model»); None where it has words of its own."""
    one = record_type.fields.get(record_type.title or "")
    value = values.get(one.code) if one is not None and one.kind == "ref" else None
    return str(value) if value and not isinstance(value, Sealed) else None


def title_of(record_type: RecordType, values: Mapping[str, Any], lang: str = "vi", named: Mapping[str, str] | None = None) -> str:
    """What a list calls a record: its title field in words, or its type.

    Args:
        named: titles of records that others name, by id; one that is not in it (not there, not readable) is not told.
    """
    one = record_type.fields.get(record_type.title or "")
    if record_type.title == "kind" and values.get("period"):
        one = record_type.fields["period"]
    value = None if one is None else values.get(one.code)
    if one is None or one.confidential or value in (None, "", []) or isinstance(value, Sealed):
        return record_type.label.get(lang)
    if not has_shape(one, value):
        words = raw_text(value)
    elif one.kind in ("int", "date"):
        words = f"{one.label.get(lang)} {_words(one, value, lang)}"
    elif one.kind == "ref":
        words = (named or {}).get(str(value), "")
    else:
        words = ", ".join(_words(one, item, lang) for item in (value if isinstance(value, list) else [value]))
    lines = words.strip().splitlines()
    return lines[0][:LONGEST] if lines else record_type.label.get(lang)


def _words(one: Field, value: Any, lang: str) -> str:
    held = services().catalogue
    if one.kind in ("choice", "choices"):
        known = one.choice(str(value))
        return str(value) if known is None else known.label.get(lang)
    if one.kind == "date":
        return date_text(str(value)[:10])
    if one.kind == "unit":
        return held.units[value].name.get(lang) if value in held.units else str(value)
    if one.kind == "period":
        return held.periods.get(value).label.get(lang) if held.periods.knows(value) else str(value)
    if one.kind == "bool":
        return one.label.get(lang)
    return str(value)


def when_of(record_type: RecordType, dated: str | None, values: Mapping[str, Any], lang: str = "vi") -> str:
    """The day of a record, else its year or its period, where its title does not say it; "" where it has none."""
    if dated:
        return date_text(dated)
    for code in ("year", "period"):
        one, value = record_type.fields.get(code), values.get(code)
        in_title = code == record_type.title or (code == "period" and record_type.title == "kind")
        if one is not None and value and not in_title and has_shape(one, value):
            return _words(one, value, lang)
    return ""


def figure_of(record_type: RecordType, values: Mapping[str, Any]) -> Any:
    """The type's telling figure, computed where the catalogue computes it."""
    one = record_type.fields.get(record_type.figure or "")
    if one is None:
        return None
    if one.computed is None:
        return values.get(one.code)
    held = services()
    return complete(record_type, values, held.catalogue, held.clock.today()).get(one.code)


def ids_named(rows: Iterable[tuple[RecordType, Mapping[str, Any]]]) -> list[str]:
    """The ids of all records that others name in their titles, each once."""
    found = (_named_by(record_type, values) for record_type, values in rows)
    return list(dict.fromkeys(one for one in found if one is not None))
