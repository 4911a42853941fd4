"""What every entry of the catalogue's files may hold: which keys, which of them are needed, what stands under each.

What may live here: the table ``SHAPES``, the plain tests that it names, and the one function that walks it. What an entry means, and
whether the names that it uses exist, is judged by its own reader.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from shared.yaml_source import CatalogueError, Source, fault

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}")
LANGUAGES = ("vi", "en")
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

GROUPS = ("communication", "gbv", "models", "management", "reports", "statistics")
SENSITIVITIES = ("public", "internal", "confidential")
UNIT_KINDS = (
    "central", "province", "district", "town", "commune", "ward", "department", "education", "organisation", "media", "health",
    "police", "hamlet",
)  # fmt: skip

__all__ = ["GROUPS", "NAME", "SENSITIVITIES", "SHAPES", "UNIT_KINDS", "check_shape"]


def _whole(value: Any) -> bool:
    return type(value) is int


def _day_of_year(value: Any) -> bool:
    """``[years from the named one, month, day]``."""
    return isinstance(value, list) and len(value) == 3 and all(map(_whole, value)) and 1 <= value[1] <= 12 and 1 <= value[2] <= 31


def _groups(value: Any) -> bool:
    """``{group: [codes]}``."""
    lists = value.values() if isinstance(value, Source) else [None]
    return all(isinstance(codes, list) and all(isinstance(code, str) for code in codes) for codes in lists)


PLAIN: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "bool": lambda value: type(value) is bool,
    "code": lambda value: isinstance(value, str) and CODE.fullmatch(value) is not None,
    "date": lambda value: isinstance(value, date),
    "day_of_year": _day_of_year,
    "family": lambda value: value in ("state", "organisation"),
    "group": lambda value: value in GROUPS,
    "groups": _groups,
    "level": lambda value: value in ("error", "warning"),
    "maker": lambda value: value == "server",
    "mapping": lambda value: isinstance(value, Source) and bool(value),
    "names": lambda value: all(isinstance(one, str) and NAME.fullmatch(one) for one in (value if isinstance(value, list) else [value])),
    "need": lambda value: value in ("none", "own", "granted"),
    "number": lambda value: type(value) in (int, float),
    "scope": lambda value: value in ("own", "below"),
    "sensitivity": lambda value: value in SENSITIVITIES,
    "size": lambda value: _whole(value) and 0 < value <= 1_000_000,
    "text": lambda value: isinstance(value, str) and value.strip() != "",
    "unit_kind": lambda value: value in UNIT_KINDS,
    "whole": _whole,
}
"""The plain tests by name."""

SHAPES: dict[str, dict[str, str]] = {
    "breakdown": {"code": "code", "field": "code!", "groups": "groups", "missing": "code"},
    "campaign": {
        "code": "code!", "campaign": "code!", "year": "whole!", "from": "date!", "to": "date!", "name": "label!", "name_in_letter": "label",
        "theme": "label", "messages": "[any]", "source": "text", "verified": "bool",
    },
    "choice": {
        "code": "code!", "vi": "text!", "en": "text!", "valid_from": "date", "valid_to": "date", "folded": "bool", "source": "text",
    },
    "covers": {"from": "day_of_year!", "to": "day_of_year!"},
    "field": {
        "kind": "text!", "label": "label!", "help": "label", "required": "bool", "sensitivity": "sensitivity", "merge": "text",
        "choices": "any", "min": "number", "max": "number", "max_length": "size", "ref": "code", "flow": "code", "fields": "mapping",
        "rows_from": "code", "computed": "text", "show_when": "text", "require_when": "text", "default": "any", "not_future": "bool",
        "from_above": "bool", "valid_from": "date", "valid_to": "date", "unit_kinds": "[unit_kind]", "unit_of_measure": "label",
        "source": "text", "was": "names",
    },
    "flow": {"start": "code!", "states": "[choice]!", "transitions": "[transition]!"},
    "indicator": {
        "code": "code!", "label": "label!", "unit": "label!", "kind": "code!", "type": "code", "at": "code", "where": "text",
        "once": "text", "of": "text", "rows": "code", "row_where": "text", "unit_where": "text", "num": "code", "den": "code",
        "factor": "whole", "by": "[part]", "newest": "bool", "cases": "bool", "linked": "[code]", "least_per": "code",
        "subset_of": "code", "estimate": "code", "decimals": "whole", "source": "text", "letter": "text", "note": "text",
    },
    "instrument": {
        "label": "label!", "help": "label", "requirement": "label", "source": "text!", "verified": "bool", "answers": "[code]",
        "levels": "mapping", "criterion": "text", "applies_to": "[unit_kind]", "from": "date", "to": "date", "extends": "code",
        "groups": "[choice]", "items": "[item]!",
    },
    "item": {
        "code": "code!", "vi": "text!", "en": "text!", "evidence": "label", "auto": "code", "num": "code", "den": "code", "field": "code",
        "rows": "code", "group": "code", "critical": "bool", "reverse": "bool", "folded": "bool",
    },
    "letterhead": {"lines": "[text]!", "bold": "[bool]!", "family": "family!"},
    "period": {
        "code": "code!", "kind": "code!", "label": "label!", "covers": "covers!", "due": "day_of_year", "internal": "bool",
        "years": "[whole]", "source": "text",
    },
    "record_type": {
        "code": "code!", "label": "label!", "icon": "text", "group": "group!", "letter": "[text]", "title": "code", "date": "code",
        "figure": "code", "urgent": "bool", "unit_kinds": "[unit_kind]", "sealed_by": "code", "flow": "code", "valid_from": "date",
        "valid_to": "date", "fields": "mapping!", "sections": "[section]!", "rules": "[rule]", "alike": "[code]", "stock": "stock",
        "made_by": "maker",
    },
    "role": {"code": "code!", "label": "label!", "scope": "scope!", "confidential": "need!", "may": "[code]!", "upward": "bool"},
    "rule": {
        "code": "code!", "level": "level!", "when": "text", "check": "text!", "fields": "[code]!", "message": "label!", "source": "text",
    },
    "stock": {"of": "code!", "by": "[code]!", "kind": "code!", "adds": "[code]!", "takes": "[code]!"},
    "section": {"code": "code!", "label": "label!", "folded": "bool", "fields": "[code]!"},
    "series": {"label": "label!", "unit": "label!", "values": "[series_value]!"},
    "series_value": {"from": "date!", "value": "number!", "source": "text!", "verified": "bool"},
    "signer": {"authority": "[text]!", "title": "text!"},
    "transition": {"from": "code!", "to": "code!", "roles": "[code]!"},
    "unit": {
        "code": "code!", "parent": "code", "kind": "unit_kind!", "name": "label!", "short": "text", "sort": "whole", "from": "date",
        "to": "date", "successors": "[code]", "letterhead": "letterhead", "symbol": "text", "signer": "signer",
        "must_have_committee": "bool", "must_self_assess_ntm": "bool", "must_report": "bool", "receives_reports_of": "[code]",
        "population": "whole", "households": "whole", "demo": "bool",
    },
    "upward": {
        "code": "code!", "units": "[unit_kind]", "states": "[code]", "moves": "[code]", "up": "[code]", "down": "[code]", "given": "bool",
    },
}  # fmt: skip
"""Entry → key → what stands there: a plain test or an entry, in ``[ ]`` for a list of them, with ``!`` where it is needed.

