"""Sentences by code in Vietnamese and English, as data.

``messages.yaml`` (and every ``messages_*.yaml`` beside it) holds ``code: {vi, en, status?, fault?}``; ``status`` is the HTTP hint of an error and ``fault`` whose it
is (``user``, ``peer`` or ``own``). Unknown codes and facts that are missing never raise: a person gets a general sentence.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

DIRECTORY = Path(__file__).parent
GENERAL = "general_error"

__all__ = ["codes", "fault_of", "phrase", "status_of"]


@cache
def codes() -> Mapping[str, Mapping[str, Any]]:
    """The whole table: code → {vi, en, status, fault}."""
    table: dict[str, Mapping[str, Any]] = {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(DIRECTORY.glob("messages*.yaml")):
        table.update(yaml.load(path.read_text("utf-8"), Loader=loader) or {})  # noqa: S506  (a safe loader either way)
    return table


def status_of(code: str) -> int:
    """The HTTP status that fits an error; 400 where the table has none."""
    return int(codes().get(code, {}).get("status", 400))


def fault_of(code: str) -> str:
    """Whose fault an error is: ``user``, ``peer`` or ``own``."""
    return str(codes().get(code, {}).get("fault", "user"))


def phrase(code: str, lang: str = "vi", **facts: Any) -> str:
    """The sentence of a code in a language, with its facts; never raises."""
    table = codes()
    text = table.get(code, table.get(GENERAL, {})).get(lang) or table.get(code, {}).get("vi") or code
    return _Lenient().vformat(str(text), (), facts)


class _Lenient(Formatter):
    """Fills in what is there; what is missing shows as «–»."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        value = kwargs.get(field_name)
        return ("–" if value is None else value), field_name