A ``part`` is a field's code or a ``breakdown``.
"""


def check_shape(entry: Any, shape: str, *, file: str, line: int = 1) -> Source:
    """Check an entry and everything in it; gives the entry.

    Args:
        file, line: where it stands, for the message if it is no mapping at all.

    Raises:
        CatalogueError: an unknown key, a missing one, a label without one of its languages, a value of the wrong kind.
    """
    if not isinstance(entry, Source):
        raise CatalogueError("catalogue_not_a_mapping", file=file, line=line)
    table = SHAPES[shape]
    for key in entry:
        if key not in table:
            raise fault("catalogue_unknown_key", entry, key)
    for key, told in table.items():
        if entry.get(key) is not None:
            _check(entry, key, told.rstrip("!"))
        elif key in LANGUAGES:
            raise fault("catalogue_label", entry, str(entry.get("code", key)))
        elif told.endswith("!"):
            raise fault("catalogue_label" if told == "label!" else "catalogue_missing_key", entry, key)
    return entry


def _check(entry: Source, key: str, told: str) -> None:
    value = entry[key]
    if not told.startswith("["):
        _one(entry, key, told, value)
        return
    if not isinstance(value, list):
        raise fault("catalogue_value", entry, key, value=_short(value))
    for item in value:
        _one(entry, key, told[1:-1], item)


def _one(entry: Source, key: str, told: str, value: Any) -> None:
    if told == "label":
        _label(entry, key, value)
    elif told == "part":
        _one(entry, key, "breakdown" if isinstance(value, Source) else "code", value)
    elif told not in PLAIN:
        check_shape(value, told, file=entry.file, line=entry.line_of(key))
    elif not PLAIN[told](value):
        if key in LANGUAGES:
            raise fault("catalogue_label", entry, str(entry.get("code", key)))
        raise fault("catalogue_value", entry, key, value=_short(value))


def _label(entry: Source, key: str, value: Any) -> None:
    if not isinstance(value, Source) or not all(PLAIN["text"](value.get(language)) for language in LANGUAGES):
        raise fault("catalogue_label", entry, key)
    for other in value:
        if other not in LANGUAGES:
            raise fault("catalogue_unknown_key", value, other)


def _short(value: Any) -> str:
    return "…" if isinstance(value, Mapping | list) else str(value)[:60]
